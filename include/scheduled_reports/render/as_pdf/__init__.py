"""PDF: the same page on paper, by WeasyPrint; what a long table adds is set row by row, in bounded memory."""

from __future__ import annotations

import gc
import logging
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from ..as_html.excerpt import Excerpt
from ..as_html.page import Page
from .row_buffer import RowBuffer

with warnings.catch_warnings():
    # without libharfbuzz-subset WeasyPrint has fontTools cut the fonts down: as good, only slower
    warnings.filterwarnings("ignore", "HarfBuzz-Subset", DeprecationWarning)
    import pydyf
    from weasyprint import HTML
    from weasyprint.pdf.stream import Stream
    from weasyprint.text.fonts import FontConfiguration
    from weasyprint.urls import URLFetcher

    from .page_frame import Frame, is_piece, renumber, rows_on, slots_on
    from .page_joiner import Joiner, Sheets
    from .row_setter import Setter
    from .text import with_plain_ends

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..as_html.table import Grid
    from ..document import Document

# fontTools tells at length what it does to a font it cuts down
logging.getLogger("fontTools").setLevel(logging.ERROR)

#: The rows of a long table that WeasyPrint lays out, per column of the page: more than two pages hold of one line each.
LEAD: Final = 90
#: On paper that is higher, it is so much more.
_HIGH: Final = {"a2": 2, "a1": 2.5}


def render(document: Document, out: BinaryIO, *, row_limit: int | None) -> int:
    """Write the PDF; nothing but data: addresses is ever read."""
    page = Page(document, "print", row_limit)
    with _no_collector():
        _Printing(page).write(out)
    return page.main_rows


class _Printing:
    """A report on its way to paper."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._tables = [RowBuffer(grid.rows()) for grid in page.grids]
        self._fonts = FontConfiguration()
        self._used_fonts: dict[Any, Any] = {}
        self._resources = pydyf.Dictionary(
            {kind: pydyf.Dictionary() for kind in ("ExtGState", "XObject", "Pattern", "Shading")}
        )
        self._images: dict[str, Any] = {}
        self._pages: list[Any] = []
        self._sheets: list[Sheets] = []

    def write(self, out: BinaryIO) -> None:
        laid = self._lay_out()
        if not self._sheets:
            laid.write_pdf(out, pdf_tags=True)
            return
        self._number()
        whole = laid.copy(self._pages)
        whole.fonts = self._used_fonts
        whole.write_pdf(out, pdf_tags=True, finisher=self._join)

    def _lay_out(self) -> Any:
        """Lay out all pages; returns what WeasyPrint made of the first."""
        first, at, lead = None, 0, 1.0
        while True:
            excerpts = list(self._excerpts(at, lead, is_first=first is None))
            html = with_plain_ends("".join(self._page.html(excerpts, is_first=first is None)))
            laid = HTML(string=html, url_fetcher=URLFetcher(allowed_protocols={"data"})).render(
                font_config=self._fonts, pdf_tags=True
            )
            last = excerpts[-1]
            if not last.goes_on:
                self._pages += laid.pages
                return first or laid
            left = self._left(laid.pages, last.grid)
            if left is None:
                for place, excerpt in enumerate(excerpts, start=at):
                    self._tables[place].give_back(list(excerpt.rows))
                lead *= 2
                continue
            at += len(excerpts) - 1
            self._tables[at].give_back(list(last.rows)[-left:])
            self._pages += laid.pages[:-1]
            self._set(laid.pages[-2], last.grid, self._tables[at])
            first, lead = first or laid, 1.0

    def _excerpts(self, at: int, lead: float, *, is_first: bool) -> Iterator[Excerpt]:
        """What WeasyPrint lays out: the tables from *at*, to the first that is longer than it has to lay out."""
        for place, (grid, rows) in enumerate(zip(self._page.grids[at:], self._tables[at:], strict=True)):
            taken = rows.take(int(LEAD * lead * grid.columns * _HIGH.get(grid.paper, 1)))
            goes_on = not rows.is_at_end
            yield Excerpt(grid=grid, rows=taken, is_continued=not is_first and not place, goes_on=goes_on)
            if goes_on:
                return

    @staticmethod
    def _left(pages: list[Any], grid: Grid) -> int | None:
        """The rows on the last of *pages*, None unless it and the page before, which is full, are of one table only."""
        if len(pages) < 2 or not all(map(is_piece, pages[-2:])) or slots_on(pages[-2]) != grid.columns:
            return None
        before, last = map(rows_on, pages[-2:])
        return len(last) if last and last[0] not in before[-1:] else None

    def _set(self, page: Any, grid: Grid, rows: RowBuffer) -> None:
        frame = Frame(page, self._stream)
        sheets = Setter(frame, [head.kind == "number" for head in grid.heads]).sheets(rows)
        if sheets:
            self._sheets.append(Sheets(before=len(self._pages), frame=frame, sheets=sheets))

    def _stream(self, tags: dict[Any, Any]) -> Stream:
        return Stream(self._used_fonts, (0, 0, 0, 0), self._resources, self._images, tags, {}, None, compress=True)

    def _number(self) -> None:
        """Say on every page of WeasyPrint's which of how many it is."""
        for place, page in enumerate(self._pages):
            before = sum(len(added.sheets) for added in self._sheets if added.before <= place)
            renumber(page, f"Page {place + before + 1} of {self._total}")

    @property
    def _total(self) -> int:
        return len(self._pages) + sum(len(added.sheets) for added in self._sheets)

    def _join(self, _: Any, pdf: pydyf.PDF) -> None:
        joiner = Joiner(pdf, self._resources, self._images)
        added_so_far = 0
        for added in self._sheets:
            joiner.add(added, added.before + added_so_far + 1, self._total)
            added_so_far += len(added.sheets)


@contextmanager
def _no_collector() -> Iterator[None]:
    """Without Python's collector: all that WeasyPrint makes lives to the end, and looking for waste took 2/5 of it."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
