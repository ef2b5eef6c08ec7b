"""How a value is shown to a person, and what is done to text that a spreadsheet would run."""

from __future__ import annotations

import math
import re
from decimal import ROUND_HALF_UP, Context, Decimal
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Literal

from ..domain.formats import Format

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from ..domain.report_type import Column, ColumnType
    from .document import Figure, Table

NO_ACTIVITY: Final = "No activity in this period."

FORMAT_TITLES: Final[Mapping[str, str]] = MappingProxyType(
    {Format.PDF: "PDF", Format.CSV: "CSV", Format.JSON: "JSON", Format.EXCEL: "Excel", Format.HTML: "HTML"}
)

#: The types of columns that are aligned to the right.
NUMERIC: Final = frozenset({"integer", "decimal", "number", "percent"})

#: What XML 1.0 forbids, and HTML calls a parse error; Python and Arrow both read it.
UNPRINTABLE: Final = "[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]"

#: What makes a spreadsheet read a cell of a CSV file as a formula: OWASP's list, with the full-width forms.
FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")

#: Wide enough for any float.
_ROUNDING: Final = Context(prec=700, rounding=ROUND_HALF_UP)


def printable(text: str) -> str:
    """*text* without the control characters no document can hold."""
    return re.sub(UNPRINTABLE, "", text)


def defused(text: str) -> str:
    """*text* with an apostrophe before it where a spreadsheet would take it for a formula."""
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


def is_missing(value: Any) -> bool:
    """Whether there is nothing to show: None, not a number, infinite."""
    if isinstance(value, Decimal):
        return not value.is_finite()
    return value is None or (isinstance(value, float) and not math.isfinite(value))


def shown(value: Any, column: Column) -> str:
    """The text of one cell: `1,234,567`, `12.5 %`, `2026-05-10 09:00`, `yes`; empty where there is nothing."""
    return "" if is_missing(value) else _SHOWN[column.type](value, column.scale)


def grouped(number: float | Decimal, scale: int) -> str:
    """`1,234.50`, halves rounded away from zero as Excel shows them."""
    exact = number if isinstance(number, Decimal) else Decimal(str(number))
    return f"{_ROUNDING.quantize(exact, Decimal(1).scaleb(-scale)):z,f}"


def percent(share: float | Decimal, scale: int) -> str:
    """`12.5 %` for 0.125."""
    return f"{grouped(Decimal(str(share)).scaleb(2, _ROUNDING), scale)} %"


def moment(value: datetime) -> str:
    """`2026-05-10 09:00`, in the zone *value* is in."""
    return f"{value:%Y-%m-%d %H:%M}"


_SHOWN: Final[Mapping[ColumnType, Callable[[Any, int], str]]] = MappingProxyType(
    {
        "text": lambda value, _: printable(value),
        "integer": lambda value, _: grouped(value, 0),
        "decimal": grouped,
        "number": grouped,
        "percent": percent,
        "boolean": lambda value, _: "yes" if value else "no",
        "date": lambda value, _: str(value),
        "timestamp": lambda value, _: moment(value),
    }
)


def change(figure: Figure) -> str:
    """`+25.0 %`, or with a true minus sign, against the period before; empty where there is no base to compare with."""
    relative = figure.change
    if relative is None or is_missing(relative):
        return ""
    size = percent(abs(relative), 1)
    if size == "0.0 %":
        return size
    return f"+{size}" if relative > 0 else f"\N{MINUS SIGN}{size}"


def mood(figure: Figure) -> Literal["good", "bad", "flat"]:
    """Whether the change, as it is shown, is welcome."""
    text = change(figure)
    if figure.spec.better == "neutral" or text in ("", "0.0 %"):
        return "flat"
    return "good" if text.startswith("+") == (figure.spec.better == "up") else "bad"


def listed(names: Sequence[str]) -> str:
    """`PDF, CSV and Excel`."""
    return " and ".join([", ".join(names[:-1]), *names[-1:]] if len(names) > 1 else names)


def rows_of(read: int, total: int) -> str:
    """`5,000 of 1,234,567 rows`, or `1,234 rows` where none is missing."""
    if read < total:
        return f"{read:,d} of {total:,d} rows"
    return "1 row" if total == 1 else f"{total:,d} rows"


def notice(table: Table, row_limit: int | None) -> str:
    """What stands above a table that does not show every row; empty where it does."""
    if row_limit is None or table.rows <= row_limit:
        return ""
    return f"Showing {rows_of(row_limit, table.rows)}"
