"""Conditions of emails on figures and rows: what is met, and the sentence that says so."""

from __future__ import annotations

import operator
from datetime import datetime
from fractions import Fraction
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.scheduled_reports.domain.send_if import ChangeCondition, FigureCondition, Finding, RowsCondition
from include.scheduled_reports.render.send_if_words import (
    judge_change,
    judge_changed,
    judge_figure,
    judge_new_rows,
    judge_rows,
)
from tests.unit.documents import figure

MAILED = datetime(2026, 5, 4, 9, tzinfo=ZoneInfo("Europe/Berlin"))
OPERATORS = {">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le}
numbers = st.integers(-10_000, 10_000)
decimals = numbers.map(lambda number: number / 100)


def met(text):
    return Finding(met=True, text=text)


def not_met(text):
    return Finding(met=False, text=text)


def rows(rows_are, found, count=1):
    return judge_rows(RowsCondition(dataset="tasks", rows_are=rows_are, count=count), "Tasks", found)


def against(sign, bound, value, kind="integer", scale=0, better="neutral", **more):
    shown = figure("Overdue", value, 7, kind=kind, scale=scale, better=better, **more)
    return judge_figure(FigureCondition(figure="overdue", operator=sign, value=bound), shown)


def change(sign, bound, value, before, unit="amount", *, kind="integer", scale=0, better="neutral"):
    shown = figure("Overdue", value, before, kind=kind, scale=scale, better=better)
    return judge_change(ChangeCondition(figure="overdue", operator=sign, value=bound, unit=unit), shown)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (rows("any", 12), met("12 rows in Tasks.")),
        (rows("any", 0), not_met("No rows in Tasks.")),
        (rows("none", 0), met("No rows in Tasks.")),
        (rows("none", 1), not_met("1 row in Tasks, not none.")),
        (rows("at-least", 1_200, 1_200), met("1,200 rows in Tasks, at least 1,200.")),
        (rows("at-least", 3, 10), not_met("3 rows in Tasks, fewer than 10.")),
        (against(">", 10, 12), met("Overdue at 12, above 10.")),
        (against(">", 10, 3), not_met("Overdue at 3, not above 10.")),
        (against(">=", 2.5, 3), met("Overdue at 3, at least 2.5.")),
        (against("<", 0, 0), not_met("Overdue at 0, not below 0.")),
        (against("<=", -1, -2), met("Overdue at -2, at most -1.")),
        (against(">", 0, None), not_met("Overdue without a value in this period.")),
        # The number of a share is what readers see.
        (against(">=", 80, 0.8, "percent", 1), met("Overdue at 80.0%, at least 80%.")),
        (against(">=", 80, 0.7996, "percent", 1), not_met("Overdue at 79.96%, not at least 80%.")),
        (against(">", 2, 2.04, "number", 1), met("Overdue at 2.04, above 2.")),
        (against(">", 600, 1_076, "number", unit="seconds"), met("Overdue at 17 min 56 s, above 10 min.")),
        (change(">", 3, 12, 7), met("Overdue at 12, a change of +5 from 7, above 3.")),
        (change(">", 3, 8, 7), not_met("Overdue at 8, a change of +1 from 7, not above 3.")),
        (change("<", -5, 4, 10), met("Overdue at 4, a change of -6 from 10, below -5.")),
        (change(">=", 0, 7, 7), met("Overdue at 7, a change of 0 from 7, at least 0.")),
        (change(">", 10, 12, 7, "percent"), met("Overdue at 12, a change of +71.4% from 7, above 10%.")),
        (change("<=", -20, 9, 10, "percent"), not_met("Overdue at 9, a change of -10.0% from 10, not at most -20%.")),
        # Of nothing there is no percentage, but there is an amount.
        (
            change(">", 10, 12, 0, "percent"),
            not_met("Overdue at 12, after 0 in the period before, of which there is no percentage."),
        ),
        (change(">", 10, 12, 0), met("Overdue at 12, a change of +12 from 0, above 10.")),
        (
            change(">", 10, 12, None),
            not_met("Overdue at 12, with no value in the period before to compare with."),
        ),
        (change(">", 10, None, 12), not_met("Overdue without a value in this period.")),
        # A share changes by points.
        (
            change("<", -5, 0.75, 0.826, kind="percent", scale=1),
            met("Overdue at 75.0%, a change of -7.6 points from 82.6%, below -5 points."),
        ),
        (judge_changed("Tasks", None, differs=True), met("No earlier email to compare Tasks with.")),
        (judge_changed("Tasks", MAILED, differs=True), met("Tasks changed since the email of Mon 4 May 2026, 09:00.")),
        (
            judge_changed("Tasks", MAILED, differs=False),
            not_met("No change in Tasks since the email of Mon 4 May 2026, 09:00."),
        ),
        (judge_new_rows("Tasks", None, 3), met("3 rows in Tasks, and no earlier email to compare with.")),
        (judge_new_rows("Tasks", None, 0), not_met("No rows in Tasks.")),
        (judge_new_rows("Tasks", MAILED, 1), met("1 new row in Tasks since the email of Mon 4 May 2026, 09:00.")),
        (judge_new_rows("Tasks", MAILED, 0), not_met("No new rows in Tasks since the email of Mon 4 May 2026, 09:00.")),
    ],
)
def test_a_condition_says_what_it_found(found, expected):
    assert found == expected


@pytest.mark.parametrize(
    ("better", "sign", "tone"),
    [
        ("down", ">", "bad"),
        ("down", ">=", "bad"),
        ("down", "<", "neutral"),
        ("up", "<", "bad"),
        ("neutral", ">", "neutral"),
    ],
)
def test_beyond_a_limit_on_the_worse_side_is_bad_news(better, sign, tone):
    value = 12 if sign in (">", ">=") else 8

    assert against(sign, 10, value, better=better).tone == tone
    assert change(sign, 0, value, 10, better=better).tone == tone
    assert against(sign, 10, 20 - value, better=better).tone == "neutral"  # not met


@given(st.sampled_from(sorted(OPERATORS)), numbers | decimals, numbers | decimals)
def test_a_figure_is_compared_exactly(sign, bound, value):
    expected = OPERATORS[sign](Fraction(str(value)), Fraction(str(bound)))

    assert against(sign, bound, value, "number", 2).met == expected


@given(st.sampled_from(sorted(OPERATORS)), decimals, decimals, decimals)
def test_a_change_is_compared_exactly_by_amount_and_by_per_cent(sign, bound, value, before):
    new, old, limit = (Fraction(str(one)) for one in (value, before, bound))

    assert change(sign, bound, value, before, kind="number", scale=2).met == OPERATORS[sign](new - old, limit)
    if old and sign in "<>":  # the quotient has endless digits: equality is decided to 28 of them
        relative = (new - old) / abs(old) * 100
        if relative != limit:
            assert change(sign, bound, value, before, "percent", kind="number", scale=2).met == OPERATORS[sign](
                relative, limit
            )


@given(st.sampled_from(sorted(OPERATORS)), decimals, decimals)
def test_the_sentence_never_contradicts_the_verdict(sign, bound, value):
    found = against(sign, bound, value, "number", 0)
    shown, _, limit = found.text.removeprefix("Overdue at ").removesuffix(".").partition(", ")

    said = Fraction(shown.replace(",", "")), Fraction(limit.rpartition(" ")[2].replace(",", ""))
    assert OPERATORS[sign](*said) == found.met == (not limit.startswith("not "))
