"""Reports as people list, read and edit them, in PostgreSQL."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from psycopg import sql
from psycopg.types.json import Jsonb

from ...domain.formats import Format
from ...domain.naming import execution_id
from ...domain.run import RunKey
from ...ports.web import Member, ReportPage, ReportQuery, RunPage, WorkspaceInfo
from .connection import transaction
from .ledger import key_values
from .sql import statements

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    import psycopg

    from ...domain.run import Actor
    from ...ports.web import Record

    Connection = psycopg.Connection[dict[str, Any]]

#: The columns that a list can be sorted by; names ignore case, whatever the database's collation.
SORTABLE = {
    "name": sql.SQL("lower(name)"),
    "workspace": sql.SQL("lower(workspace_name)"),
    "report_type": sql.Identifier("reportType"),
    "created_at": sql.Identifier("created_at"),
    "last_run": sql.Identifier("last_run"),
    "next_run": sql.Identifier("next_run"),
    "state": sql.Identifier("state"),
}

#: Always later than before, even within one millisecond, so that an edit based on the old state is refused.
#: A moment that Python does not have (infinity) was read as None, and is replaced by one that it has.
LATER = sql.SQL(
    "updated_at = greatest("
    "    date_trunc('milliseconds', now() AT TIME ZONE 'UTC'),"
    "    CASE WHEN updated_at BETWEEN '0001-01-01' AND '9999-12-31' THEN updated_at + interval '1 ms' END"
    ")"
)
#: The columns of reporting.report_options that people edit.
OPTIONS = ("options", "missed_runs")


@dataclass(frozen=True, slots=True)
class PostgresReports:
    """Port `Reports`; every call is one short transaction."""

    dsn: str = field(repr=False)
    statement_timeout: timedelta = timedelta(seconds=10)

    def workspaces(self, name: str) -> tuple[WorkspaceInfo, ...]:
        return tuple(WorkspaceInfo(**row) for row in self._read("workspaces", {"name": name}))

    def member(self, workspace_id: str, user_id: str) -> Member | None:
        found = self._read("member", {"workspace_id": workspace_id, "user_id": user_id})
        return next((Member(user_id=user_id, **row) for row in found), None)

    def creator(self, workspace_id: str, user_id: str) -> Record | None:
        return next(iter(self._read("creator", {"workspace_id": workspace_id, "user_id": user_id})), None)

    def page(self, query: ReportQuery) -> ReportPage:
        reports = sql.SQL(statements("reports")["reports"])
        counts = sql.SQL("SELECT state, count(*) AS total FROM ({reports}) matching GROUP BY state").format(
            reports=reports
        )
        page = sql.SQL(
            "SELECT * FROM ({reports}) matching WHERE %(state)s::text IS NULL OR state = %(state)s "
            "ORDER BY {column} {order} NULLS LAST, id LIMIT %(limit)s OFFSET %(offset)s"
        ).format(
            reports=reports,
            column=SORTABLE[query.sort_by],
            order=sql.SQL("DESC" if query.descending else "ASC"),
        )
        with self._transaction() as connection:
            states = {row["state"]: row["total"] for row in connection.execute(counts, _values(query))}
            items = connection.execute(page, _values(query)).fetchall()
        total = sum(states.values()) if query.state is None else states.get(query.state, 0)
        return ReportPage(items=tuple(items), total=total, states=states)

    def report(self, workspace_id: str, report_id: str) -> Record | None:
        values = _values(ReportQuery(workspace_id=workspace_id)) | {"id": report_id}
        return next(iter(self._read("reports", values)), None)

    def insert(self, values: Record, actor: Actor) -> None:
        with self._transaction(actor) as connection:
            insert_report(connection, values)

    def update(self, report_id: str, changes: Record, read_at: datetime | None, actor: Actor) -> bool:
        options, changes = _split(changes)
        statement = sql.SQL(
            "UPDATE scheduled_reports SET {changes} {later} "
            "WHERE id = %(report_id)s AND CASE WHEN %(read_at)s::timestamp IS NULL"
            "    THEN updated_at NOT BETWEEN '0001-01-01' AND '9999-12-31' ELSE updated_at = %(read_at)s END"
        ).format(changes=_assignments(changes), later=LATER)
        values = _adapted(changes) | {"report_id": report_id, "read_at": read_at}
        with self._transaction(actor) as connection:
            if connection.execute(statement, values).rowcount != 1:
                return False
            _set_options(connection, report_id, options)
        return True

    def delete(self, workspace_id: str, report_id: str, actor: Actor) -> bool:
        with self._transaction(actor) as connection:
            return _run(connection, "delete", {"workspace_id": workspace_id, "id": report_id}).fetchone() is not None

    def history(self, workspace_id: str, report_id: str, *, limit: int) -> Sequence[Record]:
        values = {"workspace_id": workspace_id, "report_id": report_id, "limit": limit}
        with self._transaction() as connection:
            others = [row["run_id"] for row in _run(connection, "runs_of_others", values)]
            ids = [execution_id(RunKey(report_id=report_id, run_id=one), chosen) for one in others for chosen in Format]
            return _run(connection, "history", values | {"others": ids}).fetchall()

    def runs(self, workspace_id: str, report_id: str, *, limit: int, offset: int) -> RunPage:
        values = {
            "workspace_id": workspace_id,
            "report_id": report_id,
            "run_id": None,
            "limit": limit,
            "offset": offset,
        }
        with self._transaction() as connection:
            (total,) = _run(connection, "count_runs", values).fetchall()
            items = _with_executions(connection, report_id, _run(connection, "runs", values).fetchall())
        return RunPage(items=items, total=total["total"])

    def run(self, workspace_id: str, key: RunKey) -> Record | None:
        values = {**key_values(key), "workspace_id": workspace_id, "limit": 1, "offset": 0}
        with self._transaction() as connection:
            found = _run(connection, "runs", values).fetchall()
            return next(iter(_with_executions(connection, key.report_id, found)), None)

    def missed(self, workspace_id: str, report_id: str, *, limit: int) -> Sequence[Record]:
        return self._read("missed", {"workspace_id": workspace_id, "report_id": report_id, "limit": limit})

    def deliveries(self, key: RunKey) -> Sequence[Record]:
        return self._read("deliveries", key_values(key))

    def audit(self, workspace_id: str, report_id: str | None, *, before: int | None, limit: int) -> Sequence[Record]:
        values = {"workspace_id": workspace_id, "report_id": report_id, "before": before, "limit": limit}
        return self._read("audit", values)

    def _read(self, name: str, values: Mapping[str, Any]) -> list[Record]:
        with self._transaction() as connection:
            return _run(connection, name, values).fetchall()

    @contextmanager
    def _transaction(self, actor: Actor | None = None) -> Iterator[Connection]:
        """Open a transaction; the audit trail records its edits under *actor*."""
        with transaction(self.dsn, statement_timeout=self.statement_timeout) as connection:
            if actor is not None:
                name_actor(connection, actor)
            yield connection


def name_actor(connection: Connection, actor: Actor) -> None:
    """Have the triggers of this transaction record its edits under *actor*."""
    connection.execute(
        "SELECT set_config('reporting.actor', %s, true), set_config('reporting.acting_user', %s, true)",
        [actor.name, actor.acting_user or ""],
    )


def insert_report(connection: Connection, values: Record) -> None:
    """Add a report; *values* are columns of scheduled_reports and of reporting.report_options."""
    options, values = _split(values)
    statement = sql.SQL(
        "INSERT INTO scheduled_reports ({columns}, updated_at) "
        "VALUES ({values}, date_trunc('milliseconds', now() AT TIME ZONE 'UTC'))"
    ).format(
        columns=sql.SQL(", ").join(map(sql.Identifier, values)),
        values=sql.SQL(", ").join(map(sql.Placeholder, values)),
    )
    connection.execute(statement, _adapted(values))
    _set_options(connection, values["id"], options)


def change_report(connection: Connection, report_id: str, changes: Record) -> None:
    """Change columns of a report that this transaction has locked."""
    options, changes = _split(changes)
    statement = sql.SQL("UPDATE scheduled_reports SET {changes} {later} WHERE id = %(report_id)s").format(
        changes=_assignments(changes), later=LATER
    )
    connection.execute(statement, _adapted(changes) | {"report_id": report_id})
    _set_options(connection, report_id, options)


def _assignments(changes: Record) -> sql.Composed:
    return sql.SQL("").join(
        sql.SQL("{} = {}, ").format(sql.Identifier(name), sql.Placeholder(name)) for name in changes
    )


def _split(values: Record) -> tuple[Record, Record]:
    """Split columns into those of reporting.report_options and those of scheduled_reports."""
    options = {name: value for name, value in values.items() if name in OPTIONS}
    return options, {name: value for name, value in values.items() if name not in OPTIONS}


def _set_options(connection: Connection, report_id: str, options: Record) -> None:
    """Write the given columns of reporting.report_options; a trigger made the row when the report was added."""
    if options:
        values = {"options": None, "missed_runs": None} | _adapted(options)
        _run(connection, "set_options", {"report_id": report_id, **values})


def _run(connection: Connection, name: str, values: Mapping[str, Any]) -> psycopg.Cursor[dict[str, Any]]:
    return connection.execute(statements("reports")[name], values)


def _values(query: ReportQuery) -> dict[str, Any]:
    """Return the parameters of the statement `reports`."""
    return asdict(query) | {
        "id": None,
        "text": None if query.text is None else f"%{_escaped(query.text)}%",
        "exact": query.text,
        "ids": None if query.ids is None else list(query.ids),
    }


def _escaped(text: str) -> str:
    """Escape the wildcards of ILIKE."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _adapted(values: Record) -> Record:
    return {name: Jsonb(value) if isinstance(value, dict) else value for name, value in values.items()}


def _with_executions(connection: Connection, report_id: str, runs: Sequence[Record]) -> tuple[Record, ...]:
    ids = {
        execution_id(RunKey(report_id=report_id, run_id=run["run_id"]), chosen): run["run_id"]
        for run in runs
        for chosen in Format
    }
    executions: dict[str, list[Record]] = {run["run_id"]: [] for run in runs}
    for execution in _run(connection, "executions", {"ids": list(ids)}):
        executions[ids[execution["id"]]].append(execution)
    return tuple(run | {"executions": tuple(executions[run["run_id"]])} for run in runs)
