"""The mail of a run on the fakes: sent once, recipients, only with data, attached or linked."""

from __future__ import annotations

import io
import zipfile
from dataclasses import replace

import pytest

from include.scheduled_reports.domain.delivery import DeliveryState
from include.scheduled_reports.domain.errors import (
    DeliveryUnknownError,
    PermanentError,
    TransientError,
)
from include.scheduled_reports.domain.run import RunKind, RunState
from include.scheduled_reports.mail.message import BODY_ROOM, encoded_size
from include.scheduled_reports.runs import pipeline
from include.scheduled_reports.settings import Settings
from tests.unit.run_helpers import (
    KEY,
    LIVE,
    TRIGGER,
    attachments,
    days,
    edit,
    mails,
    make,
    manual,
    text_of,
    walk,
)

# Sent once


def test_a_retry_of_the_mail_sends_nothing_again(services):
    make(services)

    assert [pipeline.email(services, KEY) for _ in range(3)] == ["sent", "sent", "sent"]
    assert len(services.mailer.sent) == 1


def test_a_whole_run_cleared_and_run_again_mails_nobody_again(services):
    walk(services)
    outcome = walk(services, replace(TRIGGER, clear_number=1))

    assert outcome.state is RunState.SUCCESS
    assert len(services.mailer.sent) == 1


def test_a_mail_whose_sender_died_is_unknown_and_not_sent_again(services):
    make(services)
    services.mailer.error = KeyboardInterrupt()  # the worker is killed while the service has the message
    with pytest.raises(KeyboardInterrupt):
        pipeline.email(services, KEY)
    services.mailer.error = None

    with pytest.raises(DeliveryUnknownError, match="another attempt has claimed it"):
        pipeline.email(services, KEY)

    assert services.mailer.sent == []
    outcome = pipeline.record(services, TRIGGER)
    assert outcome.state is RunState.FAILED
    assert outcome.errors == {}
    assert outcome.mail_error == "report: the sender ended before the outcome was known"
    assert services.ledger.of(KEY)[-1].state is DeliveryState.UNKNOWN
    assert mails(services) == []


def test_a_mail_that_may_have_left_is_not_sent_again(services):
    make(services)
    services.mailer.error = DeliveryUnknownError("SES did not answer")
    with pytest.raises(DeliveryUnknownError):
        pipeline.email(services, KEY)
    services.mailer.error = None

    with pytest.raises(DeliveryUnknownError, match="SES did not answer; it will not be resent automatically"):
        pipeline.email(services, KEY)
    assert services.mailer.sent == []
    assert pipeline.record(services, TRIGGER).mail_error == "report: SES did not answer"


@pytest.mark.parametrize("error", [TransientError("SES is busy"), PermanentError("address rejected")])
def test_a_mail_that_was_certainly_not_sent_can_be_sent_by_a_retry(services, error):
    make(services)
    services.mailer.error = error
    with pytest.raises(type(error)):
        pipeline.email(services, KEY)
    assert pipeline.record(services, TRIGGER).mail_error == f"report: {error}"
    services.mailer.error = None

    assert pipeline.email(services, KEY) == "sent"
    assert len(services.mailer.sent) == 1


# Recipients


def test_a_mail_goes_to_everybody_once_from_the_sender_configured(make_services):
    services = make_services(
        email_recipients=["ada@acme.example", "Ada@acme.example"],
        email_cc_recipients=["bob@acme.example"],
        email_bcc_recipients=["eve@acme.example", "bob@acme.example"],
    )

    walk(services)

    ((sender, envelope, raw),) = services.mailer.sent
    assert sender == "Reports <reports@acme.example>"
    assert envelope.as_json() == {
        "to": ["ada@acme.example"], "cc": ["bob@acme.example"], "bcc": ["eve@acme.example"],
    }  # fmt: skip
    assert b"eve@" not in raw


def test_ninety_recipients_get_two_mails_of_at_most_fifty(make_services):
    everybody = [f"p{number}@acme.example" for number in range(90)]
    services = make_services(
        email_recipients=everybody[:50], email_cc_recipients=everybody[50:70], email_bcc_recipients=everybody[70:]
    )

    assert walk(services).state is RunState.SUCCESS

    envelopes = [(*to.to, *to.cc, *to.bcc) for _, to, _ in services.mailer.sent]
    assert [len(envelope) for envelope in envelopes] == [50, 40]
    assert [address for envelope in envelopes for address in envelope] == everybody
    assert [held.message for held in services.ledger.of(KEY)] == ["report", "report/2"]


def test_of_two_mails_only_the_one_that_was_refused_is_sent_again(make_services):
    services = make_services(
        email_recipients=[f"p{number}@acme.example" for number in range(50)], email_cc_recipients=["last@acme.example"]
    )
    make(services)
    send = services.mailer.send

    def busy(sender, recipients, raw, *, tags):
        if recipients.cc:
            raise TransientError("SES is busy")
        return send(sender, recipients, raw, tags=tags)

    services.mailer.send = busy
    with pytest.raises(TransientError):
        pipeline.email(services, KEY)
    services.mailer.send = send

    assert pipeline.email(services, KEY) == "sent"
    assert [len(to) for _, to, _ in services.mailer.sent] == [50, 1]
    assert pipeline.record(services, TRIGGER).state is RunState.SUCCESS


def test_mail_mode_off_mails_nobody_and_the_run_is_a_success(make_services):
    services = make_services(Settings())
    make(services)

    assert pipeline.email(services, KEY) == "mail_mode is off"
    assert (services.mailer.sent, services.ledger.held) == ([], {})
    assert pipeline.record(services, TRIGGER).state is RunState.SUCCESS


def test_a_mail_planned_in_production_is_not_sent_from_a_copy_where_mail_is_off(services):
    make(services)
    services.mailer.error = TransientError("SES is busy")
    with pytest.raises(TransientError):
        pipeline.email(services, KEY)

    services.mailer.error, services.settings = None, Settings()

    assert pipeline.email(services, KEY) == "mail_mode is off"
    assert services.mailer.sent == []


def test_a_redirected_mail_goes_to_that_address_only_and_names_the_intended_ones(make_services):
    services = make_services(
        replace(LIVE, mail_mode="redirect:test@acme.example"),
        email_recipients=[f"p{number}@acme.example" for number in range(50)],
        email_cc_recipients=["bob@acme.example"],
        email_bcc_recipients=["eve@acme.example"],
    )

    assert walk(services).state is RunState.SUCCESS

    ((_, envelope, _),) = services.mailer.sent
    assert envelope.as_json() == {"to": ["test@acme.example"], "cc": [], "bcc": []}
    (mail,) = mails(services)
    assert (mail["To"], mail["Cc"], mail["Bcc"]) == ("test@acme.example", None, None)
    intended = mail["X-Intended-Recipients"].split(", ")
    assert intended == [*(f"p{number}@acme.example" for number in range(50)), "bob@acme.example", "eve@acme.example"]


@pytest.mark.parametrize(
    ("changes", "trigger", "why"),
    [
        ({"email_enabled": False}, TRIGGER, "no email requested"),
        ({}, manual(mail=False), "no email requested"),
        ({"email_enabled": False}, manual(formats=["csv"]), "no email requested"),
        ({}, replace(TRIGGER, kind=RunKind.BACKFILL), "emails for a past period are sent only on request"),
    ],
)
def test_a_mail_that_nobody_asked_for_is_not_sent_and_that_is_no_failure(make_services, changes, trigger, why):
    services = make_services(**changes)
    make(services, trigger)

    assert pipeline.email(services, KEY) == why
    assert services.mailer.sent == []
    assert pipeline.record(services, trigger).state is RunState.SUCCESS


@pytest.mark.parametrize(
    "trigger", [manual(), manual(mail=True), replace(TRIGGER, kind=RunKind.BACKFILL, conf={"mail": True})]
)
def test_a_run_by_hand_mails_as_the_report_says_and_a_replay_when_asked_to(services, trigger):
    make(services, trigger)

    assert pipeline.email(services, KEY) == "sent"


def test_a_member_may_be_mailed_instead_of_the_reports_recipients(make_services):
    services = make_services(email_enabled=False, email_bcc_recipients=["eve@acme.example"])

    walk(services, manual(recipients=["Bob@Acme.example"]))

    ((_, envelope, _),) = services.mailer.sent
    assert envelope.as_json() == {"to": ["Bob@Acme.example"], "cc": [], "bcc": []}


def test_an_address_of_an_allowed_domain_may_be_mailed_too(make_services):
    services = make_services(replace(LIVE, allowed_domains="partner.example"))

    walk(services, manual(recipients=["joe@Partner.example"]))

    assert [to.to for _, to, _ in services.mailer.sent] == [("joe@Partner.example",)]


def test_a_report_whose_mail_is_switched_off_meanwhile_mails_nobody(services):
    make(services, manual(mail=True))
    edit(services, email_enabled=False, email_recipients=[])

    assert pipeline.email(services, KEY) == "there are no recipients"
    assert pipeline.record(services, TRIGGER).state is RunState.SUCCESS


# Only with data


@pytest.mark.parametrize("table", [days(messages=0), days(0)], ids=["zeros", "empty"])
def test_without_data_a_report_that_asks_for_it_is_made_but_not_mailed(make_services, answers, table):
    answers.by_name["days"] = table
    services = make_services(email_send_only_if_data=True)
    make(services)

    assert pipeline.email(services, KEY) == "no data"
    assert len(services.store.files) == 2
    assert pipeline.record(services, TRIGGER).state is RunState.SUCCESS


def test_with_data_it_is_mailed(make_services):
    services = make_services(email_send_only_if_data=True)
    make(services)

    assert pipeline.email(services, KEY) == "sent"


def test_without_data_a_report_that_does_not_mind_is_mailed(services, answers):
    answers.by_name["days"] = days(messages=0)
    make(services)

    assert pipeline.email(services, KEY) == "sent"


@pytest.fixture
def big(make_services, answers):
    """A run with one large CSV in the store, ready to be mailed."""
    answers.by_name["days"] = days(4_000)
    services = make_services(export_formats=["csv"])
    make(services)
    return services


def mailed(services, room):
    """Send the mail with *room* bytes for attachments; return the message, and how it contains the files."""
    services.settings = replace(LIVE, message_bytes=BODY_ROOM + room)
    assert pipeline.email(services, KEY) == "sent"
    (message,), (held,) = mails(services), services.ledger.of(KEY)
    return message, held.mode


def csv_of(services):
    """Return name, content and link of the only file of a run."""
    (artifact,) = services.runs.artifacts(KEY)
    link = f"https://memory.example/{artifact.object_key}?expires=604800"
    return artifact.file_name, services.store.files[artifact.object_key], link


# Attached, zipped or linked


def test_files_that_fit_are_attached_and_linked(big):
    name, content, link = csv_of(big)
    message, mode = mailed(big, 1_000_000)

    assert (mode, attachments(message)) == ("attach", {name: content})
    assert link in text_of(message)


@pytest.mark.parametrize(("missing", "mode"), [(0, "attach"), (1, "zip")])
def test_files_are_attached_up_to_the_last_byte_there_is_room_for(big, missing, mode):
    _, content, _ = csv_of(big)

    assert mailed(big, encoded_size(len(content)) - missing)[1] == mode


def test_files_that_fit_only_when_zipped_are_zipped_and_the_mail_says_so(big):
    name, content, link = csv_of(big)
    assert len(content) > 90_000
    message, mode = mailed(big, 40_000)

    assert mode == "zip"
    ((zip_name, packed),) = attachments(message).items()
    assert zip_name == "Weekly activity 2026-05-04 to 2026-05-10.zip"
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        assert {one: archive.read(one) for one in archive.namelist()} == {name: content}
    assert zip_name in text_of(message)
    assert link in text_of(message)


@pytest.mark.parametrize("room", [10_000, 1_000, 0, -500_000])
def test_files_that_do_not_fit_at_all_are_linked(big, room):
    _, _, link = csv_of(big)
    message, mode = mailed(big, room)

    assert (mode, attachments(message)) == ("link", {})
    assert link in text_of(message)


def test_a_report_that_wants_no_attachment_is_linked(make_services):
    services = make_services(email_include_attachment=False)
    walk(services)

    (mail,) = mails(services)
    assert attachments(mail) == {}
    assert text_of(mail).count("https://memory.example/") == 2
