"""deploy/sql/row-level-security.sql on a copy: PostgreSQL itself restricts the reading role to one workspace."""

from __future__ import annotations

from contextlib import contextmanager

import psycopg
import pytest

from include.scheduled_reports.reports.types.catalog import report_types
from tests.conftest import copied
from tests.integration.handmade_workspace import ask, fill
from tests.integration.roles import ROLES, Roles, psql
from tests.integration.test_tenants import WORDS

RLS = ROLES.with_name("row-level-security.sql")
KINDS = sorted(set(report_types()) - {"custom"})
#: Parameters of a custom report, one for each source.
SOURCES = [{"customFilters": {"source": source}} for source in sorted(WORDS)]
ASKED = [(kind, None) for kind in KINDS] + [("custom", parameters) for parameters in SOURCES]
#: The tables that belong to a workspace, directly or through another table.
TABLES = (
    "audit_logs", "channel_members", "channels", "export_jobs", "files", "message_attachments", "messages", "reactions",
    "report_executions", "scheduled_reports", "tasks", "workflow_executions", "workflows", "workspace_members",
    "workspaces",
)  # fmt: skip
#: Rows that handmade_workspace.py lacks; ids of one workspace begin with `a`, those of the other with `z`.
MORE = """
INSERT INTO channel_members (id, channel_id, user_id, joined_at) VALUES ('#cm', '#gen', '#ann', '2026-01-01');
INSERT INTO scheduled_reports
    (id, name, "reportType", cron_expression, email_recipients, workspace_id, created_by_id, updated_at)
VALUES ('#rep', '#Report', 'custom', '0 9 * * 1', '{}', '#w', '#ann', now());
INSERT INTO report_executions (id, scheduled_report_id, triggered_by, format, scheduled_for)
VALUES ('#ex', '#rep', 'system', 'CSV', now());
INSERT INTO audit_logs (id, actor_id, actor_type, action, resource_type, resource_id, severity, created_at) VALUES
    ('#l1', '#ann', 'user', 'channel.renamed', 'channel', '#gen', 'info', '2026-03-24'),
    ('#l2', '#ann', 'user', 'login.failed', 'session', '#s1', 'warning', '2026-03-25'),
    ('#l3', '#ben', 'user', 'report.changed', 'ScheduledReport', '#rep', 'info', '2026-03-26'),
    ('#l4', '#ben', 'user', 'message.deleted', 'messages', '#p1', 'critical', '2026-03-26'),
    ('#l5', '#bot', 'vp', 'task.made', 'task', NULL, 'info', '2026-03-26');
"""
#: Rows that should not exist, but can: members of one workspace who act in the other.
ACROSS = """
INSERT INTO audit_logs (id, actor_id, actor_type, action, resource_type, resource_id, created_at) VALUES
    ('x1', 'aann', 'user', 'role.granted', 'channel', 'zgen', '2026-03-26'),
    ('x2', 'zann', 'user', 'role.granted', 'workspace', 'aw', '2026-03-26');
"""


@contextmanager
def with_roles(dsn):
    """Two workspaces of the same shape, and the roles."""
    fill(dsn, "a")
    fill(dsn, "z")
    with psycopg.connect(dsn) as connection:
        for prefix in "az":
            connection.execute(MORE.replace("#", prefix).encode())
        connection.execute(ACROSS.encode())
    made = Roles(dsn)
    made.make()
    yield made
    made.drop()


@pytest.fixture
def roles(migrated_dsn):
    with with_roles(migrated_dsn) as made:
        yield made


@pytest.fixture
def guarded(roles):
    """The roles, and the policies."""
    psql(roles.dsn, RLS, reading=roles.names["reading"])
    return roles


@pytest.fixture(scope="module")
def unchanged(postgres, migrated_template):
    """The same for read-only tests."""
    with copied(postgres, migrated_template) as dsn, with_roles(dsn) as made:
        psql(dsn, RLS, reading=made.names["reading"])
        yield made


def within(dsn, workspace, statement):
    """Return the result of a statement in a transaction of a workspace, or without one."""
    with psycopg.connect(dsn) as connection:
        if workspace is not None:
            connection.execute("SELECT set_config('report.workspace_id', %s, true)", [workspace])
        return connection.execute(statement.encode()).fetchall()


@pytest.mark.parametrize(("kind", "parameters"), ASKED, ids=lambda value: str(value)[:60])
@pytest.mark.parametrize("workspace", ["aw", "zw"])
def test_every_report_type_says_the_same_as_without(unchanged, kind, parameters, workspace):
    with_it = ask(unchanged.reading, kind, parameters, workspace=workspace)
    without = ask(unchanged.dsn, kind, parameters, workspace=workspace)

    assert with_it == without
    assert with_it.data_rows


@pytest.mark.parametrize("table", TABLES)
def test_a_bare_query_sees_the_rows_of_its_workspace_and_is_an_error_without_one(unchanged, table):
    column = "message_id" if table == "message_attachments" else "id"
    statement = f"SELECT {column} FROM {table} WHERE {column} ~ '^[az]'"
    everything = {one for (one,) in within(unchanged.dsn, None, statement)}
    ours = {one for one in everything if one.startswith("a")}
    # An audit entry about no object of a workspace can belong to any; the report type decides by its actor.
    of_none = {"zl2", "zl5"} if table == "audit_logs" else set()

    assert ours
    assert everything - ours
    assert {one for (one,) in within(unchanged.reading, "aw", statement)} == ours | of_none
    with pytest.raises(psycopg.errors.UndefinedObject, match=r"report\.workspace_id"):
        within(unchanged.reading, None, statement)


def test_an_entry_about_another_workspaces_thing_is_not_seen(unchanged):
    statement = "SELECT id FROM audit_logs WHERE id LIKE 'x%'"

    assert within(unchanged.reading, "aw", statement) == [("x2",)]
    assert within(unchanged.reading, "zw", statement) == [("x1",)]


def test_sql_that_sets_the_workspace_itself_is_not_held_back(guarded):
    """Therefore report types are code that you deploy; no row can add SQL."""
    with psycopg.connect(guarded.reading) as connection:
        connection.execute("SELECT set_config('report.workspace_id', 'aw', true)")
        connection.execute("SELECT set_config('report.workspace_id', 'zw', true)")
        assert connection.execute("SELECT DISTINCT left(id, 1) FROM messages").fetchall() == [("z",)]


def test_everybody_else_sees_and_does_what_he_did(guarded):
    for dsn in (guarded.dsn, guarded.app):
        assert within(dsn, None, "SELECT count(*) FROM channels WHERE id LIKE 'z%'")[0][0] > 0
    with psycopg.connect(guarded.app) as connection:
        assert connection.execute("UPDATE channels SET name = name").rowcount == 16
        connection.execute("DELETE FROM channels WHERE id = 'zgen'")
    assert within(guarded.writing, None, "SELECT count(*) FROM workspaces")[0][0] == 2


def test_it_is_safe_to_repeat_and_can_be_undone(guarded):
    policies = "SELECT tablename, policyname, qual FROM pg_policies ORDER BY 1, 2"
    before = within(guarded.dsn, None, policies)
    psql(guarded.dsn, RLS, reading=guarded.names["reading"])
    again = within(guarded.dsn, None, policies)
    psql(guarded.dsn, RLS, reading=guarded.names["reading"], undo=1)

    assert len(before) == 2 * len(TABLES)
    assert again == before
    assert within(guarded.dsn, None, policies) == []
    assert within(guarded.reading, None, "SELECT count(*) FROM channels") == [(16,)]


def test_policies_of_the_application_are_not_opened(roles):
    with psycopg.connect(roles.dsn) as connection:
        connection.execute("CREATE POLICY own ON files USING (false)")

    with pytest.raises(AssertionError, match="there are policies already on files"):
        psql(roles.dsn, RLS, reading=roles.names["reading"])
