"""A run gives the same files whatever the database, the role, the environment or a pooled session has set."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from include.scheduled_reports.adapters.postgres.brands import PostgresBrands
from include.scheduled_reports.adapters.postgres.migrate import migrate
from include.scheduled_reports.adapters.postgres.reports import PostgresDefinitions
from include.scheduled_reports.adapters.postgres.source import PostgresSource
from include.scheduled_reports.adapters.postgres.upkeep import PostgresUpkeepStore
from include.scheduled_reports.adapters.postgres.web_reports import PostgresReports
from include.scheduled_reports.domain.brand import Brand
from include.scheduled_reports.domain.errors import ConfigurationError, TransientError
from include.scheduled_reports.domain.formats import Format
from include.scheduled_reports.domain.run import Actor, AuditAction, RunKind, RunState
from include.scheduled_reports.reports.fields import DEFAULTS
from tests.contract.tables import add_people, add_report, execute
from tests.contract.test_source_port import value
from tests.integration.database import NEOLITH
from tests.integration.pgbouncer import pooled
from tests.integration.stages import MESSAGES, TRIGGER, services_on, walk

#: Settings that change what PostgreSQL prints or reads, with values that operators have.
HOSTILE = {
    "DateStyle": "SQL, DMY",
    "IntervalStyle": "sql_standard",
    "TimeZone": "Asia/Kolkata",
    "extra_float_digits": "-3",
    "bytea_output": "escape",
    "quote_all_identifiers": "on",
    "standard_conforming_strings": "off",
    "transform_null_equals": "on",
    "default_transaction_isolation": "serializable",
}
#: Every value here depends on one of those settings, and is what PostgreSQL prints with its defaults.
PRINTED = {
    "(timestamptz '2026-05-04 22:30+00')::text": "2026-05-04 22:30:00+00",
    "(date '2026-05-04')::text": "2026-05-04",
    "(interval '1 day 02:03')::text": "1 day 02:03:00",
    "(0.1::float8 + 0.2::float8)::text": "0.30000000000000004",
    "'\\x00ff'::bytea::text": "\\x00ff",
    "quote_ident('plain')": "plain",
    "(NULL = NULL) IS NULL": True,
}


@contextmanager
def database(postgres, settings=(), **options):
    """Create a migrated database with an encoding and with settings of its own, people, messages and one report."""
    name = f"settings_{uuid4().hex}"
    with psycopg.connect(postgres.dsn(), autocommit=True) as administration:
        clauses = [sql.SQL(f"{clause} {{}}").format(sql.Literal(value)) for clause, value in options.items()]
        administration.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE template0 {}").format(sql.Identifier(name), sql.SQL(" ").join(clauses))
        )
        for setting, value in dict(settings).items():
            administration.execute(
                sql.SQL("ALTER DATABASE {} SET {} = {}").format(
                    sql.Identifier(name), sql.Identifier(setting), sql.Literal(value)
                )
            )
    dsn = postgres.dsn(name)
    try:
        with psycopg.connect(dsn) as connection:
            connection.execute(NEOLITH.encode())
        migrate(dsn)
        add_people(dsn)
        add_report(dsn, id="r1", export_formats=["csv", "json", "html"], name="Zürich")
        execute(dsn, MESSAGES)
        yield dsn
    finally:
        postgres.drop_database(name)


def files_of_a_run(dsn, staging):
    """Run the report; return its files by name."""
    services = services_on(dsn, staging)
    assert walk(services).state is RunState.SUCCESS
    return {one.format: services.store.files[one.object_key] for one in services.runs.artifacts(TRIGGER.key)}


@pytest.fixture(scope="module")
def usual(postgres, tmp_path_factory):
    """The files of a database with PostgreSQL's defaults."""
    with database(postgres) as dsn:
        return files_of_a_run(dsn, tmp_path_factory.mktemp("staging"))


def test_the_usual_files_contain_the_reports_name_and_its_two_messages(usual):
    assert set(usual) == {Format.CSV, Format.JSON, Format.HTML}
    assert "Zürich".encode() in usual[Format.JSON]


@pytest.mark.parametrize("encoding", ["LATIN1", "WIN1252", "LATIN9", "SQL_ASCII"])
def test_files_are_the_same_from_a_database_of_any_encoding(postgres, usual, tmp_path, encoding):
    with database(postgres, ENCODING=encoding, LOCALE="C") as dsn:
        assert files_of_a_run(dsn, tmp_path) == usual


def test_files_are_the_same_whatever_the_database_sets(postgres, usual, tmp_path):
    with database(postgres, HOSTILE) as dsn:
        assert files_of_a_run(dsn, tmp_path) == usual


def test_files_are_the_same_whatever_the_environment_sets(postgres, usual, tmp_path, monkeypatch):
    for name, setting in {"PGCLIENTENCODING": "LATIN1", "PGDATESTYLE": "SQL, DMY", "PGTZ": "Asia/Kolkata"}.items():
        monkeypatch.setenv(name, setting)
    with database(postgres) as dsn:
        assert files_of_a_run(dsn, tmp_path) == usual


def test_files_are_the_same_through_pgbouncer_whose_sessions_others_have_changed(postgres, usual, tmp_path):
    with database(postgres) as dsn, pooled(dsn, tmp_path) as through:
        with psycopg.connect(through, autocommit=True, prepare_threshold=None) as other:
            for setting, changed in HOSTILE.items():
                if setting not in ("quote_all_identifiers", "standard_conforming_strings"):
                    other.execute(f"SET {setting} = '{changed}'")
        assert files_of_a_run(through, tmp_path / "staging") == usual
        with psycopg.connect(through, autocommit=True, prepare_threshold=None) as other:
            (left,) = other.execute("SHOW IntervalStyle").fetchone()
        assert left == "sql_standard"  # what we set has ended with our transactions


@pytest.mark.parametrize("messages", ["together", "separate"])
@pytest.mark.parametrize(
    "conf", [{}, {"recipients": ["ada@acme.example"], "mail": True}, {"resend": TRIGGER.key.run_id}]
)
def test_a_pool_of_one_session_is_enough_to_mail(postgres, tmp_path, messages, conf):
    """What a claim asks about the report, it asks in its own transaction."""
    with database(postgres) as dsn, pooled(dsn, tmp_path) as through:
        services = services_on(through, tmp_path / "staging")
        services.settings = replace(services.settings, messages=messages)
        assert walk(services).state is RunState.SUCCESS
        again = replace(TRIGGER, key=replace(TRIGGER.key, run_id="manual__2"), kind=RunKind.MANUAL, conf=conf)

        assert walk(services, again).state is RunState.SUCCESS
        assert len(services.mailer.sent) == 2


@pytest.mark.parametrize(("expression", "printed"), PRINTED.items())
def test_a_query_prints_values_as_with_the_defaults(hostile_source, expression, printed):
    assert value(hostile_source, expression) == printed


@pytest.fixture(scope="module")
def hostile_source(postgres):
    with database(postgres, HOSTILE) as dsn:
        yield PostgresSource(dsn)


def test_quoted_identifiers_behind_pgbouncer_are_an_error_that_says_what_to_do(postgres, tmp_path):
    refused = pytest.raises(ConfigurationError, match="ALTER ROLE … SET quote_all_identifiers = off")
    with database(postgres, {"quote_all_identifiers": "on"}) as dsn, pooled(dsn, tmp_path) as through, refused:
        value(PostgresSource(through), "1")


def test_a_name_that_the_databases_encoding_lacks_is_refused_and_not_changed(postgres):
    new = {"id": "r2", "workspace_id": "ws1", "created_by_id": "u1", "name": "東京", "reportType": "custom"}
    with database(postgres, ENCODING="LATIN1", LOCALE="C") as dsn:
        with pytest.raises(ConfigurationError, match="encoding cannot store"):
            PostgresReports(dsn).insert({**DEFAULTS, **new}, Actor(user="op", acting_user=None))
        assert [row["id"] for row in PostgresDefinitions(dsn).rows(limit=10)] == ["r1"]


def test_a_brand_is_kept_in_any_encoding_or_refused_and_never_changed(postgres):
    act = AuditAction(action="branded", actor=Actor(user="op", acting_user=None), workspace_id="ws1")
    logo = f"data:image/svg+xml;base64,{'QUJD' * 100}"
    with database(postgres, ENCODING="LATIN1", LOCALE="C") as dsn:
        brands = PostgresBrands(dsn)
        for kept in (Brand(name="Müller", logo=logo), Brand(name="Müller", colour="#aa0000")):
            assert brands.save("ws1", kept, act)
            assert brands.of("ws1") == kept
        with pytest.raises(ConfigurationError, match="encoding cannot store"):
            brands.save("ws1", Brand(name="東京"), act)
        assert brands.of("ws1") == kept


def test_tables_are_found_with_an_empty_search_path(postgres, usual, tmp_path):
    with database(postgres) as dsn:
        name = conninfo_to_dict(dsn)["dbname"]
        execute(dsn, f"ALTER DATABASE \"{name}\" SET search_path = ''")
        assert [row["id"] for row in PostgresDefinitions(dsn).rows(limit=10)] == ["r1"]
        assert files_of_a_run(dsn, tmp_path) == usual


def test_tables_are_made_beside_the_applications_although_a_schema_is_named_like_the_role(postgres, bare_dsn):
    with psycopg.connect(bare_dsn) as connection:
        connection.execute(NEOLITH.encode())
        connection.execute("CREATE SCHEMA postgres")

    migrate(bare_dsn)

    with psycopg.connect(bare_dsn) as connection:
        found = connection.execute(
            "SELECT relname, relnamespace::regnamespace::text FROM pg_class "
            "WHERE relname IN ('scheduled_reports', 'report_executions') ORDER BY 1"
        ).fetchall()
    assert found == [("report_executions", "public"), ("scheduled_reports", "public")]


def test_migrate_refuses_a_schema_named_like_the_role_if_it_cannot_know_the_applications(bare_dsn):
    execute(bare_dsn, "CREATE SCHEMA postgres")

    with pytest.raises(ConfigurationError, match="options=-csearch_path=public"):
        migrate(bare_dsn)


def test_migrate_refuses_tables_that_are_in_another_schema_than_the_applications(bare_dsn):
    migrate(bare_dsn)
    with psycopg.connect(bare_dsn) as connection:
        connection.execute("CREATE SCHEMA application; CREATE TABLE application.workspaces (id text PRIMARY KEY)")

    with pytest.raises(ConfigurationError, match=r"scheduled_reports is in the schema public.*SET SCHEMA application"):
        migrate(f"{bare_dsn}?options=-csearch_path%3Dapplication%2Cpublic")


def test_a_server_that_is_read_only_for_a_while_is_asked_again_later(migrated_dsn):
    name = conninfo_to_dict(migrated_dsn)["dbname"]
    with psycopg.connect(migrated_dsn, autocommit=True) as connection:
        connection.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')

    with pytest.raises(TransientError, match="25006"):
        PostgresUpkeepStore(migrated_dsn).set_next_runs({"r1": None})
