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
        ("percent", 1, 0.125, "12.5 %"),
        ("percent", 0, 0.285, "29 %"),
        ("percent", 1, -2.0, "-200.0 %"),
        ("boolean", 0, True, "yes"),
        ("boolean", 0, False, "no"),
        ("date", 0, date(2026, 5, 4), "2026-05-04"),
        ("timestamp", 0, datetime(2026, 5, 10, 9, 0, 59, tzinfo=ZONE), "2026-05-10 09:00"),
        ("text", 0, "007", "007"),
        ("text", 0, "a\x00b\x1b\uffffc\td\n", "abc\td\n"),
        ("text", 0, None, ""),
        ("integer", 0, None, ""),
    ],
)
def test_values_are_formatted_for_people(kind, scale, value, text):
    assert format_value(value, column("x", kind, scale)) == text


@pytest.mark.parametrize(
    ("value", "previous", "text"),
    [
        (5, 4, "+25.0 %"),
        (Decimal(96), Decimal(99), "\N{MINUS SIGN}3.0 %"),
        (0, 4, "\N{MINUS SIGN}100.0 %"),
        (1001, 1, "+100,000.0 %"),
        (100_001, 100_000, "0.0 %"),
        (4, 4, "no change"),
        (0, 0, "no change"),
        (7, 0, ""),
        (7, None, ""),
        (None, 7, ""),
        (float("nan"), 7, ""),
    ],
)
def test_a_change_carries_its_sign(value, previous, text):
    assert change(figure(value=value, previous=previous, kind="number")) == text


@pytest.mark.parametrize(
    ("kind", "value", "previous", "text"),
    [
        ("integer", 5, 1_234, "from 1,234"),
        ("integer", 1_234, 1_234, ""),
        ("integer", 3, 0, "none before"),
        ("percent", 0.5, 0.0, "from 0.0 %"),
        ("integer", 3, None, "no earlier data"),
        ("number", None, float("nan"), "no earlier data"),
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

    assert cut_notice(three, 2) == "First 2 of 3 rows"
    assert cut_notice(three, 3) == ""
    assert cut_notice(three, None) == ""


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
