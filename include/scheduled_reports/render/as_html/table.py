"""Lay out a table: column heads and widths, cell texts, and the paper size it needs."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from itertools import accumulate
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Literal

from ..batches import limit_of, pieces
from ..column_widths import text_width, widths
from ..totals import TOTAL, totals_of
from ..values import MISSING, NUMERIC, cut_notice, format_value, is_missing, printable, tone_of
from .paper_text import CELL, on_paper, words

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ...domain.report_type import Column
    from ..document import Table
    from ..totals import Totals

#: A cell as shown: its classes, its text, and the length of its bar in percent, 0 without a bar.
Cell = tuple[str, str, int]
Row = list[Cell]
Medium = Literal["screen", "print"]
CellKind = Literal["number", "text", "other"]
Paper = Literal["upright", "wide", "a3", "a2", "a1"]

#: Tables of more columns than this are printed in landscape.
_UPRIGHT: Final = 8
#: A table of up to this many rows is kept on one page; one of up to this many is not set in several columns.
_WHOLE, _SHORT = 8, 12
#: The gap between columns, in characters; and beside texts where space is scarce.
_GAP, _NARROW_GAP = 3, 2
#: The least width of a text column where space is scarce: text can be broken.
_NARROW_TEXT: Final = 14
#: Characters per line: A4 portrait, and A4 to A1 landscape.
_LINE: Final[Mapping[Paper, int]] = MappingProxyType({"upright": 110, "wide": 172, "a3": 255, "a2": 395, "a1": 570})
#: Rows, and characters of a cell, in which the longest word is looked for; a longer word than the last breaks.
_SAMPLE, _CLAIM, _LONG_WORD = 200, 200, 28
#: A column title of up to this many characters is not broken.
_TITLE: Final = 14
#: A column of text on a screen is at least as wide as its texts, up to so many characters; and in a wide table, which
#: scrolls anyway.
_UNBROKEN, _UNBROKEN_WIDE = 18, 26
#: Characters of a line on a screen; a wider table scrolls in its box.
_SCREEN_LINE: Final = 118
#: On a phone a table of more columns than fit is a card per row, if that is not too long to scroll through.
_PHONE_COLUMNS, _STACKED = 3, 50
#: On a screen a table of more rows that a chart draws is opened on demand.
_OPEN: Final = 14
#: Numbers are drawn as bars in tables of up to this many rows: fewer than those of a PDF that are set row by row.
_BARRED: Final = 90
#: Two tables of up to this many rows stand side by side on paper, if each takes no more than this share, in percent.
_SIDE_BY_SIDE, _HALF = 25, 50
#: A long narrow table is set in several columns, as in a newspaper: how many at most, and the gap in percent.
_MOST_COLUMNS, _GUTTER = 3, 3
#: A table takes at least the first share of the paper, in percent, and from the second one on all of it.
_LEAST, _NEARLY_ALL = 60, 75
#: Hebrew, Arabic, Syriac, Thaana, NKo and their presentation forms; the older scripts of their kind.
_RIGHT_TO_LEFT: Final = re.compile(
    "[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\U00010800-\U00010fff\U0001e800-\U0001efff]"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Head:
    """The head of a column: *kind* is its class, *share* its part of the width on paper, in percent.

    *least* is its least width on a screen, in characters.
    """

    title: str
    kind: CellKind
    share: float
    least: int
    definition: str = ""


class TableView:
    """A table as shown; it counts its rows while they are read."""

    def __init__(
        self,
        table: Table,
        row_limit: int | None,
        medium: Medium,
        *,
        number: int = 1,
        none: str = "",
        is_drawn: bool = False,
    ) -> None:
        self._is_paper = medium == "print"
        self._row_limit = limit_of(table, row_limit)
        self.name = f"t{number}"
        self.title = self._bounded(printable(table.full_title))
        self.count = "" if table.is_at_limit else f"({table.rows:,d})"
        shown = table.rows if self._row_limit is None else self._row_limit
        self.is_empty = table.rows == 0
        self.is_whole = shown <= _WHOLE
        self.none = none
        self.is_folded = is_drawn and not self._is_paper and shown > _OPEN
        self.notes = table.notes
        wanted = widths(table, self._row_limit if self._is_paper else 0)
        columns = _whole_columns(table, wanted) if self._is_paper else len(wanted)
        self.notice = _notice(table, self._row_limit, columns)
        self._totals = totals_of(table, table.columns[:columns], self._row_limit)
        self._most = _most(table, columns, self._row_limit) if shown <= _BARRED else {}
        table, wanted = replace(table, columns=table.columns[:columns]), wanted[:columns]
        self.paper = _paper(table, wanted)
        on_paper = _fitted(table, wanted, _LINE[self.paper])
        share = 100 * sum(on_paper) / _LINE[self.paper]
        self.columns = 1 if shown <= _SHORT else max(min(int(100 // (share + _GUTTER)), _MOST_COLUMNS), 1)
        self.width = _width(share, has_bars=bool(self._most)) if self.columns == 1 else 100
        self.is_half = shown <= _SIDE_BY_SIDE and self.paper == "upright" and share <= _HALF
        self.is_wide = sum(_needed(table, wanted)) > _SCREEN_LINE
        self.is_stacked = len(table.columns) > _PHONE_COLUMNS and shown <= _STACKED
        unbroken = _UNBROKEN_WIDE if self.is_wide else _UNBROKEN
        self.heads = tuple(
            Head(
                title=self._bounded(printable(column.title)),
                kind=_kind(column),
                share=round(100 * width / sum(on_paper), 2),
                least=min(needed, unbroken) if column.type == "text" else 0,
                definition=printable(column.definition),
            )
            for column, needed, width in zip(table.columns, wanted, on_paper, strict=True)
        )
        self.read = 0
        self._table = table
        self._toned = [place for place, column in enumerate(table.columns) if column.tone or column.tones]
        self._kinds = ["" if head.kind == "text" else head.kind for head in self.heads]

    def rows(self) -> Iterator[Row]:
        """Yield rows of cells; the last is that of the totals, if the table has one."""
        columns = self._table.columns
        no_bars = [0] * len(columns)
        for piece in pieces(self._table, self._row_limit):
            for values in zip(*(array.to_pylist() for array in piece.columns[: len(columns)]), strict=True):
                texts = [format_value(value, column) or MISSING for value, column in zip(values, columns, strict=True)]
                if self._is_paper:
                    texts = [on_paper(text, CELL) for text in texts]
                cells = list(zip(self._kinds, texts, no_bars, strict=True))
                yield cells if self.is_plain else self._marked(cells, values)
            self.read += piece.num_rows
            if self._totals:
                self._totals.add(piece)
        if self._totals:
            yield self._total_row(self._totals)

    @property
    def has_bars(self) -> bool:
        """Whether numbers are drawn as bars, too."""
        return bool(self._most)

    @property
    def is_plain(self) -> bool:
        """Whether no value has a tone or a bar."""
        return not self._toned and not self._most

    def _marked(self, cells: Row, values: Sequence[Any]) -> Row:
        """Add tones and bars to the cells of a row."""
        for place in self._toned:
            if tone := tone_of(values[place], self._table.columns[place]):
                kind, text, _ = cells[place]
                cells[place] = f"{kind} {tone}".strip(), text, 0
        for place, most in self._most.items():
            if not is_missing(values[place]) and values[place] > 0:
                kind, text, _ = cells[place]
                cells[place] = kind, text, max(round(100 * float(values[place]) / most), 1)
        return cells

    def _total_row(self, totals: Totals) -> Row:
        texts = [format_value(value, column) for value, column in zip(totals.row(), self._table.columns, strict=True)]
        texts[totals.label_place or 0] = TOTAL
        return [(f"{kind} total".strip(), text, 0) for kind, text in zip(self._kinds, texts, strict=True)]

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
    """Say at a table which rows and columns it leaves out, and where the rest is; empty if it leaves out none."""
    rows = cut_notice(table, row_limit)
    if columns == len(table.columns):
        return rows
    left_out = f"First {columns:,d} of {len(table.columns):,d} columns."
    return f"{rows} {left_out}".strip()


def _paper(table: Table, wanted: tuple[int, ...]) -> Paper:
    """Choose the smallest paper on which no number has to be broken."""
    needed = sum(_needed(table, wanted))
    papers = [paper for paper in _LINE if paper != "upright" or len(table.columns) <= _UPRIGHT]
    return next((paper for paper in papers if needed <= _LINE[paper]), "a1")


def _width(wanted: float, *, has_bars: bool) -> int:
    """Compute the share of the paper that a table takes: columns of a narrow one without bars stay close together."""
    return 100 if has_bars or wanted >= _NEARLY_ALL else max(round(wanted), _LEAST)


def _most(table: Table, columns: int, row_limit: int | None) -> dict[int, float]:
    """Find the largest value of each column that has bars, if it is above zero."""
    barred = [place for place, column in enumerate(table.columns[:columns]) if column.bar and column.type in NUMERIC]
    if not barred:
        return {}
    found = dict.fromkeys(barred, 0.0)
    for piece in pieces(table, row_limit):
        for place in barred:
            numbers = [float(value) for value in piece.column(place).to_pylist() if not is_missing(value)]
            found[place] = max([found[place], *numbers])
    return {place: most for place, most in found.items() if most > 0}


def _fitted(table: Table, wanted: tuple[int, ...], room: int) -> list[int]:
    """Fit the column widths, in characters: if there is too little space, titles break first, then the widest texts.

    Texts break between words as long as that is enough.
    """
    titles = [min(text_width(column.title) + 1, _TITLE) for column in table.columns]
    fitted = [max(width, title) + _GAP for width, title in zip(wanted, titles, strict=True)]
    if sum(fitted) <= room:
        return fitted
    for least in (_longest_words(table), [0] * len(wanted)):
        most = max(wanted, default=0)
        while sum(fitted) > room and most > _NARROW_TEXT:
            fitted = [
                min(width, max(most, word)) + _NARROW_GAP if column.type == "text" else width + _GAP
                for width, word, column in zip(wanted, least, table.columns, strict=True)
            ]
            most -= 1
    return fitted


def _longest_words(table: Table) -> list[int]:
    """Estimate the width of the longest word of each column of text, by the first rows and up to a bound."""
    found = [0] * len(table.columns)
    texts = [(place, column) for place, column in enumerate(table.columns) if column.type == "text"]
    for piece in pieces(table, _SAMPLE):
        for place, column in texts:
            for value in piece.column(place).to_pylist():
                longest = max(map(text_width, words(format_value(value, column)[:_CLAIM])))
                found[place] = max(found[place], min(longest + 1, _LONG_WORD))
    return found


def _kind(column: Column) -> CellKind:
    if column.type in NUMERIC:
        return "number"
    return "text" if column.type == "text" else "other"
