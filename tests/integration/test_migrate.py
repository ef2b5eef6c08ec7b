"""`migrate` on a real PostgreSQL: what it creates, what it leaves alone, what it prints."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TYPE_CHECKING

import psycopg
import pytest

from include.scheduled_reports.adapters.postgres.migrate import migrate
from include.scheduled_reports.domain.errors import ConfigurationError, TransientError
from tests.integration.database import ROWS, dump, neolith_arrives

if TYPE_CHECKING:
    from datetime import datetime

WAITING = (
    "foreign key scheduled_reports_workspace_id_fkey is not created yet: table workspaces is missing; "
    "create it and run migrate again",
    "foreign key scheduled_reports_created_by_id_fkey is not created yet: table users is missing; "
    "create it and run migrate again",
)
REPORT = """
INSERT INTO scheduled_reports (id, name, "reportType", cron_expression, export_formats, workspace_id, created_by_id,
                               is_active, status, updated_at)
VALUES (%s, 'Weekly', 'workspace-activity', '0 9 * * 1', ARRAY['pdf'], 'w1', 'u1', %s, %s, now())
"""


def test_a_bare_database_gets_both_tables_and_is_told_which_foreign_keys_wait(bare_dsn):
    lines = migrate(bare_dsn)

    assert {"created table scheduled_reports", "created table report_executions"} <= set(lines)
    assert lines[-2:] == WAITING
    assert foreign_keys(bare_dsn) == {"report_executions_scheduled_report_id_fkey"}


def test_the_waiting_foreign_keys_are_made_once_the_tables_are_there(bare_dsn):
    migrate(bare_dsn)
    neolith_arrives(bare_dsn)

    assert set(migrate(bare_dsn)) == {
        "created foreign key scheduled_reports_workspace_id_fkey",
        "created foreign key scheduled_reports_created_by_id_fkey",
    }


def test_todays_neolith_gets_all_foreign_keys_at_once(neolith_dsn):
    lines = migrate(neolith_dsn)

    assert not [line for line in lines if "is not created yet" in line]
    assert foreign_keys(neolith_dsn) == {
        "report_executions_scheduled_report_id_fkey",
        "scheduled_reports_workspace_id_fkey",
        "scheduled_reports_created_by_id_fkey",
    }


def test_a_migrated_database_has_nothing_to_do(migrated_dsn):
    assert migrate(migrated_dsn) == ("nothing to do",)


def test_a_bare_database_keeps_saying_what_waits(bare_dsn):
    migrate(bare_dsn)

    assert migrate(bare_dsn) == ("nothing to do", *WAITING)


@pytest.mark.parametrize("database", ["bare_dsn", "neolith_dsn"])
def test_the_enums_have_the_labels_of_the_seed_in_order(database, request):
    dsn = request.getfixturevalue(database)
    migrate(dsn)

    assert enum_labels(dsn, "ExportFormat") == ["JSON", "CSV", "PDF", "EXCEL", "HTML"]
    assert enum_labels(dsn, "ExportStatus") == ["PENDING", "PROCESSING", "COMPLETED", "FAILED"]
    assert enum_labels(dsn, "ScheduledReportStatus") == ["ACTIVE", "PAUSED", "DISABLED", "ERROR"]


def test_migrate_says_that_it_extended_an_enum_of_the_application(neolith_dsn):
    assert "extended enum ExportFormat: JSON, CSV, PDF, EXCEL, HTML" in migrate(neolith_dsn)


def test_the_applications_rows_stay_as_they_are(neolith_dsn):
    with psycopg.connect(neolith_dsn) as connection:
        connection.execute(ROWS)
        connection.execute(
            "INSERT INTO export_jobs (id, workspace_id, type, requested_by) VALUES ('j', 'w1', 't', 'u1')"
        )
    before = dump(neolith_dsn, "--data-only")

    migrate(neolith_dsn)

    after = dump(neolith_dsn, "--data-only")
    assert {name: rows for name, rows in after.items() if name in before} == before


def test_of_the_applications_objects_only_the_export_format_changes(neolith_dsn):
    before = dump(neolith_dsn, "--schema-only")

    migrate(neolith_dsn)

    after = dump(neolith_dsn, "--schema-only")
    ours = re.compile(r"(scheduled_reports|report_executions|ScheduledReportStatus|reporting)|.*Schema: reporting")
    assert {name for name in before if before[name] != after.get(name)} == {"ExportFormat; Type: TYPE; Schema: public"}
    assert {name for name in after.keys() - before.keys() if not ours.match(name)} == set()


@pytest.mark.parametrize(
    ("damage", "repair"),
    [
        ("DROP INDEX scheduled_reports_next_run_idx", "created index scheduled_reports_next_run_idx"),
        ('DROP INDEX "scheduled_reports_reportType_idx"', "created index scheduled_reports_reportType_idx"),
        (
            "ALTER TABLE scheduled_reports DROP CONSTRAINT scheduled_reports_created_by_id_fkey",
            "created foreign key scheduled_reports_created_by_id_fkey",
        ),
        ("DROP TABLE report_executions", "created table report_executions"),
        ("DROP TRIGGER reporting_report_added ON scheduled_reports", "created trigger reporting_report_added"),
        (
            "CREATE OR REPLACE FUNCTION reporting.report_went() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN END'",
            "changed function reporting.report_went",
        ),
    ],
)
def test_what_was_lost_comes_back_as_it_was(migrated_dsn, damage, repair):
    whole = dump(migrated_dsn, "--schema-only")
    with psycopg.connect(migrated_dsn) as connection:
        connection.execute(damage)
    assert dump(migrated_dsn, "--schema-only") != whole

    assert repair in migrate(migrated_dsn)
    assert dump(migrated_dsn, "--schema-only") == whole


def test_four_migrations_at_once_do_the_work_once(bare_dsn):
    together = Barrier(4)

    def run(_: int) -> tuple[str, ...]:
        together.wait(timeout=30)
        return migrate(bare_dsn)

    with ThreadPoolExecutor(4) as pool:
        reports = list(pool.map(run, range(4)))

    assert sorted(report[0] for report in reports) == ["created enum ExportFormat", *["nothing to do"] * 3]


def test_rows_without_their_workspace_are_named_and_nothing_is_changed(bare_dsn):
    migrate(bare_dsn)
    with psycopg.connect(bare_dsn) as connection:
        connection.execute(REPORT, ["orphan", True, "ACTIVE"])
    neolith_arrives(bare_dsn)
    before = dump(bare_dsn)

    with pytest.raises(ConfigurationError, match=r"scheduled_reports_workspace_id_fkey.*\(workspace_id\)=\(w1\)"):
        migrate(bare_dsn)

    assert dump(bare_dsn) == before


def test_a_table_of_that_name_but_another_shape_is_refused_and_nothing_is_changed(bare_dsn):
    with psycopg.connect(bare_dsn) as connection:
        connection.execute("CREATE TABLE scheduled_reports (id text PRIMARY KEY)")
    before = dump(bare_dsn)

    with pytest.raises(ConfigurationError, match="workspace_id"):
        migrate(bare_dsn)

    assert dump(bare_dsn) == before


def test_a_table_in_use_makes_migrate_give_up_instead_of_holding_the_application_up(migrated_dsn, monkeypatch):
    monkeypatch.setattr("include.scheduled_reports.adapters.postgres.migrate.LOCK_TIMEOUT", "100ms")
    with psycopg.connect(migrated_dsn) as application:
        application.execute("LOCK TABLE scheduled_reports IN ROW EXCLUSIVE MODE")
        with pytest.raises(TransientError, match="lock timeout"):
            migrate(migrated_dsn)


def test_a_server_that_is_away_is_worth_another_try():
    with pytest.raises(TransientError):
        migrate("postgresql://reports@127.0.0.1:1/neolith")


@pytest.mark.parametrize("wrong", ["/nowhere", "/postgres?user=nobody-we-know"])
def test_a_server_that_refuses_us_is_a_matter_of_configuration(postgres, wrong):
    with pytest.raises(ConfigurationError, match="FATAL"):
        migrate(postgres.dsn().removesuffix("/postgres") + wrong)


def test_a_dsn_nobody_can_read_is_refused_without_repeating_it():
    with pytest.raises(ConfigurationError) as refusal:
        migrate("secret-password host=127.0.0.1")

    assert "secret-password" not in f"{refusal.value}"
    assert refusal.value.__cause__ is None


def test_a_new_report_is_effective_from_its_insertion_and_not_from_the_beginning_of_the_transaction(migrated_dsn):
    with psycopg.connect(migrated_dsn) as connection:
        connection.execute(ROWS)
        connection.execute("SELECT pg_sleep(0.05)")
        earliest = clock(connection)
        connection.execute(REPORT, ["r1", True, "ACTIVE"])

        assert earliest <= effective_from(connection) <= clock(connection)


@pytest.mark.parametrize(
    ("state", "edit"),
    [
        ((True, "ACTIVE"), "cron_expression = '0 8 * * 1'"),
        ((True, "ACTIVE"), "timezone = 'Europe/Berlin'"),
        ((False, "ACTIVE"), "is_active = true"),
        ((True, "PAUSED"), "status = 'ACTIVE'"),
        ((True, "ERROR"), "status = 'ACTIVE', last_error = NULL"),
        ((False, "DISABLED"), "is_active = true, status = 'ACTIVE'"),
        ((False, "ACTIVE"), "cron_expression = '0 8 * * 1'"),
    ],
)
def test_a_new_schedule_and_a_resumption_move_the_effective_moment(migrated_dsn, state, edit):
    with psycopg.connect(migrated_dsn, autocommit=True) as connection:
        connection.execute(ROWS)
        connection.execute(REPORT, ["r1", *state])
        earliest = clock(connection)
        connection.execute(f"UPDATE scheduled_reports SET {edit}")

        assert earliest <= effective_from(connection) <= clock(connection)


@pytest.mark.parametrize(
    ("state", "edit"),
    [
        ((True, "ACTIVE"), "run_count = run_count + 1, success_count = success_count + 1, last_run = now()"),
        ((True, "ACTIVE"), "next_run = now(), last_error = 'too bad'"),
        ((True, "ACTIVE"), "name = 'Monthly', email_recipients = ARRAY['a@neolith.example'], updated_at = now()"),
        ((True, "ACTIVE"), "cron_expression = cron_expression, timezone = 'UTC', is_active = true, status = 'ACTIVE'"),
        ((True, "ACTIVE"), "is_active = false"),
        ((True, "ACTIVE"), "status = 'PAUSED'"),
        ((False, "PAUSED"), "is_active = true"),
        ((False, "PAUSED"), "status = 'ACTIVE'"),
    ],
)
def test_every_other_edit_leaves_the_effective_moment_where_it_is(migrated_dsn, state, edit):
    with psycopg.connect(migrated_dsn, autocommit=True) as connection:
        connection.execute(ROWS)
        connection.execute(REPORT, ["r1", *state])
        before = effective_from(connection)
        connection.execute(f"UPDATE scheduled_reports SET {edit}")

        assert effective_from(connection) == before


def test_a_counter_write_calls_no_function_of_ours(migrated_dsn):
    with psycopg.connect(migrated_dsn) as connection:
        connection.execute("SET track_functions = 'all'")
        connection.execute(ROWS)
        connection.execute(REPORT, ["r1", True, "ACTIVE"])
        after_insert = function_calls(connection)
        connection.execute("UPDATE scheduled_reports SET run_count = run_count + 1, last_run_status = 'success'")

        # The insert: effective from now on, without a tombstone, recorded in the audit trail.
        assert (after_insert, function_calls(connection)) == (3, 3)


@pytest.mark.parametrize("deletion", ["DELETE FROM scheduled_reports", "DELETE FROM workspaces"])
def test_the_options_go_with_the_report(migrated_dsn, deletion):
    with psycopg.connect(migrated_dsn) as connection:
        connection.execute(ROWS)
        connection.execute(REPORT, ["r1", True, "ACTIVE"])
        connection.execute(deletion)

        assert reports_with_options(connection) == set()


def test_the_options_follow_a_report_to_another_id(migrated_dsn):
    with psycopg.connect(migrated_dsn) as connection:
        connection.execute(ROWS)
        connection.execute(REPORT, ["r1", True, "ACTIVE"])
        connection.execute("UPDATE scheduled_reports SET id = 'r2'")

        assert reports_with_options(connection) == {"r2"}


def test_the_applications_own_user_needs_no_rights_in_our_schema(migrated_dsn):
    with psycopg.connect(migrated_dsn) as connection:
        connection.execute(ROWS)
        connection.execute("CREATE ROLE application_only")
        connection.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO application_only")
        connection.execute("SET ROLE application_only")
        connection.execute(REPORT, ["r1", True, "ACTIVE"])
        connection.execute(REPORT, ["r2", True, "ACTIVE"])
        connection.execute("UPDATE scheduled_reports SET timezone = 'Asia/Tokyo' WHERE id = 'r1'")
        connection.execute("DELETE FROM scheduled_reports WHERE id = 'r2'")
        assert not connection.execute("SELECT has_schema_privilege('reporting', 'USAGE')").fetchone()[0]
        connection.execute("RESET ROLE")

        assert reports_with_options(connection) == {"r1"}
        connection.rollback()


def test_reports_older_than_the_triggers_are_effective_from_the_migration(migrated_dsn):
    with psycopg.connect(migrated_dsn, autocommit=True) as connection:
        connection.execute("DROP SCHEMA reporting CASCADE")
        connection.execute(ROWS)
        connection.execute(REPORT, ["r1", True, "ACTIVE"])
        earliest = clock(connection)

        assert "existing reports, effective from now on: 1" in migrate(migrated_dsn)
        moment = effective_from(connection)
        assert earliest <= moment <= clock(connection)
        assert migrate(migrated_dsn) == ("nothing to do",)
        assert effective_from(connection) == moment


def foreign_keys(dsn: str) -> set[str]:
    with psycopg.connect(dsn) as connection:
        rows = connection.execute(
            "SELECT constraint_name FROM information_schema.table_constraints WHERE constraint_type = 'FOREIGN KEY'"
            " AND table_name IN ('scheduled_reports', 'report_executions')"
        )
        return {name for (name,) in rows}


def enum_labels(dsn: str, name: str) -> list[str]:
    with psycopg.connect(dsn) as connection:
        rows = connection.execute(
            "SELECT enumlabel FROM pg_enum WHERE enumtypid = %s::regtype ORDER BY enumsortorder", [f'"{name}"']
        )
        return [label for (label,) in rows]


def clock(connection: psycopg.Connection) -> datetime:
    return connection.execute("SELECT clock_timestamp()").fetchone()[0]


def effective_from(connection: psycopg.Connection) -> datetime:
    ((moment,),) = connection.execute("SELECT effective_from FROM reporting.report_options WHERE report_id = 'r1'")
    return moment


def reports_with_options(connection: psycopg.Connection) -> set[str]:
    return {name for (name,) in connection.execute("SELECT report_id FROM reporting.report_options")}


def function_calls(connection: psycopg.Connection) -> int:
    return connection.execute("SELECT coalesce(sum(calls), 0) FROM pg_stat_xact_user_functions").fetchone()[0]
