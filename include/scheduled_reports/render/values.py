"""Format values for people, and neutralize text that a spreadsheet would run as a formula."""

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
#: What a table without rows says if there was activity.
NO_ROWS: Final = "No rows in this period."

FORMAT_TITLES: Final[Mapping[str, str]] = MappingProxyType(
    {Format.PDF: "PDF", Format.CSV: "CSV", Format.JSON: "JSON", Format.EXCEL: "Excel", Format.HTML: "HTML"}
)

#: The types of columns that are aligned to the right.
NUMERIC: Final = frozenset({"integer", "decimal", "number", "percent"})

#: Characters that XML 1.0 forbids and HTML calls a parse error, as a pattern for both Python and Arrow.
UNPRINTABLE: Final = "[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]"

#: First characters that make a spreadsheet read a CSV cell as a formula: OWASP's list, with the full-width forms.
FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
#: Invisible characters that may stand before a formula; after a separator also spaces, and quotes of the CSV itself.
_INVISIBLE: Final = "\x01-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff"
_FORMULA: Final = "[=+@\uff1d\uff0b\uff0d\uff20-]"
#: Where a CSV cell is read as a formula: at the start of the text, and after what splits the text where a spreadsheet
#: expects another separator than the comma, since quotes protect only what begins with them. For Python and Arrow.
FORMULA_AT_START: Final = f"^(?:[\t\r\n]|[{_INVISIBLE}]*{_FORMULA})"
FORMULA_INSIDE: Final = f'([;|\t\r\n][{_INVISIBLE} "\xa0\u2000-\u200a\u202f\u3000]*)({_FORMULA})'
#: What splits a text into cells, as bytes.
SEPARATORS: Final = (b";", b"|", b"\t", b"\r", b"\n")
#: Characters with which a text that needs an apostrophe at its start can begin.
SUSPICIOUS_STARTS: Final = (
    *FORMULA_STARTS, *map(chr, (*range(1, 32), *range(127, 160), *range(0x200B, 0x2010), *range(0x2028, 0x202F))),
    *map(chr, (*range(0x2060, 0x2070), 0xFEFF)),
)  # fmt: skip

#: What stands for a change of nothing, and a change too small for one decimal.
NO_CHANGE, _ROUNDS_TO_ZERO = "no change", "0.0 %"
#: Figures of these types count or add up: zero means that there was nothing, not that a share was 0 %.
_COUNTS: Final = frozenset({"integer", "decimal"})
#: Digits enough for any float.
_ROUNDING: Final = Context(prec=700, rounding=ROUND_HALF_UP)


def printable(text: str) -> str:
    """Remove the control characters that no document can hold."""
    return re.sub(UNPRINTABLE, "", text)


def defused(text: str) -> str:
    """Put an apostrophe before what a spreadsheet would take for a formula, whatever separator it expects."""
    text = f"'{text}" if re.search(FORMULA_AT_START, text) else text
    return re.sub(FORMULA_INSIDE, r"\1'\2", text)


def is_missing(value: Any) -> bool:
    """Whether *value* has nothing to show: None, not a number, infinite."""
    if isinstance(value, Decimal):
        return not value.is_finite()
    return value is None or (isinstance(value, float) and not math.isfinite(value))


def format_value(value: Any, column: Column) -> str:
    """Format the value of one cell: `1,234,567`, `12.5 %`, `2026-05-10 09:00`, `yes`; empty if it is missing."""
    return "" if is_missing(value) else _FORMATS[column.type](value, column.scale)


def grouped(number: float | Decimal, scale: int) -> str:
    """Format a number: `1,234.50`; halves are rounded away from zero, as Excel shows them."""
    exact = number if isinstance(number, Decimal) else Decimal(str(number))
    return f"{_ROUNDING.quantize(exact, Decimal(1).scaleb(-scale)):z,f}"


def percent(share: float | Decimal, scale: int) -> str:
    """Format a share: `12.5 %` for 0.125."""
    return f"{grouped(Decimal(str(share)).scaleb(2, _ROUNDING), scale)} %"


def moment(value: datetime) -> str:
    """Format a table cell: `2026-05-10 09:00`, in the zone of *value*."""
    return value.isoformat(" ", "minutes")[:16]  # `%Y` does not pad years before 1000


_FORMATS: Final[Mapping[ColumnType, Callable[[Any, int], str]]] = MappingProxyType(
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
    """Format the change from the previous period: `+25.0 %`, `\N{MINUS SIGN}3.0 %`, `no change`; or nothing."""
    if not is_missing(figure.value) and figure.value == figure.previous:
        return NO_CHANGE
    relative = figure.change
    if relative is None or is_missing(relative):
        return ""
    size = percent(abs(relative), 1)
    if size == _ROUNDS_TO_ZERO:
        return size
    return f"+{size}" if relative > 0 else f"\N{MINUS SIGN}{size}"


def comparison(figure: Figure) -> str:
    """Say what a figure is compared with: `from 987,654`, or why with nothing; empty beside `no change`."""
    if change(figure) == NO_CHANGE:
        return ""
    return no_base(figure) or f"from {format_value(figure.previous, figure.spec.column)}"


def no_base(figure: Figure) -> str:
    """Say why a figure has no base to compare with: `none before`, `no earlier data`; empty if it has one."""
    if is_missing(figure.previous):
        return "no earlier data"
    return "none before" if not figure.previous and figure.spec.column.type in _COUNTS else ""


def trend(figure: Figure) -> Literal["good", "bad", "flat"]:
    """Whether the change, as it is shown, is an improvement."""
    text = change(figure)
    if figure.spec.better == "neutral" or text in ("", NO_CHANGE, _ROUNDS_TO_ZERO):
        return "flat"
    return "good" if text.startswith("+") == (figure.spec.better == "up") else "bad"


def join_names(names: Sequence[str]) -> str:
    """Join names: `PDF, CSV and Excel`."""
    return " and ".join([", ".join(names[:-1]), *names[-1:]] if len(names) > 1 else names)


def rows_of(read: int, total: int) -> str:
    """Count rows: `1,234 rows`, or `5,000 of 1,234,567 rows` if some are left out."""
    if read < total:
        return f"{read:,d} of {total:,d} rows"
    return "1 row" if total == 1 else f"{total:,d} rows"


def cut_notice(table: Table, row_limit: int | None) -> str:
    """Say above a table that *row_limit* leaves out rows: `First 5,000 of 1,234,567 rows`; empty if it does not."""
    if row_limit is None or table.rows <= row_limit:
        return ""
    return f"First {rows_of(row_limit, table.rows)}"
