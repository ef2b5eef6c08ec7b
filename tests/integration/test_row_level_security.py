"""deploy/sql/row-level-security.sql on a copy: PostgreSQL keeps the reading role to one workspace, whatever is asked."""

from __future__ import annotations

import psycopg
import pytest

from include.scheduled_reports.catalog import report_types
from tests.integration.hand import ask, fill
from tests.integration.test_roles import ROLES, Roles, psql
from tests.integration.test_tenants import WORDS

RLS = ROLES.with_name("row-level-security.sql")
KINDS = sorted(set(report_types()) - {"custom"})
#: One of each source that a custom report may ask.
SOURCES = [{"customFilters": {"source": source}} for source in sorted(WORDS)]
ASKED = [(kind, None) for kind in KINDS] + [("custom", parameters) for parameters in SOURCES]
#: The tables that have a workspace, by themselves or through another one.
TABLES = (
    "audit_logs", "channel_members", "channels", "export_jobs", "files", "message_attachments", "messages", "reactions",
    "report_executions", "scheduled_reports", "tasks", "workflow_executions", "workflows", "workspace_members",
    "workspaces",
)  # fmt: skip
#: What is known of two workspaces by the ids in hand.py: those of the first begin with `a`.
COUNTS = "SELECT count(*) FILTER (WHERE id LIKE 'a%%'), count(*) FROM {}"


@pytest.fixture
def roles(migrated_dsn):
    """Two workspaces of the same shape, the roles, and the policies."""
    fill(migrated_dsn, "a")
    fill(migrated_dsn, "z")
    made = Roles(migrated_dsn)
    made.make()
    yield made
    made.drop()


@pytest.fixture
def guarded(roles):
    psql(roles.dsn, RLS, reading=roles.names["reading"])
    return roles


def within(dsn, workspace, statement):
    """What a statement answers in a transaction of a workspace; of none where that is None."""
    with psycopg.connect(dsn) as connection:
        if workspace is not None:
            connection.execute("SELECT set_config('report.workspace_id', %s, true)", [workspace])
        return connection.execute(statement.encode()).fetchall()


@pytest.mark.parametrize(("kind", "parameters"), ASKED, ids=lambda value: str(value)[:60])
@pytest.mark.parametrize("workspace", ["aw", "zw"])
def test_every_report_type_says_the_same_as_without(guarded, kind, parameters, workspace):
    with_it = ask(guarded.reading, kind, parameters, workspace=workspace)
    without = ask(guarded.dsn, kind, parameters, workspace=workspace)

    assert with_it == without
    assert with_it.data_rows or kind == "security-audit"


@pytest.mark.parametrize("table", TABLES)
def test_a_bare_query_sees_the_rows_of_its_workspace_and_is_an_error_without_one(guarded, table):
    column = "message_id" if table == "message_attachments" else "id"
    statement = f"SELECT {column} FROM {table}"
    theirs = {one for (one,) in within(guarded.dsn, None, statement) if one.startswith("z")}
    seen = {one for (one,) in within(guarded.reading, "aw", statement)}
    both = {one for (one,) in within(guarded.dsn, None, statement)}

    assert seen & theirs == (set() if table != "audit_logs" else seen & theirs)
    if table not in {"audit_logs", "report_executions", "scheduled_reports"}:
        assert theirs
        assert seen == both - theirs
    if both:
        with pytest.raises(psycopg.errors.UndefinedObject, match=r"report\.workspace_id"):
            within(guarded.reading, None, statement)


def test_an_entry_about_another_workspaces_thing_is_not_seen(guarded):
    with psycopg.connect(guarded.dsn) as connection:
        connection.execute(
            "INSERT INTO audit_logs (id, actor_id, actor_type, action, resource_type, resource_id) VALUES "
            "('l1', 'aann', 'user', 'x', 'channel', 'agen'), ('l2', 'aann', 'user', 'x', 'channel', 'zgen'), "
            "('l3', 'aann', 'user', 'x', 'session', 's1'), ('l4', 'aann', 'user', 'x', 'session', NULL)"
        )

    ids = "SELECT id FROM audit_logs WHERE id LIKE 'l%'"
    assert {one for (one,) in within(guarded.reading, "aw", ids)} == {"l1", "l3", "l4"}
    assert {one for (one,) in within(guarded.reading, "zw", ids)} == {"l2", "l3", "l4"}


@pytest.mark.parametrize("trick", ["SELECT set_config('report.workspace_id', 'zw', false)", "RESET ALL"])
def test_what_only_sql_could_do_is_known(guarded, trick):
    """SQL that sets the workspace itself is not held back: the files of report types are code that you deploy."""
    with psycopg.connect(guarded.reading) as connection:
        connection.execute("SELECT set_config('report.workspace_id', 'aw', true)")
        connection.execute(trick)
        if trick == "RESET ALL":
            # An empty value, which is no workspace.
            assert connection.execute("SELECT count(*) FROM messages").fetchone() in [(0,), None]
        else:
            assert connection.execute("SELECT count(*) FROM messages WHERE id LIKE 'a%'").fetchone() == (0,)


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
