"""The events of SES, as its developer guide documents them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from demo.mail_events import (
    MESSAGE_ID,
    bounced,
    complained,
    delayed,
    delivered,
    in_sns,
    mail,
    opened,
    rejected,
    send,
)
from include.scheduled_reports.adapters.ses_events import ForeignMessageError, read_event
from include.scheduled_reports.domain.feedback import RecipientState

ID = UUID("6f1e2a52-7f0e-4a43-9a52-1b6b6a3c9d10")
ADA, BOB = "ada@acme.example", "bob@acme.example"


def outcomes(event):
    return [(one.address, one.state) for one in read_event(in_sns(event)).outcomes]


@pytest.mark.parametrize(
    ("event", "state"),
    [
        (send(ID, ADA), RecipientState.ACCEPTED),
        (delivered(ID, ADA), RecipientState.DELIVERED),
        (bounced(ID, ADA), RecipientState.BOUNCED),
        (bounced(ID, ADA, kind="Transient"), RecipientState.SOFT_BOUNCED),
        (bounced(ID, ADA, kind="Undetermined", subtype="Undetermined"), RecipientState.SOFT_BOUNCED),
        (complained(ID, ADA), RecipientState.COMPLAINED),
        (rejected(ID, ADA), RecipientState.REJECTED),
        (delayed(ID, ADA), RecipientState.DELAYED),
    ],
)
def test_each_event_says_what_became_of_the_message(event, state):
    assert outcomes(event) == [(ADA, state)]


def test_an_event_names_the_message_and_when_it_happened():
    found = read_event(in_sns(delivered(ID, ADA)))

    assert (found.delivery, found.message_id) == (ID, MESSAGE_ID)
    assert found.at == datetime(2026, 5, 10, 9, 1, 2, 669_000, tzinfo=UTC)


def test_a_queue_with_raw_message_delivery_has_no_envelope():
    assert read_event(json.dumps(send(ID, ADA))) == read_event(in_sns(send(ID, ADA)))


def test_every_recipient_of_an_event_is_read():
    assert outcomes(send(ID, ADA, BOB)) == [(ADA, RecipientState.ACCEPTED), (BOB, RecipientState.ACCEPTED)]


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (bounced(ID, ADA), "the recipient's mail server says that it has no such mailbox"),
        (bounced(ID, ADA, kind="Transient", subtype="MailboxFull"), "the mailbox is full"),
        (
            bounced(ID, ADA, subtype="OnAccountSuppressionList"),
            "the address is on the suppression list of the SES account",
        ),
        (delayed(ID, ADA, kind="MailboxFull"), "the mailbox is full; SES tries again"),
        (complained(ID, ADA), "the reader marked the message as spam"),
        (rejected(ID, ADA), "SES found malware in the message"),
    ],
)
def test_reasons_are_plain_words(event, reason):
    (found,) = read_event(in_sns(event)).outcomes

    assert found.reason == reason


def test_what_the_mail_server_said_is_kept_as_one_short_line():
    event = bounced(ID, ADA)
    event["bounce"]["bouncedRecipients"][0]["diagnosticCode"] = "smtp; 550\r\nuser\0 unknown " + "x" * 9_000
    (found,) = read_event(in_sns(event)).outcomes

    assert found.detail.startswith("smtp; 550 user\N{REPLACEMENT CHARACTER} unknown xxx")
    assert len(found.detail) == 500


def test_a_complaint_that_names_a_whole_mail_provider_says_so():
    found = read_event(in_sns(complained(ID, ADA, BOB))).outcomes

    assert {one.reason for one in found} == {
        "one of 2 readers marked the message as spam, and their mail provider does not say who"
    }


def without(event, *path):
    inner = event
    for name in path[:-1]:
        inner = inner[name]
    del inner[path[-1]]
    return event


@pytest.mark.parametrize(
    "event",
    [
        send(None, ADA),  # another application's message
        send("not a uuid", ADA),
        opened(ID, ADA),  # says nothing of a delivery
        complained(ID, ADA, kind="not-spam"),  # a reader took it out of the spam folder
        without(send(ID, ADA), "eventType") | {"notificationType": "Delivery"},  # feedback without a configuration set
        without(send(ID, ADA), "mail"),
        without(send(ID, ADA), "mail", "tags"),
        without(bounced(ID, ADA), "bounce"),
        without(bounced(ID, ADA), "bounce", "bounceType"),
        bounced(ID),
        send(ID, *[f"reader{number}@acme.example" for number in range(51)]),
        delivered(ID, ADA, at="yesterday"),
        {"eventType": "Send", "mail": [], "send": {}},
        {"eventType": ["Send"], "mail": mail(ID, ADA)},
        {"Type": "SubscriptionConfirmation", "Token": "x"},
        {},
        [],
        None,
        7,
    ],
)
def test_whatever_else_is_in_the_queue_is_foreign(event):
    for body in (json.dumps(event), in_sns(event)):
        with pytest.raises(ForeignMessageError):
            read_event(body)


@pytest.mark.parametrize("body", ["", "not JSON", "{", "[" * 100_000, '{"Type": "Notification"}', '"\\ud800"'])
def test_text_that_is_no_event_is_foreign(body):
    with pytest.raises(ForeignMessageError):
        read_event(body)


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.sampled_from([send, delivered, bounced, complained, rejected, delayed]),
    st.sampled_from(["eventType", "mail", "bounce", "complaint", "delivery", "deliveryDelay"]),
    anything,
)
def test_no_message_stops_the_reading(make, name, value):
    event = make(ID, ADA) | {name: value}
    try:
        read_event(json.dumps(event))
    except ForeignMessageError:
        pass
