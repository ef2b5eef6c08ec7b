"""Runs that `record` did not settle: upkeep does, with the reason."""

from __future__ import annotations

from datetime import timedelta

import pytest

from include.scheduled_reports.domain.errors import PermanentError, ReportTypeError, TransientError
from include.scheduled_reports.domain.formats import Format
from include.scheduled_reports.domain.run import RunState
from include.scheduled_reports.runs import pipeline
from include.scheduled_reports.runs.unrecorded import NOTES, leave_note, noted
from include.scheduled_reports.testing.upkeep import MemoryOrchestrator
from include.scheduled_reports.upkeep.round import upkeep
from tests.unit.walks import KEY, TRIGGER, counts, failing, mails, make, walk

OPEN, OVER = MemoryOrchestrator(runs={KEY}), MemoryOrchestrator()
MINUTE = timedelta(minutes=1)


def state(world):
    row = world.runs.runs[KEY].row
    return row["state"], row["reason"]


def test_a_run_that_ended_without_record_is_settled_with_the_reason(world):
    make(world)
    world.moment += MINUTE

    assert upkeep(world, OVER).settled == 1

    assert state(world) == (
        RunState.FAILED,
        "mail: the run ended before the mail was sent: Airflow is through with the run, but its last task did not "
        "record it",
    )
    assert counts(world) == (1, 0, 1)


def test_a_run_that_is_open_or_was_at_work_just_now_is_left_alone(world):
    make(world)

    assert upkeep(world, OVER).settled == 0
    world.moment += MINUTE
    assert upkeep(world, OPEN).settled == 0
    assert counts(world) == (0, 0, 0)


def test_a_run_that_airflow_does_not_go_on_with_is_settled_after_hours_and_counted_right_when_it_does(world):
    make(world)
    world.moment += timedelta(hours=6, seconds=1)

    assert upkeep(world, OPEN).settled == 1
    assert "is its DAG paused" in state(world)[1]
    assert counts(world) == (1, 0, 1)

    pipeline.email(world, KEY)
    assert pipeline.record(world, TRIGGER).state is RunState.SUCCESS
    assert counts(world) == (1, 1, 0)
    assert len(mails(world)) == 1


def test_a_stage_cleared_by_itself_opens_the_run_and_upkeep_settles_it(world, monkeypatch):
    with monkeypatch.context() as patched:
        failing(patched, ReportTypeError("out of ink"), Format.JSON)
        assert walk(world).state is RunState.FAILED
    world.moment += MINUTE
    assert upkeep(world, OVER).settled == 0

    pipeline.render(world, KEY, Format.JSON)
    pipeline.upload(world, KEY, Format.JSON)
    world.moment += MINUTE
    assert upkeep(world, OVER).settled == 1

    assert state(world) == (RunState.SUCCESS, None)
    assert counts(world) == (1, 1, 0)
    assert len(mails(world)) == 1


def test_a_run_whose_database_was_away_for_query_and_record_is_recorded_from_the_note(world, monkeypatch):
    def away(*_, **__):
        raise TransientError("the reports database did not answer")

    with monkeypatch.context() as patched:
        patched.setattr(world.definitions, "row", away)
        with pytest.raises(TransientError):
            pipeline.query(world, TRIGGER)
        with pytest.raises(TransientError):
            pipeline.record(world, TRIGGER)
    assert noted(world) == [TRIGGER]

    assert upkeep(world, OPEN).settled == 0
    assert upkeep(world, OVER).settled == 1

    assert state(world) == (RunState.FAILED, "csv: the run ended before its first task began; json: the run ended "
                            "before its first task began")  # fmt: skip
    assert counts(world) == (1, 0, 1)
    assert noted(world) == []
    assert upkeep(world, OVER).settled == 0


def test_a_note_of_a_run_that_was_recorded_after_all_changes_nothing(world):
    walk(world)
    leave_note(world, TRIGGER)

    upkeep(world, OVER)

    assert (state(world), counts(world), noted(world)) == ((RunState.SUCCESS, None), (1, 1, 0), [])


def test_a_run_that_cannot_be_settled_does_not_keep_the_others_back(world, monkeypatch):
    make(world)
    world.moment += MINUTE
    settle = world.runs.settle
    calls = []

    def first_fails(key, *arguments):
        calls.append(key)
        if len(calls) == 1:
            raise TransientError("away")
        return settle(key, *arguments)

    monkeypatch.setattr(world.runs, "settle", first_fails)

    assert upkeep(world, OVER).settled == 0
    assert upkeep(world, OVER).settled == 1


def test_a_note_that_cannot_be_read_and_a_staging_that_is_away_cost_nobody_else_anything(world, monkeypatch):
    world.staging.files[f"{NOTES}/broken.json"] = b"{"
    make(world)
    world.moment += MINUTE
    assert upkeep(world, OVER).settled == 1

    def away(_folder):
        raise TransientError("staging is away")

    monkeypatch.setattr(world.staging, "names", away)
    assert upkeep(world, OVER).next_runs == 0


STAGES = {
    "query": lambda world: pipeline.query(world, TRIGGER),
    "render": lambda world: pipeline.render(world, KEY, Format.CSV),
    "upload": lambda world: pipeline.upload(world, KEY, Format.CSV),
    "email": lambda world: pipeline.email(world, KEY),
}
BROKEN = (
    "the run was frozen with what a rule of today does not allow: email_recipients: an e-mail address such as "
    "name@company.com; clear from query"
)


@pytest.mark.parametrize("stage", STAGES)
def test_a_rule_that_is_tightened_while_a_run_is_open_fails_it_with_the_reason_and_without_the_value(world, stage):
    make(world)
    world.runs.runs[KEY].row["frozen"]["row"]["email_recipients"] = ["no address of today"]

    with pytest.raises(PermanentError) as caught:
        STAGES[stage](world)
    assert str(caught.value) == BROKEN
    assert caught.value.__suppress_context__

    outcome = pipeline.record(world, TRIGGER)
    assert outcome.state is RunState.FAILED
    assert ("mail: " + BROKEN if stage == "email" else "mail: the run ended") in outcome.reason
    assert upkeep(world, OVER).settled == 0


@pytest.mark.parametrize("stage", ["query", "render"])
def test_such_a_run_without_files_says_so_for_every_format(world, stage):
    pipeline.query(world, TRIGGER)
    world.runs.runs[KEY].row["frozen"]["row"]["timezone"] = "Mars/Olympus_Mons"
    for chosen in (Format.CSV, Format.JSON) if stage == "render" else [None]:
        with pytest.raises(PermanentError):
            pipeline.render(world, KEY, chosen) if chosen else STAGES["query"](world)

    outcome = pipeline.record(world, TRIGGER)

    assert outcome.state is RunState.FAILED
    assert set(outcome.errors) == {Format.CSV, Format.JSON}
    assert all("timezone: an IANA time zone" in error for error in outcome.errors.values())
    assert (counts(world), mails(world)) == ((1, 0, 1), [])
