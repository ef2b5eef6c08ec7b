"""Which ticks upkeep makes good, and what it records of an outage, on the fakes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from include.scheduled_reports.domain.errors import TransientError
from include.scheduled_reports.domain.run import RunKey, RunKind
from include.scheduled_reports.ports.upkeep import Missed, Plan
from include.scheduled_reports.runs import admission
from include.scheduled_reports.settings import Settings
from include.scheduled_reports.testing.reports import MemoryDefinitions
from include.scheduled_reports.testing.services import MemoryServices, MemorySource
from include.scheduled_reports.testing.upkeep import MemoryOrchestrator
from include.scheduled_reports.upkeep import ticks
from include.scheduled_reports.upkeep.round import upkeep
from tests.unit.rows import row
from tests.unit.run_helpers import TRIGGER

HOUR = timedelta(hours=1)
NOON = datetime(2026, 5, 11, 12, tzinfo=UTC)
#: Seven minutes after the tick of noon.
NOW = NOON + timedelta(minutes=7)
HOURLY = {"id": "r1", "cron_expression": "0 * * * *", "timezone": "UTC"}
AHEAD = Plan(paused=False, next_tick=NOON + HOUR)


def services_of(*rows, now=NOW, **settings):
    return MemoryServices(
        source=MemorySource(lambda *_: pytest.fail("upkeep reads no data")),
        settings=Settings(**settings),
        definitions=MemoryDefinitions(list(rows)),
        moment=now,
    )


def hourly(since, **changes):
    """Return an hourly report that is effective since some hours before noon, half past."""
    moment = NOON - since * HOUR - timedelta(minutes=30)
    return row(**HOURLY | {"effective_from": moment.isoformat()} | changes)


def a_round(services, plan=AHEAD, **airflow):
    """Run a round of upkeep; return the ticks of the runs it created."""
    orchestrator = MemoryOrchestrator(plans={"r1": plan} if plan else {}, **airflow)
    upkeep(services, orchestrator)
    return [tick for _, tick in sorted(orchestrator.created.items(), key=lambda item: item[1])]


def record(services, *given):
    """Record runs of these ticks, as skipped ones, which count as well."""
    for tick in given:
        trigger = TRIGGER.__class__(
            key=RunKey(report_id="r1", run_id=f"scheduled__{tick.isoformat()}"),
            kind=RunKind.SCHEDULED,
            scheduled_for=tick,
            conf={},
            user=None,
            clear_number=0,
        )
        services.runs.refuse(admission.new_run(trigger, None), "for some reason", skipped=True)


def test_a_tick_that_nobody_ran_and_that_airflow_has_passed_by_is_made_good_once():
    services = services_of(hourly(0))

    assert a_round(services) == [NOON]
    assert services.runs.due.keys() == {RunKey(report_id="r1", run_id="late__2026-05-11T12:00:00+00:00")}
    assert a_round(services) == []
    assert services.upkeep_store.missed == []


def test_a_tick_that_was_run_or_skipped_is_left_alone_and_not_looked_at_again():
    services = services_of(hourly(0))
    record(services, NOON)

    assert a_round(services) == []
    assert services.upkeep_store.checked_to == {"r1": NOON}


@pytest.mark.parametrize(
    ("plan", "airflow"),
    [
        (None, {}),  # Airflow has no DAG yet
        (Plan(paused=True, next_tick=NOON + HOUR), {}),
        (Plan(paused=False, next_tick=NOON), {}),  # the scheduler is about to create it
        (Plan(paused=False, next_tick=NOON - HOUR), {}),
        (AHEAD, {"every": 1}),  # a run in progress, or queued, may be of this tick
    ],
)
def test_a_tick_that_airflow_may_still_run_waits_and_is_not_forgotten(plan, airflow):
    services = services_of(hourly(0))

    assert a_round(services, plan, **airflow) == []
    assert services.upkeep_store.checked_to == {}
    assert a_round(services) == [NOON]


def test_a_tick_is_airflows_for_five_minutes():
    assert a_round(services_of(hourly(0), now=NOON + timedelta(minutes=4, seconds=59))) == []
    assert a_round(services_of(hourly(0), now=NOON + timedelta(minutes=5))) == [NOON]


def test_the_five_minutes_begin_after_the_delay_of_the_report():
    at_most = services_of(hourly(0, options={"jitterSeconds": 3_000}), now=NOON + timedelta(minutes=5))

    assert a_round(at_most) == []
    at_most.moment = NOON + timedelta(minutes=56)
    assert a_round(at_most, Plan(paused=False, next_tick=None)) == [NOON]


@pytest.mark.parametrize("changes", [{"is_active": False}, {"status": "PAUSED"}, {"timezone": "Mars/Olympus"}])
def test_what_is_not_scheduled_has_no_missed_ticks(changes):
    services = services_of(hourly(48, **changes))

    assert a_round(services) == []
    assert services.upkeep_store.missed == []


# An outage: three days of an hourly report, back at 12:07.


@pytest.mark.parametrize(
    ("policy", "made"),
    [("latest", [NOON]), ("skip", [NOON]), ("all", [NOON - HOUR * number for number in range(48, -1, -1)])],
)
def test_an_outage_is_one_record_and_the_runs_of_the_policy(policy, made):
    """The tick of noon is within its grace, so that it runs under every policy."""
    services = services_of(hourly(48, missed_runs=policy))

    # Airflow is chewing through the oldest ticks.
    assert a_round(services, Plan(paused=False, next_tick=NOON - 48 * HOUR), every=1) == made
    (record,) = services.upkeep_store.missed
    assert record.missed == Missed(first=NOON - 48 * HOUR, last=NOON - HOUR, ticks=48)
    assert (record.policy, record.catches_up) == (policy, True)
    # The timetable goes on after noon, and a streak of failures goes on as well.
    assert services.definitions.row("r1")["effective_from"] == NOON.isoformat()
    assert services.definitions.row("r1")["changed_at"] == hourly(48)["effective_from"]


@pytest.mark.parametrize(("policy", "made"), [("latest", [NOON]), ("skip", [])])
def test_beyond_the_grace_the_newest_tick_is_missed_too(policy, made):
    services = services_of(hourly(48, missed_runs=policy), now=NOON + timedelta(minutes=40))

    assert a_round(services) == made
    (record,) = services.upkeep_store.missed
    assert (record.missed.last, record.missed.ticks) == (NOON, 49)


def test_an_outage_of_a_paused_dag_is_recorded_when_it_is_unpaused():
    services = services_of(hourly(48))

    assert a_round(services, Plan(paused=True, next_tick=NOON - 48 * HOUR)) == []
    assert services.upkeep_store.missed == []
    services.moment = NOW + 24 * HOUR
    assert a_round(services, Plan(paused=False, next_tick=NOON - 48 * HOUR)) == [NOON + 24 * HOUR]
    (record,) = services.upkeep_store.missed
    assert record.missed.ticks == 48 + 24


def test_of_all_missed_ticks_fifty_are_created_in_a_round_and_none_is_forgotten():
    services = services_of(hourly(119, missed_runs="all"))
    created = []

    for number in range(3):
        now = a_round(services)
        assert len(now) == (50, 50, 20)[number]
        created += now

    assert created == [NOON - HOUR * number for number in range(119, -1, -1)]


def test_a_backlog_of_our_own_is_no_second_outage():
    services = services_of(hourly(48))
    a_round(services)
    services.moment = NOW + 5 * HOUR

    assert a_round(services, every=1) == []  # the run of noon is still queued
    assert len(services.upkeep_store.missed) == 1
    assert a_round(services, every=0) == [NOON + 5 * HOUR]  # somebody has deleted it


def test_a_report_that_is_rescheduled_before_its_runs_were_created_drops_them():
    services = services_of(hourly(119, missed_runs="all"))
    a_round(services)
    services.moment = NOW + timedelta(minutes=2)
    stored = services.definitions.content[0]
    stored |= {"timezone": "Asia/Kathmandu", "effective_from": services.moment.isoformat(), "caught_up_to": None}

    assert a_round(services) == []


def test_a_round_that_died_between_the_decision_and_its_runs_is_continued():
    services = services_of(hourly(0))

    class Dying(MemoryOrchestrator):
        def start(self, *_):
            raise TransientError("no answer")

    upkeep(services, Dying(plans={"r1": AHEAD}))

    assert len(services.runs.due) == 1
    assert a_round(services) == [NOON]


def test_one_report_that_fails_does_not_stop_the_others():
    services = services_of(hourly(0), hourly(0, id="r2"))

    class Failing(MemoryOrchestrator):
        def plan(self, report_id):
            if report_id == "r1":
                raise TransientError("no answer")
            return AHEAD

    airflow = Failing()
    done = upkeep(services, airflow)

    assert [key.report_id for key in airflow.created] == ["r2"]
    assert "1 missed runs created" in str(done)


def test_reports_that_wait_for_long_do_not_keep_the_others_from_their_turn(monkeypatch):
    monkeypatch.setattr(ticks, "REPORTS", 2)
    services = services_of(*(hourly(0, id=f"r{number}") for number in range(1, 6)))
    paused = dict.fromkeys(("r1", "r2", "r3", "r4"), Plan(paused=True, next_tick=None))
    airflow = MemoryOrchestrator(plans={**paused, "r5": AHEAD})

    for _ in range(3):
        upkeep(services, airflow)
        services.moment += timedelta(minutes=1)

    assert [key.report_id for key in airflow.created] == ["r5"]


def test_parts_of_the_reports_share_the_questions_to_airflow_that_a_round_asks(monkeypatch):
    monkeypatch.setattr(ticks, "REPORTS", 4)
    services = services_of(*(hourly(0, id=f"r{number}") for number in range(40)))
    services.settings = Settings(max_reports=40_000)  # two parts
    asked = []

    class Asked(MemoryOrchestrator):
        def plan(self, report_id):
            asked.append(report_id)
            return Plan(paused=True, next_tick=None)

    upkeep(services, Asked())

    assert len(asked) == 4


def test_an_effective_moment_in_the_future_is_that_of_a_clock_that_was_put_back():
    services = services_of(hourly(-3))

    upkeep(services, MemoryOrchestrator())

    assert services.definitions.row("r1")["effective_from"] == NOW.isoformat()
