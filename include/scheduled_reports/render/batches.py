"""Read a table in pieces of bounded size, and convert columns to exact text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .document import Table

#: Rows per piece: written out, a piece stays far below the 2 GB that an Arrow text array can hold. Batches of short
#: rows are cut into longer pieces, which cost less per row.
PIECE: Final = 1_000
_LONG_PIECE, _SHORT_ROWS = 10_000, 16 * 2**20

#: A row limit never cuts a table of at most so many rows: it would save a reader nothing.
UNCUT: Final = 50

#: Above this scale Arrow writes small decimals with an exponent, as 1E-7.
_PLAIN_SCALE: Final = 6


def pieces(table: Table, end: int | None, *, start: int = 0) -> Iterator[pa.RecordBatch]:
    """Yield the rows from *start* up to *end* (or all), some thousands at a time; no piece is empty."""
    position = 0
    for batch in table.batches():
        first = max(start - position, 0)
        last = batch.num_rows if end is None else min(end - position, batch.num_rows)
        step = _LONG_PIECE if batch.nbytes < _SHORT_ROWS else PIECE
        for offset in range(first, last, step):
            yield batch.slice(offset, min(step, last - offset))
        position += batch.num_rows
        if end is not None and position >= end:
            return


def limit_of(table: Table, row_limit: int | None) -> int | None:
    """Return how many rows of *table* a file shows that is bound to *row_limit*; None for all of them."""
    return None if row_limit is None or table.rows <= max(row_limit, UNCUT) else row_limit


def finite(values: pa.Array) -> pa.Array:
    """Replace infinite values and NaN by null."""
    return pc.if_else(pc.is_finite(values), values, pa.scalar(None, values.type))


def decimal_text(values: pa.Array) -> pa.Array:
    """Convert decimals to text with all digits and no exponent."""
    if values.type.scale <= _PLAIN_SCALE:
        return values.cast(pa.string())
    return pa.array([None if value is None else f"{value:f}" for value in values.to_pylist()], pa.string())


def joined(texts: pa.Array) -> memoryview:
    """Return the concatenated UTF-8 of *texts* without a copy; there must be no nulls."""
    _, offsets, content = texts.buffers()
    bounds = np.frombuffer(offsets, np.int32)[texts.offset : texts.offset + len(texts) + 1]
    return memoryview(content)[int(bounds[0]) : int(bounds[-1])] if content else memoryview(b"")
