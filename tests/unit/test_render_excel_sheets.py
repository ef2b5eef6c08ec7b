"""What the sheets of a workbook say: the lead, titles and notes, units, words, totals, colours, definitions."""

from __future__ import annotations

import zipfile
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from io import BytesIO

import openpyxl
import pytest
from python_calamine import CalamineWorkbook

from include.scheduled_reports.domain.lead import Sentence
from include.scheduled_reports.render import as_excel
from include.scheduled_reports.render.document import GivenParameter
from tests.unit.brand import BRAND
from tests.unit.documents import WINDOW, chart, column, document, figure, table

LEAD = (
    Sentence(text="5 of 30 executions failed, up from 3.", tone="bad"),
    Sentence(text="The success rate fell by 7.6 points, from 90.9% to 83.3%."),
)
DAYS = [column("day", "date"), column("n", "integer")]
WEEK = [(date(2026, 5, day), day) for day in range(4, 11)]


def written(shown, row_limit=None):
    out = BytesIO()
    as_excel.render(shown, out, row_limit=row_limit)
    out.seek(0)
    return out


def book_of(shown, row_limit=None):
    return openpyxl.load_workbook(written(shown, row_limit))


def rows_of(shown, name="Channels", row_limit=None):
    """Read a sheet with Calamine."""
    return (
        CalamineWorkbook.from_filelike(written(shown, row_limit))
        .get_sheet_by_name(name)
        .to_python(skip_empty_area=False)
    )


def conditional(sheet):
    """Return the conditional formats: cells, rule, formula, colour of the text."""
    return [
        (str(cells.sqref), rule.operator or rule.type, rule.formula, rule.dxf and rule.dxf.font.color.rgb[-6:])
        for cells, rules in sheet.conditional_formatting._cf_rules.items()
        for rule in rules
    ]


# The lead


@pytest.mark.parametrize(
    "shown",
    [
        document(),
        document(branding=BRAND),
        document(branding=replace(BRAND, logo="")),
        document(title="Channel analytics", description="For Mondays"),
        document(table(DAYS, WEEK), charts=[chart("bar", DAYS[0], DAYS[1:], WEEK)], branding=BRAND),
    ],
    ids=["plain", "logo", "name", "description", "charts"],
)
def test_the_lead_is_in_a3(shown):
    summary = replace(shown, lead=LEAD)
    sheet = book_of(summary)["Summary"]
    wide = next(one for one in sheet.merged_cells.ranges if one.min_row == 3)

    assert sheet["A3"].value == summary.summary
    assert rows_of(summary, "Summary")[2][0] == summary.summary
    assert sheet["A3"].alignment.wrap_text
    assert wide.max_col == (15 if shown.charts else 5)


def test_the_first_sentence_of_the_lead_is_bold_in_the_colour_of_bad_news():
    out = written(replace(document(), lead=LEAD))
    first, second = openpyxl.load_workbook(out, rich_text=True)["Summary"]["A3"].value

    assert (first.font.b, first.font.color.rgb, second.font.b) == (True, "FFB42318", False)


def test_a_long_lead_has_room():
    short, long = (
        book_of(replace(document(), lead=(Sentence(text=text),)))["Summary"].row_dimensions[3].height
        for text in ("Steady week.", "Files shared fell by a lot. " * 12)
    )

    assert short < 40
    assert long >= short + 2 * 18


# Data sheets


def test_a_data_sheet_begins_with_report_table_and_period_and_says_what_is_in_it():
    data = replace(table([column("a")], [("x",)], title="Tasks"), definition="Every task that is open.")
    rows = rows_of(document(data, title="Weekly"), "Tasks")

    assert rows[:4] == [["Weekly · Tasks · 4\N{EN DASH}10 May 2026"], ["Every task that is open."], ["A"], ["x"]]


def test_a_note_and_the_rows_left_out_stand_above_the_header_and_on_the_summary():
    data = replace(
        table([column("a")], [("x",), ("y",), ("z",)]),
        definition="Every task.", notes=("7 tasks in private channels are counted, not listed.",),
        cut="Newest {shown} of {total} tasks", rest="All of them are in the CSV file.",
    )  # fmt: skip
    shown = replace(document(data), notes=data.notes)
    cut, rest = "Newest 2 of 3 tasks. All of them are in the CSV file.", data.notes[0]
    summary = rows_of(shown, "Summary", 2)

    assert rows_of(shown, row_limit=2)[1] == [f"{cut} {rest}"]
    assert rest in [row[0] for row in summary]
    assert ["Channels", 2.0, cut] in [row[:3] for row in summary]


def test_an_empty_table_says_what_there_is_none_of():
    data = replace(table([column("a")], []), none="No overdue tasks.")

    assert rows_of(document(data, table(DAYS, WEEK, name="days")))[1] == ["No overdue tasks."]


def test_durations_are_times_and_bytes_are_numbers_with_their_unit():
    columns = [
        replace(column("wait", "number", 1), unit="seconds"), replace(column("whole", "integer"), unit="seconds"),
        replace(column("exact", "decimal", 1), unit="seconds"), replace(column("size", "integer"), unit="bytes"),
    ]  # fmt: skip
    rows = [(1076.5, 90_000, Decimal("0.5"), 105_132_720), (float("nan"), None, None, None)]
    sheet = book_of(document(table(columns, rows)))["Channels"]

    assert [cell.value for cell in sheet[4]] == [
        timedelta(seconds=1076.5), timedelta(hours=25), timedelta(seconds=0.5), 105_132_720,
    ]  # fmt: skip
    assert [cell.value for cell in sheet[5]] == [None] * 4
    assert {cell.number_format for cell in sheet[4][:3]} == {"[h]:mm:ss"}
    assert sheet["D4"].number_format == '[>=999950]#,##0.0,," MB";[>=1000]#,##0," KB";#,##0" bytes"'


def test_key_figures_have_the_same_units():
    wait = figure("Wait", 1076, 1324, better="down")
    size = figure("Size", 105_132_720, 1_000_000)
    figures = [
        replace(one, spec=replace(one.spec, column=replace(one.spec.column, unit=unit)))
        for one, unit in ((wait, "seconds"), (size, "bytes"))
    ]
    sheet = book_of(document(figures=figures))["Summary"]
    found = {row[0].value: [cell.value for cell in row[1:4]] for row in sheet["A6:D9"]}

    assert found["Wait"] == [timedelta(seconds=1076), timedelta(seconds=1324), pytest.approx(1076 / 1324 - 1)]
    assert found["Size"] == [105_132_720, 1_000_000, "▲ 104.1 MB"]


def test_titles_stand_for_their_values():
    status = replace(column("status"), titles={"IN_PROGRESS": "In progress", "R&D": "<labs>"})
    rows = [("IN_PROGRESS",), ("DONE",), (None,), ("R&D",)]

    assert rows_of(document(table([status, *DAYS], [(*row, *WEEK[0]) for row in rows])))[3:] == [
        [text, WEEK[0][0], 4.0] for text in ("In progress", "DONE", "", "<labs>")
    ]


def test_an_empty_cell_has_the_line_of_its_row():
    sheet = book_of(document(table([column("a"), column("b")], [(None, "x")])))["Channels"]

    assert sheet["A4"].value is None
    assert sheet["A4"].border.bottom.style == sheet["B4"].border.bottom.style == "thin"


# Totals

AMOUNTS = [
    column("name"), replace(column("n", "integer"), total=True), replace(column("d", "decimal", 2), total=True),
    replace(column("f", "number", 1), total=True), replace(column("wait", "integer"), total=True, unit="seconds"),
    column("other", "integer"),
]  # fmt: skip
SUMMED = [
    ("a", 2**62, Decimal("0.10"), 0.5, 3_600, 1),
    ("b", 2**62, Decimal("0.20"), float("nan"), 5_400, 1),
    ("c", 2**62, None, 1.0, None, 1),
]


def test_a_row_of_totals_ends_a_table_apart_from_the_filter():
    sheet = book_of(document(table(AMOUNTS, SUMMED)))["Channels"]

    assert [cell.value for cell in sheet[8]] == [
        "Total", "13835058055282163712", 0.3, 1.5, timedelta(hours=2.5), None,  # 3 * 2**62, exactly
    ]  # fmt: skip
    assert sheet.auto_filter.ref == "A3:F6"
    assert sheet.dimensions == "A1:F8"
    assert sheet["B8"].font.bold
    assert not any(cell.value for cell in sheet[7])


def test_a_column_has_room_for_its_total():
    many = table([column("a"), replace(column("n", "integer"), total=True)], [("x", 999_999)] * 1_000, batch=1_000)
    width = book_of(document(many))["Channels"].column_dimensions["B"].width

    assert width >= len("999,999,000") + 4  # and the indent


@pytest.mark.parametrize(
    ("data", "row_limit"),
    [
        (table(AMOUNTS, SUMMED[:1]), None),
        (table(AMOUNTS, []), None),
        (table(AMOUNTS, SUMMED), 2),
        (replace(table(AMOUNTS, SUMMED), limit=3), None),
        (table([AMOUNTS[0], AMOUNTS[5]], [("a", 1), ("b", 1)]), None),
    ],
    ids=["one row", "no rows", "cut in the file", "cut by its query", "nothing to add up"],
)
def test_a_table_that_is_cut_or_has_nothing_to_add_up_has_no_totals(data, row_limit):
    out = written(document(data), row_limit)

    assert len(CalamineWorkbook.from_filelike(out).get_sheet_by_index(1).to_python()) == 3 + min(
        data.rows, row_limit or data.rows
    )


def test_the_totals_of_a_long_table_are_on_its_last_sheet(monkeypatch):
    monkeypatch.setattr(as_excel, "SHEET_ROWS", 7)
    numbers = table([column("a"), replace(column("n", "integer"), total=True)], [("x", n) for n in range(5)])
    shown = document(numbers)
    names = ["Channels", "Channels (2)", "Channels (3)"]

    assert [[row[1] for row in rows_of(shown, name)[3:]] for name in names] == [[0.0, 1.0], [2.0, 3.0], [4.0, "", 10.0]]


# Colours


def test_good_and_bad_values_have_their_colours():
    columns = [
        replace(
            column("severity"), tones={"warning": "warning", "critical": "bad"}, titles={"critical": 'Critical "1"'}
        ),
        replace(column("failed", "integer"), tone="bad"),
        replace(column("overdue", "boolean"), tone="bad"),
        replace(column("n", "integer"), bar=True),
    ]
    sheet = book_of(document(table(columns, [("critical", 1, True, 5), ("warning", 0, False, 3)])))["Channels"]

    assert conditional(sheet) == [
        ("A4:A5", "equal", ['"warning"'], "8A5A00"),
        ("A4:A5", "equal", ['"Critical ""1"""'], "B42318"),
        ("B4:B5", "notEqual", ["0"], "B42318"),
        ("C4:C5", "notEqual", ["0"], "B42318"),
        ("D4:D5", "dataBar", [], None),
    ]


def test_a_table_without_rows_has_no_colours():
    columns = [replace(column("failed", "integer"), tone="bad", bar=True)]

    assert conditional(book_of(document(table(columns, [])))["Channels"]) == []


# Small charts


@pytest.mark.parametrize(
    ("changes", "cells"),
    [({"zero_filled": True}, [("'By day'!B4:B10", "E7")]), ({"zero_filled": False}, [])],
    ids=["days", "something else"],
)
def test_a_figure_with_a_column_of_days_has_a_small_chart(changes, cells):
    days = replace(table(DAYS, WEEK, name="days", title="By day"), **changes)
    out = written(document(days, figures=[figure("N", 49, 40), figure("Other", 4, 5)]))
    with zipfile.ZipFile(out) as parts:
        tree = openpyxl.xml.functions.fromstring(parts.read("xl/worksheets/sheet1.xml"))
    names = (
        "{http://schemas.microsoft.com/office/excel/2006/main}f",
        "{http://schemas.microsoft.com/office/excel/2006/main}sqref",
    )
    found = [tuple(line.findtext(name) for name in names) for line in tree.iter() if line.tag.endswith("}sparkline")]

    assert found == cells


def test_a_small_chart_of_missing_values_has_a_height():
    numbers = [DAYS[0], column("n", "number", 1)]
    rows = [(day, float("nan") if n == 5 else float(n)) for day, n in WEEK]
    days = replace(table(numbers, rows, name="days", title="By day"), zero_filled=True)
    with zipfile.ZipFile(written(document(days, figures=[figure("N", 44.0, 40.0, kind="number")]))) as parts:
        assert 'manualMax="12.5"' in parts.read("xl/worksheets/sheet1.xml").decode()


# Definitions


def test_the_last_sheet_defines_figures_and_columns_and_states_the_scope():
    messages = replace(column("messages", "integer"), definition="Messages that people wrote.")
    data = replace(table([column("a"), messages], [("x", 5)]), definition="Public channels only.")
    counted = figure("Messages")
    counted = replace(
        counted, spec=replace(counted.spec, column=replace(counted.spec.column, definition="All of them."))
    )
    shown = replace(
        document(data, figures=[counted, figure("Other")]),
        notes=("3 channels are not listed.",), link="https://airflow.example/runs/1",
    )  # fmt: skip
    book = book_of(shown)
    rows = [list(row) for row in book.worksheets[-1].iter_rows(values_only=True) if row[0]]

    assert book.sheetnames[-1] == "Definitions"
    assert rows == [
        ["Definitions and scope", None],
        ["Scope", None],
        ["Report", "Weekly channels"],
        ["Report type", "Channel analytics"],
        ["Workspace", "Acme"],
        ["Period", "4\N{EN DASH}10 May 2026"],
        ["Previous period", "27 Apr \N{EN DASH} 3 May"],
        ["Data until", "Mon 11 May 2026, 00:00 (Berlin)"],
        ["Time zone", "Europe/Berlin (Berlin)"],
        ["Scheduled for", "Mon 11 May 2026, 09:00 (Berlin)"],
        ["Note", "3 channels are not listed."],
        ["Report online", "https://airflow.example/runs/1"],
        ["Metrics", None],
        ["Messages", "All of them."],
        ["Channels", "Public channels only."],
        ["Messages", "Messages that people wrote."],
    ]
    assert WINDOW.end.isoformat() == "2026-05-11T00:00:00+02:00"


def test_the_scope_says_what_the_parameters_select_as_text():
    formula = GivenParameter(name="kinds", title="Kinds", value="=1+1", words="=1+1")
    rows = rows_of(document(parameters=(formula,)), "Definitions", 1)

    assert ["Kinds", "=1+1"] in rows
    cells = [cell for row in book_of(document(parameters=(formula,)))["Definitions"].iter_rows() for cell in row]
    assert [cell.data_type for cell in cells if cell.value == "=1+1"] == ["s"]


def test_the_definitions_say_which_rows_are_left_out():
    data = replace(table([column("a")], [("x",), ("y",)]), limit=2)
    rows = rows_of(document(data), "Definitions", 1)

    assert ["Channels", "First 1 of 2 rows."] in rows
    assert ["Channels", "The first 2 rows; there may be more."] in rows
