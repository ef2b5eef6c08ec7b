"""Examine the reports database for the doctor: the server, our tables and triggers, and the role's privileges."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from ...domain.finding import fault, ok, warning
from .connection import transaction
from .migrate import OLDEST_SERVER
from .sql import FOLDER, statements, text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from ...domain.finding import Finding

MIGRATE: Final = "run `scheduled-reports migrate` as the owner of the tables"
ROLES: Final = "run deploy/sql/roles.sql again, or grant them to the role"
_FUNCTION: Final = re.compile(r"CREATE OR REPLACE FUNCTION reporting\.(\w+)\(.*?\$\$(.*?)\$\$", re.DOTALL)
_TRIGGER: Final = re.compile(r"CREATE OR REPLACE TRIGGER (\w+)")
#: The files that every `migrate` runs again.
_REPEATED: Final = ("triggers", "door")


@dataclass(frozen=True, slots=True)
class PostgresDatabase:
    """Port `Database`; every call is one short transaction."""

    dsn: str = field(repr=False)
    statement_timeout: timedelta = timedelta(seconds=10)

    def findings(self) -> Iterator[Finding]:
        (server,) = self._rows("server")
        yield from _of_server(server)
        (schema,) = self._rows("schema")
        if not schema["may_be_used"]:
            yield fault("privileges", f"the role {server['role']} may not use the schema reporting", ROLES)
            return
        (tables,) = self._rows("tables")
        if not tables["exist"]:
            yield fault("schema", "our tables do not exist", MIGRATE)
            return
        yield from _of_schema(
            applied=self._names("migrations") if tables["may_read_migrations"] else None,
            triggers={row["name"]: row["is_enabled"] for row in self._rows("triggers")},
            functions={(row["name"], _plain(row["body"])) for row in self._rows("functions")},
        )
        yield from _of_privileges(server["role"], self._rows("missing_privileges"))

    def now(self) -> datetime:
        (row,) = self._rows("now")
        found: datetime = row["now"]
        return found

    def offsets(self, zones: Sequence[str], moments: Sequence[datetime]) -> Mapping[str, Sequence[int] | None]:
        rows = self._rows("offsets", {"zones": list(zones), "moments": list(moments)})
        return {row["zone"]: row["offsets"] for row in rows}

    def _names(self, statement: str) -> set[str]:
        return {row["name"] for row in self._rows(statement)}

    def _rows(self, statement: str, values: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        with transaction(self.dsn, statement_timeout=self.statement_timeout) as connection:
            return connection.execute(statements("examine")[statement], values).fetchall()


def _of_server(server: Mapping[str, Any]) -> Iterator[Finding]:
    name = f"PostgreSQL {server['version']}, as {server['role']}"
    if server["number"] < OLDEST_SERVER * 10_000:
        yield fault("database", f"{name} is too old", f"use PostgreSQL {OLDEST_SERVER} or later")
    elif server["is_read_only"]:
        yield fault("database", f"{name} is read-only", "connect to the primary server, with a role that may write")
    else:
        yield ok("database", name)
    if server["encoding"] != "UTF8":
        yield warning(
            "database",
            f"its encoding is {server['encoding']}, which cannot store every name",
            "use a database with the encoding UTF8",
        )


def _of_schema(
    *, applied: set[str] | None, triggers: Mapping[str, bool], functions: set[tuple[str, str]]
) -> Iterator[Finding]:
    found = []
    shipped = {path.stem for path in (FOLDER / "migrations").glob("*.sql")}
    if applied is not None and shipped - applied:
        found.append(fault("schema", f"not applied: {', '.join(sorted(shipped - applied))}", MIGRATE))
    if applied is not None and applied - shipped:
        found.append(
            warning(
                "schema",
                f"the database is newer than this code: {', '.join(sorted(applied - shipped))}",
                "update the product in every process",
            )
        )
    wanted = {name for file in _REPEATED for name in _TRIGGER.findall(text(file))}
    if missing := wanted - triggers.keys():
        found.append(fault("schema", f"triggers are missing: {', '.join(sorted(missing))}", MIGRATE))
    if disabled := {name for name in wanted & triggers.keys() if not triggers[name]}:
        remedy = "enable them with ALTER TABLE … ENABLE TRIGGER; without them schedules and deletions are not noticed"
        found.append(fault("schema", f"triggers are disabled: {', '.join(sorted(disabled))}", remedy))
    bodies = {(name, _plain(body)) for file in _REPEATED for name, body in _FUNCTION.findall(text(file))}
    if other := {name for name, _ in bodies - functions}:
        found.append(fault("schema", f"functions are of another version: {', '.join(sorted(other))}", MIGRATE))
    yield from found or [ok("schema", f"up to date ({max(shipped)})")]


def _of_privileges(role: str, missing: Sequence[Mapping[str, Any]]) -> Iterator[Finding]:
    for row in missing:
        yield fault("privileges", f"the role {role} lacks {row['privileges']} on {row['name']}", ROLES)
    if not missing:
        yield ok("privileges", f"the role {role} has what tasks and upkeep need")


def _plain(body: str) -> str:
    return body.replace("\r\n", "\n").strip()
