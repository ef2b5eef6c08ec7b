"""Lay out excerpts of tables so that they fit a phone: a name, short values beside it, and the others below it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Final

from ..domain.bidi import isolated
from ..domain.naming import shortened
from ..render.batches import pieces
from ..render.column_widths import text_width
from ..render.values import MISSING, NUMERIC, format_value, is_missing, printable, tone_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ..domain.report_type import Column, Tone
    from ..render.document import Excerpt, Table

#: Values beside the name: how many, and the characters they and the gaps between them take on a phone of 320 pixels.
_MOST_BESIDE, _ROOM_BESIDE, _GAP = 3, 21, 2
#: Values below the name: how many, and the characters of the longest of each that fit into about two lines.
_MOST_BELOW, _ROOM_BELOW = 4, 120
#: Characters of one value.
_NAME_TEXT, _BELOW_TEXT = 80, 100
#: What stands between the values of a line.
_POINT: Final = " · "
#: A longer word may break where the line ends.
_LONG_WORD: Final = 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Cell:
    """A value as text, its tone, and the title that stands before it; empty if its column has a head."""

    text: str
    tone: Tone | None = None
    title: str = ""

    def __str__(self) -> str:
        return f"{isolated(self.title)} {isolated(self.text)}" if self.title else isolated(self.text)

    @property
    def is_long(self) -> bool:
        """Whether the text has a word that would widen its column at the cost of the others."""
        return any(len(word) > _LONG_WORD for word in self.text.split())


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """A row of an excerpt: its name, the values *beside* it, one per column, and those *below* it."""

    name: Cell
    beside: tuple[Cell, ...]
    below: tuple[Cell, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Block:
    """An excerpt ready to show; *note* says which rows and columns it has, or that there are none."""

    title: str
    note: str
    heads: tuple[str, ...]
    numeric: tuple[bool, ...]
    rows: tuple[Row, ...]

    def lines(self) -> Iterator[str]:
        """Format the rows as lines of text: name and values beside it in columns, the others indented below."""
        cells = [list(map(isolated, self.heads)), *([str(row.name), *map(str, row.beside)] for row in self.rows)]
        head, *lines = aligned(cells, self.numeric)
        yield head
        for line, row in zip(lines, self.rows, strict=True):
            yield line
            if row.below:
                yield f"  {_POINT.join(map(str, row.below))}"


def blocks(excerpts: Sequence[Excerpt]) -> tuple[Block, ...]:
    """Lay out *excerpts*."""
    return tuple(map(_block, excerpts))


def one_line(text: str) -> str:
    """Remove line breaks, for places where one would break the layout."""
    return " ".join(printable(text).split())


def aligned(rows: Sequence[Sequence[str]], numeric: Sequence[bool]) -> list[str]:
    """Format *rows* as lines whose columns align in a font of fixed width."""
    sizes = [max(map(text_width, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(map(_padded, row, sizes, numeric)).rstrip() for row in rows]


def _padded(text: str, size: int, is_number: bool) -> str:  # noqa: FBT001 - mapped over a row
    room = " " * (size - text_width(text))
    return room + text if is_number else text + room


def _block(excerpt: Excerpt) -> Block:
    table = excerpt.table
    values = [
        row
        for piece in pieces(table, table.rows)
        for row in zip(*(column.to_pylist() for column in piece.columns), strict=True)
    ]
    filled = [place for place in range(1, len(table.columns)) if any(not is_missing(row[place]) for row in values)]
    widths = _widths(table.columns, values)
    beside = _beside(table, filled, widths)
    below = _below(table, [place for place in filled if place not in beside], widths)
    left_out = len(filled) - len(beside) - len(below)
    columns = f"{len(table.columns) - left_out} of {len(table.columns)} columns." if left_out else ""
    return Block(
        title=one_line(excerpt.title),
        note=" ".join(filter(None, (one_line(excerpt.note), columns))),
        heads=tuple(one_line(table.columns[place].title) for place in (0, *beside)),
        numeric=(False, *(table.columns[place].type in NUMERIC for place in beside)),
        rows=tuple(_row(table, row, beside, below) for row in values),
    )


def _row(table: Table, row: Sequence[Any], beside: Sequence[int], below: Sequence[int]) -> Row:
    """Format a row; a missing value is left out below the name, where no column would stay empty."""

    def cell(place: int, most: int, *, titled: bool = False) -> Cell:
        column, value = table.columns[place], row[place]
        text = shortened(one_line(format_value(value, column)), most) or MISSING
        return Cell(text=text, tone=tone_of(value, column), title=one_line(column.title) if titled else "")

    return Row(
        name=cell(0, _NAME_TEXT),
        beside=tuple(cell(place, _ROOM_BESIDE) for place in beside),
        below=tuple(
            cell(place, _BELOW_TEXT, titled=table.columns[place].type != "text")
            for place in below
            if not is_missing(row[place]) and one_line(format_value(row[place], table.columns[place]))
        ),
    )


def _widths(columns: Sequence[Column], rows: Sequence[Sequence[Any]]) -> list[int]:
    """Measure the columns in characters: the longest value, and the longest word of the title, which may wrap."""
    return [
        max(
            *(text_width(word) for word in one_line(column.title).split() or ("",)),
            *(text_width(one_line(format_value(row[place], column))) for row in rows),
            1,
        )
        for place, column in enumerate(columns)
    ]


def _beside(table: Table, filled: Sequence[int], widths: Sequence[int]) -> tuple[int, ...]:
    """Choose the columns that stand beside the name: coloured ones, then numbers, then other short values."""

    def rank(place: int) -> int:
        column = table.columns[place]
        if column.tones or column.tone:
            return 0
        return 1 if column.type in NUMERIC else 3 if column.type == "text" else 2

    room = _ROOM_BESIDE
    chosen: list[int] = []
    for place in sorted(filled, key=rank):
        if len(chosen) < _MOST_BESIDE and widths[place] <= room:
            chosen.append(place)
            room -= widths[place] + _GAP
    return tuple(sorted(chosen))


def _below(table: Table, others: Sequence[int], widths: Sequence[int]) -> tuple[int, ...]:
    """Choose the columns that stand below the name: the first of the others, as many as fit."""
    titles = [0 if table.columns[place].type == "text" else len(table.columns[place].title) + 1 for place in others]
    taken = accumulate(
        min(widths[place], _BELOW_TEXT) + len(_POINT) + title for place, title in zip(others, titles, strict=True)
    )
    fitting = sum(width <= _ROOM_BELOW for width in taken)
    return tuple(others[: min(max(fitting, 1), _MOST_BELOW)])
