"""Write the first sheet: what the report covers, key figures, native charts, links to the tables."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from io import BytesIO
from typing import TYPE_CHECKING, Final

from openpyxl.drawing.image import Image
from openpyxl.styles import Alignment
from openpyxl.utils import quote_sheetname
from openpyxl.worksheet.hyperlink import Hyperlink

from ...domain.dates import city, long_time, zone_time
from .. import charts
from ..activity import has_data, nothing
from ..change import NO_CHANGE, no_base, trend
from ..logo_image import logo_picture
from ..values import is_missing, rows_of
from .cells import fits, number_format
from .charts import add_charts
from .print_setup import set_up_page
from .styles import NOTE, PLAIN, QUIET, SOFT, TRENDS, argb, band, header, link, put, ruled

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from openpyxl.worksheet.worksheet import Worksheet

    from ..document import Chart, Document, Figure, Table

_CHANGE: Final = f'+0.0%;-0.0%;"{NO_CHANGE}"'
#: Column widths: the tables, a gap, and the columns below the charts, which are together as wide as a chart.
_WIDTHS: Final = {"A": 36, "B": 17, "C": 17, "D": 16, "E": 3, **dict.fromkeys("FGHIJKLMN", 9.6)}
_CHARTS: Final = "F"
_LOGO_HEIGHT: Final = 36
_RIGHT: Final = Alignment(horizontal="right")


@dataclass(frozen=True, kw_only=True, slots=True)
class Contents:
    """The sheets of each table, and the limit on its rows."""

    places: Mapping[str, Sequence[str]]
    row_limit: int | None

    def rows(self, table: Table) -> int:
        """Count the rows of a table in the workbook."""
        return table.rows if self.row_limit is None else min(self.row_limit, table.rows)


def write_summary(sheet: Worksheet, document: Document, contents: Contents) -> None:
    """Write the summary."""
    sheet.sheet_view.showGridLines = False
    sheet.sheet_properties.tabColor = argb(document.branding.colour)
    for letter, width in _WIDTHS.items():
        sheet.column_dimensions[letter].width = width
    top = _head(sheet, document)
    row = _facts(sheet, top, document) + 1
    is_quiet = not has_data(document)
    if is_quiet:
        for column in range(1, 5):
            put(sheet, row, column, nothing(document) if column == 1 else None, QUIET)
        row += 2
    if document.figures:
        row = _figures(sheet, row, document) + 1
    row = _contents(sheet, row, document, contents) + 1
    words = (
        f"Times in {zone_time(document.timezone)}.",
        document.branding.footer,
    )
    for offset, line in enumerate(filter(None, words)):
        put(sheet, row + offset, 1, line, NOTE)
    add_charts(
        sheet,
        replace(document, charts=_drawn(document, zeros=not is_quiet)),
        contents.places,
        contents.row_limit,
        f"{_CHARTS}{top}",
    )
    set_up_page(sheet, document)


def _drawn(document: Document, *, zeros: bool) -> tuple[Chart, ...]:
    """Choose the charts to draw: those of nothing but zeros only if *zeros* is true."""
    return tuple(chart for chart in document.charts if zeros or not charts.is_flat(chart))


def _head(sheet: Worksheet, document: Document) -> int:
    """Write logo or company, title and description; return the next free row."""
    row = 1
    logo = logo_picture(document.branding.logo, _LOGO_HEIGHT)
    if logo is not None:
        picture = Image(BytesIO(logo.png))
        picture.width, picture.height = logo.width, logo.height
        sheet.add_image(picture, "A1")
        sheet.row_dimensions[1].height = _LOGO_HEIGHT * 0.75 + 6
        row = 2
    elif document.branding.name:
        put(sheet, 1, 1, document.branding.name, SOFT)
        row = 2
    style = band(document.branding)
    for column in range(1, len(_WIDTHS) + 1):
        put(sheet, row, column, document.title if column == 1 else None, style)
    sheet.row_dimensions[row].height = 34
    put(sheet, row + 1, 1, document.type_title, SOFT)
    if document.description:
        put(sheet, row + 2, 1, document.description, SOFT)
        row += 1
    return row + 3


def _facts(sheet: Worksheet, row: int, document: Document) -> int:
    facts = {
        "Workspace": document.workspace,
        "Period": document.period,
        "Time zone": city(document.timezone),
        "Scheduled for": long_time(document.scheduled_for, document.timezone),
    }
    for offset, (name, value) in enumerate(facts.items()):
        put(sheet, row + offset, 1, name, SOFT)
        put(sheet, row + offset, 2, value)
    return row + len(facts)


def _figures(sheet: Worksheet, row: int, document: Document) -> int:
    for position, title in enumerate(("Metric", "This period", "Previous period", "Change"), start=1):
        put(sheet, row, position, title, header(document.branding, _RIGHT if position > 1 else None))
    for offset, figure in enumerate(document.figures, start=1):
        _figure(sheet, row + offset, figure)
    return row + 1 + len(document.figures)


def _figure(sheet: Worksheet, row: int, figure: Figure) -> None:
    put(sheet, row, 1, figure.spec.column.title, ruled(PLAIN))
    for position, value in ((2, figure.value), (3, figure.previous)):
        cell = put(sheet, row, position, _number(value), ruled(PLAIN if position == 2 else SOFT))
        cell.number_format = number_format(figure.spec.column)
        cell.alignment = _RIGHT
    cell = put(sheet, row, 4, _change(figure), ruled(TRENDS[trend(figure)]))
    cell.number_format, cell.alignment = _CHANGE, _RIGHT


def _change(figure: Figure) -> float | Decimal | str | None:
    """Return the change as a number, or why there is none."""
    if not is_missing(figure.value) and figure.value == figure.previous:
        return 0
    return _number(figure.change) if figure.change is not None else no_base(figure) or None


def _number(value: float | Decimal | None) -> float | Decimal | str | None:
    """Convert a number for Excel: one with too many digits becomes text."""
    if value is None or is_missing(value):
        return None
    if isinstance(value, float) or fits(value):
        return value
    return f"{value:f}" if isinstance(value, Decimal) else str(value)


def _contents(sheet: Worksheet, row: int, document: Document, contents: Contents) -> int:
    for position, title in enumerate(("Sheet", "Rows", "", ""), start=1):
        put(sheet, row, position, title or None, header(document.branding))
    for table in document.tables:
        for name in contents.places[table.name]:
            row += 1
            cell = put(sheet, row, 1, name, link(document.branding))
            cell.hyperlink = Hyperlink(ref=cell.coordinate, location=f"{quote_sheetname(name)}!A1")
            put(sheet, row, 2, rows_of(contents.rows(table), table.rows) if table.rows else nothing(document))
    return row + 1
