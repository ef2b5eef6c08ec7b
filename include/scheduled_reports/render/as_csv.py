"""CSV: the main table as in RFC 4180, safe to open in a spreadsheet."""

from __future__ import annotations

from codecs import BOM_UTF8
from typing import TYPE_CHECKING, BinaryIO, Final

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow.csv import CSVWriter, WriteOptions

from .batches import decimal_text, finite, joined, pieces
from .local_time import iso_text
from .values import FORMULA_AT_START, FORMULA_INSIDE, SEPARATORS, SUSPICIOUS_STARTS, defused

if TYPE_CHECKING:
    from ..domain.report_type import Column
    from .document import Document


_SUSPICIOUS: Final = pa.array(SUSPICIOUS_STARTS)


def render(document: Document, out: BinaryIO, *, row_limit: int | None, bom: bool = False) -> int:
    """Write the main table: UTF-8, CRLF, a header line, text quoted, missing values left empty.

    An empty text is written as `""`, to differ from a missing value.
    """
    if bom:
        out.write(BOM_UTF8)
    table = document.main
    schema = pa.schema([(defused(_title(column)), _type(column)) for column in table.columns])
    written = 0
    with CSVWriter(out, schema, write_options=WriteOptions(eol="\r\n")) as writer:
        for piece in pieces(table, row_limit):
            cells = [_as_written(column, values) for column, values in zip(table.columns, piece.columns, strict=True)]
            writer.write_batch(pa.record_batch(cells, schema=schema))
            written += piece.num_rows
    return written


def _title(column: Column) -> str:
    """The head of a column; it names the unit of its numbers."""
    return f"{column.title} ({column.unit})" if column.unit else column.title


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
    """Apply `values.defused` to a whole column; most columns need only a look at their bytes."""
    starts = pc.utf8_slice_codeunits(values, start=0, stop=1)
    if pc.any(pc.is_in(starts, value_set=_SUSPICIOUS)).as_py():
        dangerous = pc.match_substring_regex(values, pattern=FORMULA_AT_START)
        values = pc.if_else(dangerous, pc.binary_join_element_wise("'", values, ""), values)
    # Almost no column needs more than a look at its bytes, and few more than one search in all of them.
    content = bytes(joined(values))
    if not any(separator in content for separator in SEPARATORS):
        return values
    whole = pa.array([content], pa.binary()).cast(pa.string())
    if not pc.any(pc.match_substring_regex(whole, pattern=FORMULA_INSIDE)).as_py():
        return values
    return pc.replace_substring_regex(values, pattern=FORMULA_INSIDE, replacement=r"\1'\2")
