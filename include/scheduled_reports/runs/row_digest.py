"""Fingerprints of a staged table: a digest of its rows in order, and hashes of one column's values.

Both are the same however the rows are cut into batches, and hold no values of the table.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..domain.errors import PermanentError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ..domain.report_type import Column

#: More different keys than this are refused: the state of a report stays small.
MOST_KEYS: Final = 100_000
KEY_BYTES: Final = 8


class TableDigest:
    """SHA-256 over the names and types of the columns, and over their values and nulls in order.

    Each column feeds streams of its own, so that the ends of batches leave no trace.
    """

    def __init__(self, columns: Sequence[Column]) -> None:
        self._columns = {
            column.name: _ColumnDigest(f"{column.name}\0{column.type}\0{column.scale}") for column in columns
        }

    def update(self, batch: pa.RecordBatch) -> None:
        """Add the rows of *batch*."""
        for name, digest in self._columns.items():
            digest.update(batch.column(name))

    def hexdigest(self) -> str:
        """The digest of all rows so far."""
        return hashlib.sha256(b"".join(digest.digest() for digest in self._columns.values())).hexdigest()


class _ColumnDigest:
    """The streams of one column: its name and type with the nulls, the values, and of texts the lengths."""

    def __init__(self, head: str) -> None:
        self._nulls = hashlib.sha256(head.encode() + b"\0")
        self._values, self._lengths = hashlib.sha256(), hashlib.sha256()

    def update(self, values: pa.Array) -> None:
        self._nulls.update(_bytes(values.is_null().cast(pa.uint8())))
        if pa.types.is_string(values.type):
            values = pc.fill_null(values, "")
            self._lengths.update(_bytes(pc.binary_length(values)))
            self._values.update(_text(values))
        else:
            self._values.update(_bytes(_fixed(values)))

    def digest(self) -> bytes:
        return self._nulls.digest() + self._lengths.digest() + self._values.digest()


def _fixed(values: pa.Array) -> pa.Array:
    """Values of one width without nulls, as bytes that are the same for the same value."""
    if pa.types.is_boolean(values.type):
        values = values.cast(pa.uint8())
    elif pa.types.is_timestamp(values.type):
        values = values.cast(pa.int64())
    elif pa.types.is_date32(values.type):
        values = values.cast(pa.int32())
    elif pa.types.is_null(values.type):
        values = values.cast(pa.uint8())
    return pc.fill_null(values, pa.scalar("0").cast(values.type))


def _bytes(values: pa.Array) -> memoryview | bytes:
    """The memory of values of one width; there must be no nulls."""
    if not len(values):
        return b""
    width = values.type.bit_width // 8
    content = memoryview(values.buffers()[1])
    return content[values.offset * width : (values.offset + len(values)) * width]


def _text(texts: pa.Array) -> memoryview | bytes:
    """The UTF-8 of all texts; there must be no nulls."""
    _, offsets, content = texts.buffers()
    if content is None or not len(texts):
        return b""
    bounds = np.frombuffer(offsets, np.int32)[texts.offset : texts.offset + len(texts) + 1]
    return memoryview(content)[int(bounds[0]) : int(bounds[-1])]


class KeyHashes:
    """Hashes of the different values of a column; a missing value is a value of its own."""

    def __init__(self, column: str, known: bytes) -> None:
        self._column = column
        self._known = frozenset(_cut(known))
        self._found: set[bytes] = set()
        #: How many rows have a value that is not among the known ones.
        self.new_rows = 0

    def update(self, values: pa.Array) -> None:
        """Add the values of a batch; raises PermanentError if the column has too many different ones."""
        if pa.types.is_timestamp(values.type):
            values = values.cast(pa.int64())  # the same moment in any time zone
        for found in pc.value_counts(values).to_pylist():
            digest = _hash(found["values"])
            self._found.add(digest)
            self.new_rows += 0 if digest in self._known else found["counts"]
        if len(self._found) > MOST_KEYS:
            raise PermanentError(
                f"options.sendIf: the column {self._column} has more than {MOST_KEYS:,} different values, too many to "
                "find new rows by; use another column, a shorter period, or the condition changed"
            )

    def packed(self) -> bytes:
        """The hashes in order, one after the other."""
        return b"".join(sorted(self._found))


def _cut(packed: bytes) -> Iterator[bytes]:
    return (packed[start : start + KEY_BYTES] for start in range(0, len(packed), KEY_BYTES))


def _hash(value: object) -> bytes:
    # With the type: a missing value is not the text "None".
    text = f"{type(value).__name__}\0{value}"
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=KEY_BYTES).digest()
