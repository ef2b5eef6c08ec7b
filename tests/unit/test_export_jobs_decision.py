"""The decision about a job: on the first import, later, edited, deleted, switched over."""

from __future__ import annotations

from dataclasses import replace

import pytest

from include.scheduled_reports.domain.problem import Problem
from include.scheduled_reports.reports.export_jobs.decision import (
    Decision,
    Outcome,
    PastImport,
    Step,
    decide,
    lines,
    totals,
)
from include.scheduled_reports.reports.export_jobs.old_schedule import OldSchedule

OLD = OldSchedule(
    row={"id": "j1", "name": "Weekly"},
    is_active=True,
    run_count=3,
    failure_count=1,
    last_run=None,
    last_run_status=None,
    is_retired=False,
)
PAUSED = replace(OLD, is_active=False)
RETIRED = replace(PAUSED, is_retired=True)
CHANGED = replace(OLD, row={"id": "j1", "name": "Monthly"})
KNOWN = PastImport(job_digest=OLD.digest, is_there=True, is_edited=False)
EDITED = replace(KNOWN, is_edited=True)
SWITCHED = replace(KNOWN, is_switched_over=True)
DELETED = replace(KNOWN, is_there=False)
PROBLEM = Problem(column="metadata.name", value=7, reason="is not a text; use one")


@pytest.mark.parametrize(
    ("schedule", "known", "retire", "expected"),
    [
        # for the first time
        (OLD, None, False, (Step.IMPORT, False)),
        (OLD, None, True, (Step.IMPORT, True)),
        (PAUSED, None, True, (Step.IMPORT, True)),
        # again
        (OLD, KNOWN, False, (Step.KEEP, False)),
        (OLD, KNOWN, True, (Step.KEEP, True)),
        (PAUSED, KNOWN, True, (Step.KEEP, True)),
        (RETIRED, KNOWN, True, (Step.KEEP, False)),
        (replace(RETIRED, is_active=True), KNOWN, True, (Step.KEEP, True)),  # someone has reactivated the old schedule
        # the report was edited
        (OLD, EDITED, False, (Step.KEEP, False)),
        (OLD, EDITED, True, (Step.KEEP, True)),
        # the old schedule was edited
        (CHANGED, KNOWN, False, (Step.UPDATE, False)),
        (CHANGED, KNOWN, True, (Step.UPDATE, True)),
        (CHANGED, EDITED, False, (Step.KEEP, False)),
        # the old schedule was edited after it was switched off, or broken: it no longer matters
        (replace(CHANGED, is_active=False, is_retired=True), SWITCHED, True, (Step.KEEP, False)),
        (None, SWITCHED, True, (Step.KEEP, False)),
        # and someone has reactivated it
        (CHANGED, SWITCHED, False, (Step.UPDATE, False)),
        (OLD, SWITCHED, True, (Step.KEEP, True)),
        # the report was deleted
        (OLD, DELETED, False, (Step.DELETED, False)),
        (OLD, DELETED, True, (Step.DELETED, False)),
        (CHANGED, DELETED, True, (Step.DELETED, False)),
        # our record of it is lost, and the job is marked as imported
        (RETIRED, None, True, (Step.DELETED, False)),
    ],
)
def test_a_job_that_is_right_is_taken_over_once_and_never_again(schedule, known, retire, expected):
    problems = () if schedule else (PROBLEM,)
    decision = decide(schedule, problems, known, id_in_use=False, retire=retire)

    assert (decision.step, decision.retire, decision.problems) == (*expected, ())


def test_a_job_that_is_wrong_is_refused_with_its_reasons():
    assert decide(None, (PROBLEM,), None, id_in_use=False, retire=True) == Decision(
        step=Step.REJECT, problems=(PROBLEM,)
    )


def test_an_old_schedule_that_became_wrong_leaves_the_report_and_is_not_switched_off():
    decision = decide(None, (PROBLEM,), KNOWN, id_in_use=True, retire=True)

    assert (decision.step, decision.retire, decision.problems) == (Step.KEEP, False, (PROBLEM,))


def test_where_both_were_edited_nobody_is_switched_over_to_the_wrong_one():
    decision = decide(CHANGED, (), EDITED, id_in_use=True, retire=True)

    assert (decision.step, decision.retire) == (Step.KEEP, False)
    assert "switch this one off manually" in decision.problems[0].reason


def test_another_report_with_the_jobs_id_is_not_overwritten():
    decision = decide(OLD, (), None, id_in_use=True, retire=True)

    assert (decision.step, decision.retire, decision.problems[0].column) == (Step.REJECT, False, "id")


def test_a_retired_job_whose_report_is_there_is_there_already():
    assert decide(RETIRED, (), None, id_in_use=True, retire=True) == Decision(step=Step.KEEP)


def test_the_line_of_a_job_says_what_became_of_it():
    outcome = Outcome(job_id="j1", name="Weekly", decision=Decision(step=Step.IMPORT, retire=True), is_active=True)

    assert lines(outcome) == ["'j1' 'Weekly': imported, active, the old schedule is switched off"]


def test_every_reason_has_a_line_of_its_own():
    outcome = Outcome(job_id="j1", name="", decision=Decision(step=Step.REJECT, problems=(PROBLEM, PROBLEM)))

    assert lines(outcome) == [
        "'j1' '': not imported",
        "  metadata.name: 7 is not a text; use one.",
        "  metadata.name: 7 is not a text; use one.",
    ]


@pytest.mark.parametrize(
    "evil", ["a\nj2 'b': imported", "\x1b[2J", "\u202egnp", "\u2028", "\ud83d", "\x00", "x" * 5_000]
)
def test_nothing_in_a_name_or_a_key_begins_a_line_or_talks_to_the_terminal(evil):
    problem = Problem(column=f"metadata.schedule.parameters.{evil}", value=evil, reason=f"unknown {evil}")
    outcome = Outcome(job_id=evil, name=evil, decision=Decision(step=Step.REJECT, problems=(problem,)))

    printed = lines(outcome)

    assert len(printed) == 2
    for line in printed:
        line.encode()
        assert len(line) <= 410
        assert line.splitlines() == [line]
        assert not set(line) & set("\x1b\x00\u202e")


def test_the_totals_say_how_many_had_which_end():
    outcomes = [
        Outcome(job_id="j", name="", decision=Decision(step=step)) for step in (Step.IMPORT, Step.IMPORT, Step.DELETED)
    ]

    assert (
        totals(outcomes, 40)
        == "2 imported, 1 deleted since it was imported, 0 not imported; 40 export jobs are not schedules"
    )
