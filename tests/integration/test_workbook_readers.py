"""Workbooks in programs that did not write them: SheetJS, ExcelJS, calamine; test_libreoffice has LibreOffice."""

from __future__ import annotations

import zipfile
from dataclasses import replace
from datetime import date
from io import BytesIO

import openpyxl
import pytest
from python_calamine import CalamineWorkbook

from include.scheduled_reports.domain.lead import Sentence
from include.scheduled_reports.render import as_excel
from include.scheduled_reports.render.as_excel import package
from tests.readers import exceljs, sheetjs
from tests.unit.brand import BRAND, SVG
from tests.unit.documents import chart, column, document, figure, table

DAYS = [column("day", "date"), column("n", "integer"), column("text")]
ROWS = [(date(2026, 5, day), day, f"<row & {day}>") for day in range(4, 11)]
WEEK = table(DAYS, ROWS)
RICH = [
    DAYS[0], replace(DAYS[1], bar=True, total=True, tone="bad"), replace(DAYS[2], tones={"<row & 4>": "bad"}),
    replace(column("wait", "integer"), unit="seconds"), replace(column("size", "integer"), unit="bytes"),
    column("late", "boolean"),
]  # fmt: skip
#: More than a day, so that hours go beyond 24.
RICH_ROWS = [(*row, 93_784 + row[1], row[1] * 1_000_000, row[1] % 2 == 0) for row in ROWS]
CHARTS = [chart(kind, DAYS[0], DAYS[1:2], [row[:2] for row in ROWS]) for kind in ("line", "bar", "rank")]
SHOWN = {
    "plain": document(WEEK),
    "charts and a logo": document(WEEK, figures=[figure()], charts=CHARTS, branding=BRAND),
    "a drawn logo alone": document(WEEK, branding=replace(BRAND, logo=SVG)),
    "no rows": document(table(DAYS, [])),
    "bars and small charts": replace(
        document(
            replace(table(RICH, RICH_ROWS), zero_filled=True), figures=[figure("N", 49, 40), figure("Rate", 0.5, 0.4)]
        ),
        lead=(Sentence(text="N rose.", tone="good"), Sentence(text="It was 49.")), link="https://airflow.example/1",
    ),
}  # fmt: skip


def workbook(shown):
    out = BytesIO()
    as_excel.render(shown, out, row_limit=None)
    return out.getvalue()


@pytest.mark.parametrize("name", SHOWN)
def test_every_reader_finds_the_sheets_and_their_rows(name):
    content = workbook(SHOWN[name])
    rows = SHOWN[name].main.rows
    js, node = sheetjs(content), exceljs(content)

    assert js["names"] == node["names"] == ["Summary", "Channels", "Definitions"]
    for sheets in (js["sheets"], node["sheets"]):
        assert [[row[1], row[2]] for row in sheets["Channels"][2 : 3 + rows]] == [
            ["N", "Text"], *([day, f"<row & {day}>"] for day in range(4, 4 + rows)),
        ]  # fmt: skip
    assert node["images"]["Summary"] == ("logo" in name)
    assert js["formulas"] == []
    read = CalamineWorkbook.from_filelike(BytesIO(content)).get_sheet_by_name("Channels").to_python()
    assert [row[1] for row in read[3 : 3 + rows]] == list(range(4, 4 + rows))
    assert len(openpyxl.load_workbook(BytesIO(content))["Summary"]._charts) == len(SHOWN[name].charts)


def test_sheetjs_shows_values_as_people_read_them():
    shown = sheetjs(workbook(SHOWN["bars and small charts"]))["shown"]

    assert shown["Channels"][:4] == [
        ["Weekly channels · Channels · 4\N{EN DASH}10 May 2026", *[""] * 5],
        [""] * 6,
        ["Day", "N", "Text", "Wait", "Size", "Late"],
        ["Mon 4 May 2026", "4", "<row & 4>", "26:03:08", "4.0 MB", "Yes"],
    ]
    assert shown["Channels"][4][5] == "No"
    assert shown["Channels"][-1] == ["Total", "49", "", "", "", ""]
    assert shown["Summary"][2][0] == "N rose. It was 49."
    assert ["N", "49", "40", "▲ 22.5%", ""] in [row[:5] for row in shown["Summary"]]


def test_a_sheet_of_70_000_rows_is_read_to_its_end():
    count = 70_000
    numbers = table([column("n", "integer"), column("t")], [(n, f"row {n}") for n in range(count)], batch=10_000)
    content = workbook(document(numbers))

    for read in (sheetjs, exceljs):
        rows = read(content)["sheets"]["Channels"]
        assert len(rows) == count + 3
        assert rows[-1] == [count - 1, f"row {count - 1}"]


def test_a_workbook_has_no_zip64_fields():
    content = workbook(SHOWN["charts and a logo"])
    with zipfile.ZipFile(BytesIO(content)) as parts:
        assert parts.testzip() is None
        for part in parts.infolist():
            header = content[part.header_offset : part.header_offset + 30 + len(part.filename) + 4]
            sizes = [int.from_bytes(header[at : at + 4], "little") for at in (14, 18, 22)]
            assert sizes == [part.CRC, part.compress_size, part.file_size]
            assert header[30 + len(part.filename) :][:2] != b"\x01\x00"
            assert part.extract_version == 20


def test_a_part_beyond_the_limit_of_zip_has_them(monkeypatch):
    monkeypatch.setattr(package, "ZIP64_LIMIT", 10)
    content = workbook(SHOWN["plain"])

    with zipfile.ZipFile(BytesIO(content)) as parts:
        assert parts.testzip() is None
        assert parts.getinfo("xl/worksheets/sheet2.xml").extract_version == 45
    assert CalamineWorkbook.from_filelike(BytesIO(content)).sheet_names == ["Summary", "Channels", "Definitions"]


@pytest.mark.parametrize(
    "text",
    [
        "_x0041_x0042_",
        "_x0041_",
        "__x0041_",
        "_x0041__x0042_",
        "_x005F_x0041_",
        "_x0041",
        "_xZZZZ_",
        "_x0a_x00e9_x00E9_",
    ],
)
def test_text_that_looks_like_an_escape_is_unchanged(text):
    """Calamine and openpyxl resolve escapes as ECMA-376 says in 22.9.2.19; ExcelJS does not know them."""
    content = workbook(document(table([column("t")], [(text,), (text * 3,), (None,)]), title=text))

    assert sheetjs(content)["sheets"]["Channels"][3:5] == [[text], [text * 3]]
    found = CalamineWorkbook.from_filelike(BytesIO(content))
    assert found.get_sheet_by_name("Channels").to_python()[3:5] == [[text], [text * 3]]
    assert found.get_sheet_by_name("Summary").to_python()[1][0] == text
