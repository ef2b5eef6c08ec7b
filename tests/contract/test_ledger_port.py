"""Port `Ledger`: only one of several claims on a message may send it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier

import pytest

from include.scheduled_reports.adapters.postgres.ledger import PostgresLedger
from include.scheduled_reports.domain.delivery import Delivery, DeliveryState
from include.scheduled_reports.domain.errors import MailChangedError, PermanentError
from include.scheduled_reports.domain.formats import Format
from include.scheduled_reports.domain.reader import Unwanted
from include.scheduled_reports.domain.report import Recipients
from include.scheduled_reports.domain.run import RunKey
from include.scheduled_reports.testing.mail import MemoryLedger
from include.scheduled_reports.testing.reports import MemoryDefinitions
from include.scheduled_reports.testing.services import MemoryServices, MemorySource
from tests.contract.tables import add_people, add_report, execute
from tests.unit.rows import row

CLAIM = Delivery(
    key=RunKey(report_id="r1", run_id="manual__2026-05-10T09:00:00+00:00"),
    message="report",
    state=DeliveryState.CLAIMED,
    subject="Zahlen 🚀",
    recipients=Recipients(to=("ada@acme.example",), cc=("bob@acme.example",), bcc=("eve@acme.example",)),
    mode="attach",
    formats=(Format.PDF, Format.CSV),
)


@pytest.fixture(params=["memory", "postgres"])
def ledger(request):
    if request.param == "memory":
        return MemoryServices(
            source=MemorySource(lambda *_: pytest.fail("a claim reads no data")),
            definitions=MemoryDefinitions([row(id="r1")], addresses={"ws1": frozenset({"ada@acme.example"})}),
        ).ledger
    dsn = request.getfixturevalue("migrated_dsn")
    add_people(dsn)
    add_report(dsn, id="r1")
    return PostgresLedger(dsn)


def stop_all_mail(ledger, *, stopped=True):
    if isinstance(ledger, MemoryLedger):
        ledger.stopped = stopped
    else:
        execute(ledger.dsn, "UPDATE reporting.switches SET enabled = %s WHERE name = 'mail'", not stopped)


def test_the_first_claim_is_ours_and_the_second_sees_it(ledger):
    assert ledger.claim(CLAIM) is None
    assert ledger.claim(CLAIM) == CLAIM


def test_what_is_held_is_what_was_claimed_first_whoever_asks(ledger):
    ledger.claim(CLAIM)

    other = replace(CLAIM, subject="Another", recipients=Recipients(to=("joe@acme.example",)), mode="link", formats=())

    assert ledger.claim(other) == CLAIM


@pytest.mark.parametrize(
    ("state", "message_id", "error"),
    [
        (DeliveryState.SENT, "ses-1", None),
        (DeliveryState.UNKNOWN, None, "no answer"),
    ],
)
def test_what_was_sent_or_may_have_been_can_never_be_claimed_again(ledger, state, message_id, error):
    ledger.claim(CLAIM)
    ended = replace(CLAIM, state=state, message_id=message_id, error=error)
    ledger.finish(ended)

    assert ledger.claim(CLAIM) == ended
    assert ledger.claim(CLAIM) == ended


def test_what_was_refused_can_be_claimed_again_with_another_content(ledger):
    ledger.claim(CLAIM)
    ledger.finish(replace(CLAIM, state=DeliveryState.REFUSED, error="address rejected"))
    anew = replace(CLAIM, subject="Corrected", recipients=Recipients(to=("joe@acme.example",)), mode="zip")

    assert ledger.claim(anew) is None
    assert ledger.claim(CLAIM) == anew


def test_messages_and_runs_are_claimed_one_by_one(ledger):
    others = [
        replace(CLAIM, message="report/2"),
        replace(CLAIM, key=replace(CLAIM.key, run_id="another")),
        replace(CLAIM, key=replace(CLAIM.key, report_id="another")),
    ]

    assert [ledger.claim(one) for one in (CLAIM, *others)] == [None] * 4


@pytest.mark.parametrize("before", [None, DeliveryState.REFUSED])
def test_of_many_who_claim_at_once_exactly_one_wins(ledger, before):
    if before is not None:
        ledger.claim(CLAIM)
        ledger.finish(replace(CLAIM, state=before, error="address rejected"))
    crowd = 12
    start = Barrier(crowd)

    def claim(number):
        start.wait()
        return ledger.claim(replace(CLAIM, subject=f"From {number}"))

    with ThreadPoolExecutor(crowd) as threads:
        answers = list(threads.map(claim, range(crowd)))

    (winner,) = [number for number, answer in enumerate(answers) if answer is None]
    assert {answer.subject for answer in answers if answer is not None} == {f"From {winner}"}


def test_what_was_refused_because_of_single_addresses_is_over(ledger):
    ledger.claim(CLAIM)
    refused = replace(
        CLAIM, state=DeliveryState.REFUSED, error="1 recipients are refused", refused=("eve@acme.example",)
    )
    ledger.finish(refused)

    assert ledger.claim(CLAIM) == refused


def test_who_asked_for_a_message_again_and_what_it_repeats_is_kept(ledger):
    again = replace(CLAIM, requested_by="airflow:alice", resend_of="ses-1, ses-2")
    ledger.claim(again)

    assert ledger.of(CLAIM.key) == (again,)


def test_nothing_changes_what_was_sent_and_a_late_answer_changes_what_was_unknown(ledger):
    ledger.claim(CLAIM)
    sent = replace(CLAIM, state=DeliveryState.SENT, message_id="ses-1")
    for ended in (
        replace(CLAIM, state=DeliveryState.UNKNOWN, error="silence"),
        sent,
        replace(sent, message_id="ses-2"),
    ):
        ledger.finish(ended)

    assert ledger.of(CLAIM.key) == (sent,)


def test_the_messages_of_a_run_come_ordered_and_without_those_of_others(ledger):
    for name in ("report/2", "notice/failed", "report", "report+1"):
        ledger.claim(replace(CLAIM, message=name))
    ledger.claim(replace(CLAIM, key=replace(CLAIM.key, run_id="another")))

    found = ledger.of(CLAIM.key)
    assert [one.message for one in found] == ["notice/failed", "report", "report+1", "report/2"]
    assert [one.is_notice for one in found] == [True, False, False, False]


def test_while_all_mail_is_stopped_nothing_can_be_claimed(ledger):
    stop_all_mail(ledger)
    with pytest.raises(PermanentError, match="all mail is stopped"):
        ledger.claim(CLAIM)
    stop_all_mail(ledger, stopped=False)

    assert ledger.of(CLAIM.key) == ()
    assert ledger.claim(CLAIM) is None


# The report's row at the claim


def test_the_row_is_read_at_each_claim_that_succeeds(ledger):
    seen = []
    ledger.claim(CLAIM, lambda found: seen.append(found.row["email_recipients"]))
    ledger.claim(CLAIM, lambda _: seen.append("held"))
    ledger.claim(replace(CLAIM, key=replace(CLAIM.key, report_id="gone")), lambda found: seen.append(found.row))

    assert seen == [["ada@acme.example"], None]


def test_a_claim_sees_the_report_as_its_own_transaction_does(ledger):
    seen = []

    def look(found):
        asked = {"ada@acme.example", "stranger@acme.example"}
        seen.extend([found.members("ws1", asked), found.unwanted, found.mail_plan(CLAIM.key)])
        seen.append([one.message for one in found.deliveries(CLAIM.key)])

    ledger.claim(CLAIM, look)

    assert seen == [{"ada@acme.example"}, Unwanted(), None, ["report"]]


def test_a_claim_that_the_row_forbids_was_never_made(ledger):
    def forbid(_row):
        raise MailChangedError("the row has changed")

    with pytest.raises(MailChangedError):
        ledger.claim(CLAIM, forbid)

    assert ledger.of(CLAIM.key) == ()
    assert ledger.claim(CLAIM) is None


def test_a_claim_that_the_row_forbids_leaves_what_was_refused_as_it_was(ledger):
    def forbid(_row):
        raise MailChangedError("the row has changed")

    ledger.claim(CLAIM)
    refused = replace(CLAIM, state=DeliveryState.REFUSED, error="busy")
    ledger.finish(refused)
    with pytest.raises(MailChangedError):
        ledger.claim(replace(CLAIM, subject="Another"), forbid)

    assert ledger.of(CLAIM.key) == (refused,)
