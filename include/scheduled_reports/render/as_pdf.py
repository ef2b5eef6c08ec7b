"""PDF: the same page on paper, by WeasyPrint."""

from __future__ import annotations

import gc
import logging
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO

from .page import Page

with warnings.catch_warnings():
    # without libharfbuzz-subset WeasyPrint has fontTools cut the fonts down: as good, only slower
    warnings.filterwarnings("ignore", "HarfBuzz-Subset", DeprecationWarning)
    from weasyprint import HTML
    from weasyprint.urls import URLFetcher

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .document import Document

# fontTools tells at length what it does to a font it cuts down
logging.getLogger("fontTools").setLevel(logging.ERROR)


def render(document: Document, out: BinaryIO, *, row_limit: int | None) -> int:
    """Write the PDF; nothing but data: addresses is ever read."""
    page = Page(document, "print", row_limit)
    fetcher = URLFetcher(allowed_protocols={"data"})
    with _no_collector():
        HTML(string="".join(page.html()), url_fetcher=fetcher).write_pdf(out, pdf_tags=True)
    return page.main_rows


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
