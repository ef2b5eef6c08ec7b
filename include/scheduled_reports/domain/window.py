"""The period a run covers, half-open and derived only from its tick, the report's zone and where the last run ended.

Some periods are whole local days that are over; those "to date" and "since the last run" end at the tick itself.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

from .clock import midnight
from .run import Window

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from .report import DateRange, Report

_DAY = timedelta(days=1)


def window(period: DateRange, scheduled_for: datetime, zone: ZoneInfo, *, since: datetime | None = None) -> Window:
    """What *period* is for a run at *scheduled_for*; *since* is where `since-last-run` starts."""
    at = scheduled_for.astimezone(UTC)
    if period.type == "since-last-run":
        assert since is not None
        return _since(since.astimezone(UTC), at, zone)
    if period.type.endswith("-to-date"):
        return _to_date(period, at, zone)
    return _whole_days(*_days(period, at.astimezone(zone).date(), zone), zone)


def window_of(
    report: Report, scheduled_for: datetime, *, requested: DateRange | None = None, watermark: datetime | None = None
) -> Window:
    """What a run of *report* at *scheduled_for* covers; *requested* replaces the report's own period.

    `since-last-run` starts at *watermark*, until where successful runs have covered it; where there is none, or only a
    later one, at the tick before.
    """
    period = requested or report.date_range
    since = None
    if period.type == "since-last-run":
        is_before = watermark is not None and watermark < scheduled_for
        since = watermark if is_before else report.schedule.previous_before(scheduled_for)
    return window(period, scheduled_for, report.timezone, since=since)


def _since(start: datetime, end: datetime, zone: ZoneInfo) -> Window:
    """Everything after *start*, compared with an equally long time before it."""
    return Window(start=start, end=end, previous_start=start - (end - start), previous_end=start, zone=zone)


def _whole_days(first: date, end: date, previous: date, zone: ZoneInfo) -> Window:
    """Whole days, compared with those from *previous* until then."""
    start = midnight(first, zone)
    return Window(
        start=start, end=midnight(end, zone), previous_start=midnight(previous, zone), previous_end=start, zone=zone
    )


def _days(period: DateRange, today: date, zone: ZoneInfo) -> tuple[date, date, date]:
    """First day, the day after the last, and the first day of the period before."""
    match period.type:
        case "yesterday":
            first = _day_before(today, zone)
            return first, today, _day_before(first, zone)
        case "last-7-days":
            return _back(today, 7)
        case "last-30-days":
            return _back(today, 30)
        case "custom":
            assert period.start is not None
            assert period.end is not None
            end = period.end + _DAY
            return period.start, end, period.start - (end - period.start)
        case _:
            unit = period.type.removeprefix("last-")
            end = _begin(unit, today, period.week_start)
            first = _one_before(unit, end)
            return first, end, _one_before(unit, first)


def _to_date(period: DateRange, at: datetime, zone: ZoneInfo) -> Window:
    """From the first day of the week, month, quarter or year until *at*, compared with as much of the one before.

    At midnight of the first day nothing of it has passed: then it is the whole one before.
    """
    unit, local = period.type.removesuffix("-to-date"), at.astimezone(zone)
    first = _begin(unit, local.date(), period.week_start)
    previous, start = _one_before(unit, first), midnight(first, zone)
    if at == start:
        return _whole_days(previous, first, _one_before(unit, previous), zone)
    # As many days later at the same time of day; a shorter month is over before.
    same = datetime.combine(previous + (local.date() - first), local.time().replace(fold=0), zone).astimezone(UTC)
    return Window(
        start=start, end=at, previous_start=midnight(previous, zone), previous_end=min(same, start), zone=zone
    )


def _begin(unit: str, day: date, week_start: int) -> date:
    """The first day of the week, month, quarter or year of *day*."""
    match unit:
        case "week":
            return day - timedelta(days=(day.weekday() - week_start) % 7)
        case "month":
            return day.replace(day=1)
        case "quarter":
            return date(day.year, 3 * ((day.month - 1) // 3) + 1, 1)
        case _:
            return date(day.year, 1, 1)


def _one_before(unit: str, first: date) -> date:
    """The first day of the week, month, quarter or year before the one that begins with *first*."""
    if unit == "week":
        return first - timedelta(days=7)
    index = first.year * 12 + first.month - 1 - {"month": 1, "quarter": 3, "year": 12}[unit]
    return date(index // 12, index % 12 + 1, 1)


def _day_before(day: date, zone: ZoneInfo) -> date:
    """The last local day before *day* that there was; a zone that crosses the date line leaves one out."""
    before = day - _DAY
    while midnight(before, zone) == midnight(day, zone):
        before -= _DAY
    return before


def _back(today: date, days: int) -> tuple[date, date, date]:
    return today - timedelta(days=days), today, today - timedelta(days=2 * days)
