"""Workbooks in programs that did not write them: SheetJS, ExcelJS, calamine; test_libreoffice has LibreOffice."""

from __future__ import annotations

import zipfile
from dataclasses import replace
from datetime import date
from io import BytesIO

import openpyxl
import pytest
from python_calamine import CalamineWorkbook

from include.scheduled_reports.render import as_excel
from include.scheduled_reports.render.as_excel import package
from tests.readers import exceljs, sheetjs
from tests.unit.brand import BRAND, SVG
from tests.unit.documents import chart, column, document, figure, table

DAYS = [column("day", "date"), column("n", "integer"), column("text")]
ROWS = [(date(2026, 5, day), day, f"<row & {day}>") for day in range(4, 11)]
WEEK = table(DAYS, ROWS)
CHARTS = [chart(kind, DAYS[0], DAYS[1:2], [row[:2] for row in ROWS]) for kind in ("line", "bar", "rank")]
SHOWN = {
    "plain": document(WEEK),
    "charts and a logo": document(WEEK, figures=[figure()], charts=CHARTS, branding=BRAND),
    "a drawn logo alone": document(WEEK, branding=replace(BRAND, logo=SVG)),
    "no rows": document(table(DAYS, [])),
}


def workbook(shown):
    out = BytesIO()
    as_excel.render(shown, out, row_limit=None)
    return out.getvalue()


@pytest.mark.parametrize("name", SHOWN)
def test_every_reader_finds_the_sheets_and_their_rows(name):
    content = workbook(SHOWN[name])
    rows = SHOWN[name].main.rows
    js, node = sheetjs(content), exceljs(content)

    assert js["names"] == node["names"] == ["Summary", "Channels"]
    for sheets in (js["sheets"], node["sheets"]):
        assert [[row[1], row[2]] for row in sheets["Channels"]] == [
            ["N", "Text"], *([day, f"<row & {day}>"] for day in range(4, 4 + rows)),
        ]  # fmt: skip
    assert node["images"]["Summary"] == ("logo" in name)
    assert js["formulas"] == []
    assert len(CalamineWorkbook.from_filelike(BytesIO(content)).get_sheet_by_name("Channels").to_python()) == rows + 1
    assert len(openpyxl.load_workbook(BytesIO(content))["Summary"]._charts) == len(SHOWN[name].charts)


def test_a_sheet_of_70_000_rows_is_read_to_its_end():
    count = 70_000
    numbers = table([column("n", "integer"), column("t")], [(n, f"row {n}") for n in range(count)], batch=10_000)
    content = workbook(document(numbers))

    for read in (sheetjs, exceljs):
        rows = read(content)["sheets"]["Channels"]
        assert len(rows) == count + 1
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
    assert CalamineWorkbook.from_filelike(BytesIO(content)).sheet_names == ["Summary", "Channels"]


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

    assert sheetjs(content)["sheets"]["Channels"][1:3] == [[text], [text * 3]]
    found = CalamineWorkbook.from_filelike(BytesIO(content))
    assert found.get_sheet_by_name("Channels").to_python()[1:3] == [[text], [text * 3]]
    assert found.get_sheet_by_name("Summary").to_python()[0][0] == text
