"""Triggers and upkeep on a real PostgreSQL: tombstones of reports that were deleted, disabled, broken or corrected."""

from __future__ import annotations

from datetime import UTC, datetime

import psycopg
import pytest

from include.scheduled_reports.adapters.postgres.reports import PostgresDefinitions
from tests.contract.tables import add_people, add_report
from tests.integration.tombstone_helpers import DELETE, clock, execute, gate, options, select, since, tombstones


@pytest.fixture
def dsn(migrated_dsn):
    """A database with one report, `r1`, at 09:00 UTC every day."""
    add_people(migrated_dsn)
    add_report(migrated_dsn, id="r1", name="Weekly", cron_expression="0 9 * * *", timezone="UTC")
    return migrated_dsn


DISABLE = "UPDATE scheduled_reports SET status = 'DISABLED' WHERE id = 'r1'"
RENAME = "UPDATE scheduled_reports SET id = 'r2' WHERE id = 'r1'"


# A deleted report


@pytest.mark.parametrize(
    "deletion",
    [
        DELETE,
        "TRUNCATE scheduled_reports CASCADE",
        "TRUNCATE workspaces CASCADE",
        "DELETE FROM workspaces WHERE id = 'ws1'",
        "DELETE FROM organizations WHERE id = 'o1'",
    ],
)
def test_a_report_that_went_leaves_a_tombstone_and_no_options(dsn, deletion):
    earliest = clock(dsn)

    execute(dsn, deletion)

    assert {report_id: reason for report_id, (_, reason) in tombstones(dsn).items()} == {"r1": "deleted"}
    assert earliest <= since(dsn) <= clock(dsn)
    assert options(dsn) == {}


def test_a_tombstone_keeps_the_name_for_its_last_runs(dsn):
    execute(dsn, DELETE)

    assert tombstones(dsn) == {"r1": ("Weekly", "deleted")}


def test_many_reports_that_go_at_once_leave_a_tombstone_each(dsn):
    add_report(dsn, id="r2", workspace_id="ws2", created_by_id="u3")
    add_report(dsn, id="r3")

    execute(dsn, "DELETE FROM workspaces WHERE id = 'ws1'")

    assert tombstones(dsn).keys() == {"r1", "r3"}
    assert options(dsn).keys() == {"r2"}


def test_a_deletion_that_is_rolled_back_leaves_nothing(dsn):
    before = options(dsn)
    with psycopg.connect(dsn) as connection:
        connection.execute(DELETE)
        connection.rollback()

    assert tombstones(dsn) == {}
    assert options(dsn) == before


def test_a_parse_is_told_of_the_tombstone_and_a_run_that_the_report_is_not_there(dsn):
    execute(dsn, DELETE)

    found = gate(dsn)["r1"]
    assert (found["deleted"], found["tombstone"], found["name"]) == (True, "deleted", "Weekly")
    assert PostgresDefinitions(dsn).row("r1") is None


def test_a_report_that_is_inserted_again_is_a_new_one(dsn):
    execute(dsn, "UPDATE reporting.report_options SET missed_runs = 'all', error_cause = 'failing'", DELETE)

    add_report(dsn, id="r1", effective_from="2026-07-01T00:00:00+00:00")

    assert tombstones(dsn) == {}
    found = options(dsn)["r1"]
    assert found.pop("place") > 1  # behind the reports that were there before
    assert (
        found.items()
        >= {
            "effective_from": datetime(2026, 7, 1, tzinfo=UTC),
            "missed_runs": "latest",
            "error_cause": None,
            "status_before": None,
            "failed_as": None,
        }.items()
    )


def test_deleting_it_again_is_a_farewell_of_its_own(dsn):
    execute(dsn, DISABLE)
    first = since(dsn)

    execute(dsn, DELETE)

    assert tombstones(dsn) == {"r1": ("Weekly", "deleted")}
    assert since(dsn) > first


# A disabled report


def test_a_disabled_report_leaves_a_tombstone_and_keeps_its_options(dsn):
    before = options(dsn)

    execute(dsn, DISABLE)

    assert tombstones(dsn) == {"r1": ("Weekly", "disabled")}
    assert gate(dsn)["r1"]["tombstone"] == "disabled"
    assert options(dsn) == before


def test_a_disabled_report_that_is_saved_again_keeps_the_tombstone_it_has(dsn):
    execute(dsn, DISABLE)
    first = since(dsn)

    execute(dsn, "UPDATE scheduled_reports SET status = 'DISABLED', name = 'Monthly', cron_expression = '0 8 * * *'")

    assert since(dsn) == first


@pytest.mark.parametrize("status", ["ACTIVE", "PAUSED", "ERROR"])
def test_a_disabled_report_that_is_enabled_has_no_tombstone(dsn, status):
    execute(dsn, DISABLE)

    execute(dsn, f"UPDATE scheduled_reports SET status = '{status}'")

    assert tombstones(dsn) == {}


def test_an_enabled_report_is_effective_from_then_on(dsn):
    execute(dsn, DISABLE)
    earliest = clock(dsn)

    execute(dsn, "UPDATE scheduled_reports SET status = 'ACTIVE'")

    assert earliest <= options(dsn)["r1"]["effective_from"] <= clock(dsn)


# A renamed report


def test_a_renamed_report_leaves_a_tombstone_under_its_old_id(dsn):
    execute(dsn, RENAME)

    assert tombstones(dsn) == {"r1": ("Weekly", "deleted")}
    assert gate(dsn)["r2"]["tombstone"] is None


def test_a_renamed_report_takes_its_options_along_and_is_effective_from_then_on(dsn):
    execute(
        dsn,
        "UPDATE reporting.report_options"
        " SET missed_runs = 'all', error_cause = 'rejected', status_before = 'PAUSED' WHERE report_id = 'r1'",
    )
    earliest = clock(dsn)

    execute(dsn, RENAME)

    (report_id, found), *others = options(dsn).items()
    moment, place = found.pop("effective_from"), found.pop("place")
    assert (report_id, others, place) == ("r2", [], 1)  # its place stays
    assert (
        found.items()
        >= {
            "missed_runs": "all",
            "error_cause": "rejected",
            "status_before": "PAUSED",
            "failed_as": None,
        }.items()
    )
    assert earliest <= moment <= clock(dsn)


def test_a_report_that_is_renamed_back_has_no_tombstone(dsn):
    execute(dsn, RENAME)

    execute(dsn, "UPDATE scheduled_reports SET id = 'r1'")

    assert tombstones(dsn).keys() == {"r2"}
    assert options(dsn).keys() == {"r1"}


# All other edits


@pytest.mark.parametrize(
    "edit",
    [
        "run_count = run_count + 1, success_count = 3, failure_count = 4, last_run = now(), last_run_status = 'failed'",
        "last_error = 'too bad', next_run = now()",
        "email_recipients = '{eve@acme.example}', email_cc_recipients = '{}', email_subject = 'Other'",
        "parameters = '{}', export_formats = '{html}', tags = '{a,b}', name = 'Monthly', updated_at = now()",
        "status = 'PAUSED'",
        "is_active = false",
        "status = 'ERROR'",
        "id = id, status = status, cron_expression = cron_expression",
    ],
)
def test_an_edit_that_changes_no_schedule_and_takes_no_report_away_leaves_no_trace(dsn, edit):
    whole = "SELECT xmin::text, * FROM reporting.report_options"
    before = select(dsn, whole)

    execute(dsn, f"UPDATE scheduled_reports SET {edit}")

    assert select(dsn, whole) == before
    assert tombstones(dsn) == {}


@pytest.mark.parametrize("status", ["ACTIVE", "PAUSED", "DISABLED"])
def test_why_a_report_is_in_error_is_forgotten_when_somebody_takes_it_out_of_there(dsn, status):
    cause = "UPDATE reporting.report_options SET error_cause = 'failing', status_before = 'ACTIVE'"
    execute(dsn, "UPDATE scheduled_reports SET status = 'ERROR'", cause)

    execute(dsn, f"UPDATE scheduled_reports SET status = '{status}'")

    found = options(dsn)["r1"]
    assert (found["error_cause"], found["status_before"]) == (None, None)


def test_why_a_report_is_in_error_is_kept_while_it_is(dsn):
    cause = "UPDATE reporting.report_options SET error_cause = 'failing', status_before = 'ACTIVE'"
    execute(dsn, "UPDATE scheduled_reports SET status = 'ERROR'", cause)

    execute(dsn, "UPDATE scheduled_reports SET status = 'ERROR', cron_expression = '0 8 * * *', is_active = false")

    assert options(dsn)["r1"]["error_cause"] == "failing"


def test_the_applications_own_user_may_do_all_this_without_rights_in_our_schema(dsn):
    with psycopg.connect(dsn) as connection:
        connection.execute("CREATE ROLE application_of_tombstones")
        connection.execute("GRANT ALL ON ALL TABLES IN SCHEMA public TO application_of_tombstones")
        connection.execute("SET ROLE application_of_tombstones")
        for statement in (RENAME, "UPDATE scheduled_reports SET status = 'DISABLED'", "DELETE FROM scheduled_reports"):
            connection.execute(statement)
        connection.execute("TRUNCATE scheduled_reports CASCADE")
        assert not connection.execute("SELECT has_schema_privilege('reporting', 'USAGE')").fetchone()[0]
        connection.execute("RESET ROLE")
        connection.execute("REVOKE ALL ON ALL TABLES IN SCHEMA public FROM application_of_tombstones")
        connection.execute("DROP ROLE application_of_tombstones")

    assert tombstones(dsn).keys() == {"r1", "r2"}
