"""Local days and clock changes of a zone, against a second-by-second search and the rules of the zones."""

from __future__ import annotations

from bisect import bisect_right
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.scheduled_reports.domain.clock import clock_changes, local_days, midnight, offsets_since, parse_zone

ZONES = [
    "UTC", "Europe/Berlin", "CET", "MET", "EET", "WET", "EST", "MST", "HST", "EST5EDT", "America/New_York",
    "America/St_Johns", "America/Havana", "America/Sao_Paulo", "Asia/Kolkata", "Asia/Kathmandu", "Asia/Gaza",
    "Asia/Beirut", "Australia/Lord_Howe", "Pacific/Apia", "Pacific/Chatham", "Africa/Casablanca", "Africa/Monrovia",
]  # fmt: skip
zones = st.sampled_from(ZONES).map(ZoneInfo)


def days(zone, first, last):
    """Return the days from *first* to *last*, both included, with their beginnings."""
    zone = ZoneInfo(zone)
    end = midnight(last + timedelta(days=1), zone)
    return list(local_days(midnight(first, zone), end, zone))


def test_days_begin_at_local_midnight():
    assert days("Europe/Berlin", date(2026, 3, 28), date(2026, 3, 30)) == [
        (date(2026, 3, 28), datetime(2026, 3, 27, 23, tzinfo=UTC)),
        (date(2026, 3, 29), datetime(2026, 3, 28, 23, tzinfo=UTC)),  # 23 hours long
        (date(2026, 3, 30), datetime(2026, 3, 29, 22, tzinfo=UTC)),
    ]


def test_central_european_time_has_a_summer():
    assert days("CET", date(2026, 7, 13), date(2026, 7, 13)) == [
        (date(2026, 7, 13), datetime(2026, 7, 12, 22, tzinfo=UTC))
    ]


def test_a_day_that_a_zone_left_out_is_not_among_its_days():
    found = days("Pacific/Apia", date(2011, 12, 29), date(2011, 12, 31))

    assert [day for day, _ in found] == [date(2011, 12, 29), date(2011, 12, 31)]
    assert found[1][1] == datetime(2011, 12, 30, 10, tzinfo=UTC)


def test_a_day_without_midnight_begins_after_the_gap():
    (only,) = days("America/Sao_Paulo", date(2017, 10, 15), date(2017, 10, 15))

    assert only == (date(2017, 10, 15), datetime(2017, 10, 15, 3, tzinfo=UTC))  # 01:00, -02:00


def test_a_day_with_two_midnights_begins_at_the_first():
    (only,) = days("America/Havana", date(2025, 11, 2), date(2025, 11, 2))

    assert only == (date(2025, 11, 2), datetime(2025, 11, 2, 4, tzinfo=UTC))  # -04:00; an hour later it is 00:00 again


@given(zones, st.dates(date(1971, 1, 1), date(2090, 1, 1)), st.integers(1, 40))
def test_days_follow_each_other_and_each_begins_on_its_date(zone, first, count):
    start, end = midnight(first, zone), midnight(first + timedelta(days=count), zone)
    found = list(local_days(start, end, zone))

    begins = [begin for _, begin in found]
    assert begins == sorted(set(begins))
    if start < end:
        assert begins[0] == start
        assert begins[-1] < end
    assert all(begin.astimezone(zone).date() == day for day, begin in found)


@given(zones, st.datetimes(datetime(1900, 1, 2), datetime(2099, 12, 30), timezones=st.just(UTC)))  # noqa: DTZ001
def test_the_last_change_before_a_moment_has_its_offset(zone, moment):
    changes = clock_changes(zone)
    found = changes[max(bisect_right(changes, moment, key=lambda one: one.at), 1) - 1]

    assert found.offset == moment.astimezone(zone).utcoffset()


@given(zones, st.datetimes(datetime(1900, 1, 3), datetime(2099, 12, 29)))  # noqa: DTZ001
def test_a_reading_of_the_clock_is_the_moment_that_python_takes_it_for(zone, wall):
    changes = clock_changes(zone)
    readings = [one.wall.replace(tzinfo=None) for one in changes]
    offset = changes[max(bisect_right(readings, wall), 1) - 1].offset

    assert (wall - offset).replace(tzinfo=UTC) == wall.replace(tzinfo=zone).astimezone(UTC)


@pytest.mark.parametrize("key", ["Africa/Freetown", "America/Recife", "Asia/Gaza", "Europe/Vienna"])
def test_no_change_is_overlooked_where_two_follow_each_other_within_days(key):
    zone, moment, expected = ZoneInfo(key), datetime(1930, 1, 1, tzinfo=UTC), []
    before = moment.astimezone(zone).utcoffset()
    while moment < datetime(2060, 1, 1, tzinfo=UTC):
        moment += timedelta(days=1)
        after = moment.astimezone(zone).utcoffset()
        if after != before:
            expected.append((moment.date(), after))
        before = after

    found = [one for one in clock_changes(zone) if datetime(1930, 1, 1, tzinfo=UTC) < one.at <= moment]
    # Seen at the next midnight in UTC.
    assert [((one.at - timedelta(seconds=1)).date() + timedelta(days=1), one.offset) for one in found] == expected


def test_offsets_since_a_moment():
    since = datetime(1970, 1, 1, tzinfo=UTC)

    assert offsets_since(since, ZoneInfo("CET")) == {timedelta(hours=1), timedelta(hours=2)}
    assert offsets_since(since, ZoneInfo("Asia/Kolkata")) == {timedelta(hours=5, minutes=30)}


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "/", "Mars/Base", "Europe", "America/Argentina", "posix/UTC", "right/UTC", "localtime", "Factory",
     "posixrules", "tzdata.zi", "zone.tab", "../UTC", "/etc/passwd", "Europe/Berlin/", "Europe/Berlin ", "UTC\0",
     "x" * 5000, "\ud800", "CEST", "+02:00", "UTC+2"],
)  # fmt: skip
def test_what_is_not_a_zone_is_refused(name):
    with pytest.raises(ValueError, match=r"^is not an IANA time zone; use one such as Europe/Berlin$"):
        parse_zone(name)


def test_every_zone_of_the_database_is_taken():
    names = {name for name in available_timezones() if name not in {"localtime", "Factory", "posixrules"}}

    assert all(parse_zone(name).key == name for name in names)
