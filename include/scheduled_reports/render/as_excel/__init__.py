"""Excel: a summary sheet, then one sheet of typed cells per table.

openpyxl writes the workbook without its rows (summary, styles, headers); the rows are streamed into the sheets as XML,
since one object per cell costs ten seconds per 100,000 rows of ten columns.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC
from io import BytesIO
from math import ceil
from typing import IO, TYPE_CHECKING, BinaryIO, Final
from zipfile import ZipFile

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.utils import get_column_letter
from openpyxl.xml.functions import tostring

from ...domain.dates import city
from ..batches import pieces
from ..column_widths import text_width, widths
from ..values import NUMERIC, printable
from .cells import number_format, rows_xml
from .package import Package
from .print_setup import set_up_page
from .styles import HEADER_EXTRA, LEFT, LINE, RIGHT, header, put
from .summary_sheet import Contents, write_summary

if TYPE_CHECKING:
    from collections.abc import Iterator

    from openpyxl.styles import Alignment
    from openpyxl.worksheet.worksheet import Worksheet

    from ...domain.report_type import Column
    from ..document import Document, Table

#: The rows of a worksheet, including the header.
SHEET_ROWS: Final = 1_048_576
#: Excel's limit on the length of a sheet name.
_NAME_LENGTH: Final = 31


@dataclass(frozen=True, kw_only=True, slots=True)
class _Sheet:
    """A worksheet, and the rows of a table that it holds, from *start* up to *end*."""

    worksheet: Worksheet
    table: Table
    start: int
    end: int | None
    styles: tuple[int, ...]

    def rows(self) -> Iterator[tuple[int, memoryview]]:
        """Yield the number of rows and their XML, piece by piece."""
        number = 2
        for piece in pieces(self.table, self.end, start=self.start):
            yield piece.num_rows, rows_xml(piece, self.table.columns, self.styles, number)
            number += piece.num_rows


def render(document: Document, out: BinaryIO, *, row_limit: int | None) -> int:
    """Write the workbook; a table with more rows than a sheet holds continues in "Name (2)"."""
    book = Workbook()
    summary = book.worksheets[0]
    summary.title = "Summary"
    sheets = [sheet for table in document.tables for sheet in _add_sheets(book, table, document, row_limit)]
    places = {table.name: [s.worksheet.title for s in sheets if s.table is table] for table in document.tables}
    write_summary(summary, document, Contents(places=places, row_limit=row_limit))
    written = _stream(document, book, sheets, out)
    return sum(written[name] for name in places[document.main.name])


def _add_sheets(book: Workbook, table: Table, document: Document, row_limit: int | None) -> Iterator[_Sheet]:
    most = SHEET_ROWS - 1
    rows = table.rows if row_limit is None else min(table.rows, row_limit)
    parts = max(ceil(rows / most), 1)
    for part in range(parts):
        worksheet = book.create_sheet(_sheet_name(table.full_title, {*map(str.casefold, book.sheetnames)}))
        start = part * most
        end = row_limit if part == parts - 1 else start + most
        _set_up(worksheet, table, document, max(min(rows - start, most), 0))
        yield _Sheet(worksheet=worksheet, table=table, start=start, end=end, styles=_styles(worksheet, table))


def _sheet_name(title: str, taken: set[str]) -> str:
    """Make a name that Excel allows from *title*, different from the names *taken*."""
    base = re.sub(r"[\[\]:*?/\\\x00-\x1f\x7f\ufffe\uffff]", " ", title).strip(" '") or "Data"
    if _units(base) > _NAME_LENGTH:
        base = re.sub(r"(?<=\S) *\(.*\)$", "", base)  # drop a bracket rather than cut inside it
    number = 1
    while True:
        suffix = "" if number == 1 else f" ({number})"
        name = _cut(base, _NAME_LENGTH - len(suffix)) + suffix
        # Excel reserves "History".
        if name.casefold() not in {*taken, "history"}:
            return name
        number += 1


def _units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def _cut(text: str, units: int) -> str:
    """Cut *text* to a number of UTF-16 units, which is how Excel counts."""
    return text.encode("utf-16-le")[: units * 2].decode("utf-16-le", errors="ignore").strip(" '")


def _set_up(worksheet: Worksheet, table: Table, document: Document, rows: int) -> None:
    """Write the header, with filter and frozen; set column widths and the printed page."""
    lines = 1
    for position, (column, width) in enumerate(zip(table.columns, widths(table), strict=True), start=1):
        title = f"{column.title} ({city(document.timezone)})" if column.type == "timestamp" else column.title
        put(worksheet, 1, position, title, header(document.branding, _alignment(column)))
        # leave space for the filter button beside the title
        worksheet.column_dimensions[get_column_letter(position)].width = width + 4
        lines = max(lines, ceil(text_width(title) * 1.15 / (width + 1)))
    worksheet.row_dimensions[1].height = LINE * min(lines, 4) + HEADER_EXTRA
    worksheet.freeze_panes = "A2"
    worksheet.auto_filter.ref = f"A1:{get_column_letter(len(table.columns))}{rows + 1}"
    worksheet.print_title_rows = "1:1"
    set_up_page(worksheet, document)


def _styles(worksheet: Worksheet, table: Table) -> tuple[int, ...]:
    """Return the index of each column's style; creating a cell outside the sheet makes openpyxl register the style."""
    styles = []
    for column in table.columns:
        cell = WriteOnlyCell(worksheet)
        cell.number_format = number_format(column)
        cell.alignment = _alignment(column)
        styles.append(cell.style_id)
    return tuple(styles)


def _alignment(column: Column) -> Alignment:
    """Align numbers right, everything else left; numbers written as text stay with the other numbers."""
    return RIGHT if column.type in NUMERIC else LEFT


def _stream(document: Document, book: Workbook, sheets: list[_Sheet], out: BinaryIO) -> dict[str, int]:
    """Copy the workbook to *out* part by part and insert the rows; return their number by sheet."""
    frame = _saved(document, book)
    by_path = {sheet.worksheet.path.lstrip("/"): sheet for sheet in sheets}
    written = {}
    with ZipFile(frame) as source, ZipFile(out, "w") as target:
        package = Package(target, out)
        for name in source.namelist():
            sheet = by_path.get(name)
            if sheet is not None:
                with package.streaming(name) as part:
                    written[sheet.worksheet.title] = _fill(source.read(name), sheet, part)
            elif name == "docProps/core.xml":
                package.write(name, tostring(book.properties.to_tree()))
            else:
                package.write(name, source.read(name))
    return written


def _saved(document: Document, book: Workbook) -> BytesIO:
    """Save the workbook without its rows."""
    moment = document.scheduled_for.astimezone(UTC).replace(tzinfo=None)
    properties = book.properties
    properties.title, properties.creator, properties.created = (
        printable(document.title),
        printable(document.workspace),
        moment,
    )
    frame = BytesIO()
    book.save(frame)
    properties.modified = moment  # saving has set it to now
    return frame


def _fill(frame: bytes, sheet: _Sheet, part: IO[bytes]) -> int:
    """Write a worksheet, with its rows after the header."""
    extent = f'<dimension ref="{sheet.worksheet.auto_filter.ref}"/>'.encode()
    before, after = re.sub(rb'<dimension ref="[^"]*"/>', extent, frame, count=1).split(b"</sheetData>")
    part.write(before)
    total = 0
    for rows, xml in sheet.rows():
        part.write(xml)
        total += rows
    part.write(b"</sheetData>" + after)
    return total
