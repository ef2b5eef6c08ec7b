"""Write the last sheet: what the report covers, what each figure and column means."""

from __future__ import annotations

from dataclasses import replace
from math import ceil
from typing import TYPE_CHECKING, Final

from ...domain.dates import city, long_time
from ..column_widths import text_width
from ..values import cut_notice
from .print_setup import set_up_page
from .styles import HEADER_EXTRA, LEFT, LINE, WORDS, header, link, put, ruled, title

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from openpyxl.worksheet.worksheet import Worksheet

    from ...domain.report_type import Column
    from ..document import Document, Table

_WIDTHS: Final = {"A": 32, "B": 110}
_SPACE: Final = 5  # points in a row above and below its lines
_Row = tuple[str, str]


def write_definitions(sheet: Worksheet, document: Document, row_limit: int | None) -> None:
    """Write the definitions and the scope of a report, each part only if it says something."""
    sheet.sheet_view.showGridLines = False
    for letter, width in _WIDTHS.items():
        sheet.column_dimensions[letter].width = width
    put(sheet, 1, 1, "Definitions and scope", title(document.branding))
    sheet.row_dimensions[1].height = 26
    row = 3
    for name, words, rows in _sections(document, row_limit):
        row = _section(sheet, row, (name, words), rows, document) + 1
    set_up_page(sheet, document)


def _section(sheet: Worksheet, row: int, head: _Row, rows: Sequence[_Row], document: Document) -> int:
    """Write a section; return the row after it."""
    style = header(document.branding, LEFT)
    put(sheet, row, 1, head[0], style)
    put(sheet, row, 2, head[1] or None, replace(style, font=WORDS.font))
    sheet.row_dimensions[row].height = LINE * _lines(head[1]) + HEADER_EXTRA
    for name, words in rows:
        row += 1
        put(sheet, row, 1, name, ruled(WORDS))
        cell = put(sheet, row, 2, words, ruled(WORDS))
        if words == document.link:
            cell = put(sheet, row, 2, words, ruled(replace(link(document.branding), alignment=WORDS.alignment)))
            cell.hyperlink = words
        sheet.row_dimensions[row].height = LINE * _lines(words) + _SPACE
    return row + 1


def _sections(document: Document, row_limit: int | None) -> Iterator[tuple[str, str, Sequence[_Row]]]:
    yield "Scope", "", _scope(document, row_limit)
    figures = _defined([figure.spec.column for figure in (*document.figures, *document.hidden_figures)])
    if figures:
        yield "Metrics", "", figures
    for table in document.tables:
        columns = _defined(table.columns)
        if columns or table.definition:
            yield table.title, table.definition, columns


def _scope(document: Document, row_limit: int | None) -> Sequence[_Row]:
    zone = document.timezone
    end = document.window.end.astimezone(document.scheduled_for.tzinfo)
    rows = [
        ("Report", document.title),
        ("Report type", document.type_title),
        ("Workspace", document.workspace),
        ("Period", document.period),
        ("Previous period", document.previous_period),
        ("Data until", long_time(end, zone)),
        ("Time zone", f"{zone} ({city(zone)})" if city(zone) != zone else zone),
        ("Scheduled for", long_time(document.scheduled_for, zone)),
        *((one.title, one.words) for one in document.parameters),
        ("About", document.description),
        *(("Note", words) for words in document.notes),
        *((table.title, words) for table in document.tables for words in _limits(table, row_limit)),
        ("Report online", document.link),
    ]
    return [(name, words) for name, words in rows if words]


def _limits(table: Table, row_limit: int | None) -> Iterator[str]:
    if words := cut_notice(table, row_limit):
        yield words
    if table.limit is not None and table.is_at_limit:
        yield f"The first {table.limit:,d} rows; there may be more."


def _defined(columns: Sequence[Column]) -> Sequence[_Row]:
    return [(column.title, column.definition) for column in columns if column.definition]


def _lines(words: str) -> int:
    return max(ceil(text_width(words) / _WIDTHS["B"]), 1)
