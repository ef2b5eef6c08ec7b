"""JSON Schemas of the files, for editors; what a schema cannot say is checked by `plan`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ..domain.formats import Format
from ..reports.calendars import LONGEST_CODE, ON_CLOSED
from ..reports.fields import BRAND_FIELDS, DEFAULTS, EMAIL_FIELDS, FIELDS
from ..reports.options import KEYS as OPTIONS
from ..reports.options import LONGEST_JITTER, MISSED_RUNS
from .documents import KEYS, REQUIRED, STATUSES, WEEKDAYS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..ports.as_code import Kind

#: The folder of the schemas, beside the folders of the workspaces.
FOLDER = ".schema"
#: How far the files of a kind are from it.
_UP = {"report": "../../", "calendar": "../../", "brand": "../"}
_DAY = {"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}$"}
#: The options whose values a schema can describe.
_OPTIONS: Mapping[str, dict[str, Any]] = {
    "missedRuns": {"enum": list(MISSED_RUNS)},
    "jitterSeconds": {"type": "integer", "minimum": 0, "maximum": LONGEST_JITTER},
    "calendar": {"type": "string", "minLength": 1, "maxLength": LONGEST_CODE},
    "onClosed": {"enum": list(ON_CLOSED)},
    "startsOn": _DAY,
    "endsOn": _DAY,
    "period": {"type": "object", "required": ["type"]},
    "sendIf": {"type": "object", "required": ["conditions"]},
    "subject": {"type": "string"},
    "introduction": {"type": "string"},
}


def schema(kind: Kind) -> dict[str, Any]:
    """The schema of a kind of file."""
    properties = {"report": _report, "calendar": _calendar, "brand": _brand}[kind]()
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"A {kind} as code",
        **_object({name: properties[name] for name in KEYS[kind]}),
        "required": list(REQUIRED[kind]),
    }


def text(kind: Kind) -> str:
    """The schema as the text of a file."""
    return f"{json.dumps(schema(kind), indent=2, ensure_ascii=False)}\n"


def reference(kind: Kind) -> str:
    """The comment by which editors find the schema of a file."""
    return f"# yaml-language-server: $schema={_UP[kind]}{FOLDER}/{kind}.json"


def _report() -> dict[str, Any]:
    plain = {name: _of_default(DEFAULTS[column]) for name, column in FIELDS.items()}
    email = {name: _of_default(DEFAULTS[column]) for name, column in EMAIL_FIELDS.items()}
    formats = {"type": "array", "items": {"enum": [one.value for one in Format]}, "minItems": 1, "uniqueItems": True}
    options = {name: _OPTIONS.get(name, {}) for name in ("missedRuns", *OPTIONS)}
    return plain | {
        "id": {"type": "string", "minLength": 1},
        "status": {"enum": list(STATUSES)},
        "exportFormats": formats,
        "emailDelivery": _object(email),
        "options": _object(options),
    }


def _calendar() -> dict[str, Any]:
    weekend = {"type": "array", "items": {"enum": list(WEEKDAYS)}, "uniqueItems": True}
    code = {"type": "string", "minLength": 1, "maxLength": LONGEST_CODE}
    return {"code": code, "name": {"type": "string"}, "weekend": weekend, "dates": {"type": "array", "items": _DAY}}


def _brand() -> dict[str, Any]:
    colour = {"type": "string", "pattern": "^#[0-9A-Fa-f]{6}$"}
    return {name: {"type": "string"} for name in BRAND_FIELDS} | {"colour": colour}


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": False, "properties": properties}


def _of_default(default: Any) -> dict[str, Any]:
    """The schema of the values that have the type of a default."""
    if isinstance(default, bool):
        return {"type": "boolean"}
    if isinstance(default, list):
        return {"type": "array", "items": {"type": "string"}}
    return {"type": "object" if isinstance(default, dict) else "string"}
