"""Write the first sheet: the lead, key figures beside native charts, links to the tables."""

from __future__ import annotations

from dataclasses import dataclass, replace
from io import BytesIO
from math import ceil
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.compute as pc
from openpyxl.cell.rich_text import CellRichText, TextBlock
from openpyxl.cell.text import InlineFont
from openpyxl.drawing.image import Image
from openpyxl.styles import Alignment, Color
from openpyxl.utils import get_column_letter, quote_sheetname
from openpyxl.worksheet.hyperlink import Hyperlink

from ...domain.bidi import isolated
from ...domain.dates import long_time, zone_time
from ...domain.lead import Sentence
from .. import charts
from ..activity import has_data, is_or_was_nonzero
from ..batches import finite, pieces
from ..change import DOWN, NO_CHANGE, UP, change, change_of, no_base, size, trend
from ..column_widths import text_width
from ..logo_image import logo_picture
from ..values import NUMERIC, is_missing
from .cells import excel_number, excel_text, number_format
from .charts import add_charts
from .data_sheet import FIRST, HEAD, note
from .extensions import Sparkline
from .print_setup import set_up_page
from .styles import (
    HEADER_EXTRA,
    LINE,
    NOTE,
    PLAIN,
    ROW,
    SOFT,
    TONE_INKS,
    TRENDS,
    WORDS,
    CellStyle,
    argb,
    band,
    header,
    lead,
    link,
    put,
    ruled,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from decimal import Decimal

    from openpyxl.worksheet.worksheet import Worksheet

    from ...domain.lead import LeadTone
    from ..change import Change
    from ..document import Document, Figure, Table
    from .chart_data import ChartData
    from .data_sheet import DataSheet

#: Column widths: the table of figures and its small charts, a gap, and the columns below the charts.
_TABLE: Final = (33.0, 22.0, 22.0, 16.0, 17.0)
_GAP: Final = 3.0
_CHARTS: Final = (9.6,) * 9
_SMALL: Final = len(_TABLE)  # the column of small charts
_LEAD: Final = 3  # the row of the lead, in every workbook
_LOGO_HEIGHT: Final = 36
_LEAD_LINE: Final = 18  # points
_INDENTED: Final = Alignment(horizontal="left", vertical="center", indent=1)
_RIGHT: Final = Alignment(horizontal="right", vertical="center", indent=1)
_MISSING: Final = "n/a"
#: Fewer days than this need no small chart.
_FEW: Final = 3
#: The usual size of letters, and the width of a letter, on average, in digits.
_SIZE, _LETTER = 11, 0.9


@dataclass(frozen=True, kw_only=True, slots=True)
class Contents:
    """The sheets of each table, and the limit on its rows."""

    places: Mapping[str, Sequence[DataSheet]]
    row_limit: int | None

    def rows(self, table: Table) -> int:
        """Count the rows of a table in the workbook."""
        return table.rows if self.row_limit is None else min(self.row_limit, table.rows)


def write_summary(sheet: Worksheet, document: Document, contents: Contents, data: ChartData) -> Sequence[Sparkline]:
    """Write the summary; return the small charts that stand in its cells."""
    shown = document if has_data(document) else _what_happened(document)
    _set_up(sheet, shown)
    lines = _small_charts(shown, contents)
    top = _head(sheet, shown)
    row = top
    if shown.figures:
        row = _figures(sheet, row, shown, has_lines=bool(lines)) + 1
    for words in shown.notes:
        row = _wide_note(sheet, row, words)
    row = _contents(sheet, row + bool(shown.notes), shown, contents) + 1
    for line in filter(None, (f"Times in {zone_time(shown.timezone)}.", shown.branding.footer)):
        row = _wide_note(sheet, row, line)
    places = {name: sheets[0].name for name, sheets in contents.places.items()}
    area = (len(_TABLE) + 2, len(_TABLE) + 1 + len(_CHARTS), top)
    add_charts(sheet, shown, places, data, contents.row_limit, area)
    set_up_page(sheet, shown)
    letter = get_column_letter(_SMALL)
    return [replace(line, cell=f"{letter}{top + 1 + place}") for place, line in lines.items()]


def _what_happened(document: Document) -> Document:
    """Leave out charts of nothing but zeros, and figures that are, and were, zero."""
    return replace(
        document,
        charts=tuple(chart for chart in document.charts if not charts.is_flat(chart)),
        figures=tuple(filter(is_or_was_nonzero, document.figures)),
    )


def _set_up(sheet: Worksheet, document: Document) -> None:
    sheet.sheet_view.showGridLines = False
    sheet.sheet_properties.tabColor = argb(document.branding.colour)
    sheet.sheet_format.defaultRowHeight = ROW
    sheet.sheet_format.customHeight = True
    for number, width in enumerate(_widths(document), start=1):
        sheet.column_dimensions[get_column_letter(number)].width = width


def _widths(document: Document) -> Sequence[float]:
    return (*_TABLE, _GAP, *_CHARTS) if document.charts else _TABLE


def _lines(text: str, width: float, *, size: int) -> int:
    """Estimate the lines that *text* takes in cells that are *width* digits of the usual size wide."""
    return max(ceil(text_width(text) * _LETTER * size / _SIZE / width), 1)


# The head


def _head(sheet: Worksheet, document: Document) -> int:
    """Write company, title, lead and what the report covers; return the next free row."""
    words = [document.type_title] * (document.type_title != document.title)
    words += [document.workspace] * (document.workspace != document.branding.name)
    logo = logo_picture(document.branding.logo, _LOGO_HEIGHT)
    if logo is not None:
        picture = Image(BytesIO(logo.png))
        picture.width, picture.height = logo.width, logo.height
        sheet.add_image(picture, "A1")
    else:
        put(sheet, 1, 1, document.branding.name or document.workspace, replace(SOFT, alignment=_INDENTED))
        words = [word for word in words if word != document.workspace or document.branding.name]
    sheet.row_dimensions[1].height = ROW if logo is None else _LOGO_HEIGHT * 0.75 + 6
    _wide(sheet, 2, document.title, band(document.branding), document)
    sheet.row_dimensions[2].height = 34
    _lead(sheet, document)
    facts = (*words, document.period, f"Scheduled for {long_time(document.scheduled_for, document.timezone)}")
    row = _LEAD + 1
    for text in filter(None, (" · ".join(map(isolated, facts)), isolated(document.description))):
        put(sheet, row, 1, text, replace(SOFT, alignment=_INDENTED))
        sheet.row_dimensions[row].height = ROW
        row += 1
    return row + 1


def _lead(sheet: Worksheet, document: Document) -> None:
    """Write the lead: its first sentence is bold, in the colour of good or bad news."""
    sentences = document.lead or (Sentence(text=document.description or document.period),)
    blocks = [
        TextBlock(_lead_font(one.tone, is_first=not place), excel_text(" " * bool(place) + one.text))
        for place, one in enumerate(sentences)
    ]
    cell = _wide(sheet, _LEAD, None, lead(), document)
    cell.value = CellRichText(*blocks)
    lines = _lines(" ".join(one.text for one in sentences), sum(_widths(document)) - 3, size=13)
    sheet.row_dimensions[_LEAD].height = _LEAD_LINE * lines + 14


def _lead_font(tone: LeadTone, *, is_first: bool) -> InlineFont:
    colour = "1F2328" if tone == "neutral" else TONE_INKS[tone]
    return InlineFont(rFont="Calibri", sz=13, b=is_first, color=Color(f"FF{colour}"))


def _wide(sheet: Worksheet, row: int, value: str | None, style: CellStyle, document: Document) -> Any:
    """Write a cell as wide as the sheet's content."""
    last = len(_widths(document))
    for column in range(2, last + 1):
        put(sheet, row, column, None, style)
    cell = put(sheet, row, 1, value, style)
    sheet.merge_cells(start_row=row, start_column=1, end_row=row, end_column=last)
    return cell


def _wide_note(sheet: Worksheet, row: int, words: str) -> int:
    """Write a note as wide as the table of figures; return the next row."""
    put(sheet, row, 1, words, NOTE)
    sheet.merge_cells(start_row=row, start_column=1, end_row=row, end_column=len(_TABLE))
    sheet.row_dimensions[row].height = LINE * _lines(words, sum(_TABLE), size=10) + 3
    return row + 1


# Key figures


def _figures(sheet: Worksheet, row: int, document: Document, *, has_lines: bool) -> int:
    heads = ("Metric", document.period, document.previous_period, "Change", "By day" if has_lines else "")
    for position, title in enumerate(heads, start=1):
        where = _RIGHT if 1 < position < _SMALL else _INDENTED
        put(sheet, row, position, title or None, header(document.branding, where))
    longest = max(text_width(document.period), text_width(document.previous_period))
    sheet.row_dimensions[row].height = LINE * (1 + (longest > _TABLE[1] - 1)) + HEADER_EXTRA
    for offset, figure in enumerate(document.figures, start=1):
        _figure(sheet, row + offset, figure)
    return row + 1 + len(document.figures)


def _figure(sheet: Worksheet, row: int, figure: Figure) -> None:
    column = figure.spec.column
    put(sheet, row, 1, column.title, ruled(WORDS))
    for position, value in ((2, figure.value), (3, figure.previous)):
        cell = put(sheet, row, position, _number(value, figure), ruled(PLAIN if position == 2 else SOFT))
        cell.number_format, cell.alignment = number_format(column), _RIGHT
    found = None if no_base(figure) else change_of(figure)
    amount = _amount(found, figure)
    cell = put(sheet, row, 4, amount, ruled(TRENDS["flat" if found is None else trend(figure)]))
    cell.alignment = _RIGHT
    if found is not None and not isinstance(amount, str):
        cell.number_format = _change_format(found, figure)
    put(sheet, row, _SMALL, None, ruled(PLAIN))
    sheet.row_dimensions[row].height = LINE * _lines(column.title, _TABLE[0] - 2, size=_SIZE) + 7


def _number(value: float | Decimal | None, figure: Figure) -> float | Decimal | str:
    if value is None or is_missing(value):
        return _MISSING
    return excel_number(value, figure.spec.column)


def _amount(found: Change | None, figure: Figure) -> float | Decimal | str:
    """Return the change as a number; in words if there is none, and if Excel has no signed number of its unit."""
    if found is None:
        return "no data" if is_missing(figure.value) else no_base(figure) or NO_CHANGE
    if found.kind == "difference":
        return change(figure) if figure.spec.column.unit else excel_number(found.amount, figure.spec.column)
    return found.amount


def _change_format(found: Change, figure: Figure) -> str:
    """Choose the number format of a change, with a triangle for its sign."""
    match found.kind:
        case "relative":
            number = "0.0%"
        case "points":
            number = f'0.0" {size(found, figure).partition(" ")[2]}"'
        case "difference":
            number = number_format(figure.spec.column)
    return f'"{UP} "{number};"{DOWN} "{number}'


def _small_charts(document: Document, contents: Contents) -> Mapping[int, Sparkline]:
    """Find the days of each figure, by its place: a column of its name in a table of days."""
    found = {}
    for place, figure in enumerate(document.figures):
        line = next(filter(None, (_days(table, figure, contents) for table in document.tables)), None)
        if line is not None:
            found[place] = line
    return found


def _days(table: Table, figure: Figure, contents: Contents) -> Sparkline | None:
    names = [column.name for column in table.columns]
    has_days = table.columns[0].type == "date" and table.zero_filled
    if not has_days or figure.spec.column.name not in names or len(contents.places[table.name]) > 1:
        return None
    place = names.index(figure.spec.column.name)
    if table.columns[place].type not in NUMERIC:
        return None
    rows = contents.rows(table)
    most = max((_most(piece.column(place)) for piece in pieces(table, rows)), default=0.0)
    if rows < _FEW or most <= 0:
        return None
    letter = get_column_letter(place + 1)
    cells = f"{quote_sheetname(contents.places[table.name][0].name)}!{letter}{FIRST}:{letter}{HEAD + rows}"
    in_cells = float(excel_number(most, table.columns[place]))
    return Sparkline(cell="", source=cells, most=in_cells)


def _most(values: pa.Array) -> float:
    return float(pc.max(finite(values) if pa.types.is_floating(values.type) else values).as_py() or 0)


# Contents


def _contents(sheet: Worksheet, row: int, document: Document, contents: Contents) -> int:
    """List the sheets of the tables, with a link to each; return the next row."""
    for position, title in enumerate(("Sheet", "Rows", "", "", ""), start=1):
        put(sheet, row, position, title or None, header(document.branding, _RIGHT if position == 2 else _INDENTED))
    sheet.row_dimensions[row].height = LINE + HEADER_EXTRA
    for table in document.tables:
        for part in contents.places[table.name]:
            row += 1
            cell = put(sheet, row, 1, part.name, ruled(replace(link(document.branding), alignment=_INDENTED)))
            cell.hyperlink = Hyperlink(ref=cell.coordinate, location=f"{quote_sheetname(part.name)}!A1")
            count = put(sheet, row, 2, part.rows, ruled(PLAIN))
            count.number_format, count.alignment = "#,##0", _RIGHT
            words = note(table, document, contents.row_limit, with_notes=False)  # they stand below the figures
            lines = _lines(words or "", sum(_TABLE[2:]), size=10)
            put(sheet, row, 3, words, ruled(NOTE))
            for position in range(4, len(_TABLE) + 1):
                put(sheet, row, position, None, ruled(PLAIN))
            sheet.merge_cells(start_row=row, start_column=3, end_row=row, end_column=len(_TABLE))
            sheet.row_dimensions[row].height = LINE * lines + 6
    return row + 1
