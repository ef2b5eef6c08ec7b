"""The database role of the public door, which may call five functions and nothing else."""

from __future__ import annotations

import psycopg
import pytest

from include.scheduled_reports.adapters.postgres.door import PostgresDoor
from include.scheduled_reports.domain.formats import Format
from include.scheduled_reports.domain.reader import LeftBy
from tests.contract.door import Scene
from tests.integration.roles import ROLES, Roles, psql


@pytest.fixture
def scene(migrated_dsn):
    return Scene.make(migrated_dsn)


@pytest.fixture
def roles(scene):
    """Create the roles of the operator's script, and a user for each."""
    made = Roles(scene.dsn)
    made.make()
    yield made
    made.drop()


def test_the_public_door_needs_no_more_than_the_public_role(roles, scene):
    door = PostgresDoor(roles.public)

    assert door.file(scene.ada, Format.CSV, is_opening=True)
    assert door.reader(scene.ada).report == "Weekly activity"
    assert door.leave(scene.ada, LeftBy.PAGE)
    assert [one.has_left for one in door.reports(scene.ada)] == [True, False]
    assert door.switch(scene.ada, "r1", receives=True)
    assert scene.openings(scene.ada) == (1, 0)


def test_the_public_role_reads_no_column_of_any_table(roles):
    with psycopg.connect(roles.dsn) as connection:
        readable = connection.execute(
            "SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
            "WHERE n.nspname NOT IN ('pg_catalog', 'information_schema') AND c.relkind IN ('r', 'v', 'm', 'p', 'S') "
            "AND (CASE c.relkind WHEN 'S' THEN has_sequence_privilege(%(who)s, c.oid, 'USAGE, SELECT, UPDATE') "
            "ELSE has_table_privilege(%(who)s, c.oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE, TRIGGER') "
            "OR has_any_column_privilege(%(who)s, c.oid, 'SELECT, INSERT, UPDATE') END)",
            {"who": roles.users["public"]},
        ).fetchall()
        callable_ = connection.execute(
            "SELECT proname FROM pg_proc WHERE pronamespace = 'reporting'::regnamespace "
            "AND has_function_privilege(%s, oid, 'EXECUTE') ORDER BY 1",
            [roles.users["public"]],
        ).fetchall()

    assert readable == []
    # The last one changes tables with the rights of whoever calls it, of which this role has none.
    assert [name for (name,) in callable_] == [
        "calendar_takes_effect", "door_brand", "door_file", "door_reader", "door_reports", "door_switch"
    ]  # fmt: skip


def test_nobody_puts_a_function_of_our_triggers_on_a_table_of_their_own(roles):
    """Everybody may create temporary tables; our trigger functions have the rights of their owner."""
    with psycopg.connect(roles.public) as connection:
        connection.execute("CREATE TEMP TABLE bait (id text, name text, workspace_id text)")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(
                "CREATE TRIGGER t AFTER DELETE ON bait FOR EACH ROW EXECUTE FUNCTION reporting.report_went()"
            )


def test_the_door_is_not_led_to_tables_and_functions_of_somebody_else(roles, scene):
    with psycopg.connect(roles.public) as connection:
        for table in ("scheduled_reports", "workspaces", "pg_trigger", "readers"):
            connection.execute(f"CREATE TEMP TABLE {table} (id text, name text)")
        connection.execute("CREATE FUNCTION pg_temp.lower(text) RETURNS text LANGUAGE sql RETURN 1 / 0")
        connection.execute("SET search_path = pg_temp, pg_catalog")
        rows = connection.execute("SELECT name FROM reporting.door_reports(%s)", [scene.ada]).fetchall()

    assert rows == [("Weekly activity",), ("Ärger & <Co>",)]


def test_it_works_where_the_reading_role_is_kept_to_one_workspace(roles, scene):
    psql(scene.dsn, ROLES.with_name("row-level-security.sql"), reading=roles.names["reading"])

    assert PostgresDoor(roles.public).file(scene.ada, Format.CSV, is_opening=True)


REFUSED = (
    "SELECT FROM scheduled_reports",
    "SELECT FROM workspaces",
    "SELECT FROM reporting.readers",
    "SELECT FROM reporting.opt_outs",
    "INSERT INTO reporting.opt_outs (report_id) VALUES ('r1')",
    "UPDATE reporting.readers SET revoked_at = NULL",
    "SELECT FROM reporting.door_found(gen_random_uuid())",
    "SELECT FROM reporting.door_rows('ws1')",
    "SELECT reporting.door_names('{}', '{}')",
    "SELECT reporting.calendar_takes_effect('ws1', 'DE')",
    "CREATE TABLE reporting.mine (id int)",
)


def test_it_is_refused_everything_else(roles):
    assert [one for one in REFUSED if not roles.refused("public", one)] == []
