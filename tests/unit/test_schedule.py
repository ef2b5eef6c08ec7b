"""A schedule: a cron expression in a time zone, and the moment it becomes effective."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

import pytest

from include.scheduled_reports.domain.cron import Cron
from include.scheduled_reports.domain.schedule import Schedule

MONDAY = datetime(2026, 5, 11, 7, tzinfo=UTC)  # 09:00 in Berlin
WEEK, INSTANT = timedelta(days=7), timedelta.resolution
BEFORE_ALL = datetime(2000, 1, 1, tzinfo=UTC)


def mondays(effective_from=BEFORE_ALL):
    return Schedule(cron=Cron.parse("0 9 * * 1"), zone=ZoneInfo("Europe/Berlin"), effective_from=effective_from)


@pytest.mark.parametrize(
    ("effective_from", "after", "expected"),
    [
        (BEFORE_ALL, MONDAY - INSTANT, MONDAY),
        (BEFORE_ALL, MONDAY, MONDAY + WEEK),
        (MONDAY - INSTANT, BEFORE_ALL, MONDAY),
        (MONDAY, BEFORE_ALL, MONDAY + WEEK),
        (MONDAY + INSTANT, BEFORE_ALL, MONDAY + WEEK),
        (MONDAY, MONDAY + WEEK, MONDAY + 2 * WEEK),
    ],
)
def test_the_next_tick_comes_after_the_moment_and_after_the_schedule_became_effective(effective_from, after, expected):
    schedule = mondays(effective_from)

    assert schedule.next_after(after) == expected
    assert list(islice(schedule.ticks_after(after), 2)) == [expected, expected + WEEK]


def test_a_backfill_also_gets_ticks_from_before_the_schedule_became_effective():
    schedule = mondays(effective_from=MONDAY + 52 * WEEK)

    assert schedule.next_after(MONDAY - INSTANT, backfill=True) == MONDAY
    assert list(islice(schedule.ticks_after(MONDAY, backfill=True), 2)) == [MONDAY + WEEK, MONDAY + 2 * WEEK]


@pytest.mark.parametrize(
    ("effective_from", "moment", "expected"),
    [
        (BEFORE_ALL, MONDAY, True),
        (BEFORE_ALL, MONDAY + timedelta(hours=1), False),
        (MONDAY - INSTANT, MONDAY, True),
        (MONDAY, MONDAY, False),
        (MONDAY + INSTANT, MONDAY, False),
    ],
)
def test_only_a_tick_after_the_schedule_became_effective_is_one(effective_from, moment, expected):
    assert mondays(effective_from).is_tick(moment) is expected
