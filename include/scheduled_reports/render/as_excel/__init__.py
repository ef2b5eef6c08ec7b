"""Excel: a summary sheet, then one sheet of typed cells per table.

openpyxl writes the workbook without its rows (summary, styles, headers); the rows are streamed into the sheets as XML,
since one object per cell costs ten seconds per 100,000 rows of ten columns.
"""

from __future__ import annotations

import re
from datetime import UTC
from io import BytesIO
from math import ceil
from typing import TYPE_CHECKING, BinaryIO, Final
from zipfile import ZipFile

from openpyxl import Workbook
from openpyxl.xml.functions import tostring

from ..colours import SHAPE, WHITE, readable
from ..totals import totals_of
from ..values import printable
from .chart_data import ChartData
from .data_sheet import HEAD, TOTAL_ROWS, Part, data_sheet
from .definitions_sheet import write_definitions
from .extensions import extended, sparklines
from .package import Package
from .styles import argb
from .summary_sheet import Contents, write_summary

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ..document import Document, Table
    from .data_sheet import DataSheet
    from .extensions import Sparkline

#: The rows of a worksheet, including the header.
SHEET_ROWS: Final = 1_048_576
#: Excel's limit on the length of a sheet name.
_NAME_LENGTH: Final = 31


def render(document: Document, out: BinaryIO, *, row_limit: int | None) -> int:
    """Write the workbook; a table with more rows than a sheet holds continues in "Name (2)"."""
    book = Workbook()
    summary = book.worksheets[0]
    summary.title = "Summary"
    places = {table.name: list(_add_sheets(book, table, document, row_limit)) for table in document.tables}
    data = ChartData(book, document, _sheet_name("Chart data", book))
    lines = write_summary(summary, document, Contents(places=places, row_limit=row_limit), data)
    write_definitions(book.create_sheet(_sheet_name("Definitions", book)), document, row_limit)
    sheets = [sheet for found in places.values() for sheet in found]
    written = _stream(document, book, sheets, lines, out)
    return sum(written[sheet.name] for sheet in places[document.main.name])


def _add_sheets(book: Workbook, table: Table, document: Document, row_limit: int | None) -> Iterator[DataSheet]:
    """Add the sheets of a table: the last one has room for a narrow row and the totals."""
    most = SHEET_ROWS - HEAD - TOTAL_ROWS
    rows = table.rows if row_limit is None else min(table.rows, row_limit)
    parts = max(ceil(rows / most), 1)
    totals = totals_of(table, table.columns, row_limit)
    for number in range(parts):
        worksheet = book.create_sheet(_sheet_name(table.full_title, book))
        start, is_last = number * most, number == parts - 1
        part = Part(
            number=len(book.sheetnames), start=start, end=row_limit if is_last else start + most,
            rows=max(min(rows - start, most), 0), is_last=is_last,
        )  # fmt: skip
        yield data_sheet(worksheet, table, part, totals, document, row_limit)


def _sheet_name(title: str, book: Workbook) -> str:
    """Make a name that Excel allows from *title*, different from those of the other sheets."""
    taken = {name.casefold() for name in book.sheetnames}
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


def _stream(
    document: Document, book: Workbook, sheets: Sequence[DataSheet], lines: Sequence[Sparkline], out: BinaryIO
) -> dict[str, int]:
    """Copy the workbook to *out* part by part; insert rows and small charts; return the number of rows by sheet."""
    frame = _saved(document, book)
    by_path = {sheet.worksheet.path.lstrip("/"): sheet for sheet in sheets}
    summary = book.worksheets[0].path.lstrip("/")
    small = sparklines(lines, argb(readable(document.branding.colour, WHITE, SHAPE)))
    written = {}
    with ZipFile(frame) as source, ZipFile(out, "w") as target:
        package = Package(target, out)
        for name in source.namelist():
            sheet = by_path.get(name)
            if sheet is not None:
                with package.streaming(name) as part:
                    written[sheet.name] = sheet.write(source.read(name), part)
            elif name == summary:
                package.write(name, extended(source.read(name), lines=small))
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
