"""What a file says and what the database holds: the same values, with the API's names here and as columns there."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from ..domain.brand import Brand
from ..domain.problem import shown
from ..domain.report import Status
from ..reports.fields import BRAND_FIELDS, DEFAULTS, EMAIL_FIELDS, FIELD_OF, FIELDS
from ..reports.types.yaml_node import WRONG_TYPE
from ..reports.validation import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from ..ports.as_code import Key, Kind
    from ..ports.web import Record

#: Sunday is 0.
WEEKDAYS = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")
#: What people set; upkeep alone sets ERROR.
STATUSES = tuple(status.value for status in Status if status is not Status.ERROR)
#: The keys of each kind of file, in the order in which they are written.
KEYS: Mapping[Kind, tuple[str, ...]] = {
    "report": (
        "id", "name", "description", "reportType", "cronExpression", "timezone", "isActive", "status", "exportFormats",
        "parameters", "tags", "createdBy", "emailDelivery", "options",
    ),
    "calendar": ("code", "name", "weekend", "dates"),
    "brand": tuple(BRAND_FIELDS),
}  # fmt: skip
#: Written even if the value is the default.
REQUIRED: Mapping[Kind, tuple[str, ...]] = {
    "report": ("id", "name", "reportType", "cronExpression", "exportFormats", "createdBy"),
    "calendar": ("code",),
    "brand": (),
}
#: The key that identifies a file of a kind.
IDENTITY: Mapping[Kind, str] = {"report": "id", "calendar": "code"}
_ALWAYS = {*REQUIRED["report"], "timezone", "isActive"}
_PLAIN_FIELDS = {**FIELDS, "status": "status"}
_NULL_IS_EMPTY = ("description", "email_subject")
_CALENDAR = {"name": "", "weekend": [0, 6], "dates": []}


@dataclass(frozen=True, slots=True)
class Wrong:
    """What is wrong with the value of a key; of a nested one, the keys are joined by dots."""

    key: str
    reason: str


def normal(key: Key, record: Record) -> Record:
    """The record with one value for each meaning: NULL and empty are the same where they mean the same."""
    if key.kind == "report":
        return {name: _normal_column(name, record[name]) for name in DEFAULTS}
    if key.kind == "calendar":
        days, dates = record["weekend"] or [], record["dates"] or []
        return {"name": record["name"], "weekend": sorted(set(days)), "dates": sorted(set(dates))}
    return {one.name: record[one.name] for one in fields(Brand)}


def document(key: Key, record: Record) -> dict[str, Any]:
    """What a file says of a normal record; what has its default is left out."""
    if key.kind == "report":
        return {"id": key.name, **_report_document(record)}
    if key.kind == "calendar":
        weekend = [WEEKDAYS[day] for day in (*range(1, 7), 0) if day in record["weekend"]]
        name = {"name": record["name"]} if record["name"] else {}
        return {"code": key.name, **name, "weekend": weekend, "dates": record["dates"]}
    return {name: record[column] for name, column in BRAND_FIELDS.items() if record[column]}


def record_of(kind: Kind, given: Mapping[str, Any]) -> tuple[Record, list[Wrong]]:
    """The record that a file says, and what is wrong with its keys and the types of their values.

    What is wrong has its default in the record.
    """
    wrong = [*_unknown("", given, KEYS[kind]), *_missing(kind, given)]
    read = {"report": _report, "calendar": _calendar, "brand": _brand}[kind]
    return read(given, wrong), wrong


def key_of(column: str) -> str:
    """The key in a file for the column that a problem names."""
    return FIELD_OF.get(column, column)


def said(key: Key, change: Mapping[str, Any], column: str) -> Any:
    """The value of a column as the file says it."""
    value = change[column]
    return [WEEKDAYS[day] for day in value] if key.kind == "calendar" and column == "weekend" else value


def _normal_column(name: str, value: Any) -> Any:
    default = DEFAULTS[name]
    if isinstance(default, list):
        return value or []
    if name in _NULL_IS_EMPTY:
        return value or None
    if name == "options" and isinstance(value, dict):
        return {option: given for option, given in value.items() if given is not None}
    return value


def _report_document(record: Record) -> dict[str, Any]:
    plain = {
        name: _ordered(record[column])
        for name, column in _PLAIN_FIELDS.items()
        if name in _ALWAYS or record[column] != DEFAULTS[column]
    }
    email = {name: record[column] for name, column in EMAIL_FIELDS.items() if record[column] != DEFAULTS[column]}
    policy = {"missedRuns": record["missed_runs"]} if record["missed_runs"] != DEFAULTS["missed_runs"] else {}
    nested = {"emailDelivery": email, "options": {**_ordered(record["options"]), **policy}}
    found = plain | {name: value for name, value in nested.items() if value}
    return {name: found[name] for name in KEYS["report"] if name in found}


def _ordered(value: Any) -> Any:
    """The value with the keys of its mappings sorted."""
    if isinstance(value, dict):
        return {name: _ordered(value[name]) for name in sorted(value)}
    return [_ordered(one) for one in value] if isinstance(value, list) else value


def _unknown(prefix: str, given: Mapping[str, Any], known: Collection[str]) -> Iterator[Wrong]:
    for name in given:
        if name not in known:
            yield Wrong(f"{prefix}{name}", f"Unknown key{did_you_mean(name, known)}; use one of {', '.join(known)}.")


def _missing(kind: Kind, given: Mapping[str, Any]) -> Iterator[Wrong]:
    for name in REQUIRED[kind]:
        if name not in given:
            yield Wrong(name, "is missing; add it.")


def _report(given: Mapping[str, Any], wrong: list[Wrong]) -> Record:
    record = {
        column: _value(name, given[name], DEFAULTS[column], wrong)
        for name, column in _PLAIN_FIELDS.items()
        if name in given
    }
    email = _mapping("emailDelivery", given, wrong)
    wrong += _unknown("emailDelivery.", email, EMAIL_FIELDS)
    record |= {
        column: _value(f"emailDelivery.{name}", email[name], DEFAULTS[column], wrong)
        for name, column in EMAIL_FIELDS.items()
        if name in email
    }
    if record.get("status", "ACTIVE") not in STATUSES:
        wrong.append(Wrong("status", f"{shown(record['status'])} is not a status to set; use {', '.join(STATUSES)}."))
    options = dict(_mapping("options", given, wrong))
    policy = options.pop("missedRuns", None)
    missed_runs = _value("options.missedRuns", policy, DEFAULTS["missed_runs"], wrong)
    return {**DEFAULTS, **record, "options": options, "missed_runs": missed_runs}


def _calendar(given: Mapping[str, Any], wrong: list[Wrong]) -> Record:
    found = {name: _value(name, given[name], default, wrong) for name, default in _CALENDAR.items() if name in given}
    if "weekend" in found:
        for day in found["weekend"]:
            if day not in WEEKDAYS:
                reason = f"Unknown day {shown(day)}{did_you_mean(str(day), WEEKDAYS)}; use {', '.join(WEEKDAYS)}."
                wrong.append(Wrong("weekend", reason))
        found["weekend"] = [WEEKDAYS.index(day) for day in found["weekend"] if day in WEEKDAYS]
    return {**_CALENDAR, **found}


def _brand(given: Mapping[str, Any], wrong: list[Wrong]) -> Record:
    if not any(given.values()):
        wrong.append(Wrong("name", "or another key needs a value; delete the file if the workspace has no own brand."))
    return {column: _value(name, given.get(name), "", wrong) for name, column in BRAND_FIELDS.items()}


def _mapping(name: str, given: Mapping[str, Any], wrong: list[Wrong]) -> Mapping[str, Any]:
    return _value(name, given.get(name), {}, wrong) or {}


def _value(name: str, value: Any, default: Any, wrong: list[Wrong]) -> Any:
    """A value that has the type of its default, or null for the default itself; otherwise the default."""
    if value is None:
        return default
    reason = _wrong_type(value, default)
    if reason is None:
        return value
    wrong.append(Wrong(name, f"{shown(value)} {reason}."))
    return default


def _wrong_type(value: Any, default: Any) -> str | None:
    if isinstance(default, dict):
        return None if isinstance(value, dict) else "is not a mapping; write keys and values here"
    if isinstance(default, list):
        texts = isinstance(value, list) and all(isinstance(one, str) for one in value)
        return None if texts else "is not a list of texts; write each in a line of its own, in quotes if it is a number"
    kind = bool if isinstance(default, bool) else str
    return None if type(value) is kind else WRONG_TYPE[kind]
