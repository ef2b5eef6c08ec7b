"""`seed-demo` on a real PostgreSQL: what it creates, where it refuses, what it leaves alone."""

from __future__ import annotations

from datetime import date
from hashlib import sha256
from typing import Any

import psycopg
import pytest
from psycopg import sql

from include.scheduled_reports.adapters.postgres.migrate import migrate
from include.scheduled_reports.adapters.postgres.reports import PostgresDefinitions
from include.scheduled_reports.domain.errors import ConfigurationError
from include.scheduled_reports.reports.parser import parse
from include.scheduled_reports.sample_data.seed import seed

UNTIL = date(2026, 3, 2)
FEW = 2_000
# Columns about the future, not about past events.
LOOKING_AHEAD = {"due_date", "expires", "expires_at"}
STRANGER = """
INSERT INTO organizations (id, name, slug, updated_at) VALUES ('o1', 'Org', 'org', now());
INSERT INTO workspaces (id, name, slug, organization_id, updated_at)
VALUES ('w1', 'Real customers', 'real', 'o1', now());
"""
OWN_REPORT = """
INSERT INTO scheduled_reports (id, name, "reportType", cron_expression, workspace_id, created_by_id, updated_at)
VALUES ('mine', 'Mine', 'channel-analytics', '0 9 * * 1', 'demo-workspace-acme', 'demo-user-ada-okafor', now())
"""
EARLIER = """
INSERT INTO users (id, email, updated_at) VALUES ('demo-user-earlier', 'earlier@acme-robotics.example', now());
INSERT INTO scheduled_reports (id, name, "reportType", cron_expression, workspace_id, created_by_id, updated_at)
VALUES ('demo-report-earlier', 'Earlier', 'custom', '0 9 * * 1', 'demo-workspace-acme', 'demo-user-earlier', now());
"""
EXECUTION = """
INSERT INTO report_executions (id, scheduled_report_id, triggered_by, format, scheduled_for)
VALUES (%s, %s, 'system', 'PDF', now())
"""


def test_an_empty_database_becomes_a_neolith_with_three_workspaces_of_which_two_share_a_slug(bare_dsn):
    seed(bare_dsn, until=UNTIL, messages=FEW)

    assert rows(bare_dsn, "SELECT slug, count(*) FROM workspaces GROUP BY 1 ORDER BY 1") == [("core", 2), ("tokyo", 1)]
    assert rows(bare_dsn, "SELECT count(*) FROM messages") == [(FEW,)]
    assert [table for (table,) in tables(bare_dsn) if rows(bare_dsn, f"SELECT count(*) FROM {table}") == [(0,)]] == [
        "report_executions"
    ]


def test_a_bare_database_that_was_migrated_first_is_filled_too(bare_dsn):
    migrate(bare_dsn)

    seed(bare_dsn, until=UNTIL, messages=FEW)

    assert rows(bare_dsn, "SELECT count(*) FROM messages") == [(FEW,)]


def test_the_same_date_gives_the_same_content_again_and_in_another_database(bare_dsn, neolith_dsn):
    seed(bare_dsn, until=UNTIL, messages=FEW)
    first = content(bare_dsn)
    seed(bare_dsn, until=UNTIL, messages=FEW)
    seed(neolith_dsn, until=UNTIL, messages=FEW)

    assert content(bare_dsn) == first
    assert content(neolith_dsn) == first


def test_another_date_replaces_the_sample(migrated_dsn):
    seed(migrated_dsn, until=UNTIL, messages=FEW)
    before = content(migrated_dsn)
    seed(migrated_dsn, until=date(2026, 3, 3), messages=FEW)

    after = content(migrated_dsn)
    assert before.keys() == after.keys()
    assert before["messages"] != after["messages"]
    assert rows(migrated_dsn, "SELECT count(*) FROM messages") == [(FEW,)]


def test_a_database_with_nothing_but_primary_keys_gets_the_same_content(neolith_dsn, migrated_dsn):
    seed(migrated_dsn, until=UNTIL, messages=FEW)
    strip_to_primary_keys(neolith_dsn)

    seed(neolith_dsn, until=UNTIL, messages=FEW)
    seed(neolith_dsn, until=UNTIL, messages=FEW)

    assert content(neolith_dsn) == content(migrated_dsn)


def test_a_workspace_of_somebody_else_is_named_and_nothing_is_changed(neolith_dsn):
    run(neolith_dsn, STRANGER)
    before = content(neolith_dsn)

    with pytest.raises(ConfigurationError, match=r"w1 \(Real customers\)"):
        seed(neolith_dsn, until=UNTIL, messages=FEW)

    assert content(neolith_dsn) == before


def test_a_stranger_among_the_sample_stops_another_seeding(migrated_dsn):
    seed(migrated_dsn, until=UNTIL, messages=FEW)
    run(migrated_dsn, STRANGER)

    with pytest.raises(ConfigurationError, match=r"w1 \(Real customers\)"):
        seed(migrated_dsn, until=UNTIL, messages=FEW)


def test_negative_numbers_are_refused(bare_dsn):
    with pytest.raises(ConfigurationError, match="negative"):
        seed(bare_dsn, until=UNTIL, reports=-1)

    assert tables(bare_dsn) == []


def test_reports_people_made_and_the_history_of_sample_reports_outlive_another_seeding(migrated_dsn):
    seed(migrated_dsn, until=UNTIL, messages=FEW)
    run(migrated_dsn, OWN_REPORT)
    run(migrated_dsn, EXECUTION, "execution", "demo-report-weekly-activity")
    run(migrated_dsn, "UPDATE scheduled_reports SET run_count = 3 WHERE id = 'demo-report-weekly-activity'")
    run(migrated_dsn, "UPDATE scheduled_reports SET name = 'Renamed' WHERE id = 'demo-report-weekly-activity'")

    seed(migrated_dsn, until=date(2026, 3, 9), messages=FEW)

    query = (
        "SELECT name, run_count FROM scheduled_reports WHERE id IN ('mine', 'demo-report-weekly-activity') ORDER BY 1"
    )
    assert rows(migrated_dsn, query) == [("Mine", 0), ("Weekly activity", 3)]
    assert rows(migrated_dsn, "SELECT id FROM report_executions") == [("execution",)]


def test_seeding_again_does_not_make_an_unchanged_schedule_effective_anew(migrated_dsn):
    moments = "SELECT report_id, effective_from FROM reporting.report_options ORDER BY 1"
    seed(migrated_dsn, until=UNTIL, messages=FEW)
    before = rows(migrated_dsn, moments)

    seed(migrated_dsn, until=date(2026, 3, 3), messages=FEW)

    assert len(before) == 18
    assert rows(migrated_dsn, moments) == before


@pytest.mark.parametrize(("wanted", "valid"), [(0, 0), (5, 5), (13, 13), (40, 40)])
def test_the_number_of_reports_counts_the_valid_ones_and_the_broken_are_always_there(bare_dsn, wanted, valid):
    seed(bare_dsn, until=UNTIL, reports=wanted, messages=0)

    query = "SELECT count(*) FILTER (WHERE name NOT LIKE 'Broken:%'), count(*) FILTER (WHERE name LIKE 'Broken:%')"
    assert rows(bare_dsn, f"{query} FROM scheduled_reports") == [(valid, 5)]


def test_fewer_reports_than_before_take_the_executions_of_the_others_along(neolith_dsn):
    seed(neolith_dsn, until=UNTIL, reports=15, messages=FEW)
    run(neolith_dsn, EXECUTION, "gone", "demo-report-000015")
    run(neolith_dsn, EXECUTION, "kept", "demo-report-000014")

    seed(neolith_dsn, until=UNTIL, reports=14, messages=FEW)

    assert rows(neolith_dsn, "SELECT id FROM report_executions") == [("kept",)]
    assert rows(neolith_dsn, "SELECT max(id) FROM scheduled_reports WHERE id ~ '[0-9]'") == [("demo-report-000014",)]


def test_what_an_earlier_sample_had_and_this_one_has_not_is_deleted(migrated_dsn):
    seed(migrated_dsn, until=UNTIL, messages=FEW)
    before = content(migrated_dsn)
    run(migrated_dsn, EARLIER)
    with_more = content(migrated_dsn)

    seed(migrated_dsn, until=UNTIL, messages=FEW)

    assert with_more["users"] != before["users"]
    assert content(migrated_dsn) == before


def test_nothing_has_happened_at_or_after_the_first_moment_of_the_date(bare_dsn):
    seed(bare_dsn, until=UNTIL, messages=FEW)
    columns = rows(
        bare_dsn,
        "SELECT table_name, column_name FROM information_schema.columns"
        " WHERE table_schema = 'public' AND data_type LIKE 'timestamp%'",
    )

    latest = {
        (table, column): rows(bare_dsn, f"SELECT max({column})::text FROM {table}")[0][0]
        for table, column in columns
        if column not in LOOKING_AHEAD
    }

    assert {place: moment for place, moment in latest.items() if moment and moment >= "2026-03-02"} == {}
    assert latest["messages", "created_at"] > "2026-03-01"


def test_every_workspace_rests_at_weekends_and_grows(bare_dsn):
    seed(bare_dsn, until=UNTIL)
    query = """
        SELECT w.id,
               count(*) FILTER (WHERE extract(isodow FROM local) < 6) / 5.0 AS workday,
               count(*) FILTER (WHERE extract(isodow FROM local) > 5) / 2.0 AS free_day,
               count(*) FILTER (WHERE m.created_at < timestamp '2026-03-02' - interval '90 days') AS first_month,
               count(*) FILTER (WHERE m.created_at >= timestamp '2026-03-02' - interval '30 days') AS last_month,
               count(*) FILTER (WHERE extract(hour FROM local) BETWEEN 8 AND 18) / count(*)::float AS in_office
        FROM messages m
        JOIN channels c ON c.id = m.channel_id
        JOIN workspaces w ON w.id = c.workspace_id,
        LATERAL (SELECT m.created_at AT TIME ZONE 'UTC' AT TIME ZONE (w.settings ->> 'timezone')) zoned(local)
        GROUP BY w.id
    """

    found = rows(bare_dsn, query)

    assert len(found) == 3
    for _, workday, free_day, first_month, last_month, in_office in found:
        assert workday > 5 * free_day > 0
        assert last_month > 1.4 * first_month > 0
        assert in_office > 0.9


def test_the_last_day_before_the_date_is_about_as_full_as_the_same_weekday_before(filled):
    query = """
        SELECT w.id,
               count(*) FILTER (WHERE local::date = date '2026-03-01') AS last_day,
               count(*) FILTER (WHERE local::date = date '2026-02-22') AS week_before
        FROM messages m
        JOIN channels c ON c.id = m.channel_id
        JOIN workspaces w ON w.id = c.workspace_id,
        LATERAL (SELECT m.created_at AT TIME ZONE 'UTC' AT TIME ZONE (w.settings ->> 'timezone')) zoned(local)
        GROUP BY w.id
    """

    for workspace, last_day, week_before in rows(filled, query):
        assert last_day > 0.6 * week_before > 0, workspace


def test_the_sample_has_what_reports_warn_of(filled):
    """In the month before the date, in the largest workspace."""
    query = """
        SELECT (SELECT count(*) FROM tasks WHERE workspace_id = 'demo-workspace-acme'
                AND status IN ('TODO', 'IN_PROGRESS', 'BLOCKED') AND due_date < timestamp '2026-03-02') AS overdue,
               (SELECT count(*) FROM workflow_executions WHERE workspace_id = 'demo-workspace-acme'
                AND status IN ('FAILED', 'TIMEOUT') AND error IS NOT NULL AND started_at >= timestamp '2026-02-01'),
               (SELECT count(*) FROM channels c WHERE workspace_id = 'demo-workspace-acme' AND type = 'PUBLIC'
                AND NOT is_archived AND NOT EXISTS (SELECT FROM messages m WHERE m.channel_id = c.id
                                                    AND m.created_at >= timestamp '2026-02-20')) AS quiet,
               (SELECT count(*) FROM audit_logs WHERE severity = 'critical' AND created_at >= timestamp '2026-02-20'),
               (SELECT count(*) FROM export_jobs WHERE workspace_id = 'demo-workspace-acme' AND status = 'FAILED'),
               (SELECT count(*) FROM workspace_members w WHERE workspace_id = 'demo-workspace-acme'
                AND NOT EXISTS (SELECT FROM messages m WHERE m.author_id = w.user_id
                                AND m.created_at >= timestamp '2026-02-01')) AS inactive
    """

    (found,) = rows(filled, query)

    assert all(found), found


@pytest.mark.parametrize(
    ("mistake", "query"),
    [
        (
            "a reply to another channel or to the future",
            "SELECT m.id FROM messages m JOIN messages p ON p.id = m.parent_id"
            " WHERE p.channel_id <> m.channel_id OR p.created_at > m.created_at OR p.parent_id IS NOT NULL",
        ),
        (
            "a message of somebody who is not in the channel at that time",
            "SELECT m.id FROM messages m LEFT JOIN channel_members c"
            " ON c.channel_id = m.channel_id AND c.user_id = m.author_id"
            " AND m.created_at >= c.joined_at AND m.created_at < coalesce(c.left_at, 'infinity') WHERE c.id IS NULL",
        ),
        (
            "a message in a channel that is not there yet or archived already",
            "SELECT m.id FROM messages m JOIN channels c ON c.id = m.channel_id"
            " WHERE m.created_at < c.created_at OR (c.is_archived AND m.created_at >= c.updated_at)",
        ),
        (
            "a flag that its moment contradicts",
            "SELECT id FROM messages"
            " WHERE is_edited <> (edited_at IS NOT NULL) OR is_deleted <> (deleted_at IS NOT NULL)",
        ),
        (
            "a reaction before its message",
            "SELECT r.id FROM reactions r JOIN messages m ON m.id = r.message_id WHERE r.created_at <= m.created_at",
        ),
        (
            "a task whose completion its status contradicts",
            "SELECT id FROM tasks WHERE (status = 'DONE') <> (completed_at IS NOT NULL) OR completed_at <= created_at",
        ),
        (
            "a task that another workspace's helper works on",
            "SELECT t.id FROM tasks t JOIN vps v ON v.id = t.vp_id WHERE v.workspace_id <> t.workspace_id",
        ),
        (
            "an execution in another workspace than its workflow",
            "SELECT e.id FROM workflow_executions e JOIN workflows w ON w.id = e.workflow_id"
            " WHERE e.workspace_id <> w.workspace_id",
        ),
        (
            "an execution whose duration is not the time it took",
            "SELECT id FROM workflow_executions"
            " WHERE extract(epoch FROM completed_at - started_at) * 1000 <> duration_ms"
            " OR (status IN ('RUNNING', 'PENDING')) <> (completed_at IS NULL)",
        ),
        (
            "a workflow whose counters are not those of its executions",
            "SELECT w.id FROM workflows w WHERE execution_count <>"
            " (SELECT count(*) FROM workflow_executions e WHERE e.workflow_id = w.id AND NOT is_simulation)",
        ),
        (
            "an address that could exist",
            "SELECT address FROM (SELECT email AS address FROM users UNION ALL SELECT unnest(email_recipients"
            " || email_cc_recipients || email_bcc_recipients) FROM scheduled_reports) addresses"
            " WHERE address NOT LIKE '%.example'",
        ),
        (
            "a report of somebody who is not a member of its workspace",
            "SELECT r.id FROM scheduled_reports r LEFT JOIN workspace_members m"
            " ON m.workspace_id = r.workspace_id AND m.user_id = r.created_by_id AND m.role <> 'GUEST'"
            " WHERE m.id IS NULL",
        ),
        (
            "a report about security or of its own making by somebody without the rank",
            "SELECT r.id FROM scheduled_reports r JOIN workspace_members m"
            " ON m.workspace_id = r.workspace_id AND m.user_id = r.created_by_id"
            " WHERE \"reportType\" IN ('security-audit', 'custom') AND m.role NOT IN ('ADMIN', 'OWNER')",
        ),
        (
            "an id that a URL or a host name would have to escape",
            "SELECT id FROM messages WHERE id !~ '^[a-z0-9-]+$' UNION ALL"
            " SELECT id FROM scheduled_reports WHERE id !~ '^[a-z0-9-]+$' UNION ALL"
            " SELECT id FROM channels WHERE id !~ '^[a-z0-9-]+$' UNION ALL"
            " SELECT id FROM users WHERE id !~ '^[a-z0-9-]+$'",
        ),
    ],
)
def test_the_sample_holds_no(filled, mistake, query):
    assert rows(filled, query) == [], mistake


def test_the_gate_lets_through_what_is_not_broken_on_purpose(filled):
    _, rejections = parse(PostgresDefinitions(filled).rows(limit=100))
    built = [one for one in rejections if not any("not built yet" in problem.reason for problem in one.problems)]

    assert {one.name.partition(":")[0] for one in built} == {"Broken"}


def test_every_value_of_the_enums_a_report_may_group_by_occurs(filled):
    expected = {
        ("channels", "type"): {"PUBLIC", "PRIVATE", "DM", "HUDDLE"},
        ("messages", "type"): {"TEXT", "FILE", "SYSTEM", "COMMAND"},
        ("tasks", "status"): {"TODO", "IN_PROGRESS", "BLOCKED", "DONE", "CANCELLED"},
        ("tasks", "priority"): {"CRITICAL", "HIGH", "MEDIUM", "LOW"},
        ("users", "status"): {"ACTIVE", "INACTIVE", "PENDING", "SUSPENDED"},
        ("workflow_executions", "status"): {"PENDING", "RUNNING", "COMPLETED", "FAILED", "CANCELLED", "TIMEOUT"},
        ("workflows", "status"): {"ACTIVE", "INACTIVE", "DRAFT", "ARCHIVED"},
        ("workspace_members", "role"): {"OWNER", "ADMIN", "MEMBER", "GUEST"},
        ("audit_logs", "severity"): {"info", "warning", "critical"},
    }

    found = {
        (table, column): {value for (value,) in rows(filled, f"SELECT DISTINCT {column} FROM {table}")}
        for table, column in expected
    }

    assert found == expected


def test_some_audit_entries_lead_to_no_workspace(filled):
    query = """
        SELECT count(*) FILTER (WHERE c.id IS NOT NULL), count(*) FILTER (WHERE c.id IS NULL)
        FROM audit_logs a LEFT JOIN channels c ON c.id = a.resource_id WHERE a.resource_type = 'channel'
    """

    resolved, unresolved = rows(filled, query)[0]

    assert resolved > unresolved > 0


@pytest.fixture(scope="module")
def filled(postgres):
    """A database with the default sample, for read-only tests."""
    dsn = postgres.create_database("sample")
    seed(dsn, until=UNTIL)
    yield dsn
    postgres.drop_database("sample")


def rows(dsn: str, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(dsn) as connection:
        return connection.execute(query).fetchall()


def run(dsn: str, query: str, *values: str) -> None:
    with psycopg.connect(dsn) as connection:
        connection.execute(query, values or None)


def tables(dsn: str) -> list[tuple[str]]:
    return rows(dsn, "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")


def content(dsn: str) -> dict[str, str]:
    """Return a fingerprint of each of the application's tables, independent of the order of rows and columns."""
    query = "SELECT coalesce(string_agg(to_jsonb(t)::text, E'\\n' ORDER BY t.id), '') FROM {} t"
    with psycopg.connect(dsn) as connection:
        return {
            table: sha256(
                connection.execute(sql.SQL(query).format(sql.Identifier(table))).fetchone()[0].encode()
            ).hexdigest()
            for (table,) in tables(dsn)
        }


def strip_to_primary_keys(dsn: str) -> None:
    """Remove everything from the application's tables except columns, types and primary keys."""
    run(
        dsn,
        """
        DO $$
        DECLARE command text;
        BEGIN
            FOR command IN
                SELECT format('ALTER TABLE %s DROP CONSTRAINT %I', conrelid::regclass, conname)
                FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND contype IN ('f', 'u', 'c')
                UNION ALL
                SELECT format('DROP INDEX %s', indexrelid::regclass) FROM pg_index JOIN pg_class ON oid = indexrelid
                WHERE relnamespace = 'public'::regnamespace AND NOT indisprimary
                UNION ALL
                SELECT format('ALTER TABLE %I ALTER %I DROP DEFAULT', table_name, column_name)
                FROM information_schema.columns WHERE table_schema = 'public' AND column_default IS NOT NULL
            LOOP
                EXECUTE command;
            END LOOP;
        END
        $$
        """,
    )
