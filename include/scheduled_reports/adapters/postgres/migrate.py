"""Bring a database to the current schema: two tables next to the application's, ours in the schema `reporting`."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import psycopg

from ...domain.errors import ConfigurationError, TransientError
from . import sql
from .connection import conninfo, set_session

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    Connection = psycopg.Connection[tuple[Any, ...]]
    Inventory = Mapping[tuple[str, str], str]

OLDEST_SERVER = 14  # the first with CREATE OR REPLACE TRIGGER
# While our DDL waits for a lock, the application's writes queue up behind it: give up early.
LOCK_TIMEOUT = "10s"
REFUSED_FOR_NOW = ("too many", "slots are reserved", "starting up", "shutting down", "recovery mode")
APPLICATION_KEYS = {
    "scheduled_reports_workspace_id_fkey": "workspaces",
    "scheduled_reports_created_by_id_fkey": "users",
}


def migrate(dsn: str) -> tuple[str, ...]:
    """Bring an empty database, the application's, or a migrated one to the current schema; return what was done."""
    with _translated(), _connect(dsn) as connection:
        _begin(connection)
        before = _inventory(connection)
        connection.execute(sql.text("application"))
        applied = _apply_migrations(connection)
        connection.execute(sql.text("triggers"))
        connection.execute(sql.text("door"))
        adopted = connection.execute(sql.text("adopt")).rowcount
        after = _inventory(connection)
    done = [*_changes(before, after), *(f"applied {name}" for name in applied)]
    if adopted:
        done.append(f"existing reports, effective from now on: {adopted}")
    return (*(done or ["nothing to do"]), *_missing_foreign_keys(after))


def _connect(dsn: str) -> Connection:
    try:
        target = conninfo(dsn)
    except psycopg.ProgrammingError:
        # libpq quotes the part it cannot parse, which may be the password: drop its message and the cause.
        message = "the DSN is not valid for libpq (remove Prisma's ?schema= from it)"
        raise ConfigurationError(message) from None
    try:
        return psycopg.connect(target)
    except psycopg.OperationalError as error:
        raise _connection_error(str(error)) from error


def _connection_error(text: str) -> ConfigurationError | TransientError:
    """The error for a failed connection: a server that refuses says FATAL; libpq gives no SQLSTATE at this point."""
    lasting = "FATAL" in text and not any(words in text for words in REFUSED_FOR_NOW)
    return (ConfigurationError if lasting else TransientError)(f"cannot connect: {text}")


def _begin(connection: Connection) -> None:
    """Begin the single transaction of the migration, after any migration that is already running."""
    if connection.info.server_version < OLDEST_SERVER * 10_000:
        raise ConfigurationError(f"PostgreSQL {OLDEST_SERVER} or later is needed")
    schema = _application_schema(connection)
    set_session(connection, timeout="0")
    connection.execute("SELECT set_config('search_path', %s, true)", [schema])
    connection.execute("SELECT pg_advisory_xact_lock(hashtextextended('scheduled_reports.migrate', 0))")
    connection.execute("SELECT set_config('lock_timeout', %s, true)", [LOCK_TIMEOUT])
    connection.execute(sql.text("reporting"))


def _application_schema(connection: Connection) -> str:
    """Return the schema for our two tables, quoted: that of the application's, else the first of the search path."""
    (application, ours, first, is_named_like_role) = connection.execute(
        sql.statements("session")["application_schemas"]
    ).fetchone() or ("", "", "", False)
    if application and ours and application != ours:
        raise ConfigurationError(
            f"scheduled_reports is in the schema {ours}, the application's tables are in {application}; "
            f"move it with ALTER TABLE … SET SCHEMA {application}, or set the search_path of this role."
        )
    if found := application or ours:
        return str(found)
    if first is None or is_named_like_role:
        raise ConfigurationError(
            f"the search_path finds no table `workspaces` and begins with {first or 'no schema that exists'}; "
            "name the application's schema in the DSN: options=-csearch_path=public."
        )
    return str(first)


def _apply_migrations(connection: Connection) -> tuple[str, ...]:
    applied = {name for (name,) in connection.execute("SELECT name FROM reporting.migrations")}
    missing = [path for path in sorted((sql.FOLDER / "migrations").glob("*.sql")) if path.stem not in applied]
    for path in missing:
        connection.execute(path.read_bytes())
        connection.execute("INSERT INTO reporting.migrations (name) VALUES (%s)", [path.stem])
    return tuple(path.stem for path in missing)


def _inventory(connection: Connection) -> Inventory:
    rows = connection.execute(sql.text("inventory"))
    return {(kind, name): definition for kind, name, definition in rows}


def _changes(before: Inventory, after: Inventory) -> Iterator[str]:
    for (kind, name), definition in after.items():
        if (kind, name) not in before:
            yield f"created {kind} {name}"
        elif before[kind, name] != definition:
            yield f"extended enum {name}: {definition}" if kind == "enum" else f"changed {kind} {name}"


def _missing_foreign_keys(after: Inventory) -> Iterator[str]:
    for key, table in APPLICATION_KEYS.items():
        if ("foreign key", key) not in after:
            yield f"foreign key {key} is not created yet: table {table} is missing; create it and run migrate again"


@contextmanager
def _translated() -> Iterator[None]:
    """Translate driver errors into ours."""
    try:
        yield
    except psycopg.errors.ForeignKeyViolation as error:
        raise ConfigurationError(_orphan_message(error.diag)) from error
    except psycopg.OperationalError as error:
        raise TransientError(f"the database was busy or unavailable, run migrate again: {error}") from error
    except psycopg.Error as error:
        raise ConfigurationError(f"the database cannot be migrated, nothing was changed: {error}") from error


def _orphan_message(diag: psycopg.errors.Diagnostic) -> str:
    detail = diag.message_detail or diag.message_primary
    return (
        f"foreign key {diag.constraint_name} cannot be created, nothing was changed: {detail} "
        f"Fix or delete such rows of {diag.table_name}, then run migrate again."
    )
