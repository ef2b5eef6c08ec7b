"""The pages a long table fills from edge to edge: WeasyPrint lays out one of them, the others are set like it.

Of each page only the rows differ, so only their text is set: by Pango through WeasyPrint, as on every other page.
"""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import pydyf
from weasyprint.draw.text import draw_emojis, draw_first_line
from weasyprint.formatting_structure import boxes
from weasyprint.matrix import Matrix
from weasyprint.pdf.stream import Stream
from weasyprint.text.line_break import Layout, line_size, split_first_line, strut
from weasyprint.text.ffi import FROM_UNITS, pango

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from weasyprint.document import Page

    from .excerpt import Row, Rows

#: PDF's points in a pixel of CSS.
_SCALE: Final = 0.75
#: What a page holds besides a table where it is more than a piece of that table.
_OTHERS: Final = frozenset({"h1", "h2", "p", "figure"})
#: WeasyPrint's own tolerance where it asks whether a row still fits.
_TOLERANCE: Final = 1 + 1e-9
#: What ends a line for Pango.
_BREAKS: Final = re.compile("[\n\u0085\u2028\u2029]")


@dataclass(frozen=True, kw_only=True, slots=True)
class Slot:
    """A place for rows on a page: all of it, or one of its columns. *cells* are the left edges and the widths."""

    left: float
    top: float
    width: float
    cells: tuple[tuple[float, float], ...]
    heads: tuple[tuple[int, ...], ...]  # the marks of the text of each head


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """A line of a cell; *text*, *style* and *pango_layout* are what WeasyPrint draws. *baseline* is from its top."""

    text: str
    style: Any
    pango_layout: Any
    width: float
    height: float
    baseline: float
    is_asleep: bool = False


#: Per slot and row: the marks of each cell's text.
Marks = tuple[tuple[tuple[range, ...], ...], ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Sheet:
    """A page that was set."""

    content: pydyf.Stream
    marks: Marks


class Frame:
    """What the pages of one long table have in common: edges, margins, heads, and where rows go."""

    def __init__(self, page: Page, paint: Callable[[], Stream]) -> None:
        self.stream = paint()
        self.width, self.height = page.width * _SCALE, page.height * _SCALE
        self._paint = paint
        self._page_box = page._page_box  # noqa: SLF001 - WeasyPrint shows a page's boxes nowhere else
        bare = _without_rows(self._page_box)
        copied = type(page)(bare)
        self.stream.transform(d=-1, f=self.height)
        copied.paint(self.stream, _SCALE)
        self.bottom = self._page_box.content_box_y() + self._page_box.height
        self.slots = tuple(self._slot(table) for table in tables_of(self._page_box))
        self.cells = _body(tables_of(self._page_box)[0])[0].children
        self.marks = len(self.stream._tags)  # noqa: SLF001
        self._margins_are_artifacts()

    def new_stream(self) -> Stream:
        """A stream that goes on where the frame ends."""
        stream = self._paint()
        stream._tags = None  # noqa: SLF001 - the marks are ours
        stream.push_state()
        stream.transform(a=_SCALE, d=_SCALE)
        return stream

    def number(self, text: str) -> pydyf.Stream:
        """The number of a page at its place."""
        stream = self.new_stream()
        (box,) = number_boxes(self._page_box)
        line = single_line(text, box.style)
        stream.begin_marked_content("Artifact")
        draw(stream, line, box.position_x + box.width - line.width, box.position_y + box.baseline)
        stream.end_marked_content()
        return packed(stream)

    def _slot(self, table: Any) -> Slot:
        row = _body(table)[0]
        heads = [cell for group in table.children if group.is_header for cell in group.children[0].children]
        tags = self.stream._tags  # noqa: SLF001
        return Slot(
            left=row.position_x,
            top=row.position_y,
            width=row.width,
            cells=tuple((cell.content_box_x(), cell.width) for cell in row.children),
            heads=tuple(tuple(tags[box]["mcid"] for box in cell.descendants() if box in tags) for cell in heads),
        )

    def _margins_are_artifacts(self) -> None:
        kept = {mark for slot in self.slots for head in slot.heads for mark in head}
        found = self.stream.stream
        for place, item in enumerate(found):
            if isinstance(item, pydyf.Dictionary) and item.get("MCID") not in kept | {None}:
                found[place - 1 : place + 2] = ["/Artifact", b"", b"BMC"]


class Setter:
    """Sets rows into the slots of a frame."""

    def __init__(self, frame: Frame, is_right: Sequence[bool]) -> None:
        self._frame = frame
        self._columns = [
            _Column(cell, is_right=right) for cell, right in zip(frame.cells, is_right, strict=True)
        ]
        cell = frame.cells[0]
        self._above, self._line = cell.padding_top, cell.border_bottom_width
        # not the cell's own padding_bottom: WeasyPrint stretches that to the height of the row
        below = cell.style["padding_bottom"].value
        self._around = cell.padding_top + below + cell.border_top_width + self._line
        self._line_colour = cell.style["border_bottom_color"]

    def sheets(self, rows: Rows) -> list[Sheet]:
        """As many full pages as the rows fill; those of the last, unfinished page are given back."""
        made: list[tuple[Sheet, list[Row]]] = []
        page = _Page(self._frame)
        while (row := rows.next()) is not None:
            lines = [column.lines(text) for column, (_, text) in zip(self._columns, row, strict=True)]
            height = self._around + max(sum(line.height for line in cell) for cell in lines)
            if not page.has_room(height):
                if not page.rows or height > self._frame.bottom - self._frame.slots[0].top:
                    rows.give_back([row])
                    break
                made.append((page.sheet(self._line_colour, self._line), page.rows))
                page = _Page(self._frame)
            self._set(page, row, lines, height)
        rows.give_back(page.rows)
        if made and len(rows) == 1:  # the last page shall have more than one row
            rows.give_back(made.pop()[1])
        return [sheet for sheet, _ in made]

    def _set(self, page: _Page, row: Row, lines: list[list[Line]], height: float) -> None:
        marks = []
        for column, cell, (left, width) in zip(self._columns, lines, page.slot.cells, strict=True):
            first, y = page.mark, page.y + self._above
            for line in cell:
                if line.text.strip():
                    page.draw(line, left + (width - line.width if column.is_right else 0), y + line.baseline)
                y += line.height
            marks.append(range(first, page.mark))
        page.end_row(row, tuple(marks), height)


class _Page:
    """A page while it is set."""

    def __init__(self, frame: Frame) -> None:
        self.stream = frame.new_stream()
        self.mark = frame.marks
        self.rows: list[Row] = []
        self._frame = frame
        self._place = 0
        self._marks: list[list[tuple[range, ...]]] = [[] for _ in frame.slots]
        self._ends: list[tuple[Slot, float]] = []
        self.y = self.slot.top

    @property
    def slot(self) -> Slot:
        return self._frame.slots[self._place]

    def has_room(self, height: float) -> bool:
        """Whether a row of *height* still goes on the page; moves to the next column where there is one."""
        while self.y + height > self._frame.bottom * _TOLERANCE:
            if self._place + 1 == len(self._frame.slots):
                return False
            self._place += 1
            self.y = self.slot.top
        return True

    def draw(self, line: Line, x: float, y: float) -> None:
        self.stream.begin_marked_content("Span", pydyf.Dictionary({"MCID": self.mark}))
        draw(self.stream, line, x, y)
        self.stream.end_marked_content()
        self.mark += 1

    def end_row(self, row: Row, marks: tuple[range, ...], height: float) -> None:
        self.rows.append(row)
        self._marks[self._place].append(marks)
        self.y += height
        self._ends.append((self.slot, self.y))

    def sheet(self, colour: Any, thickness: float) -> Sheet:
        with self.stream.stacked():
            self.stream.begin_marked_content("Artifact")
            self.stream.set_color(colour)
            for slot, y in self._ends:
                self.stream.rectangle(slot.left, y - thickness, slot.width, thickness)
            self.stream.fill()
            self.stream.end_marked_content()
        return Sheet(content=packed(self.stream), marks=tuple(map(tuple, self._marks)))


class _Column:
    """Breaks the texts of a column into lines, as WeasyPrint does with `white-space: pre-line`."""

    def __init__(self, cell: Any, *, is_right: bool) -> None:
        self.is_right = is_right
        self._style = cell.style.anonymous_style
        self._width = cell.width
        self._layout = Layout(self._style)

    def lines(self, text: str) -> list[Line]:
        """The lines of *text*; a single one is valid until the next call."""
        text = _collapsed(text)
        if not text:
            return []
        if not _BREAKS.search(text):
            line = single_line(text, self._style, self._layout)
            if line.width <= self._width:
                return [line]
        return self._broken(text.encode())

    def _broken(self, rest: bytes) -> list[Line]:
        lines = []
        while rest := rest.lstrip(b" "):
            layout, length, resume, width, height, baseline = split_first_line(
                rest.decode(), self._style, None, self._width, 0
            )
            lines.append(_line(layout, layout.text if length else "", self._style, width, height, baseline, True))
            rest = rest[resume:] if resume is not None else b""
        return lines


def single_line(text: str, style: Any, layout: Any = None) -> Line:
    """*text* as one line, however long."""
    layout = layout or Layout(style)
    layout.set_text(text)
    first, _ = layout.get_first_line()
    width, height = line_size(first, style)
    return _line(layout, text, style, width, height, pango.pango_layout_get_baseline(layout.layout) * FROM_UNITS)


def _line(
    layout: Any, text: str, style: Any, width: float, height: float, baseline: float, is_asleep: bool = False
) -> Line:
    """A line as high as CSS has it: of the text and of the font that the style names first."""
    line_height, usual = strut(style)
    above = baseline + (line_height - height) / 2
    top = max(above, usual)
    return Line(
        text=text, style=style, pango_layout=layout, width=width, baseline=top, is_asleep=is_asleep,
        height=top + line_height - min(above, usual),
    )  # fmt: skip


def draw(stream: Stream, line: Line, x: float, y: float) -> None:
    """Draw *line* with its baseline at *y*."""
    stream.set_color(line.style["color"])
    if line.is_asleep:
        line.pango_layout.reactivate(line.style)
    stream.begin_text()
    emojis = draw_first_line(stream, line, "clip", "none", Matrix(d=-1, e=x, f=y))
    stream.end_text()
    draw_emojis(stream, line.style, x, y, emojis)


def packed(stream: Stream) -> pydyf.Stream:
    """What *stream* holds, compressed at once."""
    stream.pop_state()
    content = b"\n".join(pydyf._to_bytes(item) for item in stream.stream)  # noqa: SLF001
    return pydyf.Stream([zlib.compress(content, 6)], {"Filter": "/FlateDecode"})


def is_piece(page: Page, columns: int) -> bool:
    """Whether *page* holds nothing but a piece of one table, in so many columns."""
    tags = {box.element_tag for box in page._page_box.descendants() if isinstance(box, boxes.Box)}  # noqa: SLF001
    return not tags & _OTHERS and len(tables_of(page._page_box)) == columns  # noqa: SLF001


def tables_of(page_box: Any) -> list[Any]:
    """The tables, or pieces of tables, on a page."""
    return [box for box in page_box.descendants() if isinstance(box, boxes.TableBox)]


def rows_on(page: Page) -> list[Any]:
    """The elements of the table rows on a page."""
    found = [row.element for table in tables_of(page._page_box) for row in _body(table)]  # noqa: SLF001
    return list(dict.fromkeys(found))


def number_boxes(page_box: Any) -> list[Any]:
    """The text in the corner of a page that says its number."""
    corners = [box for box in page_box.children if getattr(box, "at_keyword", "") == "@bottom-right"]
    return [box for corner in corners for box in corner.descendants() if isinstance(box, boxes.TextBox)]


def renumber(page: Page, text: str) -> None:
    """Give a page that WeasyPrint laid out its number in the whole."""
    for box in number_boxes(page._page_box):  # noqa: SLF001
        layout, _, _, width, _, _ = split_first_line(text, box.style, None, None, 0)
        box.position_x += box.width - width
        box.text, box.width, box.pango_layout = text, width, layout


def _body(table: Any) -> list[Any]:
    return [row for group in table.children if not group.is_header for row in group.children]


def _without_rows(box: Any) -> Any:
    """A copy of *box* without the rows of tables and the number of the page."""
    if not isinstance(box, boxes.ParentBox):
        return box
    if getattr(box, "at_keyword", "") == "@bottom-right":
        return box.copy_with_children([])
    return box.copy_with_children(
        [
            _without_rows(child)
            for child in box.children
            if not isinstance(child, boxes.TableRowGroupBox) or child.is_header
        ]
    )


def _collapsed(text: str) -> str:
    """*text* with its spaces as `white-space: pre-line` leaves them."""
    text = re.sub("\r\n?", "\n", text)
    return re.sub("[\t ]+", " ", re.sub("[\t ]*\n[\t ]*", "\n", text)).strip(" ")
