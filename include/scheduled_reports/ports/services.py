"""What the pipeline needs of the world outside: small protocols, each with a real adapter and a fake.

Every adapter raises TransientError where trying again may help, and PermanentError where it cannot.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager
    from datetime import datetime, timedelta

    import pyarrow as pa

    from ..domain.report import (
        Act,
        Artifact,
        Brief,
        Delivery,
        Format,
        Outcome,
        Recipients,
        Run,
        RunKey,
        RunKind,
        Window,
    )
    from ..orchestration.shard_watch import Shard
    from ..reports.parser import Row
    from ..settings import Settings


class Definitions(Protocol):
    """The rows of scheduled_reports."""

    def rows(self, *, limit: int, workspace_id: str | None = None, shard: Shard | None = None) -> list[Row]:
        """Every report and tombstone, or those of a workspace or of a shard, ordered by id, at most *limit*."""

    def digests(self, shards: int, *, limit: int, only: int | None = None) -> dict[int, str]:
        """What tells whether the rows of a shard have changed, by its number; one without rows has none."""

    def row(self, report_id: str) -> Row | None:
        """One report, or None where there is no such row."""

    def members(self, workspace_id: str, addresses: Collection[str]) -> frozenset[str]:
        """Which of *addresses* (lower case) belong to members of the workspace."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Scope:
    """What a dataset's SQL may see, bound to its transaction as `report.*` settings."""

    workspace_id: str
    start: datetime
    end: datetime
    timezone: str
    parameters: Mapping[str, Any]


class Source(Protocol):
    """The application's data."""

    def stream(self, sql: str, scope: Scope) -> AbstractContextManager[pa.RecordBatchReader]:
        """Run one static query within *scope*; the batches are read as they arrive."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Folder:
    """A folder of staging, two names deep as a run's is, and what lies in it."""

    name: str
    newest: datetime  # when the last of its files was written
    files: tuple[str, ...]  # relative to the folder


class Staging(Protocol):
    """Where a run's intermediate files lie; names are relative paths."""

    def put(self, name: str, content: BinaryIO) -> None:
        """Store *content*, replacing what was there."""

    def open(self, name: str) -> BinaryIO:
        """The content of *name*, seekable; StagingMissingError where there is none."""

    def names(self, folder: str) -> list[str]:
        """The names of the files in a folder, sorted; none where there is no such folder."""

    def clear(self, folder: str) -> None:
        """Remove a file, or a folder and all in it; nothing happens where there is none."""

    def folders(self) -> list[Folder]:
        """Every folder two names deep, ordered by name; what lies higher up is not looked at."""


class Store(Protocol):
    """The bucket of artifacts."""

    @property
    def bucket(self) -> str:
        """The name of the bucket."""

    def put(
        self, key: str, content: BinaryIO, *, content_type: str, file_name: str, tags: Mapping[str, str] | None = None
    ) -> None:
        """Store *content*, replacing what was there, whole or not at all; *tags* are for whoever runs the bucket."""

    def open(self, key: str) -> AbstractContextManager[BinaryIO]:
        """The content of *key*."""

    def lifetime(self, wanted: timedelta) -> timedelta:
        """How long a link made now can live: as long as wanted, or as the credentials do."""

    def link(self, key: str, lifetime: timedelta) -> str:
        """An address that lets its holder read *key* until *lifetime* has passed."""

    def delete(self, key: str) -> None:
        """Remove *key*; nothing happens where there is none."""

    def keys(self, prefix: str) -> Iterator[str]:
        """The keys that begin with *prefix*, in order."""


class Mailer(Protocol):
    """The mail service."""

    def send(self, sender: str, recipients: Recipients, raw: bytes, *, tags: Mapping[str, str]) -> str:
        """Send one message once, and return the service's id of it; *tags* are for the service's own statistics.

        Raises TransientError or PermanentError (RecipientRefusedError among them) where it was certainly not sent to
        anybody, DeliveryUnknownError otherwise.
        """


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


class Ledger(Protocol):
    """Which messages were sent: claimed before the call, so that no retry mails twice."""

    def claim(self, delivery: Delivery) -> Delivery | None:
        """Claim a message; None when the claim is ours, otherwise what the ledger holds of it already.

        What was refused as a whole may be claimed again, what was refused for single addresses not.
        Raises MailStoppedError while all mail is stopped.
        """

    def finish(self, delivery: Delivery) -> None:
        """Write down how a claimed message ended; nothing changes what was sent."""

    def of(self, key: RunKey) -> tuple[Delivery, ...]:
        """The messages of a run, notices to its owner among them, ordered by message."""


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


class Orchestrator(Protocol):
    """What upkeep asks of Airflow."""

    def open_runs(self, report_id: str) -> int:
        """How many runs of a report are queued or under way."""

    def is_open(self, key: RunKey) -> bool:
        """Whether one run is queued or under way; not so for one that was deleted."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Tombstone:
    """A report that has gone, and the DAG that stays until its runs have ended."""

    report_id: str
    since: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Health:
    """How the whole does, in numbers."""

    reports: int = 0
    scheduled: int = 0
    #: Rows that cannot be scheduled, and reports that were taken off their schedule because they kept failing.
    rejected: int = 0
    stopped: int = 0
    open_runs: int = 0
    #: Runs, and executions of no run that shows a sign of life, that have been open for too long.
    stuck_runs: int = 0
    stuck_executions: int = 0
    #: Mails, notices to owners not among them, of which nobody knows whether they left.
    unknown_deliveries: int = 0
    mail_enabled: bool = True


class Housekeeping(Protocol):
    """What upkeep looks at and changes, every call bounded and safe to repeat."""

    def health(self, *, stuck_before: datetime, since: datetime) -> Health:
        """How the whole does; runs silent since *stuck_before* are stuck, deliveries are counted since *since*."""

    def last_ticks(self, report_ids: Collection[str]) -> Mapping[str, datetime]:
        """The newest tick that each report has begun with, run or skipped; reports without one are left out."""

    def set_next_runs(self, next_runs: Mapping[str, datetime | None]) -> int:
        """Write the coming tick of each report where another one is stored; returns how many were."""

    def reject(self, rejections: Mapping[str, str]) -> int:
        """Set reports to ERROR with their reasons and leave a tombstone; returns how many were changed."""

    def readmit(self, report_ids: Collection[str]) -> int:
        """Take reports that are valid again out of ERROR, to what they were before; returns how many were changed."""

    def give_up(self, report_id: str) -> bool:
        """Take a report that keeps failing off its schedule, to ERROR; False where it was not scheduled."""

    def resume_edited(self) -> int:
        """Take those back that were edited since; returns how many were changed."""

    def tombstones(self, *, limit: int) -> list[Tombstone]:
        """The oldest tombstones."""

    def lift(self, report_ids: Collection[str]) -> None:
        """Remove tombstones: the next parse makes no DAG for these reports."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Belongings:
    """What S3 may hold of a run or of a report."""

    prefixes: tuple[str, ...] = ()
    #: Bucket and key of every file there is a record of and that was not deleted yet.
    files: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Removed:
    """Which objects went, by bucket and key, and whether nothing that is ours to delete is left."""

    gone: frozenset[tuple[str, str]]
    whole: bool


class Retention(Protocol):
    """What has been kept for long enough, every call bounded and safe to repeat.

    A run that is not settled is in none of the answers and touched by none of the calls: one that is running, one
    whose stage is at work again after a clear, one with a message that is claimed and not finished.  `erase` alone is
    different, because it cannot wait for ever.
    """

    def runs_with_files(self, before: datetime, *, limit: int) -> list[RunKey]:
        """Runs that settled before then and of which S3 may hold files, the oldest first.

        Those of which `drop_files` could not remove everything come again after an hour.
        """

    def drop_files(self, key: RunKey, before: datetime, remove: Callable[[Belongings], Removed]) -> bool:
        """Let *remove* delete what S3 holds of a run, and write down what went; false where the run has to stay.

        No stage of the run can begin while *remove* is at work.
        """

    def drop_rows(self, before: datetime, *, limit: int) -> int:
        """Forget runs that settled before then and of which no file is left, their executions too; returns how many."""

    def settled(self, keys: Collection[RunKey]) -> Mapping[RunKey, datetime | None]:
        """When each run was settled, None where it is not; those that nothing is known of are left out."""

    def while_settled(self, key: RunKey, before: datetime, act: Callable[[], None]) -> bool:
        """*act* while no stage of the run can begin; false where it had not settled before then."""

    def departed(self, before: datetime, *, unsettled_before: datetime, limit: int) -> list[str]:
        """Reports that went before then and did not come back, the first first.

        One with a run that is not settled is left out, unless the run began and the report went before
        *unsettled_before*.
        """

    def belongings(self, report_id: str) -> Belongings:
        """What S3 may hold of a report."""

    def erase(self, report_id: str, before: datetime) -> bool:
        """Forget all that we hold of a report; false where it has come back, or went later than that."""

    def defer(self, report_id: str) -> None:
        """Leave a report whose files could not be removed out of `departed` for an hour."""


class Meter(Protocol):
    """Airflow's metrics; names and tags are those of `metrics.METRICS`.  Nothing is raised, and nothing waits."""

    def count(self, name: str, value: int, **tags: str) -> None:
        """Add to a counter."""

    def timing(self, name: str, seconds: float, **tags: str) -> None:
        """Tell how long something took."""

    def gauge(self, name: str, value: float, **tags: str) -> None:
        """Tell how much there is of something."""


class World(Protocol):
    """All ports of one process, each made when first used."""

    @property
    def settings(self) -> Settings:
        """The operator's settings."""

    @property
    def definitions(self) -> Definitions:
        """Port `Definitions`."""

    @property
    def source(self) -> Source:
        """Port `Source`."""

    @property
    def staging(self) -> Staging:
        """Port `Staging`."""

    @property
    def store(self) -> Store:
        """Port `Store`."""

    @property
    def mailer(self) -> Mailer:
        """Port `Mailer`."""

    @property
    def runs(self) -> Runs:
        """Port `Runs`."""

    @property
    def housekeeping(self) -> Housekeeping:
        """Port `Housekeeping`."""

    @property
    def retention(self) -> Retention:
        """Port `Retention`."""

    @property
    def ledger(self) -> Ledger:
        """Port `Ledger`."""

    @property
    def meter(self) -> Meter:
        """Port `Meter`."""

    def now(self) -> datetime:
        """The time, in UTC."""

    def wait(self, seconds: float) -> None:
        """Let some seconds pass."""
