"""The sheet "Chart data": what charts draw that is in no table, such as weeks and the days of the period before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from openpyxl.utils import get_column_letter

from .cells import cell_value, number_format
from .print_setup import set_up_page
from .styles import LEFT, NOTE, PLAIN, RIGHT, CellStyle, font, header, put, ruled, title

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from openpyxl import Workbook
    from openpyxl.worksheet.worksheet import Worksheet

    from ...domain.report_type import Column
    from ..document import Document

_TITLE: Final = "Chart data"


@dataclass(frozen=True, kw_only=True, slots=True)
class Block:
    """Where the data of one chart stands: the row of its titles, and the number of its rows."""

    sheet: str
    head: int
    rows: int


class ChartData:
    """Writes the data of charts below each other; without any there is no such sheet."""

    def __init__(self, book: Workbook, document: Document, name: str) -> None:
        self._book, self._document, self._name = book, document, name
        self._sheet: Worksheet | None = None
        self._next = 4

    def add(self, caption: str, columns: Sequence[Column], rows: Sequence[Mapping[str, Any]]) -> Block:
        """Write the *columns* of *rows* below a caption."""
        sheet = self._sheet or self._made()
        put(sheet, self._next, 1, caption, CellStyle(font=font(bold=True)))
        head = self._next + 1
        for position, column in enumerate(columns, start=1):
            where = LEFT if column.type in ("text", "date", "timestamp") else RIGHT
            put(sheet, head, position, column.title, header(self._document.branding, where))
            for number, row in enumerate(rows, start=head + 1):
                cell = put(sheet, number, position, cell_value(row.get(column.name), column), ruled(PLAIN))
                cell.number_format, cell.alignment = number_format(column), where
        self._next = head + len(rows) + 2
        return Block(sheet=sheet.title, head=head, rows=len(rows))

    def _made(self) -> Worksheet:
        sheet: Worksheet = self._book.create_sheet(self._name)
        self._sheet = sheet
        sheet.sheet_view.showGridLines = False
        for number in range(1, 8):
            sheet.column_dimensions[get_column_letter(number)].width = 24
        put(sheet, 1, 1, _TITLE, title(self._document.branding))
        put(sheet, 2, 1, "What the charts of the summary draw that is in no other sheet.", CellStyle(font=NOTE.font))
        set_up_page(sheet, self._document)
        return sheet
