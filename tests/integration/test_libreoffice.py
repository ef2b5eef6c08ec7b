"""The workbook opens in LibreOffice, independent of Excel and of our libraries, and shows the same values."""

from __future__ import annotations

import csv
import shutil
import subprocess
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from io import BytesIO

import pypdfium2
import pytest

from include.scheduled_reports.render import as_csv, as_excel
from tests.unit.brand import BRAND
from tests.unit.documents import ZONE, chart, column, document, figure, table

pytestmark = pytest.mark.skipif(
    shutil.which("soffice") is None, reason="soffice is missing: install libreoffice-calc-nogui"
)

#: Separated by commas, quoted, UTF-8, from line 1, one file per sheet, values as shown.
AS_CSV = "csv:Text - txt - csv (StarCalc):44,34,76,1,,0,false,true,true,false,false,-1"
COLUMNS = [
    column("t"), column("i", "integer"), column("d", "decimal", 2), column("f", "number", 3), column("p", "percent", 1),
    column("b", "boolean"), column("on", "date"), column("at", "timestamp"),
    replace(column("s", "integer"), unit="seconds"), replace(column("z", "integer"), unit="bytes"),
]  # fmt: skip
ROWS = [
    ("=1+1", 1_234_567, Decimal("1234.50"), 0.125, 0.25, True, date(2026, 5, 4), datetime(2026, 5, 4, 9, tzinfo=ZONE),
     93_784, 105_132_720),
    ("0001", -(2**63), Decimal(10**20), float("nan"), None, False, date(1899, 12, 31), None, 59, 13_400),
    ('a "b", c\nd', None, None, None, None, None, None, None, None, None),
    ("12345678901234567890", 0, Decimal(0), 0.0, 0.0, None, None, None, 0, 302),
    ("<b>&amp;</b> _x0041_ \x00 日本 שלום", 5, None, None, None, None, None, None, None, None),
]  # fmt: skip
SHOWN = [
    ["Weekly channels · Channels · 4\N{EN DASH}10 May 2026", *[""] * 9],
    [""] * 10,
    ["T", "I", "D", "F", "P", "B", "On", "At (Berlin)", "S", "Z"],
    ["=1+1", "1,234,567", "1,234.50", "0.125", "25.0%", "Yes", "Mon 4 May 2026", "4 May 2026, 09:00", "26:03:04",
     "105.1 MB"],
    ["0001", "-9223372036854775808", "100000000000000000000.00", "", "", "No", "1899-12-31", "", "0:00:59", "13 KB"],
    ['a "b", c\nd', *[""] * 9],
    ["12345678901234567890", "0", "0.00", "0.000", "0.0%", "", "", "", "0:00:00", "302 bytes"],
    ["<b>&amp;</b> _x0041_  日本 שלום", "5", *[""] * 8],
]  # fmt: skip


@pytest.fixture(scope="module")
def converted(tmp_path_factory):
    """Convert a workbook with every feature in LibreOffice; return the folder of the results."""
    folder = tmp_path_factory.mktemp("office")
    days = [(date(2026, 5, day), day) for day in range(4, 11)]
    shown = document(
        table(COLUMNS, ROWS),
        replace(
            table(
                [column("day", "date"), replace(column("n", "integer"), bar=True, total=True)],
                days,
                name="days",
                title="By day",
            ),
            zero_filled=True,
        ),
        figures=[
            figure("Messages", 1_234_567, 987_654),
            figure("N", 49, 4),
            figure("Rate", 0.833, 0.909, kind="percent", scale=1),
        ],
        charts=[chart("bar", column("day", "date"), [column("n", "integer")], days, table="days", title="N per day")],
        branding=BRAND,
    )
    content = BytesIO()
    as_excel.render(shown, content, row_limit=None)
    (folder / "report.xlsx").write_bytes(content.getvalue())
    for kind in (AS_CSV, "pdf"):
        command = [
            "soffice", f"-env:UserInstallation={(folder / 'profile').as_uri()}", "--headless", "--convert-to", kind,
            "--outdir", str(folder), str(folder / "report.xlsx"),
        ]  # fmt: skip
        subprocess.run(command, check=True, capture_output=True, timeout=180)
    return folder


def rows_of(folder, sheet):
    with (folder / f"report-{sheet}.csv").open(newline="") as file:
        return list(csv.reader(file))


def test_every_sheet_is_there(converted):
    assert sorted(path.name for path in converted.glob("*.csv")) == [
        "report-By day.csv", "report-Channels.csv", "report-Definitions.csv", "report-Summary.csv",
    ]  # fmt: skip


def test_a_sheet_shows_the_values_of_its_table(converted):
    assert rows_of(converted, "Channels") == SHOWN


def test_the_summary_shows_the_key_figures(converted):
    rows = [row[:4] for row in rows_of(converted, "Summary")]

    assert ["Messages", "1,234,567", "987,654", "▲ 25.0%"] in rows
    assert ["N", "49", "4", "▲ 45"] in rows
    assert ["Rate", "83.3%", "90.9%", "▼ 7.6 points"] in rows
    assert ["Channels", "5", "", ""] in rows


def test_a_table_ends_with_its_totals(converted):
    assert rows_of(converted, "By day")[-3:] == [["Sun 10 May 2026", "10"], ["", ""], ["Total", "49"]]


def test_the_chart_is_drawn_on_the_summary(converted):
    document_read = pypdfium2.PdfDocument(converted / "report.pdf")
    text = document_read[0].get_textpage().get_text_bounded()
    document_read.close()

    assert "N per day" in text
    assert "Sun 10" in text


# CSV, opened with each separator that a spreadsheet may expect

FORMULAS = [
    "hello;=1+1;bye", "hello\t=1+1\tbye", "hello,=1+1,bye", "hello\n=1+1\nbye", "hello\r\n=1+1;x", 'a;"=1+1";b',
    'a;""=1+1;b', '";=1+1', ';"";=1+1;', "a; =1+1;b", "a;\u00a0=1+1;b", "a;\u200b=1+1;b", "a;\x01=1+1;b", "=1+1",
    "\t=1+1\t", "\n=1+1", ";=1+1;", "a|=1+1|b", "x;+1+1;-1-1;@A1",
]  # fmt: skip


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_no_cell_of_a_csv_is_a_formula(tmp_path, separator):
    columns = [column("first"), column("n", "integer"), column("text"), column("last")]
    rows = [(text, 5, text, "end") for text in FORMULAS]
    with (tmp_path / "hostile.csv").open("wb") as out:
        as_csv.render(document(table(columns, rows)), out, row_limit=None)
    command = [
        "soffice", f"-env:UserInstallation={(tmp_path / 'profile').as_uri()}", "--headless",
        f"--infilter=Text - txt - csv (StarCalc):{ord(separator)},34,76,1", "--convert-to", "fods",
        "--outdir", str(tmp_path), str(tmp_path / "hostile.csv"),
    ]  # fmt: skip
    subprocess.run(command, check=True, capture_output=True, timeout=180)
    read = (tmp_path / "hostile.fods").read_text()

    assert "hello" in read
    assert "table:formula=" not in read
