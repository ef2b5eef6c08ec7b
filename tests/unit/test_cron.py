"""Cron expressions and their ticks: computed by hand, and found independently minute by minute."""

from __future__ import annotations

import re
from bisect import bisect_left
from datetime import UTC, date, datetime, time, timedelta
from itertools import accumulate, islice
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, reject
from hypothesis import strategies as st

from include.scheduled_reports.domain.cron import Cron, jitter, words

EVERY_HOUR = tuple(range(24))


def ticks(expression, zone, after, count):
    found = Cron.parse(expression).ticks(datetime.fromisoformat(after), ZoneInfo(zone))
    return [tick.strftime("%Y-%m-%dT%H:%MZ") for tick in islice(found, count)]


# Accepted expressions


@pytest.mark.parametrize(
    ("expression", "minute", "hours"),
    [
        ("0 9 * * *", 0, (9,)),
        ("00 09 * * *", 0, (9,)),
        ("59 23 * * *", 59, (23,)),
        ("5 9,17 * * *", 5, (9, 17)),
        ("5 17,9,9 * * *", 5, (9, 17)),
        ("5 8-11 * * *", 5, (8, 9, 10, 11)),
        ("5 8-17/4 * * *", 5, (8, 12, 16)),
        ("5 20/2 * * *", 5, (20, 22)),
        ("5 */6 * * *", 5, (0, 6, 12, 18)),
        ("5 */5 * * *", 5, (0, 5, 10, 15, 20)),
        ("5 * * * *", 5, EVERY_HOUR),
        ("5 0-23 * * *", 5, EVERY_HOUR),
        ("5 9-9 * * *", 5, (9,)),
        ("7-7 9 * * *", 7, (9,)),
        ("7,7 9 * * *", 7, (9,)),
        ("*/60 9 * * *", 0, (9,)),
        ("30/30 9 * * *", 30, (9,)),
    ],
)
def test_minutes_and_hours_are_read(expression, minute, hours):
    cron = Cron.parse(expression)

    assert (cron.minute, cron.hours) == (minute, hours)


@pytest.mark.parametrize(
    ("field", "days"),
    [
        ("1", {1}),
        ("31", {31}),
        ("1,15", {1, 15}),
        ("5-5", {5}),
        ("8-14", {8, 9, 10, 11, 12, 13, 14}),
        ("*/10", {1, 11, 21, 31}),
        ("25/3", {25, 28, 31}),
        ("*", set(range(1, 32))),
        ("1-31", set(range(1, 32))),
    ],
)
def test_days_of_the_month_are_read(field, days):
    assert Cron.parse(f"0 9 {field} * *").days == days


@pytest.mark.parametrize(
    ("field", "months"),
    [
        ("2", {2}),
        ("JAN", {1}),
        ("jan,Jul", {1, 7}),
        ("3-5", {3, 4, 5}),
        ("OCT-DEC", {10, 11, 12}),
        ("*/3", {1, 4, 7, 10}),
        ("2/4", {2, 6, 10}),
        ("NOV-FEB", {11, 12, 1, 2}),
        ("6-JUN", {6}),
        ("*", set(range(1, 13))),
    ],
)
def test_months_are_read_by_number_and_by_name(field, months):
    assert Cron.parse(f"0 9 1 {field} *").months == months


@pytest.mark.parametrize(
    ("field", "weekdays"),
    [
        ("1", {1}),
        ("0", {0}),
        ("7", {0}),
        ("0,7", {0}),
        ("7-7", {0}),
        ("5-7", {5, 6, 0}),
        ("1-5", {1, 2, 3, 4, 5}),
        ("1-5/2", {1, 3, 5}),
        ("MON-FRI", {1, 2, 3, 4, 5}),
        ("mon,Wed,FRI", {1, 3, 5}),
        ("SAT-SUN", {6, 0}),
        ("FRI-MON", {5, 6, 0, 1}),
        ("SUN", {0}),
        ("SUN-SUN", {0}),
        ("*/2", {0, 2, 4, 6}),
        ("*/7", {0}),
        ("0-6", {0, 1, 2, 3, 4, 5, 6}),
        ("0-7", {0, 1, 2, 3, 4, 5, 6}),
    ],
)
def test_weekdays_are_read_and_sunday_is_both_0_and_7(field, weekdays):
    assert Cron.parse(f"0 9 * * {field}").weekdays == weekdays


def test_blanks_around_and_between_the_fields_do_not_matter():
    assert Cron.parse("  0   9 *\t* 1 ") == Cron.parse("0 9 * * 1")
    assert Cron.parse("  0   9 *\t* 1 ").expression == "0 9 * * 1"


# Refused expressions, with the reason

FIVE = "five fields separated by spaces: minute, hour, day of month, month, day of week"
HOURLY = "at most once an hour: the minute field must name exactly one minute"


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("", FIVE),
        ("   ", FIVE),
        ("@daily", FIVE),
        ("@hourly", FIVE),
        ("@reboot", FIVE),
        ("0 9 * *", FIVE),
        ("0 0 9 * * *", FIVE),  # six fields, with seconds
        ("0 9 * * * 2026", FIVE),  # six fields, with a year
        ("* * * * *", HOURLY),
        ("*/5 * * * *", HOURLY),
        ("*/59 * * * *", HOURLY),
        ("0,30 9 * * *", HOURLY),
        ("5/10 9 * * *", HOURLY),
        ("0-1 9 * * *", HOURLY),
        ("0 9 L * *", "day of month 'L': numbers 1-31, *, ranges, /steps and commas are allowed"),
        ("0 9 LW * *", "day of month 'LW': numbers 1-31, *, ranges, /steps and commas are allowed"),
        ("0 9 15W * *", "day of month '15W': numbers 1-31, *, ranges, /steps and commas are allowed"),
        ("0 9 * * 5L", "day of week '5L': numbers 0-7 or names, *, ranges, /steps and commas are allowed"),
        ("0 9 * * 1#2", "day of week '1#2': numbers 0-7 or names, *, ranges, /steps and commas are allowed"),
        ("0 9 ? * *", "day of month '?': numbers 1-31, *, ranges, /steps and commas are allowed"),
        ("0 9 * * ?", "day of week '?': numbers 0-7 or names, *, ranges, /steps and commas are allowed"),
        ("H 9 * * *", "minute 'H': numbers 0-59, *, ranges, /steps and commas are allowed"),
        ("H(0-30) 9 * * *", "minute 'H(0-30)': numbers 0-59, *, ranges, /steps and commas are allowed"),
        ("-1 9 * * *", "minute '-1': numbers 0-59, *, ranges, /steps and commas are allowed"),
        ("0 ** * * *", "hour '**': numbers 0-23, *, ranges, /steps and commas are allowed"),
        ("0 *-5 * * *", "hour '*-5': numbers 0-23, *, ranges, /steps and commas are allowed"),
        ("0 5- * * *", "hour '5-': numbers 0-23, *, ranges, /steps and commas are allowed"),
        ("0 ,5 * * *", "hour ',5': numbers 0-23, *, ranges, /steps and commas are allowed"),
        ("0 5, * * *", "hour '5,': numbers 0-23, *, ranges, /steps and commas are allowed"),
        ("0 */0 * * *", "hour '*/0': numbers 0-23, *, ranges, /steps and commas are allowed"),
        ("0 1-2-3 * * *", "hour '1-2-3': numbers 0-23, *, ranges, /steps and commas are allowed"),
        ("0 9 MON * *", "day of month 'MON': numbers 1-31, *, ranges, /steps and commas are allowed"),
        ("0 9 * MON *", "month 'MON': numbers 1-12 or names, *, ranges, /steps and commas are allowed"),
        ("0 9 * * JAN", "day of week 'JAN': numbers 0-7 or names, *, ranges, /steps and commas are allowed"),
        ("0 9 * * MONDAY", "day of week 'MONDAY': numbers 0-7 or names, *, ranges, /steps and commas are allowed"),
        ("0 ٩ * * *", "hour '٩': numbers 0-23, *, ranges, /steps and commas are allowed"),
        ("60 9 * * *", "minute '60': numbers 0-59, ranges from low to high"),
        ("0 24 * * *", "hour '24': numbers 0-23, ranges from low to high"),
        ("0 9 0 * *", "day of month '0': numbers 1-31, ranges from low to high"),
        ("0 9 32 * *", "day of month '32': numbers 1-31, ranges from low to high"),
        ("0 9 * 0 *", "month '0': numbers 1-12, ranges from low to high"),
        ("0 9 * 13 *", "month '13': numbers 1-12, ranges from low to high"),
        ("0 9 * * 8", "day of week '8': numbers 0-7, ranges from low to high"),
        ("0 22-2 * * *", "hour '22-2': numbers 0-23, ranges from low to high"),
        ("0 9 31-1 * *", "day of month '31-1': numbers 1-31, ranges from low to high"),
        ("0 9 * * 1,5-1", "day of week '5-1': numbers 0-7, ranges from low to high"),
        ("0 9 31 2 *", "a day that exists: no month named has the day of month named"),
        ("0 9 30,31 FEB *", "a day that exists: no month named has the day of month named"),
        ("0 9 31 4,6,9,11 *", "a day that exists: no month named has the day of month named"),
        ("0 9 31 2 */2", "a day that exists: no month named has the day of month named"),
    ],
)
def test_a_refused_expression_says_why_and_what_is_allowed(expression, reason):
    with pytest.raises(ValueError, match=f"^{re.escape(reason)}$"):
        Cron.parse(expression)


def test_a_day_that_no_month_has_is_accepted_where_a_weekday_can_stand_in():
    # Neither day field begins with *: either one may match, so every Monday in February does.
    assert ticks("0 9 31 2 1", "UTC", "2026-01-01T00:00Z", 2) == ["2026-02-02T09:00Z", "2026-02-09T09:00Z"]


# Ticks computed by hand


def test_ticks_come_strictly_after_the_moment_asked_for():
    assert ticks("0 9 * * *", "UTC", "2026-05-10T09:00Z", 1) == ["2026-05-11T09:00Z"]
    assert ticks("0 9 * * *", "UTC", "2026-05-10T08:59:59Z", 1) == ["2026-05-10T09:00Z"]
    assert Cron.parse("0 9 * * *").next_tick(datetime(2026, 5, 10, 9, tzinfo=UTC), ZoneInfo("UTC")) == datetime(
        2026, 5, 11, 9, tzinfo=UTC
    )


def test_the_moment_asked_for_may_be_given_in_any_zone():
    # 09:00 in Tokyo is midnight UTC.
    assert ticks("0 9 * * *", "Asia/Tokyo", "2026-05-09T20:00-05:00", 2) == ["2026-05-11T00:00Z", "2026-05-12T00:00Z"]


def test_in_new_york_a_time_inside_the_gap_runs_at_three():
    # 8 March 2026: 02:00 EST becomes 03:00 EDT at 07:00 UTC.
    assert ticks("30 2 * * *", "America/New_York", "2026-03-07T00:00Z", 3) == [
        "2026-03-07T07:30Z",
        "2026-03-08T07:00Z",
        "2026-03-09T06:30Z",
    ]


def test_in_new_york_a_time_that_happens_twice_runs_the_first_time_only():
    # 1 November 2026: 02:00 EDT becomes 01:00 EST at 06:00 UTC; 01:30 is at 05:30 and at 06:30 UTC.
    assert ticks("30 1 * * *", "America/New_York", "2026-10-31T12:00Z", 2) == ["2026-11-01T05:30Z", "2026-11-02T06:30Z"]


def test_ticks_that_a_gap_brings_together_are_one_run():
    # 02:15 does not exist and becomes 03:00; 03:15 exists.
    assert ticks("0 2,3 * * *", "America/New_York", "2026-03-08T00:00Z", 2) == [
        "2026-03-08T07:00Z",
        "2026-03-09T06:00Z",
    ]


def test_london_changes_at_one_in_the_morning():
    # 29 March 2026: 01:00 GMT becomes 02:00 BST.  25 October: 02:00 BST becomes 01:00 GMT at 01:00 UTC.
    assert ticks("30 1 * * *", "Europe/London", "2026-03-28T12:00Z", 2) == ["2026-03-29T01:00Z", "2026-03-30T00:30Z"]
    assert ticks("30 1 * * *", "Europe/London", "2026-10-24T12:00Z", 2) == ["2026-10-25T00:30Z", "2026-10-26T01:30Z"]


def test_lord_howe_changes_by_half_an_hour():
    # 4 October 2026: 02:00 (+10:30) becomes 02:30 (+11).  5 April 2026: 02:00 (+11) becomes 01:30 (+10:30).
    assert ticks("15 2 * * *", "Australia/Lord_Howe", "2026-10-03T00:00Z", 2) == [
        "2026-10-03T15:30Z",
        "2026-10-04T15:15Z",
    ]
    assert ticks("45 1 * * *", "Australia/Lord_Howe", "2026-04-04T00:00Z", 2) == [
        "2026-04-04T14:45Z",
        "2026-04-05T15:15Z",
    ]


def test_in_beirut_a_missing_midnight_runs_at_one():
    # 29 March 2026: 00:00 (+2) becomes 01:00 (+3) at 22:00 UTC the day before.
    assert ticks("0 0 * * *", "Asia/Beirut", "2026-03-28T00:00Z", 2) == ["2026-03-28T22:00Z", "2026-03-29T21:00Z"]


def test_kathmandu_is_three_quarters_of_an_hour_off():
    assert ticks("0 9 * * *", "Asia/Kathmandu", "2026-05-10T00:00Z", 1) == ["2026-05-10T03:15Z"]


def test_a_local_day_that_does_not_exist_has_no_run():
    # Samoa went from 29 December 2011 (-10) straight to the 31st (+14).
    assert ticks("0 9 * * *", "Pacific/Apia", "2011-12-29T00:00Z", 3) == [
        "2011-12-29T19:00Z",
        "2011-12-30T19:00Z",
        "2011-12-31T19:00Z",
    ]
    assert ticks("0 9 30 12 *", "Pacific/Apia", "2011-12-01T00:00Z", 1) == ["2012-12-29T19:00Z"]


def test_29_february_runs_in_leap_years_and_2100_is_none():
    assert ticks("0 12 29 2 *", "UTC", "2026-01-01T00:00Z", 2) == ["2028-02-29T12:00Z", "2032-02-29T12:00Z"]
    assert ticks("0 12 29 2 *", "UTC", "2096-03-01T00:00Z", 1) == ["2104-02-29T12:00Z"]


def test_31_runs_in_the_months_that_have_one():
    assert ticks("0 0 31 * *", "UTC", "2026-01-31T00:00Z", 3) == [
        "2026-03-31T00:00Z",
        "2026-05-31T00:00Z",
        "2026-07-31T00:00Z",
    ]


# 1 June 2026 is a Monday; its Fridays are 5, 12, 19 and 26, its Sundays 7, 14, 21 and 28.
@pytest.mark.parametrize(
    ("expression", "days"),
    [
        ("0 9 1,15 * 5", [1, 5, 12, 15, 19, 26]),  # neither begins with *: either may match
        ("0 9 1,15 * FRI", [1, 5, 12, 15, 19, 26]),
        ("0 9 28-31 * 5", [5, 12, 19, 26, 28, 29, 30]),
        ("0 9 10,* * 5", [*range(1, 31)]),  # * is there, but not first: either may match, and any day of month does
        ("0 9 */2 * 5", [5, 19]),  # one begins with *: both have to match
        ("0 9 *,10 * 5", [5, 12, 19, 26]),
        ("0 9 8-14 * */7", [14]),  # the second Sunday
        ("0 9 * * 5", [5, 12, 19, 26]),
        ("0 9 1,15 * *", [1, 15]),
    ],
)
def test_day_of_month_and_day_of_week_meet_as_in_debians_cron(expression, days):
    found = [datetime.fromisoformat(tick) for tick in ticks(expression, "UTC", "2026-06-01T00:00Z", 60)]

    assert [tick.day for tick in found if (tick.year, tick.month) == (2026, 6)] == days


def test_an_hour_field_that_begins_with_a_star_follows_real_hours():
    # 01:30 EST, 03:30 EDT; 01:30 EDT, 01:30 EST, 02:30 EST: always an hour apart.
    assert ticks("30 * * * *", "America/New_York", "2026-03-08T06:00Z", 2) == ["2026-03-08T06:30Z", "2026-03-08T07:30Z"]
    assert ticks("30 * * * *", "America/New_York", "2026-11-01T05:00Z", 3) == [
        "2026-11-01T05:30Z",
        "2026-11-01T06:30Z",
        "2026-11-01T07:30Z",
    ]


def test_a_stepped_star_follows_the_hours_that_the_clock_shows():
    # Every even hour: 00:00 EST, no 02:00 on 8 March, 04:00 EDT.
    assert ticks("0 */2 * * *", "America/New_York", "2026-03-08T04:30Z", 2) == [
        "2026-03-08T05:00Z",
        "2026-03-08T08:00Z",
    ]


def test_a_range_of_all_hours_names_its_hours_and_so_runs_once_in_an_overlap():
    assert ticks("30 0-23 * * *", "America/New_York", "2026-11-01T05:00Z", 2) == [
        "2026-11-01T05:30Z",
        "2026-11-01T07:30Z",
    ]


# Ticks found minute by minute

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


# Whether a moment is a tick


@pytest.mark.parametrize(
    ("expression", "zone", "moment", "named"),
    [
        ("0 9 * * 1", "Europe/Berlin", "2026-05-11T07:00Z", True),
        ("0 9 * * 1", "Europe/Berlin", "2026-05-11T09:00+02:00", True),
        ("0 9 * * 1", "Europe/Berlin", "2026-05-11T09:00Z", False),
        ("0 9 * * 1", "Europe/Berlin", "2026-05-12T07:00Z", False),
        ("0 9 * * 1", "Europe/Berlin", "2026-05-11T07:00:01Z", False),
        ("30 2 * * *", "America/New_York", "2026-03-08T07:00Z", True),  # moved to the end of the gap
        ("30 1 * * *", "America/New_York", "2026-11-01T06:30Z", False),  # the second time
    ],
)
def test_a_moment_is_named_or_not(expression, zone, moment, named):
    assert Cron.parse(expression).is_tick(datetime.fromisoformat(moment), ZoneInfo(zone)) is named


# Jitter, so that not all reports run at once


def test_the_delay_of_a_report_comes_from_its_id_alone():
    # The first eight bytes of `printf r1 | sha256sum`: 0x82f3e9c695dc6b8d, which modulo 600 is 341.
    assert jitter("r1", timedelta(minutes=10)) == timedelta(seconds=341)


def test_without_a_window_there_is_no_delay():
    assert jitter("r1", timedelta()) == timedelta()


def test_delays_spread_over_the_window_and_stay_below_it():
    delays = {jitter(f"report-{number}", timedelta(seconds=10)) for number in range(300)}

    assert delays == {timedelta(seconds=second) for second in range(10)}


# Descriptions in words


def test_a_schedule_is_put_into_words():
    assert words("0 9 * * 1") == "At 09:00, only on Monday"
    assert words("30 14 1 * *") == "At 14:30, on day 1 of the month"


def test_the_words_are_english_whatever_the_locale_of_the_system(monkeypatch):
    monkeypatch.setattr("locale.getlocale", lambda *_: ("de_DE", "UTF-8"))

    assert words("0 9 2 * 1") == "At 09:00, on day 2 of the month, or on Monday"


def test_what_finds_no_words_stands_for_itself():
    assert words("0 *,1-5/2 * * *") == "0 *,1-5/2 * * *"


@given(schedules(starred(0, 23) | fields(0, 23)))
def test_every_schedule_can_be_shown(schedule):
    assert words(parsed(schedule[0]).expression)
