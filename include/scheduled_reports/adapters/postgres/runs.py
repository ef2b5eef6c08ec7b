"""The record of runs, in PostgreSQL: reporting.runs and artifacts, report_executions, the report's counters."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from psycopg.types.json import Jsonb

from ...domain.delivery import DeliveryState
from ...domain.errors import PermanentError
from ...domain.formats import FORMATS, Format
from ...domain.naming import execution_id, run_key
from ...domain.run import Artifact, RunKey, RunKind, RunState
from ...ports.runs import Snapshot, Standing, Unsettled
from ...reports.frozen_run import formats, thaw
from .connection import transaction
from .ledger import deliveries, key_values
from .sql import statements

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from contextlib import AbstractContextManager
    from datetime import datetime

    import psycopg

    from ...domain.run import Act, Brief, Outcome, Run
    from ...ports.runs import Opening

    Connection = psycopg.Connection[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class PostgresRuns:
    """Port `Runs`; every call is one short transaction."""

    dsn: str = field(repr=False)
    statement_timeout: timedelta = timedelta(seconds=10)

    def ask(self, opening: Opening, act: Act) -> bool:
        """Note a run that somebody asks for, its executions pending, before Airflow has it; `query` adopts them."""
        values = _values(opening) | {
            "ids": _ids(opening.key, opening.formats),
            "formats": [FORMATS[one].execution for one in opening.formats],
            "workspace_id": act.workspace_id,
            "action": act.action,
            "actor": act.actor.name,
            "acting_user": act.actor.acting_user,
        }
        with self._transaction() as connection:
            # In two statements: the second one has to see what whoever held the report before has written.
            if not _run(connection, "hold_report", values).fetchone():
                return False
            if not _run(connection, "ask_run", values).fetchone():
                return False
            _run(connection, "ask_executions", values)
            _run(connection, "note_act", values)
        return True

    def withdraw(self, key: RunKey) -> None:
        """Forget a run that was asked for and that Airflow did not take."""
        with self._transaction() as connection:
            _run(connection, "withdraw", {**key_values(key), "ids": _ids(key, Format)})

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
        self._refuse(opening, reason, RunState.SKIPPED if skipped else RunState.FAILED, anew=True)

    def abandon(self, opening: Opening, reason: str) -> None:
        """As `refuse`, for a run that `query` never wrote down; nothing happens where it did."""
        self._refuse(opening, reason, RunState.FAILED, anew=False)

    def load(self, key: RunKey) -> Run:
        """The frozen run; PermanentError where `query` has not frozen it."""
        with self._transaction() as connection:
            row = _run(connection, "load_run", key_values(key)).fetchone()
        if row is None or row["frozen"] is None:
            raise PermanentError("this run was never frozen: clear it from query")
        return thaw(key, row)

    def note_brief(self, key: RunKey, brief: Brief) -> None:
        """Note what a mail shows of the data."""
        with self._transaction() as connection:
            _run(connection, "note_brief", {**key_values(key), **asdict(brief)})

    def progress(self, key: RunKey, chosen: Format | None, percent: int, *, attempt: int = 1) -> None:
        """Note how far a format (or every format) is, and which attempt is at work."""
        with self._transaction() as connection:
            # The run before its executions, as whoever opens or settles it: two orders would wait for each other.
            _run(connection, "touch", key_values(key))
            ids = _ids(key, _chosen(connection, key, chosen))
            _run(connection, "progress", {"ids": ids, "percent": percent, "retries": attempt - 1})

    def fail(self, key: RunKey, chosen: Format | None, error: str) -> None:
        """Note why a format (or every format) has failed so far."""
        with self._transaction() as connection:
            _run(connection, "touch", key_values(key))
            _run(connection, "fail", {"ids": _ids(key, _chosen(connection, key, chosen)), "error": error})

    def uploaded(self, key: RunKey, artifact: Artifact) -> None:
        """Note a file that S3 holds whole."""
        with self._transaction() as connection:
            _run(connection, "touch", key_values(key))
            _upload(connection, key, artifact)

    def artifacts(self, key: RunKey) -> Sequence[Artifact]:
        """What S3 holds of a run, ordered by format."""
        with self._transaction() as connection:
            return _artifacts(connection, key, deleted=False)

    def adopt(self, key: RunKey, earlier: RunKey) -> None:
        """Make the files and the brief of an earlier run this one's too."""
        before = {"earlier_report_id": earlier.report_id, "earlier_run_id": earlier.run_id}
        with self._transaction() as connection:
            wanted = _chosen(connection, key, None)
            for artifact in _artifacts(connection, earlier, deleted=False):
                if artifact.format in wanted:
                    _upload(connection, key, replace(artifact, execution_id=execution_id(key, artifact.format)))
            _run(connection, "adopt_brief", {**key_values(key), **before})

    def fix_mail(self, key: RunKey, plan: Mapping[str, Any]) -> Mapping[str, Any]:
        """Keep *plan* as the run's mail unless one is kept already; return the one that is."""
        with self._transaction() as connection:
            row = _run(connection, "fix_mail", {**key_values(key), "plan": Jsonb(dict(plan))}).fetchone()
        if row is None:
            raise PermanentError("this run was never frozen: clear it from query")
        kept: Mapping[str, Any] = row["mail"]
        return kept

    def note_mail(self, key: RunKey, error: str | None) -> None:
        """Note why the mail has failed so far before a message was claimed; None when it is tried again."""
        with self._transaction() as connection:
            _run(connection, "note_mail", {**key_values(key), "error": error})
            _run(connection, "touch", key_values(key))

    def settle(self, key: RunKey, decide: Callable[[Snapshot], Outcome], next_run: datetime | None) -> Outcome:
        """Write down what *decide* makes of the run; counters move once per run however often this is called."""
        with self._transaction() as connection:
            row = _run(connection, "lock_run", key_values(key)).fetchone()
            if row is None:
                raise PermanentError("there is no such run")
            _run(connection, "forget_claims", key_values(key))
            snapshot = _snapshot(connection, key, row)
            outcome = decide(snapshot)
            sent_at = _run(connection, "sent_at", key_values(key)).fetchall()[0]["sent_at"]
            if outcome.state is not RunState.SKIPPED:
                _settle_executions(connection, key, snapshot, outcome, sent_at)
            news = _count(connection, key, row, outcome)
            _run(connection, "next_run", {"report_id": key.report_id, "next_run": next_run})
        return replace(outcome, news=RunKind(row["kind"]) if news else None)

    def unsettled(self, *, limit: int) -> list[Unsettled]:
        """The runs that are not settled, the longest silent first."""
        with self._transaction() as connection:
            rows = _run(connection, "unsettled", {"limit": limit}).fetchall()
        return [Unsettled(key=_key(row), touched_at=row["touched_at"]) for row in rows]

    def untold(self, *, limit: int) -> list[RunKey]:
        """The settled runs of which it is not decided yet whether to tell the owner, the oldest first."""
        with self._transaction() as connection:
            return [_key(row) for row in _run(connection, "untold", {"limit": limit}).fetchall()]

    def standing(self, report_id: str) -> Standing:
        """How the report does: its newest runs, and what its owner was told last."""
        with self._transaction() as connection:
            (row,) = _run(connection, "standing", {"report_id": report_id}).fetchall()
        newest = row.pop("run_id")
        return Standing(**row, newest=RunKey(report_id=report_id, run_id=newest) if newest else None)

    def told(self, key: RunKey) -> None:
        """Note that nothing is left to tell of a run as it is settled now."""
        with self._transaction() as connection:
            _run(connection, "told", key_values(key))

    def _transaction(self) -> AbstractContextManager[Connection]:
        return transaction(self.dsn, statement_timeout=self.statement_timeout)

    def _refuse(self, opening: Opening, reason: str, state: RunState, *, anew: bool) -> None:
        values = _values(opening) | {"state": state, "reason": reason, "replace": anew}
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
        "test": bool(opening.request.get("test")),
    }


def _ids(key: RunKey, formats: Iterable[Format]) -> list[str]:
    return [execution_id(key, one) for one in formats]


def _chosen(connection: Connection, key: RunKey, chosen: Format | None) -> tuple[Format, ...]:
    """One format, or all of this freeze: what an earlier one has made and this one does not ask for stays as it is."""
    if chosen is not None:
        return (chosen,)
    row = _run(connection, "load_run", key_values(key)).fetchone()
    return formats(row["frozen"]) if row and row["frozen"] else ()


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


def _upload(connection: Connection, key: RunKey, artifact: Artifact) -> None:
    values = {**key_values(key), **asdict(artifact), "url": artifact.url}
    _run(connection, "upload_artifact", values)
    _run(connection, "upload_execution", values)


def _key(row: dict[str, Any]) -> RunKey:
    return RunKey(report_id=row["report_id"], run_id=row["run_id"])


def _snapshot(connection: Connection, key: RunKey, row: dict[str, Any]) -> Snapshot:
    frozen = row["frozen"] is not None
    by_id = {execution_id(key, one): one for one in Format}
    rows = _run(connection, "executions", {"ids": list(by_id)}).fetchall()
    found = {by_id[item["id"]]: item["error"] for item in rows}
    # What a run that is now refused has finished before stays finished.
    unfinished = tuple(by_id[item["id"]] for item in rows if item["status"] != "COMPLETED")
    return Snapshot(
        frozen=frozen,
        reason=None if frozen else row["reason"],
        skipped=not frozen and row["state"] == RunState.SKIPPED,
        formats=formats(row["frozen"]) if frozen else unfinished,
        errors={one: error for one, error in found.items() if error},
        artifacts=_artifacts(connection, key, deleted=True),  # a file that was deleted since has arrived all the same
        mail=row["mail"],
        mail_error=row["mail_error"],
        deliveries=tuple(one for one in deliveries(connection, key) if not one.is_notice),
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


def _count(connection: Connection, key: RunKey, row: dict[str, Any], outcome: Outcome) -> bool:
    """Move the counters; returns whether this outcome is counted now and was not before."""
    before = row["counted"]
    counts = outcome.state is not RunState.SKIPPED and not row["test"]
    counted = str(outcome.state) if counts else before
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
    if counts:
        _run(connection, "count_run", values)
    return counted != before if counts else outcome.state is RunState.SKIPPED and row["settled_at"] is None
