"""Cell styles, in the colours of the brand."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from openpyxl.styles import Alignment, Border, Font, PatternFill, Side

from ..colours import WHITE, ink_on, mixed, readable
from .cells import excel_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from openpyxl.cell.cell import Cell, MergedCell
    from openpyxl.worksheet.worksheet import Worksheet

    from ...domain.report_type import Tone
    from ...settings.branding import Branding

#: The height of a line, of a row of a table, and the extra height of a header, in points.
LINE, ROW, HEADER_EXTRA = 15, 18, 9
INK, SOFT_INK, GRID = "1F2328", "5B6472", "E3E7EC"
#: LibreOffice 7 forgets the indent of a right-aligned cell if the font of the cell before it is the same: neighbours
#: have inks that are not the same, and look it.
OTHER_INK, OTHER_SOFT_INK = "1F2329", "5B6473"
#: Text and background of values that are good or bad news.
TONE_INKS: Final[Mapping[Tone, str]] = {"good": "1A7F37", "warning": "8A5A00", "bad": "B42318"}
TONE_FILLS: Final[Mapping[Tone, str]] = {"good": "E8F5EC", "warning": "FFF4D6", "bad": "FDECEA"}


@dataclass(frozen=True, kw_only=True, slots=True)
class CellStyle:
    """Differences from Excel's default style."""

    font: Font | None = None
    fill: PatternFill | None = None
    border: Border | None = None
    alignment: Alignment | None = None


def font(colour: str = INK, **changes: Any) -> Font:
    """Make a font: Calibri, which every Excel has and LibreOffice substitutes with the same metrics."""
    return Font(**{"name": "Calibri", "size": 11, "color": colour, **changes})


_MIDDLE: Final = Alignment(vertical="center")
_WRAPPED: Final = Alignment(horizontal="left", vertical="center", wrap_text=True, indent=1)
PLAIN: Final = CellStyle(font=font(), alignment=_MIDDLE)
SOFT: Final = CellStyle(font=font(SOFT_INK), alignment=_MIDDLE)
NOTE: Final = CellStyle(font=font(SOFT_INK, size=10), alignment=_WRAPPED)
WORDS: Final = CellStyle(font=font(), alignment=_WRAPPED)
TRENDS: Final = {
    "good": CellStyle(font=font(TONE_INKS["good"], bold=True)),
    "bad": CellStyle(font=font(TONE_INKS["bad"], bold=True)),
    "flat": CellStyle(font=font(OTHER_SOFT_INK)),
}
#: A filter button covers the end of a header; numbers are indented to stand below the text beside it.
LEFT = Alignment(horizontal="left", vertical="center", indent=1)
RIGHT = Alignment(horizontal="right", vertical="center", indent=2)


def band(branding: Branding) -> CellStyle:
    """The style of the title of the workbook."""
    ink = ink_on(branding.colour)
    return CellStyle(
        font=font(argb(ink), bold=True, size=18),
        fill=filled(branding.colour),
        alignment=Alignment(horizontal="left", vertical="center", indent=1),
    )


def lead() -> CellStyle:
    """The style of the lead, below the title."""
    return CellStyle(
        font=font(size=13),
        fill=filled("F4F6F9"),
        alignment=Alignment(horizontal="left", vertical="center", wrap_text=True, indent=1),
    )


def title(branding: Branding) -> CellStyle:
    """The style of the title of a sheet."""
    return CellStyle(font=font(argb(readable(branding.colour, WHITE)), bold=True, size=14), alignment=_MIDDLE)


def header(branding: Branding, where: Alignment | None = None) -> CellStyle:
    """The style of a table header: the brand's colour, pale enough for dark text, aligned like the cells below."""
    side, indent = (where.horizontal, where.indent) if where else (None, 0)
    return CellStyle(
        font=font(bold=True),
        fill=filled(mixed(branding.colour, WHITE, 0.86)),
        border=Border(bottom=Side(style="medium", color=argb(readable(branding.colour, WHITE)))),
        alignment=Alignment(vertical="center", wrap_text=True, horizontal=side, indent=indent),
    )


def total(branding: Branding) -> CellStyle:
    """The style of the row of totals."""
    side = Side(style="medium", color=argb(readable(branding.colour, WHITE)))
    return CellStyle(font=font(bold=True), border=Border(top=side))


def link(branding: Branding) -> CellStyle:
    """The style of a link to another sheet."""
    return CellStyle(font=font(argb(readable(branding.colour, WHITE)), underline="single"), alignment=_MIDDLE)


def ruled(style: CellStyle) -> CellStyle:
    """*style* with a thin line below."""
    return replace(style, border=RULE)


#: The line below each row of a table.
RULE: Final = Border(bottom=Side(style="thin", color=GRID))


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
    dress(cell, style)
    return cell


def dress(cell: Cell | MergedCell, style: CellStyle) -> None:
    """Give a cell its style."""
    for name in ("font", "fill", "border", "alignment"):
        if (wanted := getattr(style, name)) is not None:
            setattr(cell, name, wanted)


def filled(colour: str) -> PatternFill:
    """Fill a cell with a colour."""
    return PatternFill("solid", fgColor=argb(colour))
