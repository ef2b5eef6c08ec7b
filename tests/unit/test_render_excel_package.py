"""The workbook as a package, checked for errors that Excel would offer to repair."""

from __future__ import annotations

import zipfile
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from io import BytesIO

import openpyxl
import pytest
from python_calamine import CalamineWorkbook

from include.scheduled_reports.render import as_excel
from tests.unit.brand import BRAND, SVG
from tests.unit.documents import ZONE, chart, column, document, figure, table
from tests.unit.packages import problems

COLUMNS = [
    column("day", "date"), replace(column("n", "integer"), bar=True, total=True),
    replace(column("d", "decimal", 2), bar=True, tone="bad"),
    replace(column("t"), tones={"=1+1": "bad"}, definition="A text & more."),
]  # fmt: skip
ROWS = [(date(2026, 5, day), day, Decimal(10**20), "=1+1 <&> \x00 _x0041_") for day in range(1, 8)]
CHARTS = [
    chart("line", COLUMNS[0], COLUMNS[1:2], [row[:2] for row in ROWS]),
    chart("bar", COLUMNS[0], COLUMNS[1:2], [row[:2] for row in ROWS]),
    chart("rank", COLUMNS[3], COLUMNS[1:2], [(row[3], row[1]) for row in ROWS]),
]
FULL = document(
    replace(table(COLUMNS, ROWS, title="It's / [odd] & <more>"), zero_filled=True),
    table([column("at", "timestamp")], [(datetime(2026, 5, 4, 9, tzinfo=ZONE),)], name="other"),
    table([column("a")], [], name="nothing"),
    title="Weekly & <more>",
    figures=[figure(), figure("N", 28, 30), figure("Share", float("nan"), None, kind="percent")],
    charts=CHARTS,
    branding=BRAND,
    workspace="R&D <labs>",
)


def package(shown):
    out = BytesIO()
    as_excel.render(shown, out, row_limit=None)
    out.seek(0)
    return out


@pytest.mark.parametrize(
    "shown",
    [FULL, document(), document(table([column("a")], [])), replace(FULL, branding=replace(BRAND, logo=SVG))],
    ids=["full", "plain", "empty", "drawn logo"],
)
def test_a_workbook_is_a_sound_package(shown):
    assert problems(package(shown)) == []


def test_the_full_workbook_has_bars_and_small_charts():
    with zipfile.ZipFile(package(FULL)) as parts:
        summary, sheet = (parts.read(f"xl/worksheets/sheet{number}.xml").decode() for number in (1, 2))

    assert sheet.count("<x14:cfRule") == sheet.count('type="dataBar" priority') == 2
    assert "<xm:f>'It''s    odd  &amp; &lt;more&gt;'!B4:B10</xm:f><xm:sqref>E8</xm:sqref>" in summary


def test_two_readers_find_the_same_sheets():
    names = ["Summary", "It's    odd  & <more>", "Channels", "Channels (2)", "Definitions"]

    assert openpyxl.load_workbook(package(FULL)).sheetnames == names
    assert CalamineWorkbook.from_filelike(package(FULL)).sheet_names == names


def test_a_workbook_of_several_sheets_for_one_table_is_sound(monkeypatch):
    monkeypatch.setattr(as_excel, "SHEET_ROWS", 8)

    assert problems(package(FULL)) == []


# The check itself


def spoiled(change):
    """Return a valid workbook after applying *change* to its parts."""
    with zipfile.ZipFile(package(FULL)) as source:
        parts = {name: source.read(name) for name in source.namelist()}
    change(parts)
    out = BytesIO()
    with zipfile.ZipFile(out, "w") as target:
        for name, content in parts.items():
            target.writestr(name, content)
    return out


def reword(name, old, new):
    def change(parts):
        assert old in parts[name]
        parts[name] = parts[name].replace(old, new, 1)

    return change


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda parts: parts.pop("xl/charts/chart2.xml"), "is not there"),
        (lambda parts: parts.pop("xl/_rels/workbook.xml.rels"), "nothing leads to it"),
        (lambda parts: parts.update({"xl/stray.bin": b"x"}), "without a content type"),
        (reword("xl/workbook.xml", b"<sheets>", b"<sheets"), "not well-formed"),
        (reword("xl/drawings/drawing1.xml", b'r:id="rId1"', b'r:id="rId99"'), "is no relationship"),
        (reword("xl/worksheets/sheet2.xml", b"<autoFilter", b"<extLst/><autoFilter"), "not in order"),
        (reword("xl/worksheets/sheet2.xml", b"<x14:id>{5", b"<x14:id>{6"), "do not fit"),
        (reword("[Content_Types].xml", b"/xl/charts/chart1.xml", b"/xl/charts/chart9.xml"), "without a part"),
    ],
)
def test_the_package_check_finds_faults(change, problem):
    assert any(problem in one for one in problems(spoiled(change)))
