"""A real Prisma on the migrated database: its diff, the seed's example queries, the plan of the due query."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from include.scheduled_reports.adapters.postgres.migrate import migrate
from tests.integration.database import ROWS, dump, neolith_arrives
from tests.integration.node import answer, diff, made_by_prisma, require

if TYPE_CHECKING:
    from collections.abc import Iterator

INSERT_REPORTS = """
INSERT INTO scheduled_reports (id, name, "reportType", cron_expression, timezone, is_active, status, export_formats,
                               next_run, workspace_id, created_by_id, updated_at)
SELECT {id}, 'Report', 'channel-analytics', '0 9 * * *', 'UTC', {is_active}, {status}, ARRAY['excel', 'pdf'],
       {next_run}, 'w1', 'u1', now()
"""
TWELVE_EXECUTIONS = """
INSERT INTO report_executions (id, scheduled_report_id, triggered_by, format, scheduled_for, created_at, duration,
                               file_size)
SELECT 'e' || n, 'due', 'system', 'PDF', day, day, n * 100, 3000000000 + n
FROM generate_series(1, 12) AS n, LATERAL (SELECT timestamp '2026-01-01' + n * interval '1 day') AS days (day)
"""
NOW = "(now() AT TIME ZONE 'UTC')"


@pytest.fixture(scope="module", autouse=True)
def _prisma_is_installed() -> None:
    require()


@pytest.fixture
def seeded_dsn(migrated_dsn: str) -> str:
    """A migrated database with a workspace, its owner, and four reports; only `due` is due."""
    rows = [
        {"id": "'due'", "is_active": "true", "status": "'ACTIVE'", "next_run": "'2026-03-08 07:30:00.125'"},
        {"id": "'later'", "is_active": "true", "status": "'ACTIVE'", "next_run": f"{NOW} + interval '1 hour'"},
        {"id": "'paused'", "is_active": "true", "status": "'PAUSED'", "next_run": "'2026-03-08 07:30'"},
        {"id": "'off'", "is_active": "false", "status": "'ACTIVE'", "next_run": "'2026-03-08 07:30'"},
    ]
    with psycopg.connect(migrated_dsn) as connection:
        connection.execute(ROWS)
        for row in rows:
            connection.execute(INSERT_REPORTS.format(**row))
        connection.execute(TWELVE_EXECUTIONS)
    return migrated_dsn


def test_nothing_differs_between_migrated_neolith_and_the_seeds_models(migrated_dsn):
    assert diff(migrated_dsn) == ""


def test_nothing_differs_after_a_second_migration(migrated_dsn):
    migrate(migrated_dsn)

    assert diff(migrated_dsn) == ""


def test_nothing_differs_where_neolith_came_after_us(bare_dsn):
    migrate(bare_dsn)
    neolith_arrives(bare_dsn)
    migrate(bare_dsn)

    assert diff(bare_dsn) == ""


@pytest.mark.parametrize(
    ("damage", "remedy"),
    [
        ("DROP INDEX scheduled_reports_next_run_idx", 'CREATE INDEX "scheduled_reports_next_run_idx"'),
        (
            "ALTER TABLE scheduled_reports DROP CONSTRAINT scheduled_reports_created_by_id_fkey",
            'ADD CONSTRAINT "scheduled_reports_created_by_id_fkey"',
        ),
        ("ALTER TABLE scheduled_reports ALTER timezone DROP DEFAULT", "\"timezone\" SET DEFAULT 'UTC'"),
        ("ALTER TYPE \"ExportFormat\" ADD VALUE 'XML'", 'CREATE TYPE "ExportFormat_new"'),
        ("ALTER TABLE report_executions ADD extra text", 'DROP COLUMN "extra"'),
    ],
)
def test_the_diff_sees_a_difference_when_there_is_one(migrated_dsn, damage, remedy):
    with psycopg.connect(migrated_dsn) as connection:
        connection.execute(damage)

    assert remedy in diff(migrated_dsn)


def test_todays_neolith_lacks_the_seeds_two_tables_and_nothing_else(neolith_dsn):
    script = diff(neolith_dsn)

    assert script.count("CREATE TABLE") == 2
    assert "DROP" not in script


def test_postgresql_sees_no_difference_to_a_database_prisma_made_but_for_our_triggers(bare_dsn, migrated_dsn):
    made_by_prisma(bare_dsn)

    prisma_made, we_made = (dump(dsn, "--schema-only", "--schema=public") for dsn in (bare_dsn, migrated_dsn))
    triggers = {name for name in we_made if "Type: TRIGGER" in name}
    assert len(triggers) == 11
    assert {name: text for name, text in we_made.items() if name not in triggers} == prisma_made


def test_where_prisma_made_the_tables_first_migrate_adds_only_what_is_ours(bare_dsn):
    made_by_prisma(bare_dsn)

    made = {line.split()[1] for line in migrate(bare_dsn)}
    numbered = {name for name in made if re.fullmatch(r"\d{4}_\w+", name)}
    assert made - numbered == {"function", "trigger"}
    assert {"0001_reporting", "0006_imports"} <= numbered
    assert diff(bare_dsn) == ""


def test_the_due_query_finds_the_one_report_that_is_due(seeded_dsn):
    (due,) = queries(seeded_dsn)["dueReports"]

    assert (due["id"], due["nextRun"]) == ("due", "2026-03-08T07:30:00.125Z")
    assert (due["workspace"]["slug"], due["createdBy"]["email"]) == ("space", "u1@neolith.example")


def test_prisma_reads_a_row_of_ours_with_the_seeds_defaults(seeded_dsn):
    report = queries(seeded_dsn)["report"]

    assert report["reportType"] == "channel-analytics"
    assert report["exportFormats"] == ["excel", "pdf"]
    assert (report["parameters"], report["tags"], report["emailRecipients"]) == ({}, [], [])
    assert (report["emailEnabled"], report["emailIncludeAttachment"], report["runCount"]) == (False, True, 0)


def test_an_execution_made_by_prisma_arrives_as_a_row(seeded_dsn):
    execution = queries(seeded_dsn)["execution"]

    with psycopg.connect(seeded_dsn) as connection:
        row = connection.execute(
            "SELECT format::text, status::text, triggered_by, retry_count, scheduled_for FROM report_executions"
            " WHERE id = %s",
            [execution["id"]],
        ).fetchone()
    assert row[:4] == ("EXCEL", "PROCESSING", "system", 0)
    assert row[4].replace(tzinfo=UTC) == datetime.fromisoformat(execution["scheduledFor"])


def test_the_history_is_the_last_ten_and_the_statistics_count_all(seeded_dsn):
    answers = queries(seeded_dsn)

    ids = [execution["id"] for execution in answers["history"]]
    assert ids == [answers["execution"]["id"], "e12", "e11", "e10", "e9", "e8", "e7", "e6", "e5", "e4"]
    # 13 rows with the new one, whose duration is null: (100 + … + 1200) / 12.
    assert answers["stats"] == {"_count": 13, "_avg": {"duration": 650}, "_max": {"fileSize": "3000000012"}}


def test_the_example_schedulers_write_moves_next_run_and_not_the_effective_moment(seeded_dsn):
    moment = "SELECT effective_from FROM reporting.report_options WHERE report_id = 'due'"
    with psycopg.connect(seeded_dsn, autocommit=True) as connection:
        before = connection.execute(moment).fetchone()
        queries(seeded_dsn)

        assert connection.execute(moment).fetchone() == before
        (next_run,) = connection.execute("SELECT next_run FROM scheduled_reports WHERE id = 'due'").fetchone()
        assert next_run == datetime(2030, 1, 1)  # noqa: DTZ001 - the column has no zone; it holds UTC


def test_among_100_000_reports_the_due_query_uses_the_index_on_next_run(seeded_dsn):
    statement = next(sent for sent in queries(seeded_dsn)["dueSql"] if '"scheduled_reports"' in sent["sql"])
    with psycopg.connect(seeded_dsn) as connection:
        # Without triggers, which write to other tables and would take most of this test's time.
        connection.execute("SET session_replication_role = replica")
        # Two in a thousand are due, the others within the next month; one in ten is inactive, one in twenty in ERROR.
        connection.execute(
            INSERT_REPORTS.format(
                id="'r' || n",
                is_active="n % 10 <> 0",
                status="""CASE WHEN n % 20 = 1 THEN 'ERROR' ELSE 'ACTIVE' END::"ScheduledReportStatus" """,
                next_run=f"{NOW} + CASE WHEN n % 500 = 3 THEN -1 ELSE 1 END * (n % 43200) * interval '1 minute'",
            )
            + " FROM generate_series(1, 100000) AS n"
        )
        connection.execute("ANALYZE scheduled_reports")
        # RawCursor accepts the $1 of Prisma's SQL.
        cursor = psycopg.RawCursor(connection)
        cursor.execute("EXPLAIN (ANALYZE, FORMAT JSON) " + statement["sql"], statement["parameters"])
        plan = list(nodes(cursor.fetchone()[0][0]["Plan"]))

    (scan,) = [node for node in plan if node.get("Relation Name") == "scheduled_reports"]
    assert scan["Actual Rows"] == 200
    assert {node["Index Name"] for node in plan if "Index Name" in node} == {"scheduled_reports_next_run_idx"}


def queries(dsn: str) -> Any:
    """Return the results of the seed's example queries for the report `due`."""
    return answer(dsn, "queries.mjs", "due")


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield a plan and all plans within it."""
    yield plan
    for part in plan.get("Plans", ()):
        yield from nodes(part)
