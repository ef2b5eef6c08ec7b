"""What the owner of a report is told, and how often."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from include.scheduled_reports.domain.errors import (
    DeliveryUnknownError,
    PermanentError,
    ReportTypeError,
    TransientError,
)
from include.scheduled_reports.domain.formats import Format
from include.scheduled_reports.domain.run import RunKey, RunKind, RunState
from include.scheduled_reports.runs import pipeline
from include.scheduled_reports.testing.upkeep import MemoryOrchestrator
from include.scheduled_reports.upkeep.round import upkeep
from tests.unit.walks import LIVE, TRIGGER, failing, make, notices, walk

OWNER = ("ada@acme.example",)
FAILED = (OWNER, "Report failed: Weekly activity (Acme)")
RECOVERED = (OWNER, "Report works again: Weekly activity (Acme)")
STOPPED = (OWNER, "Report stopped after repeated failures: Weekly activity (Acme)")


def run(number, **changes):
    """The trigger of the *number*-th run: one tick a week."""
    week = timedelta(days=7 * number)
    key = RunKey(report_id="r1", run_id=f"run-{number}")
    return replace(TRIGGER, **{"key": key, "scheduled_for": TRIGGER.scheduled_for + week, **changes})


def runs(world, monkeypatch, pattern, **changes):
    """Runs that fail (F) and succeed (S), one after the other."""
    for number, letter in enumerate(pattern):
        world.moment = run(number).scheduled_for + timedelta(seconds=5)
        with monkeypatch.context() as patched:
            if letter == "F":
                failing(patched, ReportTypeError("out of ink"), Format.CSV)
            walk(world, run(number, **changes))


@pytest.mark.parametrize(
    ("pattern", "told"),
    [
        ("S", []),
        ("SSS", []),
        ("F", [FAILED]),
        ("FFF", [FAILED]),
        ("FS", [FAILED, RECOVERED]),
        ("FSS", [FAILED, RECOVERED]),
        ("SFFSSFS", [FAILED, RECOVERED, FAILED, RECOVERED]),
    ],
)
def test_the_owner_is_told_once_that_a_streak_began_and_once_that_it_ended(world, monkeypatch, pattern, told):
    runs(world, monkeypatch, pattern)

    assert notices(world) == told


def test_a_report_that_keeps_failing_is_taken_off_its_schedule_and_its_owner_told(make_world, monkeypatch):
    world = make_world(replace(LIVE, failures_in_a_row=3))
    runs(world, monkeypatch, "FFF")

    found = world.definitions.row("r1")
    assert (found["status"], found["error_cause"]) == ("ERROR", "failing")
    assert world.housekeeping.next_runs["r1"] is None
    assert notices(world) == [FAILED, STOPPED]
    outcome = walk(world, run(3))
    assert (outcome.state, outcome.reason) == (RunState.SKIPPED, "the report is not scheduled any more")


def test_with_a_limit_of_one_only_the_stop_is_told_and_with_none_nothing_is_stopped(make_world, monkeypatch):
    once, never = make_world(replace(LIVE, failures_in_a_row=1)), make_world(replace(LIVE, failures_in_a_row=0))
    runs(once, monkeypatch, "F")
    runs(never, monkeypatch, "F" * 9)

    assert notices(once) == [STOPPED]
    assert notices(never) == [FAILED]
    assert never.definitions.row("r1")["status"] == "ACTIVE"


def test_who_edits_a_stopped_report_has_it_back_with_a_new_streak(make_world, monkeypatch):
    world = make_world(replace(LIVE, failures_in_a_row=2))
    runs(world, monkeypatch, "FF")
    upkeep(world, MemoryOrchestrator())
    assert world.definitions.row("r1")["status"] == "ERROR"

    world.definitions.content[0]["email_recipients"] = ["bob@acme.example"]
    upkeep(world, MemoryOrchestrator())

    assert world.definitions.row("r1")["status"] == "ACTIVE"
    world.moment += timedelta(seconds=10)
    failing(monkeypatch, ReportTypeError("out of ink"), Format.CSV)
    later = world.moment
    walk(world, run(2, kind=RunKind.MANUAL, scheduled_for=later))
    assert world.definitions.row("r1")["status"] == "ACTIVE"
    assert notices(world) == [FAILED, STOPPED, FAILED]


def test_a_run_that_is_mended_by_a_clear_works_again_for_its_owner(world, monkeypatch):
    runs(world, monkeypatch, "F")

    walk(world, run(0, clear_number=1))

    assert notices(world) == [FAILED, RECOVERED]


def test_an_older_run_that_is_mended_says_nothing_while_the_newest_fails(world, monkeypatch):
    runs(world, monkeypatch, "FF")

    walk(world, run(0, clear_number=1))

    assert notices(world) == [FAILED]


def test_replays_of_the_past_and_wrong_requests_are_not_the_owners_business(world, monkeypatch):
    runs(world, monkeypatch, "F", kind=RunKind.BACKFILL)
    walk(world, run(5, kind=RunKind.MANUAL, conf={"recipient": ["x"]}))

    assert notices(world) == []


def test_a_tick_that_could_not_even_begin_is(world):
    pipeline.record(world, TRIGGER)

    assert notices(world) == [FAILED]


@pytest.mark.parametrize("changes", [{"creator_is_member": False}, {"creator_status": "SUSPENDED"}, {"deleted": True}])
def test_who_has_left_is_told_nothing(make_world, changes):
    world = make_world(**changes)
    pipeline.record(world, TRIGGER)

    assert world.mailer.sent == []


def test_where_mail_is_off_or_redirected_so_are_notices(make_world, monkeypatch):
    off, redirected = make_world(replace(LIVE, mail_mode="off")), make_world(replace(LIVE, mail_mode="redirect:t@x.de"))
    runs(off, monkeypatch, "F")
    runs(redirected, monkeypatch, "F")

    assert off.mailer.sent == []
    assert notices(redirected) == [(("t@x.de",), FAILED[1])]


def test_an_unknown_delivery_is_told_without_being_repeated(world):
    make(world)
    world.mailer.error = DeliveryUnknownError("SES did not answer")
    with pytest.raises(DeliveryUnknownError):
        pipeline.email(world, TRIGGER.key)
    world.mailer.error = None

    pipeline.record(world, TRIGGER)

    assert notices(world) == [FAILED]
    raw = world.mailer.sent[0][2].decode()
    assert "SES did not answer" in raw


def test_a_notice_that_could_not_be_sent_is_sent_by_upkeep(world, monkeypatch):
    world.mailer.error = TransientError("SES is busy")
    with monkeypatch.context() as patched:
        failing(patched, ReportTypeError("out of ink"), Format.CSV, Format.JSON)
        assert walk(world).state is RunState.FAILED
    assert notices(world) == []
    world.mailer.error = None

    assert upkeep(world, MemoryOrchestrator()).told == 1
    assert notices(world) == [FAILED]
    assert upkeep(world, MemoryOrchestrator()).told == 0


def test_a_notice_waits_while_all_mail_is_stopped(world):
    world.ledger.stopped = True
    make(world)
    pipeline.record(world, TRIGGER)
    upkeep(world, MemoryOrchestrator())
    assert notices(world) == []

    world.ledger.stopped = False
    upkeep(world, MemoryOrchestrator())
    assert notices(world) == [FAILED]


@pytest.mark.parametrize("error", [PermanentError("no"), DeliveryUnknownError("silence")])
def test_a_notice_that_is_refused_or_unknown_is_left_at_that(world, monkeypatch, error):
    make(world)
    world.mailer.error = error
    pipeline.record(world, TRIGGER)
    world.mailer.error = None

    assert upkeep(world, MemoryOrchestrator()).told == 0
    assert notices(world) == []


def test_a_notice_is_not_a_mail_of_the_run(world):
    """What was told to the owner changes neither what the run is nor to whom it is mailed."""
    world.mailer.error = PermanentError("refused")
    walk(world)
    world.mailer.error = None
    world.definitions.content[0]["email_recipients"] = ["bob@acme.example"]
    pipeline.record(world, TRIGGER)

    assert pipeline.record(world, TRIGGER).mail_error == "report: refused"
