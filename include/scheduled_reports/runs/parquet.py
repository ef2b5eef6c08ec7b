"""Write query results as Parquet, in the types that the report type declares."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ..domain.errors import ReportTypeError

if TYPE_CHECKING:
    from ..domain.report_type import Column
    from .staging import Draft

#: The files are read once, from start to end: without dictionaries and statistics a million rows are written in less
#: than half the time, and zstd compresses them better.
PARQUET = {"compression": "zstd", "use_dictionary": False, "write_statistics": False}


def write_parquet(batches: pa.RecordBatchReader, columns: tuple[Column, ...], timezone: str, draft: Draft) -> None:
    """Write a query's batches in the types that the report type declares."""
    schema = pa.schema([(column.name, arrow_type(column, timezone)) for column in columns])
    _same_columns(schema.names, batches.schema.names)
    with pq.ParquetWriter(draft.file, schema, **PARQUET) as writer, ThreadPoolExecutor(max_workers=1) as pool:

        def write(batch: pa.RecordBatch) -> None:
            cast_columns = [_cast(batch.column(field.name), field) for field in schema]
            writer.write_batch(pa.RecordBatch.from_arrays(cast_columns, schema=schema))
            draft.rows += batch.num_rows
            draft.data_rows += _rows_with_figures(cast_columns, batch.num_rows)

        # Write one batch while the database produces the next: one more batch in memory, half the time.
        written = None
        for batch in batches:
            if written is not None:
                written.result()
            written = pool.submit(write, batch)
        if written is not None:
            written.result()
    draft.total_rows = draft.rows


def arrow_type(column: Column, timezone: str) -> pa.DataType:
    """The Arrow type of a declared column; decimals have 38 digits."""
    return {
        "text": pa.string(),
        "integer": pa.int64(),
        "decimal": pa.decimal128(38, column.scale),
        "number": pa.float64(),
        "percent": pa.float64(),
        "boolean": pa.bool_(),
        "date": pa.date32(),
        "timestamp": pa.timestamp("us", tz=timezone),
    }[column.type]


def _rows_with_figures(columns: list[pa.Array], rows: int) -> int:
    """The number of rows with a non-zero number; all rows if no column is numeric."""
    numbers = [column for column in columns if _is_number(column.type)]
    if not numbers:
        return rows
    found = pa.array([False] * rows, pa.bool_())
    for column in numbers:
        found = pc.or_(found, pc.fill_null(pc.not_equal(column, 0), fill_value=False))
    return int(pc.sum(found).as_py() or 0)


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def _same_columns(declared: list[str], found: list[str]) -> None:
    if declared != found:
        raise ReportTypeError(
            f"the query's columns are {', '.join(found)}, but report.yaml declares {', '.join(declared)}"
        )


def _cast(column: pa.Array, field: pa.Field) -> pa.Array:
    if isinstance(column, pa.ExtensionArray):  # PostgreSQL's numeric arrives as exact text
        column = column.storage
    if pa.types.is_timestamp(field.type) and pa.types.is_timestamp(column.type) and column.type.tz is None:
        column = pc.assume_timezone(column, "UTC")  # the application's timestamps hold UTC
    try:
        return column.cast(field.type)
    except pa.ArrowException as error:  # its text may contain a value
        raise ReportTypeError(f"column {field.name}: the query returns a value that is not {field.type}") from error
