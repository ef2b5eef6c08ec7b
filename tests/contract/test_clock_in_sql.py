"""Local days and local times in a query come from Python's zones, whatever PostgreSQL makes of the zone's name."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import psycopg
import pytest

from include.scheduled_reports.adapters.postgres.source import PostgresSource
from include.scheduled_reports.domain.errors import ReportTypeError
from include.scheduled_reports.ports.source import Scope
from include.scheduled_reports.reports.types.catalog import report_types
from include.scheduled_reports.reports.types.custom_sql import with_datasets
from tests.contract.tables import add_people, execute

#: Zones whose name is an abbreviation for PostgreSQL, and zones whose days or changes are unusual.
ZONES = [
    "CET", "MET", "EET", "WET", "EST", "MST", "HST", "EST5EDT", "PST8PDT", "GB", "Asia/Kolkata", "Asia/Kathmandu",
    "Australia/Lord_Howe", "Pacific/Apia", "Pacific/Chatham", "America/St_Johns", "America/Havana", "Europe/Berlin",
    "Africa/Casablanca", "UTC",
]  # fmt: skip
#: A row every 17 minutes over the changes of spring and autumn.
ROWS = """
INSERT INTO channels (id, name, slug, type, workspace_id, created_at, updated_at)
VALUES ('c1', 'general', 'general', 'PUBLIC', 'ws1', '2020-01-01', now());
INSERT INTO messages (id, content, channel_id, author_id, created_at, updated_at)
SELECT 'x' || n, 'hello', 'c1', 'u1', at, at
FROM (SELECT n, timestamp '2026-02-20' + n * interval '17 minutes' AS at FROM generate_series(1, 25000) n) _;
INSERT INTO reactions (id, emoji, message_id, user_id, created_at)
SELECT 'r' || id, '+', id, 'u1', created_at FROM messages;
INSERT INTO export_jobs (id, workspace_id, type, format, status, requested_by, created_at)
SELECT 'e' || id, 'ws1', 'messages', 'CSV', 'COMPLETED', 'u1', created_at FROM messages;
INSERT INTO audit_logs (id, actor_id, actor_type, action, resource_type, resource_id, severity, created_at)
SELECT 'a' || id, 'u1', 'user', 'channel.updated', 'channel', 'c1', 'info', created_at FROM messages;
"""


@pytest.fixture(scope="module")
def dsn(postgres, migrated_template):
    made = postgres.create_database("clock", template=migrated_template)
    add_people(made)
    execute(made, ROWS)
    yield made
    postgres.drop_database("clock")


@pytest.fixture(scope="module")
def source(dsn):
    return PostgresSource(dsn)


def week(zone, first, days=7):
    start, end = (
        datetime.combine(day, datetime.min.time(), ZoneInfo(zone)) for day in (first, first + timedelta(days=days))
    )
    return Scope(workspace_id="ws1", start=start, end=end, timezone=zone, parameters={})


def ask(source, sql, scope):
    with source.stream(sql, scope) as batches:
        return batches.read_all().to_pylist()


KINDS = {
    "workspace-activity": ("messages", "messages"),
    "channel-analytics": ("messages", "public_messages"),
    "export-summary": ("exports", "exports"),
    "security-audit": ("events", "events"),
}


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("first", [date(2026, 3, 6), date(2026, 3, 27), date(2026, 7, 13), date(2026, 10, 29)])
def test_the_rows_of_the_days_add_up_to_the_key_figure(source, zone, first):
    scope = week(zone, first)
    for name, (figure, column) in KINDS.items():
        kind = report_types()[name]
        (figures,) = ask(source, kind.figures_sql, scope)
        (days,) = (one.sql for one in kind.datasets if one.name == "days")
        rows = ask(source, days, scope)

        assert [row["day"] for row in rows] == [first + timedelta(days=n) for n in range(7)]
        assert sum(row[column] for row in rows) == figures[figure]
        # By hand: a row every 17 minutes since 20 February, UTC.
        counted = dict.fromkeys((row["day"] for row in rows), 0)
        for n in range(1, 25_001):
            at = datetime(2026, 2, 20, tzinfo=UTC) + n * timedelta(minutes=17)
            if scope.start.astimezone(UTC) <= at < scope.end.astimezone(UTC):
                counted[at.astimezone(ZoneInfo(zone)).date()] += 1
        assert {row["day"]: row[column] for row in rows} == counted, name


def test_a_week_in_summer_in_central_european_time_is_that_of_berlin(source):
    first = date(2026, 7, 13)
    kind = report_types()["workspace-activity"]
    for one in (kind.figures_sql, *(dataset.sql for dataset in kind.datasets)):
        assert ask(source, one, week("CET", first)) == ask(source, one, week("Europe/Berlin", first))


@pytest.mark.parametrize("zone", ["CET", "EST5EDT", "Asia/Kolkata", "Australia/Lord_Howe"])
def test_the_buckets_and_days_of_a_custom_report_are_local(source, zone):
    wanted = {"source": "messages", "groupBy": [{"column": "created_at", "bucket": "day"}]}
    kind = with_datasets(report_types()["custom"], {"customFilters": wanted})
    scope = week(zone, date(2026, 3, 27))

    result, days = (ask(source, dataset.sql, scope) for dataset in kind.datasets)

    assert {row["created_at_day"]: row["count"] for row in result} == {row["day"]: row["count"] for row in days}
    assert len(days) == 7


#: What docs/extend.md gives to group by the hour or the weekday.
LOCAL_TIME = """
SELECT extract(hour FROM local)::int AS hour, extract(isodow FROM local)::int AS weekday, count(*) AS messages
FROM (
    SELECT created_at + (SELECT current_setting('report.clock_offsets')::interval[])
               [width_bucket(created_at, (SELECT current_setting('report.clock_changes')::timestamp[]))] AS local
    FROM messages
    WHERE created_at >= current_setting('report.start')::timestamp
      AND created_at < current_setting('report.end')::timestamp
) sent
GROUP BY 1, 2
"""


@pytest.mark.parametrize("zone", ZONES)
def test_hours_and_weekdays_are_those_of_the_local_clock(source, zone):
    scope = week(zone, date(2026, 3, 6), days=30)
    expected = {}
    for n in range(1, 25_001):
        at = datetime(2026, 2, 20, tzinfo=UTC) + n * timedelta(minutes=17)
        if scope.start.astimezone(UTC) <= at < scope.end.astimezone(UTC):
            local = at.astimezone(ZoneInfo(zone))
            expected[local.hour, local.isoweekday()] = expected.get((local.hour, local.isoweekday()), 0) + 1

    found = ask(source, LOCAL_TIME, scope)

    assert {(row["hour"], row["weekday"]): row["messages"] for row in found} == expected


@pytest.mark.parametrize(
    ("moment", "zone"),
    [
        ("1899-06-01 12:00", "Europe/Berlin"),
        ("1945-06-01 12:00", "Europe/Berlin"),
        ("2026-03-29 00:59:59.999999", "Europe/Berlin"),
        ("2026-03-29 01:00", "Europe/Berlin"),
        ("2099-07-01 12:00", "America/New_York"),
        ("2150-01-01 12:00", "America/New_York"),
    ],
)
def test_any_moment_has_its_local_time(source, moment, zone):
    sql = (
        f"SELECT at + (SELECT current_setting('report.clock_offsets')::interval[])"
        f"[width_bucket(at, (SELECT current_setting('report.clock_changes')::timestamp[]))] AS x "
        f"FROM (SELECT timestamp '{moment}' AS at) given"
    )
    (row,) = ask(source, sql, week(zone, date(2026, 5, 4)))

    assert row["x"] == datetime.fromisoformat(f"{moment}+00:00").astimezone(ZoneInfo(zone)).replace(tzinfo=None)


def test_no_built_in_query_names_a_zone_for_postgresql():
    custom = report_types()["custom"]
    bucket = {"groupBy": [{"column": "created_at", "bucket": "week"}]}
    kinds = [kind for kind in report_types().values() if not kind.sources]
    kinds += [
        with_datasets(custom, {"customFilters": {"source": one.name, **(bucket if one.time == "created_at" else {})}})
        for one in custom.sources
    ]
    for kind in kinds:
        for sql in (kind.figures_sql, *(dataset.sql for dataset in kind.datasets)):
            assert "report.timezone" not in sql
            assert "TIME ZONE" not in sql.upper()


OLD_WAY = (
    "SELECT (timestamp '2026-07-13' AT TIME ZONE 'UTC' AT TIME ZONE current_setting('report.timezone'))::text AS x"
)


@pytest.mark.parametrize("zone", ["CET", "MET", "EET", "WET"])
def test_an_own_query_that_gives_postgresql_an_abbreviation_is_refused(source, zone):
    with pytest.raises(
        ReportTypeError, match=rf"PostgreSQL takes {zone} for an abbreviation .* read report\.day_starts"
    ):
        ask(source, OLD_WAY, week(zone, date(2026, 7, 13)))


@pytest.mark.parametrize("zone", ["Europe/Berlin", "UTC", "EST", "HST", "MST", "GMT", "EST5EDT", "Asia/Kolkata"])
def test_an_own_query_may_name_a_zone_that_postgresql_reads_alike(source, zone):
    (row,) = ask(source, OLD_WAY, week(zone, date(2026, 7, 13)))

    local = datetime(2026, 7, 13, tzinfo=UTC).astimezone(ZoneInfo(zone))
    assert row["x"] == str(local.replace(tzinfo=None))


def test_the_server_settings_do_not_change_a_text_or_a_comparison(dsn):
    name = dsn.rpartition("/")[2]
    with psycopg.connect(dsn, autocommit=True) as connection:
        for setting in ("TimeZone = 'Asia/Kolkata'", "DateStyle = 'SQL, DMY'", "IntervalStyle = 'sql_standard'"):
            connection.execute(f"ALTER DATABASE {name} SET {setting}".encode())
    try:
        (row,) = ask(
            PostgresSource(dsn),
            "SELECT (date '2026-05-04')::text AS day, (timestamptz '2026-05-04 10:00+00')::text AS at, "
            "interval '-1 day -2 hours'::text AS length, "
            "timestamp '2026-05-04 10:00' = timestamptz '2026-05-04 10:00+00' AS same",
            week("Europe/Berlin", date(2026, 5, 4)),
        )
    finally:
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute(f"ALTER DATABASE {name} RESET ALL".encode())

    assert row == {"day": "2026-05-04", "at": "2026-05-04 10:00:00+00", "length": "-1 days -02:00:00", "same": True}
