"""PDF: the HTML page on paper, by WeasyPrint; most pages of a long table are set row by row, in bounded memory.

WeasyPrint lays out the first pages of a long table, `row_setter` sets the pages that differ only in their rows.
"""

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
    # without libharfbuzz-subset WeasyPrint subsets fonts with fontTools: same result, only slower
    warnings.filterwarnings("ignore", "HarfBuzz-Subset", DeprecationWarning)
    import pydyf
    from weasyprint import HTML
    from weasyprint.pdf.stream import Stream
    from weasyprint.text.fonts import FontConfiguration
    from weasyprint.urls import URLFetcher

    from .page_frame import Frame, filled, is_piece, renumber, rows_on, slots_on
    from .page_joiner import Joiner, Sheets
    from .row_setter import Setter
    from .text import with_plain_ends

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..as_html.table import TableView
    from ..document import Document

# fontTools logs every step of subsetting a font
logging.getLogger("fontTools").setLevel(logging.ERROR)

#: Rows of a long table that WeasyPrint lays out, per column of the page: more than two pages of one-line rows.
LEAD: Final = 90
#: A report of up to so many pages is laid out again, with less space, if the last is filled to less than this share.
_FEW_PAGES, _NEARLY_EMPTY = 8, 0.3
#: Factors for higher paper.
_HIGH: Final = {"a2": 2, "a1": 2.5}


def render(document: Document, out: BinaryIO, *, row_limit: int | None) -> int:
    """Write the PDF; only data: URIs are ever read."""
    with _without_collector():
        printing = _Printing(Page(document, "print", row_limit))
        printing.lay_out()
        if printing.wastes_a_page:
            tight = _Printing(Page(document, "print", row_limit, tight=True))
            tight.lay_out()
            printing = tight if tight.count < printing.count else printing
        return printing.write(out)


class _Printing:
    """The layout of one report."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._tables = [RowBuffer(view.rows()) for view in page.views]
        self._fonts = FontConfiguration()
        self._used_fonts: dict[Any, Any] = {}
        self._resources = pydyf.Dictionary(
            {kind: pydyf.Dictionary() for kind in ("ExtGState", "XObject", "Pattern", "Shading")}
        )
        self._images: dict[str, Any] = {}
        self._pages: list[Any] = []
        self._sheets: list[Sheets] = []
        self._first: Any = None  # WeasyPrint's document of the first pages

    @property
    def count(self) -> int:
        """How many pages there are."""
        return len(self._pages) + sum(len(added.sheets) for added in self._sheets)

    @property
    def wastes_a_page(self) -> bool:
        """Whether the last of a few pages is nearly empty."""
        return 1 < self.count <= _FEW_PAGES and not self._sheets and filled(self._pages[-1]) < _NEARLY_EMPTY

    def write(self, out: BinaryIO) -> int:
        """Write the file; return how many rows of the main table it has."""
        if self._pages == list(self._first.pages):  # all of the report in one layout
            self._first.write_pdf(out, pdf_tags=True)
        else:
            self._number()
            whole = self._first.copy(self._pages)
            whole.fonts = self._used_fonts
            whole.write_pdf(out, pdf_tags=True, finisher=self._join)
        return self._page.main_rows

    def lay_out(self) -> None:
        """Lay out all pages."""
        self._first = self._lay_out()

    def _lay_out(self) -> Any:
        """Lay out all pages; return WeasyPrint's document of the first ones."""
        first, at, lead = None, 0, 1.0
        while True:
            excerpts = list(self._excerpts(at, lead, is_first=first is None))
            html = with_plain_ends("".join(self._page.html(excerpts, is_first=first is None)))
            laid = HTML(string=html, url_fetcher=URLFetcher(allowed_protocols={"data"})).render(
                font_config=self._fonts, pdf_tags=True
            )
            if not excerpts or not excerpts[-1].goes_on:
                self._pages += laid.pages
                return first or laid
            last = excerpts[-1]
            left = self._left(laid.pages, last.view)
            if left is None:
                for place, excerpt in enumerate(excerpts, start=at):
                    self._tables[place].give_back(list(excerpt.rows))
                lead *= 2
                continue
            at += len(excerpts) - 1
            self._tables[at].give_back(list(last.rows)[-left:])
            self._pages += laid.pages[:-1]
            self._set(laid.pages[-2], last.view, self._tables[at])
            first, lead = first or laid, 1.0

    def _excerpts(self, at: int, lead: float, *, is_first: bool) -> Iterator[Excerpt]:
        """Yield what WeasyPrint lays out next: the tables from *at* up to the first long one."""
        for place, (view, rows) in enumerate(zip(self._page.views[at:], self._tables[at:], strict=True)):
            taken = rows.take(int(LEAD * lead * view.columns * _HIGH.get(view.paper, 1)))
            goes_on = not rows.is_at_end
            yield Excerpt(view=view, rows=taken, is_continued=not is_first and not place, goes_on=goes_on)
            if goes_on:
                return

    @staticmethod
    def _left(pages: list[Any], view: TableView) -> int | None:
        """Count the rows on the last of *pages*; None unless it and the full page before hold only this table."""
        if len(pages) < 2 or not all(map(is_piece, pages[-2:])) or slots_on(pages[-2]) != view.columns:
            return None
        before, last = map(rows_on, pages[-2:])
        return len(last) if last and last[0] not in before[-1:] else None

    def _set(self, page: Any, view: TableView, rows: RowBuffer) -> None:
        frame = Frame(page, self._stream)
        sheets = Setter(frame, [head.kind == "number" for head in view.heads]).sheets(rows)
        if sheets:
            self._sheets.append(Sheets(before=len(self._pages), frame=frame, sheets=sheets))

    def _stream(self, tags: dict[Any, Any]) -> Stream:
        return Stream(self._used_fonts, (0, 0, 0, 0), self._resources, self._images, tags, {}, None, compress=True)

    def _number(self) -> None:
        """Number WeasyPrint's pages within the whole document."""
        for place, page in enumerate(self._pages):
            before = sum(len(added.sheets) for added in self._sheets if added.before <= place)
            renumber(page, f"Page {place + before + 1} of {self.count}")

    def _join(self, _: Any, pdf: pydyf.PDF) -> None:
        joiner = Joiner(pdf, self._resources, self._images)
        added_so_far = 0
        for added in self._sheets:
            joiner.add(added, added.before + added_so_far + 1, self.count)
            added_so_far += len(added.sheets)


@contextmanager
def _without_collector() -> Iterator[None]:
    """Disable the garbage collector: WeasyPrint's objects live to the end, and collecting took 2/5 of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
