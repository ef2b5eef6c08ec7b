"""Every report type in every format, by `preview`, on the sample of the demo."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, date, datetime

import openpyxl
import psycopg
import pytest

from include.scheduled_reports.adapters.postgres.reports import PostgresDefinitions
from include.scheduled_reports.domain.formats import Format
from include.scheduled_reports.reports.parser import parse_row
from include.scheduled_reports.reports.types.catalog import report_type, report_types
from include.scheduled_reports.sample_data.seed import seed
from include.scheduled_reports.settings import Settings
from tests.integration.previews import preview_row, preview_stored
from tests.readers import exceljs, sheetjs

UNTIL = date(2026, 4, 13)  # Monday: the last quarter, 30 and 7 days are all within the sample or at its edge
AT = datetime(2026, 4, 13, 12, tzinfo=UTC)
ACTIVE = """
SELECT DISTINCT ON ("reportType") "reportType", id FROM scheduled_reports
WHERE is_active AND status = 'ACTIVE' AND name NOT LIKE 'Broken:%' ORDER BY 1, id
"""
HIDDEN = "SELECT name FROM channels WHERE type <> 'PUBLIC' UNION SELECT content FROM messages WHERE length(content) > 4"


@pytest.fixture(scope="module")
def demo(postgres):
    """Return the demo's database, and one active report of each type."""
    dsn = postgres.create_database("preview")
    seed(dsn, until=UNTIL, messages=6_000)
    with psycopg.connect(dsn) as connection:
        yield dsn, dict(connection.execute(ACTIVE.encode()).fetchall())
    postgres.drop_database("preview")


@pytest.fixture(params=sorted(report_types()))
def kind(request, demo):
    """A report type, with an active report of the demo."""
    dsn, reports = demo
    return report_type(parse_row(PostgresDefinitions(dsn).row(reports[request.param])))


@pytest.fixture
def made(demo, kind, tmp_path):
    """Make the demo's report of this type in one format; return its rows and the content."""
    dsn, reports = demo

    def make(chosen):
        out = tmp_path / f"report.{chosen}"
        rows = preview_stored(dsn, reports[kind.id], Format(chosen), AT, out, Settings())
        return rows, out.read_bytes()

    return make


def test_csv_has_the_main_table_under_its_titles_and_json_the_same_rows(made, kind):
    count, content = made("csv")
    header, *lines = csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""))
    _, document = made("json")
    main, *_ = json.loads(document)["datasets"]

    # A reader of plain numbers is told what they count.
    units = {"": "", "seconds": " (seconds)", "bytes": " (bytes)"}
    assert header == [f"{column.title}{units[column.unit]}" for column in kind.main.columns]
    assert len(lines) == len(main["rows"]) == count > 0


def test_json_has_every_figure_and_every_table_with_something_in_each(made, kind):
    document = json.loads(made("json")[1])

    assert [dataset["name"] for dataset in document["datasets"]] == [dataset.name for dataset in kind.datasets]
    assert all(dataset["rows"] for dataset in document["datasets"] if dataset["name"] != "errors")
    assert len(document["keyFigures"]) == len(kind.figures)


def test_json_has_no_message_text_and_no_name_of_a_private_channel(made, kind, demo):
    with psycopg.connect(demo[0]) as connection:
        hidden = {name for (name,) in connection.execute(HIDDEN.encode()).fetchall()}
    document = json.loads(made("json")[1])

    shown = {cell for dataset in document["datasets"] for one in dataset["rows"] for cell in one.values()}
    assert shown & hidden == set()


def test_excel_has_a_sheet_for_every_table(made, kind):
    _, content = made("excel")
    book = openpyxl.load_workbook(io.BytesIO(content), read_only=True)

    assert len(book.sheetnames) >= len(kind.datasets) + 2


def test_html_and_pdf_are_complete(made, kind):
    _, page = made("html")
    _, paper = made("pdf")

    text = page.decode()
    assert all(dataset.title.replace("'", "&#39;") in text for dataset in kind.datasets)
    assert all(spec.column.title in text for spec in kind.figures if not spec.hidden)
    assert paper.startswith(b"%PDF-")
    assert paper.rstrip().endswith(b"%%EOF")


def test_a_chart_of_730_days_sees_all_of_them(demo, tmp_path):
    """The sample's activity is at the end of the period: the first 400 days have none."""
    dsn, reports = demo
    row = PostgresDefinitions(dsn).row(reports["workspace-activity"])
    period = {"type": "custom", "startDate": "2024-04-14", "endDate": "2026-04-13"}
    row = {**row, "parameters": {**row["parameters"], "dateRange": period}}
    texts = []
    for chosen in (Format.HTML, Format.EXCEL):
        preview_row(dsn, row, chosen, datetime(2026, 4, 14, 12, tzinfo=UTC), tmp_path / chosen, settings=Settings())
    texts.append((tmp_path / Format.HTML).read_text())
    book = openpyxl.load_workbook(io.BytesIO((tmp_path / Format.EXCEL).read_bytes()))
    texts += [str(cell) for line in book["Summary"].values for cell in line]

    assert not [text for text in texts if "No activity" in text]
    assert len(book["Summary"]._charts) == 2
    assert texts[0].count("<svg") == 4  # each for wide and for narrow screens


def test_excel_opens_in_readers_on_node(made, kind):
    count, content = made("excel")

    for found in (sheetjs(content), exceljs(content)):
        assert len(found["names"]) >= len(kind.datasets) + 2
        rows = found["sheets"][found["names"][1]]
        totals = 2 if rows[-1][0] == "Total" else 0
        assert len(rows) == 3 + count + totals
