"""Data that the pages show across all workspaces, from PostgreSQL."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from ...ports.web import WorkspaceInfo
from .connection import transaction
from .sql import statements

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from contextlib import AbstractContextManager
    from datetime import datetime

    import psycopg

    from ...ports.web import Record

    Connection = psycopg.Connection[dict[str, Any]]

#: The most reports of each kind that the section "Needs attention" lists.
LISTED = 5


@dataclass(frozen=True, slots=True)
class PostgresOverview:
    """Port `Overview`; every call is one short transaction."""

    dsn: str = field(repr=False)
    statement_timeout: timedelta = timedelta(seconds=10)

    def outcomes(self, report_ids: Collection[str]) -> Mapping[str, Sequence[str]]:
        return {row["id"]: row["outcomes"] for row in self._read("outcomes", {"ids": list(report_ids)})}

    def unconfirmed_mail(self, since: datetime, ids: Collection[str] | None) -> Sequence[Record]:
        return self._read("unconfirmed_mail", {"since": since, "ids": _list(ids), "limit": LISTED})

    def paused_in_airflow(self, paused: Collection[str], ids: Collection[str] | None) -> Sequence[Record]:
        return self._read("paused_in_airflow", {"paused": list(paused), "ids": _list(ids), "limit": LISTED})

    def workspaces(self, ids: Collection[str] | None) -> tuple[WorkspaceInfo, ...]:
        return tuple(WorkspaceInfo(**row) for row in self._read("workspaces", {"ids": _list(ids)}))

    def workspace_of(self, report_id: str) -> WorkspaceInfo | None:
        return next((WorkspaceInfo(**row) for row in self._read("workspace_of", {"report_id": report_id})), None)

    def members(self, workspace_id: str) -> Sequence[Record]:
        return self._read("members", {"workspace_id": workspace_id})

    def _read(self, name: str, values: Mapping[str, Any]) -> list[Record]:
        with self._transaction() as connection:
            return connection.execute(statements("overview")[name], values).fetchall()

    def _transaction(self) -> AbstractContextManager[Connection]:
        return transaction(self.dsn, statement_timeout=self.statement_timeout)


def _list(ids: Collection[str] | None) -> list[str] | None:
    return None if ids is None else list(ids)
