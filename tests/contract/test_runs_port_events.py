"""Port `Runs`: which success emits an asset event, in memory and in PostgreSQL."""

from __future__ import annotations

from dataclasses import replace

import pytest

from include.scheduled_reports.domain.run import Outcome, RunState
from tests.contract.api import one
from tests.contract.runs_suite import KEY, Memory, key_of, new_run
from tests.contract.tables import execute

SUCCESS = Outcome(state=RunState.SUCCESS)
FAILURE = Outcome(state=RunState.FAILED, reason="out of ink")


@pytest.fixture(params=["memory", "postgres"])
def runs(request):
    return (Memory() if request.param == "memory" else request.getfixturevalue("postgres_record")).port


def settle(runs, outcome=SUCCESS, key=KEY, *, clear_number=None):
    """Settle a run, with *clear_number* as `record` does; return whether it emits an event."""
    return runs.settle(key, lambda _: outcome, None, clear_number=clear_number).emits_event


def test_record_emits_the_event_of_a_success_and_again_only_as_a_retry(runs):
    runs.open(new_run())

    assert settle(runs, clear_number=0)
    assert settle(runs, clear_number=0)  # the first attempt died before Airflow knew
    assert not settle(runs, clear_number=1)
    assert not settle(runs)
    assert runs.take_due_events(limit=9) == []


def test_a_run_that_was_frozen_anew_has_no_second_event(runs):
    runs.open(new_run())
    settle(runs, clear_number=0)

    runs.open(new_run(clear_number=1))
    assert not settle(runs, FAILURE, clear_number=1)
    runs.open(new_run(clear_number=2))
    assert not settle(runs, clear_number=2)


def test_the_first_success_counts_and_no_failure(runs):
    runs.open(new_run())

    assert not settle(runs, FAILURE, clear_number=0)
    assert settle(runs, clear_number=1)


def test_a_success_that_upkeep_has_settled_is_due_until_it_is_taken(runs):
    runs.open(new_run())

    assert not settle(runs)
    assert runs.take_due_events(limit=9) == [KEY]
    assert runs.take_due_events(limit=9) == []
    assert not settle(runs)
    assert not settle(runs, clear_number=0)
    assert runs.take_due_events(limit=9) == []


def test_record_emits_what_is_due(runs):
    runs.open(new_run())
    settle(runs)

    assert settle(runs, clear_number=0)
    assert runs.take_due_events(limit=9) == []


def test_what_is_due_waits_while_the_run_is_open_again_and_while_it_has_failed(runs):
    runs.open(new_run())
    settle(runs)

    runs.fail(KEY, None, "cleared")
    runs.progress(KEY, None, 5)
    assert runs.take_due_events(limit=9) == []
    settle(runs, FAILURE)
    assert runs.take_due_events(limit=9) == []
    settle(runs)
    assert runs.take_due_events(limit=9) == [KEY]


def test_the_oldest_come_first_and_not_all_at_once(runs):
    keys = [key_of(number) for number in range(3)]
    for key in keys:
        runs.open(new_run(key))
        settle(runs, key=key)

    assert runs.take_due_events(limit=2) == keys[:2]
    assert runs.take_due_events(limit=2) == keys[2:]


@pytest.mark.parametrize("request_", [{"test": True}, {"resend": "manual__earlier"}])
def test_neither_a_test_nor_files_that_are_mailed_again_have_an_event(runs, request_):
    runs.open(replace(new_run(), request=request_))

    assert not settle(runs, clear_number=0)
    assert not settle(runs)
    assert runs.take_due_events(limit=9) == []


def test_a_skipped_tick_has_none(runs):
    runs.refuse(new_run(), "paused", skipped=True)

    assert not settle(runs, Outcome(state=RunState.SKIPPED, reason="paused"), clear_number=0)
    assert runs.take_due_events(limit=9) == []


def test_a_run_that_had_succeeded_before_there_were_events_has_none_when_it_is_cleared(postgres_record):
    runs, dsn = postgres_record.port, postgres_record.dsn
    runs.open(new_run())
    settle(runs, clear_number=0)
    execute(dsn, "UPDATE reporting.runs SET asset_event = NULL")

    assert not settle(runs, clear_number=1)
    assert not settle(runs)
    assert one(dsn, "SELECT asset_event FROM reporting.runs") == {"asset_event": None}
