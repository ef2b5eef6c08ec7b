"""The ticks of a cron expression, found independently minute by minute."""

from __future__ import annotations

from bisect import bisect_left
from datetime import UTC, date, datetime, time, timedelta
from itertools import accumulate
from zoneinfo import ZoneInfo

from hypothesis import given, reject
from hypothesis import strategies as st

from include.scheduled_reports.domain.cron import Cron
from include.scheduled_reports.domain.cron_words import words

#: Days with clock changes: by an hour, half an hour, two hours, at midnight, by a whole day.
PLACES = [
    ("America/New_York", date(2026, 3, 8)),
    ("America/New_York", date(2026, 11, 1)),
    ("Europe/London", date(2026, 3, 29)),
    ("Europe/Dublin", date(2026, 10, 25)),
    ("Australia/Lord_Howe", date(2026, 10, 4)),
    ("Australia/Lord_Howe", date(2026, 4, 5)),
    ("Antarctica/Troll", date(2026, 3, 29)),
    ("Antarctica/Troll", date(2026, 10, 25)),
    ("Pacific/Chatham", date(2026, 4, 5)),
    ("Asia/Beirut", date(2026, 3, 29)),
    ("America/Havana", date(2025, 11, 2)),
    ("America/Sao_Paulo", date(2018, 2, 18)),
    ("America/Sao_Paulo", date(2018, 11, 4)),
    ("America/Goose_Bay", date(2010, 11, 7)),
    ("America/Caracas", date(2016, 5, 1)),
    ("Asia/Pyongyang", date(2015, 8, 15)),
    ("Africa/Casablanca", date(2026, 2, 15)),
    ("America/Nuuk", date(2024, 3, 31)),
    ("Pacific/Apia", date(2011, 12, 30)),
    ("Pacific/Kwajalein", date(1993, 8, 21)),
]
#: Days without a clock change nearby.
QUIET = [
    ("America/New_York", date(2026, 5, 10)),
    ("Europe/London", date(2026, 7, 1)),
    ("Australia/Lord_Howe", date(2026, 1, 1)),
    ("Pacific/Chatham", date(2027, 3, 1)),
    ("Pacific/Apia", date(2028, 2, 28)),
    ("Asia/Kathmandu", date(2026, 2, 28)),
    ("Pacific/Kiritimati", date(2026, 12, 31)),
    ("UTC", date(2028, 2, 29)),
]
DAYS_SCANNED = 4


@st.composite
def fields(draw, low, high):
    """Draw the text of a field, together with the values it matches."""
    value = st.integers(low, high)
    step = draw(st.integers(1, high + 1))
    a, b = sorted((draw(value), draw(value)))
    return draw(
        st.sampled_from(
            [
                (f"{a}", {a}),
                (f"{a}-{b}", {*range(a, b + 1)}),
                (f"{a}-{b}/{step}", {*range(a, b + 1, step)}),
                (f"{a}/{step}", {*range(a, high + 1, step)}),
                (f"{a},{b}", {a, b}),
                (f"{b},{low}-{a}", {*range(low, a + 1), b}),
            ]
        )
    )


def starred(low, high):
    steps = st.integers(1, high + 1).map(lambda step: (f"*/{step}", {*range(low, high + 1, step)}))
    return st.just(("*", {*range(low, high + 1)})) | steps


#: Drawn often, so that most schedules have a tick within the few days that are scanned.
EVERY_DAY, EVERY_MONTH, EVERY_WEEKDAY = (
    st.just(("*", {*range(low, high + 1)})) for low, high in ((1, 31), (1, 12), (0, 6))
)


def days_of(name):
    low, high = {"month": (1, 12), "day": (1, 31), "weekday": (0, 7)}[name]
    return starred(low, high) | fields(low, high)


@st.composite
def schedules(draw, hour):
    """Draw an expression, its minute and hours, and a plain function that returns whether a day matches."""
    minute = draw(st.integers(0, 59))
    hours_text, hours = draw(hour)
    day_text, days = draw(EVERY_DAY | days_of("day"))
    month_text, months = draw(EVERY_MONTH | EVERY_MONTH | days_of("month"))
    weekday_text, weekdays = draw(EVERY_WEEKDAY | days_of("weekday"))
    combine = all if day_text[0] == "*" or weekday_text[0] == "*" else any

    def names(day):
        matches = (day.day in days, day.isoweekday() in weekdays or day.isoweekday() % 7 in weekdays)
        return day.month in months and combine(matches)

    return f"{minute} {hours_text} {day_text} {month_text} {weekday_text}", minute, hours, names


@st.composite
def stretches(draw, places):
    """Draw a zone, and every minute of some days around a day of interest with its wall-clock time."""
    zone, day = draw(st.sampled_from(places))
    begin = datetime.combine(day - timedelta(days=2), time(), UTC)
    minutes = [begin + timedelta(minutes=count) for count in range(DAYS_SCANNED * 24 * 60)]
    place = ZoneInfo(zone)
    return place, minutes, [moment.astimezone(place).replace(tzinfo=None, fold=0) for moment in minutes]


def parsed(expression):
    try:
        return Cron.parse(expression)
    except ValueError:  # only days that no month has are refused, and that is tested above
        reject()


def found_between(cron, zone, begin, end):
    found = []
    for tick in cron.ticks(begin, zone):
        if tick > end:
            break
        found.append(tick)
    return found


@given(schedules(starred(0, 23)), stretches(PLACES + QUIET))
def test_a_starred_hour_runs_at_every_real_minute_that_shows_what_the_fields_say(schedule, stretch):
    expression, minute, hours, names = schedule
    zone, minutes, walls = stretch
    expected = [
        moment
        for moment, wall in zip(minutes, walls, strict=True)
        if wall.minute == minute and wall.hour in hours and names(wall.date())
    ]

    found = found_between(parsed(expression), zone, minutes[0] - timedelta(minutes=1), minutes[-1])

    assert found == expected


@given(schedules(fields(0, 23)), stretches(PLACES + QUIET))
def test_a_named_hour_runs_once_on_each_day_when_the_clock_first_shows_it_or_a_later_time(schedule, stretch):
    expression, minute, hours, names = schedule
    zone, minutes, walls = stretch
    furthest = list(accumulate(walls, max))
    whole_days = sorted({wall.date() for wall in walls})[1:-1]
    expected = sorted(
        {
            minutes[bisect_left(furthest, datetime.combine(day, time(hour, minute)))]
            for day in whole_days
            if names(day)
            for hour in hours
        }
    )
    first = bisect_left(furthest, datetime.combine(whole_days[0], time()))
    last = bisect_left(furthest, datetime.combine(whole_days[-1] + timedelta(days=1), time())) - 1

    found = found_between(parsed(expression), zone, minutes[first] - timedelta(minutes=1), minutes[last])

    assert found == expected


@given(schedules(starred(0, 23) | fields(0, 23)), stretches(QUIET))
def test_on_days_without_a_change_named_and_starred_hours_run_alike(schedule, stretch):
    expression, minute, hours, names = schedule
    zone, minutes, walls = stretch
    expected = [
        moment
        for moment, wall in zip(minutes, walls, strict=True)
        if wall.minute == minute and wall.hour in hours and names(wall.date())
    ]

    found = found_between(parsed(expression), zone, minutes[0] - timedelta(minutes=1), minutes[-1])

    assert found == expected


@given(schedules(starred(0, 23) | fields(0, 23)))
def test_every_schedule_can_be_shown(schedule):
    assert words(parsed(schedule[0]).expression)
