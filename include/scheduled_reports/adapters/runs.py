"""The record of runs, in PostgreSQL: reporting.runs and artifacts, report_executions, the report's counters."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from psycopg.types.json import Jsonb

from ..errors import PermanentError
from ..model import Artifact, DeliveryState, Format, RunKind, RunState
from ..naming import execution_id, run_key
from ..ports import Snapshot
from ..render import FORMATS
from ..sql import statements
from ..thaw import thaw
from .ledger import key_values, read_delivery
from .postgres import transaction

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from contextlib import AbstractContextManager
    from datetime import datetime

    import psycopg

    from ..model import Delivery, Outcome, Run, RunKey
    from ..ports import Opening

    Connection = psycopg.Connection[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class PostgresRuns:
    """Port `Runs`; every call is one short transaction."""

    dsn: str = field(repr=False)
    statement_timeout: timedelta = timedelta(seconds=10)

    def open(self, opening: Opening) -> None:
        """Freeze the run and open its executions, once per clear; a retry finds what is frozen."""
        values = _values(opening) | {
            "window_start": opening.window.start if opening.window else None,
            "window_end": opening.window.end if opening.window else None,
            "frozen": Jsonb({"row": opening.row, "request": dict(opening.request)}),
        }
        with self._transaction() as connection:
            if _run(connection, "open_run", values).fetchone():
                _run(connection, "forget_artifacts", values)
                _open_executions(connection, opening)

    def is_open(self, key: RunKey, clear_number: int) -> bool:
        """Whether `query` has frozen the run since it was last cleared."""
        with self._transaction() as connection:
            values = {**key_values(key), "clear_number": clear_number}
            return _run(connection, "is_open", values).fetchone() is not None

    def refuse(self, opening: Opening, reason: str, *, skipped: bool) -> None:
        """Note a run that must not or cannot happen, with the reason."""
        self._refuse(opening, reason, RunState.SKIPPED if skipped else RunState.FAILED, replace=True)

    def abandon(self, opening: Opening, reason: str) -> None:
        """As `refuse`, for a run that `query` never wrote down; nothing happens where it did."""
        self._refuse(opening, reason, RunState.FAILED, replace=False)

    def load(self, key: RunKey) -> Run:
        """The frozen run; PermanentError where `query` has not frozen it."""
        with self._transaction() as connection:
            row = _run(connection, "load_run", key_values(key)).fetchone()
        if row is None or row["frozen"] is None:
            raise PermanentError("this run was never frozen: clear it from query")
        return thaw(key, row)

    def note_rows(self, key: RunKey, data_rows: int) -> None:
        """Note the rows of the main dataset that hold data."""
        with self._transaction() as connection:
            _run(connection, "note_rows", {**key_values(key), "data_rows": data_rows})

    def progress(self, key: RunKey, chosen: Format | None, percent: int, *, attempt: int = 1) -> None:
        """Note how far a format (or every format) is, and which attempt is at work."""
        with self._transaction() as connection:
            ids = _ids(key, _chosen(connection, key, chosen))
            _run(connection, "progress", {"ids": ids, "percent": percent, "retries": attempt - 1})

    def fail(self, key: RunKey, chosen: Format | None, error: str) -> None:
        """Note why a format (or every format) has failed so far."""
        with self._transaction() as connection:
            _run(connection, "fail", {"ids": _ids(key, _chosen(connection, key, chosen)), "error": error})

    def uploaded(self, key: RunKey, artifact: Artifact) -> None:
        """Note a file that S3 holds whole."""
        values = {**key_values(key), **asdict(artifact), "url": artifact.url}
        with self._transaction() as connection:
            _run(connection, "upload_artifact", values)
            _run(connection, "upload_execution", values)

    def artifacts(self, key: RunKey) -> Sequence[Artifact]:
        """What S3 holds of a run, ordered by format."""
        with self._transaction() as connection:
            return _artifacts(connection, key, deleted=False)

    def fix_mail(self, key: RunKey, plan: Mapping[str, Any]) -> Mapping[str, Any]:
        """Keep *plan* as the run's mail unless one is kept already; return the one that is."""
        with self._transaction() as connection:
            row = _run(connection, "fix_mail", {**key_values(key), "plan": Jsonb(dict(plan))}).fetchone()
        if row is None:
            raise PermanentError("this run was never frozen: clear it from query")
        kept: Mapping[str, Any] = row["mail"]
        return kept

    def settle(self, key: RunKey, decide: Callable[[Snapshot], Outcome], next_run: datetime | None) -> Outcome:
        """Write down what *decide* makes of the run; counters move once per run however often this is called."""
        with self._transaction() as connection:
            row = _run(connection, "lock_run", key_values(key)).fetchone()
            if row is None:
                raise PermanentError("there is no such run")
            deliveries = _run(connection, "deliveries", key_values(key)).fetchall()
            snapshot = _snapshot(connection, key, row, [read_delivery(key, delivery) for delivery in deliveries])
            outcome = decide(snapshot)
            sent_at = max((item["settled_at"] for item in deliveries if item["state"] == "sent"), default=None)
            if outcome.state is not RunState.SKIPPED:
                _settle_executions(connection, key, snapshot, outcome, sent_at)
            _count(connection, key, row, outcome)
            _run(connection, "next_run", {"report_id": key.report_id, "next_run": next_run})
        return outcome

    def _transaction(self) -> AbstractContextManager[Connection]:
        return transaction(self.dsn, statement_timeout=self.statement_timeout)

    def _refuse(self, opening: Opening, reason: str, state: RunState, *, replace: bool) -> None:
        values = _values(opening) | {"state": state, "reason": reason, "replace": replace}
        with self._transaction() as connection:
            if not _run(connection, "refuse_run", values).fetchone():
                return
            _run(connection, "forget_artifacts", values)
            if state is RunState.FAILED and opening.row:
                _open_executions(connection, opening)
                _run(connection, "fail", {"ids": _ids(opening.key, opening.formats), "error": reason})


def _run(connection: Connection, name: str, values: Mapping[str, Any]) -> psycopg.Cursor[dict[str, Any]]:
    return connection.execute(statements("runs")[name], values)


def _values(opening: Opening) -> dict[str, Any]:
    return {
        **key_values(opening.key),
        "run_key": run_key(opening.key.run_id),
        "kind": opening.kind,
        "scheduled_for": opening.scheduled_for,
        "triggered_by": opening.triggered_by,
        "clear_number": opening.clear_number,
    }


def _ids(key: RunKey, formats: Iterable[Format]) -> list[str]:
    return [execution_id(key, one) for one in formats]


def _chosen(connection: Connection, key: RunKey, chosen: Format | None) -> tuple[Format, ...]:
    """One format, or all of this freeze: what an earlier one has made and this one does not ask for stays as it is."""
    if chosen is not None:
        return (chosen,)
    row = _run(connection, "load_run", key_values(key)).fetchone()
    return thaw(key, row).formats if row and row["frozen"] else ()


def _open_executions(connection: Connection, opening: Opening) -> None:
    others = [one for one in Format if one not in opening.formats]
    values = _values(opening) | {
        "manually": opening.kind is RunKind.MANUAL,
        "ids": _ids(opening.key, opening.formats),
        "formats": [FORMATS[one].execution for one in opening.formats],
        "other_ids": _ids(opening.key, others),
    }
    _run(connection, "open_executions", values)
    _run(connection, "close_unasked", values)


def _artifacts(connection: Connection, key: RunKey, *, deleted: bool) -> tuple[Artifact, ...]:
    rows = _run(connection, "artifacts", {**key_values(key), "deleted": deleted}).fetchall()
    return tuple(Artifact(**{**row, "format": Format(row["format"])}) for row in rows)


def _snapshot(connection: Connection, key: RunKey, row: dict[str, Any], deliveries: list[Delivery]) -> Snapshot:
    run = thaw(key, row) if row["frozen"] else None
    by_id = {execution_id(key, one): one for one in Format}
    rows = _run(connection, "executions", {"ids": list(by_id)}).fetchall()
    found = {by_id[item["id"]]: item["error"] for item in rows}
    # What a run that is now refused has finished before stays finished.
    unfinished = tuple(by_id[item["id"]] for item in rows if item["status"] != "COMPLETED")
    return Snapshot(
        run=run,
        reason=row["reason"] if run is None else None,
        skipped=run is None and row["state"] == RunState.SKIPPED,
        formats=run.formats if run else unfinished,
        errors={one: error for one, error in found.items() if error},
        artifacts=_artifacts(connection, key, deleted=True),  # a file that was deleted since has arrived all the same
        mail=row["mail"],
        deliveries=tuple(deliveries),
    )


def _settle_executions(
    connection: Connection, key: RunKey, snapshot: Snapshot, outcome: Outcome, sent_at: datetime | None
) -> None:
    sent = {one for delivery in snapshot.deliveries if delivery.state is DeliveryState.SENT for one in delivery.formats}
    for one in snapshot.formats:
        values = {
            "id": execution_id(key, one),
            "error": outcome.errors.get(one),
            "email_sent": one in sent,
            "email_sent_at": sent_at if one in sent else None,
            "email_error": outcome.mail_error,
        }
        _run(connection, "settle_execution", values)


def _count(connection: Connection, key: RunKey, row: dict[str, Any], outcome: Outcome) -> None:
    before = row["counted"]
    counted = before if outcome.state is RunState.SKIPPED else str(outcome.state)
    values = {
        **key_values(key),
        "state": outcome.state,
        "reason": outcome.reason,
        "counted": counted,
        "started_at": row["started_at"],
        "runs": (counted is not None) - (before is not None),
        "successes": (counted == RunState.SUCCESS) - (before == RunState.SUCCESS),
        "failures": (counted == RunState.FAILED) - (before == RunState.FAILED),
    }
    _run(connection, "settle_run", values)
    if outcome.state is not RunState.SKIPPED:
        _run(connection, "count_run", values)
