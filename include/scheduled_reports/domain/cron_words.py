"""Say in English when a cron expression runs: "Mondays at 09:00", "Quarterly, on the 1st at 12:00".

The words are made from the sets that the ticks are made from, so they cannot say something else: expressions with other
ticks have other words.  Those with the same ticks have the same words, unless only one of them uses a rule such as `L`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from .cron import Cron
from .day_rules import LAST, DayRules

if TYPE_CHECKING:
    from collections.abc import Callable

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
#: The longest that each month can be.
LENGTHS = dict(enumerate((31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31), start=1))
WHICH = {1: "first", 2: "second", 3: "third", 4: "fourth", 5: "fifth", LAST: "last"}
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
    rules: DayRules  # those that add something

    @classmethod
    def of(cls, cron: Cron) -> _Dates:
        weekdays = None if cron.weekdays == EVERY_WEEKDAY else cron.weekdays
        months = cron.months
        days = _within(cron.days, months)
        if not cron.any_day and (days is None or weekdays is None):  # either matches, and one names every day
            days = weekdays = None
        rules = _needed(cron.rules, days, weekdays, months)
        if not days and not rules.of_month:  # also days that none of these months has
            return cls(None, weekdays, None if months == EVERY_MONTH else months, both=True, rules=rules)
        if weekdays is not None and not cron.any_day:
            return cls(days, weekdays, None if months == EVERY_MONTH else months, both=False, rules=rules)
        earliest = min({*(days or ()), *(max(day, 1) for day in rules.nearest), *([1] if rules.last_day else ())})
        possible = frozenset(month for month in EVERY_MONTH if LENGTHS[month] >= earliest)
        months &= possible
        return cls(
            _within(days or frozenset(), months),
            weekdays,
            None if months == possible else months,
            both=True,
            rules=rules,
        )

    @property
    def names_days(self) -> bool:
        """Whether days of the month are named."""
        return self.days is not None or self.rules.of_month


def _needed(
    rules: DayRules, days: frozenset[int] | None, weekdays: frozenset[int] | None, months: frozenset[int]
) -> DayRules:
    """Return the rules that name days which the plain values of their field do not."""
    nearest = frozenset(day for day in rules.nearest if day <= _longest(months))
    return DayRules(
        last_day=rules.last_day and days is not None,
        nearest=nearest if days is not None else frozenset(),
        nth=frozenset(one for one in rules.nth if weekdays is not None and one[0] not in weekdays),
    )


def _within(days: frozenset[int], months: frozenset[int]) -> frozenset[int] | None:
    """Return the days that some of these months have; None for every day."""
    every = frozenset(range(1, _longest(months) + 1))
    return None if days >= every else days & every


def _longest(months: frozenset[int] | None) -> int:
    return max(LENGTHS[month] for month in months or EVERY_MONTH)


def _short(dates: _Dates) -> str | None:
    """Return the words for the usual dates, as the beginning of a sentence; None for others."""
    if dates.names_days:
        return _of_month(sorted(dates.days or ()), dates.rules, dates.months) if dates.weekdays is None else None
    if dates.rules.nth:
        return None if dates.weekdays else _of_months([f"the {name}" for name in _nth_names(dates.rules)], dates.months)
    if dates.months is not None:
        return None
    return "Daily" if dates.weekdays is None else _of_week(dates.weekdays)


def _of_month(days: list[int], rules: DayRules, months: frozenset[int] | None) -> str | None:
    if rules.of_month:
        return _of_months([*(f"the {_ordinal(day)}" for day in days), *_rule_names(rules)], months)
    if len(days) > LONGEST_LIST:
        return None
    if len(days) == len(months or ()) == 1:
        return f"Yearly, on {days[0]} {_joined(_months(months))}"
    return _of_months([f"the {_joined([_ordinal(day) for day in days])}"], months)


def _of_months(named: list[str], months: frozenset[int] | None) -> str | None:
    """Return the words for days that are named by their place in a month; None for long lists."""
    days = _joined(named)
    if len(named) > LONGEST_LIST or (months != QUARTERS and len(months or ()) > LONGEST_LIST):
        return None
    if months is None:
        return f"Monthly, on {days}"
    return f"Quarterly, on {days}" if months == QUARTERS else f"On {days} of {_joined(_months(months))}"


def _rule_names(rules: DayRules) -> list[str]:
    """Return the names of the rules of the day-of-month field."""
    named = [f"the weekday nearest the {_ordinal(day)}" for day in sorted(rules.nearest - {LAST})]
    if LAST in rules.nearest:
        named.append("the last weekday")
    return [*named, "the last day"] if rules.last_day else named


def _nth_names(rules: DayRules) -> list[str]:
    """Return the names of the rules of the day-of-week field, in the order of the month."""
    order = sorted(rules.nth, key=lambda one: (one[1] == LAST, one[1], (one[0] - 1) % 7))
    return [f"{WHICH[which]} {WEEKDAYS[(weekday - 1) % 7]}" for weekday, which in order]


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
    nth = [f"the {name} of the month" for name in _nth_names(dates.rules)]
    if not dates.names_days:
        return f"{_on(dates.weekdays, nth)}{only}"
    day = _days_of_month(sorted(dates.days or ()), dates.rules, _longest(dates.months))
    if dates.weekdays is None:
        return f"{day}{only}"
    weekdays = _from_monday(dates.weekdays)
    if dates.both:
        kind = "weekday" if weekdays == [0, 1, 2, 3, 4] else _joined([WEEKDAYS[one] for one in weekdays], "or")
        return f"{day}, if it is {_joined([*([f'a {kind}'] if kind else []), *nth], 'or')}{only}"
    return f"{day}, or on {_joined([*_ranges(weekdays, WEEKDAYS.__getitem__), *nth])}{only}"


def _on(weekdays: frozenset[int] | None, nth: list[str]) -> str:
    if weekdays is None:
        return "every day"
    if nth:
        return f"on {_joined([*(f'{WEEKDAYS[day]}s' for day in _from_monday(weekdays)), *nth])}"
    named = _of_week(weekdays)
    return f"on {named.lower() if named in ('Weekdays', 'Weekends') else named}"


def _days_of_month(days: list[int], rules: DayRules, longest: int) -> str:
    named = [f"on {_joined(_rule_names(rules))}"] if rules.of_month else []
    if days:
        named.insert(0, _plain_days(days, longest))
    return f"{_joined(named)} of the month"


def _plain_days(days: list[int], longest: int) -> str:
    for first, kind in ((1, "odd"), (2, "even")):
        if days == list(range(first, longest + 1, 2)):
            return f"on {kind} days"
    return f"on {'day' if len(days) == 1 else 'days'} {_joined(_ranges(days, str))}"


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


def _months(numbers: frozenset[int] | None) -> list[str]:
    return [_month(number) for number in sorted(numbers or ())]


def _ordinal(number: int) -> str:
    if number in (11, 12, 13):
        return f"{number}th"
    ending = {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def _joined(parts: list[str], last: str = "and") -> str:
    return f" {last} ".join(parts) if len(parts) < 3 else f"{', '.join(parts[:-1])} {last} {parts[-1]}"


def _capitalized(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}"
