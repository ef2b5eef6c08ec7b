"""Set up printing: A4 landscape, one page wide, workspace and period in the footer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from openpyxl.worksheet.page import PageMargins
from openpyxl.worksheet.properties import PageSetupProperties

from ...domain.bidi import isolated
from ...domain.graphemes import cut
from ..values import printable

if TYPE_CHECKING:
    from openpyxl.worksheet.worksheet import Worksheet

    from ..document import Document

#: Excel allows 255 characters for all three parts of a footer, including its codes.
_LONGEST = 180


def set_up_page(sheet: Worksheet, document: Document) -> None:
    """Set the page of a sheet, with a footer like that of the PDF."""
    sheet.page_setup.orientation, sheet.page_setup.paperSize = "landscape", int(sheet.PAPERSIZE_A4)
    sheet.page_setup.fitToHeight = 0
    sheet.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)
    sheet.page_margins = PageMargins(left=0.5, right=0.5, top=0.55, bottom=0.7, header=0.3, footer=0.35)
    foot = sheet.oddFooter
    assert foot is not None
    name = printable(document.workspace)
    room = _LONGEST - len(document.period)
    workspace = isolated(cut(name, max(room - name[:room].count("&"), room // 2)))
    words = f"{workspace} · {document.period}".replace("&", "&&")
    foot.left.text, foot.right.text = words, "Page &P of &N"
    foot.left.size = foot.right.size = 8
