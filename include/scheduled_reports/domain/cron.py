"""Five-field cron expressions in a time zone, with the daylight saving rules of Debian's cron.

An expression that names its hours fires once on each local day that exists: a time inside a gap fires at the first
valid minute after it, a time that occurs twice fires the first time.  An hour field that begins with ``*`` follows real
hours.  Source: cron(8) of Debian, section NOTES, "Daylight Saving Time and other time changes".  The day fields also
know the rules of `day_rules`.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING

from croniter import croniter

from .day_rules import WEEKDAYS, DayRules, is_rule_of_month, is_rule_of_week, month_length, read_rules
from .problem import shown

if TYPE_CHECKING:
    from collections.abc import Iterator
    from zoneinfo import ZoneInfo

FIELDS = ("minute", "hour", "day of month", "month", "day of week")
MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
NAMES: tuple[tuple[str, ...], ...] = ((), (), (), MONTHS, WEEKDAYS)
RANGES = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
#: The range of values that `*` means.
EXPANDED = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 6))
#: What else each field may contain, for messages.
RULES = ("", "", ", L, LW and days such as 15W", "", ", and weekdays such as 5L and 5#2")
NO_RULES = DayRules()
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
    rules: DayRules = NO_RULES

    @classmethod
    @lru_cache(maxsize=5_000)  # many reports share few expressions, and reading one takes longer than the rest of a row
    def parse(cls, expression: str) -> Cron:
        """Read five fields; ValueError says what is wrong with the expression and what to do, as `Problem.reason`."""
        fields = expression.split()
        if len(fields) != len(FIELDS):
            raise ValueError("does not have five fields; write minute, hour, day of month, month and day of week")
        plain, rules = _without_rules(fields)
        for position, text in enumerate(plain):
            if text is not None:
                _check_field(position, text)
        minutes, hours, days, months, weekdays = _expand(plain)
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
            rules=rules,
        )
        if next(cron.days_from(date(2000, 1, 1)), None) is None:
            raise ValueError("never runs; name a day that one of its months has")
        return cron

    def ticks(self, after: datetime, zone: ZoneInfo) -> Iterator[datetime]:
        """Every tick strictly after *after*, in UTC, in order."""
        last = after.astimezone(UTC)
        # A gap can move a tick of the day before past midnight, so start a day early.
        for day in self.days_from(last.astimezone(zone).date() - timedelta(days=1)):
            for tick in sorted(self.ticks_of(day, zone)):
                if tick > last:
                    last = tick
                    yield tick

    def days_from(self, first: date) -> Iterator[date]:
        """Every day from *first* on that the expression names, in order."""
        year, month = first.year, first.month
        while year <= min(first.year + HORIZON_YEARS, date.max.year - 1):
            if month in self.months:
                yield from (day for day in self._days_of(year, month) if day >= first)
            year, month = (year, month + 1) if month < 12 else (year + 1, 1)

    def _days_of(self, year: int, month: int) -> Iterator[date]:
        days, also = self.days, frozenset[int]()
        if self.rules is not NO_RULES:
            days, also = days | self.rules.days(year, month), self.rules.weekdays(year, month)
        for number in range(1, month_length(year, month) + 1):
            day = date(year, month, number)
            by_month, by_week = number in days, day.isoweekday() % 7 in self.weekdays or number in also
            if (by_month and by_week) if self.any_day else (by_month or by_week):
                yield day

    def ticks_of(self, day: date, zone: ZoneInfo) -> set[datetime]:
        """The ticks of a local day, if the expression names it, in UTC."""
        walls = [datetime.combine(day, time(hour, self.minute), zone) for hour in self.hours]
        if self.real_hours:
            return {moment.astimezone(UTC) for wall in walls for moment in _folds(wall) if _exists(moment)}
        if not day_exists(day, zone):
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
        plain = "*, ranges, /steps, commas" if RULES[position] else "*, ranges, /steps and commas"
        raise ValueError(f"has the {name} {shown(text)}; use numbers {low}-{high}{names}, {plain}{RULES[position]}")
    for item in text.split(","):
        numbers = [int(number) for number in re.findall(r"\d+", item.split("/")[0])]
        if any(not low <= number <= high for number in numbers) or any(a > b for a, b in pairwise(numbers)):
            raise ValueError(f"has the {name} {shown(item)}; use numbers {low}-{high} and ranges from low to high")


def _without_rules(fields: list[str]) -> tuple[list[str | None], DayRules]:
    """The fields without the rules of the day fields, None for a field of rules only; and the rules."""
    if not (is_rule_of_month(fields[2]) or is_rule_of_week(fields[4])):
        return list(fields), NO_RULES
    of_month, of_week = fields[2].split(","), fields[4].split(",")
    rules = read_rules(filter(is_rule_of_month, of_month), filter(is_rule_of_week, of_week))
    days = [item for item in of_month if not is_rule_of_month(item)]
    weekdays = [item for item in of_week if not is_rule_of_week(item)]
    return [*fields[:2], ",".join(days) if days else None, fields[3], ",".join(weekdays) if weekdays else None], rules


def _expand(fields: list[str | None]) -> list[frozenset[int]]:
    """The values of each field; Sunday is 0.  A field of rules only has none."""
    rewritten = " ".join(_for_croniter(position, "*" if text is None else text) for position, text in enumerate(fields))
    found, _ = croniter.expand(rewritten)
    return [
        frozenset()
        if text is None
        else frozenset(range(low, high + 1))
        if "*" in values
        else frozenset(int(value) for value in values)
        for text, values, (low, high) in zip(fields, found, EXPANDED, strict=True)
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


def _folds(wall: datetime) -> tuple[datetime, datetime]:
    return wall.replace(fold=0), wall.replace(fold=1)


def _exists(wall: datetime) -> bool:
    return wall.astimezone(UTC).astimezone(wall.tzinfo).replace(fold=0) == wall.replace(fold=0)


def day_exists(day: date, zone: ZoneInfo) -> bool:
    """Whether the clocks of a zone did not skip the whole day."""
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
