"""A buffer of table rows: rows that do not fit on a page are put back."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..as_html.table import Row


class RowBuffer:
    """The rows of a table, with rows that were put back first; `len` counts the latter."""

    def __init__(self, rows: Iterator[Row]) -> None:
        self._rows = rows
        self._waiting: deque[Row] = deque()

    def __len__(self) -> int:
        return len(self._waiting)

    def next(self) -> Row | None:
        """Return the next row; None after the last."""
        return self._waiting.popleft() if self._waiting else next(self._rows, None)

    def take(self, count: int) -> list[Row]:
        """Return the next *count* rows, or as many as there are."""
        taken: list[Row] = []
        while len(taken) < count and (row := self.next()) is not None:
            taken.append(row)
        return taken

    def give_back(self, rows: list[Row]) -> None:
        """Put *rows* back, to come next in this order."""
        self._waiting.extendleft(reversed(rows))

    @property
    def is_at_end(self) -> bool:
        """Whether there are no more rows."""
        row = self.next()
        if row is None:
            return True
        self.give_back([row])
        return False
