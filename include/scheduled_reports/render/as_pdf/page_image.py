"""Draw a page of a PDF as an image, for browsers and frames that show no PDF."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from threading import Lock

#: PDFium is not thread-safe.
_ONE_AT_A_TIME = Lock()
#: Pixels; twice the width at which the page is shown, for high-resolution screens.
WIDTH = 1_300


@dataclass(frozen=True, slots=True)
class PageImage:
    """A page as PNG, and how many pages the PDF has."""

    png: bytes
    pages: int


def page_image(pdf: bytes, number: int) -> PageImage | None:
    """Draw page *number* of *pdf*, counted from 1; None if there is no such page."""
    import pypdfium2  # noqa: PLC0415 - loaded only when a page is viewed

    with _ONE_AT_A_TIME:
        document = pypdfium2.PdfDocument(pdf)
        try:
            pages = len(document)
            if not 1 <= number <= pages:
                return None
            page = document[number - 1]
            image = page.render(scale=WIDTH / page.get_width()).to_pil()
        finally:
            document.close()
    out = BytesIO()
    image.save(out, "PNG", optimize=False)
    return PageImage(out.getvalue(), pages)
