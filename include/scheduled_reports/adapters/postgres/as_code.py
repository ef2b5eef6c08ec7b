"""Reports, calendars and brands for `export`, `plan` and `apply`, in PostgreSQL."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from psycopg.types.json import Jsonb

from ...domain.brand import Brand, read_brand
from ...domain.run import AuditAction
from ...ports.as_code import Key
from ...ports.web import WorkspaceInfo
from .brands import save_brand
from .connection import transaction
from .sql import statements
from .web_reports import change_report, insert_report, name_actor

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    import psycopg

    from ...domain.run import Actor
    from ...ports.as_code import Change
    from ...ports.web import Record

    Connection = psycopg.Connection[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class PostgresCodeStore:
    """Port `CodeStore`; a session is one transaction."""

    dsn: str = field(repr=False)
    statement_timeout: timedelta = timedelta(minutes=1)

    @contextmanager
    def reading(self) -> Iterator[PostgresCodeSession]:
        with transaction(self.dsn, statement_timeout=self.statement_timeout) as connection:
            yield PostgresCodeSession(connection)

    @contextmanager
    def editing(self) -> Iterator[PostgresCodeSession]:
        with transaction(self.dsn, statement_timeout=self.statement_timeout) as connection:
            connection.execute(statements("as_code")["one_at_a_time"])
            yield PostgresCodeSession(connection, holds=True)


@dataclass(frozen=True, slots=True)
class PostgresCodeSession:
    """Port `CodeSession`; it locks what it reads if it *holds*."""

    connection: Connection
    holds: bool = False

    def workspaces(self) -> tuple[WorkspaceInfo, ...]:
        rows = self.connection.execute(statements("overview")["workspaces"], {"ids": None})
        return tuple(WorkspaceInfo(**row) for row in rows)

    def held(self, workspace_ids: Collection[str]) -> dict[Key, Record]:
        if self.holds:
            self._hold(workspace_ids)
        found: dict[Key, Record] = {}
        for row in self._read("reports", workspaces=list(workspace_ids)):
            found[Key(row.pop("workspace_id"), "report", row.pop("id"))] = row
        for row in self._read("calendars", workspaces=list(workspace_ids)):
            found[Key(row.pop("workspace_id"), "calendar", row.pop("code"))] = row
        for row in self._read("brands", workspaces=list(workspace_ids)):
            found[Key(row["workspace_id"], "brand", "")] = asdict(read_brand(row["brand"]))
        return found

    def workspaces_of(self, report_ids: Collection[str]) -> Mapping[str, str]:
        return {row["id"]: row["workspace_id"] for row in self._read("workspaces_of", ids=list(report_ids))}

    def country_calendars(self) -> Mapping[str, Record]:
        return {row["code"]: row["calendar"] for row in self._read("country_calendars")}

    def creator(self, workspace_id: str, user_id: str) -> Record | None:
        values = {"workspace_id": workspace_id, "user_id": user_id}
        return self.connection.execute(statements("reports")["creator"], values).fetchone()

    def write(self, changes: Sequence[Change], actor: Actor) -> None:
        name_actor(self.connection, actor)
        write = {"report": self._write_report, "calendar": self._write_calendar, "brand": self._write_brand}
        for change in changes:
            write[change.key.kind](change, actor)

    def _hold(self, workspace_ids: Collection[str]) -> None:
        for name in ("hold_reports", "hold_options", "hold_calendars"):
            self._read(name, workspaces=list(workspace_ids))
        for workspace_id in sorted(workspace_ids):
            self.connection.execute(statements("brands")["hold"], {"workspace_id": workspace_id})

    def _write_report(self, change: Change, _: Actor) -> None:
        workspace_id, report_id = change.key.workspace_id, change.key.name
        if change.after is None:
            values = {"workspace_id": workspace_id, "id": report_id}
            self.connection.execute(statements("reports")["delete"], values)
        elif change.before is None:
            insert_report(self.connection, {"id": report_id, "workspace_id": workspace_id, **change.after})
        else:
            change_report(self.connection, report_id, {name: change.after[name] for name in change.columns})

    def _write_calendar(self, change: Change, actor: Actor) -> None:
        key = {"workspace_id": change.key.workspace_id, "code": change.key.name}
        action = "created" if change.before is None else "deleted" if change.after is None else "changed"
        statement = {"created": "add_calendar", "changed": "set_calendar", "deleted": "delete_calendar"}[action]
        self.connection.execute(statements("as_code")[statement], {**key, **(change.after or {})})
        note = {
            "workspace_id": key["workspace_id"],
            "action": action,
            "actor": actor.name,
            "acting_user": actor.acting_user,
            "before": _noted(change, change.before),
            "after": _noted(change, change.after),
        }
        self.connection.execute(statements("as_code")["note_calendar"], note)

    def _write_brand(self, change: Change, actor: Actor) -> None:
        workspace_id = change.key.workspace_id
        act = AuditAction(action="branded", actor=actor, workspace_id=workspace_id)
        save_brand(self.connection, workspace_id, Brand(**(change.after or {})), act)

    def _read(self, name: str, **values: Any) -> list[Record]:
        return self.connection.execute(statements("as_code")[name], values).fetchall()


def _noted(change: Change, values: Record | None) -> Jsonb | None:
    """The values of a calendar that differ."""
    if values is None:
        return None
    return Jsonb({"calendar": {"code": change.key.name, **{name: values[name] for name in change.columns}}})
