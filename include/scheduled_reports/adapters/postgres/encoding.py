"""Write our own texts into databases whose encoding lacks some of their characters."""

from __future__ import annotations

import codecs
import json
from typing import TYPE_CHECKING, Any

from psycopg.types.json import Jsonb

if TYPE_CHECKING:
    from collections.abc import Mapping

    import psycopg

#: What stands for punctuation that subjects and messages contain; for any other character, a question mark.
#: No double quotation mark, which would end a string of JSON.
_CLOSEST = {
    "\N{EN DASH}": "-",
    "\N{EM DASH}": "-",
    "\N{HORIZONTAL ELLIPSIS}": "...",
    "\N{LEFT SINGLE QUOTATION MARK}": "'",
    "\N{RIGHT SINGLE QUOTATION MARK}": "'",
    "\N{LEFT DOUBLE QUOTATION MARK}": "'",
    "\N{RIGHT DOUBLE QUOTATION MARK}": "'",
}
#: SQL_ASCII stores bytes as they come.
_STORES_EVERYTHING = frozenset({"utf-8", "SQL_ASCII"})


def json_text(value: Any) -> str:
    """Return JSON without escapes, which PostgreSQL could not translate into the encoding of some databases."""
    return json.dumps(value, ensure_ascii=False)


def in_encoding(connection: psycopg.Connection[Any], values: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return *values* as the database can store them; unchanged where the encoding is UTF8.

    For texts of ours only: what a person entered is refused instead, because it must not change in silence.
    """
    encoding = _encoding(connection)
    if encoding in _STORES_EVERYTHING:
        return values
    return {name: _closest(value, encoding) for name, value in values.items()}


def _closest(value: Any, encoding: str) -> Any:
    if isinstance(value, Jsonb):
        return Jsonb(json.loads(_closest(json_text(value.obj), encoding)))
    if isinstance(value, list):
        return [_closest(one, encoding) for one in value]
    if not isinstance(value, str) or value.isascii():
        return value
    return "".join(one if _has(encoding, one) else _CLOSEST.get(one, "?") for one in value)


def _has(encoding: str, character: str) -> bool:
    try:
        character.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


def _encoding(connection: psycopg.Connection[Any]) -> str:
    """Return Python's name of the database's encoding; of one that Python does not know, the part that all have."""
    name = connection.info.parameter_status("server_encoding") or "UTF8"
    try:
        return codecs.lookup(name.replace("WIN", "cp")).name
    except LookupError:
        return name if name in _STORES_EVERYTHING else "ascii"
