"""Excel, read with openpyxl, which did not write it."""

from __future__ import annotations

import zipfile
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from io import BytesIO

import openpyxl
import pytest
from openpyxl.utils.escape import unescape

from include.scheduled_reports.domain.lead import Sentence
from include.scheduled_reports.render import as_excel
from tests.unit.brand import BRAND
from tests.unit.documents import ZONE, chart, column, document, figure, table


def written(shown, row_limit=None):
    out = BytesIO()
    count = as_excel.render(shown, out, row_limit=row_limit)
    return count, openpyxl.load_workbook(out)


def sheet(columns, rows):
    return written(document(table(columns, rows)))[1]["Channels"]


def values(worksheet):
    """Return the header of a data sheet, and its rows."""
    return [list(row) for row in worksheet.iter_rows(min_row=3, values_only=True)]


def summary(book):
    """Return the rows of the first sheet, without its charts."""
    rows = [list(row) for row in book["Summary"].iter_rows(max_col=5, values_only=True)]
    return [row for row in rows if any(cell is not None for cell in row)]


def contents(book):
    """Return the first sheet's entries about the tables."""
    rows = summary(book)
    found = rows[rows.index(["Sheet", "Rows", None, None, None]) + 1 :]
    return [row[:3] for row in found if row[1] is not None]


def test_every_type_is_a_typed_cell_with_a_format():
    columns = [
        column("t"), column("i", "integer"), column("d", "decimal", 2), column("f", "number", 3),
        column("p", "percent", 1), column("b", "boolean"), column("on", "date"), column("at", "timestamp"),
    ]  # fmt: skip
    row = (
        "x", -5, Decimal("1234.50"), 0.125, 0.25, False, date(2024, 2, 29),
        datetime(2026, 10, 25, 2, 30, tzinfo=ZONE, fold=1),
    )  # fmt: skip
    cells = sheet(columns, [row])[4]

    assert [cell.value for cell in cells] == [
        "x", -5, 1234.5, 0.125, 0.25, 0, datetime(2024, 2, 29), datetime(2026, 10, 25, 2, 30),  # noqa: DTZ001
    ]  # fmt: skip
    assert [cell.data_type for cell in cells] == ["s", "n", "n", "n", "n", "n", "d", "d"]
    assert [cell.number_format for cell in cells] == [
        "@", "#,##0", "#,##0.00", "#,##0.000", "0.0%", '"Yes";;"No"',
        "[$-809]ddd d mmm yyyy", "[$-809]d mmm yyyy, hh:mm",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "text",
    ["=1+1", "+1", "-1", "@A1", "0001", "12345678901234567890", "#N/A", "TRUE", "2026-05-04", "=", "  a  ", "\t"],
)
def test_text_stays_text(text):
    cell = sheet([column("t")], [(text,)])["A4"]

    assert (cell.value, cell.data_type) == (text, "s")


def test_a_number_too_long_for_excel_is_text_and_whole():
    columns = [column("i", "integer"), column("d", "decimal", 4)]
    rows = [
        (999_999_999_999_999, Decimal("99999999999.9999")),
        (1_000_000_000_000_000, Decimal("100000000000.0000")),
        (-(2**63), Decimal("-1234567890123456789012345678901234.5678")),
    ]

    assert values(sheet(columns, rows))[1:] == [
        [999_999_999_999_999, 99_999_999_999.9999],
        ["1000000000000000", "100000000000.0000"],
        ["-9223372036854775808", "-1234567890123456789012345678901234.5678"],
    ]


def test_days_and_moments_outside_the_calendar_of_excel_are_text():
    columns = [column("on", "date"), column("at", "timestamp")]
    rows = [
        (date(1900, 3, 1), datetime(1900, 3, 1, 12, tzinfo=ZONE)),
        (date(1900, 2, 28), datetime(1899, 12, 31, 12, tzinfo=ZONE)),
        (date(9999, 12, 31), None),
    ]

    assert values(sheet(columns, rows))[1:] == [
        [datetime(1900, 3, 1), datetime(1900, 3, 1, 12)],  # noqa: DTZ001
        ["1900-02-28", "1899-12-31T12:00:00+01:00"],
        [datetime(9999, 12, 31), None],  # noqa: DTZ001
    ]


def test_missing_values_and_nan_leave_the_cell_empty():
    rows = [(None, None), (float("inf"), None), (float("nan"), "x")]

    assert values(sheet([column("f", "number"), column("t")], rows)) == [
        ["F", "T"], [None, None], [None, None], [None, "x"],
    ]  # fmt: skip


def test_characters_forbidden_in_xml_are_left_out():
    assert sheet([column("t")], [('a\x00b\x1b\uffffc\r\nd<&>"',)])["A4"].value == 'abc\r\nd<&>"'


def test_text_that_looks_like_an_escape_of_excel_is_kept():
    cell = sheet([column("t")], [("_x0041_ and _x0042_",)])["A4"]

    assert cell.value == "_x005F_x0041_ and _x005F_x0042_"
    assert unescape(cell.value) == "_x0041_ and _x0042_"


def test_a_text_longer_than_a_cell_says_that_it_was_cut():
    note = "… (cut: 20,000 characters)"
    fits, too_long = "x" * 32_767, "\U0001f389" * 20_000  # two UTF-16 units each
    rows = [(fits,), (too_long,)]
    first, second = (row[0] for row in values(sheet([column("t")], rows))[1:])

    assert first == fits
    assert second.endswith(note)
    assert len(second.encode("utf-16-le")) // 2 in (32_766, 32_767)


def test_the_header_is_frozen_filtered_and_names_the_zone():
    worksheet = sheet([column("channel"), column("at", "timestamp", title="Last message")], [("a", None), ("b", None)])

    assert values(worksheet)[0] == ["Channel", "Last message (Berlin)"]
    assert worksheet.freeze_panes == "B4"
    assert worksheet.auto_filter.ref == "A3:B5"
    assert worksheet.dimensions == "A1:B5"
    assert worksheet["A3"].font.bold


def test_a_sheet_declares_its_dimension_for_streaming_readers():
    out = BytesIO()
    as_excel.render(document(), out, row_limit=None)
    book = openpyxl.load_workbook(out, read_only=True)

    assert book["Channels"].calculate_dimension() == "A1:B5"
    book.close()


def test_columns_are_as_wide_as_their_content_within_bounds():
    worksheet = sheet([column("a"), column("b"), column("c")], [("x", "a text of twenty chars"[:20], "y" * 500)])
    widths = [worksheet.column_dimensions[letter].width for letter in "ABC"]

    assert widths[0] < widths[1] < widths[2] < 80


def test_the_summary_comes_first_and_holds_figures_as_numbers():
    figures = [
        figure("Messages", 1_234_567, 987_654),
        figure("Cost", Decimal("12345678901234567890.5"), None, kind="decimal", scale=1),
        figure("Reply time", 30, 40, better="down"),
        figure("Share", float("nan"), 0.5, kind="percent"),
    ]
    _, book = written(document(title="=Weekly", description="For Mondays", figures=figures))
    rows = summary(book)

    assert book.sheetnames == ["Summary", "Channels", "Definitions"]
    assert book["Summary"]["A2"].data_type == "s"
    assert [row[0] for row in rows[:5]] == [
        "Acme",
        "=Weekly",
        "For Mondays",  # there is no lead
        "Channel analytics · 4\N{EN DASH}10 May 2026 · Scheduled for Mon 11 May 2026, 09:00 (Berlin)",
        "For Mondays",
    ]
    assert rows[5:10] == [
        ["Metric", "4\N{EN DASH}10 May 2026", "27 Apr \N{EN DASH} 3 May", "Change", None],
        ["Messages", 1_234_567, 987_654, pytest.approx(0.25, abs=1e-4), None],
        ["Cost", "12345678901234567890.5", "n/a", "no earlier data", None],
        ["Reply time", 30, 40, -0.25, None],
        ["Share", "n/a", 0.5, "no data", None],
    ]
    assert rows[10:] == [
        ["Sheet", "Rows", None, None, None],
        ["Channels", 2, None, None, None],
        ["Times in Berlin time.", None, None, None, None],
    ]


@pytest.mark.parametrize(
    ("shown", "amount", "code"),
    [
        (figure("Messages", 125, 100), 0.25, '"▲ "0.0%;"▼ "0.0%'),
        (figure("Rate", 0.833, 0.909, kind="percent"), pytest.approx(-7.6), '"▲ "0.0" points";"▼ "0.0" points"'),
        (figure("Rate", 0.51, 0.5, kind="percent"), pytest.approx(1), '"▲ "0.0" point";"▼ "0.0" point"'),
        (figure("Failed", 29, 7), 22, '"▲ "#,##0;"▼ "#,##0'),
        (figure("New", 5, 0), "none before", "General"),
        (figure("Same", 5, 5), "no change", "General"),
        (figure("First", 5, None), "no earlier data", "General"),
        (figure("Gone", None, 5), "no data", "General"),
        (figure("Nothing", 0, 0), "no change", "General"),
    ],
    ids=["relative", "points", "one point", "difference", "from zero", "same", "no base", "no value", "zeros"],
)
def test_a_change_is_a_number_with_its_sign_or_the_reason_why_there_is_none(shown, amount, code):
    _, book = written(document(figures=[shown]))
    cell = next(
        book["Summary"].cell(row, 4)
        for row in range(1, 20)
        if book["Summary"].cell(row, 1).value == shown.spec.column.title
    )

    assert (cell.value, cell.number_format) == (amount, code)


def test_every_table_has_a_sheet_the_summary_leads_to():
    main = table([column("a")], [("x",)], title="It's / [odd]: *?\\ and longer than thirty-one characters")
    same = table([column("a")], [], name="other", title="IT'S   odd    and longer than thirty-one")
    taken = table([column("a")], [], name="third", title="summary")
    reserved = table([column("a")], [], name="fourth", title="History")
    _, book = written(document(main, same, taken, reserved))
    links = [link.location for link in book["Summary"]._hyperlinks] or [
        row[0].hyperlink.location for row in book["Summary"].iter_rows() if row[0].hyperlink
    ]

    assert all(len(name) <= 31 for name in book.sheetnames)
    assert len({name.casefold() for name in book.sheetnames}) == 6
    assert book.sheetnames[3:] == ["summary (2)", "History (2)", "Definitions"]
    assert links == ["'" + name.replace("'", "''") + "'!A1" for name in book.sheetnames[1:-1]]


def test_an_empty_table_has_its_header_and_the_summary_says_why():
    _, book = written(document(table([column("a")], [])))

    assert values(book["Channels"]) == [["A"]]
    assert book["Channels"]["A2"].value == "No activity in this period."
    assert contents(book) == [["Channels", 0, "No activity in this period."]]


def test_a_report_of_nothing_but_zeros_has_no_chart_and_no_figures_of_zero():
    days = [column("day", "date"), column("n", "integer")]
    rows = [(date(2026, 5, 4), 0)]
    figures = [figure("Messages", 0, 0), figure("People", 0, None), figure("Files", 0, 3)]
    shown = document(table(days, rows), charts=[chart("bar", days[0], days[1:], rows)], figures=figures)
    _, book = written(replace(shown, lead=(Sentence(text="No activity in this period."),)))
    names = [row[0] for row in summary(book)]

    assert book["Summary"]["A3"].value == "No activity in this period."
    assert book["Summary"]._charts == []
    assert names[names.index("Metric") : names.index("Sheet")] == ["Metric", "Files"]  # there were some before


def test_a_long_table_continues_in_a_second_sheet(monkeypatch):
    monkeypatch.setattr(as_excel, "SHEET_ROWS", 8)  # title, note, header, three rows, room for totals
    numbers = table([column("n", "integer")], [(n,) for n in range(7)], batch=2)
    count, book = written(document(numbers))

    assert count == 7
    assert book.sheetnames == ["Summary", "Channels", "Channels (2)", "Channels (3)", "Definitions"]
    assert [[row[0] for row in values(worksheet)] for worksheet in book.worksheets[1:-1]] == [
        ["N", 0, 1, 2], ["N", 3, 4, 5], ["N", 6],
    ]  # fmt: skip


def test_the_summary_names_the_row_limit():
    count, book = written(document(table([column("n", "integer")], [(n,) for n in range(5)])), row_limit=3)

    assert count == 3
    assert values(book["Channels"]) == [["N"], [0], [1], [2]]
    assert book["Channels"]["A2"].value == "First 3 of 5 rows."
    assert contents(book) == [["Channels", 3, "First 3 of 5 rows."]]


def test_the_same_report_makes_the_same_bytes():
    days = [column("day", "date"), column("n", "integer")]
    drawn = chart("bar", days[0], days[1:], [(date(2026, 5, 4), 1)])
    shown = document(table(days, [(date(2026, 5, 4), 1)]), charts=[drawn], figures=[figure()], branding=BRAND)
    one, two = BytesIO(), BytesIO()
    as_excel.render(shown, one, row_limit=None)
    as_excel.render(shown, two, row_limit=None)

    assert one.getvalue() == two.getvalue()
    assert zipfile.ZipFile(one).testzip() is None
    properties = openpyxl.load_workbook(one).properties
    assert (properties.title, properties.creator) == ("Weekly channels", "Acme")
    assert properties.created == properties.modified == datetime(2026, 5, 11, 7)  # noqa: DTZ001


# Brand


def test_the_summary_shows_the_brand():
    _, book = written(document(branding=BRAND))
    sheet = book["Summary"]
    (logo,) = sheet._images

    assert (logo.width, logo.height) == (40, 20)
    assert sheet["A1"].value is None
    assert sheet["A2"].value == "Weekly channels"
    assert sheet["A2"].fill.fgColor.rgb[-6:] == "7A1F5C"
    assert sheet["A2"].font.color.rgb[-6:] == "FFFFFF"  # dark text on this colour would have a contrast of 1.7
    assert summary(book)[-1][0] == "Acme Ltd, 1 High Street"


def test_without_a_logo_the_company_is_named():
    assert written(document(branding=replace(BRAND, logo="")))[1]["Summary"]["A1"].value == "Acme & Sons"


# Printing


def test_every_sheet_is_printed_in_landscape_one_page_wide_with_page_numbers():
    _, book = written(document(workspace="R&D"))

    for sheet in book.worksheets:
        assert (sheet.page_setup.orientation, sheet.page_setup.fitToHeight) == ("landscape", 0)
        assert sheet.sheet_properties.pageSetUpPr.fitToPage
        assert sheet.oddFooter.left.text == "R&&D · 4\N{EN DASH}10 May 2026"
        assert sheet.oddFooter.right.text == "Page &P of &N"
    assert book["Channels"].print_title_rows == "$1:$3"


def test_headers_are_aligned_like_their_columns():
    columns = [column("t"), column("n", "integer"), column("on", "date")]
    cells = sheet(columns, [("x", 1, date(2026, 5, 4))])

    for row in (cells[3], cells[4]):
        assert [cell.alignment.horizontal for cell in row] == ["left", "right", "left"]
        assert [cell.alignment.indent for cell in row] == [1, 2, 1]  # space to the neighbours, and to the filter


def test_a_name_too_long_for_a_sheet_loses_its_bracket_first():
    long = table([column("a")], [], title="Busiest public channels (up to 10)")

    assert written(document(long))[1].sheetnames[1] == "Busiest public channels"


def test_a_chart_of_zeros_beside_figures_is_drawn_and_nothing_is_said_of_activity():
    days = [column("day", "date"), column("requests", "integer"), column("failed", "integer")]
    rows = [(date(2026, 5, day), 1_000, 0) for day in range(4, 11)]
    failures = chart("line", days[0], days[2:], [(day, failed) for day, _, failed in rows])
    _, book = written(document(table(days, rows), figures=[figure("Requests", 7_000, 6_000)], charts=[failures]))

    assert not [row for row in summary(book) if "No activity in this period." in row]
    assert len(book["Summary"]._charts) == 1
