"""What the pages show of all workspaces at once, from PostgreSQL."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from psycopg import sql

from ...ports.web import Listing, Place
from .connection import transaction
from .sql import statements

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from contextlib import AbstractContextManager
    from datetime import datetime

    import psycopg

    from ...ports.web import Record, Search

    Connection = psycopg.Connection[dict[str, Any]]

SORTABLE = {
    "name": sql.SQL("lower(name)"),
    "workspace": sql.SQL("lower(workspace_name)"),
    "type": sql.Identifier("reportType"),
    "next": sql.Identifier("next_run"),
    "last": sql.Identifier("last_run"),
    "state": sql.Identifier("state"),
}
#: The most reports of one kind that the panel of what needs attention names.
NAMED = 5


@dataclass(frozen=True, slots=True)
class PostgresOverview:
    """Port `Overview`; every call is one short transaction."""

    dsn: str = field(repr=False)
    statement_timeout: timedelta = timedelta(seconds=10)

    def search(self, search: Search) -> Listing:
        values = asdict(search) | {
            "text": None if search.text is None else f"%{_escaped(search.text)}%",
            "exact": search.text,
            "ids": None if search.ids is None else list(search.ids),
        }
        reports = sql.SQL(statements("overview")["reports"])
        page = sql.SQL(
            "SELECT * FROM ({reports}) found WHERE %(state)s::text IS NULL OR state = %(state)s "
            "ORDER BY {column} {order} NULLS LAST, id LIMIT %(limit)s OFFSET %(offset)s"
        ).format(
            reports=reports,
            column=SORTABLE[search.sort_by],
            order=sql.SQL("DESC" if search.descending else "ASC"),
        )
        counts = sql.SQL("SELECT state, count(*) AS n FROM ({reports}) found GROUP BY state").format(reports=reports)
        with self._transaction() as connection:
            states = {row["state"]: row["n"] for row in connection.execute(counts, values)}
            found = connection.execute(page, values).fetchall()
            outcomes = _outcomes(connection, [row["id"] for row in found])
        return Listing(items=tuple(row | {"outcomes": outcomes.get(row["id"], ())} for row in found), states=states)

    def unknown(self, since: datetime, ids: Collection[str] | None) -> Sequence[Record]:
        return self._read("unknown", {"since": since, "ids": _list(ids), "limit": NAMED})

    def held(self, paused: Collection[str], ids: Collection[str] | None) -> Sequence[Record]:
        return self._read("held", {"paused": list(paused), "ids": _list(ids), "limit": NAMED})

    def places(self, ids: Collection[str] | None) -> tuple[Place, ...]:
        return tuple(Place(**row) for row in self._read("places", {"ids": _list(ids)}))

    def place_of(self, report_id: str) -> Place | None:
        return next((Place(**row) for row in self._read("place_of", {"report_id": report_id})), None)

    def members(self, workspace_id: str) -> Sequence[Record]:
        return self._read("members", {"workspace_id": workspace_id})

    def _read(self, name: str, values: Mapping[str, Any]) -> list[Record]:
        with self._transaction() as connection:
            return connection.execute(statements("overview")[name], values).fetchall()

    def _transaction(self) -> AbstractContextManager[Connection]:
        return transaction(self.dsn, statement_timeout=self.statement_timeout)


def _outcomes(connection: Connection, ids: Sequence[str]) -> Mapping[str, Sequence[str]]:
    rows = connection.execute(statements("overview")["outcomes"], {"ids": list(ids)})
    return {row["id"]: row["outcomes"] for row in rows}


def _escaped(text: str) -> str:
    """*text* as ILIKE takes it literally."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _list(ids: Collection[str] | None) -> list[str] | None:
    return None if ids is None else list(ids)
