"""Say in English when a cron expression runs: "Mondays at 09:00", "Quarterly, on the 1st at 12:00".

The words are made from the sets that the ticks are made from, so they cannot say something else: expressions with the
same ticks have the same words, and other ticks have other words.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from .cron import Cron

if TYPE_CHECKING:
    from collections.abc import Callable

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
#: The longest that each month can be.
LENGTHS = dict(enumerate((31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31), start=1))
EVERY_WEEKDAY, EVERY_MONTH = frozenset(range(7)), frozenset(range(1, 13))
QUARTERS = frozenset({1, 4, 7, 10})
#: A longer list of days or months is hard to read in one short sentence.
LONGEST_LIST = 4
#: So many neighbours are written as a range.
SHORTEST_RANGE = 3


@lru_cache(maxsize=4096)
def words(expression: str) -> str:
    """Return the schedule in English, or the expression itself if it is invalid."""
    try:
        cron = Cron.parse(expression)
    except ValueError:
        return expression
    dates, times = _Dates.of(cron), _times(cron)
    days = _short(dates)
    if days is None:
        return f"{_capitalized(times)}, {_long(dates)}"
    if times.startswith("at "):
        return f"{days} {times}"
    if days == "Daily" and (len(cron.hours) == 24 or _is_even(cron)):
        return _capitalized(times)
    return f"{days}, {times}"


@dataclass(frozen=True, slots=True)
class _Dates:
    """The dates of a schedule, written in one way only: None for every day, weekday or month."""

    days: frozenset[int] | None
    weekdays: frozenset[int] | None
    months: frozenset[int] | None
    both: bool  # whether the day of the month and the day of the week have to match, if both are named

    @classmethod
    def of(cls, cron: Cron) -> _Dates:
        weekdays = None if cron.weekdays == EVERY_WEEKDAY else cron.weekdays
        months = cron.months
        days = _within(cron.days, months)
        if not cron.any_day and (days is None or weekdays is None):  # either matches, and one names every day
            days = weekdays = None
        if not days:  # also days that none of these months has
            return cls(None, weekdays, None if months == EVERY_MONTH else months, both=True)
        if weekdays is not None and not cron.any_day:
            return cls(days, weekdays, None if months == EVERY_MONTH else months, both=False)
        possible = frozenset(month for month in EVERY_MONTH if LENGTHS[month] >= min(days))
        months &= possible
        return cls(_within(days, months), weekdays, None if months == possible else months, both=True)


def _within(days: frozenset[int], months: frozenset[int]) -> frozenset[int] | None:
    """Return the days that some of these months have; None for every day."""
    every = frozenset(range(1, _longest(months) + 1))
    return None if days >= every else days & every


def _longest(months: frozenset[int] | None) -> int:
    return max(LENGTHS[month] for month in months or EVERY_MONTH)


def _short(dates: _Dates) -> str | None:
    """Return the words for the usual dates, as the beginning of a sentence; None for others."""
    if dates.days is not None:
        return _of_month(sorted(dates.days), dates.months) if dates.weekdays is None else None
    if dates.months is not None:
        return None
    return "Daily" if dates.weekdays is None else _of_week(dates.weekdays)


def _of_month(days: list[int], months: frozenset[int] | None) -> str | None:
    if len(days) > LONGEST_LIST:
        return None
    named = _joined([_ordinal(day) for day in days])
    if months is None:
        return f"Monthly, on the {named}"
    if months == QUARTERS:
        return f"Quarterly, on the {named}"
    if len(days) == len(months) == 1:
        return f"Yearly, on {days[0]} {MONTHS[min(months) - 1]}"
    if len(months) > LONGEST_LIST:
        return None
    return f"On the {named} of {_joined([MONTHS[month - 1] for month in sorted(months)])}"


def _of_week(weekdays: frozenset[int]) -> str:
    days = _from_monday(weekdays)
    if days == [0, 1, 2, 3, 4]:
        return "Weekdays"
    if days == [5, 6]:
        return "Weekends"
    if _is_range(days):
        return f"{WEEKDAYS[days[0]]} to {WEEKDAYS[days[-1]]}"
    return _joined([f"{WEEKDAYS[day]}s" for day in days])


def _long(dates: _Dates) -> str:
    """Return the words for any dates, as the end of a sentence."""
    only = f", only in {_joined(_ranges(sorted(dates.months), _month))}" if dates.months is not None else ""
    if dates.days is None:
        return f"{_on(dates.weekdays)}{only}"
    day = _days_of_month(sorted(dates.days), _longest(dates.months))
    if dates.weekdays is None:
        return f"{day}{only}"
    weekdays = _from_monday(dates.weekdays)
    if dates.both:
        kind = "weekday" if weekdays == [0, 1, 2, 3, 4] else _joined([WEEKDAYS[one] for one in weekdays], "or")
        return f"{day}, if it is a {kind}{only}"
    return f"{day}, or on {_joined(_ranges(weekdays, WEEKDAYS.__getitem__))}{only}"


def _on(weekdays: frozenset[int] | None) -> str:
    if weekdays is None:
        return "every day"
    named = _of_week(weekdays)
    return f"on {named.lower() if named in ('Weekdays', 'Weekends') else named}"


def _days_of_month(days: list[int], longest: int) -> str:
    for first, kind in ((1, "odd"), (2, "even")):
        if days == list(range(first, longest + 1, 2)):
            return f"on {kind} days of the month"
    return f"on {'day' if len(days) == 1 else 'days'} {_joined(_ranges(days, str))} of the month"


def _times(cron: Cron) -> str:
    times = [f"{hour:02}:{cron.minute:02}" for hour in cron.hours]
    if len(times) == 24:
        return f"hourly, at :{cron.minute:02}"
    if _is_even(cron):
        return f"every {24 // len(times)} hours from {times[0]}"
    if len(times) > LONGEST_LIST and _is_range(list(cron.hours)):
        return f"hourly from {times[0]} to {times[-1]}"
    return f"at {_joined(times)}"


def _is_even(cron: Cron) -> bool:
    """Return whether the hours are the same distance apart all day, beginning at midnight, and more than two."""
    count = len(cron.hours)
    return count > 2 and 24 % count == 0 and cron.hours == tuple(range(0, 24, 24 // count))


def _from_monday(weekdays: frozenset[int]) -> list[int]:
    return sorted((day - 1) % 7 for day in weekdays)


def _is_range(numbers: list[int]) -> bool:
    return len(numbers) >= SHORTEST_RANGE and numbers[-1] - numbers[0] == len(numbers) - 1


def _ranges(numbers: list[int], name: Callable[[int], str]) -> list[str]:
    """Return the names of sorted numbers, with neighbours as one range."""
    groups: list[list[int]] = []
    for number in numbers:
        if groups and number == groups[-1][-1] + 1:
            groups[-1].append(number)
        else:
            groups.append([number])
    parts: list[str] = []
    for group in groups:
        parts += [f"{name(group[0])} to {name(group[-1])}"] if _is_range(group) else [name(one) for one in group]
    return parts


def _month(number: int) -> str:
    return MONTHS[number - 1]


def _ordinal(number: int) -> str:
    if number in (11, 12, 13):
        return f"{number}th"
    ending = {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def _joined(parts: list[str], last: str = "and") -> str:
    return f" {last} ".join(parts) if len(parts) < 3 else f"{', '.join(parts[:-1])} {last} {parts[-1]}"


def _capitalized(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}"
