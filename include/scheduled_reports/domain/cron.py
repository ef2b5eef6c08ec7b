"""Five-field cron expressions in a time zone, with the daylight saving rules of Debian's cron.

An expression that names its hours fires once on each local day that exists: a time inside a gap fires at the first
valid minute after it, a time that occurs twice fires the first time.  An hour field that begins with ``*`` follows real
hours.  Source: cron(8) of Debian, section NOTES, "Daylight Saving Time and other time changes".
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

from croniter import croniter

from .problem import shown

if TYPE_CHECKING:
    from collections.abc import Iterator
    from zoneinfo import ZoneInfo

FIELDS = ("minute", "hour", "day of month", "month", "day of week")
MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
WEEKDAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
NAMES: tuple[tuple[str, ...], ...] = ((), (), (), MONTHS, WEEKDAYS)
RANGES = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
#: The range of values that `*` means.
EXPANDED = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 6))
# 29 February on a given weekday can be 40 years away (over 2100, which has no leap day).
HORIZON_YEARS = 41


@dataclass(frozen=True, slots=True)
class Cron:
    """A cron expression, its fields as sets; Sunday is 0."""

    expression: str
    minute: int
    hours: tuple[int, ...]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    real_hours: bool
    any_day: bool  # the day-of-month or the day-of-week field begins with *: both have to match, else either

    @classmethod
    def parse(cls, expression: str) -> Cron:
        """Read five fields; ValueError says what is wrong with the expression and what to do, as `Problem.reason`."""
        fields = expression.split()
        if len(fields) != len(FIELDS):
            raise ValueError("does not have five fields; write minute, hour, day of month, month and day of week")
        for position, text in enumerate(fields):
            _check_field(position, text)
        minutes, hours, days, months, weekdays = _expand(fields)
        if len(minutes) != 1:
            raise ValueError("runs more than once an hour; name exactly one minute in the minute field")
        cron = cls(
            expression=" ".join(fields),
            minute=min(minutes),
            hours=tuple(sorted(hours)),
            days=days,
            months=months,
            weekdays=weekdays,
            real_hours=fields[1].startswith("*"),
            any_day=fields[2].startswith("*") or fields[4].startswith("*"),
        )
        if next(cron._days(date(2000, 1, 1)), None) is None:
            raise ValueError("never runs; name a day that one of its months has")
        return cron

    def next_tick(self, after: datetime, zone: ZoneInfo) -> datetime:
        """The first tick strictly after *after*, in UTC."""
        return next(self.ticks(after, zone))

    def is_tick(self, moment: datetime, zone: ZoneInfo) -> bool:
        """Whether the expression names exactly this moment."""
        return self.next_tick(moment - datetime.resolution, zone) == moment

    def ticks(self, after: datetime, zone: ZoneInfo) -> Iterator[datetime]:
        """Every tick strictly after *after*, in UTC, in order."""
        last = after.astimezone(UTC)
        # A gap can move a tick of the day before past midnight, so start a day early.
        for day in self._days(last.astimezone(zone).date() - timedelta(days=1)):
            for tick in sorted(self._ticks_of(day, zone)):
                if tick > last:
                    last = tick
                    yield tick

    def _days(self, first: date) -> Iterator[date]:
        year, month = first.year, first.month
        while year <= min(first.year + HORIZON_YEARS, date.max.year - 1):
            if month in self.months:
                yield from (day for day in _month(year, month) if day >= first and self._includes(day))
            year, month = (year, month + 1) if month < 12 else (year + 1, 1)

    def _includes(self, day: date) -> bool:
        by_month, by_week = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        return (by_month and by_week) if self.any_day else (by_month or by_week)

    def _ticks_of(self, day: date, zone: ZoneInfo) -> set[datetime]:
        walls = [datetime.combine(day, time(hour, self.minute), zone) for hour in self.hours]
        if self.real_hours:
            return {moment.astimezone(UTC) for wall in walls for moment in _folds(wall) if _exists(moment)}
        if not _day_exists(day, zone):
            return set()
        return {_first_valid(wall) for wall in walls}


def jitter(report_id: str, window: timedelta) -> timedelta:
    """The delay of a report's ticks: whole seconds below *window*, always the same for the same report."""
    seconds = int(window.total_seconds())
    if not seconds:
        return timedelta()
    digest = hashlib.sha256(report_id.encode("utf-8", "surrogatepass")).digest()
    return timedelta(seconds=int.from_bytes(digest[:8]) % seconds)


def _check_field(position: int, text: str) -> None:
    name, (low, high) = FIELDS[position], RANGES[position]
    value = "|".join((r"\d{1,2}", *NAMES[position]))
    part = rf"(?:\*|(?:{value})(?:-(?:{value}))?)(?:/[1-9]\d?)?"
    if not re.fullmatch(rf"{part}(?:,{part})*", text, re.ASCII | re.IGNORECASE):
        names = " or names" if NAMES[position] else ""
        raise ValueError(f"has the {name} {shown(text)}; use numbers {low}-{high}{names}, *, ranges, /steps and commas")
    for item in text.split(","):
        numbers = [int(number) for number in re.findall(r"\d+", item.split("/")[0])]
        if any(not low <= number <= high for number in numbers) or any(a > b for a, b in pairwise(numbers)):
            raise ValueError(f"has the {name} {shown(item)}; use numbers {low}-{high} and ranges from low to high")


def _expand(fields: list[str]) -> list[frozenset[int]]:
    """The values of each field; Sunday is 0."""
    rewritten = " ".join(_for_croniter(position, text) for position, text in enumerate(fields))
    found, _ = croniter.expand(rewritten)
    return [
        frozenset(range(low, high + 1)) if "*" in values else frozenset(int(value) for value in values)
        for values, (low, high) in zip(found, EXPANDED, strict=True)
    ]


def _for_croniter(position: int, text: str) -> str:
    """Rewrite a field for croniter, which reads 5-5 as every value, and ends 5/2 on weekdays before 7."""
    high = RANGES[position][1]
    items = []
    for item in text.upper().split(","):
        span, slash, step = item.partition("/")
        first, dash, last = span.partition("-")
        if slash and not dash and span != "*":
            last = str(high)
        if last and _value(position, first) == _value(position, last):
            items.append(first)
        else:
            items.append(f"{first}-{last}{slash}{step}" if last else item)
    return ",".join(items)


def _value(position: int, text: str) -> int:
    return int(text) if text.isdigit() else RANGES[position][0] + NAMES[position].index(text)


def _month(year: int, month: int) -> Iterator[date]:
    day = date(year, month, 1)
    while day.month == month:
        yield day
        day += timedelta(days=1)


def _folds(wall: datetime) -> tuple[datetime, datetime]:
    return wall.replace(fold=0), wall.replace(fold=1)


def _exists(wall: datetime) -> bool:
    return wall.astimezone(UTC).astimezone(wall.tzinfo).replace(fold=0) == wall.replace(fold=0)


def _day_exists(day: date, zone: ZoneInfo) -> bool:
    midnight = datetime.combine(day, time(), zone)
    return _first_valid(midnight).astimezone(zone).date() == day


def _first_valid(wall: datetime) -> datetime:
    """The instant of *wall*: the first one if it occurs twice, the end of the gap if it does not occur."""
    first, second = (moment.astimezone(UTC) for moment in _folds(wall))
    if _exists(wall) or first <= second:
        return first
    # In a gap, fold=1 uses the offset after it, so the change is in (second, first].
    low, high = second, first
    after = high.astimezone(wall.tzinfo).utcoffset()
    while high - low > timedelta(minutes=1):
        middle = low + timedelta(minutes=(high - low) // timedelta(minutes=2))
        if middle.astimezone(wall.tzinfo).utcoffset() == after:
            high = middle
        else:
            low = middle
    return high
