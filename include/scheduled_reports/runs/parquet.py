"""Write query results as Parquet, in the types that the report type declares."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ..domain.errors import ReportTypeError
from .arrival import arrow_type, check_columns, convert

if TYPE_CHECKING:
    from ..domain.report_type import Column
    from .staging import Draft

#: The files are read once, from start to end: without dictionaries and statistics a million rows are written in less
#: than half the time, and zstd compresses them better.
PARQUET = {"compression": "zstd", "use_dictionary": False, "write_statistics": False}


def write_parquet(batches: pa.RecordBatchReader, columns: tuple[Column, ...], timezone: str, draft: Draft) -> None:
    """Write a query's batches in the types that the report type declares."""
    found = batches.schema
    if problems := check_columns(columns, found):
        raise ReportTypeError("; ".join(problems))
    schema = pa.schema([(column.name, arrow_type(column, timezone)) for column in columns])
    with pq.ParquetWriter(draft.file, schema, **PARQUET) as writer, ThreadPoolExecutor(max_workers=1) as pool:

        def write(batch: pa.RecordBatch) -> None:
            cells = zip(batch.columns, found, columns, strict=True)
            arrays = [convert(values, field, column, timezone) for values, field, column in cells]
            writer.write_batch(pa.RecordBatch.from_arrays(arrays, schema=schema))
            draft.rows += batch.num_rows
            draft.data_rows += _rows_with_figures(arrays, batch.num_rows)

        # Write one batch while the database produces the next: one more batch in memory, half the time.
        written = None
        for batch in batches:
            if written is not None:
                written.result()
            written = pool.submit(write, batch)
        if written is not None:
            written.result()
    draft.total_rows = draft.rows


def _rows_with_figures(columns: list[pa.Array], rows: int) -> int:
    """The number of rows with a non-zero number; all rows if no column is numeric."""
    numbers = [column for column in columns if _is_number(column.type)]
    if not numbers:
        return rows
    found = pa.array([False] * rows, pa.bool_())
    for column in numbers:
        # A zero of the column's own type: the integer 0 does not fit beside 20 digits after the point.
        zero = pa.scalar(0).cast(pa.string()).cast(column.type)
        found = pc.or_(found, pc.fill_null(pc.not_equal(column, zero), fill_value=False))
    return int(pc.sum(found).as_py() or 0)


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))
