"""JSON: the run, its key figures and every table, streamed, one row a line, every digit kept.

docs/report.schema.json says what is in it.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, BinaryIO, Final
from zoneinfo import ZoneInfo

import orjson
import pyarrow as pa

from .clock import iso_text
from .rows import decimal_text, pieces
from .text import is_missing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..model import Column
    from .document import Document, Figure, Table


#: Rises when something is taken away or means something else.
VERSION: Final = 1
_SCALED: Final = frozenset({"decimal", "number", "percent"})


def render(document: Document, out: BinaryIO, *, row_limit: int | None) -> int:
    """Write the whole document; `rowCount` is what the data set holds, whatever *row_limit* leaves of it."""
    head = {
        "formatVersion": VERSION,
        "report": _report(document),
        "keyFigures": [_figure(figure) for figure in document.figures],
    }
    out.write(orjson.dumps(head)[:-1] + b',\n"datasets":[')
    counts = []
    for number, table in enumerate(document.tables):
        out.write(b",\n" if number else b"\n")
        counts.append(_write_table(table, out, row_limit))
    out.write(b"\n]}\n")
    return counts[0]


def _report(document: Document) -> dict[str, Any]:
    zone, window = ZoneInfo(document.timezone), document.window
    return {
        "name": document.title,
        "type": document.type_title,
        "description": document.description,
        "workspace": document.workspace,
        "timezone": document.timezone,
        "period": {
            "start": window.start.astimezone(zone).isoformat(),
            "end": window.end.astimezone(zone).isoformat(),
            "firstDay": window.first_day.isoformat(),
            "lastDay": window.last_day.isoformat(),
        },
        "previousPeriod": {
            "start": window.previous_start.astimezone(zone).isoformat(),
            "end": window.start.astimezone(zone).isoformat(),
        },
        "scheduledFor": document.scheduled_for.astimezone(zone).isoformat(),
    }


def _figure(figure: Figure) -> dict[str, Any]:
    column = figure.spec.column
    return {
        "name": column.name,
        "title": column.title,
        "type": column.type,
        "value": _number(figure.value),
        "previous": _number(figure.previous),
        "change": _number(figure.change),
    }


def _number(value: float | Decimal | None) -> orjson.Fragment | float | None:
    """A number of any size: orjson itself stops at 64 bits and knows no decimals."""
    if is_missing(value):
        return None
    if isinstance(value, Decimal):
        return orjson.Fragment(f"{value:f}")
    return orjson.Fragment(str(value)) if isinstance(value, int) else value


def _write_table(table: Table, out: BinaryIO, row_limit: int | None) -> int:
    head = {
        "name": table.name,
        "title": table.title,
        "columns": [_column(column) for column in table.columns],
        "rowCount": table.rows,
    }
    out.write(orjson.dumps(head)[:-1] + b',"rows":[')
    written = 0
    for piece in pieces(table, row_limit):
        out.write(b",\n" if written else b"\n")
        out.write(b",\n".join(orjson.dumps(row) for row in _rows(table, piece)))
        written += piece.num_rows
    out.write(b"]}")
    return written


def _column(column: Column) -> dict[str, Any]:
    scale = {"scale": column.scale} if column.type in _SCALED else {}
    return {"name": column.name, "title": column.title, "type": column.type, **scale}


def _rows(table: Table, piece: pa.RecordBatch) -> Iterator[dict[str, Any]]:
    names = [column.name for column in table.columns]
    cells = [_cells(column, values) for column, values in zip(table.columns, piece.columns, strict=True)]
    return (dict(zip(names, row, strict=True)) for row in zip(*cells, strict=True))


def _cells(column: Column, values: pa.Array) -> list[Any]:
    """The values as orjson takes them; it writes what is not a number as null by itself."""
    match column.type:
        case "decimal":
            return [None if text is None else orjson.Fragment(text) for text in decimal_text(values).to_pylist()]
        case "timestamp":
            return list(iso_text(values).to_pylist())
        case "date":
            return list(values.cast(pa.string()).to_pylist())
        case _:
            return list(values.to_pylist())
