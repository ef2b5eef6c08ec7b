"""HTML: one self-contained file without scripts; nothing is fetched.

The same page, laid out for paper, becomes the PDF.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO

from .page import Page

if TYPE_CHECKING:
    from ..document import Document


def render(document: Document, out: BinaryIO, *, row_limit: int | None) -> int:
    """Write the page while it is generated, so that no long table is held in memory."""
    page = Page(document, "screen", row_limit)
    out.writelines(text.encode() for text in page.html())
    return page.main_rows
