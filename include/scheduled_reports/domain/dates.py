"""Dates, periods and time zones as people read them; CSV and JSON keep ISO 8601.

Names of days and months are spelled out here, since `strftime` takes them from the process's locale.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from .clock import is_midnight

if TYPE_CHECKING:
    from datetime import date, datetime
    from zoneinfo import ZoneInfo

_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def long_date(day: date) -> str:
    """Format a date with its weekday: `Mon 11 May 2026`."""
    return f"{_DAYS[day.weekday()]} {short_date(day)} {day.year}"


def long_time(moment: datetime, zone: str) -> str:
    """Format a moment: `Mon 11 May 2026, 09:00 (Berlin)`; *moment* must be in *zone*."""
    return f"{long_date(moment)}, {moment:%H:%M} ({city(zone)})"


def period(first: date, last: date) -> str:
    """Format whole days: `4\N{EN DASH}10 May 2026`, `27 Apr \N{EN DASH} 3 May 2026`, `Mon 4 May 2026`."""
    if first == last:
        return long_date(first)
    if first.year != last.year:
        return f"{short_date(first)} {first.year} \N{EN DASH} {short_date(last)} {last.year}"
    if first.month == last.month:
        return f"{first.day}\N{EN DASH}{short_date(last)} {last.year}"
    return f"{short_date(first)} \N{EN DASH} {short_date(last)} {last.year}"


def stretch(start: datetime, end: datetime, zone: ZoneInfo, *, beside: int | None = None) -> str:
    """Format the half-open time from *start* to *end*; its year is left out if it is that of the one *beside*.

    Whole days as `period` does, `1\N{EN DASH}11 May 2026, until 09:00` if it ends within a day, and otherwise
    `Mon 11 May 2026, 09:00 \N{EN DASH} Tue 12 May 2026, 09:00`.
    """
    first, last, until = _first_last_until(start, end, zone)
    if is_midnight(start, zone):
        days = period(first, last)
        if first.year == last.year == beside:
            days = days.removesuffix(f" {beside}")
        return days if is_midnight(end, zone) else f"{days}, until {until}"
    opens, closes = (
        long_date(day) if day.year != beside else long_date(day).removesuffix(f" {beside}") for day in (first, last)
    )
    closing = until if first == last else f"{closes}, {until}"
    return f"{opens}, {start.astimezone(zone):%H:%M} \N{EN DASH} {closing}"


def short_stretch(start: datetime, end: datetime, zone: ZoneInfo) -> str:
    """Format a time as `stretch` does, without weekdays and a repeated year where it begins within a day."""
    first, last, until = _first_last_until(start, end, zone)
    if is_midnight(start, zone):
        return stretch(start, end, zone)
    opens = short_date(first) if first.year == last.year else f"{short_date(first)} {first.year}"
    begin = f"{start.astimezone(zone):%H:%M}"
    if first == last:
        return f"{opens} {last.year}, {begin} \N{EN DASH} {until}"
    return f"{opens}, {begin} \N{EN DASH} {short_date(last)} {last.year}, {until}"


def _first_last_until(start: datetime, end: datetime, zone: ZoneInfo) -> tuple[date, date, str]:
    """The local days of the first and the last moment of a time, and when on the last one it ends."""
    first, last = start.astimezone(zone).date(), max(start, end - timedelta(microseconds=1)).astimezone(zone).date()
    return first, last, "24:00" if is_midnight(end, zone) else f"{end.astimezone(zone):%H:%M}"


def city(zone: str) -> str:
    """Shorten the name of an IANA time zone: `Berlin`, `New York`, `UTC`."""
    return zone.rpartition("/")[2].replace("_", " ")


def zone_time(zone: str) -> str:
    """Name the clock of a time zone: `Berlin time`, `UTC`."""
    name = city(zone)
    return name if name.isupper() else f"{name} time"


def short_date(day: date) -> str:
    """Format a date without its year: `11 May`."""
    return f"{day.day} {_MONTHS[day.month - 1]}"
