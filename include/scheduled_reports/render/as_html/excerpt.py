"""Excerpts of tables: a long table is read once and laid out piece by piece."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .table import Row, TableView


@dataclass(frozen=True, kw_only=True, slots=True)
class Excerpt:
    """Some rows of a table; *is_continued* if others came before, *goes_on* if others follow."""

    view: TableView
    rows: Iterable[Row]
    is_continued: bool = False
    goes_on: bool = False
