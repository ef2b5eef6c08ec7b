"""Times in ISO 8601, as the API and the command line read them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from include.scheduled_reports.domain.moment import parse_moment


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-05-11T09:00:00Z", datetime(2026, 5, 11, 9, tzinfo=UTC)),
        ("2026-05-11T09:00:00+02:00", datetime(2026, 5, 11, 7, tzinfo=UTC)),
        ("2026-05-11T09:00:00.125", datetime(2026, 5, 11, 9, 0, 0, 125_000, tzinfo=UTC)),
        ("2026-05-11", datetime(2026, 5, 11, tzinfo=UTC)),
        ("1971-01-01", datetime(1971, 1, 1, tzinfo=UTC)),
        ("8000-12-31", datetime(8000, 12, 31, tzinfo=UTC)),
    ],
)
def test_a_time_is_read_in_utc_unless_it_has_an_offset(text, expected):
    assert (parse_moment(text), parse_moment(text).tzinfo) == (expected, UTC)


@pytest.mark.parametrize("text", ["", "tomorrow", "2026-02-30", "2026-05-11T25:00", "0001-01-01T00:00:00+14:00"])
def test_other_text_is_refused_with_an_example(text):
    with pytest.raises(ValueError, match="is not an ISO 8601 time; use one such as 2026-05-11T09:00:00Z"):
        parse_moment(text)


@pytest.mark.parametrize("text", ["1970-12-31T23:59:59Z", "8001-01-01", "1971-01-01T00:00:00+01:00"])
def test_a_year_that_no_run_can_have_is_refused(text):
    with pytest.raises(ValueError, match="outside the years 1971 to 8000"):
        parse_moment(text)
