"""Port `Runs`: counters, failure streaks and news, in memory and in PostgreSQL."""

from __future__ import annotations

from dataclasses import replace

import pytest

from include.scheduled_reports.domain.delivery import DeliveryState
from include.scheduled_reports.domain.run import (
    Outcome,
    RunKind,
    RunState,
)
from include.scheduled_reports.ports.runs import FailureStreak
from tests.contract.runs_suite import (
    CSV,
    KEY,
    OTHER,
    PDF,
    delivery,
    fail,
    key_of,
    new_run,
    refused,
    settled,
    succeed,
    told,
)


@pytest.fixture
def runs(record):
    return record.port


# Counters


def test_a_success_is_counted_once_however_often_it_is_settled(record):
    assert succeed(record.port).state is RunState.SUCCESS
    for _ in range(3):
        settled(record.port)

    assert record.counters() == (1, 1, 0, "success", None)


def test_a_failure_is_counted_once_however_often_it_is_settled(record):
    assert fail(record.port).state is RunState.FAILED
    for _ in range(3):
        settled(record.port)

    assert record.counters() == (1, 0, 1, "failed", "pdf: out of paper; csv: out of paper")


def test_a_failure_that_a_clear_makes_good_moves_from_one_count_to_the_other(record):
    fail(record.port)
    succeed(record.port, clear_number=1)

    assert record.counters() == (1, 1, 0, "success", None)


def test_a_success_that_a_clear_spoils_moves_back(record):
    succeed(record.port)
    fail(record.port, clear_number=1)

    assert record.counters() == (1, 0, 1, "failed", "pdf: out of paper; csv: out of paper")


def test_every_run_counts(record):
    for number in range(3):
        succeed(record.port, replace(KEY, run_id=f"run{number}"))
    fail(record.port, replace(KEY, run_id="run3"))

    assert record.counters()[:4] == (4, 3, 1, "failed")


def test_a_skipped_tick_counts_as_nothing(record):
    record.port.refuse(refused(), "not scheduled any more", skipped=True)

    assert settled(record.port)[0] == Outcome(state=RunState.SKIPPED, reason="not scheduled any more")
    assert record.counters() == (0, 0, 0, None, None)


@pytest.mark.parametrize("gone", [True, False])
def test_a_refused_run_counts_as_a_failure_with_its_reason(record, gone):
    record.port.refuse(refused(gone=gone), "the row is wrong", skipped=False)

    assert settled(record.port)[0].state is RunState.FAILED
    assert record.counters()[:4] == (1, 0, 1, "failed")
    assert "the row is wrong" in record.counters()[4]


def test_a_run_whose_first_task_never_began_counts_as_a_failure(record):
    record.port.abandon(refused(gone=True), "the run ended before its first task began")
    settled(record.port)

    assert record.counters() == (1, 0, 1, "failed", "the run ended before its first task began")


def test_a_run_that_began_cannot_be_abandoned(record):
    succeed(record.port)
    record.port.abandon(refused(gone=True), "the run ended before its first task began")
    settled(record.port)

    assert record.counters() == (1, 1, 0, "success", None)


def test_a_refused_run_can_be_opened_by_a_clear_once_its_row_is_mended(record):
    record.port.refuse(refused(), "the row is wrong", skipped=False)
    settled(record.port)
    succeed(record.port, clear_number=1)

    assert record.counters() == (1, 1, 0, "success", None)


def test_a_clear_that_is_refused_forgets_the_files_of_the_run_before(record):
    succeed(record.port)
    record.port.refuse(refused(clear_number=1), "the row is wrong", skipped=False)

    outcome, snapshot = settled(record.port)

    assert snapshot.artifacts == ()
    assert outcome.errors == {PDF: "the row is wrong", CSV: "the row is wrong"}
    assert record.counters()[:3] == (1, 0, 1)


def test_a_run_that_was_counted_and_is_then_skipped_stays_counted_once(record):
    succeed(record.port)
    record.port.refuse(refused(clear_number=1), "the report has been deleted", skipped=True)
    settled(record.port)
    succeed(record.port, clear_number=2)

    assert record.counters() == (1, 1, 0, "success", None)


def test_a_report_that_is_gone_can_still_be_settled(record):
    gone = replace(KEY, report_id="gone")
    record.port.refuse(replace(refused(gone=True), key=gone), "the report has been deleted", skipped=True)

    assert settled(record.port, gone)[0].state is RunState.SKIPPED


# The state of a report, for its owner


def test_a_report_without_runs_stands_nowhere(runs):
    assert runs.failure_streak("r1") == FailureStreak(streak=0, notified=None, notified_lately=False)


def test_the_streak_counts_the_failures_since_the_last_success(record):
    for number, end in enumerate([fail, fail, succeed, fail, fail]):
        end(record.port, key_of(number))

    failure_streak = record.port.failure_streak("r1")
    assert (failure_streak.streak, failure_streak.failed, failure_streak.newest) == (2, True, key_of(4))
    assert failure_streak.reason.startswith("pdf: out of paper")


def test_after_a_success_there_is_no_streak(record):
    for number, end in enumerate([fail, succeed]):
        end(record.port, key_of(number))

    assert record.port.failure_streak("r1").streak == 0
    assert record.port.failure_streak("r1").failed is False


@pytest.mark.parametrize(
    ("kind", "is_frozen", "counts"),
    [
        (RunKind.SCHEDULED, True, True),
        (RunKind.SCHEDULED, False, True),
        (RunKind.MANUAL, True, True),
        (RunKind.MANUAL, False, False),
        (RunKind.BACKFILL, True, False),
        (RunKind.BACKFILL, False, False),
    ],
)
def test_replays_and_wrong_requests_say_nothing_of_how_a_report_does(runs, kind, is_frozen, counts):
    if is_frozen:
        runs.open(replace(new_run(), kind=kind))
    else:
        runs.refuse(replace(refused(), kind=kind), "no", skipped=False)
    settled(runs)

    assert runs.failure_streak("r1").newest == (KEY if counts else None)


def test_what_the_owner_was_told_last_is_known_and_what_was_refused_was_not_told(record):
    for number in range(3):
        fail(record.port, key_of(number))
    told(record, 0, "notice/failed")
    told(record, 1, "notice/recovered")
    claim = replace(delivery(DeliveryState.CLAIMED, key_of(2)), message="notice/failed")
    record.ledger.claim(claim)
    record.ledger.finish(replace(claim, state=DeliveryState.REFUSED, error="busy"))

    assert record.port.failure_streak("r1").notified == "notice/recovered"
    assert record.port.failure_streak("r1").notified_lately


def test_every_settled_run_is_to_be_told_of_until_it_is(runs):
    fail(runs)
    assert runs.unnotified(limit=5) == [KEY]
    runs.mark_notified(KEY)
    assert runs.unnotified(limit=5) == []
    succeed(runs, clear_number=1)
    assert runs.unnotified(limit=5) == [KEY]


def test_a_skipped_tick_is_nobodys_business(runs):
    runs.refuse(refused(), "missed", skipped=True)
    settled(runs)

    assert runs.unnotified(limit=5) == []


# News


def test_an_outcome_is_news_once_however_often_the_run_is_settled_and_cleared(runs):
    first = succeed(runs)
    again, _ = settled(runs)
    cleared = succeed(runs, clear_number=1)
    failed = fail(runs, clear_number=2)
    mended = succeed(runs, clear_number=3)

    assert [one.news for one in (first, again, cleared, failed, mended)] == [
        RunKind.SCHEDULED, None, None, RunKind.SCHEDULED, RunKind.SCHEDULED,
    ]  # fmt: skip


def test_a_skipped_tick_is_news_once_and_a_try_out_never(runs):
    runs.refuse(refused(), "too late", skipped=True)
    first, again = settled(runs)[0], settled(runs)[0]
    runs.open(new_run(OTHER, request={"test": True, "recipients": ["ada@acme.example"]}))
    tried, _ = settled(runs, OTHER)

    assert (first.news, again.news, tried.news) == (RunKind.SCHEDULED, None, None)
