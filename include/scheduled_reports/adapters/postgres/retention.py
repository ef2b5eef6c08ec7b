"""Expired rows and files in PostgreSQL's record."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from ...domain.formats import Format
from ...domain.naming import escape, execution_id, objects_of
from ...domain.run import RunKey
from ...ports.retention import StoredObjects
from .connection import transaction
from .ledger import key_values
from .sql import statements

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping
    from contextlib import AbstractContextManager
    from datetime import datetime

    import psycopg

    from ...ports.retention import Removed

    Connection = psycopg.Connection[dict[str, Any]]

#: The statements that erase a deleted report, in order.
ERASED = (
    "erase_deliveries", "erase_artifacts", "erase_runs", "erase_due", "erase_missed", "erase_options",
    "erase_condition_state", "erase_opt_outs", "erase_audit", "erase_departed",
)  # fmt: skip
#: What has an age of its own.
AGED = ("drop_audit", "drop_missed", "drop_due", "drop_brands", "drop_suppressions")
DROPPED = ("drop_deliveries", "drop_artifacts", "drop_runs")


@dataclass(frozen=True, slots=True)
class PostgresRetention:
    """Port `Retention`; every call is one transaction, which lasts as long as the function passed to it."""

    dsn: str = field(repr=False)
    statement_timeout: timedelta = timedelta(seconds=20)

    def runs_with_files(self, before: datetime, *, limit: int) -> list[RunKey]:
        with self._transaction() as connection:
            return _keys(_run(connection, "runs_with_files", {"before": before, "limit": limit}).fetchall())

    def drop_files(self, key: RunKey, before: datetime, remove: Callable[[StoredObjects], Removed]) -> bool:
        with self._transaction() as connection:
            held = _hold(connection, key, before)
            if held is None:
                return False
            files = _run(connection, "files_of_run", {**key_values(key), "before": before}).fetchall()
            if any(file["is_young"] for file in files):
                return False
            removed = remove(_of_run(key, held, files))
            _write_down(connection, key, removed)
        return True

    def drop_rows(self, before: datetime, *, limit: int) -> int:
        with self._transaction() as connection:
            for name in AGED:
                _run(connection, name, {"before": before, "limit": limit})
            _run(connection, "drop_rejection_notices", {"before": before})
            held = _keys(_run(connection, "hold_old_runs", {"before": before, "limit": limit}).fetchall())
            if not held:
                return 0
            needed = _keys(_run(connection, "still_needed", _columns(held, ids=True)).fetchall())
            _run(connection, "put_off_runs", _columns(needed))
            over = [key for key in held if key not in needed]
            _run(connection, "drop_executions", {"ids": [one for key in over for one in _ids(key)]})
            for name in DROPPED:
                _run(connection, name, _columns(over))
        return len(over)

    def settled(self, keys: Collection[RunKey]) -> Mapping[RunKey, datetime | None]:
        with self._transaction() as connection:
            rows = _run(connection, "settled", _columns(keys)).fetchall()
        return dict(zip(_keys(rows), (row["settled_at"] for row in rows), strict=True))

    def while_settled(self, key: RunKey, before: datetime, act: Callable[[], None]) -> bool:
        with self._transaction() as connection:
            if _hold(connection, key, before) is None:
                return False
            act()
        return True

    def departed(self, before: datetime, *, unsettled_before: datetime, limit: int) -> list[str]:
        values = {"before": before, "unsettled_before": unsettled_before, "limit": limit}
        with self._transaction() as connection:
            _run(connection, "notice_departed", {})
            return [row["report_id"] for row in _run(connection, "departed", values)]

    def stored_objects(self, report_id: str) -> StoredObjects:
        values = {"report_id": report_id}
        with self._transaction() as connection:
            workspaces = [row["workspace_id"] for row in _run(connection, "workspaces", values)]
            files = [(row["bucket"], row["object_key"]) for row in _run(connection, "files_of_report", values)]
        found = [key for _, key in files if key.split("/")[1:2] == [escape(report_id)]]
        prefixes = {objects_of(one, report_id) for one in workspaces} | {_below(key, 2) for key in found}
        return StoredObjects(prefixes=tuple(sorted(prefixes)), files=tuple(files))

    def erase(self, report_id: str, before: datetime) -> bool:
        with self._transaction() as connection:
            if not _run(connection, "hold_departed", {"report_id": report_id, "before": before}).fetchone():
                return False
            for name in ERASED:
                _run(connection, name, {"report_id": report_id})
        return True

    def defer(self, report_id: str) -> None:
        with self._transaction() as connection:
            _run(connection, "defer", {"report_id": report_id})

    def _transaction(self) -> AbstractContextManager[Connection]:
        return transaction(self.dsn, statement_timeout=self.statement_timeout)


@dataclass(frozen=True, slots=True)
class _Held:
    """A settled run, locked so that no stage can start before the transaction ends."""

    run_key: str
    workspace_id: str | None
    urls: tuple[str, ...]


def _run(connection: Connection, name: str, values: Mapping[str, Any]) -> psycopg.Cursor[dict[str, Any]]:
    return connection.execute(statements("retention")[name], values)


def _keys(rows: Iterable[Mapping[str, Any]]) -> list[RunKey]:
    return [RunKey(report_id=row["report_id"], run_id=row["run_id"]) for row in rows]


def _ids(key: RunKey) -> list[str]:
    """The ids of a run's possible executions, one per format."""
    return [execution_id(key, one) for one in Format]


def _columns(keys: Iterable[RunKey], *, ids: bool = False) -> dict[str, list[str]]:
    """Keys as parameters of unnest(); with *ids*, repeated for each possible execution."""
    rows = [(key, one) for key in keys for one in (_ids(key) if ids else [""])]
    columns = {"report_ids": [key.report_id for key, _ in rows], "run_ids": [key.run_id for key, _ in rows]}
    return columns | ({"ids": [one for _, one in rows]} if ids else {})


def _hold(connection: Connection, key: RunKey, before: datetime) -> _Held | None:
    """Lock the run; None if it is not settled, or one of its stages is running again."""
    row = _run(connection, "hold_run", {**key_values(key), "before": before}).fetchone()
    if row is None:
        return None
    executions = _run(connection, "hold_executions", {"ids": _ids(key)}).fetchall()
    if any(execution["at_work"] for execution in executions):
        _run(connection, "put_off_runs", _columns([key]))
        return None
    urls = tuple(execution["file_url"] for execution in executions if execution["file_url"])
    return _Held(row["run_key"], row["workspace_id"], urls)


def _of_run(key: RunKey, held: _Held, rows: Iterable[Mapping[str, Any]]) -> StoredObjects:
    """Recorded objects, objects named by executions, and prefixes where a clear or a crash may have left others.

    The application may write to file_url, so a URL counts only if it lies below this run's own prefix.
    """
    files = {(row["bucket"], row["object_key"]) for row in rows}
    named = {(bucket, name) for bucket, _, name in (url.removeprefix("s3://").partition("/") for url in held.urls)}
    own = [escape(key.report_id), held.run_key]
    files |= {(bucket, name) for bucket, name in named if name.split("/")[1:3] == own}
    prefixes = {_below(name, 3) for _, name in files if name.split("/")[1:3] == own}
    if held.workspace_id is not None:
        prefixes.add(f"{objects_of(held.workspace_id, key.report_id)}{held.run_key}/")
    return StoredObjects(prefixes=tuple(sorted(prefixes)), files=tuple(sorted(files)))


def _below(name: str, depth: int) -> str:
    """The prefix made of the first *depth* parts of *name*."""
    return "/".join(name.split("/")[:depth]) + "/"


def _write_down(connection: Connection, key: RunKey, removed: Removed) -> None:
    gone = sorted(removed.gone)
    values = {**key_values(key), "buckets": [bucket for bucket, _ in gone], "keys": [name for _, name in gone]}
    _run(connection, "mark_artifacts", values)
    _run(connection, "clear_urls", {"ids": _ids(key), "urls": [f"s3://{bucket}/{name}" for bucket, name in gone]})
    if removed.whole:
        _run(connection, "files_gone", key_values(key))
    else:
        _run(connection, "put_off_runs", _columns([key]))
