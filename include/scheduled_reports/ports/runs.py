"""Port: the record of runs, executions and counters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from ..domain.delivery import Delivery
    from ..domain.formats import Format
    from ..domain.report import Row
    from ..domain.run import Act, Artifact, Brief, Outcome, Run, RunKey, RunKind, Window


@dataclass(frozen=True, kw_only=True, slots=True)
class Opening:
    """What `query` writes down of a run before anything else happens."""

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
class Snapshot:
    """A run as its stages have left it, for settling."""

    frozen: bool  # False where `query` refused it
    reason: str | None
    skipped: bool
    formats: tuple[Format, ...]
    errors: Mapping[Format, str]
    artifacts: tuple[Artifact, ...]
    mail: Mapping[str, Any] | None
    deliveries: tuple[Delivery, ...]
    mail_error: str | None = None  # why the mail failed before a message was claimed


class Runs(Protocol):
    """The record: reporting.runs and artifacts, report_executions, the counters of scheduled_reports."""

    def ask(self, opening: Opening, act: Act) -> bool:
        """Note a run that somebody asks for, its executions pending, before Airflow has it; `query` adopts them.

        False, and nothing noted, while another run of the report is under way.
        """

    def withdraw(self, key: RunKey) -> None:
        """Forget a run that was asked for and that Airflow did not take."""

    def open(self, opening: Opening) -> None:
        """Freeze the run and open its executions, once per clear; a retry finds what is frozen."""

    def is_open(self, key: RunKey, clear_number: int) -> bool:
        """Whether `query` has frozen the run since it was last cleared."""

    def refuse(self, opening: Opening, reason: str, *, skipped: bool) -> None:
        """Note a run that must not or cannot happen, with the reason."""

    def abandon(self, opening: Opening, reason: str) -> None:
        """As `refuse`, for a run that `query` never wrote down; nothing happens where it did."""

    def load(self, key: RunKey) -> Run:
        """The frozen run; PermanentError where `query` has not frozen it."""

    def note_brief(self, key: RunKey, brief: Brief) -> None:
        """Note what a mail shows of the data."""

    def progress(self, key: RunKey, chosen: Format | None, percent: int, *, attempt: int = 1) -> None:
        """Note how far a format (or every format) is, and which attempt is at work."""

    def fail(self, key: RunKey, chosen: Format | None, error: str) -> None:
        """Note why a format (or every format) has failed so far."""

    def uploaded(self, key: RunKey, artifact: Artifact) -> None:
        """Note a file that S3 holds whole."""

    def artifacts(self, key: RunKey) -> Sequence[Artifact]:
        """What S3 holds of a run, ordered by format; not what was deleted since."""

    def adopt(self, key: RunKey, earlier: RunKey) -> None:
        """Make the files and the brief of an earlier run this one's too."""

    def fix_mail(self, key: RunKey, plan: Mapping[str, Any]) -> Mapping[str, Any]:
        """Keep *plan* as the run's mail unless one is kept already; return the one that is."""

    def note_mail(self, key: RunKey, error: str | None) -> None:
        """Note why the mail has failed so far before a message was claimed; None when it is tried again."""

    def settle(self, key: RunKey, decide: Callable[[Snapshot], Outcome], next_run: datetime | None) -> Outcome:
        """Write down what *decide* makes of the run; counters move once per run however often this is called.

        Whatever a stage writes down of a run afterwards opens it again.  A message that is still claimed is unknown
        from now on, unless its sender comes back and says better.
        """

    def unsettled(self, *, limit: int) -> list[Unsettled]:
        """The runs that are not settled, the longest silent first."""

    def untold(self, *, limit: int) -> list[RunKey]:
        """The settled runs of which it is not decided yet whether to tell the owner, the oldest first."""

    def standing(self, report_id: str) -> Standing:
        """How the report does: its newest runs, and what its owner was told last."""

    def told(self, key: RunKey) -> None:
        """Note that nothing is left to tell of a run as it is settled now."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Unsettled:
    """A run whose stages have not come to an end that was written down, and when one last did something."""

    key: RunKey
    touched_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """How a report does, for its owner; replayed periods and wrong requests do not count."""

    #: How many of the newest runs failed, since the schedule became effective.
    streak: int
    #: The newest notice that its owner got, and whether that was since the schedule became effective.
    told: str | None
    told_lately: bool
    #: The newest run that counts, and how it ended.
    newest: RunKey | None = None
    failed: bool | None = None
    reason: str | None = None
