"""Values as text for a reader, compared with texts written by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal

import pytest

from include.scheduled_reports.render.change import change, comparison, trend
from include.scheduled_reports.render.values import (
    FORMULA_STARTS,
    cut_notice,
    defused,
    format_value,
    join_names,
    printable,
    rows_of,
    tone_of,
)
from tests.unit.documents import ZONE, column, figure, table


@pytest.mark.parametrize(
    ("kind", "scale", "value", "text"),
    [
        ("integer", 0, 1234567, "1,234,567"),
        ("integer", 0, -1234, "-1,234"),
        ("integer", 0, 9_007_199_254_740_993, "9,007,199,254,740,993"),
        ("integer", 0, Decimal(12345678901234567890123456789012), "12,345,678,901,234,567,890,123,456,789,012"),
        ("decimal", 2, Decimal("100000000000000000000.05"), "100,000,000,000,000,000,000.05"),
        ("decimal", 2, Decimal("-0.001"), "0.00"),
        ("number", 2, 1234.5, "1,234.50"),
        ("number", 1, 14.25, "14.3"),
        ("number", 1, -14.25, "-14.3"),
        ("number", 0, 1e21, "1,000,000,000,000,000,000,000"),
        ("number", 2, float("nan"), ""),
        ("number", 2, float("-inf"), ""),
        ("decimal", 2, Decimal("NaN"), ""),
        ("percent", 1, 0.125, "12.5%"),
        ("percent", 0, 0.285, "29%"),
        ("percent", 1, -2.0, "-200.0%"),
        ("boolean", 0, True, "Yes"),
        ("boolean", 0, False, "No"),
        ("date", 0, date(2026, 5, 4), "Mon 4 May 2026"),
        ("timestamp", 0, datetime(2026, 5, 10, 9, 0, 59, tzinfo=ZONE), "10 May 2026, 09:00"),
        ("text", 0, "007", "007"),
        ("text", 0, "a\x00b\x1b\uffffc\td\n", "abc\td\n"),
        ("text", 0, None, ""),
        ("integer", 0, None, ""),
    ],
)
def test_values_are_formatted_for_people(kind, scale, value, text):
    assert format_value(value, column("x", kind, scale)) == text


@pytest.mark.parametrize(
    ("kind", "value", "previous", "text"),
    [
        ("number", 5, 4, "▲ 25.0%"),
        ("decimal", Decimal(96), Decimal(99), "▼ 3.0%"),
        ("number", 0, 4, "▼ 100.0%"),
        ("integer", 24, 20, "▲ 20.0%"),
        ("integer", 29, 7, "▲ 22"),
        ("integer", 3, 19, "▼ 16"),
        ("integer", 5_000, 200, "▲ 4,800"),
        ("integer", 600, 200, "▲ 200.0%"),
        ("integer", 100_001, 100_000, "▲ 1"),
        ("number", 100_001.2, 100_000, "▲ 1"),
        ("number", 100_000.2, 100_000, "no change"),
        ("percent", 0.833, 0.909, "▼ 7.6 points"),
        ("percent", 0.92, 0.91, "▲ 1.0 point"),
        ("percent", 0.5, 0.0, "▲ 50.0 points"),
        ("percent", 0.87301, 0.873, "no change"),
        ("integer", 4, 4, "no change"),
        ("integer", 0, 0, "no change"),
        ("integer", 7, 0, ""),
        ("number", 7, None, ""),
        ("number", None, 7, ""),
        ("number", float("nan"), 7, ""),
    ],
)
def test_a_change_is_said_as_people_say_it(kind, value, previous, text):
    assert change(figure(value=value, previous=previous, kind=kind)) == text


@pytest.mark.parametrize(
    ("unit", "value", "text"),
    [
        ("seconds", 0, "0.0 s"),
        ("seconds", 42.34, "42.3 s"),
        ("seconds", 59.96, "1 min"),
        ("seconds", 1_076.3, "17 min 56 s"),
        ("seconds", 3_599.6, "1 h"),
        ("seconds", 7_512, "2 h 5 min"),
        ("seconds", 86_399, "1 d"),
        ("seconds", 273_700, "3 d 4 h"),
        ("seconds", -75, "-1 min 15 s"),
        ("seconds", None, ""),
        ("bytes", 1, "1 byte"),
        ("bytes", 302, "302 bytes"),
        ("bytes", 999_499, "999 KB"),
        ("bytes", 999_500, "1.0 MB"),
        ("bytes", 105_132_720, "105.1 MB"),
        ("bytes", 2_000_000_000, "2.0 GB"),
        ("bytes", Decimal(7_250_000_000_000_000), "7,250.0 TB"),
    ],
)
def test_durations_and_sizes_have_units_that_people_use(unit, value, text):
    assert format_value(value, replace(column("x", "number", 1), unit=unit)) == text


def test_a_text_is_shown_by_its_title_if_it_has_one():
    status = replace(column("status"), titles={"IN_PROGRESS": "In progress"})

    assert [format_value(value, status) for value in ("IN_PROGRESS", "DONE", None)] == ["In progress", "DONE", ""]


def test_a_value_has_the_tone_that_its_column_declares():
    status = replace(column("status"), tones={"Failed": "bad"})
    failed, overdue = (replace(column("x", kind), tone="bad") for kind in ("integer", "boolean"))

    assert [tone_of(value, status) for value in ("Failed", "Done", None)] == ["bad", None, None]
    assert [tone_of(value, failed) for value in (2, 0, None)] == ["bad", None, None]
    assert [tone_of(value, overdue) for value in (True, False)] == ["bad", None]


@pytest.mark.parametrize(
    ("kind", "value", "previous", "text"),
    [
        ("integer", 5, 1_234, "from 1,234"),
        ("integer", 1_234, 1_234, ""),
        ("integer", 3, 0, "none before"),
        ("percent", 0.5, 0.0, "from 0.0%"),
        ("integer", 3, None, "no earlier data"),
        ("number", None, float("nan"), "no data"),
        ("integer", None, 5, "from 5"),
    ],
)
def test_a_comparison_names_its_base_or_says_why_there_is_none(kind, value, previous, text):
    scale = 1 if kind == "percent" else 0
    assert comparison(figure(value=value, previous=previous, kind=kind, scale=scale)) == text


@pytest.mark.parametrize(
    ("better", "value", "expected"),
    [
        ("up", 5, "good"),
        ("up", 3, "bad"),
        ("down", 5, "bad"),
        ("down", 3, "good"),
        ("neutral", 5, "flat"),
        ("up", 4, "flat"),
        ("up", None, "flat"),
    ],
)
def test_a_change_is_good_or_bad_by_what_is_better(better, value, expected):
    assert trend(figure(value=value, previous=4, better=better)) == expected


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20"])
def test_a_formula_gets_an_apostrophe(start):
    assert start in FORMULA_STARTS
    assert defused(f"{start}1+1") == f"'{start}1+1"


@pytest.mark.parametrize("text", ["", "a=1", " =1", "'=1", "1-2", "(-1)", "a; b-c", "a, -1", "a\nb"])
def test_other_text_stays_as_it_is(text):
    assert defused(text) == text


def test_only_unprintable_characters_are_left_out():
    kept = "\t\n\r \x7f\u0085\u2028\ufffd\U0001f389é"

    assert printable("\x00\x08\x0b\x0c\x0e\x1f\ufffe\uffff") == ""
    assert printable(kept) == kept


def test_rows_are_counted_in_words():
    assert rows_of(5_000, 1_234_567) == "5,000 of 1,234,567 rows"
    assert rows_of(1_234, 1_234) == "1,234 rows"
    assert rows_of(1, 1) == "1 row"
    assert rows_of(0, 0) == "0 rows"
    assert rows_of(0, 1) == "0 of 1 rows"


def test_a_notice_is_given_only_if_rows_are_left_out():
    three = table([column("a")], [("x",), ("y",), ("z",)])

    assert cut_notice(three, 2) == "First 2 of 3 rows."
    assert cut_notice(three, 3) == ""
    assert cut_notice(three, None) == ""


def test_a_notice_says_which_rows_are_shown_and_where_the_others_are():
    events = replace(
        table([column("a")], []),
        rows=1_128,
        cut="Newest {shown} of {total} events",
        rest="All of them are in the CSV file.",
    )

    assert cut_notice(events, 1_000) == "Newest 1,000 of 1,128 events. All of them are in the CSV file."


@pytest.mark.parametrize(
    ("rows", "limit", "title"),
    [
        (2, 2, "Channels (first 2)"),
        (2, 3, "Channels"),
        (2, None, "Channels"),
        (1_500, 1_500, "Channels (first 1,500)"),
    ],
)
def test_the_title_of_a_table_says_that_its_query_stopped_at_a_limit(rows, limit, title):
    assert replace(table([column("a")], []), rows=rows, limit=limit).full_title == title


def test_names_are_joined_with_commas_and_and():
    assert [join_names(["PDF"]), join_names(["PDF", "CSV"]), join_names(["PDF", "CSV", "Excel"])] == [
        "PDF", "PDF and CSV", "PDF, CSV and Excel",
    ]  # fmt: skip
    assert join_names([]) == ""


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("hello;=1+1;bye", "hello;'=1+1;bye"),
        ("hello\t=1+1\tbye", "hello\t'=1+1\tbye"),
        ("hello\n=1+1\nbye", "hello\n'=1+1\nbye"),
        ('a;"=1+1', "a;\"'=1+1"),
        ("a; \u200b=1;b;+2", "a; \u200b'=1;b;'+2"),
        ("\x01=1", "'\x01=1"),
        (";=1", ";'=1"),
    ],
)
def test_a_formula_after_a_separator_gets_an_apostrophe(text, safe):
    assert defused(text) == safe
