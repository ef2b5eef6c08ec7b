"""Pieces of tables: a long one is read once, and put on paper piece by piece."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .table import Grid, Kind

Row = list[tuple["Kind", str]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Excerpt:
    """Some rows of a table, from its first or later ones, to its last or not."""

    grid: Grid
    rows: Iterable[Row]
    is_continued: bool = False
    goes_on: bool = False
