"""A page of a PDF as a picture, for where no PDF can be shown."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from threading import Lock

#: PDFium is not made for several threads.
_ONE_AT_A_TIME = Lock()
#: Pixels; twice what a dialog shows it at, for fine screens.
WIDTH = 1_300


@dataclass(frozen=True, slots=True)
class Sheet:
    """A page as PNG, and how many pages there are."""

    png: bytes
    pages: int


def sheet(pdf: bytes, number: int) -> Sheet | None:
    """Page *number* of *pdf*, the first being 1; None where there is no such page."""
    import pypdfium2  # noqa: PLC0415 - for those few who look at a page

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
    return Sheet(out.getvalue(), pages)
