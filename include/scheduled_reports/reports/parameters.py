"""The application's parameters column: which keys exist, and which values each accepts."""

from __future__ import annotations

import math
from datetime import date
from typing import TYPE_CHECKING, Any, get_args

from ..domain.report import DateRange, RangeType
from .types import custom_filters

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..domain.report_type import ReportType
    from .validation import Check

#: What parameters.dateRange.type may be.
PERIODS: tuple[str, ...] = get_args(RangeType)


#: The application's parameters besides dateRange, and the shape of each.
PARAMETERS: Mapping[str, str] = {
    "includeArchived": "boolean",
    "channelIds": "ids",
    "userIds": "ids",
    "taskStatuses": "statuses",
    "workflowIds": "ids",
    "minActivityLevel": "level",
    "customFilters": "object",
}


LONGEST_PERIOD_DAYS = 3_660


def custom_range(first: date, last: date) -> DateRange:
    """The period from *first* to *last*, both included; ValueError if it is not a valid one."""
    if not 0 <= (last - first).days <= LONGEST_PERIOD_DAYS or not 1970 <= first.year <= last.year <= 9000:
        raise ValueError(f"the first day must not be after the last, and at most {LONGEST_PERIOD_DAYS} days before it")
    return DateRange(type="custom", start=first, end=last)


LEVELS = ("low", "medium", "high")


TASK_STATUSES = ("TODO", "IN_PROGRESS", "BLOCKED", "DONE", "CANCELLED")


MAX_DEPTH = 20
#: Characters of the whole column as JSON.
LONGEST_TEXT = 1_000_000


def read_object(check: Check, column: str, value: Any) -> Mapping[str, Any]:
    """*value* if it is a JSON object of at most MAX_DEPTH levels, otherwise an empty one; every problem is noted."""
    if isinstance(value, str) and len(value) > LONGEST_TEXT:
        check.add(column, value, f"is too long; use at most {LONGEST_TEXT} characters")
        return {}
    if not isinstance(value, dict):
        check.add(column, value, "is not a JSON object; use one such as {}")
        return {}
    level: list[Any] = [value]
    for _ in range(MAX_DEPTH):
        level = [
            inner
            for one in level
            for inner in (one.values() if isinstance(one, dict) else one if isinstance(one, list) else ())
        ]
    if level:
        check.add(column, "an object", f"has more than {MAX_DEPTH} levels; nest it less deeply")
        return {}
    return value


def read_date_range(check: Check, parameters: Mapping[str, Any]) -> DateRange:
    """`parameters.dateRange`; the last seven days by default."""
    value = parameters.get("dateRange")
    if value is None:
        return DateRange()
    if not isinstance(value, dict) or value.get("type") not in PERIODS:
        reason = f"is not a period; use an object whose type is one of {', '.join(PERIODS)}"
        check.add("parameters.dateRange", value, reason)
        return DateRange()
    if value["type"] != "custom":
        return DateRange(type=value["type"])
    try:
        # The application may send a day or a moment; the day is what was chosen.
        return custom_range(*(date.fromisoformat(str(value.get(name))[:10]) for name in ("startDate", "endDate")))
    except ValueError as error:
        reason = f"is not a custom period ({error}); set startDate and endDate to days such as 2026-05-01"
        check.add("parameters.dateRange", value, reason)
        return DateRange()


def read_parameters(check: Check, parameters: Mapping[str, Any], kind: ReportType | None) -> Mapping[str, Any]:
    """The parameters that the report type's SQL may read, sorted by name; every problem is noted."""
    given = {name: value for name, value in parameters.items() if value not in (None, [], {}) and name != "dateRange"}
    for name, value in given.items():
        if name not in PARAMETERS:
            check.unknown(f"parameters.{name}", name, "parameter", ("dateRange", *PARAMETERS))
        elif kind is not None and name not in kind.parameters and value is not False:
            uses = ", ".join(sorted(kind.parameters)) or "only dateRange"
            check.add(f"parameters.{name}", value, f"is not used by {kind.id}; remove it, this type uses {uses}")
        elif reason := _wrong_shape(PARAMETERS[name], value):
            check.add(f"parameters.{name}", value, reason)
    if kind is not None and kind.sources:
        custom_filters.parse(check, kind.sources, given.get("customFilters"))
    if not check.problems and _has_infinite(given):
        check.add("parameters", "a number", "is larger than 1.7e308, the largest that can be used; use a smaller one")
    return {name: given[name] for name in sorted(given)}


def usable_parameters(value: Any) -> dict[str, Any]:
    """The parameters in *value* that have the right shape, for a form; a row may hold anything."""
    given = value if isinstance(value, dict) else {}
    usable = {
        name: given[name]
        for name, shape in PARAMETERS.items()
        if name in given and not _wrong_shape(shape, given[name])
    }
    period = given.get("dateRange")
    if isinstance(period, dict) and all(isinstance(part, str) for part in period.values()):
        usable["dateRange"] = period
    return usable


def _has_infinite(value: Any) -> bool:
    if isinstance(value, dict):
        return any(map(_has_infinite, value.values()))
    if isinstance(value, list):
        return any(map(_has_infinite, value))
    return isinstance(value, float) and not math.isfinite(value)


def _wrong_shape(shape: str, value: Any) -> str | None:
    """Why *value* does not have *shape*; None if it has."""
    texts = isinstance(value, list) and all(isinstance(item, str) and item for item in value)
    match shape:
        case "boolean":
            return None if isinstance(value, bool) else "is not a boolean; use true or false"
        case "ids":
            return None if texts else 'is not a list of ids; use one such as ["c1", "c2"]'
        case "statuses":
            fits = texts and all(item in TASK_STATUSES for item in value)
            return None if fits else f"is not a list of task statuses; choose from {', '.join(TASK_STATUSES)}"
        case "level":
            return None if value in LEVELS else f"is not an activity level; choose from {', '.join(LEVELS)}"
        case _:
            return None if isinstance(value, dict) else "is not a JSON object; use one such as {}"
