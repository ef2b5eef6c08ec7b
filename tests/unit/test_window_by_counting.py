"""What each period covers over five years in five zones, against a table of every quarter of an hour."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from include.scheduled_reports.domain.report import DateRange
from include.scheduled_reports.domain.window import window

DAY, QUARTER = timedelta(days=1), timedelta(minutes=15)
#: The zones and the first of their five years: one that skips 30 December 2011, two whose clocks change at midnight or
#: by half an hour, one that changes them four times in a year for Ramadan, and one like most.
ZONES = {
    "Pacific/Apia": 2009,
    "America/Havana": 2022,
    "Australia/Lord_Howe": 2022,
    "Africa/Casablanca": 2014,
    "Europe/Berlin": 2022,
}
#: When in a day the runs are, after its first moment: by turns, so that every weekday and every day of a month has all.
TIMES = [timedelta(hours=hours) for hours in (9, 0, 23.5, 0.25, 14.75)]
TO_DATE = [("week-to-date", 0), ("week-to-date", 6), ("month-to-date", 0), ("quarter-to-date", 0), ("year-to-date", 0)]
WHOLE = [
    ("yesterday", 0), ("last-7-days", 0), ("last-week", 0), ("last-week", 5), ("last-30-days", 0), ("last-month", 0),
    ("last-quarter", 0), ("last-year", 0),
]  # fmt: skip


@dataclass(frozen=True)
class Calendar:
    """Each local day that there is in a zone, and when it begins; and the first moment of each reading of the clock."""

    days: list[date]
    begins: dict[date, datetime]
    reads: dict[datetime, datetime]

    def begin(self, day):
        """When *day* begins, or the next one that there is."""
        return self.begins[self.days[bisect_left(self.days, day)]]

    def at(self, reading):
        """When the clock reads that; in a gap, as long after its begin as the reading is."""
        steps = 0
        while reading not in self.reads:
            reading, steps = reading - QUARTER, steps + 1
        return self.reads[reading] + steps * QUARTER

    def around(self, moment):
        """The days about *moment* by any clock."""
        place = bisect_left(self.days, moment.date())
        return self.days[place - 3 : place + 3]

    def before(self, day):
        """The last day before *day* that there is."""
        return self.days[bisect_left(self.days, day) - 1]


@cache
def calendar(zone, year):
    """The table of five years from *year* on, with two more before them to look back at."""
    tz = ZoneInfo(zone)
    begins, reads = {}, {}
    moment, end = datetime(year - 2, 1, 1, tzinfo=UTC) - 2 * DAY, datetime(year + 5, 1, 1, tzinfo=UTC) + 2 * DAY
    while moment < end:
        local = moment.astimezone(tz).replace(tzinfo=None, fold=0)
        reads.setdefault(local, moment)
        begins.setdefault(local.date(), moment)
        moment += QUARTER
    return Calendar(sorted(begins), begins, reads)


def ticks(zone):
    """A run for each local day of five years, and that day."""
    table = calendar(zone, ZONES[zone])
    days = [day for day in table.days if ZONES[zone] <= day.year < ZONES[zone] + 5]
    assert len(days) == 1826 - (zone == "Pacific/Apia")
    moments = [table.begins[day] + TIMES[number % len(TIMES)] for number, day in enumerate(days)]
    # 23.5 hours after a day of 23 hours began it is the next one.
    return [(moment, max(day for day in table.around(moment) if table.begins[day] <= moment)) for moment in moments]


def unit(kind, day, week_start):
    """The first day of the week, month, quarter or year of *day*, found by going back a day at a time."""
    begins = {
        "week": lambda one: one.weekday() == week_start,
        "month": lambda one: one.day == 1,
        "quarter": lambda one: (one.month, one.day) in {(1, 1), (4, 1), (7, 1), (10, 1)},
        "year": lambda one: (one.month, one.day) == (1, 1),
    }[kind]
    while not begins(day):
        day -= DAY
    return day


@cache
def whole(kind, week_start, today, zone):
    """The first day of a whole period, the day after its last one, and the first day of the period before."""
    table = calendar(zone, ZONES[zone])
    match kind:
        case "yesterday":
            first = table.before(today)
            return first, today, table.before(first)
        case "last-7-days":
            return today - 7 * DAY, today, today - 14 * DAY
        case "last-30-days":
            return today - 30 * DAY, today, today - 60 * DAY
    name = kind.removeprefix("last-")
    end = unit(name, today, week_start)
    first = unit(name, end - DAY, week_start)
    return first, end, unit(name, first - DAY, week_start)


def edges(found):
    return found.start, found.end, found.previous_start, found.previous_end


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize(("kind", "week_start"), WHOLE)
def test_whole_days_are_those_that_are_over(zone, kind, week_start):
    table, tz, period = calendar(zone, ZONES[zone]), ZoneInfo(zone), DateRange(type=kind, week_start=week_start)
    for at, today in ticks(zone):
        first, end, before = whole(kind, week_start, today, zone)
        begin = table.begin(first)

        assert edges(window(period, at, tz)) == (begin, table.begin(end), table.begin(before), begin), at


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize(("kind", "week_start"), TO_DATE)
def test_a_period_to_date_ends_at_the_run_and_is_compared_with_as_much_of_the_one_before(zone, kind, week_start):
    table, tz, period = calendar(zone, ZONES[zone]), ZoneInfo(zone), DateRange(type=kind, week_start=week_start)
    name = kind.removesuffix("-to-date")
    for at, today in ticks(zone):
        first = unit(name, today, week_start)
        before = unit(name, first - DAY, week_start)
        if at == table.begin(first):  # nothing of it has passed
            expected = table.begin(before), at, table.begin(unit(name, before - DAY, week_start)), table.begin(before)
        else:
            clock = at.astimezone(tz).replace(tzinfo=None, fold=0)
            same = table.at(datetime.combine(before + (today - first), clock.time()))
            expected = table.begin(first), at, table.begin(before), min(same, table.begin(first))

        assert edges(window(period, at, tz)) == expected, at


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("kind", ["yesterday", "last-week", "last-month"])
def test_reports_at_the_first_moment_of_each_period_cover_every_moment_once(zone, kind):
    table, tz = calendar(zone, ZONES[zone]), ZoneInfo(zone)
    last = {
        "yesterday": lambda _: True,
        "last-week": lambda day: day.weekday() == 0,
        "last-month": lambda day: day.day == 1,
    }
    days = [day for day in table.days if day.year == ZONES[zone] + 2 and last[kind](day)]

    found = [window(DateRange(type=kind), table.begins[day], tz) for day in days]

    assert all(earlier.end == later.start for earlier, later in pairwise(found))
    assert all(earlier.start == later.previous_start for earlier, later in pairwise(found))
    assert all(one.start < one.end for one in found)
