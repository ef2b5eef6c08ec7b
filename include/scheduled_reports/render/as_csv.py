"""CSV: the main table as in RFC 4180, safe to open in a spreadsheet."""

from __future__ import annotations

from codecs import BOM_UTF8
from typing import TYPE_CHECKING, BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow.csv import CSVWriter, WriteOptions

from .batches import decimal_text, finite, pieces
from .local_time import iso_text
from .values import FORMULA_STARTS, defused

if TYPE_CHECKING:
    from ..domain.report_type import Column
    from .document import Document


def render(document: Document, out: BinaryIO, *, row_limit: int | None, bom: bool = False) -> int:
    """Write the main table: UTF-8, CRLF, a header line, text quoted, missing values left empty.

    An empty text is written as `""`, to differ from a missing value.
    """
    if bom:
        out.write(BOM_UTF8)
    table = document.main
    schema = pa.schema([(defused(column.title), _type(column)) for column in table.columns])
    written = 0
    with CSVWriter(out, schema, write_options=WriteOptions(eol="\r\n")) as writer:
        for piece in pieces(table, row_limit):
            cells = [_as_written(column, values) for column, values in zip(table.columns, piece.columns, strict=True)]
            writer.write_batch(pa.record_batch(cells, schema=schema))
            written += piece.num_rows
    return written


def _type(column: Column) -> pa.DataType:
    """Choose the Arrow type to write a column as: the writer quotes text and leaves numbers bare."""
    match column.type:
        case "integer":
            return pa.int64()
        case "number" | "percent":
            return pa.float64()
        case "boolean":
            return pa.bool_()
        case "decimal" if column.scale <= 6:
            return pa.decimal128(38, column.scale)
        case "date":
            return pa.date32()
        case _:
            return pa.string()


def _as_written(column: Column, values: pa.Array) -> pa.Array:
    match column.type:
        case "number" | "percent":
            return finite(values)
        case "decimal" if column.scale > 6:
            return decimal_text(values)
        case "timestamp":
            return iso_text(values)
        case "text":
            return _defused(values)
        case _:
            return values


def _defused(values: pa.Array) -> pa.Array:
    """Apply `values.defused` to a whole column."""
    starts = pc.utf8_slice_codeunits(values, start=0, stop=1)
    dangerous = pc.is_in(starts, value_set=pa.array(FORMULA_STARTS))
    if not pc.any(dangerous).as_py():
        return values
    return pc.if_else(dangerous, pc.binary_join_element_wise("'", values, ""), values)
