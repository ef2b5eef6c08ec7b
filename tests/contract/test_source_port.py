"""Port `Source`: each query runs in one scope; PostgreSQL's values arrive exactly, without data of other workspaces."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta

import adbc_driver_postgresql.dbapi as adbc
import psycopg
import pyarrow as pa
import pytest

from demo.processes import free_port
from include.scheduled_reports.adapters.postgres.source import PostgresSource
from include.scheduled_reports.domain.errors import ReportTypeError, StagingMissingError, TransientError
from include.scheduled_reports.ports.source import Scope
from include.scheduled_reports.reports.types.catalog import report_types
from include.scheduled_reports.reports.types.custom_sql import with_datasets
from include.scheduled_reports.testing.services import MemorySource
from tests.contract.tables import add_people, execute

SCOPE = Scope(
    workspace_id="ws1",
    start=datetime(2026, 5, 2, 22, tzinfo=UTC),
    end=datetime(2026, 5, 9, 22, tzinfo=UTC),
    timezone="Europe/Berlin",
    parameters={"channelIds": ["c1"], "includeArchived": True},
)
HOSTILE = "ws1'; DROP TABLE users; --\" \\ $1 %s 世界"


def scope(**changes):
    values = {name: getattr(SCOPE, name) for name in Scope.__slots__}
    return Scope(**(values | changes))


@pytest.fixture
def source(migrated_dsn):
    return PostgresSource(migrated_dsn)


def ask(source, sql, within=SCOPE):
    with source.stream(sql, within) as batches:
        return batches.read_all()


def value(source, expression, within=SCOPE):
    """Return the value of one SQL expression, as Python."""
    (found,) = ask(source, f"SELECT {expression} AS x", within).to_pylist()
    return found["x"]


# Both implementations


@pytest.fixture(params=["memory", "postgres"])
def either(request):
    """A source that answers with the workspace of the scope, once for every row of a series."""
    if request.param == "postgres":
        return PostgresSource(request.getfixturevalue("migrated_dsn"))
    return MemorySource(lambda _, within: pa.table({"n": [1, 2, 3], "workspace": [within.workspace_id] * 3}))


WHERE_AM_I = "SELECT n, current_setting('report.workspace_id') AS workspace FROM generate_series(1, 3) n"


def test_a_query_is_answered_within_its_scope(either):
    for workspace_id in ("ws1", "ws2"):
        assert ask(either, WHERE_AM_I, scope(workspace_id=workspace_id)).to_pydict() == {
            "n": [1, 2, 3],
            "workspace": [workspace_id] * 3,
        }


def test_the_answer_is_read_batch_by_batch_and_knows_its_columns_before(either):
    with either.stream(WHERE_AM_I, SCOPE) as batches:
        names = batches.schema.names
        rows = sum(batch.num_rows for batch in batches)

    assert (names, rows) == (["n", "workspace"], 3)


def test_an_error_of_the_reader_stays_what_it_is(either):
    with pytest.raises(StagingMissingError, match="gone"), either.stream(WHERE_AM_I, SCOPE):
        raise StagingMissingError("gone")


# Scope


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("report.workspace_id", "ws1"),
        ("report.start", "2026-05-02T22:00:00"),
        ("report.end", "2026-05-09T22:00:00"),
        ("report.timezone", "Europe/Berlin"),
        ("report.parameters", '{"channelIds":["c1"],"includeArchived":true}'),
    ],
)
def test_a_query_sees_the_settings_of_its_scope(source, setting, expected):
    assert value(source, f"current_setting('{setting}')") == expected


def test_moments_are_given_in_utc_as_the_applications_columns_hold_them(source):
    moment = datetime.fromisoformat("2026-05-03T00:00:00+02:00")

    assert value(source, "current_setting('report.start')::timestamp", scope(start=moment)) == datetime(2026, 5, 2, 22)  # noqa: DTZ001


def test_settings_are_bound_and_never_part_of_a_statement(source, migrated_dsn):
    add_people(migrated_dsn)
    hostile = scope(workspace_id=HOSTILE, timezone=HOSTILE, parameters={"channelIds": [HOSTILE]})

    assert value(source, "current_setting('report.workspace_id')", hostile) == HOSTILE
    assert value(source, "current_setting('report.parameters')::jsonb -> 'channelIds' ->> 0", hostile) == HOSTILE
    assert value(source, "(SELECT count(*) FROM users)") == 4


@contextmanager
def one_session(dsn, monkeypatch):
    """Make all connections share one session, as behind a pooler; closing one only commits the transaction."""
    real = adbc.connect(dsn, autocommit=False)

    class Pooled:
        def cursor(self):
            return real.cursor()

        def rollback(self):
            real.commit()

        close = rollback

    with real:
        monkeypatch.setattr(
            "include.scheduled_reports.adapters.postgres.source.adbc.connect", lambda *_, **__: Pooled()
        )
        yield real


def test_no_setting_outlives_its_transaction_so_that_no_other_tenant_sees_it_behind_a_pooler(migrated_dsn, monkeypatch):
    left = "SELECT current_setting('report.workspace_id', true) AS w, current_setting('statement_timeout') AS t"
    with one_session(migrated_dsn, monkeypatch) as session:
        assert value(PostgresSource(migrated_dsn), "current_setting('report.workspace_id')") == "ws1"

        with session.cursor() as cursor:
            cursor.execute(left)
            assert cursor.fetchall() == [("", "0")]


def test_one_query_after_the_other_is_on_the_same_connection(source):
    assert value(source, "pg_backend_pid()") == value(source, "pg_backend_pid()")


def test_a_connection_whose_query_failed_is_not_used_again(source):
    first = value(source, "pg_backend_pid()")

    with pytest.raises(ReportTypeError):
        value(source, "1/0")

    assert value(source, "pg_backend_pid()") != first


def test_a_query_is_in_a_transaction_of_its_own_that_sees_what_was_written_meanwhile(source, migrated_dsn):
    before = value(source, "(SELECT count(*) FROM users)")
    add_people(migrated_dsn)

    assert (before, value(source, "(SELECT count(*) FROM users)")) == (0, 4)


def made_of(kind, source):
    """Make the queries of a type with sources, by a report that requests every column of one source."""
    return with_datasets(kind, {"customFilters": {"source": source.name}})


KINDS = [
    *(kind for kind in report_types().values() if not kind.sources),
    *(made_of(kind, source) for kind in report_types().values() for source in kind.sources),
]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.title)
def test_the_queries_of_every_report_type_fail_without_a_scope(kind, migrated_dsn):
    for sql in (kind.figures_sql, *(dataset.sql for dataset in kind.datasets)):
        with (
            psycopg.connect(migrated_dsn) as connection,
            pytest.raises(psycopg.errors.UndefinedObject, match="unrecognized configuration parameter"),
        ):
            connection.execute(sql)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.title)
def test_the_queries_of_every_report_type_give_the_columns_it_declares(kind, source):
    figures = ask(source, kind.figures_sql, scope(parameters={}))
    assert figures.num_rows == 1
    assert figures.column_names == [spec.column.name for spec in kind.figures]
    for dataset in kind.datasets:
        found = ask(source, dataset.sql, scope(parameters={}))
        assert found.column_names == [column.name for column in dataset.columns], dataset.name


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM users RETURNING 1",
        "WITH gone AS (DELETE FROM users RETURNING 1) SELECT * FROM gone",
        "CREATE TABLE mine AS SELECT 1",
        "SELECT nextval('counting')",
    ],
)
def test_a_query_can_only_read(source, migrated_dsn, statement):
    add_people(migrated_dsn)
    execute(migrated_dsn, "CREATE SEQUENCE counting")

    with pytest.raises(ReportTypeError, match="SQLSTATE 25006"):
        ask(source, statement)

    assert value(source, "(SELECT count(*) FROM users)") == 4


# Values


@pytest.mark.parametrize("number", ["12345678901234567890.123456789", "0.1", "-0.000000001", "9" * 30])
def test_numeric_arrives_exactly_as_text(source, number):
    column = ask(source, f"SELECT '{number}'::numeric AS x").column("x").combine_chunks()

    assert isinstance(column, pa.ExtensionArray)
    assert column.storage.to_pylist() == [number]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("9223372036854775807::bigint", 9_223_372_036_854_775_807),
        ("count(*)", 1),
        ("0.1::float8", 0.1),
        ("true", True),
        ("NULL::text", None),
        ("'007'::text", "007"),
        ("E'two\\nlines; \"quotes\" 世界 🚀'", 'two\nlines; "quotes" 世界 🚀'),
        ("'DONE'::\"TaskStatus\"", "DONE"),
        ("ARRAY['a', NULL, 'c,\"d']::text[]", ["a", None, 'c,"d']),
        ("ARRAY[]::text[]", []),
        ("'2026-02-28'::date", date(2026, 2, 28)),
        ("'2026-05-10 22:30:00.123'::timestamp(3)", datetime(2026, 5, 10, 22, 30, 0, 123_000)),  # noqa: DTZ001
        ("'2026-05-10 22:30+02'::timestamptz", datetime(2026, 5, 10, 20, 30, tzinfo=UTC)),
    ],
)
def test_the_values_of_the_applications_columns_arrive_as_they_are(source, expression, expected):
    assert value(source, expression) == expected


def test_a_result_without_rows_has_its_columns(source):
    found = ask(source, "SELECT 1::bigint AS a, '0.5'::numeric AS b, now() AS c WHERE false")

    assert (found.column_names, found.num_rows) == (["a", "b", "c"], 0)


def test_a_hundred_thousand_rows_arrive_in_several_batches(source):
    with source.stream("SELECT n, repeat('x', 100) AS text FROM generate_series(1, 200000) n", SCOPE) as batches:
        sizes = [batch.num_rows for batch in batches]

    assert sum(sizes) == 200_000
    assert len(sizes) > 1


# Errors


def test_a_query_that_takes_too_long_is_given_up_and_may_be_tried_again(migrated_dsn):
    impatient = PostgresSource(migrated_dsn, statement_timeout=timedelta(milliseconds=100))

    with pytest.raises(TransientError, match=r"aborted a query \(SQLSTATE 57014\)"):
        ask(impatient, "SELECT pg_sleep(20)::text AS x")


def test_a_query_given_up_in_the_middle_of_its_rows_may_be_tried_again(migrated_dsn):
    impatient = PostgresSource(migrated_dsn, statement_timeout=timedelta(milliseconds=500))

    with pytest.raises(TransientError, match=r"aborted a query \(SQLSTATE 57014\)"):
        ask(
            impatient,
            "SELECT n, CASE WHEN n > 300000 THEN pg_sleep(1)::text END AS x FROM generate_series(1, 300100) n",
        )


@pytest.mark.parametrize(
    ("sql", "state"),
    [
        ("SELECT nothing AS x", "42703"),
        ("SELECT 1 / 0 AS x", "22012"),
        ("SELECT current_setting('report.nothing') AS x", "42704"),
        ("SELECT 1 / (n - 300000) AS x FROM generate_series(1, 300100) n", "22012"),  # after many rows
    ],
)
def test_a_query_that_is_wrong_is_a_matter_of_the_report_type(source, sql, state):
    with pytest.raises(ReportTypeError, match=rf"^the report type's query failed \(SQLSTATE {state}\)$"):
        ask(source, sql)


def test_no_error_tells_a_value(source):
    with pytest.raises(ReportTypeError) as refused:
        ask(source, "SELECT 'ada@acme.example'::int AS x")

    assert "ada" not in str(refused.value)


def test_a_database_that_is_away_may_come_back(migrated_dsn):
    away = PostgresSource(psycopg.conninfo.make_conninfo(migrated_dsn, port=free_port()))

    with pytest.raises(TransientError, match="the reports database did not answer"):
        ask(away, "SELECT 1 AS x")


def test_a_database_that_goes_away_in_the_middle_of_the_rows_may_come_back(source, migrated_dsn):
    def read():
        with source.stream("SELECT n, repeat('x', 1000) AS x FROM generate_series(1, 400000) n", SCOPE) as batches:
            batches.read_next_batch()
            execute(
                migrated_dsn,
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()",
            )
            batches.read_all()

    with pytest.raises(TransientError):
        read()


def test_the_dsn_is_in_no_representation(migrated_dsn):
    assert "demo-only" not in repr(PostgresSource(migrated_dsn))
