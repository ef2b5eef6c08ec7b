"""Port `UpkeepStore`: the changes that upkeep makes, and the states it does not touch."""

from __future__ import annotations

from datetime import UTC, datetime

import psycopg
import pytest

from include.scheduled_reports.adapters.postgres.reports import PostgresDefinitions
from include.scheduled_reports.adapters.postgres.upkeep import PostgresUpkeepStore
from include.scheduled_reports.testing.reports import MemoryDefinitions
from include.scheduled_reports.testing.upkeep import MemoryUpkeepStore
from tests.contract.tables import add_people, add_report, execute
from tests.unit.rows import row

TICK = datetime(2026, 5, 11, 7, tzinfo=UTC)
LATER = datetime(2026, 5, 18, 7, tzinfo=UTC)
#: The states, with their causes, that upkeep must not touch.
OTHERS = [("DISABLED", None), ("ERROR", "failing"), ("ERROR", None)]


class InMemory:
    def __init__(self):
        self.definitions = MemoryDefinitions([])
        self.port = MemoryUpkeepStore(self.definitions)

    def add(self, report_id, status="ACTIVE", cause=None):
        self.definitions.content.append(row(id=report_id, status=status, error_cause=cause))

    def take_out_of_error(self, report_id):
        self.definitions.row(report_id).update(status="ACTIVE", error_cause=None)

    def edit(self, report_id, column, value):
        self.definitions.row(report_id)[column] = value

    def last_error(self, report_id):
        return self.port.errors.get(report_id)

    def next_run(self, report_id):
        return self.port.next_runs.get(report_id)


class InPostgres:
    def __init__(self, dsn):
        self.dsn = dsn
        self.definitions = PostgresDefinitions(dsn)
        self.port = PostgresUpkeepStore(dsn)
        add_people(dsn)

    def add(self, report_id, status="ACTIVE", cause=None):
        add_report(self.dsn, id=report_id, status=status)
        execute(self.dsn, "UPDATE reporting.report_options SET error_cause = %s WHERE report_id = %s", cause, report_id)
        execute(self.dsn, "DELETE FROM reporting.tombstones")

    def take_out_of_error(self, report_id):
        execute(self.dsn, "UPDATE scheduled_reports SET status = 'ACTIVE' WHERE id = %s", report_id)

    def edit(self, report_id, column, value):
        execute(self.dsn, f"UPDATE scheduled_reports SET {column} = %s WHERE id = %s", value, report_id)

    def last_error(self, report_id):
        return self._column("last_error", report_id)

    def next_run(self, report_id):
        return self._column("next_run AT TIME ZONE 'UTC'", report_id)

    def _column(self, name, report_id):
        with psycopg.connect(self.dsn) as connection:
            statement = f"SELECT {name} FROM scheduled_reports WHERE id = %s".encode()
            return connection.execute(statement, [report_id]).fetchone()[0]


@pytest.fixture(params=["memory", "postgres"])
def adapter(request):
    return InMemory() if request.param == "memory" else InPostgres(request.getfixturevalue("migrated_dsn"))


def gate_state(adapter, report_id):
    """Return what the gate reads about a report."""
    found = adapter.definitions.row(report_id)
    return found["status"], found["error_cause"], found["tombstone"]


def buried(adapter, limit=10):
    return [tombstone.report_id for tombstone in adapter.port.tombstones(limit=limit)]


def test_the_next_run_is_written_where_another_one_is_stored(adapter):
    adapter.add("r1")
    adapter.add("r2")

    assert adapter.port.set_next_runs({"r1": TICK, "r2": None}) == 1
    assert (adapter.next_run("r1"), adapter.next_run("r2")) == (TICK, None)
    assert adapter.port.set_next_runs({"r1": TICK, "r2": LATER}) == 1
    assert adapter.port.set_next_runs({"r1": None, "r2": LATER}) == 1
    assert (adapter.next_run("r1"), adapter.next_run("r2")) == (None, LATER)


def test_the_next_run_of_a_report_that_has_just_gone_is_nobodys(adapter):
    assert adapter.port.set_next_runs({"gone": TICK}) == 0


@pytest.mark.parametrize("status", ["ACTIVE", "PAUSED"])
def test_a_rejected_report_is_in_error_with_its_reasons_without_a_next_run_and_with_a_tombstone(adapter, status):
    adapter.add("r1", status)
    adapter.add("r2", status)
    adapter.port.set_next_runs({"r1": TICK})

    assert adapter.port.reject({"r1": "timezone: 'Mars'; tags: too many"}) == 1
    assert gate_state(adapter, "r1") == ("ERROR", "rejected", "rejected")
    assert adapter.last_error("r1") == "timezone: 'Mars'; tags: too many"
    assert adapter.next_run("r1") is None
    assert buried(adapter) == ["r1"]
    assert gate_state(adapter, "r2") == (status, None, None)


def test_rejecting_again_changes_nothing_but_reasons_that_are_others(adapter):
    adapter.add("r1")
    adapter.port.reject({"r1": "one reason"})

    assert adapter.port.reject({"r1": "one reason"}) == 0
    assert adapter.port.reject({"r1": "another reason"}) == 1
    assert adapter.last_error("r1") == "another reason"
    assert gate_state(adapter, "r1") == ("ERROR", "rejected", "rejected")


def test_new_reasons_bury_nothing_anew(adapter):
    adapter.add("r1")
    adapter.port.reject({"r1": "one reason"})
    adapter.port.lift(["r1"])

    adapter.port.reject({"r1": "another reason"})

    assert buried(adapter) == []


@pytest.mark.parametrize(("status", "cause"), OTHERS)
def test_what_is_disabled_or_in_error_for_another_cause_is_not_rejected(adapter, status, cause):
    adapter.add("r1", status, cause)

    assert adapter.port.reject({"r1": "reason"}) == 0
    assert gate_state(adapter, "r1") == (status, cause, None)
    assert adapter.last_error("r1") is None


@pytest.mark.parametrize("status", ["ACTIVE", "PAUSED"])
def test_a_readmitted_report_is_what_it_was_before(adapter, status):
    adapter.add("r1", status)
    adapter.port.reject({"r1": "reason"})
    adapter.port.reject({"r1": "another reason"})

    assert adapter.port.readmit(["r1"]) == 1
    assert gate_state(adapter, "r1") == (status, None, None)
    assert adapter.last_error("r1") is None
    assert buried(adapter) == []
    assert adapter.port.readmit(["r1"]) == 0


def test_a_readmitted_report_is_effective_from_then_on(adapter):
    adapter.add("r1")
    adapter.port.reject({"r1": "reason"})
    earliest = datetime.now(UTC)

    adapter.port.readmit(["r1"])

    assert earliest <= datetime.fromisoformat(adapter.definitions.row("r1")["effective_from"]) <= datetime.now(UTC)


@pytest.mark.parametrize(("status", "cause"), OTHERS)
def test_what_upkeep_has_not_rejected_it_does_not_readmit(adapter, status, cause):
    adapter.add("r1", status, cause)

    assert adapter.port.readmit(["r1"]) == 0
    assert gate_state(adapter, "r1") == (status, cause, None)


def test_a_report_can_be_rejected_and_readmitted_again_and_again(adapter):
    adapter.add("r1", "PAUSED")
    for _ in range(3):
        assert adapter.port.reject({"r1": "reason"}) == 1
        assert adapter.port.readmit(["r1"]) == 1

    assert gate_state(adapter, "r1") == ("PAUSED", None, None)


def test_many_reports_are_changed_at_once(adapter):
    ids = [f"r{number}" for number in range(20)]
    for report_id in ids:
        adapter.add(report_id)

    assert adapter.port.reject(dict.fromkeys(ids, "reason")) == 20
    assert adapter.port.readmit(ids[:15]) == 15
    assert adapter.port.set_next_runs(dict.fromkeys(ids, TICK)) == 20


def test_tombstones_come_oldest_first_and_not_all_at_once(adapter):
    for report_id in ("r3", "r1", "r2"):
        adapter.add(report_id)
    began = datetime.now(UTC)
    for report_id in ("r3", "r1", "r2"):
        adapter.port.reject({report_id: "reason"})

    assert buried(adapter) == ["r3", "r1", "r2"]
    assert buried(adapter, limit=2) == ["r3", "r1"]
    assert all(began <= tombstone.since <= datetime.now(UTC) for tombstone in adapter.port.tombstones(limit=3))


def test_a_lifted_tombstone_is_gone_and_the_report_stays_as_it_is(adapter):
    adapter.add("r1")
    adapter.add("r2")
    adapter.port.reject({"r1": "reason", "r2": "reason"})

    adapter.port.lift(["r1"])

    assert buried(adapter) == ["r2"]
    assert gate_state(adapter, "r1") == ("ERROR", "rejected", None)


def test_a_report_that_is_rejected_anew_has_a_farewell_of_its_own(adapter):
    adapter.add("r1")
    adapter.port.reject({"r1": "reason"})
    (first,) = adapter.port.tombstones(limit=1)
    adapter.take_out_of_error("r1")

    assert adapter.port.reject({"r1": "reason"}) == 1
    (second,) = adapter.port.tombstones(limit=1)
    assert second.since > first.since


# Reports that keep failing


@pytest.mark.parametrize(
    ("status", "gives_up"), [("ACTIVE", True), ("PAUSED", False), ("DISABLED", False), ("ERROR", False)]
)
def test_only_a_scheduled_report_is_given_up(adapter, status, gives_up):
    adapter.add("r1", status)

    assert adapter.port.give_up("r1") is gives_up
    assert gate_state(adapter, "r1")[:2] == (("ERROR", "failing") if gives_up else (status, None))
    assert adapter.next_run("r1") is None
    assert buried(adapter) == []


def test_a_report_that_was_given_up_comes_back_when_somebody_edits_it_and_not_before(adapter):
    adapter.add("r1")
    adapter.add("r2")
    for report_id in ("r1", "r2"):
        adapter.port.give_up(report_id)
    adapter.port.set_next_runs({"r1": TICK, "r2": TICK})
    assert adapter.port.resume_edited() == 0

    adapter.edit("r1", "email_recipients", ["bob@acme.example"])

    assert adapter.port.resume_edited() == 1
    assert gate_state(adapter, "r1")[:2] == ("ACTIVE", None)
    assert gate_state(adapter, "r2")[:2] == ("ERROR", "failing")
    assert adapter.port.resume_edited() == 0


# The health of the whole system


def test_reports_are_counted_by_what_keeps_them_from_running(adapter):
    adapter.add("a")
    adapter.add("b", "PAUSED")
    adapter.add("c", "ERROR", "rejected")
    adapter.add("d", "ERROR", "failing")

    found = adapter.port.health(stuck_before=TICK, since=TICK)

    assert (found.reports, found.scheduled, found.rejected, found.stopped) == (4, 1, 1, 1)
    assert (found.open_runs, found.unknown_deliveries, found.mail_enabled) == (0, 0, True)


RUN = """INSERT INTO reporting.runs (report_id, run_id, run_key, kind, state, scheduled_for, triggered_by, clear_number,
                                     touched_at, settled_at)
         VALUES ('r1', %s, 'x', %s, 'running', %s, 'system', 0, %s, %s)"""


@pytest.fixture
def real(migrated_dsn):
    adapter = InPostgres(migrated_dsn)
    adapter.add("r1")
    return adapter


def test_the_newest_tick_of_a_report_is_that_of_its_schedule_and_no_other(real):
    execute(real.dsn, RUN, "s1", "scheduled", TICK, TICK, None)
    execute(real.dsn, RUN, "b1", "backfill", LATER, LATER, None)
    execute(real.dsn, RUN, "m1", "manual", LATER, LATER, None)
    real.add("r2")

    assert real.port.last_ticks(["r1", "r2"]) == {"r1": TICK}
    assert real.port.last_ticks([]) == {}


@pytest.mark.parametrize(
    ("touched", "settled", "expected"),
    [(TICK, None, (1, 1, 1)), (LATER, None, (1, 0, 0)), (TICK, LATER, (0, 0, 1))],
    ids=["silent", "alive", "settled, and its execution forgotten"],
)
def test_an_execution_is_stuck_that_no_living_run_is_behind(real, touched, settled, expected):
    between = datetime(2026, 5, 14, tzinfo=UTC)
    execute(real.dsn, RUN, "s1", "scheduled", TICK, touched, settled)
    execute(
        real.dsn,
        """INSERT INTO report_executions
               (id, scheduled_report_id, status, triggered_by, format, scheduled_for, created_at)
           VALUES ('e1', 'r1', 'PROCESSING', 'system', 'CSV', '2026-05-11', '2026-05-11'),
                  ('e2', 'r1', 'COMPLETED', 'system', 'PDF', '2026-05-11', '2026-05-11')""",
    )

    found = real.port.health(stuck_before=between, since=TICK)

    assert (found.open_runs, found.stuck_runs, found.stuck_executions) == expected


def test_unknown_mails_count_from_a_moment_on_and_notices_do_not(real):
    for message, at in (("report", TICK), ("report/2", LATER), ("notice/failed", LATER)):
        execute(
            real.dsn,
            """INSERT INTO reporting.deliveries (report_id, run_id, message, state, subject, recipients, mode, formats,
                                                 claimed_at)
               VALUES ('r1', 's1', %s, 'unknown', 's', '{}', 'attach', '{}', %s)""",
            message,
            at,
        )

    assert real.port.health(stuck_before=TICK, since=datetime(2026, 5, 14, tzinfo=UTC)).unknown_deliveries == 1


def test_the_switch_that_stops_all_mail_is_seen(real):
    execute(real.dsn, "UPDATE reporting.switches SET enabled = false")

    assert not real.port.health(stuck_before=TICK, since=TICK).mail_enabled


# A status that only the application knows


@pytest.fixture
def archived(adapter):
    """A report whose status a newer application has added."""
    if isinstance(adapter, InPostgres):
        execute(adapter.dsn, "ALTER TYPE \"ScheduledReportStatus\" ADD VALUE 'ARCHIVED'")
    adapter.add("r1")
    adapter.add("r2")
    adapter.edit("r1", "status", "ARCHIVED")
    return adapter


def test_a_report_with_a_status_of_the_application_keeps_it_and_gets_its_reasons(archived):
    assert archived.port.reject({"r1": "status: not known"}) == 1
    assert gate_state(archived, "r1") == ("ARCHIVED", "rejected", "rejected")
    assert archived.last_error("r1") == "status: not known"
    assert archived.next_run("r1") is None
    assert archived.port.reject({"r1": "status: not known"}) == 0
    assert archived.port.reject({"r1": "another"}) == 1
    assert archived.port.health(stuck_before=TICK, since=TICK).rejected == 1
    assert gate_state(archived, "r2") == ("ACTIVE", None, None)


@pytest.mark.parametrize("status", ["ACTIVE", "PAUSED"])
def test_a_report_that_leaves_a_status_of_the_application_is_as_it_says_without_reasons(archived, status):
    archived.port.reject({"r1": "status: not known"})
    archived.edit("r1", "status", status)

    assert archived.port.readmit(["r1"]) == 1
    assert gate_state(archived, "r1") == (status, None, None)
    assert archived.last_error("r1") is None
    assert buried(archived) == []
    assert archived.port.readmit(["r1"]) == 0


def test_a_rejected_report_that_gets_a_status_of_the_application_keeps_that(adapter):
    if isinstance(adapter, InPostgres):
        execute(adapter.dsn, "ALTER TYPE \"ScheduledReportStatus\" ADD VALUE 'ARCHIVED'")
    adapter.add("r1")
    adapter.port.reject({"r1": "timezone"})
    adapter.edit("r1", "status", "ARCHIVED")
    if not isinstance(adapter, InPostgres):  # there a trigger does it
        adapter.edit("r1", "error_cause", None)

    assert adapter.port.reject({"r1": "timezone; status"}) == 1
    assert gate_state(adapter, "r1")[:2] == ("ARCHIVED", "rejected")
