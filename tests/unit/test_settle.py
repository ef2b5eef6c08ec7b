"""Upkeep settles runs that `record` did not settle, with the reason."""

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
from tests.unit.run_helpers import KEY, TRIGGER, counts, failing, mails, make, walk

OPEN, OVER = MemoryOrchestrator(runs={KEY}), MemoryOrchestrator()
MINUTE = timedelta(minutes=1)


def state(services):
    row = services.runs.runs[KEY].row
    return row["state"], row["reason"]


def test_a_run_that_ended_without_record_is_settled_with_the_reason(services):
    make(services)
    services.moment += MINUTE

    assert upkeep(services, OVER).settled == 1

    assert state(services) == (
        RunState.FAILED,
        "mail: the run ended before the mail was sent: Airflow finished the run, but `record` did not run",
    )
    assert counts(services) == (1, 0, 1)


def test_a_run_that_is_open_or_was_at_work_just_now_is_left_alone(services):
    make(services)

    assert upkeep(services, OVER).settled == 0
    services.moment += MINUTE
    assert upkeep(services, OPEN).settled == 0
    assert counts(services) == (0, 0, 0)


def test_a_run_that_airflow_does_not_go_on_with_is_settled_after_hours_and_counted_right_when_it_does(services):
    make(services)
    services.moment += timedelta(hours=6, seconds=1)

    assert upkeep(services, OPEN).settled == 1
    assert "check that the DAG is not paused" in state(services)[1]
    assert counts(services) == (1, 0, 1)

    pipeline.email(services, KEY)
    assert pipeline.record(services, TRIGGER).state is RunState.SUCCESS
    assert counts(services) == (1, 1, 0)
    assert len(mails(services)) == 1


def test_a_stage_cleared_by_itself_opens_the_run_and_upkeep_settles_it(services, monkeypatch):
    with monkeypatch.context() as patched:
        failing(patched, ReportTypeError("out of ink"), Format.JSON)
        assert walk(services).state is RunState.FAILED
    services.moment += MINUTE
    assert upkeep(services, OVER).settled == 0

    pipeline.render(services, KEY, Format.JSON)
    pipeline.upload(services, KEY, Format.JSON)
    services.moment += MINUTE
    assert upkeep(services, OVER).settled == 1

    assert state(services) == (RunState.SUCCESS, None)
    assert counts(services) == (1, 1, 0)
    assert len(mails(services)) == 1


def test_a_run_whose_database_was_away_for_query_and_record_is_recorded_from_the_note(services, monkeypatch):
    def away(*_, **__):
        raise TransientError("the reports database did not answer")

    with monkeypatch.context() as patched:
        patched.setattr(services.definitions, "row", away)
        with pytest.raises(TransientError):
            pipeline.query(services, TRIGGER)
        with pytest.raises(TransientError):
            pipeline.record(services, TRIGGER)
    assert noted(services) == [TRIGGER]

    assert upkeep(services, OPEN).settled == 0
    assert upkeep(services, OVER).settled == 1

    assert state(services) == (RunState.FAILED, "csv: the run ended before its first task began; json: the run ended "
                            "before its first task began")  # fmt: skip
    assert counts(services) == (1, 0, 1)
    assert noted(services) == []
    assert upkeep(services, OVER).settled == 0


def test_a_note_of_a_run_that_was_recorded_after_all_changes_nothing(services):
    walk(services)
    leave_note(services, TRIGGER)

    upkeep(services, OVER)

    assert (state(services), counts(services), noted(services)) == ((RunState.SUCCESS, None), (1, 1, 0), [])


def test_a_run_that_cannot_be_settled_does_not_keep_the_others_back(services, monkeypatch):
    make(services)
    services.moment += MINUTE
    settle = services.runs.settle
    calls = []

    def first_fails(key, *arguments, **options):
        calls.append(key)
        if len(calls) == 1:
            raise TransientError("away")
        return settle(key, *arguments, **options)

    monkeypatch.setattr(services.runs, "settle", first_fails)

    assert upkeep(services, OVER).settled == 0
    assert upkeep(services, OVER).settled == 1


def test_a_note_that_cannot_be_read_and_a_staging_that_is_away_cost_nobody_else_anything(services, monkeypatch):
    services.staging.files[f"{NOTES}/broken.json"] = b"{"
    make(services)
    services.moment += MINUTE
    assert upkeep(services, OVER).settled == 1

    def away(_folder):
        raise TransientError("staging is away")

    monkeypatch.setattr(services.staging, "names", away)
    assert upkeep(services, OVER).next_runs == 0


STAGES = {
    "query": lambda services: pipeline.query(services, TRIGGER),
    "render": lambda services: pipeline.render(services, KEY, Format.CSV),
    "upload": lambda services: pipeline.upload(services, KEY, Format.CSV),
    "email": lambda services: pipeline.email(services, KEY),
}
BROKEN = (
    "the run was frozen under rules that have changed since: email_recipients is not an email address; "
    "use one such as name@company.com; clear it from query"
)


@pytest.mark.parametrize("stage", STAGES)
def test_a_rule_that_is_tightened_while_a_run_is_open_fails_it_with_the_reason_and_without_the_value(services, stage):
    make(services)
    services.runs.runs[KEY].row["frozen"]["row"]["email_recipients"] = ["no address of today"]

    with pytest.raises(PermanentError) as caught:
        STAGES[stage](services)
    assert str(caught.value) == BROKEN
    assert caught.value.__suppress_context__

    outcome = pipeline.record(services, TRIGGER)
    assert outcome.state is RunState.FAILED
    assert ("mail: " + BROKEN if stage == "email" else "mail: the run ended") in outcome.reason
    assert upkeep(services, OVER).settled == 0


@pytest.mark.parametrize("stage", ["query", "render"])
def test_such_a_run_without_files_says_so_for_every_format(services, stage):
    pipeline.query(services, TRIGGER)
    services.runs.runs[KEY].row["frozen"]["row"]["timezone"] = "Mars/Olympus_Mons"
    for chosen in (Format.CSV, Format.JSON) if stage == "render" else [None]:
        with pytest.raises(PermanentError):
            pipeline.render(services, KEY, chosen) if chosen else STAGES["query"](services)

    outcome = pipeline.record(services, TRIGGER)

    assert outcome.state is RunState.FAILED
    assert set(outcome.errors) == {Format.CSV, Format.JSON}
    assert all("timezone is not an IANA time zone" in error for error in outcome.errors.values())
    assert (counts(services), mails(services)) == ((1, 0, 1), [])
