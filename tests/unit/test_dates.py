"""Dates, periods and time zones in sentences, compared with texts written by hand."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from include.scheduled_reports.domain.dates import city, long_date, long_time, period, short_stretch, stretch, zone_time


def test_a_date_has_its_weekday_and_its_month_in_words():
    assert long_date(date(2026, 5, 11)) == "Mon 11 May 2026"
    assert long_date(date(2024, 2, 29)) == "Thu 29 Feb 2024"


def test_a_time_names_the_city_whose_clock_it_is():
    moment = datetime(2026, 5, 11, 9, 5, tzinfo=ZoneInfo("America/New_York"))

    assert long_time(moment, "America/New_York") == "Mon 11 May 2026, 09:05 (New York)"


@pytest.mark.parametrize(
    ("first", "last", "text"),
    [
        (date(2026, 5, 4), date(2026, 5, 10), "4\N{EN DASH}10 May 2026"),
        (date(2026, 4, 27), date(2026, 5, 3), "27 Apr \N{EN DASH} 3 May 2026"),
        (date(2025, 12, 29), date(2026, 1, 4), "29 Dec 2025 \N{EN DASH} 4 Jan 2026"),
        (date(2026, 5, 4), date(2026, 5, 4), "Mon 4 May 2026"),
    ],
)
def test_a_period_says_each_month_and_year_once(first, last, text):
    assert period(first, last) == text


BERLIN = ZoneInfo("Europe/Berlin")


def berlin(text):
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN).astimezone(UTC)


@pytest.mark.parametrize(
    ("start", "end", "text"),
    [
        ("2026-05-04", "2026-05-11", "4--10 May 2026"),
        ("2026-05-03", "2026-05-04", "Sun 3 May 2026"),
        ("2026-05-01", "2026-05-11T09:00", "1--11 May 2026, until 09:00"),
        ("2026-05-11", "2026-05-11T09:00", "Mon 11 May 2026, until 09:00"),
        ("2025-12-29", "2026-01-02T06:30", "29 Dec 2025 -- 2 Jan 2026, until 06:30"),
        ("2026-05-11T09:00", "2026-05-12T09:00", "Mon 11 May 2026, 09:00 -- Tue 12 May 2026, 09:00"),
        ("2026-05-11T09:00", "2026-05-11T10:00", "Mon 11 May 2026, 09:00 -- 10:00"),
        ("2026-05-11T23:00", "2026-05-12T00:00", "Mon 11 May 2026, 23:00 -- 24:00"),
    ],
)
def test_a_time_says_its_days_and_when_it_begins_or_ends_within_one(start, end, text):
    assert stretch(berlin(start), berlin(end), BERLIN) == text.replace("--", "\N{EN DASH}")


@pytest.mark.parametrize(
    ("start", "end", "text"),
    [
        ("2026-04-27", "2026-05-04", "27 Apr -- 3 May"),
        ("2026-05-03", "2026-05-04", "Sun 3 May"),
        ("2025-10-01", "2026-01-01", "1 Oct -- 31 Dec 2025"),
        ("2025-12-29", "2026-01-05", "29 Dec 2025 -- 4 Jan 2026"),
        ("2026-04-01", "2026-04-11T09:00", "1--11 Apr, until 09:00"),
        ("2026-05-10T09:00", "2026-05-11T09:00", "Sun 10 May, 09:00 -- Mon 11 May, 09:00"),
        ("2025-12-31T09:00", "2026-01-01T09:00", "Wed 31 Dec 2025, 09:00 -- Thu 1 Jan, 09:00"),
    ],
)
def test_a_time_beside_another_leaves_out_the_year_it_shares(start, end, text):
    assert stretch(berlin(start), berlin(end), BERLIN, beside=2026) == text.replace("--", "\N{EN DASH}")


@pytest.mark.parametrize(
    ("start", "end", "text"),
    [
        ("2026-05-04", "2026-05-11", "4--10 May 2026"),
        ("2026-05-01", "2026-05-11T09:00", "1--11 May 2026, until 09:00"),
        ("2026-05-11T09:00", "2026-05-12T09:00", "11 May, 09:00 -- 12 May 2026, 09:00"),
        ("2026-05-11T09:00", "2026-05-11T10:00", "11 May 2026, 09:00 -- 10:00"),
        ("2025-12-31T09:00", "2026-01-01T00:00", "31 Dec 2025, 09:00 -- 24:00"),
        ("2025-12-31T09:00", "2026-01-01T09:00", "31 Dec 2025, 09:00 -- 1 Jan 2026, 09:00"),
    ],
)
def test_a_subject_has_room_for_a_shorter_time(start, end, text):
    assert short_stretch(berlin(start), berlin(end), BERLIN) == text.replace("--", "\N{EN DASH}")


def test_a_day_without_midnight_is_a_whole_day():
    beirut = ZoneInfo("Asia/Beirut")  # 29 March 2026 begins at 01:00
    start, end = datetime(2026, 3, 28, 22, tzinfo=UTC), datetime(2026, 3, 29, 21, tzinfo=UTC)

    assert stretch(start, end, beirut) == "Sun 29 Mar 2026"


@pytest.mark.parametrize(
    ("zone", "name", "clock"),
    [
        ("Europe/Berlin", "Berlin", "Berlin time"),
        ("America/Argentina/Buenos_Aires", "Buenos Aires", "Buenos Aires time"),
        ("UTC", "UTC", "UTC"),
        ("Etc/UTC", "UTC", "UTC"),
        ("EST5EDT", "EST5EDT", "EST5EDT"),
    ],
)
def test_a_zone_is_called_by_its_city(zone, name, clock):
    assert (city(zone), zone_time(zone)) == (name, clock)
