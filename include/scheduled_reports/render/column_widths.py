"""Estimate column widths from the titles and the first rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from unicodedata import combining, east_asian_width

import pyarrow.compute as pc

from ..domain.bidi import CONTROLS
from .batches import pieces
from .values import NUMERIC, format_value

if TYPE_CHECKING:
    import pyarrow as pa

    from ..domain.report_type import Column
    from .document import Table

_SAMPLE: Final = 200
_LEAST, _MOST = 6, 48
#: Joiners, and characters that set the direction of text.
_INVISIBLE: Final = CONTROLS | frozenset("\u200b\u200c\u200d\u200e\u200f\u2060\ufeff")


def widths(table: Table, whole_numbers: int | None = 0) -> tuple[int, ...]:
    """Estimate the width of each column, in characters.

    Numbers of the first *whole_numbers* rows (of all, if it is None) fit in any case.
    """
    most = [_title_width(column.title) for column in table.columns]
    for piece in pieces(table, _SAMPLE):
        for place, (column, values) in enumerate(zip(table.columns, piece.columns, strict=True)):
            most[place] = max([most[place], *(_width(format_value(value, column)) for value in values.to_pylist())])
    bounded = list(map(_bounded, most))
    if whole_numbers is None or whole_numbers > _SAMPLE:
        for piece in pieces(table, whole_numbers, start=_SAMPLE):
            for place, (column, values) in enumerate(zip(table.columns, piece.columns, strict=True)):
                bounded[place] = max(bounded[place], _number_width(column, values))
    return tuple(bounded)


def _number_width(column: Column, values: pa.Array) -> int:
    """The width of the longest number; 0 for other columns."""
    if column.type not in NUMERIC:
        return 0
    ends = pc.min_max(values).as_py().values()
    return max(len(format_value(value, column)) for value in ends)


def _title_width(title: str) -> int:
    """Estimate the width of a title: it is bold, and may break at spaces but not inside words."""
    return max((_width(word) + 1 for word in title.split()), default=0)


def _width(text: str) -> int:
    """Estimate the width of the longest line of *text* in a proportional font."""
    line = max(text.splitlines(), key=len, default="")[:_MOST]
    return text_width(line) + sum(char in "mwMW@" for char in line) // 2


def text_width(text: str) -> int:
    """Count the columns *text* takes in a font of fixed width."""
    if text.isascii():
        return len(text)
    return sum(
        0 if combining(char) or char in _INVISIBLE else 2 if east_asian_width(char) in "WF" else 1 for char in text
    )


def _bounded(width: int) -> int:
    return max(_LEAST, min(_MOST, width))
