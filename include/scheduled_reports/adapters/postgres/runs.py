"""The record of runs: reporting.runs, reporting.artifacts, report_executions and the report's counters."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.types.json import Jsonb

from ...domain.delivery import DeliveryState
from ...domain.errors import PermanentError
from ...domain.formats import FORMATS, Format
from ...domain.naming import execution_id, run_key
from ...domain.run import Artifact, RunKey, RunKind, RunState
from ...ports.runs import DueTick, FailureStreak, Snapshot, Unsettled
from ...reports.frozen_run import (
    asset_event,
    emits_event,
    formats,
    moves_watermark,
    read_frozen_run,
    read_verdict,
    window_values,
)
from .conditions import keep_state, mailed_state, note_verdict
from .connection import transaction
from .encoding import in_encoding
from .ledger import deliveries, key_values, mail_plan
from .sql import statements

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from contextlib import AbstractContextManager
    from datetime import datetime

    from ...domain.run import AuditAction, MailSummary, Outcome, Run
    from ...domain.send_if import Candidate, MailedState, Verdict
    from ...ports.runs import KeptRecipients, NewRun

    Connection = psycopg.Connection[dict[str, Any]]


#: What moves the watermark of a report besides its id.
_WATERMARK = ("scheduled_for", "workspace_id")


@dataclass(frozen=True, slots=True)
class PostgresRuns:
    """Port `Runs`; every call is one short transaction."""

    dsn: str = field(repr=False)
    statement_timeout: timedelta = timedelta(seconds=10)

    def ask(self, new_run: NewRun, act: AuditAction, recipients: KeptRecipients | None = None) -> bool:
        values = _values(new_run) | {
            "ids": _ids(new_run.key, new_run.formats),
            "formats": [FORMATS[one].execution for one in new_run.formats],
            "workspace_id": act.workspace_id,
            "action": act.action,
            "actor": act.actor.name,
            "acting_user": act.actor.acting_user,
        }
        with self._transaction() as connection:
            # Two statements, so that the second sees what the previous holder of the lock has written.
            if not _run(connection, "hold_report", values).fetchone():
                return False
            if not _run(connection, "ask_run", values).fetchone():
                return False
            _run(connection, "ask_executions", values)
            _run(connection, "note_act", values)
            if recipients is not None:
                kept = {"id": recipients.id, "recipients": list(recipients.addresses)}
                _run(connection, "keep_recipients", key_values(new_run.key) | kept)
        return True

    def requested_recipients(self, key: RunKey, request_id: str) -> tuple[str, ...] | None:
        with self._transaction() as connection:
            row = _run(connection, "requested_recipients", {**key_values(key), "id": request_id}).fetchone()
        return tuple(row["recipients"]) if row else None

    def withdraw(self, key: RunKey) -> None:
        with self._transaction() as connection:
            _run(connection, "withdraw", {**key_values(key), "ids": _ids(key, Format)})

    def due_tick(self, key: RunKey) -> DueTick | None:
        with self._transaction() as connection:
            row = _run(connection, "due_tick", key_values(key)).fetchone()
        return DueTick(**row) if row else None

    def open(self, new_run: NewRun) -> str | None:
        values = _values(new_run) | {
            **window_values(new_run.window),
            "frozen": Jsonb({"row": new_run.row, "request": dict(new_run.request)}),
        }
        with self._transaction() as connection:
            if holder := _tick_holder(connection, new_run):
                return holder
            try:
                with connection.transaction():
                    is_new = _run(connection, "open_run", values).fetchone()
            except psycopg.errors.UniqueViolation:  # the other run of this tick was opened in this moment
                return _tick_holder(connection, new_run)
            if is_new:
                _run(connection, "forget_artifacts", values)
                _open_executions(connection, new_run)
        return None

    def is_open(self, key: RunKey, clear_number: int) -> bool:
        with self._transaction() as connection:
            values = {**key_values(key), "clear_number": clear_number}
            return _run(connection, "is_open", values).fetchone() is not None

    def refuse(self, new_run: NewRun, reason: str, *, skipped: bool) -> None:
        self._refuse(new_run, reason, RunState.SKIPPED if skipped else RunState.FAILED, anew=True)

    def abandon(self, new_run: NewRun, reason: str) -> None:
        self._refuse(new_run, reason, RunState.FAILED, anew=False)

    def watermark(self, report_id: str) -> datetime | None:
        with self._transaction() as connection:
            row = _run(connection, "watermark", {"report_id": report_id}).fetchone()
        return row["watermark"] if row else None

    def is_unsettled(self, report_id: str, after: datetime | None, before: datetime) -> bool:
        values = {"report_id": report_id, "after": after, "before": before}
        with self._transaction() as connection:
            return _run(connection, "unsettled_ticks", values).fetchone() is not None

    def load(self, key: RunKey) -> Run:
        with self._transaction() as connection:
            row = _run(connection, "load_run", key_values(key)).fetchone()
        if row is None or row["frozen"] is None:
            raise PermanentError("this run was never frozen: clear it from query")
        return read_frozen_run(key, row)

    def note_mail_summary(self, key: RunKey, mail_summary: MailSummary) -> None:
        with self._transaction() as connection:
            values = asdict(mail_summary)
            as_json = {"lead": Jsonb(list(values["lead"])), "figure_texts": Jsonb(values["figure_texts"])}
            _run(connection, "note_brief", {**key_values(key), **values, **as_json})

    def mailed_state(self, report_id: str, workspace_id: str) -> MailedState | None:
        with self._transaction() as connection:
            return mailed_state(connection, report_id, workspace_id)

    def note_verdict(self, key: RunKey, verdict: Verdict, candidate: Candidate | None) -> Verdict:
        with self._transaction() as connection:
            return read_verdict(note_verdict(connection, key, verdict, candidate))

    def progress(self, key: RunKey, chosen: Format | None, percent: int, *, attempt: int = 1) -> None:
        with self._transaction() as connection:
            # Lock the run before its executions, as `open` and `settle` do: another order could deadlock.
            _run(connection, "touch", key_values(key))
            ids = _ids(key, _chosen(connection, key, chosen))
            _run(connection, "progress", {"ids": ids, "percent": percent, "retries": attempt - 1})

    def fail(self, key: RunKey, chosen: Format | None, error: str) -> None:
        with self._transaction() as connection:
            _run(connection, "touch", key_values(key))
            _run(connection, "fail", {"ids": _ids(key, _chosen(connection, key, chosen)), "error": error})

    def uploaded(self, key: RunKey, artifact: Artifact) -> None:
        with self._transaction() as connection:
            _run(connection, "touch", key_values(key))
            _upload(connection, key, artifact)

    def artifacts(self, key: RunKey) -> Sequence[Artifact]:
        with self._transaction() as connection:
            return _artifacts(connection, key, deleted=False)

    def adopt(self, key: RunKey, earlier: RunKey) -> None:
        before = {"earlier_report_id": earlier.report_id, "earlier_run_id": earlier.run_id}
        with self._transaction() as connection:
            wanted = _chosen(connection, key, None)
            for artifact in _artifacts(connection, earlier, deleted=False):
                if artifact.format in wanted:
                    _upload(connection, key, replace(artifact, execution_id=execution_id(key, artifact.format)))
            _run(connection, "adopt_brief", {**key_values(key), **before})

    def fix_mail(self, key: RunKey, plan: Mapping[str, Any]) -> Mapping[str, Any]:
        with self._transaction() as connection:
            row = _run(connection, "fix_mail", {**key_values(key), "plan": Jsonb(dict(plan))}).fetchone()
        if row is None:
            raise PermanentError("this run was never frozen: clear it from query")
        kept: Mapping[str, Any] = row["mail"]
        return kept

    def mail_plan(self, key: RunKey) -> Mapping[str, Any] | None:
        with self._transaction() as connection:
            return mail_plan(connection, key)

    def narrow_mail(self, key: RunKey, plan: Mapping[str, Any]) -> None:
        with self._transaction() as connection:
            _run(connection, "narrow_mail", {**key_values(key), "plan": Jsonb(dict(plan))})

    def forget_plan(self, key: RunKey) -> None:
        with self._transaction() as connection:
            _run(connection, "forget_plan", key_values(key))

    def note_mail(self, key: RunKey, error: str | None) -> None:
        with self._transaction() as connection:
            _run(connection, "note_mail", {**key_values(key), "error": error})
            _run(connection, "touch", key_values(key))

    def settle(
        self,
        key: RunKey,
        decide: Callable[[Snapshot], Outcome],
        next_run: datetime | None,
        *,
        clear_number: int | None = None,
    ) -> Outcome:
        with self._transaction() as connection:
            row = _run(connection, "lock_run", key_values(key)).fetchone()
            if row is None:
                raise PermanentError("there is no such run")
            _run(connection, "forget_claims", key_values(key))
            if row["has_candidate"]:  # the sender was of a release that kept none
                keep_state(connection, key)
            snapshot = _snapshot(connection, key, row)
            outcome = decide(snapshot)
            sent_at = _run(connection, "sent_at", key_values(key)).fetchall()[0]["sent_at"]
            if outcome.state is not RunState.SKIPPED:
                _settle_executions(connection, key, snapshot, outcome, sent_at)
            event = asset_event(row, outcome, clear_number)
            news = _count(connection, key, row | {"asset_event": event}, outcome)
            if moves_watermark(row, outcome):
                _run(connection, "move_watermark", {name: row[name] for name in _WATERMARK} | key_values(key))
            _run(connection, "next_run", {"report_id": key.report_id, "next_run": next_run})
        emits = emits_event(event, outcome, clear_number)
        return replace(outcome, news=RunKind(row["kind"]) if news else None, emits_event=emits)

    def take_due_events(self, *, limit: int) -> list[RunKey]:
        with self._transaction() as connection:
            rows = _run(connection, "take_due_events", {"limit": limit}).fetchall()
        return [_key(row) for row in sorted(rows, key=lambda row: (row["settled_at"], row["report_id"], row["run_id"]))]

    def unsettled(self, *, limit: int) -> list[Unsettled]:
        with self._transaction() as connection:
            rows = _run(connection, "unsettled", {"limit": limit}).fetchall()
        return [Unsettled(key=_key(row), touched_at=row["touched_at"]) for row in rows]

    def unnotified(self, *, limit: int) -> list[RunKey]:
        with self._transaction() as connection:
            return [_key(row) for row in _run(connection, "unnotified", {"limit": limit}).fetchall()]

    def failure_streak(self, report_id: str) -> FailureStreak:
        with self._transaction() as connection:
            (row,) = _run(connection, "failure_streak", {"report_id": report_id}).fetchall()
        newest = row.pop("run_id")
        return FailureStreak(**row, newest=RunKey(report_id=report_id, run_id=newest) if newest else None)

    def mark_notified(self, key: RunKey) -> None:
        with self._transaction() as connection:
            _run(connection, "mark_notified", key_values(key))

    def _transaction(self) -> AbstractContextManager[Connection]:
        return transaction(self.dsn, statement_timeout=self.statement_timeout)

    def _refuse(self, new_run: NewRun, reason: str, state: RunState, *, anew: bool) -> None:
        values = _values(new_run) | {"state": state, "reason": reason, "replace": anew}
        with self._transaction() as connection:
            if not _run(connection, "refuse_run", values).fetchone():
                return
            _run(connection, "forget_artifacts", values)
            if state is RunState.FAILED and new_run.row:
                _open_executions(connection, new_run)
                _run(connection, "fail", {"ids": _ids(new_run.key, new_run.formats), "error": reason})


def _run(connection: Connection, name: str, values: Mapping[str, Any]) -> psycopg.Cursor[dict[str, Any]]:
    return connection.execute(statements("runs")[name], in_encoding(connection, values))


def _tick_holder(connection: Connection, new_run: NewRun) -> str | None:
    """The id of another run that has the tick of this one."""
    if new_run.kind is not RunKind.SCHEDULED:
        return None
    row = _run(connection, "tick_holder", _values(new_run)).fetchone()
    return row["run_id"] if row else None


def _values(new_run: NewRun) -> dict[str, Any]:
    return {
        **key_values(new_run.key),
        "run_key": run_key(new_run.key.run_id),
        "workspace_id": new_run.row["workspace_id"] if new_run.row else "",
        "kind": new_run.kind,
        "scheduled_for": new_run.scheduled_for,
        "triggered_by": new_run.triggered_by,
        "clear_number": new_run.clear_number,
        "test": bool(new_run.request.get("test")),
    }


def _ids(key: RunKey, formats: Iterable[Format]) -> list[str]:
    return [execution_id(key, one) for one in formats]


def _chosen(connection: Connection, key: RunKey, chosen: Format | None) -> tuple[Format, ...]:
    """One format, or all of this freeze: what an earlier one has made and this one does not ask for stays as it is."""
    if chosen is not None:
        return (chosen,)
    row = _run(connection, "load_run", key_values(key)).fetchone()
    return formats(row["frozen"]) if row and row["frozen"] else ()


def _open_executions(connection: Connection, new_run: NewRun) -> None:
    others = [one for one in Format if one not in new_run.formats]
    values = _values(new_run) | {
        "manually": new_run.kind is RunKind.MANUAL,
        "ids": _ids(new_run.key, new_run.formats),
        "formats": [FORMATS[one].execution for one in new_run.formats],
        "other_ids": _ids(new_run.key, others),
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
        "asset_event": row["asset_event"],
        "started_at": row["started_at"],
        "workspace_id": row["workspace_id"],
        "runs": (counted is not None) - (before is not None),
        "successes": (counted == RunState.SUCCESS) - (before == RunState.SUCCESS),
        "failures": (counted == RunState.FAILED) - (before == RunState.FAILED),
    }
    _run(connection, "settle_run", values)
    if counts:
        _run(connection, "count_run", values)
    return counted != before if counts else outcome.state is RunState.SKIPPED and row["settled_at"] is None
