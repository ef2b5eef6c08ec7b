"""Retention on a real PostgreSQL and S3: what triggers and migrate record, what a round leaves, and what it costs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import psycopg
import pytest
from psycopg.rows import dict_row

from demo import aws as server
from include.scheduled_reports.adapters.postgres.feedback import PostgresFeedback
from include.scheduled_reports.adapters.postgres.ledger import PostgresLedger
from include.scheduled_reports.adapters.postgres.migrate import migrate
from include.scheduled_reports.adapters.postgres.readers import PostgresReaders
from include.scheduled_reports.adapters.postgres.reports import PostgresDefinitions
from include.scheduled_reports.adapters.postgres.retention import PostgresRetention
from include.scheduled_reports.adapters.postgres.runs import PostgresRuns
from include.scheduled_reports.adapters.postgres.source import PostgresSource
from include.scheduled_reports.adapters.postgres.sql import statements
from include.scheduled_reports.adapters.s3 import S3Store
from include.scheduled_reports.adapters.staging import ArrowStaging
from include.scheduled_reports.domain.reader import Addressee, reader_message
from include.scheduled_reports.domain.run import RunKey, RunKind, Trigger
from include.scheduled_reports.runs import pipeline
from include.scheduled_reports.settings import Settings
from include.scheduled_reports.testing.services import MemoryServices
from include.scheduled_reports.upkeep.retention import Retained, retain
from tests.contract.tables import add_people, add_report, execute

NOW = datetime.now(UTC)
MONDAY = datetime(2026, 5, 11, 7, tzinfo=UTC)
ADA = Addressee(message=reader_message("ada@acme.example"), address="ada@acme.example")


@pytest.fixture
def dsn(migrated_dsn):
    """Two workspaces, a report in each."""
    add_people(migrated_dsn)
    shape = {"export_formats": ["csv", "json"], "email_enabled": False}
    add_report(migrated_dsn, id="r1", **shape)
    add_report(migrated_dsn, id="r2", workspace_id="ws2", created_by_id="u3", **shape)
    return migrated_dsn


def select(dsn, statement):
    with psycopg.connect(dsn, row_factory=dict_row) as connection:
        return connection.execute(statement.encode()).fetchall()


# When a report was deleted


def departed(dsn):
    """Return workspace and new name of each deleted report, by id."""
    found = select(dsn, "SELECT * FROM reporting.departed")
    return {one["report_id"]: (one["workspace_id"], one["now_called"]) for one in found}


@pytest.mark.parametrize(
    ("deletion", "workspace_id"),
    [
        ("DELETE FROM scheduled_reports WHERE id = 'r1'", "ws1"),
        ("DELETE FROM workspaces WHERE id = 'ws1'", "ws1"),
        ("DELETE FROM organizations WHERE id = 'o1'", "ws1"),
        ("DELETE FROM scheduled_reports WHERE id = 'r2'; TRUNCATE scheduled_reports CASCADE", None),
    ],
)
def test_when_a_report_went_is_noted_whoever_deletes_it_and_outlives_its_tombstone(dsn, deletion, workspace_id):
    execute(dsn, deletion)
    execute(dsn, "DELETE FROM reporting.tombstones")

    assert departed(dsn)["r1"] == (workspace_id, None)
    (found,) = select(dsn, "SELECT since FROM reporting.departed WHERE report_id = 'r1'")
    assert NOW <= found["since"] <= datetime.now(UTC)


@pytest.mark.parametrize("edit", ["status = 'DISABLED'", "status = 'ERROR'", "is_active = false", "name = 'Other'"])
def test_a_report_that_was_disabled_rejected_or_paused_did_not_go(dsn, edit):
    execute(dsn, f"UPDATE scheduled_reports SET {edit}")

    assert departed(dsn) == {}


def test_a_deletion_that_is_rolled_back_is_none(dsn):
    with psycopg.connect(dsn) as connection:
        connection.execute("DELETE FROM scheduled_reports")
        connection.rollback()

    assert departed(dsn) == {}


def test_a_report_that_is_inserted_again_did_not_go(dsn):
    execute(dsn, "DELETE FROM scheduled_reports")
    add_report(dsn, id="r1")

    assert departed(dsn).keys() == {"r2"}


def test_deleting_it_again_begins_its_grace_anew(dsn):
    execute(dsn, "DELETE FROM scheduled_reports WHERE id = 'r1'")
    execute(dsn, "UPDATE reporting.departed SET since = '2026-01-01'")
    add_report(dsn, id="r1")
    execute(dsn, "DELETE FROM scheduled_reports WHERE id = 'r1'")

    (found,) = select(dsn, "SELECT since FROM reporting.departed")
    assert found["since"] >= NOW


def gone(dsn):
    """Return what retention would erase now."""
    later = datetime.now(UTC) + timedelta(minutes=1)
    return PostgresRetention(dsn).departed(later, unsettled_before=later, limit=10)


def test_a_report_that_was_given_another_id_did_not_go_but_takes_the_old_one_along_when_it_does(dsn):
    for old, new in (("r1", "r3"), ("r3", "r4")):
        execute(dsn, "UPDATE scheduled_reports SET id = %s WHERE id = %s", new, old)
    assert departed(dsn) == {"r1": ("ws1", "r4"), "r3": ("ws1", "r4")}
    assert gone(dsn) == []

    execute(dsn, "DELETE FROM scheduled_reports WHERE id = 'r4'")

    assert sorted(gone(dsn)) == ["r1", "r3", "r4"]


def test_a_report_that_got_its_old_id_back_did_not_go(dsn):
    execute(dsn, "UPDATE scheduled_reports SET id = 'r3' WHERE id = 'r1'")
    execute(dsn, "UPDATE scheduled_reports SET id = 'r1' WHERE id = 'r3'")

    assert departed(dsn) == {"r3": ("ws1", "r1")}
    assert gone(dsn) == []


def test_truncating_takes_along_what_reports_were_called_before(dsn):
    execute(dsn, "UPDATE scheduled_reports SET id = 'r3' WHERE id = 'r1'")
    execute(dsn, "TRUNCATE scheduled_reports CASCADE")

    assert sorted(gone(dsn)) == ["r1", "r2", "r3"]


RUN = """
INSERT INTO reporting.runs (report_id, run_id, run_key, kind, state, scheduled_for, triggered_by, clear_number)
VALUES (%s, 'run1', 'run1', 'manual', 'success', now(), 'system', 0)
"""
MADE = """
INSERT INTO reporting.artifacts (report_id, run_id, format, execution_id, file_name, content_type, bucket, object_key,
                                 bytes, sha256, rows, total_rows)
VALUES ('old', 'run1', 'csv', 'x1', 'a', 'a', 'b', 'k', 1, '0', 1, 1)
"""
EXECUTION = """
INSERT INTO report_executions (id, scheduled_report_id, triggered_by, format, scheduled_for)
VALUES ('x1', 'r1', 'system', 'CSV', now())
"""
#: The schema from before the migration.
BACK = """
DROP INDEX reporting.deliveries_claimed_idx;
DELETE FROM reporting.migrations WHERE name = '0002_retention';
DROP TABLE reporting.departed;
ALTER TABLE reporting.artifacts DROP COLUMN deleted_at;
ALTER TABLE reporting.runs DROP COLUMN files_gone_at, DROP COLUMN put_off_at;
"""


def test_migrate_notes_reports_that_went_before_it_came(dsn):
    for report_id in ("r1", "with-a-run", "old"):
        execute(dsn, RUN, report_id)
    execute(dsn, MADE)
    execute(dsn, EXECUTION)
    execute(
        dsn,
        "INSERT INTO reporting.tombstones (report_id, name, reason, since) VALUES "
        "('buried', 'a', 'deleted', '2026-01-01T00:00:00Z'), ('r2', 'a', 'disabled', '2026-01-01T00:00:00Z')",
    )
    execute(dsn, BACK)

    assert "applied 0002_retention" in migrate(dsn)

    # Executions of an existing report belong to a report whose id was changed.
    assert departed(dsn) == {"buried": (None, None), "with-a-run": (None, None), "old": (None, "r1")}
    moments = {one["report_id"]: one["since"] for one in select(dsn, "SELECT * FROM reporting.departed")}
    assert moments["buried"] == datetime(2026, 1, 1, tzinfo=UTC)
    assert moments["with-a-run"] >= NOW
    assert migrate(dsn) == ("nothing to do",)


# Complete rounds


@pytest.fixture(scope="module")
def aws(tmp_path_factory):
    """Start a local S3."""
    running = server.start(tmp_path_factory.mktemp("aws"))
    yield running
    running.child.stop()


@pytest.fixture
def services(dsn, aws, tmp_path):
    """Services with PostgreSQL, S3 and a folder; the bucket belongs to this test."""
    bucket = f"b{uuid4().hex}"
    aws.create_bucket(bucket)
    services = MemoryServices(
        source=PostgresSource(dsn),
        settings=Settings(),
        definitions=PostgresDefinitions(dsn),
        staging=ArrowStaging.local(tmp_path),
        moment=datetime.now(UTC),
    )
    services.runs, services.ledger, services.retention = PostgresRuns(dsn), PostgresLedger(dsn), PostgresRetention(dsn)
    services.readers, services.feedback = PostgresReaders(dsn), PostgresFeedback(dsn)
    services.store = S3Store(aws.client("s3"), bucket)
    return services


def run(services, report_id, run_id="manual__2026-05-11T07:00:00+00:00"):
    which = Trigger(
        key=RunKey(report_id=report_id, run_id=run_id),
        kind=RunKind.MANUAL,
        scheduled_for=MONDAY,
        conf={},
        user=None,
        clear_number=0,
    )
    for chosen in pipeline.query(services, which):
        pipeline.render(services, which.key, chosen)
        pipeline.upload(services, which.key, chosen)
    pipeline.email(services, which.key)
    pipeline.record(services, which)
    return which


def leave(dsn, report_id):
    execute(
        dsn,
        "INSERT INTO reporting.opt_outs (report_id, workspace_id, mailbox, address, how) "
        "SELECT id, workspace_id, 'ada@acme.example', 'ada@acme.example', 'page' FROM scheduled_reports WHERE id = %s",
        report_id,
    )


def holds(services, prefix=""):
    return list(services.store.keys(prefix))


def test_a_run_loses_its_files_and_then_its_rows(services, dsn):
    services.readers.enlist(run(services, "r1").key, "ws1", [ADA])
    now = services.moment
    assert len(holds(services, "ws1/r1/manual__2026-05-11T07.3a00.3a00.2b00.3a00/workspace-activity.")) == 2

    services.moment = now + timedelta(days=89)
    assert retain(services) == Retained()
    services.moment = now + timedelta(days=91)
    assert retain(services) == Retained(files=2)

    assert holds(services) == []
    executions = select(dsn, "SELECT status::text, file_url, file_size > 0 AS sized FROM report_executions")
    assert executions == [{"status": "COMPLETED", "file_url": None, "sized": True}] * 2
    assert retain(services) == Retained()

    services.moment = now + timedelta(days=401)
    assert retain(services) == Retained(runs=1)
    tables = ("report_executions", "reporting.runs", "reporting.artifacts", "reporting.deliveries", "reporting.readers")
    assert [select(dsn, f"SELECT count(*) AS n FROM {table}")[0]["n"] for table in tables] == [0] * 5
    assert retain(services) == Retained()


def test_settling_a_run_again_whose_files_were_deleted_changes_no_column(services, dsn):
    which = run(services, "r1")
    services.moment += timedelta(days=91)
    retain(services)
    tables = "SELECT * FROM report_executions ORDER BY id", "SELECT * FROM scheduled_reports ORDER BY id"
    before = [select(dsn, table) for table in tables]

    services.moment -= timedelta(days=91)
    pipeline.record(services, which)

    assert [select(dsn, table) for table in tables] == before


def test_nothing_is_left_of_the_reports_of_a_deleted_workspace_and_everything_of_the_others(services, dsn):
    for report_id in ("r1", "r2"):
        services.readers.enlist(run(services, report_id).key, "ws1", [ADA])
        leave(dsn, report_id)
    others = holds(services, "ws2/")
    execute(dsn, "DELETE FROM workspaces WHERE id = 'ws1'")
    now = datetime.now(UTC)

    services.moment = now + timedelta(days=6)
    assert retain(services) == Retained()
    services.moment = now + timedelta(days=7, seconds=1)
    assert retain(services) == Retained(files=2, reports=1)

    assert holds(services) == others
    for table in ("runs", "artifacts", "report_options", "readers", "opt_outs"):
        assert {one["report_id"] for one in select(dsn, f"SELECT report_id FROM reporting.{table}")} == {"r2"}
    assert select(dsn, "SELECT report_id FROM reporting.departed") == []
    assert {one["id"] for one in select(dsn, "SELECT scheduled_report_id AS id FROM report_executions")} == {"r2"}
    assert retain(services) == Retained()


# Cost

MANY = """
INSERT INTO reporting.runs (report_id, run_id, run_key, kind, state, scheduled_for, triggered_by, clear_number, frozen,
                            started_at, settled_at, files_gone_at)
SELECT 'r' || n %% 500, 'run' || n, 'run' || n, 'scheduled', 'success', moment, 'system', 0, '{"row": {}}',
       moment, moment, CASE WHEN n %% 400 >= 90 THEN moment + interval '90 days' END
FROM (SELECT n, now() - make_interval(days => n %% 400) AS moment FROM generate_series(1, %s) AS n) made;
"""
MANY_FILES = """
INSERT INTO reporting.artifacts (report_id, run_id, format, execution_id, file_name, content_type, bucket, object_key,
                                 bytes, sha256, rows, total_rows, uploaded_at, deleted_at)
SELECT report_id, run_id, 'csv', md5(run_id), 'a', 'a', 'b', report_id || '/' || run_id, 1, '0', 1, 1, settled_at,
       files_gone_at
FROM reporting.runs
"""
MANY_MAILS = """
INSERT INTO reporting.deliveries (report_id, run_id, message, state, subject, recipients, mode, formats)
SELECT report_id, run_id, 'report', 'sent', 'a', '{}', 'attach', '{csv}' FROM reporting.runs
"""


def plan(connection, name, **values):
    found = connection.execute("EXPLAIN " + statements("retention")[name], values).fetchall()
    return "\n".join(line for (line,) in found)


def test_no_question_of_retention_reads_the_whole_table_when_it_is_big(dsn):
    ids = {"report_ids": ["r1"] * 200, "run_ids": [f"run{number}" for number in range(200)]}
    some = {"before": NOW - timedelta(days=90), "limit": 200}
    questions = {
        "runs_with_files": some,
        "hold_old_runs": some | {"before": NOW - timedelta(days=399)},
        "hold_run": {"report_id": "r1", "run_id": "run1", "before": NOW},
        "files_of_run": {"report_id": "r1", "run_id": "run1", "before": NOW},
        "settled": ids,
        "still_needed": ids | {"ids": ["x"] * 200},
        "drop_deliveries": ids,
        "drop_artifacts": ids,
        "drop_runs": ids,
        "put_off_runs": ids,
        "departed": some | {"unsettled_before": NOW},
        "workspaces": {"report_id": "r1"},
        "files_of_report": {"report_id": "r1"},
        "erase_runs": {"report_id": "r1"},
        "erase_opt_outs": {"report_id": "r1"},
        "erase_artifacts": {"report_id": "r1"},
        "erase_deliveries": {"report_id": "r1"},
    }
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(MANY, [100_000])
        connection.execute(MANY_FILES)
        connection.execute(MANY_MAILS)
        connection.execute("INSERT INTO reporting.departed (report_id) SELECT 'r' || n FROM generate_series(1, 50) n")
        connection.execute("ANALYZE")

        plans = {name: plan(connection, name, **values) for name, values in questions.items()}

    whole = [f"Seq Scan on {table}" for table in ("runs", "artifacts", "deliveries")]
    assert {name: found for name, found in plans.items() if any(one in found for one in whole)} == {}
    assert "runs_with_files_idx" in plans["runs_with_files"]
    assert "runs_without_files_idx" in plans["hold_old_runs"]
