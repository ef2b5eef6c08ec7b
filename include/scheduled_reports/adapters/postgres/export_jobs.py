"""Import schedules from `export_jobs`, one transaction per job."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import psycopg

from ...domain.errors import ConfigurationError, RejectedError
from ...domain.problem import Problem
from ...reports.export_jobs.decision import Decision, Outcome, PastImport, Step, decide
from ...reports.export_jobs.old_schedule import has_cron, has_schedule, parse_metadata, read
from .connection import transaction
from .sql import statements
from .upkeep import OURS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ...reports.export_jobs.old_schedule import OldSchedule

    Connection = psycopg.Connection[dict[str, Any]]

LONGEST_LIST = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class PostgresExportJobs:
    """The application's table export_jobs, and ours."""

    dsn: str = field(repr=False)
    statement_timeout: timedelta = timedelta(seconds=30)

    def has_schedules(self) -> bool:
        """Whether export_jobs can hold schedules: not every database has the column."""
        with self._transaction() as connection:
            kind = _run(connection, "kind", {}).fetchone()
        assert kind is not None
        if not kind["is_there"]:
            raise ConfigurationError("there is no table export_jobs; is this the application's database?")
        return kind["metadata"] in ("json", "jsonb")

    def candidates(self) -> tuple[list[str], int]:
        """The ids of jobs that may have a schedule, oldest first, and the number of all jobs."""
        with transaction(self.dsn, statement_timeout=LONGEST_LIST) as connection:
            ids = [row["id"] for row in _run(connection, "jobs", {})]
            total = _run(connection, "all_jobs", {}).fetchone()
        return ids, total["jobs"] if total else 0

    def import_job(self, job_id: str, *, retire: bool) -> Outcome | None:
        """Import one job, completely or not at all; None if it has no schedule."""
        with self._transaction() as connection:
            _run(connection, "one_at_a_time", {})
            if retire:
                _run(connection, "hold", {"job_id": job_id})
            job = _run(connection, "job", {"job_id": job_id}).fetchone()
            if job is None or not has_schedule(metadata := parse_metadata(job["metadata"] or "null")):
                return None
            return _OneJob(connection, job, metadata).import_job(retire=retire)

    def _transaction(self) -> Any:
        return transaction(self.dsn, statement_timeout=self.statement_timeout)


@dataclass(frozen=True, slots=True)
class _OneJob:
    """A job as read in its transaction."""

    connection: Connection
    job: Mapping[str, Any]
    metadata: Any

    def import_job(self, *, retire: bool) -> Outcome:
        if not has_cron(self.metadata):
            return self._outcome(Decision(step=Step.SKIP))
        schedule, problems = self._read()
        known, id_in_use = self._known(), self._run("taken").fetchone() is not None
        decision = decide(schedule, problems, known, id_in_use=id_in_use, retire=retire)
        was_active = known.is_active if known else None
        if schedule is None:
            return self._outcome(decision, is_active=was_active)
        try:
            with self.connection.transaction():
                self._write(schedule, decision)
        except (psycopg.DataError, psycopg.IntegrityError, _ChangedError) as error:
            failed = Decision(step=Step.KEEP if known else Step.REJECT, problems=(_problem(error),))
            return self._outcome(failed, is_active=was_active)
        unknown = known is None and decision.step is not Step.IMPORT
        is_active = bool(was_active) or (decision.retire and schedule.is_active)
        return self._outcome(decision, is_active=None if unknown else is_active)

    def _read(self) -> tuple[OldSchedule | None, tuple[Problem, ...]]:
        try:
            return read(self.job, self.metadata), ()
        except RejectedError as error:
            return None, error.problems

    def _known(self) -> PastImport | None:
        row = self._run("known").fetchone()
        return PastImport(**row) if row else None

    def _write(self, schedule: OldSchedule, decision: Decision) -> None:
        values = {
            **schedule.row,
            "last_run": schedule.last_run,
            "last_run_status": schedule.last_run_status,
            "run_count": schedule.run_count,
            "failure_count": schedule.failure_count,
            "is_active": decision.retire and schedule.is_active,
            "digest": schedule.digest,
            "refreshed": decision.step is not Step.KEEP,
        }
        if decision.step in (Step.IMPORT, Step.UPDATE):
            statement = "take" if decision.step is Step.IMPORT else "refresh"
            if self._run(statement, values).rowcount != 1:
                raise _ChangedError
        if decision.step is not Step.IMPORT and (decision.retire or decision.step is Step.UPDATE):
            self._run("count", values)
        if decision.retire or decision.step in (Step.IMPORT, Step.UPDATE):
            self._run("remember", values)
        if decision.retire:
            self._retire(schedule)

    def _retire(self, schedule: OldSchedule) -> None:
        """Switch the old schedule off and the new one on, in one transaction."""
        if schedule.is_active:
            self._run("activate")
        self._run("switch_off")
        self._run("note_switched_off")

    def _run(self, statement: str, values: Mapping[str, Any] | None = None) -> psycopg.Cursor[dict[str, Any]]:
        own = {"job_id": self.job["id"], "metadata": self.job["metadata"], "ours": OURS}
        return _run(self.connection, statement, {**(values or {}), **own})

    def _outcome(self, decision: Decision, *, is_active: bool | None = None) -> Outcome:
        name = self.metadata.get("name") if isinstance(self.metadata, dict) else None
        shown = name if isinstance(name, str) else ""
        return Outcome(job_id=self.job["id"], name=shown, decision=decision, is_active=is_active)


class _ChangedError(Exception):
    """The job or its report was changed since this transaction read it."""


def _problem(error: Exception) -> Problem:
    """Why the import failed; only the type of an error, because its text may contain values."""
    if isinstance(error, _ChangedError):
        return Problem(column="metadata", value="metadata", reason="was changed while it was read; run this again")
    reason = "is the error with which PostgreSQL refused the values; correct them"
    return Problem(column="metadata", value=type(error).__name__, reason=reason)


def _run(connection: Connection, statement: str, values: Mapping[str, Any]) -> psycopg.Cursor[dict[str, Any]]:
    return connection.execute(statements("exportjobs")[statement], values)
