"""Port: the record of runs, executions and counters."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from ..domain.delivery import Delivery
    from ..domain.formats import Format
    from ..domain.report import Row
    from ..domain.run import Artifact, AuditAction, MailSummary, Outcome, Run, RunKey, RunKind, Window
    from ..domain.send_if import Candidate, MailedState, Verdict


@dataclass(frozen=True, kw_only=True, slots=True)
class NewRun:
    """What is recorded of a run before its first stage."""

    key: RunKey
    kind: RunKind
    scheduled_for: datetime
    triggered_by: str
    clear_number: int
    row: Row | None
    request: Mapping[str, Any]
    window: Window | None
    formats: tuple[Format, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class DueTick:
    """A tick for which upkeep makes a run, and when it decided to."""

    tick: datetime
    decided_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class KeptRecipients:
    """The recipients of a requested run, and the id by which `dag_run.conf` names them."""

    id: str
    addresses: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Snapshot:
    """The recorded outcome of a run's stages, as input for settling."""

    frozen: bool  # False if `query` refused the run
    reason: str | None
    skipped: bool
    formats: tuple[Format, ...]
    errors: Mapping[Format, str]
    artifacts: tuple[Artifact, ...]
    mail: Mapping[str, Any] | None
    deliveries: tuple[Delivery, ...]
    mail_error: str | None = None  # why the mail failed before any message was claimed


class Runs(Protocol):
    """The record: reporting.runs, reporting.artifacts, report_executions, and the counters of scheduled_reports."""

    def ask(self, new_run: NewRun, act: AuditAction, recipients: KeptRecipients | None = None) -> bool:
        """Record a requested run with pending executions before Airflow creates it; `query` adopts them.

        Returns False, and records nothing, while another run of the report is in progress.
        """

    def requested_recipients(self, key: RunKey, request_id: str) -> tuple[str, ...] | None:
        """The recipients kept with a requested run; None if none are kept under this id."""

    def withdraw(self, key: RunKey) -> None:
        """Delete a requested run that Airflow did not accept."""

    def due_tick(self, key: RunKey) -> DueTick | None:
        """The tick for which upkeep makes this run; None for any other run."""

    def open(self, new_run: NewRun) -> str | None:
        """Freeze the run and create its executions, once per clear; a retry finds the frozen run.

        If another run has the same tick, this freezes nothing and returns the id of that run.
        """

    def is_open(self, key: RunKey, clear_number: int) -> bool:
        """Whether `query` has frozen the run since it was last cleared."""

    def refuse(self, new_run: NewRun, reason: str, *, skipped: bool) -> None:
        """Record a run that is skipped or cannot start, with the reason."""

    def abandon(self, new_run: NewRun, reason: str) -> None:
        """As `refuse`, but only if `query` has recorded nothing for the run."""

    def watermark(self, report_id: str) -> datetime | None:
        """The newest tick whose scheduled run has succeeded; None if there is none.

        It moves only forwards, whatever the report's period is, in the transaction that settles the run.
        """

    def is_unsettled(self, report_id: str, after: datetime | None, before: datetime) -> bool:
        """Whether a scheduled run for a tick between the two moments was frozen and has no outcome yet."""

    def load(self, key: RunKey) -> Run:
        """The frozen run; raises PermanentError if `query` has not frozen it."""

    def note_mail_summary(self, key: RunKey, mail_summary: MailSummary) -> None:
        """Record the part of the data that the mail shows."""

    def mailed_state(self, report_id: str, workspace_id: str) -> MailedState | None:
        """What the report was last mailed with in this workspace, for its conditions; None if nothing is kept."""

    def note_verdict(self, key: RunKey, verdict: Verdict, candidate: Candidate | None) -> Verdict:
        """Record what a run's conditions have found; return what is recorded.

        Once a message of the run may have been sent, the verdict stays as it is.  The *candidate* becomes the state
        when a message is recorded as sent; None if the run changes no state.
        """

    def progress(self, key: RunKey, chosen: Format | None, percent: int, *, attempt: int = 1) -> None:
        """Record the progress of one format (or of all), and the number of the attempt."""

    def fail(self, key: RunKey, chosen: Format | None, error: str) -> None:
        """Record the latest error of one format (or of all)."""

    def uploaded(self, key: RunKey, artifact: Artifact) -> None:
        """Record a file whose upload to S3 is complete."""

    def artifacts(self, key: RunKey) -> Sequence[Artifact]:
        """The run's files in S3, ordered by format; deleted files are left out."""

    def adopt(self, key: RunKey, earlier: RunKey) -> None:
        """Reuse the files and the mail summary of an earlier run."""

    def fix_mail(self, key: RunKey, plan: Mapping[str, Any]) -> Mapping[str, Any]:
        """Store *plan* as the run's mail plan unless one is stored; return the stored plan."""

    def mail_plan(self, key: RunKey) -> Mapping[str, Any] | None:
        """The run's mail plan; None if none is stored."""

    def forget_plan(self, key: RunKey) -> None:
        """Delete the run's mail plan unless a message of it may have been sent."""

    def narrow_mail(self, key: RunKey, plan: Mapping[str, Any]) -> None:
        """Replace the run's fixed mail plan by one that mails fewer of its readers."""

    def note_mail(self, key: RunKey, error: str | None) -> None:
        """Record why the mail failed before any message was claimed; None clears the error before a retry."""

    def settle(
        self,
        key: RunKey,
        decide: Callable[[Snapshot], Outcome],
        next_run: datetime | None,
        *,
        clear_number: int | None = None,
    ) -> Outcome:
        """Record the outcome that *decide* derives; counters change once per run, however often this is called.

        Any later write of a stage makes the run unsettled again.  A message that is still claimed becomes unknown,
        unless its sender reports an outcome later.  *clear_number* is Airflow's if `record` settles the run, which then
        emits the asset event; otherwise the event is due.
        """

    def take_due_events(self, *, limit: int) -> list[RunKey]:
        """The successful runs whose asset event is due, oldest first; from now on it counts as emitted by upkeep."""

    def unsettled(self, *, limit: int) -> list[Unsettled]:
        """The runs that are not settled, least recently active first."""

    def unnotified(self, *, limit: int) -> list[RunKey]:
        """The settled runs whose owner notice is not decided yet, oldest first."""

    def failure_streak(self, report_id: str) -> FailureStreak:
        """Consecutive failures of the report's newest runs, and its owner's last notice."""

    def mark_notified(self, key: RunKey) -> None:
        """Record that the owner needs no further notice of the run as it is settled now."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Unsettled:
    """A run without a recorded outcome, and the time of its last activity."""

    key: RunKey
    touched_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class FailureStreak:
    """A report's recent outcomes, for owner notices; backfills and invalid requests do not count."""

    #: Number of consecutive failures up to the newest run, since the schedule became effective.
    streak: int
    #: The kind of the owner's newest notice, and whether it was sent since the schedule became effective.
    notified: str | None
    notified_lately: bool
    #: The newest run that counts, and its outcome.
    newest: RunKey | None = None
    failed: bool | None = None
    reason: str | None = None
