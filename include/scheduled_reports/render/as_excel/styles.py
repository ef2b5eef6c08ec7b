"""Cell styles, in the colours of the brand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from openpyxl.styles import Alignment, Border, Font, PatternFill, Side

from ..colours import WHITE, ink_on, mixed, readable
from .cells import excel_text

if TYPE_CHECKING:
    from openpyxl.cell.cell import Cell, MergedCell
    from openpyxl.worksheet.worksheet import Worksheet

    from ...settings.branding import Branding

#: The height of a line, and the extra height of a header, in points.
LINE, HEADER_EXTRA = 15, 5


@dataclass(frozen=True, kw_only=True, slots=True)
class CellStyle:
    """Differences from Excel's default style."""

    font: Font | None = None
    fill: PatternFill | None = None
    border: Border | None = None
    alignment: Alignment | None = None


def font(colour: str = "1F2328", **changes: Any) -> Font:
    """Make a font: Calibri, which every Excel has and LibreOffice substitutes with the same metrics."""
    return Font(**{"name": "Calibri", "size": 11, "color": colour, **changes})


PLAIN: Final = CellStyle()
SOFT: Final = CellStyle(font=font("5B6472"))
NOTE: Final = CellStyle(font=font("5B6472", italic=True))
QUIET: Final = CellStyle(
    font=font(bold=True), fill=PatternFill("solid", fgColor="F1F3F6"), alignment=Alignment(vertical="center")
)
TRENDS: Final = {"good": CellStyle(font=font("1A7F37")), "bad": CellStyle(font=font("B42318")), "flat": SOFT}
#: A filter button covers the end of a header; numbers are indented to stand below the text beside it.
LEFT, RIGHT = Alignment(horizontal="left", indent=1), Alignment(horizontal="right", indent=2)


def band(branding: Branding) -> CellStyle:
    """The style of the title of the workbook."""
    ink = ink_on(branding.colour)
    return CellStyle(
        font=font(argb(ink), bold=True, size=18),
        fill=_filled(branding.colour),
        alignment=Alignment(horizontal="left", vertical="center", indent=1),
    )


def header(branding: Branding, where: Alignment | None = None) -> CellStyle:
    """The style of a table header: the brand's colour, pale enough for dark text, aligned like the cells below."""
    side, indent = (where.horizontal, where.indent) if where else (None, 0)
    return CellStyle(
        font=font("1F2328", bold=True),
        fill=_filled(mixed(branding.colour, WHITE, 0.86)),
        border=Border(bottom=Side(style="medium", color=argb(readable(branding.colour, WHITE)))),
        alignment=Alignment(vertical="center", wrap_text=True, horizontal=side, indent=indent),
    )


def link(branding: Branding) -> CellStyle:
    """The style of a link to another sheet."""
    return CellStyle(font=font(argb(readable(branding.colour, WHITE)), underline="single"))


def ruled(style: CellStyle) -> CellStyle:
    """*style* with a thin line below."""
    line = Border(bottom=Side(style="thin", color="E3E7EC"))
    return CellStyle(font=style.font, fill=style.fill, border=line, alignment=style.alignment)


def argb(colour: str) -> str:
    """Convert a colour for openpyxl."""
    return colour.removeprefix("#").upper()


def put(sheet: Worksheet, row: int, column: int, value: Any, style: CellStyle = PLAIN) -> Cell | MergedCell:
    """Write a cell; text is never a formula, whatever it begins with."""
    cell = sheet.cell(row, column)
    if isinstance(value, str):
        cell.value = excel_text(value)
        cell.data_type = "s"
    else:
        cell.value = value
    for name in ("font", "fill", "border", "alignment"):
        if (wanted := getattr(style, name)) is not None:
            setattr(cell, name, wanted)
    return cell


def _filled(colour: str) -> PatternFill:
    return PatternFill("solid", fgColor=argb(colour))
