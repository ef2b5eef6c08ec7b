"""The pages a long table fills from edge to edge: WeasyPrint lays out one of them, the others are set like it.

Of each page only the rows differ, so only their text is set.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from tinycss2.color5 import parse_color

from ..colours import TONES
from .text import Line, TextColumn, draw, packed

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pydyf
    from weasyprint.pdf.stream import Stream

    from ..as_html.table import Row
    from .page_frame import Frame, Slot
    from .row_buffer import RowBuffer

#: WeasyPrint's own tolerance where it asks whether a row still fits.
_TOLERANCE: Final = 1 + 1e-9
#: Per row: how many marks each cell has; they are numbered as they are read.
Marks = tuple[tuple[int, ...], ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Sheet:
    """A page that was set: for each slot what it shows, and its marks."""

    contents: tuple[pydyf.Stream, ...]
    marks: tuple[Marks, ...]


class Setter:
    """Sets rows into the slots of a frame."""

    def __init__(self, frame: Frame, is_right: Sequence[bool]) -> None:
        self._frame = frame
        self._columns = [
            TextColumn(cell, frame.new_stream, is_right=right)
            for cell, right in zip(frame.cells, is_right, strict=True)
        ]
        self._tones = {tone: parse_color(colour) for tone, colour in TONES.items()}
        cell = frame.cells[0]
        self._above = cell.padding_top
        # not the cell's own padding_bottom: WeasyPrint stretches that to the height of the row
        below = cell.style["padding_bottom"].value
        self._around = cell.padding_top + below + cell.border_top_width + cell.border_bottom_width

    def sheets(self, rows: RowBuffer) -> list[Sheet]:
        """As many full pages as the rows fill; those of the last, unfinished page are given back."""
        made: list[Sheet] = []
        before: list[Row] = []
        page = _Page(self._frame)
        while (row := rows.next()) is not None:
            lines = [column.lines(text) for column, (_, text, _) in zip(self._columns, row, strict=True)]
            height = self._around + max(sum(line.height for line in cell) for cell in lines)
            if not page.has_room(height):
                if not page.rows or height > self._frame.bottom - self._frame.slots[0].top:
                    rows.give_back([row])
                    break
                made.append(page.sheet())
                before, page = page.rows, _Page(self._frame)
            self._set(page, row, lines, height)
        rows.give_back(page.rows)
        if made and len(rows) == 1:  # the last page shall have more than one row
            made.pop()
            rows.give_back(before)
        return made

    def _set(self, page: _Page, row: Row, lines: list[list[Line]], height: float) -> None:
        marks = []
        for column, cell, (kind, _, _), (left, width) in zip(self._columns, lines, row, page.slot.cells, strict=True):
            first, y = page.mark, page.y + self._above
            ink = self._tones.get(kind.rpartition(" ")[2])
            if ink:
                page.set_ink(ink)
            for line in cell:
                if line.operators:
                    page.draw(line, left + (width - line.width if column.is_right else 0), y + line.baseline)
                y += line.height
            if ink:
                page.set_ink(self._frame.ink)
            marks.append(page.mark - first)
        page.end_row(row, tuple(marks), height)


class _Page:
    """A page while it is set."""

    def __init__(self, frame: Frame) -> None:
        self.mark = frame.marks
        self.rows: list[Row] = []
        self._frame = frame
        self._streams = [self._new_stream()]
        self._marks: list[list[tuple[int, ...]]] = [[]]
        self._ends: list[float] = []
        self.y = self.slot.top

    def _new_stream(self) -> Stream:
        stream = self._frame.new_stream()
        stream.set_color(self._frame.ink)
        return stream

    @property
    def slot(self) -> Slot:
        return self._frame.slots[len(self._streams) - 1]

    def has_room(self, height: float) -> bool:
        """Whether a row of *height* still goes on the page; moves to the next column where there is one."""
        while self.y + height > self._frame.bottom * _TOLERANCE:
            if len(self._streams) == len(self._frame.slots):
                return False
            self._rule()
            self._streams.append(self._new_stream())
            self._marks.append([])
            self.y = self.slot.top
        return True

    def draw(self, line: Line, x: float, y: float) -> None:
        stream = self._streams[-1]
        stream.stream.append(b"/Span <</MCID %d>> BDC" % self.mark)
        draw(stream, line, x, y)
        stream.end_marked_content()
        self.mark += 1

    def set_ink(self, colour: Any) -> None:
        self._streams[-1].set_color(colour)

    def end_row(self, row: Row, marks: tuple[int, ...], height: float) -> None:
        self.rows.append(row)
        self._marks[-1].append(marks)
        self.y += height
        self._ends.append(self.y)

    def _rule(self) -> None:
        """Draw the lines below the rows of a slot."""
        colour, thickness = self._frame.line
        stream = self._streams[-1]
        stream.begin_marked_content("Artifact")
        stream.set_color(colour)
        for y in self._ends:
            stream.rectangle(self.slot.left, y - thickness, self.slot.width, thickness)
        stream.fill()
        stream.end_marked_content()
        self._ends.clear()

    def sheet(self) -> Sheet:
        self._rule()
        return Sheet(contents=tuple(map(packed, self._streams)), marks=tuple(map(tuple, self._marks)))
