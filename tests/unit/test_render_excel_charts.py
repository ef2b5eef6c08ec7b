"""The native charts of a workbook, read from the XML that Excel reads."""

from __future__ import annotations

import re
import zipfile
from dataclasses import replace
from datetime import date, timedelta
from io import BytesIO
from xml.etree import ElementTree

import openpyxl
import pytest

from include.scheduled_reports.render import as_excel
from tests.unit.documents import chart, column, document, table

C = "{http://schemas.openxmlformats.org/drawingml/2006/chart}"
DAYS = [column("day", "date"), column("messages", "integer"), column("share", "percent", 1)]
WEEK = [(date(2026, 5, 4), 5, 0.5), (date(2026, 5, 5), None, 0.25), (date(2026, 5, 6), 7, 1.0)]


def charts_of(shown, row_limit=None):
    out = BytesIO()
    as_excel.render(shown, out, row_limit=row_limit)
    with zipfile.ZipFile(out) as parts:
        names = sorted(name for name in parts.namelist() if re.fullmatch(r"xl/charts/chart\d+\.xml", name))
        return [ElementTree.fromstring(parts.read(name)) for name in names]  # noqa: S314 - written by our own code


def drawn(kind, columns, rows, **changes):
    data = table(columns, rows, title="It's data")
    (found,) = charts_of(document(data, charts=[chart(kind, columns[0], columns[1:], rows, **changes)]))
    return found


def formulas(found):
    return [one.text for one in found.iter(f"{C}f")]


def cached(found, part):
    return [point.findtext(f"{C}v") for point in found.find(f".//{C}{part}").iter(f"{C}pt")]


def test_a_chart_reads_the_cells_of_its_table():
    found = drawn("line", DAYS, WEEK)

    assert found.find(f".//{C}lineChart") is not None
    assert formulas(found) == [
        "'It''s data'!$B$3", "'It''s data'!$A$4:$A$6", "'It''s data'!$B$4:$B$6",
        "'It''s data'!$C$3", "'It''s data'!$A$4:$A$6", "'It''s data'!$C$4:$C$6",
    ]  # fmt: skip


def test_a_chart_caches_its_values_and_leaves_gaps_for_missing_ones():
    found = drawn("line", DAYS[:2], [row[:2] for row in WEEK])

    assert cached(found, "cat") == ["46146", "46147", "46148"]  # days since 1899-12-30, as LibreOffice counts them
    assert cached(found, "val") == ["5", "7"]
    assert [point.get("idx") for point in found.find(f".//{C}val").iter(f"{C}pt")] == ["0", "2"]
    assert found.find(f".//{C}dispBlanksAs").get("val") == "gap"


@pytest.mark.parametrize("kind", ["line", "bar", "rank"])
def test_axes_are_shown_except_the_value_axis_of_a_ranking(kind):
    found = drawn(kind, [column("name"), column("n", "integer")], [("a", 5), ("b", 3)])
    hidden = [axis.find(f"{C}delete").get("val") for axis in found.iter() if axis.tag in (f"{C}catAx", f"{C}valAx")]

    assert hidden == ["0", "1" if kind == "rank" else "0"]


@pytest.mark.parametrize(("days", "step"), [(7, "1"), (30, "3"), (60, "6")])
def test_the_axis_of_a_long_period_does_not_label_every_day(days, step):
    rows = [(date(2026, 1, 1) + timedelta(days=day), day) for day in range(days)]
    axis = drawn("line", DAYS[:2], rows).find(f".//{C}dateAx")

    assert axis.find(f"{C}majorUnit").get("val") == step
    assert axis.find(f"{C}majorTimeUnit").get("val") == "days"


def test_the_axis_of_many_names_does_not_label_all_of_them():
    found = drawn("line", [column("name"), column("n", "integer")], [(f"p{n}", n) for n in range(40)])

    assert found.find(f".//{C}catAx/{C}tickLblSkip").get("val") == "4"


def test_a_ranking_is_read_from_the_top_and_shows_its_values():
    found = drawn("rank", [column("name"), column("n", "integer")], [("a", 5), ("b", 3)])

    assert found.find(f".//{C}barDir").get("val") == "bar"
    assert found.find(f".//{C}catAx/{C}scaling/{C}orientation").get("val") == "maxMin"
    assert found.find(f".//{C}dLbls/{C}showVal").get("val") == "1"


def test_a_ranking_shows_as_many_bars_as_the_page_does_and_says_so():
    found = drawn("rank", [column("name"), column("n", "integer")], [(f"p{n}", 40 - n) for n in range(40)])

    assert formulas(found)[1:] == ["'It''s data'!$A$4:$A$28", "'It''s data'!$B$4:$B$28"]
    assert "".join(found.find(f"{C}chart/{C}title").itertext()).strip() == "Messages by day (first 25 of 40)"


@pytest.mark.parametrize(
    ("kind", "values", "ends"),
    [
        ("line", (970, 980, None), ("0", "1000")),
        ("bar", (970, 980, None), ("0", "1000")),
        ("rank", (970, 980, None), ("0", "1097.6")),  # an eighth of the room is for the numbers at the bars
        ("line", (5, -3, float("nan")), ("-4", "6")),
        ("bar", (5, -3, float("nan")), ("-4", "6")),
        ("rank", (5, -3, float("nan")), (None, "5.6")),
    ],
)
def test_axes_begin_at_zero_end_at_a_round_number_and_show_negative_values(kind, values, ends):
    rows = [(f"p{n}", value) for n, value in enumerate(values)]
    scaling = drawn(kind, [column("name"), column("n", "number")], rows).find(f".//{C}valAx/{C}scaling")
    found = [scaling.find(f"{C}{end}") for end in ("min", "max")]

    assert tuple(one if one is None else one.get("val") for one in found) == ends


def test_only_several_series_have_a_legend():
    one = drawn("bar", DAYS[:2], [row[:2] for row in WEEK])
    two = drawn("bar", DAYS, WEEK)

    assert [found.find(f".//{C}legend") is None for found in (one, two)] == [True, False]


def test_a_chart_of_nothing_is_left_out():
    for rows in ([], [(date(2026, 5, 4), 0)], [(date(2026, 5, 4), None)]):
        shown = document(table(DAYS[:2], rows), charts=[chart("line", DAYS[0], DAYS[1:2], rows)])
        assert charts_of(shown) == []


def test_a_chart_ends_at_the_row_limit_of_its_table():
    rows = [row[:2] for row in WEEK]
    shown = document(table(DAYS[:2], rows), charts=[chart("line", DAYS[0], DAYS[1:2], rows)])
    (found,) = charts_of(shown, row_limit=2)

    assert formulas(found)[1:] == ["'Channels'!$A$4:$A$5", "'Channels'!$B$4:$B$5"]


def test_a_chart_reads_the_first_sheet_of_a_table_that_has_several(monkeypatch):
    monkeypatch.setattr(as_excel, "SHEET_ROWS", 7)
    rows = [(f"p{n}", 9 - n) for n in range(4)]
    columns = [column("name"), column("n", "integer")]
    (found,) = charts_of(document(table(columns, rows), charts=[chart("line", columns[0], columns[1:], rows[:2])]))

    assert formulas(found)[1:] == ["'Channels'!$A$4:$A$5", "'Channels'!$B$4:$B$5"]


@pytest.mark.parametrize("kind", ["line", "bar"])
@pytest.mark.parametrize("place", [0, 1, 3])
def test_a_row_without_a_date_is_not_drawn(kind, place):
    rows = [row[:2] for row in WEEK]
    found = drawn(kind, DAYS[:2], [*rows[:place], (None, 99), *rows[place:]])

    assert cached(found, "cat") == ["46146", "46147", "46148"]
    assert cached(found, "val") == ["5", "7"]
    # a range cannot leave out a cell in its middle
    between = (
        []
        if place == 1
        else [f"'It''s data'!${column}${4 + (not place)}:${column}${6 + (not place)}" for column in "AB"]
    )
    assert formulas(found)[1:] == between
    assert "".join(found.find(f"{C}chart/{C}title").itertext()).strip() == "Messages by day (1 row has no date)"


def test_bars_of_one_day_stand_side_by_side():
    found = drawn("bar", DAYS[:2], [(date(2026, 5, 4), 30), (date(2026, 5, 4), 20)])

    assert found.find(f".//{C}dateAx") is None
    assert cached(found, "val") == ["30", "20"]


def test_a_line_of_720_rows_is_drawn_whole():
    rows = [(n, n + 1) for n in range(720)]
    found = drawn("line", [column("n", "integer"), column("messages", "integer")], rows[:400])

    assert formulas(found)[1:] == ["'It''s data'!$A$4:$A$403", "'It''s data'!$B$4:$B$403"]


DAY, NUMBER = DAYS[:2]


@pytest.mark.parametrize(("weekly", "sums"), [("sum", ["1", *["7"] * 9]), ("average", ["1"] * 10)])
def test_more_than_sixty_days_are_drawn_as_weeks_which_stand_in_a_sheet_of_their_own(weekly, sums):
    rows = [(date(2026, 3, 2) + timedelta(days=day), 1) for day in range(64)]
    shown = replace(chart("bar", DAY, [NUMBER], rows), weekly=weekly)
    (found,) = charts_of(document(table(DAYS[:2], rows), charts=[shown]))

    assert formulas(found) == ["'Chart data'!$B$5", "'Chart data'!$A$6:$A$15", "'Chart data'!$B$6:$B$15"]
    assert cached(found, "val") == sums  # 64 days are a day and nine weeks
    assert cached(found, "cat")[:3] == ["46083", "46084", "46091"]
    assert found.find(f".//{C}dateAx") is None  # on which a bar would be as thin as a day


@pytest.mark.parametrize("kind", ["line", "bar"])
def test_the_period_before_is_a_thin_line_on_the_same_days(kind):
    rows = [row[:2] for row in WEEK]
    before = ({"messages": 3}, {"messages": 9}, {"messages": None})
    shown = replace(chart(kind, DAY, [NUMBER], rows), before=before)
    (found,) = charts_of(document(table(DAYS[:2], rows), charts=[shown]))
    earlier = found.findall(f".//{C}lineChart/{C}ser")[-1]

    assert "".join(earlier.find(f"{C}tx").itertext()).endswith("Messages, 27 Apr \N{EN DASH} 3 May")
    assert [one.text for one in earlier.iter(f"{C}f")] == [
        "'Chart data'!$B$5", "'Chart data'!$A$6:$A$8", "'Chart data'!$B$6:$B$8",
    ]  # fmt: skip
    assert cached(earlier, "val") == ["3", "9"]
    assert found.find(f".//{C}valAx/{C}scaling/{C}max").get("val") == "10"
    assert found.find(f"{C}chart/{C}legend") is not None
    ids = [one.get("val") for one in found.iter(f"{C}axId")]
    assert set(ids) == {"10", "100"} or set(ids) == {"500", "100"}


def test_what_failed_has_the_colour_of_failure():
    failed = replace(column("failed", "integer"), tone="bad")
    found = drawn("bar", [DAY, NUMBER, failed], [(day, 5, 2) for day, *_ in WEEK])
    colours = [one.find(".//{*}srgbClr").get("val") for one in found.iter(f"{C}ser")]

    assert colours == ["2F6FAB", "C0504D"]


@pytest.mark.parametrize(("days", "code"), [(7, "[$-809]ddd d"), (14, "[$-809]ddd d"), (15, "[$-809]d mmm")])
def test_up_to_two_weeks_name_the_days_of_the_week(days, code):
    rows = [(date(2026, 5, 4) + timedelta(days=day), day) for day in range(days)]

    assert drawn("line", DAYS[:2], rows).find(f".//{C}dateAx/{C}numFmt").get("formatCode") == code


def test_an_axis_of_durations_is_labelled_at_whole_minutes():
    seconds = replace(column("wait", "number"), unit="seconds")
    axis = drawn("line", [DAY, seconds], [(day, 60.0 * 17) for day, *_ in WEEK]).find(f".//{C}valAx")

    assert axis.find(f"{C}numFmt").get("formatCode") == "[h]:mm:ss"
    assert float(axis.find(f"{C}majorUnit").get("val")) == pytest.approx(5 / 1440)
    assert float(axis.find(f"{C}scaling/{C}max").get("val")) == pytest.approx(20 / 1440)


def test_charts_end_at_the_same_column_as_the_title():
    rows = [row[:2] for row in WEEK]
    out = BytesIO()
    as_excel.render(document(table(DAYS[:2], rows), charts=[chart("bar", DAY, [NUMBER], rows)]), out, row_limit=None)
    sheet = openpyxl.load_workbook(out)["Summary"]
    (found,) = sheet._charts

    assert {str(one) for one in sheet.merged_cells.ranges} >= {"A2:O2", "A3:O3"}
    assert (found.anchor.to.col, found.anchor.to.colOff) == (15, 0)  # the left edge of column P


@pytest.mark.parametrize("kind", ["line", "bar"])
@pytest.mark.parametrize(
    ("type_", "values", "step", "code"),
    [
        ("number", (0.32, 0.33, 0.35), 0.1, "#,##0.0"),
        ("percent", (0.001, 0.0018, 0.0025), 0.0005, "0.00%"),
        ("percent", (0.1, 0.5, 1.0), 0.2, "0%"),
        ("number", (-0.02, 0.03), 0.01, "#,##0.00"),
        ("number", (1.5, 2.5, 3.0), 1, "#,##0"),
        ("number", (1.0, 1.5, 2.0), 0.5, "#,##0.0"),
        ("integer", (1, 2, 3), 1, "#,##0"),
        ("number", (12_000.0, 54_321.5), 10_000, "#,##0"),
        ("number", (1e-7, 2e-7), 5e-8, "#,##0.00000000"),
    ],
)
def test_labels_of_the_value_axis_differ(kind, type_, values, step, code):
    """The labels are multiples of the step, which D3 chooses alike; as many digits as it has tell them apart."""
    rows = [(f"p{n}", value) for n, value in enumerate(values)]
    axis = drawn(kind, [column("name"), column("n", type_, 4)], rows).find(f".//{C}valAx")

    assert float(axis.find(f"{C}majorUnit").get("val")) == pytest.approx(step)
    assert axis.find(f"{C}numFmt").get("formatCode") == code


def test_names_of_a_ranking_stand_beside_its_negative_bars():
    found = drawn("rank", [column("name"), column("n", "number")], [("a", 50.0), ("b", -110.0)])

    assert found.find(f".//{C}catAx/{C}tickLblPos").get("val") == "low"
