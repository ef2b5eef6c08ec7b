"""Closed days, and the first and last day of a schedule: worked out by hand, and day by day over ten years."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from itertools import islice, takewhile
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from include.scheduled_reports.domain.calendar import Calendar
from include.scheduled_reports.domain.cron import Cron
from include.scheduled_reports.domain.schedule import Schedule
from tests.unit import cron_oracle
from tests.unit.cron_oracle import names_day
from tests.unit.test_cron_oracle import OF_MONTH, OF_WEEK, YEARS, day_field

SATURDAY_SUNDAY, FRIDAY_SATURDAY = frozenset({6, 0}), frozenset({5, 6})
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
#: Good Friday, Easter Monday, Labour Day, Ascension and Whit Monday of 2026; Christmas, New Year's Eve and New Year.
GERMANY = frozenset(
    date.fromisoformat(day)
    for day in ("2026-04-03", "2026-04-06", "2026-05-01", "2026-05-14", "2026-05-25", "2026-12-24", "2026-12-25",
                "2026-12-31", "2027-01-01", "2027-03-26", "2027-03-29")
)  # fmt: skip
WORKDAYS = Calendar(weekend=SATURDAY_SUNDAY, closed=GERMANY)


def schedule(fields="* * *", *, time="0 9", zone="Europe/Berlin", since=LONG_AGO, **more):
    return Schedule(
        cron=Cron.parse(f"{time} {fields}"),
        zone=ZoneInfo(zone),
        effective_from=since if isinstance(since, datetime) else datetime.fromisoformat(since),
        **{name: date.fromisoformat(day) if name.endswith("_on") else day for name, day in more.items()},
    )


def moved(fields, on_closed, after, count, calendar=WORKDAYS, **more):
    found = schedule(fields, calendar=calendar, on_closed=on_closed, **more)
    ticks = islice(found.ticks_after(datetime.fromisoformat(f"{after}T00:00Z")), count)
    return " ".join(f"{tick.astimezone(found.zone):%d.%m}" for tick in ticks)


@pytest.mark.parametrize(
    ("fields", "on_closed", "after", "expected"),
    [
        # Easter 2026: Friday 3 April and Monday 6 April are closed, and the weekend between them.
        ("* * *", "skip", "2026-04-01", "01.04 02.04 07.04 08.04"),
        ("* * *", "before", "2026-04-01", "01.04 02.04 07.04 08.04"),
        ("* * *", "after", "2026-04-02", "02.04 07.04 08.04 09.04"),
        ("* * 5", "skip", "2026-04-01", "10.04 17.04 24.04 08.05"),
        ("* * 5", "before", "2026-04-01", "02.04 10.04 17.04 24.04"),
        ("* * 5", "after", "2026-04-01", "07.04 10.04 17.04 24.04"),
        ("* * 1", "before", "2026-04-01", "02.04 13.04 20.04 27.04"),
        ("* * 1", "after", "2026-04-01", "07.04 13.04 20.04 27.04"),
        # Both move to Tuesday, or to Thursday: one run.
        ("* * 1,5", "after", "2026-04-01", "07.04 10.04 13.04 17.04"),
        ("* * 1,5", "before", "2026-04-01", "02.04 10.04 13.04 17.04"),
        # Easter 2027: 26 and 29 March.
        ("* 3,4 5", "after", "2027-03-20", "30.03 02.04 09.04 16.04"),
        # Asked on the closed days, whose ticks are still to come.
        ("* * 5", "after", "2026-04-05", "07.04 10.04 17.04 24.04"),
        ("* * 1", "before", "2026-04-03", "13.04 20.04 27.04 04.05"),
        # The end of the year: Thursday 31 December and Friday 1 January are closed.
        ("L * *", "before", "2026-12-01", "30.12 29.01 26.02 31.03"),
        ("L * *", "after", "2026-12-01", "04.01 01.02 01.03 31.03"),
        ("1 1 *", "before", "2026-12-01", "30.12 31.12 01.01 01.01"),  # 1 January 2028 is a Saturday
        ("1,L 1,12 *", "before", "2026-12-02", "30.12 29.01 01.12 31.12"),
        ("1 1 *", "skip", "2026-12-01", "01.01 01.01 01.01 01.01"),
    ],
)
def test_ticks_on_closed_days_are_left_out_or_moved(fields, on_closed, after, expected):
    assert moved(fields, on_closed, after, 4) == expected


@pytest.mark.parametrize(
    ("on_closed", "expected"),
    [("skip", "01.06 01.07 01.09"), ("before", "30.04 01.06 01.07"), ("after", "03.05 01.06 01.07")],
)
def test_a_weekend_may_be_friday_and_saturday(on_closed, expected):
    # 1 May 2026 is a Friday, 1 August a Saturday.
    weekend = Calendar(weekend=FRIDAY_SATURDAY)

    assert moved("1 5,6,7,8,9 *", on_closed, "2026-04-20", 3, weekend, zone="Asia/Riyadh") == expected


def ticks(found, after="2000-01-01T00:00Z", count=3):
    return [f"{tick:%Y-%m-%dT%H:%MZ}" for tick in islice(found.ticks_after(datetime.fromisoformat(after)), count)]


SATURDAYS = Calendar(weekend=frozenset({6}))


def test_a_tick_that_is_moved_into_a_gap_comes_at_its_end():
    # Sunday 8 March 2026, 02:00 EST becomes 03:00 EDT.
    found = schedule("7 3 *", time="30 2", zone="America/New_York", calendar=SATURDAYS, on_closed="after")

    assert ticks(found, "2026-01-01T00:00Z", 1) == ["2026-03-08T07:00Z"]


def test_a_tick_that_is_moved_to_a_time_that_occurs_twice_comes_the_first_time():
    # Sunday 1 November 2026, 02:00 EDT becomes 01:00 EST.
    found = schedule("31 10 *", time="30 1", zone="America/New_York", calendar=SATURDAYS, on_closed="after")

    assert ticks(found, "2026-01-01T00:00Z", 1) == ["2026-11-01T05:30Z"]


def test_no_tick_is_moved_to_a_day_that_the_clocks_skip():
    # In Apia 29 December 2011, a Thursday, was followed by Saturday the 31st.
    closed = Calendar(closed=frozenset({date(2011, 12, 29)}))
    found = schedule("29 12 *", zone="Pacific/Apia", calendar=closed, on_closed="after")

    assert ticks(found, "2011-12-01T00:00Z", 1) == ["2011-12-30T19:00Z"]  # 09:00 on the 31st


# The effective moment: what counts is where a tick was moved to.


def test_a_tick_moved_past_the_effective_moment_fires():
    since = "2026-05-03T12:00Z"  # a Sunday; the tick was named for Saturday
    found = schedule("2 5 *", since=since, calendar=WORKDAYS, on_closed="after")

    assert ticks(found, count=1) == ["2026-05-04T07:00Z"]
    assert found.is_tick(datetime(2026, 5, 4, 7, tzinfo=UTC))


def test_a_tick_moved_before_the_effective_moment_does_not_fire():
    since = "2026-04-30T08:00Z"  # after 09:00 on the Thursday before the closed Friday 1 May
    found = schedule("1 5,6 *", since=since, calendar=WORKDAYS, on_closed="before")

    assert ticks(found, count=1) == ["2026-06-01T07:00Z"]
    assert not found.is_tick(datetime(2026, 4, 30, 7, tzinfo=UTC))


def test_a_backfill_gets_moved_ticks_from_before_the_effective_moment():
    found = schedule("1 5 *", since="2026-06-01T00:00Z", calendar=WORKDAYS, on_closed="before")

    first = found.next_after(datetime(2026, 4, 1, tzinfo=UTC), backfill=True)

    assert first == datetime(2026, 4, 30, 7, tzinfo=UTC)


# The first and the last day


def test_ticks_come_from_the_first_to_the_last_local_day():
    # Midnight in Auckland is 12:00 UTC of the day before.
    found = schedule(time="0 0", zone="Pacific/Auckland", starts_on="2026-05-04", ends_on="2026-05-06")

    assert ticks(found, count=9) == ["2026-05-03T12:00Z", "2026-05-04T12:00Z", "2026-05-05T12:00Z"]
    assert found.next_after(datetime(2026, 5, 5, 12, tzinfo=UTC)) is None
    assert not found.is_tick(datetime(2026, 5, 2, 12, tzinfo=UTC))
    assert not found.is_tick(datetime(2026, 5, 6, 12, tzinfo=UTC))


def test_the_last_tick_west_of_utc_is_on_the_next_day_of_utc():
    found = schedule(time="30 23", zone="America/Los_Angeles", starts_on="2026-05-04", ends_on="2026-05-04")

    assert ticks(found) == ["2026-05-05T06:30Z"]


def test_a_schedule_without_a_tick_between_its_days_has_none():
    found = schedule("* * 1", starts_on="2026-05-05", ends_on="2026-05-10")  # Tuesday to Sunday

    assert ticks(found) == []
    assert found.next_after(LONG_AGO) is None


def test_a_moved_tick_counts_on_the_day_it_is_moved_to():
    # Friday 1 May is closed; it moves to Thursday 30 April, or to Monday 4 May.
    before = {"calendar": WORKDAYS, "on_closed": "before"}
    after = {"calendar": WORKDAYS, "on_closed": "after"}

    assert ticks(schedule("1 5 *", starts_on="2026-05-01", ends_on="2026-05-31", **before)) == []
    assert ticks(schedule("1 5 *", starts_on="2026-04-30", ends_on="2026-04-30", **before)) == ["2026-04-30T07:00Z"]
    assert ticks(schedule("1 5 *", starts_on="2026-05-02", ends_on="2026-05-31", **after)) == ["2026-05-04T07:00Z"]
    assert ticks(schedule("1 5 *", starts_on="2026-05-01", ends_on="2026-05-03", **after)) == []


def test_a_schedule_has_begun_and_ended_by_the_local_day():
    found = schedule(zone="Pacific/Auckland", starts_on="2026-05-04", ends_on="2026-05-06")
    moments = ["2026-05-03T11:59Z", "2026-05-03T12:00Z", "2026-05-06T11:59Z", "2026-05-06T12:00Z"]

    phases = [found.phase(datetime.fromisoformat(moment)) for moment in moments]

    assert phases == ["not-begun", "active", "active", "ended"]
    assert schedule().phase(LONG_AGO) == "active"


@pytest.mark.parametrize("on_closed", ["before", "after"])
def test_a_thousand_closed_days_in_a_row_are_looked_at_once(on_closed):
    days = frozenset(date(2026, 1, 1) + timedelta(days=day) for day in range(1_000))
    found = schedule(calendar=Calendar(closed=days), on_closed=on_closed, zone="UTC")
    looked_at = []
    found = replace(found, calendar=Counting(closed=days, looked_at=looked_at))

    ticks = list(islice(found.ticks_after(datetime(2025, 12, 30, 12, tzinfo=UTC)), 3))

    assert [f"{tick:%d.%m.%Y}" for tick in ticks] == ["31.12.2025", "27.09.2028", "28.09.2028"]
    assert len(looked_at) < 5_000


@dataclass(frozen=True, kw_only=True)
class Counting(Calendar):
    """A calendar that notes the days it was asked for."""

    looked_at: list[date]

    def is_open(self, day):
        self.looked_at.append(day)
        return day not in self.closed


# Day by day over ten years

BEGIN, END = date(2020, 1, 1), date(2030, 1, 1)
NOON = {"time": "0 12", "zone": "UTC"}
calendars = st.builds(
    Calendar,
    weekend=st.sets(st.integers(0, 6), max_size=6).map(frozenset),
    closed=st.lists(
        st.tuples(st.dates(BEGIN, END - timedelta(days=1)), st.integers(1, 40)), max_size=12
    ).map(lambda runs: frozenset(day + timedelta(days=shift) for day, length in runs for shift in range(length))),
)  # fmt: skip


def open_day(calendar, day, on_closed):
    """Return where a day's tick goes: found one day after the other."""
    while day.isoweekday() % 7 in calendar.weekend or day in calendar.closed:
        if on_closed == "skip":
            return None
        day += timedelta(days=1 if on_closed == "after" else -1)
    return day


@settings(max_examples=60)
@given(
    fields=st.builds(
        "{} {} {}".format,
        st.just("*") | day_field(1, 31, OF_MONTH),
        st.sampled_from(["*", "2", "1,4,7,10"]),
        st.just("*") | day_field(0, 7, OF_WEEK),
    ),
    calendar=calendars,
    on_closed=st.sampled_from(["skip", "before", "after"]),
    after=st.dates(BEGIN, END),
    starts_on=st.none() | st.dates(BEGIN, END),
    ends_on=st.none() | st.dates(BEGIN, END),
)
def test_ten_years_of_days_are_what_each_day_says(fields, calendar, on_closed, after, starts_on, ends_on):
    margin = timedelta(days=600)
    every = (date.fromordinal(n) for n in range((BEGIN - margin).toordinal(), (END + margin).toordinal()))
    named = (day for day in every if names_day(["0", "12", *fields.split()], day.toordinal()))
    targets = {open_day(calendar, day, on_closed) for day in named} - {None}
    wanted = [
        datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
        for day in sorted(targets)
        if after <= day < END and (not starts_on or day >= starts_on) and (not ends_on or day <= ends_on)
    ]
    try:
        found = schedule(fields, calendar=calendar, on_closed=on_closed, **NOON)
    except ValueError:
        return
    found = Schedule(
        cron=found.cron, zone=found.zone, effective_from=LONG_AGO, calendar=calendar, on_closed=on_closed,
        starts_on=starts_on, ends_on=ends_on,
    )  # fmt: skip
    end = datetime(2030, 1, 1, tzinfo=UTC)
    begin = datetime(after.year, after.month, after.day, tzinfo=UTC)

    assert list(takewhile(lambda tick: tick < end, found.ticks_after(begin))) == wanted
    assert [found.is_tick(tick) for tick in wanted[:3]] == [True] * len(wanted[:3])
    assert wanted[:1] == [tick for tick in [found.next_after(begin)] if tick and tick < end]


@pytest.mark.parametrize(("zone", "year"), [one for one in YEARS if one[0] != "Pacific/Apia"])
@settings(max_examples=6)
@given(
    time=st.sampled_from(["30 0", "0 0", "30 2", "30 1,2,3", "59 23", "30 *", "15 */2"]),
    week=st.sampled_from(["*", "1", "0,3", "5L"]),
    weekend=st.sets(st.integers(0, 6), min_size=1, max_size=6).map(frozenset),
    on_closed=st.sampled_from(["skip", "before", "after"]),
)
def test_moved_ticks_are_what_every_minute_of_a_year_says(zone, year, time, week, weekend, on_closed):
    calendar = Calendar(weekend=weekend)
    fields = [*time.split(), "*", "*", week]
    around = range(date(year - 1, 11, 1).toordinal(), date(year + 1, 3, 1).toordinal())
    targets = {
        open_day(calendar, date.fromordinal(day), on_closed) for day in around if names_day(fields, day)
    } - {None}  # fmt: skip
    found = schedule(f"* * {week}", time=time, zone=zone, calendar=calendar, on_closed=on_closed)
    end = datetime(year + 1, 1, 1, tzinfo=UTC)
    before = datetime(year, 1, 1, tzinfo=UTC) - timedelta.resolution

    expected = cron_oracle.ticks(" ".join(fields), zone, year, {day.toordinal() for day in targets})
    assert list(takewhile(lambda tick: tick < end, found.ticks_after(before))) == expected
