"""The option `period`, which goes before `parameters.dateRange`, and the periods that a manual run may name."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any, get_args

from ..domain.report import DateRange, PeriodType
from .parameters import custom_range
from .validation import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .validation import Check

_TYPES: tuple[str, ...] = get_args(PeriodType)
#: The periods that need no dates.
NAMED_PERIODS = tuple(name for name in _TYPES if name != "custom")
_WITH_WEEKS = ("last-week", "week-to-date")
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_EXAMPLE = '{"type": "week-to-date", "weekStart": "monday"}'


def read_period(check: Check, options: Mapping[str, Any], otherwise: DateRange) -> DateRange:
    """The option `period`; *otherwise*, what the parameters say, if it is not set.  Every problem is noted."""
    value = options.get("period")
    if value is None:
        return otherwise
    if not isinstance(value, dict):
        check.add("options.period", value, f"is not a period; use an object such as {_EXAMPLE}")
        return otherwise
    given = {name: one for name, one in value.items() if one is not None}
    kind = given.get("type")
    if not isinstance(kind, str) or kind not in _TYPES:
        guess = did_you_mean(kind, _TYPES) if isinstance(kind, str) else ""
        check.add("options.period", kind, f"is not a type of period; choose from {', '.join(_TYPES)}{guess}")
        return otherwise
    _note_others(check, given, kind)
    if kind == "custom":
        return _custom(check, given) or otherwise
    named: Any = kind
    return DateRange(type=named, week_start=_week_start(check, given) if kind in _WITH_WEEKS else 0)


def parse_period(text: str, week_start: int = 0) -> DateRange:
    """A named period such as `last-7-days`, or `2026-05-01/2026-05-31`, both days included."""
    if text in NAMED_PERIODS:
        named: Any = text
        return DateRange(type=named, week_start=week_start if text in _WITH_WEEKS else 0)
    first, slash, last = text.partition("/")
    if not slash:
        guess = did_you_mean(text, NAMED_PERIODS)
        names = ", ".join(NAMED_PERIODS)
        raise ValueError(f"is not a period; use {names} or two days such as 2026-05-01/2026-05-31{guess}")
    try:
        return custom_range(date.fromisoformat(first), date.fromisoformat(last))
    except ValueError as error:
        raise ValueError(f"is not a period ({error}); use two days such as 2026-05-01/2026-05-31") from error


def _note_others(check: Check, given: Mapping[str, Any], kind: str) -> None:
    """Note the keys that a period of this type does not have."""
    used = ["type", *(["startDate", "endDate"] if kind == "custom" else ["weekStart"] if kind in _WITH_WEEKS else [])]
    for name in given:
        if name in ("startDate", "endDate") and name not in used:
            check.add("options.period", name, f"is not used by {kind}, only by custom; remove it")
        elif name == "weekStart" and name not in used:
            check.add("options.period", name, f"is not used by {kind}, only by {' and '.join(_WITH_WEEKS)}; remove it")
        elif name not in used:
            guess = did_you_mean(name, used)
            check.add("options.period", name, f"is not a key of {kind}; choose from {', '.join(used)}{guess}")


def _week_start(check: Check, given: Mapping[str, Any]) -> int:
    value = given.get("weekStart", _WEEKDAYS[0])
    if isinstance(value, str) and value in _WEEKDAYS:
        return _WEEKDAYS.index(value)
    guess = did_you_mean(value, _WEEKDAYS) if isinstance(value, str) else ""
    check.add("options.period", value, f"is not a weekStart; choose from {', '.join(_WEEKDAYS)}{guess}")
    return 0


def _custom(check: Check, given: Mapping[str, Any]) -> DateRange | None:
    dates = [given.get(name) for name in ("startDate", "endDate")]
    try:
        return custom_range(*map(_day, dates))
    except ValueError as error:
        reason = f"is not a custom period ({error}); set startDate and endDate to days such as 2026-05-01"
        check.add("options.period", dict(given), reason)
        return None


def _day(value: Any) -> date:
    if not isinstance(value, str) or len(value) != len("2026-05-01"):
        raise ValueError("both days are needed, as YYYY-MM-DD")
    return date.fromisoformat(value)
