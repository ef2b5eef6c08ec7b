"""A buffer of table rows: rows that do not fit on a page are put back."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..as_html.excerpt import Row


class RowBuffer:
    """The rows of a table, which can be given back; `len` says how many of those there are."""

    def __init__(self, rows: Iterator[Row]) -> None:
        self._rows = rows
        self._waiting: deque[Row] = deque()

    def __len__(self) -> int:
        return len(self._waiting)

    def next(self) -> Row | None:
        """The next row; None after the last."""
        return self._waiting.popleft() if self._waiting else next(self._rows, None)

    def take(self, count: int) -> list[Row]:
        """The next rows, fewer where there are no more."""
        taken: list[Row] = []
        while len(taken) < count and (row := self.next()) is not None:
            taken.append(row)
        return taken

    def give_back(self, rows: list[Row]) -> None:
        """Let *rows* come next, in their order."""
        self._waiting.extendleft(reversed(rows))

    @property
    def is_at_end(self) -> bool:
        """Whether there is no further row."""
        row = self.next()
        if row is None:
            return True
        self.give_back([row])
        return False
