"""The sheet of a table: a title and a note, the header, the rows, and their totals."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from itertools import cycle
from math import ceil
from typing import IO, TYPE_CHECKING, Any, Final, Literal

from openpyxl.cell import WriteOnlyCell
from openpyxl.formatting.rule import Rule
from openpyxl.styles import Alignment, Font
from openpyxl.styles.differential import DifferentialStyle
from openpyxl.utils import get_column_letter

from ...domain.bidi import isolated
from ...domain.dates import city
from ..activity import nothing
from ..batches import pieces
from ..colours import WHITE, mixed
from ..column_widths import text_width, widths
from ..totals import TOTAL, Totals
from ..values import NUMERIC, cut_notice, format_value
from .cells import excel_number, number_format, rows_xml
from .extensions import Bar, bar_rule, extended
from .print_setup import set_up_page
from .styles import (
    HEADER_EXTRA,
    INK,
    LEFT,
    LINE,
    NOTE,
    OTHER_INK,
    RIGHT,
    ROW,
    RULE,
    TONE_FILLS,
    TONE_INKS,
    CellStyle,
    argb,
    dress,
    filled,
    font,
    header,
    put,
    title,
    total,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from openpyxl.worksheet.worksheet import Worksheet

    from ...domain.report_type import Column, Tone
    from ..document import Document, Table

#: The row of the header; above it are a title and a note. The rows of the table begin in the next one.
HEAD: Final = 3
FIRST: Final = HEAD + 1
#: The rows of the totals, with a narrow one above them.
TOTAL_ROWS: Final = 2
#: The title of a column takes at most so many lines.
_LINES: Final = 3
#: Excel's width of the button of a filter, in characters.
_BUTTON: Final = 4
_GAP: Final = 5  # points between rows and totals
_TOP: Final = Alignment(vertical="top")


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """The *rows* of a table that one sheet holds: from *start* up to *end*, or to the end of the table."""

    number: int  # of the sheet in the workbook
    start: int
    end: int | None
    rows: int
    is_last: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class DataSheet:
    """A worksheet, and the part of a table that it holds."""

    worksheet: Worksheet
    table: Table
    part: Part
    styles: tuple[int, ...]
    totals: Totals | None  # shared by all sheets of the table
    #: The styles of the row of totals; none if the sheet has no such row.
    total_styles: tuple[int, ...]
    colour: str

    @property
    def rows(self) -> int:
        """How many rows of the table it holds."""
        return self.part.rows

    @property
    def name(self) -> str:
        """The sheet's name."""
        return self.worksheet.title

    def write(self, frame: bytes, out: IO[bytes]) -> int:
        """Write the worksheet with its rows below the header; return how many."""
        extent = f'<dimension ref="A1:{self._last_letter}{self._last_row}"/>'.encode()
        before, after = re.sub(rb'<dimension ref="[^"]*"/>', extent, frame, count=1).split(b"</sheetData>")
        out.write(before)
        count = 0
        for piece in pieces(self.table, self.part.end, start=self.part.start):
            out.write(rows_xml(piece, self.table.columns, self.styles, FIRST + count))
            count += piece.num_rows
            if self.totals:
                self.totals.add(piece)
        if self.totals and self.total_styles:
            out.write(_totals_xml(self.totals, self.table.columns, self.total_styles, self._last_row))
        out.write(extended(b"</sheetData>" + after, bars=self._bars(), texts=self._cells if self.rows else ""))
        return count

    def set_formats(self) -> None:
        """Colour good and bad values, and draw bars in cells."""
        for letter, column in zip(self._letters, self.table.columns, strict=True):
            for rule in _rules(column):
                if self.rows:
                    self.worksheet.conditional_formatting.add(self._range(letter), rule)

    @property
    def _letters(self) -> Sequence[str]:
        return [get_column_letter(number) for number in range(1, len(self.table.columns) + 1)]

    @property
    def _last_letter(self) -> str:
        return get_column_letter(len(self.table.columns))

    @property
    def _last_row(self) -> int:
        return HEAD + self.rows + (TOTAL_ROWS if self.total_styles else 0)

    @property
    def _cells(self) -> str:
        return f"A{FIRST}:{self._last_letter}{HEAD + self.rows}"

    def _range(self, letter: str) -> str:
        return f"{letter}{FIRST}:{letter}{HEAD + self.rows}"

    def _bars(self) -> Sequence[Bar]:
        columns = [letter for letter, column in zip(self._letters, self.table.columns, strict=True) if _has_bar(column)]
        colour = argb(mixed(self.colour, WHITE, 0.62))
        return [
            Bar(cells=self._range(letter), colour=colour, sheet=self.part.number, number=number)
            for number, letter in enumerate(columns if self.rows else (), start=1)
        ]


def data_sheet(
    worksheet: Worksheet, table: Table, part: Part, totals: Totals | None, document: Document, row_limit: int | None
) -> DataSheet:
    """Write everything but the rows of a sheet."""
    rows = part.rows
    has_total = part.is_last and totals is not None
    # the styles of the rows come first: their numbers, which stand in every cell, are short
    inks = cycle((INK, OTHER_INK))
    styles = [
        _style_id(
            worksheet, column, CellStyle(border=RULE, font=font(next(inks) if _alignment(column) is RIGHT else INK))
        )
        for column in table.columns
    ]
    _write_head(worksheet, table, document, part.start, row_limit)
    worksheet.freeze_panes = f"B{FIRST}" if len(table.columns) > 1 else f"A{FIRST}"
    worksheet.auto_filter.ref = f"A{HEAD}:{get_column_letter(len(table.columns))}{HEAD + rows}"
    worksheet.print_title_rows = f"1:{HEAD}"
    worksheet.sheet_view.showGridLines = False
    worksheet.sheet_format.defaultRowHeight = ROW
    worksheet.sheet_format.customHeight = True
    set_up_page(worksheet, document)
    bold = [_style_id(worksheet, column, total(document.branding)) for column in table.columns] if has_total else []
    sheet = DataSheet(
        worksheet=worksheet, table=table, part=part, totals=totals, styles=tuple(styles), total_styles=tuple(bold),
        colour=document.branding.colour,
    )  # fmt: skip
    sheet.set_formats()
    return sheet


def _write_head(worksheet: Worksheet, table: Table, document: Document, start: int, row_limit: int | None) -> None:
    """Write title, note and header, and set the widths of the columns."""
    names = [isolated(document.title), isolated(table.full_title), document.period]
    names += [f"from row {start + 1:,d}"] * bool(start)
    put(worksheet, 1, 1, " · ".join(names), title(document.branding))
    worksheet.row_dimensions[1].height = 26
    put(worksheet, 2, 1, note(table, document, row_limit), CellStyle(font=NOTE.font, alignment=_TOP))
    worksheet.row_dimensions[2].height = ROW + 3
    lines = 1
    for position, (column, width) in enumerate(zip(table.columns, widths(table), strict=True), start=1):
        name = f"{column.title} ({city(document.timezone)})" if column.type == "timestamp" else column.title
        put(worksheet, HEAD, position, name, header(document.branding, _alignment(column)))
        longest = text_width(name) * 1.15
        # a sum may have as many digits more as the number of rows has
        room = width + len(f"{table.rows:,d}") if column.total else width
        full = max(room, min(ceil(longest / 2), width + 4)) + _BUTTON
        worksheet.column_dimensions[get_column_letter(position)].width = full
        lines = max(lines, ceil(longest / (full - _BUTTON + 1)))
    worksheet.row_dimensions[HEAD].height = LINE * min(lines, _LINES) + HEADER_EXTRA


def note(table: Table, document: Document, row_limit: int | None, *, with_notes: bool = True) -> str | None:
    """What is said above a table: that it is empty or cut, why it does not add up, or else what is in it."""
    if not table.rows:
        return table.none or nothing(document)
    notes = table.notes if with_notes else ()
    return " ".join(filter(None, (cut_notice(table, row_limit), *notes))) or table.definition or None


def _style_id(worksheet: Worksheet, column: Column, style: CellStyle) -> int:
    """Return the index of a style; creating a cell outside the sheet makes openpyxl register it."""
    cell = WriteOnlyCell(worksheet)
    dress(cell, style)
    cell.number_format = number_format(column)
    cell.alignment = _alignment(column)
    return int(cell.style_id)


def _alignment(column: Column) -> Alignment:
    """Align numbers right, everything else left; numbers written as text stay with the other numbers."""
    return RIGHT if column.type in NUMERIC else LEFT


# Conditional formats


def _has_bar(column: Column) -> bool:
    return column.bar and column.type in NUMERIC


def _rules(column: Column) -> Iterator[Rule]:
    for value, tone in column.tones.items():
        text = format_value(value, column).replace('"', '""')
        yield _colouring("equal", f'"{text}"', tone)
    if column.tone is not None:
        yield _colouring("notEqual", "0", column.tone)
    if _has_bar(column):
        yield bar_rule()


def _colouring(operator: Literal["equal", "notEqual"], formula: str, tone: Tone) -> Rule:
    style = DifferentialStyle(font=Font(color=TONE_INKS[tone]))
    if tone != "good":
        style.fill = filled(TONE_FILLS[tone])
        style.fill.bgColor = style.fill.fgColor  # a conditional format has its colour in the background
    return Rule(type="cellIs", operator=operator, formula=[formula], dxf=style)


# Totals


def _totals_xml(totals: Totals, columns: Sequence[Column], styles: Sequence[int], row: int) -> bytes:
    """Encode a narrow empty row and the totals."""
    cells = "".join(
        _total_cell(
            f'<c r="{get_column_letter(place + 1)}{row}" s="{style}"',
            column,
            TOTAL if place == totals.label_place else value,
        )
        for place, (column, style, value) in enumerate(zip(columns, styles, totals.row(), strict=True))
    )
    return f'<row r="{row - 1}" ht="{_GAP}" customHeight="1"/><row r="{row}">{cells}</row>'.encode()


def _total_cell(start: str, column: Column, value: Any) -> str:
    if value is None:
        return f"{start}/>"
    shown = value if isinstance(value, str) else excel_number(Decimal(str(value)), column)
    return _text(start, shown) if isinstance(shown, str) else f"{start}><v>{shown}</v></c>"


def _text(start: str, text: str) -> str:
    return f'{start} t="inlineStr"><is><t>{text}</t></is></c>'
