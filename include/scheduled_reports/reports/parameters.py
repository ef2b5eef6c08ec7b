"""The parameters of a report: the application's in its column, those that a report type declares in the options."""

from __future__ import annotations

import math
from datetime import date
from typing import TYPE_CHECKING, Any, get_args

from ..domain.parameter import ApplicationParameter
from ..domain.report import DateRange, RangeType
from .parameter_values import allowed, check_value, fits
from .types import custom_filters

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..domain.parameter import Parameter
    from ..domain.report_type import ReportType
    from .validation import Check

#: What parameters.dateRange.type may be.
PERIODS: tuple[str, ...] = get_args(RangeType)


LEVELS = ("low", "medium", "high")


TASK_STATUSES = ("TODO", "IN_PROGRESS", "BLOCKED", "DONE", "CANCELLED")


#: The application's parameters besides dateRange; a `report.yaml` names those that its SQL reads.
PARAMETERS: Mapping[str, Parameter] = {
    one.name: one
    for one in (
        ApplicationParameter(name="includeArchived", title="Include archived channels", type="boolean"),
        ApplicationParameter(name="channelIds", title="Channels", type="text", many=True),
        ApplicationParameter(name="userIds", title="People", type="text", many=True),
        ApplicationParameter(
            name="taskStatuses",
            title="Task statuses",
            type="choice",
            many=True,
            values=TASK_STATUSES,
            titles={one: one.replace("_", " ").lower() for one in TASK_STATUSES},
        ),
        ApplicationParameter(name="workflowIds", title="Workflows", type="text", many=True),
        ApplicationParameter(name="minActivityLevel", title="Minimum activity", type="choice", values=LEVELS),
        ApplicationParameter(name="customFilters", title="Tables and filters (JSON)", type="object"),
    )
}


LONGEST_PERIOD_DAYS = 3_660


def custom_range(first: date, last: date) -> DateRange:
    """The period from *first* to *last*, both included; ValueError if it is not a valid one."""
    if not 0 <= (last - first).days <= LONGEST_PERIOD_DAYS or not 1970 <= first.year <= last.year <= 9000:
        raise ValueError(f"the first day must not be after the last, and at most {LONGEST_PERIOD_DAYS} days before it")
    return DateRange(type="custom", start=first, end=last)


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


def read_parameters(
    check: Check, parameters: Mapping[str, Any], options: Mapping[str, Any], kind: ReportType | None
) -> Mapping[str, Any]:
    """The parameters that the report type's SQL may read, sorted by name; every problem is noted."""
    found = {**_application_parameters(check, parameters, kind), **_own_parameters(check, options, kind)}
    return {name: found[name] for name in sorted(found)}


def _application_parameters(check: Check, parameters: Mapping[str, Any], kind: ReportType | None) -> dict[str, Any]:
    given = {name: value for name, value in parameters.items() if not _is_empty(value) and name != "dateRange"}
    known = {one.name: one for one in kind.parameters.values() if not one.is_own} if kind else PARAMETERS
    for name, value in given.items():
        if kind is not None and name in kind.parameters and name not in known:
            check.add(f"parameters.{name}", value, f"is at the wrong place; send it as options.parameters.{name}")
        elif name not in PARAMETERS:
            check.unknown(f"parameters.{name}", name, "parameter", ("dateRange", *PARAMETERS))
        elif kind is not None and name not in known and value is not False:
            uses = ", ".join(sorted(known)) or "only dateRange"
            check.add(f"parameters.{name}", value, f"is not used by {kind.id}; remove it, this type uses {uses}")
        else:
            check_value(check, PARAMETERS[name], value)
    if kind is not None and kind.sources:
        custom_filters.parse(check, kind.sources, given.get("customFilters"))
    if not check.problems and _has_infinite(given):
        check.add("parameters", "a number", "is larger than 1.7e308, the largest that can be used; use a smaller one")
    return given


def _own_parameters(check: Check, options: Mapping[str, Any], kind: ReportType | None) -> dict[str, Any]:
    """The values of the parameters that the type declares, with the defaults of those that the report does not set."""
    value = options.get("parameters")
    if value is not None and not isinstance(value, dict):
        check.add("options.parameters", value, "is not a JSON object; use one such as {}")
        return {}
    if kind is None:
        return {}
    given = {name: one for name, one in (value or {}).items() if not _is_empty(one)}
    known = {one.name: one for one in kind.own_parameters}
    for name, one in given.items():
        if name in known:
            check_value(check, known[name], one)
        else:
            _refuse_own(check, kind, name, one, known)
    for one in known.values():
        if one.required and one.name not in given:
            check.add(one.place, None, f"is no value, and {kind.id} needs one; {_wanted(one)}")
    return {name: one.default for name, one in known.items() if one.default is not None} | given


def _refuse_own(check: Check, kind: ReportType, name: str, value: Any, known: Mapping[str, Parameter]) -> None:
    place = f"options.parameters.{name}"
    if name in kind.parameters or name == "dateRange":
        check.add(place, value, f"is at the wrong place; send it as parameters.{name}")
    elif known:
        check.unknown(place, name, "parameter", tuple(known))
    else:
        check.add(place, value, f"is not used by {kind.id}, which declares no parameters; remove it")


def _wanted(parameter: Parameter) -> str:
    return f"use a list, each {allowed(parameter)}" if parameter.many else f"use {allowed(parameter)}"


def _is_empty(value: Any) -> bool:
    return value is None or value in ([], {})


def usable_parameters(value: Any) -> dict[str, Any]:
    """The application's parameters in *value* that may stand in a form; a row may hold anything."""
    given = value if isinstance(value, dict) else {}
    usable = _usable(given, PARAMETERS)
    period = given.get("dateRange")
    if isinstance(period, dict) and all(isinstance(part, str) for part in period.values()):
        usable["dateRange"] = period
    return usable


def usable_own_parameters(kind: ReportType, options: Any) -> dict[str, Any]:
    """The same of the parameters that *kind* declares."""
    given = options.get("parameters") if isinstance(options, dict) else None
    return _usable(given, kind.parameters) if isinstance(given, dict) else {}


def _usable(given: Mapping[str, Any], known: Mapping[str, Parameter]) -> dict[str, Any]:
    return {name: given[name] for name, one in known.items() if name in given and fits(one, given[name])}


def _has_infinite(value: Any) -> bool:
    if isinstance(value, dict):
        return any(map(_has_infinite, value.values()))
    if isinstance(value, list):
        return any(map(_has_infinite, value))
    return isinstance(value, float) and not math.isfinite(value)
