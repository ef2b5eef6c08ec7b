"""From a value in PostgreSQL to a typed column: taken by type and converted, or refused with what to write instead."""

from __future__ import annotations

import io
import re
from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from include.scheduled_reports.adapters.postgres.source import PostgresSource
from include.scheduled_reports.domain.errors import ReportTypeError
from include.scheduled_reports.domain.report_type import Column, SourceColumn, SourceSpec
from include.scheduled_reports.ports.source import Scope
from include.scheduled_reports.reports.types.catalog import report_types
from include.scheduled_reports.runs.arrival import TAKES, check_source, check_types
from include.scheduled_reports.runs.parquet import write_parquet
from include.scheduled_reports.runs.query import type_problems
from include.scheduled_reports.runs.staging import Draft
from include.scheduled_reports.testing.services import MemorySource
from tests.contract.tables import execute

TYPES = """
CREATE TYPE mood AS ENUM ('fine', 'bad');
CREATE TYPE pair AS (a int, b text);
CREATE TYPE span AS RANGE (subtype = float8);
CREATE DOMAIN price AS numeric(10, 2);
CREATE DOMAIN purse AS money;
"""


@pytest.fixture(scope="module")
def source(postgres, migrated_template):
    dsn = postgres.create_database("arrival", template=migrated_template)
    execute(dsn, TYPES)
    yield PostgresSource(dsn)
    postgres.drop_database("arrival")


def column(kind, scale=0):
    return Column(name="x", title="X", type=kind, scale=scale)


def arrived(source, sql, declared, zone="UTC"):
    """Stage a query of one column and read it back from Parquet."""
    moment = datetime(2026, 5, 10, tzinfo=UTC)
    scope = Scope(workspace_id="ws1", start=moment, end=moment, timezone=zone, parameters={})
    draft = Draft(io.BytesIO())
    with source.stream(sql, scope) as batches:
        write_parquet(batches, (declared,), zone, draft)
    draft.file.seek(0)
    return pq.read_table(draft.file).column("x").to_pylist()


def one(source, expression, declared, zone="UTC"):
    (value,) = arrived(source, f"SELECT {expression} AS x", declared, zone)
    return value


# Numbers


@pytest.mark.parametrize(
    ("expression", "scale", "expected"),
    [
        ("0.35::real", 1, "0.4"),
        ("0.35::float8", 1, "0.4"),
        ("0.1::real", 2, "0.10"),
        ("16777216::real", 0, "16777216"),
        ("(-0.35)::real", 1, "-0.4"),
        ("1e-30::float8", 2, "0.00"),
        ("2.675::float8", 2, "2.68"),  # the double is a little less; its shortest text is what psql shows
        ("2.675::numeric", 2, "2.68"),
        ("-2.675::numeric", 2, "-2.68"),
        ("(SELECT avg(v) FROM (VALUES (1::numeric), (2), (2)) _ (v))", 2, "1.67"),
        ("(SELECT avg(v) FROM (VALUES (1::numeric), (2), (3)) _ (v))", 2, "2.00"),
        ("0.005::numeric", 2, "0.01"),
        ("0.0049999999999999999999999999999999999999999999999999::numeric", 2, "0.00"),
        ("0.1111111111111111111111111111111111111111::numeric", 5, "0.11111"),  # 40 digits, which Arrow misreads
        ("1::numeric / 3", 20, "0.33333333333333333333"),
        ("2.5::numeric", 37, "2.5" + 36 * "0"),
        ("7::int", 30, "7." + 30 * "0"),
        ("repeat('9', 38)::numeric", 0, 38 * "9"),
        ("(-9223372036854775808)::bigint", 2, "-9223372036854775808.00"),
        ("12.5::price", 2, "12.50"),
    ],
)
def test_a_decimal_is_rounded_half_up_from_the_shortest_exact_text(source, expression, scale, expected):
    assert one(source, expression, column("decimal", scale)) == Decimal(expected)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("0.1::real", 0.1),
        ("3.4028235e38::real", 3.4028235e38),
        ("1e300::float8", 1e300),
        ("0.30000000000000004::float8", 0.30000000000000004),
        ("9007199254740993::bigint", 9007199254740992.0),
        ("9223372036854775807::bigint", 9223372036854775807.0),
        ("12345678901234567890.5::numeric", 12345678901234567890.5),
    ],
)
@pytest.mark.parametrize("kind", ["number", "percent"])
def test_a_number_is_the_nearest_double_of_what_postgresql_prints(source, expression, expected, kind):
    assert one(source, expression, column(kind)) == expected


def test_a_negative_zero_is_zero(source):
    assert str(one(source, "'-0'::float8", column("number"))) == "0.0"


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("9223372036854775807::bigint", 2**63 - 1),
        ("(-9223372036854775808)::bigint", -(2**63)),
        ("32767::smallint", 32767),
        ("9007199254740993::numeric", 9007199254740993),
        ("2.5::numeric", 3),
        ("-2.5::numeric", -3),
        ("(SELECT avg(v) FROM (VALUES (1), (2), (2)) _ (v))", 2),
    ],
)
def test_an_integer_is_exact_and_a_numeric_is_rounded_half_up(source, expression, expected):
    assert one(source, expression, column("integer")) == expected


@pytest.mark.parametrize("kind", ["integer", "decimal", "number", "percent", "text"])
@pytest.mark.parametrize("special", ["NaN", "Infinity", "-Infinity"])
def test_what_is_no_number_is_empty(source, kind, special):
    assert one(source, f"'{special}'::numeric", column(kind, 2)) is None
    if kind not in ("integer", "text"):
        assert one(source, f"'{special}'::float8", column(kind, 2)) is None
        assert one(source, f"'{special}'::real", column(kind, 2)) is None


@pytest.mark.parametrize(
    ("expression", "declared", "reason"),
    [
        ("1e20::numeric", column("integer"), "a value does not fit 64 bits; declare the column decimal"),
        ("repeat('9', 37)::numeric", column("decimal", 2), "a value has more than 36 digits before the decimal point;"),
        ("1e300::float8", column("decimal", 2), "a value has more than 36 digits before the decimal point;"),
        ("repeat('9', 2000)::numeric", column("decimal", 2), "a value has more than 36 digits before the decimal"),
        ("repeat('9', 400)::numeric", column("number"), "a value does not fit a double"),
    ],
)
def test_a_number_that_does_not_fit_fails_with_what_to_declare_and_without_the_value(
    source, expression, declared, reason
):
    with pytest.raises(ReportTypeError, match=f"^column x: {reason}") as refused:
        one(source, expression, declared)

    assert "999" not in str(refused.value)


# Text


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("'007'::text", "007"),
        ("'x'::varchar(4)", "x"),
        ("'pg_class'::name", "pg_class"),
        ("'fine'::mood", "fine"),
        ("'00000000-0000-0000-0000-000000000000'::uuid", "00000000-0000-0000-0000-000000000000"),
        ("'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'::uuid", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
        ("'61616161-6161-6161-6161-616161616161'::uuid", "61616161-6161-6161-6161-616161616161"),  # its bytes are text
        ("NULL::uuid", None),
        ("'{\"a\":  1}'::json", '{"a":  1}'),
        ("'{\"a\":  1}'::jsonb", '{"a": 1}'),
        ("9223372036854775807::bigint", "9223372036854775807"),
        ("1.50::numeric", "1.50"),
        ("0.0000000000000000000000000000000000000000001::numeric", "0.0000000000000000000000000000000000000000001"),
        ("true", "true"),
        ("NULL", None),
    ],
)
def test_text_is_what_postgresql_prints(source, expression, expected):
    assert one(source, expression, column("text")) == expected
    if expected is not None:
        assert one(source, f"({expression})::text", column("text")) == expected


# Dates and times


@pytest.mark.parametrize(
    ("expression", "zone", "expected"),
    [
        ("'2026-05-10 23:30'::timestamp", "Europe/Berlin", date(2026, 5, 11)),
        ("'2026-05-10 23:30+00'::timestamptz", "Europe/Berlin", date(2026, 5, 11)),
        ("'2026-05-10 21:59:59.999999'::timestamp", "Europe/Berlin", date(2026, 5, 10)),
        ("'2026-05-10 03:30'::timestamp", "America/New_York", date(2026, 5, 9)),
        ("'2026-07-19 22:30'::timestamp", "CET", date(2026, 7, 20)),
        ("'1890-01-01 04:56:01'::timestamp", "America/New_York", date(1889, 12, 31)),
        ("'1850-01-01 04:56:01'::timestamp", "America/New_York", date(1849, 12, 31)),  # local mean time, -04:56:02
        ("'2026-05-10'::date", "America/New_York", date(2026, 5, 10)),
        ("'0001-01-01'::date", "UTC", date(1, 1, 1)),
        ("'9999-12-31'::date", "UTC", date(9999, 12, 31)),
        ("'9999-12-31 23:59:59'::timestamp", "America/New_York", date(9999, 12, 31)),
        ("'9999-12-31 23:59:59'::timestamp", "Europe/Berlin", None),
        ("'0001-01-01'::timestamp", "America/New_York", None),
    ],
)
def test_a_date_is_the_local_day_of_a_moment(source, expression, zone, expected):
    assert one(source, expression, column("date"), zone) == expected


@pytest.mark.parametrize(
    ("expression", "zone", "expected"),
    [
        ("'2026-05-10 22:30'::timestamp", "Europe/Berlin", "2026-05-11T00:30:00+02:00"),
        ("'2026-05-10 22:30+02'::timestamptz", "Europe/Berlin", "2026-05-10T22:30:00+02:00"),
        ("'2026-05-10 22:30'::timestamp", "EST5EDT", "2026-05-10T18:30:00-04:00"),
        ("'9999-12-31 22:59:59.999999'::timestamp", "Europe/Berlin", "9999-12-31T23:59:59.999999+01:00"),
        ("'0001-01-01 05:00'::timestamp", "America/New_York", "0001-01-01T00:03:58-04:56:02"),
    ],
)
def test_a_timestamp_is_a_moment_in_the_reports_zone(source, expression, zone, expected):
    found = one(source, expression, column("timestamp"), zone)

    assert found.astimezone(ZoneInfo(zone)).isoformat() == expected


OUTSIDE = ["infinity", "-infinity", "0044-03-15 BC", "4713-01-01 BC", "10000-01-01"]


@pytest.mark.parametrize("moment", OUTSIDE)
@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "America/New_York"])
def test_infinities_and_years_outside_1_to_9999_are_empty(source, moment, zone):
    for kind in ("date", "timestamp", "timestamptz"):
        assert one(source, f"'{moment}'::{kind}", column("date"), zone) is None
        if kind != "date":
            assert one(source, f"'{moment}'::{kind}", column("timestamp"), zone) is None


@pytest.mark.parametrize("last", ["'5874897-12-31'::date", "'294276-12-31 23:59:59'::timestamp"])
def test_the_last_moments_that_postgresql_holds_are_empty(source, last):
    assert one(source, last, column("date"), "Asia/Tokyo") is None


# Refusals


@pytest.mark.parametrize(
    ("expression", "kind", "reason"),
    [
        ("'12.34'::money", "decimal", "arrives as money, but is declared decimal; write x::numeric"),
        ("'12.34'::money", "text", "arrives as money, but is declared text; write x::text"),
        ("'12.34'::money", "integer", "arrives as money, but is declared integer; write x::numeric"),
        ("'12.34'::purse", "number", "arrives as money, but is declared number; write x::numeric"),
        ("'10.0.0.1'::inet", "text", "arrives as inet, but is declared text; write x::text"),
        ("'10.0.0.0/8'::cidr", "text", "arrives as cidr, but is declared text; write x::text"),
        ("'aa:bb:cc:dd:ee:ff'::macaddr", "text", "arrives as macaddr, but is declared text; write x::text"),
        ("'[1,2)'::int4range", "text", "arrives as int4range, but is declared text; write x::text"),
        ("'[2026-01-01,)'::daterange", "text", "arrives as daterange, but is declared text; write x::text"),
        ("B'101'", "text", "arrives as bit, but is declared text; write x::text"),
        ("'a b'::tsvector", "text", "arrives as tsvector, but is declared text; write x::text"),
        ("'abc'::bytea", "text", "arrives as bytea, but is declared text; write encode(x, 'hex')"),
        ("ARRAY['a']", "text", "arrives as text[], but is declared text; write x::text"),
        ("(1, 'x')::pair", "text", "arrives as pair, but is declared text; write x::text"),
        ("'a'::\"char\"", "text", "arrives as char, but is declared text; write x::text"),
        ("1::oid", "integer", "arrives as oid, but is declared integer; write x::bigint"),
        ("1.0::float8", "integer", "arrives as float8, but is declared integer; write x::bigint"),
        ("'7'::text", "integer", "arrives as text, but is declared integer; write x::bigint"),
        ("interval '1 hour'", "number",
         "arrives as interval, but is declared number; write extract(epoch FROM x)::float8"),
        ("'10:00'::time", "text", "arrives as time, but is declared text; write x::text"),
        ("'2026-05-10'::date", "timestamp", "arrives as date, but is declared timestamp; write x::timestamp"),
        ("'2026-05-10'::text", "date", "arrives as text, but is declared date; write x::date"),
        ("1", "boolean", "arrives as int4, but is declared boolean; write x::boolean"),
    ],
)  # fmt: skip
def test_another_type_is_refused_by_name_with_what_to_write(source, expression, kind, reason):
    for value in (expression, f"CASE WHEN false THEN {expression} END"):  # alike for every value, and for none
        with pytest.raises(ReportTypeError) as refused:
            one(source, value, column(kind, 2 if kind == "decimal" else 0))

        assert str(refused.value) == f"column x {reason}"


#: A value of each type that an application's table may have.
VALUES = [
    "'1'::text", "'1'::varchar", "'1'::char(4)", "'1'::name", "'1'::\"char\"", "'fine'::mood", "1::smallint", "1::int",
    "1::bigint", "1::oid", "'1'::xid", "1::real", "1::float8", "1::numeric", "1::price", "'1'::money", "'1'::purse",
    "true", "'2026-01-01'::date", "'10:00'::time", "'10:00+02'::timetz", "now()::timestamp", "now()",
    "interval '1 month'", "'1'::json", "'1'::jsonb", "'\\x00ff'::bytea", "B'101'", "B'101'::varbit", "'10.0.0.1'::inet",
    "'10.0.0.0/8'::cidr", "'08:00:2b:01:02:03'::macaddr", "'08:00:2b:01:02:03:04:05'::macaddr8",
    "gen_random_uuid()", "'[1,2)'::int4range", "'[1,2)'::span", "'{[1,2)}'::int4multirange", "'a'::tsvector",
    "'a'::tsquery", "point(1, 2)", "'(1,x)'::pair", "ROW(1, 'x')", "ARRAY[1]", "ARRAY['a']", "ARRAY['1'::money]",
    "ARRAY[1.5]", "'1/2'::pg_lsn", "'$.a'::jsonpath", "'(0,1)'::tid", "'int4'::regtype", "'pg_class'::regclass",
]  # fmt: skip
REMEDY = re.compile(r"; (?:declare it (?P<kind>\w+))?(?: and )?(?:write (?P<sql>.+))?$")


@pytest.mark.parametrize("expression", VALUES)
@pytest.mark.parametrize("kind", list(TAKES))
def test_a_type_is_taken_or_the_remedy_of_its_refusal_works(source, expression, kind):
    def query(shown):
        return f"SELECT {shown} AS x FROM (SELECT {expression} AS x) given"

    reasons = check_types([column(kind)], source.columns(query("x")))
    if not reasons:
        assert len(arrived(source, query("x"), column(kind))) == 1
        return

    (reason,) = reasons
    remedy = REMEDY.search(reason)

    assert remedy
    declared = column(remedy["kind"] or kind)
    assert check_types([declared], source.columns(query(remedy["sql"] or "x"))) == []


def test_a_name_that_needs_quotes_has_them_in_the_remedy(source):
    declared = Column(name="Total", title="X", type="decimal")

    (reason,) = check_types([declared], source.columns("SELECT '1'::money AS \"Total\""))

    assert reason.endswith('write "Total"::numeric')


def test_a_source_of_custom_tables_has_its_key_and_its_dates_as_dates(source):
    columns = tuple(
        SourceColumn(name=name, title=name, type=kind)
        for name, kind in (("day", "date"), ("born", "date"), ("price", "decimal"), ("gone", "text"))
    )
    spec = SourceSpec(
        name="things", title="Things", key="id", columns=columns,
        sql="SELECT now()::timestamp AS day, current_date AS born, '1'::money AS price, 'x' AS other",
    )  # fmt: skip

    assert check_source(spec, source.columns(spec.sql)) == [
        "the query has no column id, which is the key",
        "column day arrives as timestamp, but is declared date; declare it timestamp",
        "the query has no column gone, which report.yaml declares",
        "column price arrives as money, but is declared decimal; write price::numeric",
    ]


@pytest.mark.parametrize("kind", list(report_types().values()), ids=lambda kind: kind.id)
def test_every_query_of_a_built_in_type_returns_the_types_it_declares(source, kind):
    assert type_problems(source, kind) == []


def test_a_source_in_memory_is_held_to_the_same_table(source):
    memory = MemorySource(lambda *_: pa.table({"x": pa.array([0.35], pa.float32())}))

    assert one(memory, "0.35::real", column("decimal", 1)) == one(source, "0.35::real", column("decimal", 1))
    for kind in ("text", "integer", "boolean"):
        with pytest.raises(ReportTypeError) as real:
            one(source, "0.35::real", column(kind))
        with pytest.raises(ReportTypeError) as fake:
            one(memory, "0.35::real", column(kind))
        assert str(fake.value) == str(real.value)


def test_a_column_of_only_nulls_has_the_declared_type_in_memory():
    memory = MemorySource(lambda *_: pa.table({"x": pa.nulls(2)}))
    for kind in TAKES:
        assert arrived(memory, "", column(kind)) == [None, None]


# Lengthy results


def test_one_long_value_among_many_changes_no_other(source):
    sql = "SELECT CASE WHEN n = 70000 THEN 1::numeric / 3 ELSE n + 0.125 END AS x FROM generate_series(1, 100000) n"
    found = arrived(source, sql, column("decimal", 2))

    assert found[0] == Decimal("1.13")
    assert found[69_999] == Decimal("0.33")
    assert found[-1] == Decimal("100000.13")
    assert sum(found) == sum(Decimal(n) + Decimal("0.13") for n in range(1, 100_001)) - Decimal("70000.13") + Decimal(
        "0.33"
    )
