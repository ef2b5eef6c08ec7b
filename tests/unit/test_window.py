"""Which days a run covers."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.scheduled_reports.domain.report import DateRange
from include.scheduled_reports.domain.window import window, window_of
from tests.unit.rows import report

SUNDAY_MORNING = datetime(2026, 5, 10, 9, tzinfo=UTC)
ROLLING = ("yesterday", "last-7-days", "last-week", "last-30-days", "last-month", "last-quarter", "last-year")
TO_DATE = ("week-to-date", "month-to-date", "quarter-to-date", "year-to-date")
MICROSECOND = timedelta(microseconds=1)


def covered(kind, *, at=SUNDAY_MORNING, zone="UTC"):
    return window(DateRange(type=kind), at, ZoneInfo(zone))


def custom(first, last, *, zone="UTC"):
    period = DateRange(type="custom", start=date.fromisoformat(first), end=date.fromisoformat(last))
    return window(period, SUNDAY_MORNING, ZoneInfo(zone))


def utc(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("kind", "first_day", "last_day", "previous_first_day"),
    [
        ("last-7-days", date(2026, 5, 3), date(2026, 5, 9), date(2026, 4, 26)),
        ("last-30-days", date(2026, 4, 10), date(2026, 5, 9), date(2026, 3, 11)),
        ("last-quarter", date(2026, 1, 1), date(2026, 3, 31), date(2025, 10, 1)),
        ("last-year", date(2025, 1, 1), date(2025, 12, 31), date(2024, 1, 1)),
    ],
)
def test_a_run_on_10_may_covers_whole_days_that_are_over(kind, first_day, last_day, previous_first_day):
    found = covered(kind)

    assert (found.first_day, found.last_day) == (first_day, last_day)
    assert found.start == datetime.combine(first_day, datetime.min.time(), UTC)
    assert found.end == datetime.combine(last_day + timedelta(days=1), datetime.min.time(), UTC)
    assert found.previous_start == datetime.combine(previous_first_day, datetime.min.time(), UTC)


@pytest.mark.parametrize(
    ("at", "first_day", "last_day"),
    [
        ("2026-01-01", date(2025, 10, 1), date(2025, 12, 31)),
        ("2026-03-31", date(2025, 10, 1), date(2025, 12, 31)),
        ("2026-04-01", date(2026, 1, 1), date(2026, 3, 31)),
        ("2026-07-01", date(2026, 4, 1), date(2026, 6, 30)),
        ("2026-12-31", date(2026, 7, 1), date(2026, 9, 30)),
    ],
)
def test_the_last_quarter_is_the_calendar_quarter_before_this_one(at, first_day, last_day):
    found = covered("last-quarter", at=utc(at))

    assert (found.first_day, found.last_day) == (first_day, last_day)


def test_a_custom_period_includes_both_of_its_days_and_is_compared_with_as_many_before():
    found = custom("2026-05-01", "2026-05-31")

    assert (found.start, found.end) == (utc("2026-05-01"), utc("2026-06-01"))
    assert found.previous_start == utc("2026-03-31")  # 31 days before 1 May


@pytest.mark.parametrize(
    ("kind", "start", "end", "previous_start", "previous_end"),
    [
        ("yesterday", "2026-05-10", "2026-05-11", "2026-05-09", "2026-05-10"),
        ("last-week", "2026-05-04", "2026-05-11", "2026-04-27", "2026-05-04"),
        ("last-month", "2026-04-01", "2026-05-01", "2026-03-01", "2026-04-01"),
        ("week-to-date", "2026-05-11", "2026-05-11T09:00", "2026-05-04", "2026-05-04T09:00"),
        ("month-to-date", "2026-05-01", "2026-05-11T09:00", "2026-04-01", "2026-04-11T09:00"),
        ("quarter-to-date", "2026-04-01", "2026-05-11T09:00", "2026-01-01", "2026-02-10T09:00"),
        ("year-to-date", "2026-01-01", "2026-05-11T09:00", "2025-01-01", "2025-05-11T09:00"),
    ],
)
def test_a_run_on_monday_11_may_at_nine_covers(kind, start, end, previous_start, previous_end):
    found = covered(kind, at=utc("2026-05-11T09:00"))

    assert (found.start, found.end) == (utc(start), utc(end))
    assert (found.previous_start, found.previous_end) == (utc(previous_start), utc(previous_end))


def test_the_same_part_of_a_shorter_month_ends_with_it():
    found = covered("month-to-date", at=utc("2026-03-30T09:00"))

    assert (found.previous_start, found.previous_end) == (utc("2026-02-01"), utc("2026-03-01"))


def test_at_midnight_of_its_first_day_a_month_to_date_is_the_month_that_just_ended():
    found = covered("month-to-date", at=utc("2026-05-01"))

    assert found == covered("last-month", at=utc("2026-05-01T09:00"))
    assert (found.start, found.end) == (utc("2026-04-01"), utc("2026-05-01"))
    assert covered("month-to-date", at=utc("2026-05-01T00:01")).start == utc("2026-05-01")


def test_a_week_begins_on_the_day_that_the_option_names():
    found = window(DateRange(type="week-to-date", week_start=6), utc("2026-05-11T09:00"), ZoneInfo("UTC"))

    assert (found.start, found.previous_end) == (utc("2026-05-10"), utc("2026-05-04T09:00"))


def test_since_the_last_run_is_compared_with_as_long_before():
    since, at = utc("2026-05-08T09:00"), utc("2026-05-11T09:00")

    found = window(DateRange(type="since-last-run"), at, ZoneInfo("UTC"), since=since)

    assert (found.start, found.end) == (since, at)
    assert (found.previous_start, found.previous_end) == (utc("2026-05-05T09:00"), since)


def since_last_run(at, *, watermark=None, zone="Europe/Berlin", **changes):
    found = report(options={"period": {"type": "since-last-run"}}, timezone=zone, **changes)
    return window_of(found, at, watermark=watermark).start


def test_without_a_watermark_or_with_a_later_one_it_starts_at_the_tick_before():
    monday = utc("2026-05-11T07:00")

    assert since_last_run(monday) == utc("2026-05-04T07:00")
    assert since_last_run(monday, watermark=utc("2026-05-09T12:00")) == utc("2026-05-09T12:00")
    assert since_last_run(monday, watermark=monday) == utc("2026-05-04T07:00")
    assert since_last_run(utc("2026-05-11T08:30")) == monday  # by hand
    assert since_last_run(utc("2026-05-12T00:00"), effective_from="2026-05-11T20:00:00Z") == monday


def test_the_first_run_of_a_report_that_starts_on_a_day_covers_as_much_as_the_others():
    found = report(options={"period": {"type": "since-last-run"}, "startsOn": "2026-05-11", "endsOn": "2026-05-20"})

    assert window_of(found, utc("2026-05-11T07:00")).start == utc("2026-05-04T07:00")


@pytest.mark.parametrize(
    ("cron", "at", "before"),
    [
        ("0 9 * * *", "2026-03-30T07:00", "2026-03-29T07:00"),  # 24 hours after a day of 23
        ("30 2 * * *", "2026-03-30T00:30", "2026-03-29T01:00"),  # 02:30 did not exist
        ("0 * * 1 *", "2026-05-11T07:00", "2026-01-31T22:00"),
        ("0 9 29 2 *", "2026-05-11T07:00", "2024-02-29T08:00"),
    ],
)
def test_the_tick_before_is_found_however_far_back(cron, at, before):
    assert since_last_run(utc(at), cron_expression=cron) == utc(before)


def test_a_window_does_not_depend_on_the_hour_of_the_run():
    assert covered("last-7-days", at=utc("2026-05-10T00:00")) == covered("last-7-days", at=utc("2026-05-10T23:59"))


def test_days_are_those_of_the_reports_zone_however_far_from_utc():
    # It is 11 May, 01:00, on Kiritimati (+14), and 9 May, 19:00, on Hawaii (-10).
    east = covered("last-7-days", at=utc("2026-05-10T11:00"), zone="Pacific/Kiritimati")
    west = covered("last-7-days", at=utc("2026-05-10T05:00"), zone="Pacific/Honolulu")

    assert (east.first_day, east.last_day) == (date(2026, 5, 4), date(2026, 5, 10))
    assert (east.start, east.end) == (utc("2026-05-03T10:00"), utc("2026-05-10T10:00"))
    assert (west.first_day, west.last_day) == (date(2026, 5, 2), date(2026, 5, 8))
    assert (west.start, west.end) == (utc("2026-05-02T10:00"), utc("2026-05-09T10:00"))


@pytest.mark.parametrize(
    ("day", "zone", "start", "hours"),
    [
        ("2026-03-08", "America/New_York", "2026-03-08T05:00", 23),
        ("2026-11-01", "America/New_York", "2026-11-01T04:00", 25),
        ("2026-03-29", "Europe/Berlin", "2026-03-28T23:00", 23),
        ("2026-10-25", "Europe/Berlin", "2026-10-24T22:00", 25),
        ("2026-10-04", "Australia/Lord_Howe", "2026-10-03T13:30", 23.5),
        ("2026-04-05", "Australia/Lord_Howe", "2026-04-04T13:00", 24.5),
        ("2026-03-29", "Asia/Beirut", "2026-03-28T22:00", 23),  # begins at 01:00
        ("2025-11-02", "America/Havana", "2025-11-02T04:00", 25),  # has two midnights, and begins with the first
        ("2011-12-30", "Pacific/Apia", "2011-12-30T10:00", 0),  # does not exist
        ("2026-05-09", "Asia/Kathmandu", "2026-05-08T18:15", 24),
    ],
)
def test_a_day_is_as_long_as_it_was_there(day, zone, start, hours):
    found = custom(day, day, zone=zone)

    assert found.start == utc(start)
    assert found.end - found.start == timedelta(hours=hours)


def test_a_week_with_a_change_of_clocks_is_an_hour_short():
    found = covered("last-7-days", at=utc("2026-03-30T07:00"), zone="Europe/Berlin")

    assert (found.start, found.end) == (utc("2026-03-22T23:00"), utc("2026-03-29T22:00"))


moments = st.datetimes(datetime(1980, 1, 1), datetime(2036, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001
days = st.dates(date(1980, 1, 1), date(2036, 12, 31))
# Without `right/`, which has leap seconds: validation rejects it.  Filter keys, not zones: a filter tries hundreds of
# candidates for each example, and every zone is a file to read.
zones = st.timezone_keys().filter(lambda key: not key.startswith("right/")).map(ZoneInfo)


@given(st.sampled_from(ROLLING), moments, zones)
def test_a_window_is_half_open_over_whole_local_days_before_the_run(kind, moment, zone):
    found = window(DateRange(type=kind), moment, zone)

    assert found.previous_start < found.start < found.end <= moment
    for edge, day in ((found.start, found.first_day), (found.end, found.last_day + timedelta(days=1))):
        assert (edge - MICROSECOND).astimezone(zone).date() < day <= edge.astimezone(zone).date()


@given(st.sampled_from(TO_DATE), st.integers(0, 6), moments, zones)
def test_a_period_to_date_ends_at_the_run_and_the_one_before_ends_before_it_starts(kind, week_start, moment, zone):
    found = window(DateRange(type=kind, week_start=week_start), moment, zone)

    assert found.end == moment > found.start
    assert found.previous_start <= found.previous_end <= found.start
    assert (found.start - MICROSECOND).astimezone(zone).date() < found.start.astimezone(zone).date()


@given(days, zones)
def test_the_windows_of_days_that_follow_each_other_abut(day, zone):
    today, tomorrow = (
        window(DateRange(type="custom", start=one, end=one), SUNDAY_MORNING, zone)
        for one in (day, day + timedelta(days=1))
    )

    assert today.end == tomorrow.start
    assert tomorrow.previous_start == today.start


@given(moments, zones)
def test_weekly_windows_abut_so_that_no_moment_is_counted_twice_or_never(moment, zone):
    this_week = window(DateRange(type="last-7-days"), moment, zone)
    # At noon, because a week later by the clock of UTC may be another local day where clocks changed.
    noon = datetime.combine(this_week.last_day + timedelta(days=8), datetime.min.time(), zone) + timedelta(hours=12)
    next_week = window(DateRange(type="last-7-days"), noon.astimezone(UTC), zone)

    assert next_week.start == this_week.end
    assert next_week.previous_start == this_week.start
