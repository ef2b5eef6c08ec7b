"""The values of a report's parameters as people read them."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from ..domain.dates import long_date

if TYPE_CHECKING:
    from ..domain.parameter import Parameter

#: Values of a list that are named, and characters of all of them; more are counted.
MOST_NAMED, LONGEST = 10, 300


def words(parameter: Parameter, value: Any) -> str:
    """Return a value, or the values of a list, in words: `Books, Games`, `1,500`, `Yes`, `Sun 31 May 2026`."""
    if not parameter.is_own and parameter.type == "text":  # ids, which tell a reader nothing
        return f"{len(value):,} selected"
    texts = [_one(parameter, item) for item in (value if parameter.many else [value])]
    named = texts[:MOST_NAMED]
    while len(named) > 1 and len(", ".join(named)) > LONGEST:
        named.pop()
    more = len(texts) - len(named)
    return f"{', '.join(named)}{f' and {more:,} more' if more else ''}"


def _one(parameter: Parameter, value: Any) -> str:
    text = _text(parameter, value)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def _text(parameter: Parameter, value: Any) -> str:
    match parameter.type:
        case "boolean":
            return "Yes" if value else "No"
        case "date":
            return long_date(date.fromisoformat(value))
        case "integer" | "number":
            return f"{value:,}"
        case _:
            return parameter.title_of(str(value))
