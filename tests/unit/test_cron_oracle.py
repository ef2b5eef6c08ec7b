"""A whole year of every schedule, compared with the ticks that plain matching finds minute by minute."""

from __future__ import annotations

from bisect import bisect_right
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from include.scheduled_reports.domain.cron import Cron
from tests.unit import cron_oracle

#: Zones and years with clock changes by an hour, half an hour, two hours, at midnight, by a whole day, twice within
#: six weeks, and not at all.
YEARS = [
    ("America/New_York", 2026),
    ("Europe/London", 2026),
    ("Australia/Lord_Howe", 2026),
    ("Antarctica/Troll", 2026),
    ("America/Asuncion", 2023),
    ("Africa/Cairo", 2026),
    ("Pacific/Apia", 2011),
    ("Africa/Casablanca", 2026),
    ("America/Goose_Bay", 2010),  # at one minute past midnight
    ("Asia/Kathmandu", 2028),
    ("UTC", 2028),
]


def field(low: int, high: int) -> st.SearchStrategy[str]:
    """Draw the text of a field, from everything that a field may contain."""
    value = st.integers(low, high)
    step = st.integers(1, high + 1).map("/{}".format)
    span = st.tuples(value, value).map(lambda ends: f"{min(ends)}-{max(ends)}")
    part = value.map(str) | span | st.builds("{}{}".format, span | value, step) | st.builds("*{}".format, step)
    return st.just("*") | st.lists(part, min_size=1, max_size=3).map(",".join)


def day_field(low: int, high: int, rule: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Draw a day field: plain, of rules, or of both."""
    rules = st.lists(rule, min_size=1, max_size=2).map(",".join)
    return field(low, high) | rules | st.tuples(field(low, high), rules).map(",".join)


OF_MONTH = st.sampled_from(["L", "LW"]) | st.integers(1, 31).map("{}W".format)
OF_WEEK = st.integers(0, 7).map("{}L".format) | st.builds("{}#{}".format, st.integers(0, 7), st.integers(1, 5))


def schedules() -> st.SearchStrategy[str]:
    hours = field(0, 23) | st.sampled_from(["0", "1", "2", "3", "0-3", "23", "*", "*/2", "0-23"])
    every = st.just("*")
    return st.builds(
        "{} {} {} {} {}".format,
        st.integers(0, 59) | st.sampled_from([0, 15, 30, 59]),
        hours,
        every | day_field(1, 31, OF_MONTH),
        every | field(1, 12),
        every | day_field(0, 7, OF_WEEK),
    )


def found(expression: str, zone: str, year: int) -> list[datetime]:
    """Return the product's ticks in a UTC year."""
    before, after = datetime(year, 1, 1, tzinfo=UTC), datetime(year + 1, 1, 1, tzinfo=UTC)
    all_ticks = Cron.parse(expression).ticks(before - timedelta(microseconds=1), ZoneInfo(zone))
    return list(takewhile(lambda tick: tick < after, all_ticks))


@pytest.mark.parametrize(("zone", "year"), YEARS)
@settings(max_examples=15)
@given(expression=schedules())
def test_a_year_of_ticks_is_what_every_minute_of_that_year_says(zone, year, expression):
    expected = cron_oracle.ticks(expression, zone, year)
    try:
        ticks = found(expression, zone, year)
    except ValueError:  # refused, because no month has this day
        ticks = []

    assert ticks == expected


@pytest.mark.parametrize(("zone", "year"), YEARS)
@pytest.mark.parametrize("expression", ["30 * * * *", "1 0-23 * * *", "45 23 * * *", "0 0,2 * * *"])
def test_the_next_tick_is_the_same_from_whatever_moment_it_is_asked(zone, year, expression):
    ticks = cron_oracle.ticks(expression, zone, year)
    cron, place, clock = Cron.parse(expression), ZoneInfo(zone), cron_oracle.Year(zone, year)
    changes = [clock.begin + index * cron_oracle.MINUTE for _, _, index in clock.changes]
    around = [moment + timedelta(seconds=count) for moment in changes for count in range(-7_230, 7_230, 300)]
    for moment in [*ticks[5:20], *around]:
        assert next(cron.ticks(moment, place)) == ticks[bisect_right(ticks, moment)]


@pytest.mark.parametrize(("zone", "year"), YEARS)
@pytest.mark.parametrize("times", ["0 0", "30 0", "0 1", "30 1", "30 2", "59 23", "30 0-23", "30 *"])
def test_the_hours_at_which_clocks_change_are_right_all_year(zone, year, times):
    expression = f"{times} * * *"

    assert found(expression, zone, year) == cron_oracle.ticks(expression, zone, year)


# Computed by hand; the oracle has to agree, so that it does not share an error with the product.
BY_HAND = {
    # 8 March 2026, 07:00 UTC: 02:00 EST becomes 03:00 EDT.  1 November, 06:00 UTC: 02:00 EDT becomes 01:00 EST.
    ("30 2 8 3 *", "America/New_York", 2026): ["03-08T07:00"],
    ("30 1 1 11 *", "America/New_York", 2026): ["11-01T05:30"],
    ("30 */1 1 11 *", "America/New_York", 2026): [
        *(f"11-01T{hour:02}:30" for hour in range(4, 24)),  # 00:30 EDT, 01:30 EDT, 01:30 EST … 18:30 EST
        *(f"11-02T{hour:02}:30" for hour in range(5)),  # 19:30 EST … 23:30 EST
    ],
    # 29 March 2026, 01:00 UTC: 01:00 GMT becomes 02:00 BST.  25 October, 01:00 UTC: 02:00 BST becomes 01:00 GMT.
    ("15 1 28-30 3 *", "Europe/London", 2026): ["03-28T01:15", "03-29T01:00", "03-30T00:15"],
    ("15 1 24-26 10 *", "Europe/London", 2026): ["10-24T00:15", "10-25T00:15", "10-26T01:15"],
    # 5 April 2026: 02:00 (+11) becomes 01:30 (+10:30).  4 October: 02:00 (+10:30) becomes 02:30 (+11).
    ("45 1 4-6 4 *", "Australia/Lord_Howe", 2026): ["04-03T14:45", "04-04T14:45", "04-05T15:15"],
    ("0 2 3-5 10 *", "Australia/Lord_Howe", 2026): ["10-02T15:30", "10-03T15:30", "10-04T15:00"],
    # Always +05:45.
    ("0 9 29 2 *", "Asia/Kathmandu", 2028): ["02-29T03:15"],
    # 29 December 2011 (-10) is followed by the 31st (+14).
    ("0 9 29-31 12 *", "Pacific/Apia", 2011): ["12-29T19:00", "12-30T19:00"],
    ("0 */12 29-31 12 *", "Pacific/Apia", 2011): ["12-29T10:00", "12-29T22:00", "12-30T10:00", "12-30T22:00"],
    # During Ramadan +00, otherwise +01: 15 February 2026, 03:00 becomes 02:00; 22 March, 02:00 becomes 03:00.
    ("0 9 14-16 2 *", "Africa/Casablanca", 2026): ["02-14T08:00", "02-15T09:00", "02-16T09:00"],
    ("0 9 21-23 3 *", "Africa/Casablanca", 2026): ["03-21T09:00", "03-22T08:00", "03-23T08:00"],
    ("30 2 14-16 2 *", "Africa/Casablanca", 2026): ["02-14T01:30", "02-15T01:30", "02-16T02:30"],
    ("30 2 21-23 3 *", "Africa/Casablanca", 2026): ["03-21T02:30", "03-22T02:00", "03-23T01:30"],
    # 26 March 2023, 03:00 UTC: midnight (-3) becomes 23:00 (-4).  1 October, 04:00 UTC: midnight becomes 01:00 (-3).
    ("30 23 25 3 *", "America/Asuncion", 2023): ["03-26T02:30"],
    ("0 0 26 3 *", "America/Asuncion", 2023): ["03-26T04:00"],
    ("0 0 30,1 9,10 *", "America/Asuncion", 2023): ["09-01T04:00", "09-30T04:00", "10-01T04:00", "10-30T03:00"],
    ("0 12 29 2 *", "UTC", 2028): ["02-29T12:00"],
    ("0 12 29 2 *", "UTC", 2026): [],
    # February 2026 begins with a Sunday.  Neither day field begins with *: either may match.
    ("0 6 1,15 2 1", "UTC", 2026): [f"02-{day:02}T06:00" for day in (1, 2, 9, 15, 16, 23)],
    # One begins with *: both have to match; a Sunday with an odd number.
    ("0 6 */2 2 7", "UTC", 2026): ["02-01T06:00", "02-15T06:00"],
}


@pytest.mark.parametrize("case", BY_HAND, ids=lambda case: f"{case[0]} in {case[1]}")
def test_what_is_worked_out_by_hand_is_found_both_ways(case):
    year = case[2]
    expected = [datetime.fromisoformat(f"{year}-{moment}Z") for moment in BY_HAND[case]]

    assert found(*case) == expected
    assert cron_oracle.ticks(*case) == expected
