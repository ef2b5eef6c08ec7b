"""Cron expressions and their ticks, computed by hand."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

import pytest

from include.scheduled_reports.domain.cron import Cron, jitter
from include.scheduled_reports.domain.schedule import Schedule

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

FIVE = "does not have five fields; write minute, hour, day of month, month and day of week"
HOURLY = "runs more than once an hour; name exactly one minute in the minute field"
NEVER = "never runs; name a day that one of its months has"
MONTH, WEEK = ", L, LW and days such as 15W", ", and weekdays such as 5L and 5#2"


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
        ("H 9 * * *", 'has the minute "H"; use numbers 0-59, *, ranges, /steps and commas'),
        ("H(0-30) 9 * * *", 'has the minute "H(0-30)"; use numbers 0-59, *, ranges, /steps and commas'),
        ("-1 9 * * *", 'has the minute "-1"; use numbers 0-59, *, ranges, /steps and commas'),
        ("0 ** * * *", 'has the hour "**"; use numbers 0-23, *, ranges, /steps and commas'),
        ("0 *-5 * * *", 'has the hour "*-5"; use numbers 0-23, *, ranges, /steps and commas'),
        ("0 5- * * *", 'has the hour "5-"; use numbers 0-23, *, ranges, /steps and commas'),
        ("0 ,5 * * *", 'has the hour ",5"; use numbers 0-23, *, ranges, /steps and commas'),
        ("0 5, * * *", 'has the hour "5,"; use numbers 0-23, *, ranges, /steps and commas'),
        ("0 */0 * * *", 'has the hour "*/0"; use numbers 0-23, *, ranges, /steps and commas'),
        ("0 1-2-3 * * *", 'has the hour "1-2-3"; use numbers 0-23, *, ranges, /steps and commas'),
        ("0 9 MON * *", f'has the day of month "MON"; use numbers 1-31, *, ranges, /steps, commas{MONTH}'),
        ("0 9 * MON *", 'has the month "MON"; use numbers 1-12 or names, *, ranges, /steps and commas'),
        ("0 9 * * JAN", f'has the day of week "JAN"; use numbers 0-7 or names, *, ranges, /steps, commas{WEEK}'),
        ("0 9 * * MONDAY", f'has the day of week "MONDAY"; use numbers 0-7 or names, *, ranges, /steps, commas{WEEK}'),
        ("0 ٩ * * *", 'has the hour "٩"; use numbers 0-23, *, ranges, /steps and commas'),
        ("60 9 * * *", 'has the minute "60"; use numbers 0-59 and ranges from low to high'),
        ("0 24 * * *", 'has the hour "24"; use numbers 0-23 and ranges from low to high'),
        ("0 9 0 * *", 'has the day of month "0"; use numbers 1-31 and ranges from low to high'),
        ("0 9 32 * *", 'has the day of month "32"; use numbers 1-31 and ranges from low to high'),
        ("0 9 * 0 *", 'has the month "0"; use numbers 1-12 and ranges from low to high'),
        ("0 9 * 13 *", 'has the month "13"; use numbers 1-12 and ranges from low to high'),
        ("0 9 * * 8", 'has the day of week "8"; use numbers 0-7 and ranges from low to high'),
        ("0 22-2 * * *", 'has the hour "22-2"; use numbers 0-23 and ranges from low to high'),
        ("0 9 31-1 * *", 'has the day of month "31-1"; use numbers 1-31 and ranges from low to high'),
        ("0 9 * * 1,5-1", 'has the day of week "5-1"; use numbers 0-7 and ranges from low to high'),
        ("0 9 31 2 *", NEVER),
        ("0 9 30,31 FEB *", NEVER),
        ("0 9 31 4,6,9,11 *", NEVER),
        ("0 9 31 2 */2", NEVER),
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


# Whether a moment is one


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
    found, place = datetime.fromisoformat(moment), ZoneInfo(zone)
    schedule = Schedule(cron=Cron.parse(expression), zone=place, effective_from=found - timedelta(days=1))
    assert schedule.is_tick(found) is named


# Jitter, so that not all reports run at once


def test_the_delay_of_a_report_comes_from_its_id_alone():
    # The first eight bytes of `printf r1 | sha256sum`: 0x82f3e9c695dc6b8d, which modulo 600 is 341.
    assert jitter("r1", timedelta(minutes=10)) == timedelta(seconds=341)


def test_without_a_window_there_is_no_delay():
    assert jitter("r1", timedelta()) == timedelta()


def test_delays_spread_over_the_window_and_stay_below_it():
    delays = {jitter(f"report-{number}", timedelta(seconds=10)) for number in range(300)}

    assert delays == {timedelta(seconds=second) for second in range(10)}
