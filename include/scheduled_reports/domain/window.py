"""The period a run covers: whole local days in the report's zone, half-open, derived only from its tick."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

from .clock import midnight
from .run import Window

if TYPE_CHECKING:
    from datetime import datetime
    from zoneinfo import ZoneInfo

    from .report import DateRange


def window(period: DateRange, scheduled_for: datetime, zone: ZoneInfo) -> Window:
    """The days of *period* for a run at *scheduled_for*, and the start of the period before."""
    today = scheduled_for.astimezone(zone).date()
    first, end, previous = _days(period, today)
    return Window(
        start=midnight(first, zone),
        end=midnight(end, zone),
        previous_start=midnight(previous, zone),
        first_day=first,
        last_day=end - timedelta(days=1),
    )


def _days(period: DateRange, today: date) -> tuple[date, date, date]:
    """First day, the day after the last, and the first day of the period before."""
    match period.type:
        case "last-7-days":
            return _back(today, 7)
        case "last-30-days":
            return _back(today, 30)
        case "last-quarter":
            end = date(today.year, 3 * ((today.month - 1) // 3) + 1, 1)
            return _months_before(end, 3), end, _months_before(end, 6)
        case "last-year":
            return date(today.year - 1, 1, 1), date(today.year, 1, 1), date(today.year - 2, 1, 1)
        case "custom":
            assert period.start is not None
            assert period.end is not None
            end = period.end + timedelta(days=1)
            return period.start, end, period.start - (end - period.start)


def _back(today: date, days: int) -> tuple[date, date, date]:
    return today - timedelta(days=days), today, today - timedelta(days=2 * days)


def _months_before(first: date, months: int) -> date:
    index = first.year * 12 + first.month - 1 - months
    return date(index // 12, index % 12 + 1, 1)
