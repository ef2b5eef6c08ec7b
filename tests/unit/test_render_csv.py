"""CSV, read as bytes and with the standard library."""

from __future__ import annotations

import csv
from datetime import date, datetime
from decimal import Decimal
from io import BytesIO, StringIO

from include.scheduled_reports.domain.formats import Format
from include.scheduled_reports.render import renderer
from include.scheduled_reports.render.as_csv import render
from tests.unit.documents import ZONE, column, document, table


def written(*tables, row_limit=None):
    out = BytesIO()
    count = render(document(*tables), out, row_limit=row_limit)
    return count, out.getvalue().decode()


def rows(text):
    return list(csv.reader(StringIO(text, newline="")))


def test_a_file_is_utf8_with_titles_and_crlf():
    count, text = written(
        table([column("name", title="Channel"), column("n", "integer", title="Messages")], [("días", 5), ("b", None)])
    )

    assert text == '"Channel","Messages"\r\n"días",5\r\n"b",\r\n'
    assert count == 2


def test_only_the_main_table_is_in_it():
    main = table([column("a")], [("x",)])
    other = table([column("b")], [("y",), ("z",)], name="other")

    assert written(main, other) == (1, '"A"\r\n"x"\r\n')


def test_every_type_is_exact():
    moment = datetime(2026, 5, 10, 9, tzinfo=ZONE)
    columns = [
        column("i", "integer"), column("d", "decimal", 4), column("tiny", "decimal", 10), column("f", "number"),
        column("p", "percent", 1), column("b", "boolean"), column("on", "date"), column("at", "timestamp"),
    ]  # fmt: skip
    huge, tiny = Decimal("100000000000000000000.0001"), Decimal("1E-10")
    row = (2**63 - 1, huge, tiny, 0.1, 0.125, True, date(2026, 2, 1), moment)

    assert rows(written(table(columns, [row, (None,) * 8]))[1])[1:] == [
        [
            "9223372036854775807", "100000000000000000000.0001", "0.0000000001", "0.1", "0.125", "true", "2026-02-01",
            "2026-05-10T09:00:00+02:00",
        ],
        [""] * 8,
    ]  # fmt: skip


def test_times_have_the_offset_of_their_day_and_every_microsecond():
    moments = [
        datetime(2026, 1, 10, 9, 0, 0, 120, tzinfo=ZONE),
        datetime(2026, 10, 25, 2, 30, tzinfo=ZONE, fold=0),
        datetime(2026, 10, 25, 2, 30, tzinfo=ZONE, fold=1),
    ]

    _, text = written(table([column("at", "timestamp")], [(one,) for one in moments]))

    assert rows(text)[1:] == [
        ["2026-01-10T09:00:00.000120+01:00"],
        ["2026-10-25T02:30:00+02:00"],
        ["2026-10-25T02:30:00+01:00"],
    ]


def test_nan_and_infinite_values_are_left_empty():
    values = [(float("nan"),), (float("inf"),), (float("-inf"),), (1.5,)]

    assert written(table([column("f", "number")], values))[1] == '"F"\r\n\r\n\r\n\r\n1.5\r\n'


def test_text_that_looks_like_a_number_is_quoted_and_whole():
    assert written(table([column("id")], [("0001",), ("12345678901234567890",)]))[1] == (
        '"Id"\r\n"0001"\r\n"12345678901234567890"\r\n'
    )


def test_formulas_are_defused_in_text_and_titles_but_numbers_are_not_touched():
    columns = [column("t", title="=T"), column("n", "integer")]
    hostile = [("=cmd|' /C calc'!A0", -1), ("@SUM(A1)", -2), ("\rx", -3), ("a=b", -4), (None, -5)]

    assert rows(written(table(columns, hostile))[1]) == [
        ["'=T", "N"], ["'=cmd|' /C calc'!A0", "-1"], ["'@SUM(A1)", "-2"], ["'\rx", "-3"], ["a=b", "-4"], ["", "-5"],
    ]  # fmt: skip


def test_an_empty_text_differs_from_a_missing_value():
    assert written(table([column("a"), column("b")], [("", None)]))[1] == '"A","B"\r\n"",\r\n'


def test_an_empty_table_still_has_its_titles():
    assert written(table([column("a"), column("b")], [])) == (0, '"A","B"\r\n')


def test_a_limit_counts_rows_across_batches():
    count, text = written(table([column("a")], [("v",), ("w",), ("x",), ("y",)], batch=2), row_limit=3)

    assert count == 3
    assert rows(text) == [["A"], ["v"], ["w"], ["x"]]


def test_a_byte_order_mark_is_written_only_on_request():
    plain, marked = BytesIO(), BytesIO()
    renderer(Format.CSV)(document(), plain, row_limit=None)
    renderer(Format.CSV, csv_bom=True)(document(), marked, row_limit=None)

    assert plain.getvalue().startswith(b'"Channel"')
    assert marked.getvalue() == b"\xef\xbb\xbf" + plain.getvalue()


def test_no_other_format_has_a_byte_order_mark():
    out = BytesIO()
    renderer(Format.JSON, csv_bom=True)(document(), out, row_limit=None)

    assert out.getvalue().startswith(b"{")
