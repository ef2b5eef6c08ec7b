"""Totals of a table: the sums of its columns with `total`, added up while its rows are read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from .batches import finite
from .values import NUMERIC

if TYPE_CHECKING:
    from collections.abc import Sequence
    from decimal import Decimal

    from ..domain.report_type import Column
    from .document import Table

#: What the total row is called, in the first column without a sum.
TOTAL: Final = "Total"
#: Sums of integers have this type: those of large integers do not fit into 64 bits.
_WHOLE: Final = pa.decimal128(38, 0)


class Totals:
    """The sums of some columns of a table."""

    def __init__(self, columns: Sequence[Column]) -> None:
        self._columns = columns
        self._sums: dict[int, int | float | Decimal | None] = {
            place: None for place, column in enumerate(columns) if column.total and column.type in NUMERIC
        }

    def add(self, piece: pa.RecordBatch) -> None:
        """Add rows; their first columns are those of the totals."""
        for place, before in self._sums.items():
            found = _sum(piece.column(place))
            if found is not None:
                self._sums[place] = found if before is None else before + found

    def row(self) -> list[Any]:
        """Return a value per column: the sum, or None; the label is not among them."""
        return [self._sums.get(place) for place in range(len(self._columns))]

    @property
    def label_place(self) -> int | None:
        """The column of the label, the first without a sum; None if each column has one."""
        return next((place for place in range(len(self._columns)) if place not in self._sums), None)

    def __bool__(self) -> bool:
        """Whether there is a total row to show."""
        return bool(self._sums) and self.label_place is not None


def totals_of(table: Table, columns: Sequence[Column], row_limit: int | None) -> Totals | None:
    """Return the empty totals of the first *columns* of *table*.

    None if no column has a total, and where a sum would not be that of all rows: in a table that *row_limit* or the
    limit of its query may have cut, or that has one row.
    """
    if table.rows < 2 or table.is_at_limit or (row_limit is not None and table.rows > row_limit):
        return None
    return Totals(columns) or None


def _sum(values: pa.Array) -> Any:
    if pa.types.is_integer(values.type):
        found = pc.sum(values.cast(_WHOLE)).as_py()
        return None if found is None else int(found)
    return pc.sum(finite(values) if pa.types.is_floating(values.type) else values).as_py()
