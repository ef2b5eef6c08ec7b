"""Port: the application's data, queried within one workspace and period."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractContextManager
    from datetime import datetime

    import pyarrow as pa


@dataclass(frozen=True, kw_only=True, slots=True)
class Scope:
    """What a dataset's SQL may read; bound to its transaction as `report.*` settings."""

    workspace_id: str
    start: datetime
    end: datetime
    timezone: str
    parameters: Mapping[str, Any]


class Source(Protocol):
    """The application's data."""

    def stream(self, sql: str, scope: Scope) -> AbstractContextManager[pa.RecordBatchReader]:
        """Run one static query within *scope* and yield its batches as they arrive."""

    def columns(self, sql: str) -> pa.Schema:
        """The columns of a static query and their types, without running it."""
