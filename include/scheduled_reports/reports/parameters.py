"""The application's parameters column: which keys exist, which values each takes."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any, get_args

from ..domain.report import (
    DateRange,
    PeriodType,
)
from .types import custom_filters
from .validation import Check, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..domain.report_type import ReportType

#: What parameters.dateRange.type may be.
PERIODS: tuple[str, ...] = get_args(PeriodType)


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
    """Two inclusive days as a period; ValueError where they are not one."""
    if not 0 <= (last - first).days <= LONGEST_PERIOD_DAYS or not 1970 <= first.year <= last.year <= 9000:
        raise ValueError(f"the first day not after the last, and at most {LONGEST_PERIOD_DAYS} days")
    return DateRange(type="custom", start=first, end=last)


LEVELS = ("low", "medium", "high")


TASK_STATUSES = ("TODO", "IN_PROGRESS", "BLOCKED", "DONE", "CANCELLED")


MAX_DEPTH = 20


def read_object(check: Check, column: str, value: Any) -> Mapping[str, Any]:
    """A JSON object that whoever walks through it comes back from; an empty one where *value* is none."""
    if not isinstance(value, dict):
        check.add(column, value, "a JSON object")
        return {}
    level: list[Any] = [value]
    for _ in range(MAX_DEPTH):
        level = [
            inner
            for one in level
            for inner in (one.values() if isinstance(one, dict) else one if isinstance(one, list) else ())
        ]
    if level:
        check.add(column, "an object in an object in an object …", f"at most {MAX_DEPTH} levels")
        return {}
    return value


def read_date_range(check: Check, parameters: Mapping[str, Any]) -> DateRange:
    """`parameters.dateRange`; the last seven days where there is none."""
    value = parameters.get("dateRange")
    if value is None:
        return DateRange()
    allowed = f"an object with a type of {', '.join(PERIODS)}"
    if not isinstance(value, dict) or value.get("type") not in PERIODS:
        check.add("parameters.dateRange", value, allowed)
        return DateRange()
    if value["type"] != "custom":
        return DateRange(type=value["type"])
    try:
        # The application may send a day or a moment; the day is what was chosen.
        return custom_range(*(date.fromisoformat(str(value.get(name))[:10]) for name in ("startDate", "endDate")))
    except ValueError as error:
        check.add("parameters.dateRange", value, f"startDate and endDate as 2026-05-01: {error}")
        return DateRange()


def read_parameters(check: Check, parameters: Mapping[str, Any], kind: ReportType | None) -> Mapping[str, Any]:
    """The parameters that the report type's SQL may read, sorted by name; every problem is noted."""
    given = {name: value for name, value in parameters.items() if value not in (None, [], {}) and name != "dateRange"}
    for name, value in given.items():
        if name not in PARAMETERS:
            known = ("dateRange", *PARAMETERS)
            check.add(
                f"parameters.{name}", value, f"unknown{did_you_mean(name, known)}; allowed are {', '.join(known)}"
            )
        elif kind is not None and name not in kind.parameters and value is not False:
            uses = ", ".join(sorted(kind.parameters)) or "none but dateRange"
            check.add(f"parameters.{name}", value, f"not used by {kind.id}; it uses {uses}")
        elif allowed := _wrong_shape(PARAMETERS[name], value):
            check.add(f"parameters.{name}", value, allowed)
    if kind is not None and kind.sources:
        custom_filters.parse(check, kind.sources, given.get("customFilters"))
    return {name: given[name] for name in sorted(given)}


def _wrong_shape(shape: str, value: Any) -> str | None:
    """What is allowed, where *value* is not it."""
    texts = isinstance(value, list) and all(isinstance(item, str) and item for item in value)
    match shape:
        case "boolean":
            return None if isinstance(value, bool) else "true or false"
        case "ids":
            return None if texts else "a list of ids"
        case "statuses":
            fits = texts and all(item in TASK_STATUSES for item in value)
            return None if fits else f"a list of {', '.join(TASK_STATUSES)}"
        case "level":
            return None if value in LEVELS else f"one of {', '.join(LEVELS)}"
        case _:
            return None if isinstance(value, dict) else "a JSON object"
