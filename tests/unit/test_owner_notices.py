"""Notices to the owner of a report: which, and how often."""

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
from tests.unit.run_helpers import LIVE, TRIGGER, failing, make, notices, walk

OWNER = ("ada@acme.example",)
FAILED = (OWNER, "Report failed: Weekly activity (Acme)")
RECOVERED = (OWNER, "Report works again: Weekly activity (Acme)")
STOPPED = (OWNER, "Report stopped after repeated failures: Weekly activity (Acme)")


def run(number, **changes):
    """Return the trigger of the *number*-th run, one per week."""
    week = timedelta(days=7 * number)
    key = RunKey(report_id="r1", run_id=f"run-{number}")
    return replace(TRIGGER, **{"key": key, "scheduled_for": TRIGGER.scheduled_for + week, **changes})


def runs(services, monkeypatch, pattern, **changes):
    """Run several runs in order that fail (F) or succeed (S)."""
    for number, letter in enumerate(pattern):
        services.moment = run(number).scheduled_for + timedelta(seconds=5)
        with monkeypatch.context() as patched:
            if letter == "F":
                failing(patched, ReportTypeError("out of ink"), Format.CSV)
            walk(services, run(number, **changes))


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
def test_the_owner_is_notified_once_when_a_streak_begins_and_once_when_it_ends(services, monkeypatch, pattern, told):
    runs(services, monkeypatch, pattern)

    assert notices(services) == told


def test_a_report_that_keeps_failing_is_stopped_and_its_owner_notified(make_services, monkeypatch):
    services = make_services(replace(LIVE, failures_in_a_row=3))
    runs(services, monkeypatch, "FFF")

    found = services.definitions.row("r1")
    assert (found["status"], found["error_cause"]) == ("ERROR", "failing")
    assert services.upkeep_store.next_runs["r1"] is None
    assert notices(services) == [FAILED, STOPPED]
    outcome = walk(services, run(3))
    assert (outcome.state, outcome.reason) == (RunState.SKIPPED, "the report is no longer scheduled")


def test_a_limit_of_one_sends_only_the_stop_notice_and_no_limit_stops_nothing(make_services, monkeypatch):
    once, never = make_services(replace(LIVE, failures_in_a_row=1)), make_services(replace(LIVE, failures_in_a_row=0))
    runs(once, monkeypatch, "F")
    runs(never, monkeypatch, "F" * 9)

    assert notices(once) == [STOPPED]
    assert notices(never) == [FAILED]
    assert never.definitions.row("r1")["status"] == "ACTIVE"


def test_editing_a_stopped_report_schedules_it_with_a_new_streak(make_services, monkeypatch):
    services = make_services(replace(LIVE, failures_in_a_row=2))
    runs(services, monkeypatch, "FF")
    upkeep(services, MemoryOrchestrator())
    assert services.definitions.row("r1")["status"] == "ERROR"

    services.definitions.content[0]["email_recipients"] = ["bob@acme.example"]
    upkeep(services, MemoryOrchestrator())

    assert services.definitions.row("r1")["status"] == "ACTIVE"
    services.moment += timedelta(seconds=10)
    failing(monkeypatch, ReportTypeError("out of ink"), Format.CSV)
    later = services.moment
    walk(services, run(2, kind=RunKind.MANUAL, scheduled_for=later))
    assert services.definitions.row("r1")["status"] == "ACTIVE"
    assert notices(services) == [FAILED, STOPPED, FAILED]


def test_a_clear_that_succeeds_sends_the_recovery_notice(services, monkeypatch):
    runs(services, monkeypatch, "F")

    walk(services, run(0, clear_number=1))

    assert notices(services) == [FAILED, RECOVERED]


def test_a_recovered_older_run_sends_nothing_while_the_newest_fails(services, monkeypatch):
    runs(services, monkeypatch, "FF")

    walk(services, run(0, clear_number=1))

    assert notices(services) == [FAILED]


def test_past_periods_and_invalid_requests_send_no_notice(services, monkeypatch):
    runs(services, monkeypatch, "F", kind=RunKind.BACKFILL)
    walk(services, run(5, kind=RunKind.MANUAL, conf={"recipient": ["x"]}))

    assert notices(services) == []


def test_a_tick_that_could_not_begin_sends_a_notice(services):
    pipeline.record(services, TRIGGER)

    assert notices(services) == [FAILED]


@pytest.mark.parametrize("changes", [{"creator_is_member": False}, {"creator_status": "SUSPENDED"}, {"deleted": True}])
def test_a_former_member_gets_no_notice(make_services, changes):
    services = make_services(**changes)
    pipeline.record(services, TRIGGER)

    assert services.mailer.sent == []


def test_notices_follow_mail_mode(make_services, monkeypatch):
    off, redirected = (
        make_services(replace(LIVE, mail_mode="off")),
        make_services(replace(LIVE, mail_mode="redirect:t@x.de")),
    )
    runs(off, monkeypatch, "F")
    runs(redirected, monkeypatch, "F")

    assert off.mailer.sent == []
    assert notices(redirected) == [(("t@x.de",), FAILED[1])]


def test_an_unknown_delivery_sends_a_notice_and_is_not_resent(services):
    make(services)
    services.mailer.error = DeliveryUnknownError("SES did not answer")
    with pytest.raises(DeliveryUnknownError):
        pipeline.email(services, TRIGGER.key)
    services.mailer.error = None

    pipeline.record(services, TRIGGER)

    assert notices(services) == [FAILED]
    raw = services.mailer.sent[0][2].decode()
    assert "SES did not answer" in raw


def test_a_notice_that_could_not_be_sent_is_sent_by_upkeep(services, monkeypatch):
    services.mailer.error = TransientError("SES is busy")
    with monkeypatch.context() as patched:
        failing(patched, ReportTypeError("out of ink"), Format.CSV, Format.JSON)
        assert walk(services).state is RunState.FAILED
    assert notices(services) == []
    services.mailer.error = None

    assert upkeep(services, MemoryOrchestrator()).notified == 1
    assert notices(services) == [FAILED]
    assert upkeep(services, MemoryOrchestrator()).notified == 0


def test_a_notice_waits_while_all_mail_is_stopped(services):
    services.ledger.stopped = True
    make(services)
    pipeline.record(services, TRIGGER)
    upkeep(services, MemoryOrchestrator())
    assert notices(services) == []

    services.ledger.stopped = False
    upkeep(services, MemoryOrchestrator())
    assert notices(services) == [FAILED]


@pytest.mark.parametrize("error", [PermanentError("no"), DeliveryUnknownError("silence")])
def test_a_refused_or_unknown_notice_is_not_repeated(services, monkeypatch, error):
    make(services)
    services.mailer.error = error
    pipeline.record(services, TRIGGER)
    services.mailer.error = None

    assert upkeep(services, MemoryOrchestrator()).notified == 0
    assert notices(services) == []


def test_a_notice_is_not_a_mail_of_the_run(services):
    """A notice to the owner changes neither the state of the run nor the recipients of its mail."""
    services.mailer.error = PermanentError("refused")
    walk(services)
    services.mailer.error = None
    services.definitions.content[0]["email_recipients"] = ["bob@acme.example"]
    pipeline.record(services, TRIGGER)

    assert pipeline.record(services, TRIGGER).mail_error == "report: refused"
