"""Schedules in words; the expected texts are written by hand."""

from __future__ import annotations

import re
from datetime import date
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.scheduled_reports.domain.cron_words import words
from tests.unit.cron_oracle import names_day


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        # Days of the week.
        ("0 9 * * *", "Daily at 09:00"),
        ("0 9 * * 0-6", "Daily at 09:00"),
        ("0 9 * * 1", "Mondays at 09:00"),
        ("0 9 * * MON", "Mondays at 09:00"),
        ("0 9 * * 0", "Sundays at 09:00"),
        ("0 9 * * 7", "Sundays at 09:00"),
        ("0 9 * * 1,4", "Mondays and Thursdays at 09:00"),
        ("0 9 * * 0,2,4", "Tuesdays, Thursdays and Sundays at 09:00"),
        ("0 9 * * 1-5", "Weekdays at 09:00"),
        ("0 9 * * 6,0", "Weekends at 09:00"),
        ("0 9 * * 1-6", "Monday to Saturday at 09:00"),
        ("0 9 * * 1-3", "Monday to Wednesday at 09:00"),
        # Times.
        ("15 9,17 * * *", "Daily at 09:15 and 17:15"),
        ("0 8,12,18 * * 1-5", "Weekdays at 08:00, 12:00 and 18:00"),
        ("10 * * * *", "Hourly, at :10"),
        ("0 *,1-5/2 * * *", "Hourly, at :00"),
        ("5 * * * 1-5", "Weekdays, hourly, at :05"),
        ("30 */2 * * *", "Every 2 hours from 00:30"),
        ("0 */6 * * *", "Every 6 hours from 00:00"),
        ("0 */6 * * 1", "Mondays, every 6 hours from 00:00"),
        ("0 */12 * * *", "Daily at 00:00 and 12:00"),
        ("0 8-18 * * *", "Daily, hourly from 08:00 to 18:00"),
        ("30 8-17 * * 1-5", "Weekdays, hourly from 08:30 to 17:30"),
        # Days of the month.
        ("30 14 1 * *", "Monthly, on the 1st at 14:30"),
        ("0 6 1,15 * *", "Monthly, on the 1st and 15th at 06:00"),
        ("0 6 2,3,11 * *", "Monthly, on the 2nd, 3rd and 11th at 06:00"),
        ("0 6 12,13,21,22 * *", "Monthly, on the 12th, 13th, 21st and 22nd at 06:00"),
        ("0 6 23,31 * *", "Monthly, on the 23rd and 31st at 06:00"),
        # Months.
        ("0 12 1 1,4,7,10 *", "Quarterly, on the 1st at 12:00"),
        ("0 12 1 */3 *", "Quarterly, on the 1st at 12:00"),
        ("30 7 1 1 *", "Yearly, on 1 January at 07:30"),
        ("0 0 29 FEB *", "Yearly, on 29 February at 00:00"),
        ("0 8 1 1,7 *", "On the 1st of January and July at 08:00"),
        ("0 8 1 2,5,8,11 *", "On the 1st of February, May, August and November at 08:00"),
        # A day of the month or a day of the week: either matches, and a field with all days names every day.
        ("0 9 1-31 * 1", "Daily at 09:00"),
        ("0 9 1 * 0-6", "Daily at 09:00"),
    ],
)
def test_the_usual_schedules_have_short_words(expression, expected):
    assert words(expression) == expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("0 9 2 * 1", "At 09:00, on day 2 of the month, or on Monday"),
        ("0 9 * 1 *", "At 09:00, every day, only in January"),
        # Debian's cron: a field that begins with * has to match as well, or names every day.
        ("0 9 */2 * 5", "At 09:00, on odd days of the month, if it is a Friday"),
        ("0 9 */31 * 1", "At 09:00, on day 1 of the month, if it is a Monday"),
        ("0 9 1-7 * */1", "At 09:00, on days 1 to 7 of the month"),
        ("0 9 1-7 * */3", "At 09:00, on days 1 to 7 of the month, if it is a Wednesday, Saturday or Sunday"),
        ("0 9 */1 * 1", "Mondays at 09:00"),
        ("0 9 *,13 * 5", "Fridays at 09:00"),
        ("0 9 13 * 5", "At 09:00, on day 13 of the month, or on Friday"),
        ("0 9 */3 1-6 1-5", "At 09:00, on days 1, 4, 7, 10, 13, 16, 19, 22, 25, 28 and 31 of the month, "
                            "if it is a weekday, only in January to June"),
        ("0 9 1,15 3,6 1-5", "At 09:00, on days 1 and 15 of the month, or on Monday to Friday, only in March and June"),
        # Steps that do not begin at the first value, or do not divide the range.
        ("0 9 * * 7/2", "Sundays at 09:00"),
        ("0 9 * * 5/2", "Fridays and Sundays at 09:00"),
        ("0 9 * * */2", "Tuesdays, Thursdays, Saturdays and Sundays at 09:00"),
        ("0 */5 * * *", "Daily at 00:00, 05:00, 10:00, 15:00 and 20:00"),
        ("0 0-23/7 * * *", "Daily at 00:00, 07:00, 14:00 and 21:00"),
        ("0 1-23/2 * * *", "Daily at 01:00, 03:00, 05:00, 07:00, 09:00, 11:00, 13:00, 15:00, 17:00, 19:00, 21:00 and "
                           "23:00"),
        ("0 */23 * * *", "Daily at 00:00 and 23:00"),
        ("0 */24 * * *", "Daily at 00:00"),
        ("0 0-22 * * *", "Daily, hourly from 00:00 to 22:00"),
        ("0 6 */10 * *", "Monthly, on the 1st, 11th, 21st and 31st at 06:00"),
        ("0 6 2/2 * *", "At 06:00, on even days of the month"),
        ("0 6 1-30 * *", "At 06:00, on days 1 to 30 of the month"),
        # Days that a month does not have.
        ("0 9 29-31 2 *", "Yearly, on 29 February at 09:00"),
        ("0 9 31 1-4 *", "On the 31st of January and March at 09:00"),
        ("0 9 31 1,3,5,7,8,10,12 *", "Monthly, on the 31st at 09:00"),
        ("0 9 31 * *", "Monthly, on the 31st at 09:00"),
        ("0 9 31 1,4,7,10 *", "On the 31st of January, July and October at 09:00"),
        ("0 9 1-29 2 *", "At 09:00, every day, only in February"),
        ("0 9 1-30 4,6 1", "At 09:00, every day, only in April and June"),
        ("0 9 31 2 1", "At 09:00, on Mondays, only in February"),
        ("0 9 */2 2 *", "At 09:00, on odd days of the month, only in February"),
        # Days of the week in some months.
        ("0 9 * 6-8 1-5", "At 09:00, on weekdays, only in June to August"),
        ("0 9 * 6 0,6", "At 09:00, on weekends, only in June"),
        ("0 9 * 1,3-5,12 1,4", "At 09:00, on Mondays and Thursdays, only in January, March to May and December"),
        ("0 */6 2 * 1", "Every 6 hours from 00:00, on day 2 of the month, or on Monday"),
        ("0 *,1-5/2 2 * 1", "Hourly, at :00, on day 2 of the month, or on Monday"),
        ("30 8-17 1 * 1", "Hourly from 08:30 to 17:30, on day 1 of the month, or on Monday"),
    ],
)  # fmt: skip
def test_other_schedules_have_words_that_name_exactly_their_days(expression, expected):
    assert words(expression) == expected


@pytest.mark.parametrize("expression", ["every Monday", "", "* * * * *", "0 9 * * * *", "0 9 31 2 *", "@daily"])
def test_what_is_no_schedule_is_shown_as_it_is(expression):
    assert words(expression) == expression


#: One day for each month, day of the month and day of the week that exist: 28 years have all of them.
DAYS = {}
for ordinal in range(date(2001, 1, 1).toordinal(), date(2029, 1, 1).toordinal()):
    day = date.fromordinal(ordinal)
    DAYS.setdefault((day.month, day.day, day.weekday()), ordinal)

OF_MONTH = ["*", "*/2", "1/2", "2/2", "*/31", "1-31", "1-30", "1-29", "1-7", "1", "13", "29-31", "31", "30,31", "1,15"]
OF_YEAR = ["*", "1-12", "2", "1,4,7,10", "4,6", "1,3,5,7,8,10,12", "*/3", "1-2"]
OF_WEEK = ["*", "*/1", "0-6", "0", "7", "7/2", "1-5", "*/3", "5", "0,6", "6-7"]


def test_schedules_of_the_same_days_have_the_same_words_and_others_have_others():
    by_words, by_days = {}, {}
    for fields in product(["0"], ["9"], OF_MONTH, OF_YEAR, OF_WEEK):
        named = frozenset(key for key, ordinal in DAYS.items() if names_day(list(fields), ordinal))
        if named:
            expression = " ".join(fields)
            by_words.setdefault(words(expression), {})[named] = expression
            by_days.setdefault(named, {})[words(expression)] = expression

    assert [list(said.items()) for said in by_days.values() if len(said) > 1] == []
    assert [(said, list(days.values())) for said, days in by_words.items() if len(days) > 1] == []
    assert len(by_words) > 300


@given(st.sets(st.integers(0, 23), min_size=1), st.randoms(use_true_random=False))
def test_the_times_of_a_day_are_the_same_words_however_they_are_spelled(hours, random):
    names = [str(hour) for hour in hours]
    random.shuffle(names)
    spelled = ",".join(f"{name}-{name}" if random.random() < 0.3 else name for name in names)

    said = words(f"30 {spelled} * * *")

    assert said == words(f"30 {','.join(map(str, sorted(hours)))} * * *")
    times = {f"{hour:02}:30" for hour in hours}
    assert set(re.findall(r"\d\d:30", said)) <= times
