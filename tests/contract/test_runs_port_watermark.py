"""Port `Runs`: until where successful scheduled runs have covered a report's time, in memory and in PostgreSQL."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from include.scheduled_reports.domain.run import Outcome, RunKind, RunState
from tests.contract.api import one
from tests.contract.runs_suite import KEY, MONDAY, Memory, key_of, new_run
from tests.contract.tables import execute

WEEK, INSTANT = timedelta(days=7), timedelta.resolution


@pytest.fixture(params=["memory", "postgres"])
def runs(request):
    return (Memory() if request.param == "memory" else request.getfixturevalue("postgres_record")).port


def settle(runs, number, state=RunState.SUCCESS, *, kind=RunKind.SCHEDULED, tick=MONDAY):
    """Freeze a run and settle it."""
    key = key_of(number)
    runs.open(replace(new_run(key), kind=kind, scheduled_for=tick))
    runs.settle(key, lambda _: Outcome(state=state, reason=None), None)


def test_a_report_without_a_successful_run_has_no_watermark(runs):
    assert runs.watermark("r1") is None
    assert runs.watermark("of no report") is None


def test_only_scheduled_runs_that_succeed_move_it(runs):
    settle(runs, 1, RunState.FAILED, tick=MONDAY - WEEK)
    settle(runs, 2, kind=RunKind.MANUAL)
    settle(runs, 3, kind=RunKind.BACKFILL)
    runs.refuse(replace(new_run(key_of(4)), scheduled_for=MONDAY - 2 * WEEK), "paused", skipped=True)
    runs.settle(key_of(4), lambda _: Outcome(state=RunState.SKIPPED, reason="paused"), None)
    assert runs.watermark("r1") is None

    settle(runs, 5)
    assert runs.watermark("r1") == MONDAY


def test_it_never_moves_back(runs):
    settle(runs, 1, tick=MONDAY + WEEK)
    settle(runs, 2, tick=MONDAY)
    assert runs.watermark("r1") == MONDAY + WEEK

    settle(runs, 3, tick=MONDAY + 2 * WEEK)
    runs.fail(key_of(3), None, "cleared, and failed then")
    runs.settle(key_of(3), lambda _: Outcome(state=RunState.FAILED, reason="no ink"), None)
    assert runs.watermark("r1") == MONDAY + 2 * WEEK


def test_a_run_that_succeeds_only_after_a_clear_moves_it_then(runs):
    settle(runs, 1, RunState.FAILED)
    runs.settle(key_of(1), lambda _: Outcome(state=RunState.SUCCESS), None)

    assert runs.watermark("r1") == MONDAY


def test_only_a_frozen_scheduled_run_between_two_moments_that_has_no_outcome_is_unsettled(runs):
    runs.open(new_run(KEY))
    runs.open(replace(new_run(key_of(1)), kind=RunKind.MANUAL, scheduled_for=MONDAY + WEEK))

    assert runs.is_unsettled("r1", None, MONDAY + INSTANT)
    assert runs.is_unsettled("r1", MONDAY - INSTANT, MONDAY + INSTANT)
    assert not runs.is_unsettled("r1", MONDAY, MONDAY + 2 * WEEK)
    assert not runs.is_unsettled("r1", None, MONDAY)
    assert not runs.is_unsettled("r2", None, MONDAY + WEEK)
    runs.settle(KEY, lambda _: Outcome(state=RunState.FAILED, reason="no ink"), None)
    assert not runs.is_unsettled("r1", None, MONDAY + INSTANT)


def test_a_run_that_was_made_for_another_workspace_moves_nothing(postgres_record):
    runs = postgres_record.port
    runs.open(new_run(KEY))
    execute(postgres_record.dsn, "UPDATE scheduled_reports SET workspace_id = 'ws2', created_by_id = 'u3'")

    runs.settle(KEY, lambda _: Outcome(state=RunState.SUCCESS), None)

    assert runs.watermark("r1") is None


def test_a_report_that_moves_to_another_workspace_begins_anew(postgres_record):
    settle(postgres_record.port, 1)

    execute(postgres_record.dsn, "UPDATE scheduled_reports SET workspace_id = 'ws2', created_by_id = 'u3'")

    assert postgres_record.port.watermark("r1") is None


def test_a_new_id_keeps_it_and_a_new_report_of_a_deleted_ones_id_does_not(postgres_record):
    settle(postgres_record.port, 1)

    execute(postgres_record.dsn, "UPDATE scheduled_reports SET id = 'r9'")
    assert postgres_record.port.watermark("r9") == MONDAY
    execute(postgres_record.dsn, "DELETE FROM scheduled_reports")
    assert postgres_record.port.watermark("r9") is None


def test_it_is_no_edit_of_the_report(postgres_record):
    before = one(postgres_record.dsn, "SELECT effective_from, options FROM reporting.report_options")

    settle(postgres_record.port, 1)

    assert one(postgres_record.dsn, "SELECT effective_from, options FROM reporting.report_options") == before
    assert one(postgres_record.dsn, "SELECT count(*) FROM reporting.audit WHERE action = 'changed'") == {"count": 0}
