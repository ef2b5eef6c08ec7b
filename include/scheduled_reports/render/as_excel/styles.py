"""How cells look in a workbook, in the colours of the brand."""

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

#: A row of one line, in points; a header has some air.
LINE, AIR = 15, 5


@dataclass(frozen=True, kw_only=True, slots=True)
class Look:
    """How a cell looks, where it is not as Excel has it."""

    font: Font | None = None
    fill: PatternFill | None = None
    border: Border | None = None
    alignment: Alignment | None = None


def font(colour: str = "1F2328", **changes: Any) -> Font:
    """Calibri, which every Excel has, and LibreOffice a twin of."""
    return Font(**{"name": "Calibri", "size": 11, "color": colour, **changes})


PLAIN: Final = Look()
SOFT: Final = Look(font=font("5B6472"))
NOTE: Final = Look(font=font("5B6472", italic=True))
QUIET: Final = Look(
    font=font(bold=True), fill=PatternFill("solid", fgColor="F1F3F6"), alignment=Alignment(vertical="center")
)
TRENDS: Final = {"good": Look(font=font("1A7F37")), "bad": Look(font=font("B42318")), "flat": SOFT}
#: The button of a filter lies over the end of a head; numbers stand below the head, and clear of the next column.
LEFT, RIGHT = Alignment(horizontal="left", indent=1), Alignment(horizontal="right", indent=2)


def band(branding: Branding) -> Look:
    """The title of the workbook."""
    ink = ink_on(branding.colour)
    return Look(
        font=font(argb(ink), bold=True, size=18),
        fill=_filled(branding.colour),
        alignment=Alignment(horizontal="left", vertical="center", indent=1),
    )


def header(branding: Branding, where: Alignment | None = None) -> Look:
    """The head of a table: the brand's colour, pale enough for dark text; it stands as the cells below do."""
    side, indent = (where.horizontal, where.indent) if where else (None, 0)
    return Look(
        font=font("1F2328", bold=True),
        fill=_filled(mixed(branding.colour, WHITE, 0.86)),
        border=Border(bottom=Side(style="medium", color=argb(readable(branding.colour, WHITE)))),
        alignment=Alignment(vertical="center", wrap_text=True, horizontal=side, indent=indent),
    )


def link(branding: Branding) -> Look:
    """A way to another sheet."""
    return Look(font=font(argb(readable(branding.colour, WHITE)), underline="single"))


def ruled(look: Look) -> Look:
    """*look* with a thin line below it."""
    line = Border(bottom=Side(style="thin", color="E3E7EC"))
    return Look(font=look.font, fill=look.fill, border=line, alignment=look.alignment)


def argb(colour: str) -> str:
    """A colour as openpyxl takes it."""
    return colour.removeprefix("#").upper()


def put(sheet: Worksheet, row: int, column: int, value: Any, look: Look = PLAIN) -> Cell | MergedCell:
    """Write a cell; a text is a text whatever it begins with."""
    cell = sheet.cell(row, column)
    if isinstance(value, str):
        cell.value = excel_text(value)
        cell.data_type = "s"
    else:
        cell.value = value
    for name in ("font", "fill", "border", "alignment"):
        if (wanted := getattr(look, name)) is not None:
            setattr(cell, name, wanted)
    return cell


def _filled(colour: str) -> PatternFill:
    return PatternFill("solid", fgColor=argb(colour))
