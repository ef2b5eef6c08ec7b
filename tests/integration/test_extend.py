"""A report type outside the product, made exactly as in docs/extend.md, and the effect of a broken one."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, date, datetime

import psycopg
import pytest

from include.scheduled_reports import __main__ as command
from include.scheduled_reports.adapters.postgres.reports import PostgresDefinitions
from include.scheduled_reports.domain.formats import Format
from include.scheduled_reports.reports.parser import parse
from include.scheduled_reports.reports.types import catalog
from include.scheduled_reports.sample_data.seed import seed
from include.scheduled_reports.settings import Settings
from tests.integration.previews import preview_stored
from tests.unit.documented_types import installed

UNTIL = date(2026, 3, 2)
#: 09:00 in Berlin, the day after the sample ends; the window is 23 February to 1 March.
MONDAY = datetime(2026, 3, 2, 8, tzinfo=UTC)
REPORT = """
UPDATE scheduled_reports
SET "reportType" = 'largest-uploads', parameters = '{"dateRange": {"type": "last-7-days"}}'
WHERE id = 'demo-report-weekly-activity'
"""
STARTS = {"pdf": b"%PDF-", "csv": b'"Person","Files"', "json": b"{", "excel": b"PK", "html": b"<!"}


@pytest.fixture(scope="module")
def sample_dsn(postgres):
    dsn = postgres.create_database("extend")
    seed(dsn, until=UNTIL, messages=2_000)
    with psycopg.connect(dsn) as connection:
        connection.execute(REPORT)
    yield dsn
    postgres.drop_database("extend")


@pytest.fixture
def place(tmp_path):
    """A folder as the setting names it, with the example in it."""
    with installed(tmp_path / "types", "largest-uploads") as types:
        yield types


@pytest.mark.usefixtures("place")
@pytest.mark.parametrize("chosen", list(Format))
def test_the_example_renders_in_every_format(sample_dsn, tmp_path, chosen):
    out = tmp_path / "report"

    rows = preview_stored(sample_dsn, "demo-report-weekly-activity", chosen, MONDAY, out, Settings())

    assert rows > 0
    assert out.read_bytes().startswith(STARTS[chosen])
    assert out.stat().st_size > 100


@pytest.mark.usefixtures("place")
def test_the_example_counts_what_plain_sql_counts(sample_dsn, tmp_path):
    preview_stored(sample_dsn, "demo-report-weekly-activity", Format.JSON, MONDAY, tmp_path / "report.json", Settings())

    text = (tmp_path / "report.json").read_text()
    with psycopg.connect(sample_dsn) as connection:
        expected = connection.execute(
            "SELECT coalesce(u.display_name, u.name), count(*), sum(f.size)::bigint FROM files f"
            " JOIN users u ON u.id = f.uploaded_by_id WHERE f.workspace_id = 'demo-workspace-acme'"
            " AND f.created_at >= '2026-02-22 23:00' AND f.created_at < '2026-03-01 23:00' GROUP BY u.id"
            " ORDER BY 3 DESC"
        ).fetchall()
    (people, _) = json.loads(text)["datasets"]
    assert [(row["person"], row["files"], row["bytes"]) for row in people["rows"]] == expected


def validate(dsn, capsys):
    status = command.main(["validate", "--dsn", dsn])
    return status, capsys.readouterr().out


def test_a_broken_folder_is_told_with_its_line_and_costs_only_its_own_reports(sample_dsn, place, capsys):
    definition = place / "largest-uploads/report.yaml"
    before = "      - {name: bytes, title: Size, type: integer, unit: bytes, bar: true, total: true}"
    line = definition.read_text().split("\n").index(before) + 1
    definition.write_text(definition.read_text().replace(before, before.replace("integer", "money"), 1))
    catalog.catalog.cache_clear()

    reports, rejections = parse(PostgresDefinitions(sample_dsn).rows(limit=100))
    status, out = validate(sample_dsn, capsys)

    (rejected,) = [one for one in rejections if one.report_id == "demo-report-weekly-activity"]
    (problem,) = rejected.problems
    reason = f'{definition}:{line}: type "money" is unknown; choose from'
    assert problem.column == "reportType"
    assert problem.reason.startswith(f"is a broken report type; correct its folder: {reason}")
    assert "demo-report-daily-channels" in {report.id for report in reports}
    assert (status, f"report type 'largest-uploads' is broken\n  {reason}" in out) == (1, True)


def test_a_folder_that_would_replace_a_built_in_type_is_told_and_replaces_nothing(sample_dsn, place, capsys):
    shutil.copytree(place / "largest-uploads", place / "channel-analytics")
    catalog.catalog.cache_clear()

    _, out = validate(sample_dsn, capsys)

    assert f"{place}/channel-analytics: a report type channel-analytics exists already; rename the folder" in out
    assert catalog.report_types()["channel-analytics"].title == "Channel analytics"
