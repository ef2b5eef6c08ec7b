"""HTML: one file that needs nothing else, runs nothing and fetches nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO

from .page import Page

if TYPE_CHECKING:
    from ..document import Document


def render(document: Document, out: BinaryIO, *, row_limit: int | None) -> int:
    """Write the page as it is made, a few hundred pieces at a time."""
    page = Page(document, "screen", row_limit)
    out.writelines(text.encode() for text in page.html())
    return page.main_rows
