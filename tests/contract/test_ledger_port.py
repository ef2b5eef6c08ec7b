"""Port `Ledger`: of all who claim a message, one may send it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier

import pytest

from include.scheduled_reports.adapters.ledger import PostgresLedger
from include.scheduled_reports.adapters.memory import MemoryLedger
from include.scheduled_reports.model import Delivery, DeliveryState, Format, Recipients, RunKey

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
        return MemoryLedger()
    return PostgresLedger(request.getfixturevalue("migrated_dsn"))


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
