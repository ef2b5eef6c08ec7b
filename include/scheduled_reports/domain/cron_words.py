"""Say in English when a cron expression runs: "Mondays at 09:00", "Quarterly, on the 1st at 12:00"."""

from __future__ import annotations

import warnings
from functools import lru_cache

from .cron import Cron

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
EVERY_DAY, EVERY_WEEKDAY, EVERY_MONTH = frozenset(range(1, 32)), frozenset(range(7)), frozenset(range(1, 13))
QUARTERS = frozenset({1, 4, 7, 10})
#: A longer list of days, months or times is hard to read in one sentence.
LONGEST_LIST = 4


@lru_cache(maxsize=4096)
def words(expression: str) -> str:
    """Return the schedule in English, or the expression itself if there are no words for it."""
    try:
        cron = Cron.parse(expression)
    except ValueError:
        return _described(expression)
    return _common(cron) or _described(expression)


def _common(cron: Cron) -> str | None:
    """Return the words for the usual shapes of a schedule; None for others."""
    days, times = _days(cron), _times(cron)
    if days is None or times is None:
        return None
    if times.startswith("at "):
        return f"{days} {times}"
    if days == "Daily" and (len(cron.hours) == 24 or _is_even(cron)):
        return f"{times[0].upper()}{times[1:]}"
    return f"{days}, {times}"


def _days(cron: Cron) -> str | None:
    named_days, named_weekdays = cron.days != EVERY_DAY, cron.weekdays != EVERY_WEEKDAY
    if not cron.any_day and not (named_days and named_weekdays):  # either matches, and one of them names every day
        named_days = named_weekdays = False
    if named_days and named_weekdays:
        return None
    if named_days:
        return _of_month(cron)
    if cron.months != EVERY_MONTH:
        return None
    return _of_week(cron.weekdays) if named_weekdays else "Daily"


def _of_month(cron: Cron) -> str | None:
    days, months = sorted(cron.days), sorted(cron.months)
    if len(days) > LONGEST_LIST:
        return None
    named = _joined([_ordinal(day) for day in days])
    if cron.months == EVERY_MONTH:
        return f"Monthly, on the {named}"
    if cron.months == QUARTERS:
        return f"Quarterly, on the {named}"
    if len(days) == len(months) == 1:
        return f"Yearly, on {days[0]} {MONTHS[months[0] - 1]}"
    if len(months) > LONGEST_LIST:
        return None
    return f"On the {named} of {_joined([MONTHS[month - 1] for month in months])}"


def _of_week(weekdays: frozenset[int]) -> str:
    days = sorted((day - 1) % 7 for day in weekdays)  # Monday is 0
    if days == [0, 1, 2, 3, 4]:
        return "Weekdays"
    if days == [5, 6]:
        return "Weekends"
    if len(days) >= 3 and days[-1] - days[0] == len(days) - 1:
        return f"{WEEKDAYS[days[0]]} to {WEEKDAYS[days[-1]]}"
    return _joined([f"{WEEKDAYS[day]}s" for day in days])


def _times(cron: Cron) -> str | None:
    times = [f"{hour:02}:{cron.minute:02}" for hour in cron.hours]
    if len(times) == 24:
        return f"hourly, at :{cron.minute:02}"
    if _is_even(cron):
        return f"every {24 // len(times)} hours from {times[0]}"
    if len(times) <= LONGEST_LIST:
        return f"at {_joined(times)}"
    if cron.hours[-1] - cron.hours[0] == len(times) - 1:
        return f"hourly from {times[0]} to {times[-1]}"
    return None


def _is_even(cron: Cron) -> bool:
    """Return whether the hours are the same distance apart all day, beginning at midnight, and more than two."""
    count = len(cron.hours)
    return count > 2 and 24 % count == 0 and cron.hours == tuple(range(0, 24, 24 // count))


def _ordinal(number: int) -> str:
    if number in (11, 12, 13):
        return f"{number}th"
    ending = {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def _joined(parts: list[str]) -> str:
    return " and ".join(parts) if len(parts) < 3 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def _described(expression: str) -> str:
    from cron_descriptor import ExpressionDescriptor, Options  # noqa: PLC0415 - loads gettext; not for parsing

    with warnings.catch_warnings(action="ignore", category=UserWarning):  # about a system without a locale
        options = Options()
    options.locale_code = "en_US"
    options.use_24hour_time_format = True
    options.verbose = True
    try:
        return str(ExpressionDescriptor(expression, options).get_description())
    except Exception:  # it cannot read a list of steps, and no email may fail because of these words
        return expression
