"""The rules in the day fields, computed by hand, and day by day over ten years."""

from __future__ import annotations

import re
from datetime import date
from itertools import takewhile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from include.scheduled_reports.domain.cron import Cron
from include.scheduled_reports.domain.cron_words import words
from tests.unit.cron_oracle import names_day
from tests.unit.test_cron_oracle import OF_MONTH, OF_WEEK, day_field

BEGIN, END = date(2020, 1, 1), date(2030, 1, 1)


def days(fields, begin=BEGIN, end=END):
    return list(takewhile(lambda day: day < end, Cron.parse(f"0 9 {fields}").days_from(begin)))


def of_2026(fields):
    return " ".join(f"{day:%d.%m}" for day in days(fields, date(2026, 1, 1), date(2027, 1, 1)))


# Worked out with a calendar of 2026, whose 1 January is a Thursday.
@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ("L * *", "31.01 28.02 31.03 30.04 31.05 30.06 31.07 31.08 30.09 31.10 30.11 31.12"),
        # 31 January, 31 October: Saturdays; 28 February: a Saturday; 31 May: a Sunday.
        ("LW * *", "30.01 27.02 31.03 30.04 29.05 30.06 31.07 31.08 30.09 30.10 30.11 31.12"),
        # The 15th: Sundays in February, March and November, Saturdays in August.
        ("15W * *", "15.01 16.02 16.03 15.04 15.05 15.06 15.07 14.08 15.09 15.10 16.11 15.12"),
        # The 1st: Sundays in February, March and November, Saturdays in August.
        ("1W * *", "01.01 02.02 02.03 01.04 01.05 01.06 01.07 03.08 01.09 01.10 02.11 01.12"),
        ("31W * *", "30.01 31.03 29.05 31.07 31.08 30.10 31.12"),
        ("29W 2 *", ""),
        ("* * 5L", "30.01 27.02 27.03 24.04 29.05 26.06 31.07 28.08 25.09 30.10 27.11 25.12"),
        ("* * 0L", "25.01 22.02 29.03 26.04 31.05 28.06 26.07 30.08 27.09 25.10 29.11 27.12"),
        ("* * 5#2", "09.01 13.02 13.03 10.04 08.05 12.06 10.07 14.08 11.09 09.10 13.11 11.12"),
        ("* * 5#5", "30.01 29.05 31.07 30.10"),
        ("* 1,2 1#1,WED,FRIL", "05.01 07.01 14.01 21.01 28.01 30.01 02.02 04.02 11.02 18.02 25.02 27.02"),
        ("1,L 1,2 *", "01.01 31.01 01.02 28.02"),
        # Neither field begins with *: either matches.
        ("L 1,2 5L", "30.01 31.01 27.02 28.02"),
        ("13 1,2 5#2", "09.01 13.01 13.02"),
        # One begins with *: both have to match.
        ("*/2 1,2 5#2", "09.01 13.02"),
        ("L * */6", "31.01 28.02 31.05 31.10"),
    ],
)
def test_the_days_of_2026_are_those_of_the_calendar(fields, expected):
    assert of_2026(fields) == expected


def test_the_fifth_friday_of_february_comes_in_leap_years_that_begin_so():
    assert days("* 2 5#5", date(2000, 1, 1), date(2040, 1, 1)) == [date(2008, 2, 29), date(2036, 2, 29)]


@pytest.mark.parametrize(
    ("one", "other"),
    [("L * *", "l * *"), ("LW * *", "lw * *"), ("15W * *", "15w * *"), ("* * 7L", "* * 0L"), ("* * SunL", "* * 0L"),
     ("* * 5#2", "* * fri#2"), ("05W * *", "5W * *")],
)  # fmt: skip
def test_a_rule_may_be_written_in_several_ways(one, other):
    assert days(one) == days(other)
    assert words(f"0 9 {one}") == words(f"0 9 {other}")


NEVER = "never runs; name a day that one of its months has"
NEAREST = "W follows one day from 1 to 31, such as 15W, or L"
WHICH = "# is followed by a number from 1 to 5, such as 5#2 for the second Friday"
ONE_WEEKDAY = "L and # follow one weekday, 0-7 or a name, such as 5L or 5#2"
IN_WEEK = "a rule such as 5L or 5#2 names a weekday; write it in the day of week, or L for the last day"


@pytest.mark.parametrize(
    ("item", "why"),
    [
        ("L-3", "days cannot be counted back from the last one; use L, LW or numbers 1-31"),
        ("?", "write * for every day"),
        ("1-5W", NEAREST), ("0W", NEAREST), ("32W", NEAREST), ("W", NEAREST), ("*W", NEAREST), ("\u0665W", NEAREST),
        ("5L", IN_WEEK), ("5#2", IN_WEEK), ("FRIL", IN_WEEK),
        ("L/2", "use L, LW or a day such as 15W"),
        ("WL", "use L, LW or a day such as 15W"),
    ],
)  # fmt: skip
def test_a_wrong_rule_in_the_day_of_month_is_refused(item, why):
    assert refused(f"0 9 1,{item} * *") == f'has the day of month "{item}"; {why}'


@pytest.mark.parametrize(
    ("item", "why"),
    [
        ("L", "say which weekday, such as 5L for the last Friday"),
        ("?", "write * for every day"),
        ("5#6", WHICH), ("5#0", WHICH), ("5#", WHICH), ("FRI#L", WHICH),
        ("8#1", ONE_WEEKDAY), ("8L", ONE_WEEKDAY), ("1-5L", ONE_WEEKDAY), ("MON-FRIL", ONE_WEEKDAY),
        ("*L", ONE_WEEKDAY),
        ("5W", "W belongs to the day of month, such as 15W or LW"),
        ("LW", "W belongs to the day of month, such as 15W or LW"),
    ],
)  # fmt: skip
def test_a_wrong_rule_in_the_day_of_week_is_refused(item, why):
    assert refused(f"0 9 * * 1,{item}") == f'has the day of week "{item}"; {why}'


@pytest.mark.parametrize("fields", ["31W 4 *", "30W 2 *", "*/31 2 5L"])  # the 1st is never the last Friday
def test_a_rule_that_names_no_day_is_refused(fields):
    assert refused(f"0 9 {fields}") == NEVER


def refused(expression):
    with pytest.raises(ValueError, match=r"^has|^never") as error:
        Cron.parse(expression)
    return str(error.value)


@settings(max_examples=60)
@given(
    of_month=st.just("*") | day_field(1, 31, OF_MONTH),
    months=st.sampled_from(["*", "2", "1,4,7,10", "*/5"]),
    of_week=st.just("*") | day_field(0, 7, OF_WEEK),
)
def test_ten_years_of_days_are_what_each_day_says(of_month, months, of_week):
    fields = f"{of_month} {months} {of_week}"
    expected = [
        date.fromordinal(number)
        for number in range(BEGIN.toordinal(), END.toordinal())
        if names_day(["0", "9", *fields.split()], number)
    ]
    try:
        found = days(fields)
    except ValueError:
        found = []

    assert found == expected


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ("L * *", "Monthly, on the last day at 09:00"),
        ("LW * *", "Monthly, on the last weekday at 09:00"),
        ("15W * *", "Monthly, on the weekday nearest the 15th at 09:00"),
        ("* * 5L", "Monthly, on the last Friday at 09:00"),
        ("* * FRI#2", "Monthly, on the second Friday at 09:00"),
        ("1,15W,L * *", "Monthly, on the 1st, the weekday nearest the 15th and the last day at 09:00"),
        ("L 1,4,7,10 *", "Quarterly, on the last day at 09:00"),
        ("* 3,12 5L", "On the last Friday of March and December at 09:00"),
        ("L 2 *", "On the last day of February at 09:00"),
        ("* * 1#1,5L,3#2", "Monthly, on the first Monday, the second Wednesday and the last Friday at 09:00"),
        ("* * 1,5L", "At 09:00, on Mondays and the last Friday of the month"),
        ("L * 5", "At 09:00, on the last day of the month, or on Friday"),
        ("L * 5L", "At 09:00, on the last day of the month, or on the last Friday of the month"),
        ("*/2 * 5L", "At 09:00, on odd days of the month, if it is the last Friday of the month"),
        ("*/2,L * 1,5L", "At 09:00, on odd days and on the last day of the month, "
                         "if it is a Monday or the last Friday of the month"),
        ("1-5,L 1-6 *", "At 09:00, on days 1 to 5 and on the last day of the month, only in January to June"),
        # Rules that add nothing.
        ("*,L * *", "Daily at 09:00"),
        ("* * 5,5L", "Fridays at 09:00"),
        ("31W 4,5 *", "On the weekday nearest the 31st of May at 09:00"),
    ],
)  # fmt: skip
def test_rules_are_said_in_words(fields, expected):
    assert words(f"0 9 {fields}") == expected


def test_other_days_have_other_words():
    by_words: dict[str, set[tuple[date, ...]]] = {}
    months = ["*", "2", "1,4,7,10", "4,6"]
    for of_month in ["*", "L", "LW", "1W", "29W", "31W", "L,LW", "1,L", "15,30W", "*/2", "*/2,L", "1-7,LW"]:
        for of_week in ["*", "5L", "5#1", "5#5", "1,5L", "5,5L", "1#1,1#2", "0L", "*/3,1L"]:
            for month in months:
                try:
                    named = tuple(days(f"{of_month} {month} {of_week}", date(2024, 1, 1), date(2029, 1, 1)))
                except ValueError:
                    continue
                by_words.setdefault(words(f"0 9 {of_month} {month} {of_week}"), set()).add(named)

    assert [said for said, named in by_words.items() if len(named) > 1] == []
    assert len(by_words) > 200
    assert not any(re.search(r"\bL\b|#|W\b", said) for said in by_words)
