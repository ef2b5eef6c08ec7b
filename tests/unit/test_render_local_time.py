"""Wall-clock times in a zone, compared with datetime's result for each moment."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.scheduled_reports.render.local_time import iso_text, wall_clock

ZONES = [
    "UTC", "Europe/Berlin", "America/New_York", "America/St_Johns", "Australia/Lord_Howe", "Asia/Kathmandu",
    "Pacific/Apia", "Africa/Casablanca", "Africa/Monrovia",
]  # fmt: skip
moments = st.datetimes(datetime(1850, 1, 1), datetime(2300, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - bounds


def timestamps(values, zone):
    return pa.array(values, pa.timestamp("us", tz=zone))


@given(st.sampled_from(ZONES), st.lists(st.none() | moments, max_size=8))
def test_a_column_is_converted_like_each_of_its_values(zone, values):
    local = [None if value is None else value.astimezone(ZoneInfo(zone)) for value in values]
    column = timestamps(values, zone)

    assert iso_text(column).to_pylist() == [None if one is None else one.isoformat() for one in local]
    assert wall_clock(column).to_pylist() == [None if one is None else one.replace(tzinfo=None) for one in local]


@pytest.mark.parametrize(
    ("zone", "utc", "expected"),
    [
        ("Europe/Berlin", datetime(2026, 3, 29, 0, 59, 59, tzinfo=UTC), "2026-03-29T01:59:59+01:00"),
        ("Europe/Berlin", datetime(2026, 3, 29, 1, 0, tzinfo=UTC), "2026-03-29T03:00:00+02:00"),
        ("Europe/Berlin", datetime(2040, 7, 1, 7, 0, tzinfo=UTC), "2040-07-01T09:00:00+02:00"),
        ("America/St_Johns", datetime(2006, 4, 2, 3, 30, 59, tzinfo=UTC), "2006-04-02T00:00:59-03:30"),
        ("America/St_Johns", datetime(2006, 4, 2, 3, 31, tzinfo=UTC), "2006-04-02T01:01:00-02:30"),
        ("Pacific/Apia", datetime(2011, 12, 30, 10, 0, tzinfo=UTC), "2011-12-31T00:00:00+14:00"),
    ],
)
def test_a_change_of_the_clocks_falls_on_its_second(zone, utc, expected):
    assert iso_text(timestamps([utc], zone)).to_pylist() == [expected]


def test_the_first_and_the_last_year_do_not_fail():
    ends = [datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, tzinfo=UTC)]

    assert iso_text(timestamps(ends, "UTC")).to_pylist() == ["0001-01-01T00:00:00+00:00", "9999-12-31T23:00:00+00:00"]
    assert iso_text(timestamps([], "Europe/Berlin")).to_pylist() == []
