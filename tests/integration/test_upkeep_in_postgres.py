"""Upkeep on PostgreSQL: rows broken and corrected from outside, next_run, lifted tombstones."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from threading import Barrier

import pytest

from include.scheduled_reports.adapters.postgres.reports import PostgresDefinitions
from include.scheduled_reports.adapters.postgres.upkeep import PostgresUpkeepStore
from include.scheduled_reports.settings import Settings
from include.scheduled_reports.testing.services import MemoryServices, MemorySource
from include.scheduled_reports.testing.upkeep import MemoryOrchestrator
from include.scheduled_reports.upkeep.round import upkeep
from tests.contract.tables import add_people, add_report
from tests.integration.tombstone_helpers import DELETE, clock, execute, gate, options, since, tombstones, whole

#: Later than every effective moment, so that the next run is known in advance.
NEW_YEAR = datetime(2040, 1, 1, tzinfo=UTC)


def at(hour):
    """Return an hour of that day as Prisma's columns store it: UTC without a time zone."""
    return NEW_YEAR.replace(hour=hour, tzinfo=None)


ZONE = 'timezone: "Mars/Olympus" is not an IANA time zone; use one such as Europe/Berlin.'
HOURLY = 'cron_expression: "* * * * *" runs more than once an hour; name exactly one minute in the minute field.'


@pytest.fixture
def dsn(migrated_dsn):
    """A database with one report, `r1`, at 09:00 UTC every day."""
    add_people(migrated_dsn)
    add_report(migrated_dsn, id="r1", name="Weekly", cron_expression="0 9 * * *", timezone="UTC")
    return migrated_dsn


def services_of(dsn):
    services = MemoryServices(
        source=MemorySource(lambda *_: pytest.fail("upkeep reads no data")),
        settings=Settings(),
        definitions=PostgresDefinitions(dsn),
        moment=NEW_YEAR,
    )
    services.upkeep_store = PostgresUpkeepStore(dsn)
    return services


def upkeep_round(dsn, open_runs=1):
    """Run one round of upkeep; Airflow reports *open_runs* open runs for every report."""
    return upkeep(services_of(dsn), MemoryOrchestrator(every=open_runs))


SPOIL = "UPDATE scheduled_reports SET timezone = 'Mars/Olympus', cron_expression = '* * * * *' WHERE id = 'r1'"
MEND = "UPDATE scheduled_reports SET timezone = 'UTC', cron_expression = '0 9 * * *' WHERE id = 'r1'"


# Upkeep


def test_a_row_spoiled_by_psql_is_in_error_with_all_reasons_and_a_tombstone(dsn):
    upkeep_round(dsn)
    execute(dsn, SPOIL)

    upkeep_round(dsn)

    found = whole(dsn, "status, last_error, next_run, is_active, timezone")
    assert found["last_error"] == f"{HOURLY} {ZONE}"
    assert (found["status"], found["next_run"], found["is_active"]) == ("ERROR", None, True)
    assert found["timezone"] == "Mars/Olympus"  # the user's value is not changed
    assert tombstones(dsn) == {"r1": ("Weekly", "rejected")}
    assert (gate(dsn)["r1"]["error_cause"], gate(dsn)["r1"]["tombstone"]) == ("rejected", "rejected")


@pytest.mark.parametrize("status", ["ACTIVE", "PAUSED"])
def test_a_mended_row_is_what_it_was_before_and_effective_from_then(dsn, status):
    execute(dsn, f"UPDATE scheduled_reports SET status = '{status}'", SPOIL)
    upkeep_round(dsn)
    execute(dsn, MEND)
    earliest = clock(dsn)

    upkeep_round(dsn)

    found = whole(dsn, "status, last_error, next_run")
    coming = at(9) if status == "ACTIVE" else None
    assert found == {"status": status, "last_error": None, "next_run": coming}
    assert tombstones(dsn) == {}
    assert (options(dsn)["r1"]["effective_from"] >= earliest) == (status == "ACTIVE")


def test_reasons_that_change_are_told_anew_and_what_it_was_before_stays(dsn):
    execute(dsn, "UPDATE scheduled_reports SET status = 'PAUSED'", SPOIL)
    upkeep_round(dsn)
    execute(dsn, "UPDATE scheduled_reports SET timezone = 'UTC'")

    upkeep_round(dsn)

    assert whole(dsn, "last_error") == {"last_error": HOURLY}
    assert options(dsn)["r1"]["status_before"] == "PAUSED"


def test_reasons_that_a_run_has_overwritten_come_back(dsn):
    execute(dsn, SPOIL)
    upkeep_round(dsn)
    execute(dsn, "UPDATE scheduled_reports SET last_error = NULL, last_run_status = 'success'")

    upkeep_round(dsn)

    assert whole(dsn, "last_error") == {"last_error": f"{HOURLY} {ZONE}"}


def test_a_spoiled_report_that_somebody_takes_out_of_error_without_mending_it_is_back_there(dsn):
    execute(dsn, SPOIL)
    upkeep_round(dsn)
    first = since(dsn)
    execute(dsn, "UPDATE scheduled_reports SET status = 'PAUSED'")

    upkeep_round(dsn)

    assert whole(dsn, "status") == {"status": "ERROR"}
    assert options(dsn)["r1"]["status_before"] == "PAUSED"
    assert since(dsn) > first


@pytest.mark.parametrize(
    ("leaves", "returns", "reason"),
    [
        (
            "UPDATE users SET status = 'SUSPENDED' WHERE id = 'u1'",
            "UPDATE users SET status = 'ACTIVE' WHERE id = 'u1'",
            'created_by_id: "u1" is suspended; choose a user who is not.',
        ),
        (
            "DELETE FROM workspace_members WHERE user_id = 'u1'",
            "INSERT INTO workspace_members (id, workspace_id, user_id) VALUES ('m1', 'ws1', 'u1')",
            'created_by_id: "u1" has left the workspace; choose one of its members.',
        ),
    ],
)
def test_a_report_stops_while_its_creator_is_away(dsn, leaves, returns, reason):
    execute(dsn, leaves)
    upkeep_round(dsn)
    stopped = whole(dsn, "status, last_error")
    execute(dsn, returns)
    upkeep_round(dsn)

    assert stopped == {"status": "ERROR", "last_error": reason}
    assert whole(dsn, "status, last_error") == {"status": "ACTIVE", "last_error": None}


@pytest.mark.parametrize("damage", ["SELECT 1", SPOIL], ids=["valid", "spoiled"])
@pytest.mark.parametrize(
    "state",
    [
        "UPDATE scheduled_reports SET status = 'DISABLED'",
        "UPDATE scheduled_reports SET status = 'ERROR', last_error = 'failed five times'",
    ],
)
def test_a_report_that_is_disabled_or_failing_stays_as_it_is(dsn, state, damage):
    execute(dsn, state, "UPDATE reporting.report_options SET error_cause = 'failing'", damage)
    before, stones, held = whole(dsn, "xmin::text, *"), tombstones(dsn), options(dsn)

    upkeep_round(dsn)

    assert whole(dsn, "xmin::text, *") == before
    assert tombstones(dsn) == stones
    assert options(dsn) == held


@pytest.mark.parametrize(
    ("edit", "coming"),
    [
        ("cron_expression = '0 18 * * *'", at(18)),
        ("timezone = 'America/New_York'", at(14)),
        ("is_active = false", None),
        ("status = 'PAUSED'", None),
        ("status = 'DISABLED'", None),
        ("next_run = '2001-01-01'", at(9)),
        ("next_run = NULL", at(9)),
    ],
)
def test_the_next_run_is_right_one_round_after_an_edit_from_outside(dsn, edit, coming):
    upkeep_round(dsn)
    execute(dsn, f"UPDATE scheduled_reports SET {edit}")

    upkeep_round(dsn)

    assert whole(dsn, "next_run") == {"next_run": coming}


def test_the_next_run_comes_back_with_a_resumption(dsn):
    execute(dsn, "UPDATE scheduled_reports SET is_active = false")
    upkeep_round(dsn)
    execute(dsn, "UPDATE scheduled_reports SET is_active = true")

    upkeep_round(dsn)

    assert whole(dsn, "next_run") == {"next_run": at(9)}


def test_no_round_touches_updated_at_and_a_round_with_nothing_to_do_writes_nothing(dsn):
    before = whole(dsn, "updated_at")
    execute(dsn, SPOIL)
    upkeep_round(dsn)
    execute(dsn, MEND)
    upkeep_round(dsn)
    settled = whole(dsn, "xmin::text, *")

    upkeep_round(dsn)

    assert whole(dsn, "xmin::text, *") == settled
    assert whole(dsn, "updated_at") == before


def test_a_dag_is_let_go_once_its_runs_have_ended(dsn):
    execute(dsn, DELETE)

    assert upkeep_round(dsn, 1).lifted == 0
    assert gate(dsn).keys() == {"r1"}
    assert upkeep_round(dsn, 0).lifted == 1
    assert gate(dsn) == {}
    assert upkeep_round(dsn, 0).lifted == 0


def test_rounds_that_run_at_once_do_the_work_once(dsn):
    for number in range(30):
        add_report(dsn, id=f"s{number:02}")
        add_report(dsn, id=f"t{number:02}", timezone="Mars/Olympus")
    execute(dsn, SPOIL)
    upkeep_round(dsn)
    execute(dsn, MEND, "UPDATE scheduled_reports SET timezone = 'Mars/Olympus' WHERE id LIKE 's%'")
    execute(dsn, "UPDATE scheduled_reports SET timezone = 'UTC' WHERE id LIKE 't%'")
    together = Barrier(4)

    def one_of_four(_):
        together.wait(timeout=30)
        return upkeep_round(dsn)

    with ThreadPoolExecutor(4) as threads:
        rounds = list(threads.map(one_of_four, range(4)))

    assert sum(one.rejected for one in rounds) == 30
    assert sum(one.readmitted for one in rounds) == 31
    again = upkeep_round(dsn)
    assert (again.rejected, again.readmitted, again.next_runs) == (0, 0, 0)
    states = {found["id"]: found["status"] for found in gate(dsn).values()}
    assert states == {report_id: "ERROR" if report_id[0] == "s" else "ACTIVE" for report_id in states}
    assert tombstones(dsn).keys() == {f"s{number:02}" for number in range(30)}
