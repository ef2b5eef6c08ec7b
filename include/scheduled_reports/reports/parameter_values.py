"""Check the values of parameters by their declarations, and describe what is allowed: in words, and as JSON schema."""

from __future__ import annotations

import re
import sys
from datetime import date
from typing import TYPE_CHECKING, Any, Final

from .validation import Check

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ..domain.parameter import Parameter, ParameterType
    from ..domain.report_type import ReportType

#: The spelling of a day that PostgreSQL, Python and browsers read alike.
_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_FIRST_YEAR, _LAST_YEAR = 1900, 9000
#: PostgreSQL's bigint.
_FIRST_INTEGER, _LAST_INTEGER = -(2**63), 2**63 - 1


def check_value(check: Check, parameter: Parameter, value: Any) -> None:
    """Note every problem of *value*, each item of a list by its number."""
    if not parameter.many:
        _check_one(check, parameter.place, parameter, value)
    elif not isinstance(value, list):
        check.add(parameter.place, value, f"is not a list; use one such as {_EXAMPLES[parameter.type]}")
    elif len(value) > parameter.most:
        check.add(parameter.place, value, f"has {len(value):,} values; use at most {parameter.most:,}")
    else:
        for number, item in enumerate(value):
            _check_one(check, f"{parameter.place}[{number}]", parameter, item)


def fits(parameter: Parameter, value: Any) -> bool:
    """Whether *value* is allowed, as far as is known without a query."""
    check = Check()
    check_value(check, parameter, value)
    return not check.problems


def allowed(parameter: Parameter) -> str:
    """What one value may be, as part of a sentence: `a whole number from 1 to 90`."""
    values = ", ".join(parameter.values) or "those in the workspace's list"
    text = f"a text of 1 to {parameter.longest:,} characters" if parameter.is_own else "a non-empty text"
    bounds = _bounds(parameter)
    words: Mapping[ParameterType, str] = {
        "text": text,
        "integer": f"a whole number{bounds}",
        "number": f"a number{bounds}",
        "date": f"a day{bounds or ' such as 2026-05-31'}",
        "boolean": "true or false",
        "choice": f"one of {values}",
        "object": "a JSON object such as {}",
    }
    return words[parameter.type]


def json_schema(parameter: Parameter) -> dict[str, Any]:
    """The JSON schema of a parameter; a date's limits are in its description, because a schema has no such keyword."""
    one: dict[str, Any] = {"type": _JSON_TYPES[parameter.type]}
    match parameter.type:
        case "text":
            one |= {"minLength": 1, "maxLength": parameter.longest}
        case "date":
            one["format"] = "date"
        case "choice" if parameter.values:
            one["enum"] = list(parameter.values)
        case "integer":
            one |= {"minimum": _FIRST_INTEGER, "maximum": _LAST_INTEGER} | _limits(parameter)
        case "number":
            one |= _limits(parameter)
    schema = {"type": "array", "items": one, "maxItems": parameter.most} if parameter.many else one
    if parameter.default is not None:
        schema["default"] = parameter.default
    is_limited = parameter.type == "date" and (parameter.minimum or parameter.maximum)
    described = " ".join(filter(None, [parameter.help, f"Must be {allowed(parameter)}." if is_limited else ""]))
    return {"title": parameter.title, **({"description": described} if described else {}), **schema}


def parameters_schema(kind: ReportType) -> dict[str, Any]:
    """The JSON schema of `options.parameters` of a report of this type; null leaves a parameter out."""
    return {
        "title": f"The parameters of {kind.id}",
        "type": "object",
        "additionalProperties": False,
        "properties": {one.name: json_schema(one) for one in kind.own_parameters},
        "required": [one.name for one in kind.own_parameters if one.required],
    }


def _limits(parameter: Parameter) -> dict[str, Any]:
    limits = {"minimum": parameter.minimum, "maximum": parameter.maximum}
    return {name: limit for name, limit in limits.items() if limit is not None}


def _bounds(parameter: Parameter) -> str:
    low, high = parameter.minimum, parameter.maximum
    if low is not None and high is not None:
        return f" from {_shown(low)} to {_shown(high)}"
    if low is not None:
        return f" that is {_shown(low)} or {'later' if isinstance(low, str) else 'more'}"
    if high is not None:
        return f" that is {_shown(high)} or {'earlier' if isinstance(high, str) else 'less'}"
    return ""


def _shown(limit: float | str) -> str:
    return limit if isinstance(limit, str) else f"{limit:,}"


def _check_one(check: Check, place: str, parameter: Parameter, value: Any) -> None:
    if parameter.type == "choice" and parameter.values:
        if not isinstance(value, str) or value not in parameter.values:
            check.unknown(place, value, "value", parameter.values)
    elif parameter.type == "boolean":
        if not isinstance(value, bool):
            check.add(place, value, "is not a boolean; use true or false")
    elif parameter.type == "object":
        if not isinstance(value, dict):
            check.add(place, value, "is not a JSON object; use one such as {}")
    elif not _FITS[parameter.type](value, parameter.longest) or not _is_within(parameter, value):
        check.add(place, value, f"is not {allowed(parameter)}; use one")


def _is_within(parameter: Parameter, value: Any) -> bool:
    """Whether a value of the right type is within the limits; the order of days is that of their texts."""
    low, high = parameter.minimum, parameter.maximum
    return (low is None or low <= value) and (high is None or value <= high)


def _is_text(value: Any, longest: int) -> bool:
    return isinstance(value, str) and 1 <= len(value) <= longest


def _is_integer(value: Any, _: int) -> bool:
    return type(value) is int and _FIRST_INTEGER <= value <= _LAST_INTEGER


def _is_number(value: Any, _: int) -> bool:
    return type(value) in (int, float) and abs(value) <= sys.float_info.max


def _is_day(value: Any, _: int) -> bool:
    if not isinstance(value, str) or not _DAY.fullmatch(value):
        return False
    try:
        return _FIRST_YEAR <= date.fromisoformat(value).year <= _LAST_YEAR
    except ValueError:
        return False


_FITS: Final[Mapping[ParameterType, Callable[[Any, int], bool]]] = {
    "text": _is_text,
    "choice": _is_text,
    "integer": _is_integer,
    "number": _is_number,
    "date": _is_day,
}
_EXAMPLES: Final[Mapping[ParameterType, str]] = {
    "text": '["c1", "c2"]',
    "choice": '["a", "b"]',
    "integer": "[1, 2]",
    "number": "[1.5, 2]",
    "date": '["2026-05-31"]',
    "boolean": "[true, false]",
    "object": "[{}]",
}
_JSON_TYPES: Final[Mapping[ParameterType, str]] = {
    "text": "string",
    "choice": "string",
    "integer": "integer",
    "number": "number",
    "date": "string",
    "boolean": "boolean",
    "object": "object",
}
