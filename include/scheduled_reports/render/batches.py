"""Reading a table: in pieces of a bounded size, and as exact text where a format has no type for a value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .document import Table

#: Small enough that one piece, written out, never nears the 2 GB an Arrow text array can hold; where rows are short,
#: more of them cost less.
PIECE: Final = 1_000
_LONG_PIECE, _SHORT_ROWS = 10_000, 16 * 2**20

#: Arrow writes a decimal of a larger scale as 1E-7.
_PLAIN_SCALE: Final = 6


def pieces(table: Table, end: int | None, *, start: int = 0) -> Iterator[pa.RecordBatch]:
    """The rows from *start* to before *end*, or to the last, some thousands at a time; no piece is empty."""
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


def finite(values: pa.Array) -> pa.Array:
    """Floats with null for what is not a number."""
    return pc.if_else(pc.is_finite(values), values, pa.scalar(None, values.type))


def decimal_text(values: pa.Array) -> pa.Array:
    """Decimals with all their digits and no exponent."""
    if values.type.scale <= _PLAIN_SCALE:
        return values.cast(pa.string())
    return pa.array([None if value is None else f"{value:f}" for value in values.to_pylist()], pa.string())


def joined(texts: pa.Array) -> memoryview:
    """The UTF-8 of all *texts*, one after the other, as Arrow holds it; there must be no null among them."""
    _, offsets, content = texts.buffers()
    bounds = np.frombuffer(offsets, np.int32)[texts.offset : texts.offset + len(texts) + 1]
    return memoryview(content)[int(bounds[0]) : int(bounds[-1])] if content else memoryview(b"")
