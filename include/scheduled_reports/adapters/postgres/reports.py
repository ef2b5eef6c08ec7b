"""Read the rows of scheduled_reports."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from ...domain.json_text import read_json
from ...domain.reader import Unwanted
from ...domain.shards import Shard
from ...reports.parameters import LONGEST_TEXT
from .connection import transaction
from .sql import statements

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    import psycopg

    from ...domain.report import Row

#: Recipients that a mail service accepts per call.
MOST_ADMINS = 50


@dataclass(frozen=True, slots=True)
class PostgresDefinitions:
    """Port `Definitions`; every read is one short transaction."""

    dsn: str = field(repr=False)
    statement_timeout: timedelta = timedelta(seconds=10)

    def rows(self, *, limit: int, workspace_id: str | None = None, shard: Shard | None = None) -> list[Row]:
        return self._rows(workspace_id=workspace_id, shard=shard, limit=limit)

    def digests(self, shards: int, *, limit: int, only: int | None = None) -> dict[int, str]:
        shard = None if only is None else Shard(number=only, of=shards)
        return {one["shard"]: one["digest"] for one in self._select("digests", shard=shard, shards=shards, limit=limit)}

    def row(self, report_id: str) -> Row | None:
        with transaction(self.dsn, statement_timeout=self.statement_timeout) as connection:
            return current_row(connection, report_id)

    def left_out(self, *, limit: int, most: int) -> dict[str, str]:
        with transaction(self.dsn, statement_timeout=self.statement_timeout) as connection:
            values = {"limit": limit, "most": most}
            found = connection.execute(statements("definitions")["left_out"], values).fetchall()
        return {one["id"]: one["name"] for one in found}

    def admins(self, workspace_id: str) -> tuple[str, ...]:
        values = {"workspace_id": workspace_id, "limit": MOST_ADMINS}
        with transaction(self.dsn, statement_timeout=self.statement_timeout) as connection:
            found = connection.execute(statements("definitions")["admins"], values).fetchall()
        return tuple(row["email"] for row in found)

    def calendar(self, workspace_id: str, code: str) -> Mapping[str, Any] | None:
        values = {"workspace_id": workspace_id, "code": code}
        with transaction(self.dsn, statement_timeout=self.statement_timeout) as connection:
            found = connection.execute(statements("definitions")["calendar"], values).fetchone()
        return found and found["calendar"]

    def members(self, workspace_id: str, addresses: Collection[str]) -> frozenset[str]:
        with transaction(self.dsn, statement_timeout=self.statement_timeout) as connection:
            return members_of(connection, workspace_id, addresses)

    def _rows(self, **wanted: Any) -> list[Row]:
        return [_row(one) for one in self._select("rows", **wanted)]

    def _select(self, name: str, **wanted: Any) -> list[dict[str, Any]]:
        with transaction(self.dsn, statement_timeout=self.statement_timeout) as connection:
            return _select(connection, name, **wanted)


def current_row(connection: psycopg.Connection[dict[str, Any]], report_id: str) -> Row | None:
    """One report, as a transaction sees it; None if there is no such row."""
    rows = map(_row, _select(connection, "rows", report_id=report_id, limit=1))
    return next((row for row in rows if not row["deleted"]), None)


def unwanted(connection: psycopg.Connection[dict[str, Any]], report_id: str) -> Unwanted:
    """The mailboxes that a report does not mail."""
    rows = connection.execute(statements("readers")["unwanted"], {"report_id": report_id}).fetchall()
    return Unwanted(
        left=frozenset(row["mailbox"] for row in rows if not row["is_suppressed"]),
        suppressed=frozenset(row["mailbox"] for row in rows if row["is_suppressed"]),
    )


def members_of(
    connection: psycopg.Connection[dict[str, Any]], workspace_id: str, addresses: Collection[str]
) -> frozenset[str]:
    """Those of the addresses (lower case) that are of members of a workspace."""
    values = {"workspace_id": workspace_id, "addresses": list(addresses)}
    found = connection.execute(statements("definitions")["members"], values).fetchall()
    return frozenset(row["email"].lower() for row in found)


def _row(one: dict[str, Any]) -> Row:
    # A row without options was never seen by the trigger: it takes effect now, not in the past.
    unseen = datetime.now(UTC).isoformat()
    return {
        **one["row"],
        "effective_from": one["row"]["effective_from"] or unseen,
        "parameters": _json(one["parameters"]),
    }


def _select(
    connection: psycopg.Connection[dict[str, Any]], name: str, *, shard: Shard | None = None, **wanted: Any
) -> list[dict[str, Any]]:
    values = {
        "report_id": None,
        "workspace_id": None,
        "shard": shard and shard.number,
        "shards": shard and shard.of,
        "longest": LONGEST_TEXT + 1,
        **wanted,
    }
    statement = f"{statements('definitions')['definition']}\n{statements('definitions')[name]}"
    return connection.execute(statement, values).fetchall()


def _json(text: str | None) -> Any:
    """Parsed JSON; the text itself, which the parser rejects, if it was cut."""
    try:
        return None if text is None else read_json(text)
    except ValueError:
        return text
