"""The rows of scheduled_reports, from PostgreSQL."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from ..sql import statements
from .postgres import transaction

if TYPE_CHECKING:
    from collections.abc import Collection

    from ..definitions import Row


@dataclass(frozen=True, slots=True)
class PostgresDefinitions:
    """Port `Definitions`; every read is one short transaction."""

    dsn: str = field(repr=False)
    statement_timeout: timedelta = timedelta(seconds=10)

    def rows(self, *, limit: int, workspace_id: str | None = None) -> list[Row]:
        """Every report and tombstone, or the reports of one workspace, ordered by id, at most *limit*."""
        return self._rows(report_id=None, workspace_id=workspace_id, limit=limit)

    def row(self, report_id: str) -> Row | None:
        """One report, or None where there is no such row."""
        return next(
            (row for row in self._rows(report_id=report_id, workspace_id=None, limit=1) if not row["deleted"]), None
        )

    def members(self, workspace_id: str, addresses: Collection[str]) -> frozenset[str]:
        """Which of *addresses* (lower case) belong to members of the workspace."""
        values = {"workspace_id": workspace_id, "addresses": list(addresses)}
        with transaction(self.dsn, statement_timeout=self.statement_timeout) as connection:
            found = connection.execute(statements("definitions")["members"], values).fetchall()
        return frozenset(row["email"] for row in found)

    def _rows(self, **values: Any) -> list[Row]:
        with transaction(self.dsn, statement_timeout=self.statement_timeout) as connection:
            found = connection.execute(statements("definitions")["rows"], values).fetchall()
        return [{**one["row"], "parameters": _json(one["parameters"])} for one in found]


def _json(text: str | None) -> Any:
    """What *text* says; the text itself, which the gate then refuses, where it is too deep or a number too long."""
    try:
        return None if text is None else json.loads(text)
    except (ValueError, RecursionError):
        return text
