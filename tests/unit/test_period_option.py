"""The option `period`: which values it takes, and what is said of the others."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest

from include.scheduled_reports.domain.report import DateRange
from tests.unit.rows import problems, report

TYPES = (
    "yesterday, last-7-days, last-week, last-30-days, last-month, last-quarter, last-year, week-to-date, "
    "month-to-date, quarter-to-date, year-to-date, since-last-run, custom"
)


def period(**option):
    return report(options={"period": option}).date_range


def problem(option):
    ((column, reason),) = problems(options={"period": option})
    assert column == "options.period"
    return reason


@pytest.mark.parametrize("kind", TYPES.split(", ")[:-1])
def test_every_type_but_custom_needs_nothing_else(kind):
    assert period(type=kind) == DateRange(type=kind)


def test_weeks_begin_on_monday_or_the_day_that_is_named():
    assert period(type="last-week", weekStart=None).week_start == 0
    assert period(type="last-week", weekStart="monday").week_start == 0
    assert period(type="week-to-date", weekStart="saturday").week_start == 5


def test_a_custom_period_names_both_of_its_days():
    found = period(type="custom", startDate="2026-05-01", endDate="2026-05-31")

    assert found == DateRange(type="custom", start=date(2026, 5, 1), end=date(2026, 5, 31))


def test_the_option_goes_before_the_parameter_which_keeps_its_five_types_and_stays_checked():
    parameters = {"dateRange": {"type": "last-year"}}

    assert report(parameters=parameters, options={"period": {"type": "yesterday"}}).date_range.type == "yesterday"
    assert report(parameters=parameters, options={"period": None}).date_range.type == "last-year"
    assert problems(parameters={"dateRange": {"type": "yesterday"}}, options={"period": {"type": "yesterday"}}) == [
        (
            "parameters.dateRange",
            "is not a period; use an object whose type is one of last-7-days, last-30-days, last-quarter, last-year, "
            "custom",
        )
    ]


@pytest.mark.parametrize(
    ("option", "why"),
    [
        ("yesterday", 'is not a period; use an object such as {"type": "week-to-date", "weekStart": "monday"}'),
        ({}, f"is not a type of period; choose from {TYPES}"),
        ({"type": 7}, f"is not a type of period; choose from {TYPES}"),
        ({"type": "last-weak"}, f"is not a type of period; choose from {TYPES} (did you mean last-week?)"),
        (
            {"type": "last-month", "weekStart": "monday"},
            "is not used by last-month, only by last-week and week-to-date; remove it",
        ),
        (
            {"type": "last-week", "weekStart": "Sonntag"},
            "is not a weekStart; choose from monday, tuesday, wednesday, thursday, friday, saturday, sunday",
        ),
        ({"type": "yesterday", "endDate": "2026-05-01"}, "is not used by yesterday, only by custom; remove it"),
        (
            {"type": "last-week", "weekstart": "sunday"},
            "is not a key of last-week; choose from type, weekStart (did you mean weekStart?)",
        ),
        (
            {"type": "custom", "startDate": "2026-05-01"},
            "is not a custom period (both days are needed, as YYYY-MM-DD); "
            "set startDate and endDate to days such as 2026-05-01",
        ),
        (
            {"type": "custom", "startDate": "2026-05-02", "endDate": "2026-05-01"},
            "is not a custom period (the first day must not be after the last, and at most 3660 days before it); "
            "set startDate and endDate to days such as 2026-05-01",
        ),
    ],
)
def test_any_other_value_is_refused_with_what_is_allowed(option, why):
    assert problem(option) == why


def test_every_problem_of_a_period_is_told_at_once():
    found = problems(options={"period": {"type": "last-week", "weekStart": 1, "startDate": "2026-05-01", "x": 1}})

    assert [column for column, _ in found] == ["options.period"] * 3


def test_the_page_about_options_has_every_type():
    table = (Path(__file__).parents[2] / "docs/options.md").read_text().partition("## Periods")[2].partition("\n## ")[0]

    named = re.findall(r"^\| `([\w-]+)` \|", table, flags=re.MULTILINE)
    assert ", ".join(named[1:]) == TYPES  # after the head
