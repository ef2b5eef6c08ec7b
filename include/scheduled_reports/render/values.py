"""Format values for people, and neutralize text that a spreadsheet would run as a formula."""

from __future__ import annotations

import math
import re
from decimal import ROUND_HALF_UP, Context, Decimal
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ..domain.dates import long_date, short_date
from ..domain.formats import Format

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from ..domain.report_type import Column, ColumnType, Tone
    from .document import Table

#: What stands for a value that is missing.
MISSING: Final = "\N{EN DASH}"
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

_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400
#: Digits enough for any float.
_ROUNDING: Final = Context(prec=700, rounding=ROUND_HALF_UP)


class _Duration(NamedTuple):
    """How durations are written up to *end*: in units of *size* and their parts, all in seconds."""

    name: str
    size: int
    part_name: str
    part: int
    end: float


_DURATIONS: Final = (
    _Duration("min", _MINUTE, "s", 1, _HOUR),
    _Duration("h", _HOUR, "min", _MINUTE, _DAY),
    _Duration("d", _DAY, "h", _HOUR, math.inf),
)


def printable(text: str) -> str:
    """Remove the control characters that no document can hold."""
    return text if text.isprintable() else re.sub(UNPRINTABLE, "", text)


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
    """Format the value of one cell for people; empty if it is missing.

    `1,234,567`, `12.5%`, `Sun 10 May 2026`, `10 May 2026, 09:00`, `Yes`, `17 min 56 s`, `1.2 MB`, the title of a text.
    """
    if is_missing(value):
        return ""
    if column.unit:
        return duration(value, column.scale) if column.unit == "seconds" else file_size(value)
    if column.titles and value in column.titles:
        return column.titles[value]
    return _FORMATS[column.type](value, column.scale)


def tone_of(value: Any, column: Column) -> Tone | None:
    """How a value is coloured: by itself if it is a text, as the column's tone if it is true or not zero."""
    if column.tones and isinstance(value, str):
        return column.tones.get(value)
    return column.tone if column.tone and not is_missing(value) and value else None


def grouped(number: float | Decimal, scale: int) -> str:
    """Format a number: `1,234.50`; halves are rounded away from zero, as Excel shows them."""
    if isinstance(number, int) and not scale:
        return f"{number:,d}"
    exact = number if isinstance(number, Decimal) else Decimal(str(number))
    return f"{_ROUNDING.quantize(exact, Decimal(1).scaleb(-scale)):z,f}"


def percent(share: float | Decimal, scale: int) -> str:
    """Format a share: `12.5%` for 0.125."""
    return f"{grouped(Decimal(str(share)).scaleb(2, _ROUNDING), scale)}%"


def duration(seconds: float | Decimal, scale: int = 0) -> str:
    """Format a duration by its two largest units: `4.2 s`, `17 min 56 s`, `2 h 5 min`, `3 d 4 h`.

    Only a duration of less than a minute has decimals, *scale* of them.
    """
    size = abs(Decimal(str(seconds)))
    shown = _ROUNDING.quantize(size, Decimal(1).scaleb(-scale))
    text = f"{shown:,f} s" if shown < _MINUTE else _long_duration(size)
    return f"-{text}" if seconds < 0 and shown else text


def _long_duration(size: Decimal) -> str:
    one = next(one for one in _DURATIONS if _in_parts(size, one.part) * one.part < one.end)
    whole, rest = divmod(_in_parts(size, one.part), one.size // one.part)
    return f"{whole:,d} {one.name}" + f" {rest} {one.part_name}" * bool(rest)


def _in_parts(size: Decimal, part: int) -> int:
    return int(_ROUNDING.quantize(size / part, Decimal(1)))


def file_size(size: float | Decimal) -> str:
    """Format a number of bytes: `302 bytes`, `12 KB`, `1.2 MB`."""
    exact = Decimal(str(size))
    if abs(exact) < 1_000:
        return "1 byte" if exact == 1 else f"{grouped(exact, 0)} bytes"
    for power, unit, scale in ((3, "KB", 0), (6, "MB", 1), (9, "GB", 1), (12, "TB", 1)):
        text = grouped(exact.scaleb(-power, _ROUNDING), scale)
        if unit == "TB" or abs(Decimal(text.replace(",", ""))) < 1_000:
            break
    return f"{text} {unit}"


def moment(value: datetime) -> str:
    """Format a table cell: `10 May 2026, 09:00`, in the zone of *value*."""
    return f"{short_date(value)} {value.year}, {value.hour:02d}:{value.minute:02d}"


_FORMATS: Final[Mapping[ColumnType, Callable[[Any, int], str]]] = MappingProxyType(
    {
        "text": lambda value, _: printable(value),
        "integer": lambda value, _: grouped(value, 0),
        "decimal": grouped,
        "number": grouped,
        "percent": percent,
        "boolean": lambda value, _: "Yes" if value else "No",
        "date": lambda value, _: long_date(value),
        "timestamp": lambda value, _: moment(value),
    }
)


def join_names(names: Sequence[str]) -> str:
    """Join names: `PDF, CSV and Excel`."""
    return " and ".join([", ".join(names[:-1]), *names[-1:]] if len(names) > 1 else names)


def rows_of(read: int, total: int) -> str:
    """Count rows: `1,234 rows`, or `5,000 of 1,234,567 rows` if some are left out."""
    if read < total:
        return f"{read:,d} of {total:,d} rows"
    return "1 row" if total == 1 else f"{total:,d} rows"


def cut_notice(table: Table, row_limit: int | None) -> str:
    """Say which rows of a table *row_limit* leaves in, and where the rest is; empty if it leaves out none.

    `Newest 20 of 128 events. All of them are in the CSV file.`
    """
    if row_limit is None or table.rows <= row_limit:
        return ""
    return " ".join(filter(None, (f"{which_rows(table.cut, row_limit, table.rows)}.", table.rest)))


def which_rows(cut: str, shown: int, total: int) -> str:
    """Fill in the message *cut* of a table: `Newest 20 of 128 events`; without one, `First 20 of 128 rows`."""
    return (cut or "First {shown} of {total} rows").format(shown=grouped(shown, 0), total=grouped(total, 0))
