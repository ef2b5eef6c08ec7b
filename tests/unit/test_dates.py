"""Dates, periods and time zones in sentences, compared with texts written by hand."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest

from include.scheduled_reports.domain.dates import city, earlier_period, long_date, long_time, period, zone_time


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


@pytest.mark.parametrize(
    ("first", "last", "text"),
    [
        (date(2026, 4, 27), date(2026, 5, 3), "27 Apr \N{EN DASH} 3 May"),
        (date(2026, 5, 3), date(2026, 5, 3), "Sun 3 May"),
        (date(2025, 10, 1), date(2025, 12, 31), "1 Oct \N{EN DASH} 31 Dec 2025"),
        (date(2025, 12, 29), date(2026, 1, 4), "29 Dec 2025 \N{EN DASH} 4 Jan 2026"),
    ],
)
def test_an_earlier_period_leaves_out_the_year_it_shares(first, last, text):
    assert earlier_period(first, last, 2026) == text


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
