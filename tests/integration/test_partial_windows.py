"""Periods that begin or end within a day: figures and days of every report type, against rows counted one by one."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest

from include.scheduled_reports.__main__ import main
from include.scheduled_reports.adapters.postgres.source import PostgresSource
from include.scheduled_reports.domain.report import DateRange
from include.scheduled_reports.domain.window import window
from include.scheduled_reports.ports.source import Scope
from include.scheduled_reports.reports.types.catalog import report_types
from include.scheduled_reports.sample_data.seed import seed

UNTIL = date(2026, 5, 12)
WORKSPACE = "demo-workspace-acme"
#: A month to date of ten days and a half, a week to date that begins on Wednesday, and three and a half days.
PERIODS = {
    "month-to-date": (DateRange(type="month-to-date"), datetime(2026, 5, 11, 10, 20, tzinfo=UTC), None),
    "week-to-date": (DateRange(type="week-to-date", week_start=2), datetime(2026, 5, 10, 13, 45, tzinfo=UTC), None),
    "since-last-run": (
        DateRange(type="since-last-run"),
        datetime(2026, 5, 11, 21, 15, tzinfo=UTC),
        datetime(2026, 5, 8, 9, 30, tzinfo=UTC),
    ),
}
ZONES = ["Europe/Berlin", "Asia/Kathmandu", "America/Los_Angeles"]
#: Of each type: its moments in the application's tables, the figure that counts them, and the columns that count days.
MOMENTS = {
    "workspace-activity": (
        "SELECT m.created_at FROM messages m JOIN channels c ON c.id = m.channel_id"
        " WHERE c.workspace_id = %s AND NOT c.is_archived AND NOT m.is_deleted AND m.type <> 'SYSTEM'",
        "messages", ["messages"],
    ),
    "channel-analytics": (
        "SELECT m.created_at FROM messages m JOIN channels c ON c.id = m.channel_id"
        " WHERE c.workspace_id = %s AND NOT c.is_archived AND NOT m.is_deleted AND m.type <> 'SYSTEM'",
        "messages", ["public_messages", "other_messages"],
    ),
    "export-summary": ("SELECT created_at FROM export_jobs WHERE workspace_id = %s", "exports", ["exports"]),
    "workflow-execution": (
        "SELECT e.started_at FROM workflow_executions e JOIN workflows w ON w.id = e.workflow_id"
        " WHERE e.workspace_id = %s AND w.status <> 'ARCHIVED' AND NOT e.is_simulation",
        "executions", ["executions"],
    ),
    "task-completion": (
        "SELECT t.created_at FROM tasks t LEFT JOIN channels c ON c.id = t.channel_id"
        " WHERE t.workspace_id = %s AND c.is_archived IS NOT TRUE",
        "created", ["created"],
    ),
}  # fmt: skip
#: Figures that count things which happen at one moment, so that they add up over two parts of a period.
ADDITIVE = {
    "workspace-activity": ["messages", "replies", "new_members"],
    "channel-analytics": ["messages", "other_messages"],
    "export-summary": ["exports", "failed", "records"],
    "workflow-execution": ["executions", "failed"],
    "task-completion": ["created", "completed"],
    "security-audit": ["events", "failed", "serious", "changes"],
}


@pytest.fixture(scope="module")
def dsn(postgres):
    name = postgres.create_database("partial")
    seed(name, until=UNTIL, messages=12_000)
    yield name
    postgres.drop_database("partial")


@pytest.fixture(scope="module")
def source(dsn):
    return PostgresSource(dsn)


@pytest.fixture(params=ZONES)
def zone(request):
    return ZoneInfo(request.param)


@pytest.fixture(params=PERIODS)
def covered(request, zone):
    period, at, since = PERIODS[request.param]
    return window(period, at, zone, since=since)


def ask(source, sql, start, end, zone) -> list[dict[str, Any]]:
    scope = Scope(workspace_id=WORKSPACE, start=start, end=end, timezone=zone.key, parameters={})
    with source.stream(sql, scope) as batches:
        return batches.read_all().to_pylist()


def moments(dsn, kind):
    with psycopg.connect(dsn) as connection:
        rows = connection.execute(MOMENTS[kind][0].encode(), (WORKSPACE,)).fetchall()
    return [moment.replace(tzinfo=UTC) for (moment,) in rows]


def days_of(kind):
    return next(dataset for dataset in report_types()[kind].datasets if dataset.name == "days").sql


@pytest.mark.parametrize("kind", MOMENTS)
def test_a_figure_counts_the_rows_of_its_period_and_of_the_one_before(dsn, source, kind, covered, zone):
    _, figure, _ = MOMENTS[kind]
    for start, end in ((covered.start, covered.end), (covered.previous_start, covered.previous_end)):
        (found,) = ask(source, report_types()[kind].figures_sql, start, end, zone)

        assert found[figure] == sum(start <= moment < end for moment in moments(dsn, kind))
        assert found[figure] or kind in ("export-summary", "task-completion")


@pytest.mark.parametrize("kind", MOMENTS)
def test_each_local_day_has_the_rows_of_its_part_in_the_period(dsn, source, kind, covered, zone):
    counted = Counter(
        moment.astimezone(zone).date() for moment in moments(dsn, kind) if covered.start <= moment < covered.end
    )
    days = [covered.first_day + timedelta(days=n) for n in range((covered.last_day - covered.first_day).days + 1)]

    rows = ask(source, days_of(kind), covered.start, covered.end, zone)

    assert {row["day"]: sum(row[name] for name in MOMENTS[kind][2]) for row in rows} == {
        day: counted[day] for day in days
    }
    assert [row["day"] for row in rows] == days


@pytest.mark.parametrize("kind", ADDITIVE)
def test_two_parts_of_a_period_add_up_to_it(source, kind, covered, zone):
    sql = report_types()[kind].figures_sql
    middle = covered.start + (covered.end - covered.start) / 3

    (whole,), (first,), (second,) = (
        ask(source, sql, *edges, zone)
        for edges in ((covered.start, covered.end), (covered.start, middle), (middle, covered.end))
    )

    assert {name: whole[name] for name in ADDITIVE[kind]} == {
        name: first[name] + second[name] for name in ADDITIVE[kind]
    }


def test_days_and_figures_of_the_audit_and_of_engagement_agree(source, covered, zone):
    for kind, figure, column in (("security-audit", "events", "events"), ("security-audit", "failed", "failed")):
        (found,) = ask(source, report_types()[kind].figures_sql, covered.start, covered.end, zone)
        rows = ask(source, days_of(kind), covered.start, covered.end, zone)
        assert sum(row[column] for row in rows) == found[figure]
    rows = ask(source, days_of("user-engagement"), covered.start, covered.end, zone)
    people = next(one for one in report_types()["user-engagement"].datasets if one.name == "people")
    listed = ask(source, people.sql, covered.start, covered.end, zone)
    assert sum(row["messages"] for row in rows) == sum(row["messages"] for row in listed)
    assert all(row["active_days"] <= len(rows) for row in listed)


def test_a_preview_of_the_time_since_the_last_run_starts_where_that_ended(dsn, tmp_path):
    report, out = "demo-report-weekly-activity", tmp_path / "report.json"
    options = ["--format", "json", "--at", "2026-05-12T09:00:00Z", "--out", str(out), "--dsn", dsn]
    starts = []
    for watermark in (None, datetime(2026, 5, 12, 6, 30, tzinfo=UTC)):
        with psycopg.connect(dsn) as connection:
            connection.execute(
                "UPDATE reporting.report_options"
                """ SET watermark = %s, options = '{"period": {"type": "since-last-run"}}' WHERE report_id = %s""",
                (watermark, report),
            )
        assert main(["preview", report, *options]) == 0
        period = json.loads(out.read_bytes())["report"]["period"]
        starts.append(datetime.fromisoformat(period["start"]).astimezone(UTC))
        assert datetime.fromisoformat(period["end"]) == datetime(2026, 5, 12, 9, tzinfo=UTC)

    # The tick before: Monday at 09:00 in Berlin.
    assert starts == [datetime(2026, 5, 11, 7, tzinfo=UTC), datetime(2026, 5, 12, 6, 30, tzinfo=UTC)]
