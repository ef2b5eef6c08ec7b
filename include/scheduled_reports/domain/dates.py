"""Dates, periods and time zones as people read them; CSV and JSON keep ISO 8601.

Names of days and months are spelled out here, since `strftime` takes them from the process's locale.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from datetime import date, datetime

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


def earlier_period(first: date, last: date, year: int) -> str:
    """Format a period that stands beside one of *year*; its own year is left out if it is the same."""
    return period(first, last).removesuffix(f" {year}") if first.year == last.year else period(first, last)


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
