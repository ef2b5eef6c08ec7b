"""Lay out a table: column heads and widths, cell texts, and the paper size it needs."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from itertools import accumulate
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Literal

from ..batches import pieces
from ..column_widths import text_width, widths
from ..values import NUMERIC, cut_notice, format_value, printable
from .paper_text import CELL, on_paper

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ...domain.report_type import Column
    from ..document import Table

Medium = Literal["screen", "print"]
CellKind = Literal["number", "text", "other"]
Paper = Literal["upright", "wide", "a3", "a2", "a1"]

#: Tables of more columns than this are printed in landscape.
_UPRIGHT: Final = 8
#: A table of up to this many rows is kept on one page.
_SHORT: Final = 12
#: The gap between columns, in characters.
_GAP: Final = 3
#: The least width of a text column where space is scarce: text can be broken.
_NARROW_TEXT: Final = 14
#: Characters per line: A4 portrait, and A4 to A1 landscape.
_LINE: Final[Mapping[Paper, int]] = MappingProxyType({"upright": 110, "wide": 172, "a3": 255, "a2": 395, "a1": 570})
#: A column title of up to this many characters is not broken.
_TITLE: Final = 14
#: A long narrow table is set in several columns, as in a newspaper: how many at most, and the gap in percent.
_MOST_COLUMNS, _GUTTER = 3, 3
#: A table takes at least the first share of the paper, in percent, and from the second one on all of it.
_LEAST, _NEARLY_ALL = 45, 85
#: Hebrew, Arabic, Syriac, Thaana, NKo and their presentation forms; the older scripts of their kind.
_RIGHT_TO_LEFT: Final = re.compile(
    "[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\U00010800-\U00010fff\U0001e800-\U0001efff]"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Head:
    """The head of a column: *kind* is its class, *share* its part of the width in percent."""

    title: str
    kind: CellKind
    share: float


class TableView:
    """A table as shown; it counts its rows while they are read."""

    def __init__(self, table: Table, row_limit: int | None, medium: Medium) -> None:
        self._is_paper = medium == "print"
        self.title = self._bounded(printable(table.full_title))
        self.count = "" if table.is_at_limit else f"({table.rows:,d})"
        self.is_empty = table.rows == 0
        self.is_short = table.rows <= _SHORT
        wanted = widths(table, row_limit if self._is_paper else 0)
        columns = _whole_columns(table, wanted) if self._is_paper else len(wanted)
        self.notice = _notice(table, row_limit, columns)
        table, wanted = replace(table, columns=table.columns[:columns]), wanted[:columns]
        self.paper = _paper(table, wanted)
        on_paper = _fitted(table, wanted, _LINE[self.paper])
        share = 100 * sum(on_paper) / _LINE[self.paper]
        self.columns = 1 if self.is_short else max(min(int(100 // (share + _GUTTER)), _MOST_COLUMNS), 1)
        self.width = _width(share) if self.columns == 1 else 100
        self.heads = tuple(
            Head(
                title=self._bounded(printable(column.title)),
                kind=_kind(column),
                share=round(100 * width / sum(on_paper), 2),
            )
            for column, width in zip(table.columns, on_paper, strict=True)
        )
        self.read = 0
        self._table = table
        self._row_limit = row_limit

    def rows(self) -> Iterator[list[tuple[CellKind, str]]]:
        """Yield rows of cells: the kind of the column, and the text."""
        columns = self._table.columns
        kinds = [head.kind for head in self.heads]
        for piece in pieces(self._table, self._row_limit):
            for row in zip(*(values.to_pylist() for values in piece.columns[: len(columns)]), strict=True):
                texts = [format_value(value, column) for value, column in zip(row, columns, strict=True)]
                if self._is_paper:
                    texts = [on_paper(text, CELL) for text in texts]
                yield list(zip(kinds, texts, strict=True))
            self.read += piece.num_rows

    def _bounded(self, text: str) -> str:
        return on_paper(text) if self._is_paper else text


def is_right_to_left(text: str) -> bool:
    """Whether *text* has letters that are written from right to left."""
    return not text.isascii() and _RIGHT_TO_LEFT.search(text) is not None


def _needed(table: Table, wanted: tuple[int, ...]) -> list[int]:
    """How much of a line each column takes at least; a number is not broken."""
    return [
        _GAP + (min(width, _NARROW_TEXT) if column.type == "text" else width)
        for column, width in zip(table.columns, wanted, strict=True)
    ]


def _whole_columns(table: Table, wanted: tuple[int, ...]) -> int:
    """Count the columns that fit on the largest paper; at least one."""
    return max(sum(taken <= _LINE["a1"] for taken in accumulate(_needed(table, wanted))), 1)


def _notice(table: Table, row_limit: int | None, columns: int) -> str:
    """Say above a table which rows and columns it leaves out; empty if none."""
    rows = cut_notice(table, row_limit)
    if columns == len(table.columns):
        return rows
    left_out = f"irst {columns:,d} of {len(table.columns):,d} columns"
    return f"{rows}, f{left_out}" if rows else f"F{left_out}"


def _paper(table: Table, wanted: tuple[int, ...]) -> Paper:
    """Choose the smallest paper on which no number has to be broken."""
    needed = sum(_needed(table, wanted))
    papers = [paper for paper in _LINE if paper != "upright" or len(table.columns) <= _UPRIGHT]
    return next((paper for paper in papers if needed <= _LINE[paper]), "a1")


def _width(wanted: float) -> int:
    """Compute the share of the paper that a table takes: columns of a narrow table stay close together."""
    return 100 if wanted >= _NEARLY_ALL else max(round(wanted), _LEAST)


def _fitted(table: Table, wanted: tuple[int, ...], room: int) -> list[int]:
    """Fit the column widths, in characters: if there is too little space, titles break first, then the widest texts."""
    titles = [min(text_width(column.title) + 1, _TITLE) for column in table.columns]
    fitted = [max(width, title) + _GAP for width, title in zip(wanted, titles, strict=True)]
    most = max(fitted)
    while sum(fitted) > room and most > _NARROW_TEXT:
        fitted = [
            min(width, most) + _GAP if column.type == "text" else width + _GAP
            for width, column in zip(wanted, table.columns, strict=True)
        ]
        most -= 1
    return fitted


def _kind(column: Column) -> CellKind:
    if column.type in NUMERIC:
        return "number"
    return "text" if column.type == "text" else "other"
