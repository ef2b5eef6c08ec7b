"""The frame of a page that holds only rows of one table, taken from WeasyPrint's layout for the pages that follow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import pydyf
from weasyprint.formatting_structure import boxes
from weasyprint.text.line_break import split_first_line

from .text import Typesetter, draw, packed

if TYPE_CHECKING:
    from collections.abc import Callable

    from weasyprint.document import Page
    from weasyprint.pdf.stream import Stream

#: The margin box with the page number.
_NUMBER: Final = "@bottom-right"
#: PDF points per CSS pixel.
_SCALE: Final = 0.75
#: Elements of pages that hold more than rows of a table.
_OTHERS: Final = frozenset({"h1", "h2", "p", "figure"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Slot:
    """A place for rows on a page: all of it, or one of its columns. *cells* has left edges and widths."""

    left: float
    top: float
    width: float
    cells: tuple[tuple[float, float], ...]
    heads: tuple[tuple[int, ...], ...]  # the marked-content ids of the text of each head
    stream: Stream  # draws the heads


class Frame:
    """What the pages of one long table share: edges, margins, heads, and where rows go."""

    def __init__(self, page: Page, new_stream: Callable[[dict[Any, Any]], Stream]) -> None:
        self._page = page
        self._page_box = page._page_box  # noqa: SLF001 - WeasyPrint has no public access to the boxes of a page
        self._new_stream = new_stream
        self._tags: dict[Any, Any] = {}
        self.width, self.height = page.width * _SCALE, page.height * _SCALE
        self.bottom = self._page_box.content_box_y() + self._page_box.height
        found = tables_of(self._page_box)
        self.cells = _body(found[0])[0].children
        self.ink = _body(found[0])[0].style["color"]  # not that of a cell, which may have a tone
        self.line = self.cells[0].style["border_bottom_color"], self.cells[0].border_bottom_width
        self.slots = tuple(map(self._slot, found))
        self.marks = len(self._tags)
        margins = [_without_number(box) for box in self._page_box.children if isinstance(box, boxes.MarginBox)]
        self.margins = _as_artifacts(self._painted(self._page_box.copy_with_children(margins)))

    def new_stream(self) -> Stream:
        """Make a stream in the coordinates of WeasyPrint's boxes."""
        stream = self._new_stream({})
        stream._tags = None  # noqa: SLF001 - marked content is tagged here
        stream.push_state()
        stream.transform(a=_SCALE, d=-_SCALE, f=self.height)
        return stream

    def number(self, text: str) -> pydyf.Stream:
        """Draw the page number at its place."""
        stream = self.new_stream()
        (box,) = number_boxes(self._page_box)
        line = Typesetter(box.style, self.new_stream()).line(text)
        stream.begin_marked_content("Artifact")
        stream.set_color(box.style["color"])
        draw(stream, line, box.position_x + box.width - line.width, box.position_y + box.baseline)
        stream.end_marked_content()
        return packed(stream)

    def _slot(self, table: Any) -> Slot:
        bare = _with_heads_of(table, self._page_box)
        stream = self._painted(bare)
        (heads,) = tables_of(bare)
        row = _body(table)[0]
        return Slot(
            left=row.position_x,
            top=row.position_y,
            width=row.width,
            cells=tuple((cell.content_box_x(), cell.width) for cell in row.children),
            heads=tuple(
                tuple(self._tags[box]["mcid"] for box in cell.descendants() if box in self._tags)
                for cell in heads.children[0].children[0].children
            ),
            stream=stream,
        )

    def _painted(self, page_box: Any) -> Stream:
        stream = self._new_stream(self._tags)
        stream.push_state()
        stream.transform(d=-1, f=self.height)
        type(self._page)(page_box).paint(stream, _SCALE)
        stream.pop_state()
        return stream


def is_piece(page: Page) -> bool:
    """Whether *page* holds only rows of a table that began before."""
    tags = {box.element_tag for box in page._page_box.descendants() if isinstance(box, boxes.Box)}  # noqa: SLF001
    return not tags & _OTHERS


def filled(page: Page) -> float:
    """Measure down to which part of its height a page is filled."""
    page_box = page._page_box  # noqa: SLF001
    flow = (box for child in page_box.children if not isinstance(child, boxes.MarginBox) for box in child.descendants())
    end = max((box.position_y + box.height for box in flow if isinstance(box, boxes.TextBox)), default=0)
    return float((end - page_box.content_box_y()) / page_box.height)


def slots_on(page: Page) -> int:
    """Count the columns in which a page holds rows."""
    return len(tables_of(page._page_box))  # noqa: SLF001


def tables_of(page_box: Any) -> list[Any]:
    """Find the tables, or parts of tables, on a page."""
    return [box for box in page_box.descendants() if isinstance(box, boxes.TableBox)]


def rows_on(page: Page) -> list[Any]:
    """Find the elements of the table rows on a page."""
    found = [row.element for table in tables_of(page._page_box) for row in _body(table)]  # noqa: SLF001
    return list(dict.fromkeys(found))


def number_boxes(page_box: Any) -> list[Any]:
    """Find the text boxes of the page number."""
    corners = [box for box in page_box.children if getattr(box, "at_keyword", "") == _NUMBER]
    return [box for corner in corners for box in corner.descendants() if isinstance(box, boxes.TextBox)]


def renumber(page: Page, text: str) -> None:
    """Replace the number of a page that WeasyPrint laid out."""
    for box in number_boxes(page._page_box):  # noqa: SLF001
        layout, _, _, width, _, _ = split_first_line(text, box.style, None, None, 0)
        box.position_x += box.width - width
        box.text, box.width, box.pango_layout = text, width, layout


def _body(table: Any) -> list[Any]:
    return [row for group in table.children if not group.is_header for row in group.children]


def _with_heads_of(table: Any, box: Any) -> Any:
    """Copy *box* with nothing in it but the heads of one table."""
    if box is table:
        return box.copy_with_children([group for group in box.children if group.is_header])
    return box.copy_with_children(
        [_with_heads_of(table, child) for child in box.children if any(one is table for one in child.descendants())]
    )


def _without_number(box: Any) -> Any:
    return box.copy_with_children([]) if box.at_keyword == _NUMBER else box


def _as_artifacts(stream: Stream) -> Stream:
    """Mark everything in *stream* as an artifact, which screen readers skip."""
    items = stream.stream
    for place, item in enumerate(items):
        if isinstance(item, pydyf.Dictionary) and "MCID" in item:
            items[place - 1 : place + 2] = ["/Artifact", b"", b"BMC"]
    return stream
