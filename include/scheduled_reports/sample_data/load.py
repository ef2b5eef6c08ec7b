"""Write the sample rows into a database; they are recognised by their ids.

Rows that others refer to are updated in place: a report created in a sample workspace, and the counters and executions
of a sample report, survive another seeding.  Activity is deleted and written again, together with any rows that were
attached to it.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any

from psycopg import sql

from ..domain.errors import ConfigurationError
from .cast import HERE

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import psycopg

    from .rows import Item, Row

    Connection = psycopg.Connection[dict[str, Any]]

# Tables and the prefix of the sample's ids in them, parents first.
STANDING = {
    "organizations": "demo-organization-",
    "users": "demo-user-",
    "workspaces": "demo-workspace-",
    "workspace_members": "demo-workspace-member-",
    "disciplines": "demo-discipline-",
    "vps": "demo-vp-",
    "channels": "demo-channel-",
    "channel_members": "demo-channel-member-",
    "workflows": "demo-workflow-",
    "scheduled_reports": "demo-report-",
}
ACTIVITY = {
    "messages": "demo-message-",
    "files": "demo-file-",
    "message_attachments": "demo-attachment-",
    "reactions": "demo-reaction-",
    "tasks": "demo-task-",
    "workflow_executions": "demo-execution-",
    "audit_logs": "demo-audit-",
    "notifications": "demo-notification-",
    "sessions": "demo-session-",
    "export_jobs": "demo-export-",
}
BATCH = 20_000  # rows in memory at a time
ENUM = re.compile(r'CREATE TYPE ("\w+") AS ENUM')


def refuse_other_workspaces(connection: Connection, ours: Sequence[str]) -> None:
    """Raise ConfigurationError if the database has a workspace that is not part of the sample."""
    if not _exists(connection, "to_regclass", "workspaces"):
        return
    query = "SELECT id, name, count(*) OVER () AS others FROM workspaces WHERE id <> ALL (%s) ORDER BY id LIMIT 1"
    found = connection.execute(query, [list(ours)]).fetchone()
    if found:
        others = f" and {found['others'] - 1} more" if found["others"] > 1 else ""
        raise ConfigurationError(
            f"this database holds a workspace that is not part of the sample: {found['id']} ({found['name']}){others};"
            " use a separate database for the sample"
        )


def create_tables(connection: Connection) -> None:
    """Create Neolith's tables if they are missing; an enum that `migrate` created earlier is kept."""
    if _exists(connection, "to_regclass", "workspaces"):
        return
    lines = (HERE / "neolith.sql").read_text(encoding="utf-8").splitlines(keepends=True)
    missing = [
        line for line in lines if not ((enum := ENUM.match(line)) and _exists(connection, "to_regtype", enum[1]))
    ]
    connection.execute("".join(missing).encode())


def replace(connection: Connection, standing: Iterable[Item], activity: Iterable[Item]) -> Counter[str]:
    """Replace an earlier sample and return the number of rows by table."""
    # Without the lock, two seedings at once would each miss the rows that the other has not written yet.
    connection.execute("SELECT pg_advisory_xact_lock(hashtextextended('scheduled_reports.seed-demo', 0))")
    tables = _by_table(standing)
    _delete_activity(connection)
    for table in reversed(STANDING):
        _delete_stale(connection, table, [row["id"] for row in tables[table]])
    for table in STANDING:
        _write_over(connection, table, tables[table])
    written = Counter({table: len(rows) for table, rows in tables.items()})
    written.update(_copy_all(connection, activity))
    connection.execute((HERE / "count.sql").read_bytes())
    connection.execute(sql.SQL("ANALYZE {}").format(sql.SQL(", ").join(map(sql.Identifier, written))))
    return written


def _exists(connection: Connection, function: str, name: str) -> bool:
    query = sql.SQL("SELECT {}(%s) IS NOT NULL AS found").format(sql.Identifier(function))
    row = connection.execute(query, [name]).fetchone()
    return row is not None and bool(row["found"])


def _by_table(items: Iterable[Item]) -> dict[str, list[Row]]:
    tables: dict[str, list[Row]] = defaultdict(list)
    for table, row in items:
        tables[table].append(row)
    return tables


def _delete_activity(connection: Connection) -> None:
    for table, prefix in reversed(ACTIVITY.items()):
        query = sql.SQL("DELETE FROM {} WHERE starts_with(id, {})").format(sql.Identifier(table), prefix)
        connection.execute(query)


def _delete_stale(connection: Connection, table: str, ids: list[object]) -> None:
    """Delete sample rows of an earlier seeding that this one does not contain."""
    query = sql.SQL("DELETE FROM {} WHERE starts_with(id, {}) AND id <> ALL (%s)")
    connection.execute(query.format(sql.Identifier(table), STANDING[table]), [ids])


def _write_over(connection: Connection, table: str, rows: Sequence[Row]) -> None:
    """Insert rows, or update the columns they name; other columns keep their values."""
    columns = list(map(sql.Identifier, rows[0]))
    changes = [sql.SQL("{0} = EXCLUDED.{0}").format(column) for column in columns]
    query = sql.SQL("INSERT INTO {} ({}) VALUES ({}) ON CONFLICT (id) DO UPDATE SET {}").format(
        sql.Identifier(table),
        sql.SQL(", ").join(columns),
        sql.SQL(", ").join([sql.Placeholder()] * len(columns)),
        sql.SQL(", ").join(changes),
    )
    with connection.cursor() as cursor:
        cursor.executemany(query, [tuple(row.values()) for row in rows])


def _copy_all(connection: Connection, items: Iterable[Item]) -> Counter[str]:
    """Copy in batches to limit memory, each in the order that the foreign keys require."""
    written: Counter[str] = Counter()
    waiting: dict[str, list[Row]] = defaultdict(list)
    held = 0
    for table, row in items:
        waiting[table].append(row)
        held += 1
        if held >= BATCH:
            written.update(_flush(connection, waiting))
            held = 0
    written.update(_flush(connection, waiting))
    return written


def _flush(connection: Connection, waiting: dict[str, list[Row]]) -> Counter[str]:
    sizes = Counter({table: len(rows) for table, rows in waiting.items()})
    for table in ACTIVITY:
        if table in waiting:
            _copy(connection, table, waiting.pop(table))
    return sizes


def _copy(connection: Connection, table: str, rows: Sequence[Row]) -> None:
    columns = sql.SQL(", ").join(map(sql.Identifier, rows[0]))
    query = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(table), columns)
    with connection.cursor() as cursor, cursor.copy(query) as copy:
        for row in rows:
            copy.write_row(tuple(row.values()))
