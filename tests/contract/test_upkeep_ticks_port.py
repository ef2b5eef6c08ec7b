"""Port `UpkeepStore`: ticks that nobody ran, in memory and in PostgreSQL."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Barrier

import psycopg
import pytest
from psycopg.rows import dict_row

from include.scheduled_reports.adapters.postgres.reports import PostgresDefinitions
from include.scheduled_reports.adapters.postgres.retention import PostgresRetention
from include.scheduled_reports.adapters.postgres.runs import PostgresRuns
from include.scheduled_reports.adapters.postgres.upkeep import PostgresUpkeepStore
from include.scheduled_reports.domain.run import Outcome, RunKey, RunKind, RunState
from include.scheduled_reports.ports.upkeep import Decision, Missed
from include.scheduled_reports.testing.mail import MemoryLedger
from include.scheduled_reports.testing.reports import MemoryDefinitions
from include.scheduled_reports.testing.runs import MemoryRuns
from include.scheduled_reports.testing.upkeep import MemoryUpkeepStore
from tests.contract.runs_suite import new_run, refused
from tests.contract.tables import add_people, add_report, execute
from tests.unit.rows import row

EFFECTIVE = datetime(2026, 5, 1, tzinfo=UTC)
MONDAY = datetime(2026, 5, 11, 7, tzinfo=UTC)
WEEK = timedelta(days=7)
LATE = "late__2026-05-11T07:00:00+00:00"
DECISION = Decision(
    report_id="r1",
    effective_from=EFFECTIVE,
    checked_to=MONDAY + WEEK,
    due=(MONDAY, MONDAY + WEEK),
    policy="all",
    missed=Missed(first=MONDAY, last=MONDAY + WEEK, ticks=2),
    catches_up=True,
)


def key(run_id, report_id="r1"):
    return RunKey(report_id=report_id, run_id=run_id)


def scheduled(tick, kind=RunKind.SCHEDULED):
    made = new_run(key(f"{kind}__{tick.isoformat()}"))
    return replace(made, kind=kind, scheduled_for=tick)


class InMemory:
    def __init__(self):
        self.definitions = MemoryDefinitions([row(id=one) for one in ("r1", "r2")])
        self.runs = MemoryRuns(MemoryLedger())
        self.port = MemoryUpkeepStore(self.definitions, record=self.runs, due=self.runs.due)

    def edit(self, **changes):
        self.definitions.content[0] |= changes
        if "timezone" in changes:
            moment = datetime.now(UTC).isoformat()
            self.definitions.content[0] |= {"effective_from": moment, "caught_up_to": None}
            self.port.checked_to.pop("r1", None)

    def missed(self):
        return [(one.report_id, one.missed, one.policy, len(one.due)) for one in self.port.missed]

    def set_effective(self, moment):
        self.definitions.content[0]["effective_from"] = moment.isoformat()


class InPostgres:
    def __init__(self, dsn):
        self.dsn = dsn
        self.definitions, self.runs = PostgresDefinitions(dsn), PostgresRuns(dsn)
        self.port = PostgresUpkeepStore(dsn)
        add_people(dsn)
        for one in ("r1", "r2"):
            add_report(dsn, id=one)

    def edit(self, **changes):
        for name, value in changes.items():
            execute(self.dsn, f"UPDATE scheduled_reports SET {name} = %s WHERE id = 'r1'", value)

    def missed(self):
        found = read(self.dsn, "SELECT * FROM reporting.missed_ticks ORDER BY id")
        return [
            (
                one["report_id"],
                Missed(first=one["first_tick"], last=one["last_tick"], ticks=one["ticks"]),
                one["policy"],
                one["made"],
            )
            for one in found
        ]

    def set_effective(self, moment):
        execute(self.dsn, "UPDATE reporting.report_options SET effective_from = %s WHERE report_id = 'r1'", moment)


def read(dsn, statement):
    with psycopg.connect(dsn, row_factory=dict_row) as connection:
        return connection.execute(statement.encode()).fetchall()


@pytest.fixture(params=["memory", "postgres"])
def adapter(request):
    return InMemory() if request.param == "memory" else InPostgres(request.getfixturevalue("migrated_dsn"))


def waiting(adapter, limit=10, each=10):
    return [(one.report_id, tick) for one, tick in adapter.port.waiting(limit=limit, each=each)]


def test_what_was_run_skipped_backfilled_or_is_to_be_made_is_decided(adapter):
    adapter.runs.open(scheduled(MONDAY))
    adapter.runs.refuse(replace(refused(), key=key("b"), scheduled_for=MONDAY + WEEK), "missed", skipped=True)
    adapter.runs.open(scheduled(MONDAY + 2 * WEEK, RunKind.BACKFILL))
    adapter.runs.open(scheduled(MONDAY + 3 * WEEK, RunKind.MANUAL))
    adapter.port.decide(replace(DECISION, checked_to=MONDAY + 4 * WEEK, due=(MONDAY + 4 * WEEK,)))

    found = adapter.port.decided({"r1": MONDAY, "r2": EFFECTIVE})

    assert found == {"r1": {MONDAY + WEEK, MONDAY + 2 * WEEK, MONDAY + 4 * WEEK}}


def test_how_far_a_report_was_compared_is_kept_until_its_schedule_changes(adapter):
    adapter.port.set_checked({"r1": MONDAY, "r2": MONDAY})
    adapter.port.set_checked({"r1": MONDAY + WEEK})

    assert adapter.port.checked() == {"r1": MONDAY + WEEK, "r2": MONDAY}
    adapter.edit(timezone="Asia/Kathmandu")
    assert adapter.port.checked() == {"r2": MONDAY}


def test_a_decision_records_the_outage_its_runs_and_how_far_it_goes(adapter):
    assert adapter.port.decide(DECISION)

    assert adapter.missed() == [("r1", DECISION.missed, "all", 2)]
    assert waiting(adapter) == [("r1", MONDAY), ("r1", MONDAY + WEEK)]
    assert adapter.port.checked() == {"r1": MONDAY + WEEK}
    found = adapter.definitions.row("r1")
    assert datetime.fromisoformat(found["effective_from"]) == MONDAY + WEEK
    assert datetime.fromisoformat(found["changed_at"]) == EFFECTIVE
    assert adapter.runs.due_tick(key(LATE)).tick == MONDAY
    assert adapter.runs.due_tick(key("late__2026-05-11T07:00:01+00:00")) is None


def test_a_lost_tick_moves_no_effective_moment_and_is_no_outage(adapter):
    adapter.port.decide(replace(DECISION, missed=None, catches_up=False))

    assert adapter.missed() == []
    assert datetime.fromisoformat(adapter.definitions.row("r1")["effective_from"]) == EFFECTIVE
    assert len(waiting(adapter)) == 2


def test_a_decision_on_an_older_schedule_or_on_ticks_that_were_decided_on_is_void(adapter):
    assert not adapter.port.decide(replace(DECISION, effective_from=EFFECTIVE - WEEK))
    assert adapter.missed() == []

    assert adapter.port.decide(DECISION)
    assert not adapter.port.decide(replace(DECISION, effective_from=MONDAY + WEEK))
    assert not adapter.port.decide(replace(DECISION, report_id="gone"))
    assert len(adapter.missed()) == 1


def test_a_run_that_airflow_has_waits_no_more(adapter):
    adapter.port.decide(DECISION)

    adapter.port.mark_started([key(LATE)])

    assert waiting(adapter) == [("r1", MONDAY + WEEK)]


def test_reports_take_turns_and_none_has_more_than_its_share(adapter):
    adapter.port.decide(replace(DECISION, due=tuple(MONDAY + WEEK * number for number in range(5))))
    adapter.port.decide(replace(DECISION, report_id="r2"))

    assert waiting(adapter, each=3) == [
        ("r1", MONDAY),
        ("r2", MONDAY),
        ("r1", MONDAY + WEEK),
        ("r2", MONDAY + WEEK),
        ("r1", MONDAY + 2 * WEEK),
    ]
    assert waiting(adapter, limit=2) == [("r1", MONDAY), ("r2", MONDAY)]


@pytest.mark.parametrize("changes", [{"is_active": False}, {"status": "PAUSED"}, {"timezone": "Asia/Kathmandu"}])
def test_a_change_of_the_schedule_drops_what_has_not_been_created(adapter, changes):
    adapter.port.decide(DECISION)
    adapter.port.mark_started([key(LATE)])

    adapter.edit(**changes)

    assert waiting(adapter) == []
    # What Airflow has stays known, so that its first task can say why it is dropped.
    assert adapter.runs.due_tick(key(LATE)) is not None
    assert len(adapter.missed()) == 1


def test_a_report_that_waits_for_another_owner_keeps_its_runs_and_what_was_compared(adapter):
    adapter.port.decide(DECISION)

    adapter.port.reject({"r1": "has left"}, without_owner=["r1"])
    assert waiting(adapter) == []
    adapter.port.readmit(["r1"])

    assert waiting(adapter) == [("r1", MONDAY), ("r1", MONDAY + WEEK)]
    assert adapter.port.checked() == {"r1": MONDAY + WEEK}
    assert datetime.fromisoformat(adapter.definitions.row("r1")["effective_from"]) == MONDAY + WEEK


def test_an_edit_of_something_else_drops_nothing(adapter):
    adapter.port.decide(DECISION)

    adapter.edit(name="Another name")

    assert len(waiting(adapter)) == 2


def test_a_run_of_ours_is_unbegun_until_it_is_recorded(adapter):
    adapter.port.decide(replace(DECISION, due=(MONDAY,)))
    assert adapter.port.unbegun(["r1", "r2"]) == {"r1"}

    adapter.runs.open(replace(scheduled(MONDAY), key=key(LATE)))

    assert adapter.port.unbegun(["r1", "r2"]) == set()


def test_of_two_runs_of_one_tick_the_second_is_told_which_was_the_first(adapter):
    first, second = scheduled(MONDAY), replace(scheduled(MONDAY), key=key(LATE))

    assert adapter.runs.open(first) is None
    assert adapter.runs.open(second) == first.key.run_id
    assert not adapter.runs.is_open(second.key, 0)
    # A retry and a clear of the first one go on, and another tick is free.
    assert adapter.runs.open(first) is None
    assert adapter.runs.open(replace(first, clear_number=1)) is None
    assert adapter.runs.open(scheduled(MONDAY + WEEK)) is None


def test_a_skipped_run_leaves_the_tick_to_the_other_and_does_not_get_it_back_by_a_clear(adapter):
    first, second = scheduled(MONDAY), replace(scheduled(MONDAY), key=key(LATE))
    adapter.runs.refuse(replace(first, row=row(id="r1")), "missed", skipped=True)

    assert adapter.runs.open(second) is None
    assert adapter.runs.open(replace(first, clear_number=1)) == LATE


def test_an_effective_moment_in_the_future_is_now(adapter):
    adapter.set_effective(datetime.now(UTC) + timedelta(hours=3))

    assert adapter.port.correct_effective() == 1
    assert adapter.port.correct_effective() == 0
    moment = datetime.fromisoformat(adapter.definitions.row("r1")["effective_from"])
    assert abs(moment - datetime.now(UTC)) < timedelta(minutes=1)


# Only in PostgreSQL


@pytest.fixture
def stored(migrated_dsn):
    return InPostgres(migrated_dsn)


def test_of_two_runs_that_begin_in_the_same_moment_one_has_the_tick(stored):
    both = [scheduled(MONDAY), replace(scheduled(MONDAY), key=key(LATE))]
    start = Barrier(2)

    def begin(run):
        start.wait()
        return PostgresRuns(stored.dsn).open(run)

    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(begin, both))

    assert sorted(found, key=lambda one: one is not None)[0] is None
    assert [one for one in found if one is not None] in ([both[0].key.run_id], [LATE])


def test_a_run_of_the_version_before_has_its_tick_as_well(stored):
    first = scheduled(MONDAY)
    stored.runs.open(first)
    execute(stored.dsn, "UPDATE reporting.runs SET tick = NULL")

    assert stored.runs.open(replace(first, key=key(LATE))) == first.key.run_id


def test_a_streak_of_failures_does_not_end_because_of_an_outage(stored):
    stored.runs.open(scheduled(MONDAY - WEEK))
    stored.runs.settle(scheduled(MONDAY - WEEK).key, lambda _: Outcome(state=RunState.FAILED), None)
    before = stored.runs.failure_streak("r1").streak

    stored.port.decide(replace(DECISION, checked_to=datetime.now(UTC) + timedelta(days=1)))

    assert (before, stored.runs.failure_streak("r1").streak) == (1, 1)


def test_a_decision_is_no_edit_of_a_person(stored):
    before = read(stored.dsn, "SELECT count(*) FROM reporting.audit")

    stored.port.decide(DECISION)
    stored.port.set_checked({"r1": MONDAY + 2 * WEEK})

    assert read(stored.dsn, "SELECT count(*) FROM reporting.audit") == before


def test_a_renamed_report_takes_its_outages_along(stored):
    stored.port.decide(DECISION)

    execute(stored.dsn, "UPDATE scheduled_reports SET id = 'r9' WHERE id = 'r1'")

    assert [report_id for report_id, *_ in stored.missed()] == ["r9"]
    assert waiting(stored) == []


def test_outages_and_runs_to_make_go_with_their_report_and_with_old_age(stored):
    stored.port.decide(DECISION)
    stored.port.decide(replace(DECISION, report_id="r2"))
    stored.runs.open(replace(scheduled(MONDAY), key=key(LATE)))
    retention, now = PostgresRetention(stored.dsn), datetime.now(UTC)

    retention.drop_rows(now - WEEK, limit=10)
    assert len(stored.missed()) == 2
    retention.drop_rows(now + WEEK, limit=10)
    assert stored.missed() == []
    kept = read(stored.dsn, "SELECT run_id FROM reporting.due_ticks")
    assert [one["run_id"] for one in kept] == [LATE]  # its run is still there

    execute(stored.dsn, "DELETE FROM scheduled_reports WHERE id = 'r1'")
    assert retention.erase("r1", now + WEEK)
    assert read(stored.dsn, "SELECT * FROM reporting.due_ticks") == []


def test_a_row_that_is_being_edited_is_not_waited_for(stored):
    with psycopg.connect(stored.dsn) as editing:
        editing.execute("UPDATE reporting.report_options SET effective_from = now() WHERE report_id = 'r1'")
        stored.port.set_checked({"r1": MONDAY, "r2": MONDAY})

    assert stored.port.checked() == {"r2": MONDAY}
