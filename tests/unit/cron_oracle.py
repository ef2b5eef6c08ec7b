"""An independent cron implementation to test against: it checks every minute of a year and its wall-clock time.

It matches the five fields and applies the rules of daylight saving time.  It uses neither the product's code nor
croniter.
"""

from __future__ import annotations

from array import array
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import pairwise
from zoneinfo import ZoneInfo

MINUTE = timedelta(minutes=1)
DAY = 24 * 60
#: Days on both sides of the year, so that its first and last days are complete in every zone.
MARGIN = 2


@cache
class Year:
    """The minutes of a year in a zone; a wall-clock time is the number of minutes since 1 January of the year 1."""

    def __init__(self, zone: str, year: int) -> None:
        place = ZoneInfo(zone)
        self.begin = datetime(year, 1, 1, tzinfo=UTC) - timedelta(days=MARGIN)
        self.first = MARGIN * DAY
        self.end = (datetime(year + 1, 1, 1, tzinfo=UTC) - self.begin) // MINUTE
        self.walls = array("l")
        self.by_minute = [array("l") for _ in range(60)]  # indexes of the minutes that show :00, :01 …
        moment = self.begin.replace(tzinfo=place)
        for index in range(self.end + MARGIN * DAY):
            wall = place.fromutc(moment)
            self.walls.append(wall.toordinal() * DAY + wall.hour * 60 + wall.minute)
            self.by_minute[wall.minute].append(index)
            moment += MINUTE
        self.days = sorted({wall // DAY for wall in self.walls})
        neighbours = enumerate(pairwise(self.walls), start=1)
        #: Clock changes: the last wall-clock time before, the first one after, and the moment of the change.
        self.changes = [(before, after, index) for index, (before, after) in neighbours if after != before + 1]

    def first_showing(self, minute: int) -> dict[int, int]:
        """Map each wall-clock time with this minute to its first occurrence in the year."""
        shown: dict[int, int] = {}
        for index in self.by_minute[minute]:
            shown.setdefault(self.walls[index], index)
        return shown

    def end_of_gap(self, wall: int) -> set[int]:
        """Return the end of the gap that skips a wall-clock time; empty if it is outside the year."""
        return {index for before, after, index in self.changes if before < wall < after}


def ticks(expression: str, zone: str, year: int, named: set[int] | None = None) -> list[datetime]:
    """Return every moment of a UTC year at which the schedule runs, in order; *named* replaces the days it names."""
    clock = Year(zone, year)
    fields = expression.split()
    if named is None:
        named = {day for day in clock.days if names_day(fields, day)}
    find = _real_hours if fields[1].startswith("*") else _named_hours
    found = find(clock, fields, named)
    return [clock.begin + index * MINUTE for index in sorted(found) if clock.first <= index < clock.end]


def _real_hours(clock: Year, fields: list[str], days: set[int]) -> set[int]:
    """Return every minute whose wall-clock time matches the fields."""
    hours = {hour for hour in range(24) if matches(fields[1], hour, 0, 23)}
    return {
        index
        for index in clock.by_minute[int(fields[0])]
        if clock.walls[index] // DAY in days and clock.walls[index] % DAY // 60 in hours
    }


def _named_hours(clock: Year, fields: list[str], days: set[int]) -> set[int]:
    """Return one minute per matching day: the first with this wall-clock time, or the end of the gap that skips it."""
    shown = clock.first_showing(int(fields[0]))
    found: set[int] = set()
    for day in clock.days:
        if day not in days:
            continue
        for hour in range(24):
            if matches(fields[1], hour, 0, 23):
                wall = day * DAY + hour * 60 + int(fields[0])
                found |= {shown[wall]} if wall in shown else clock.end_of_gap(wall)
    return found


def names_day(fields: list[str], ordinal: int) -> bool:
    """Return whether the last three fields match a day."""
    day = date.fromordinal(ordinal)
    weekday = day.isoweekday()  # Sunday is 7 here; cron also writes it as 0
    in_month = matches(fields[2], day.day, 1, 31) or named_by_rule(fields[2], day)
    in_week = (
        matches(fields[4], weekday, 0, 7) or matches(fields[4], weekday % 7, 0, 7) or named_by_rule(fields[4], day)
    )
    both = fields[2].startswith("*") or fields[4].startswith("*")
    return matches(fields[3], day.month, 1, 12) and (in_month and in_week if both else in_month or in_week)


@cache
def matches(field: str, value: int, low: int, high: int) -> bool:
    """Return whether one field matches a value."""
    for part in field.split(","):
        if not set(part).isdisjoint("LW#"):
            continue
        span, _, step = part.partition("/")
        if span == "*":
            begin, end = low, high
        elif "-" in span:
            begin, end = (int(number) for number in span.split("-"))
        else:
            begin, end = int(span), high if step else int(span)
        if begin <= value <= end and (value - begin) % int(step or 1) == 0:
            return True
    return False


def named_by_rule(field: str, day: date) -> bool:
    """Return whether a rule in a day field names a day; each looks at the days around it, one by one."""
    return any(_rule_names(rule, day) for rule in _rules(field))


@cache
def _rules(field: str) -> list[str]:
    return [item for item in field.split(",") if not set(item).isdisjoint("LW#")]


def _rule_names(rule: str, day: date) -> bool:
    one = timedelta(days=1)
    if rule == "L":
        return (day + one).month != day.month
    if rule.endswith("W"):
        month = [date.fromordinal(day.toordinal() + shift) for shift in range(-31, 32)]
        month = [other for other in month if other.month == day.month and abs(other - day) < 31 * one]
        wanted = len(month) if rule == "LW" else int(rule[:-1])
        workdays = [other for other in month if other.isoweekday() <= 5]
        return wanted <= len(month) and day == min(workdays, key=lambda other: abs(other.day - wanted))
    if rule.endswith("L"):
        return day.isoweekday() % 7 == int(rule[:-1]) % 7 and (day + 7 * one).month != day.month
    if "#" in rule:
        weekday, which = map(int, rule.split("#"))
        return day.isoweekday() % 7 == weekday % 7 and (day.day + 6) // 7 == which
    return False
