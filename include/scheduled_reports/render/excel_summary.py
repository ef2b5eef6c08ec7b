"""The first sheet of a workbook: what the report is about, its key figures, and where its tables are."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from openpyxl.styles import Alignment, Border, Font, PatternFill, Side
from openpyxl.utils import quote_sheetname
from openpyxl.worksheet.hyperlink import Hyperlink

from .excel_rows import excel_text, fits, number_format
from .text import NO_ACTIVITY, is_missing, moment, mood, rows_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from openpyxl.cell.cell import Cell, MergedCell
    from openpyxl.worksheet.worksheet import Worksheet

    from .document import Document, Figure, Table


@dataclass(frozen=True, kw_only=True, slots=True)
class Look:
    """How a cell looks, where it is not as Excel has it."""

    font: Font | None = None
    fill: PatternFill | None = None
    border: Border | None = None
    alignment: Alignment | None = None


def _font(color: str = "1F2328", **changes: Any) -> Font:
    return Font(**{"name": "Calibri", "size": 11, "color": color, **changes})


HEADER: Final = Look(
    font=_font(bold=True),
    fill=PatternFill("solid", fgColor="EEF1F5"),
    border=Border(bottom=Side(style="thin", color="9AA4B2")),
    alignment=Alignment(vertical="center", wrap_text=True),
)
_PLAIN: Final = Look()
_TITLE: Final = Look(font=_font(bold=True, size=16))
_SOFT: Final = Look(font=_font("5B6472"))
_LINK: Final = Look(font=_font("1F5FA8", underline="single"))
_MOODS: Final = {"good": Look(font=_font("1A7F37")), "bad": Look(font=_font("B42318")), "flat": _SOFT}
_CHANGE: Final = "+0.0%;-0.0%;0.0%"


def put(sheet: Worksheet, row: int, column: int, value: Any, look: Look = _PLAIN) -> Cell | MergedCell:
    """Write a cell; a text is a text whatever it begins with."""
    cell = sheet.cell(row, column)
    if isinstance(value, str):
        cell.value = excel_text(value)
        cell.data_type = "s"
    else:
        cell.value = value
    if look.font is not None:
        cell.font = look.font
    if look.fill is not None:
        cell.fill = look.fill
    if look.border is not None:
        cell.border = look.border
    if look.alignment is not None:
        cell.alignment = look.alignment
    return cell


def write_summary(
    sheet: Worksheet, document: Document, places: Mapping[str, Sequence[str]], row_limit: int | None
) -> None:
    """Fill the sheet; *places* names the sheets of each table."""
    sheet.sheet_view.showGridLines = False
    for letter, width in zip("ABCD", (34, 24, 20, 14), strict=True):
        sheet.column_dimensions[letter].width = width
    put(sheet, 1, 1, document.title, _TITLE)
    put(sheet, 2, 1, document.type_title, _SOFT)
    if document.description:
        put(sheet, 3, 1, document.description, _SOFT)
    row = _facts(sheet, 5, document) + 1
    if document.figures:
        row = _figures(sheet, row, document.figures) + 1
    _contents(sheet, row, document, places, row_limit)


def _facts(sheet: Worksheet, row: int, document: Document) -> int:
    facts = {
        "Workspace": document.workspace,
        "Period": str(document.window),
        "Time zone": document.timezone,
        "Scheduled for": moment(document.scheduled_for),
    }
    for offset, (name, value) in enumerate(facts.items()):
        put(sheet, row + offset, 1, name, _SOFT)
        put(sheet, row + offset, 2, value)
    return row + len(facts)


def _figures(sheet: Worksheet, row: int, figures: Sequence[Figure]) -> int:
    for position, title in enumerate(("Key figure", "This period", "Period before", "Change"), start=1):
        put(sheet, row, position, title, HEADER)
    for offset, figure in enumerate(figures, start=1):
        put(sheet, row + offset, 1, figure.spec.column.title)
        for position, value in ((2, figure.value), (3, figure.previous)):
            cell = put(sheet, row + offset, position, _number(value))
            cell.number_format = number_format(figure.spec.column)
            cell.alignment = Alignment(horizontal="right")
        put(sheet, row + offset, 4, _number(figure.change), _MOODS[mood(figure)]).number_format = _CHANGE
    return row + 1 + len(figures)


def _number(value: float | Decimal | None) -> float | Decimal | str | None:
    """A number as Excel can hold it: a longer one is text."""
    if value is None or is_missing(value):
        return None
    if isinstance(value, float) or fits(value):
        return value
    return f"{value:f}" if isinstance(value, Decimal) else str(value)


def _contents(
    sheet: Worksheet, row: int, document: Document, places: Mapping[str, Sequence[str]], row_limit: int | None
) -> None:
    put(sheet, row, 1, "Sheet", HEADER)
    put(sheet, row, 2, "Rows", HEADER)
    for table in document.tables:
        for name in places[table.name]:
            row += 1
            cell = put(sheet, row, 1, name, _LINK)
            cell.hyperlink = Hyperlink(ref=cell.coordinate, location=f"{quote_sheetname(name)}!A1")
            put(sheet, row, 2, _count(table, row_limit))


def _count(table: Table, row_limit: int | None) -> str:
    if not table.rows:
        return NO_ACTIVITY
    return rows_of(table.rows if row_limit is None else min(row_limit, table.rows), table.rows)
