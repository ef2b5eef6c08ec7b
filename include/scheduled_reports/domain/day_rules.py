"""Rules in the day fields of a cron expression that name a day by its place in the month: `L`, `LW`, `15W`, `5L`.

Weekdays are numbered as in cron: 0 and 7 are Sunday.  `W` looks at Monday to Friday, and only within the month.  A
month without the day that a rule names has no day for it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

from .problem import shown

if TYPE_CHECKING:
    from collections.abc import Iterable

#: The last day of a month, or its last Friday, counted as Python counts from the end.
LAST = -1
WEEK = 7
WEEKDAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_WEEKDAY = rf"([0-7]|{'|'.join(WEEKDAYS)})"


@dataclass(frozen=True, slots=True)
class DayRules:
    """The rules of both day fields."""

    last_day: bool = False
    #: Days of the month whose nearest weekday is named; LAST is the last day.
    nearest: frozenset[int] = frozenset()
    #: A weekday (Sunday is 0) and which one of the month, from 1 to 5 or LAST.
    nth: frozenset[tuple[int, int]] = frozenset()

    @property
    def of_month(self) -> bool:
        """Whether the day-of-month field has rules."""
        return self.last_day or bool(self.nearest)

    def days(self, year: int, month: int) -> frozenset[int]:
        """The days of a month that the rules of the day-of-month field name."""
        length = month_length(year, month)
        wanted = {length if day == LAST else day for day in self.nearest}
        named = {_nearest_weekday(date(year, month, day), length) for day in wanted if day <= length}
        return frozenset(named | {length} if self.last_day else named)

    def weekdays(self, year: int, month: int) -> frozenset[int]:
        """The days of a month that the rules of the day-of-week field name."""
        length = month_length(year, month)
        first = date(year, month, 1).isoweekday() % WEEK
        named = set()
        for weekday, which in self.nth:
            days = range(1 + (weekday - first) % WEEK, length + 1, WEEK)
            if which <= len(days):
                named.add(days[which if which == LAST else which - 1])
        return frozenset(named)


def read_rules(of_month: Iterable[str], of_week: Iterable[str]) -> DayRules:
    """The rules in the items of both fields, each of which `is_rule` says is one; ValueError says what is wrong."""
    days = [_read_day(item) for item in of_month]
    return DayRules(
        last_day=None in days,
        nearest=frozenset(day for day in days if day is not None),
        nth=frozenset(_read_weekday(item) for item in of_week),
    )


def is_rule_of_month(item: str) -> bool:
    """Whether an item of the day-of-month field is meant as a rule."""
    return bool(re.search(r"[LW#?]", item, re.IGNORECASE)) and not _is_name(item)


def is_rule_of_week(item: str) -> bool:
    """Whether an item of the day-of-week field is meant as a rule; names of weekdays contain W, but not L."""
    return bool(re.search(r"[L#?]|\dW$|^L?W$", item, re.IGNORECASE)) and not _is_name(item)


def month_length(year: int, month: int) -> int:
    """The number of days of a month."""
    following = date(year, month + 1, 1) if month < 12 else date(year + 1, 1, 1)
    return (following - timedelta(days=1)).day


def _is_name(item: str) -> bool:
    """Whether it is a name, of whatever field; `FRIL` is one with a rule."""
    text = item.upper()
    return bool(re.fullmatch(r"[A-Z]{3,}", text)) and not re.fullmatch(rf"{_WEEKDAY}L", text)


def _nearest_weekday(day: date, length: int) -> int:
    weekday = day.isoweekday()
    if weekday == 6:
        return day.day - 1 if day.day > 1 else day.day + 2
    if weekday == 7:
        return day.day + 1 if day.day < length else day.day - 2
    return day.day


def _read_day(item: str) -> int | None:
    """The day whose nearest weekday is named; None for the last day of the month."""
    text = item.upper()
    if text == "L":
        return None
    if text == "LW":
        return LAST
    if (found := re.fullmatch(r"(\d{1,2})W", text, re.ASCII)) and 1 <= int(found[1]) <= 31:
        return int(found[1])
    if text == "?":
        how = "write * for every day"
    elif re.match(r"L-", text):
        how = "days cannot be counted back from the last one; use L, LW or numbers 1-31"
    elif text.endswith("W"):
        how = "W follows one day from 1 to 31, such as 15W, or L"
    elif re.fullmatch(rf"{_WEEKDAY}(L|#.*)", text):
        how = "a rule such as 5L or 5#2 names a weekday; write it in the day of week, or L for the last day"
    else:
        how = "use L, LW or a day such as 15W"
    raise ValueError(f"has the day of month {shown(item)}; {how}")


def _read_weekday(item: str) -> tuple[int, int]:
    text = item.upper()
    if found := re.fullmatch(rf"{_WEEKDAY}(?:L|#([1-5]))", text):
        return _number(found[1]), int(found[2]) if found[2] else LAST
    if text == "?":
        how = "write * for every day"
    elif text == "L":
        how = "say which weekday, such as 5L for the last Friday"
    elif text.endswith("W"):
        how = "W belongs to the day of month, such as 15W or LW"
    elif re.fullmatch(rf"{_WEEKDAY}#.*", text):
        how = "# is followed by a number from 1 to 5, such as 5#2 for the second Friday"
    else:
        how = "L and # follow one weekday, 0-7 or a name, such as 5L or 5#2"
    raise ValueError(f"has the day of week {shown(item)}; {how}")


def _number(weekday: str) -> int:
    return int(weekday) % WEEK if weekday.isdigit() else WEEKDAYS.index(weekday)
