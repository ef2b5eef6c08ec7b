"""Who gets a mail is decided when it is claimed: from the row as it is then, whatever was planned before."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

import pytest

from include.scheduled_reports.domain.delivery import Delivery, DeliveryState
from include.scheduled_reports.domain.errors import DeliveryUnknownError, PermanentError, ThrottledError
from include.scheduled_reports.domain.report import Recipients
from include.scheduled_reports.domain.run import RunKey, RunKind, RunState
from include.scheduled_reports.runs import pipeline
from tests.unit.run_helpers import KEY, LIVE, TRIGGER, edit, envelopes, mails, make, manual, walk

NEW = ["new@acme.example"]
MALLORY = "mallory@evil.example"


def readers(services):
    """Return everybody who was mailed, in order."""
    return [address for envelope in envelopes(services) for address in envelope]


def just_before_the_claim(services, *changes):
    """Edit the row after the mail was composed: each claim sees the next of *changes*."""
    claim, left = services.ledger.claim, list(changes)

    def late(delivery, confirm=None):
        if left and not delivery.is_notice:
            edit(services, **left.pop(0))
        return claim(delivery, confirm)

    services.ledger.claim = late


def test_a_recipient_who_is_corrected_while_mail_is_stopped_gets_nothing(services):
    make(services)
    services.ledger.stopped = True
    with pytest.raises(PermanentError):
        pipeline.email(services, KEY)
    edit(services, email_recipients=NEW, email_cc_recipients=[], email_bcc_recipients=["b@acme.example"])
    services.ledger.stopped = False

    assert pipeline.email(services, KEY) == "sent"
    assert readers(services) == [*NEW, "b@acme.example"]
    assert mails(services)[0]["To"] == NEW[0]
    assert pipeline.record(services, TRIGGER).state is RunState.SUCCESS


def test_a_recipient_who_is_corrected_after_the_service_refused_gets_nothing(services):
    make(services)
    services.mailer.error = PermanentError("the sender is refused")
    with pytest.raises(PermanentError):
        pipeline.email(services, KEY)
    edit(services, email_recipients=NEW)
    services.mailer.error = None

    assert pipeline.email(services, KEY) == "sent"
    assert readers(services) == NEW


def test_an_edit_between_the_plan_and_the_claim_counts(services):
    make(services)
    just_before_the_claim(services, {"email_recipients": NEW, "email_subject": "Corrected"})

    assert pipeline.email(services, KEY) == "sent"
    assert readers(services) == NEW
    (mail,) = mails(services)
    assert (mail["To"], mail["Subject"]) == (NEW[0], "Corrected")


@pytest.mark.parametrize(
    "change",
    [
        {"email_recipients": []},
        {"email_recipients": NEW, "timezone": "Mars/Olympus"},
        {"email_recipients": NEW, "status": "DISABLED"},
        {"email_enabled": False},
        {"deleted": True},
        {"workspace_id": "ws2"},
        {"email_recipients": ["not an address"]},
    ],
)
def test_nobody_is_mailed_if_the_row_forbids_it_at_the_last_moment(services, change):
    make(services)
    just_before_the_claim(services, change)

    with suppress(PermanentError):
        pipeline.email(services, KEY)
    assert mails(services) == []
    assert not [one for one in services.ledger.of(KEY) if not one.is_notice]


def test_a_row_that_is_edited_at_each_claim_is_left_to_a_retry(services):
    make(services)
    just_before_the_claim(services, *({"email_subject": f"Number {number}"} for number in range(9)))

    with pytest.raises(Exception, match="the report was changed while its mail was composed"):
        pipeline.email(services, KEY)
    assert mails(services) == []


def test_a_reader_removed_between_two_messages_is_left_out_and_one_added_waits_for_the_next_run(make_services):
    everybody = [f"p{number}@acme.example" for number in range(50)]
    services = make_services(email_recipients=everybody, email_cc_recipients=["c1@acme.example", "c2@acme.example"])
    make(services)
    just_before_the_claim(services, {}, {"email_cc_recipients": ["c2@acme.example", "new@acme.example"]})

    assert pipeline.email(services, KEY) == "sent"
    assert readers(services) == [*everybody, "c2@acme.example"]


def test_a_domain_that_is_no_longer_allowed_at_the_claim_gets_nothing(make_services):
    services = make_services(email_recipients=["ada@acme.example", "joe@partner.example"])
    make(services)
    services.mailer.error = ThrottledError("slowly")
    with pytest.raises(ThrottledError):
        pipeline.email(services, KEY)
    services.settings, services.mailer.error = replace(LIVE, recipient_domains="acme.example"), None

    assert pipeline.email(services, KEY) == "sent"
    assert readers(services) == ["ada@acme.example"]


# What somebody else wrote into the record


def test_recipients_of_a_frozen_row_are_no_readers(services):
    make(services)
    services.runs.runs[KEY].row["frozen"]["row"]["email_recipients"] = [MALLORY]

    pipeline.email(services, KEY)

    assert readers(services) == ["ada@acme.example"]


@pytest.mark.parametrize("conf", [None, {}])
@pytest.mark.parametrize("forged", [{}, {"test": True}, {"mail": True}])
def test_recipients_of_a_request_in_the_record_are_no_readers(services, conf, forged):
    make(services)
    services.runs.runs[KEY].row["frozen"]["request"] = {"recipients": [MALLORY], **forged}

    pipeline.email(services, KEY, conf=conf)

    assert MALLORY not in readers(services)


def test_a_plan_in_the_record_adds_no_reader(services):
    make(services)
    plan = {"wanted": True, "why": None, "subject": "s", "attach": True, "preview": False, "messages": 1, "blocked": 0}
    services.runs.fix_mail(KEY, plan | {"recipients": {"to": ["ada@acme.example", MALLORY], "cc": [], "bcc": []}})
    held = Delivery(
        key=KEY, message="report/2", state=DeliveryState.SENT, subject="s", recipients=Recipients(to=(MALLORY,)),
        mode="link", formats=(),
    )  # fmt: skip
    services.ledger.claim(held)
    services.ledger.finish(held)

    pipeline.email(services, KEY)

    assert readers(services) == ["ada@acme.example"]


def test_the_ledger_of_an_earlier_run_adds_no_reader_to_what_is_sent_again(services):
    make(services)
    services.ledger.claim(
        Delivery(
            key=KEY, message="report", state=DeliveryState.CLAIMED, subject="s",
            recipients=Recipients(to=(MALLORY, "ada@acme.example")), mode="link", formats=(),
        )
    )  # fmt: skip
    again = replace(
        TRIGGER, key=RunKey(report_id="r1", run_id="manual__again"), kind=RunKind.MANUAL, conf={"resend": KEY.run_id}
    )

    outcome = walk(services, again)

    assert readers(services) == ["ada@acme.example"]
    assert outcome.mail_error == "1 recipients of the request may not be mailed"


def test_a_file_of_another_report_is_not_sent(services):
    make(services)
    artifacts = services.runs.runs[KEY].artifacts
    (chosen, one), *_ = artifacts.items()
    artifacts[chosen] = replace(one, object_key="ws2/r2/run/secret.csv")

    with pytest.raises(PermanentError, match="a file of another report"):
        pipeline.email(services, KEY)
    assert mails(services) == []


# Runs by hand


def test_a_member_who_leaves_before_the_claim_is_not_mailed_and_the_run_says_so(services):
    make(services, manual(recipients=["ada@acme.example", "bob@acme.example"]))
    services.definitions.addresses = {"ws1": frozenset({"ada@acme.example"})}

    assert pipeline.email(services, KEY) == "sent"
    assert readers(services) == ["ada@acme.example"]
    assert pipeline.record(services, TRIGGER).mail_error == "1 recipients of the request may not be mailed"


def test_a_test_mail_never_goes_to_the_reports_own_recipients(services):
    make(services, manual(recipients=["bob@acme.example"], test=True))
    services.definitions.addresses = {"ws1": frozenset()}

    assert pipeline.email(services, KEY) == "no recipient of the request may be mailed"
    assert mails(services) == []
    assert pipeline.record(services, TRIGGER).state is RunState.FAILED


def test_an_outcome_that_is_unknown_stays_unknown_whatever_the_row_says(services):
    make(services)
    services.mailer.error = DeliveryUnknownError("silence")
    with pytest.raises(DeliveryUnknownError):
        pipeline.email(services, KEY)
    edit(services, email_recipients=[*NEW, "ada@acme.example"])
    services.mailer.error = None

    with pytest.raises(DeliveryUnknownError):
        pipeline.email(services, KEY)
    assert mails(services) == []
