"""Runs: the trigger, the period, the files and the outcome."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Literal

from . import dates

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date, datetime
    from zoneinfo import ZoneInfo

    from .brand import Brand
    from .formats import Format
    from .lead import Sentence
    from .report import DateRange, Report
    from .send_if import Verdict


#: The smallest step of time: a half-open period has its last moment this much before its end.
_MOMENT = timedelta(microseconds=1)


class RunKind(StrEnum):
    """What started a run: a tick, a person, or a backfill."""

    SCHEDULED = "scheduled"
    MANUAL = "manual"
    BACKFILL = "backfill"


class RunState(StrEnum):
    """The state of a row of reporting.runs."""

    RUNNING = "running"
    SUCCESS = "success"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, kw_only=True, slots=True)
class Window:
    """The half-open period [start, end) that a run covers, in UTC, and the one that it is compared with.

    The previous period ends where this one starts, or before.  *zone* is that of the report's local days.
    """

    start: datetime
    end: datetime
    previous_start: datetime
    previous_end: datetime
    zone: ZoneInfo

    @property
    def first_day(self) -> date:
        """The local day of its first moment."""
        return self.start.astimezone(self.zone).date()

    @property
    def last_day(self) -> date:
        """The local day of its last moment."""
        return (max(self.start, self.end - _MOMENT)).astimezone(self.zone).date()

    @property
    def words(self) -> str:
        """The period as a sentence shows it: `4\N{EN DASH}10 May 2026`, `1\N{EN DASH}11 May 2026, until 09:00`."""
        return dates.stretch(self.start, self.end, self.zone)

    @property
    def previous_words(self) -> str:
        """The period before as it stands beside `words`: without the year that they have in common."""
        return dates.stretch(self.previous_start, self.previous_end, self.zone, beside=self.last_day.year)


@dataclass(frozen=True, kw_only=True, slots=True)
class RunKey:
    """The key of a run: the report and Airflow's run id."""

    report_id: str
    run_id: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """What a person requested of a manual run; the defaults change nothing."""

    formats: tuple[Format, ...] | None = None
    recipients: tuple[str, ...] | None = None
    mail: bool | None = None
    period: DateRange | None = None
    #: The id of an earlier run, whose files are mailed again; no new files are made.
    resend: str | None = None
    triggered_by: str | None = None
    #: A test of the report: the mail is marked, and no counter changes.
    test: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class MailSummary:
    """The data of a run that a mail shows, stored with the record, so that a mail does not need staging.

    *figures* and *preview* are Arrow IPC streams: the key figures' two rows, and the first rows of the main dataset.
    *charts* and *excerpts* hold one stream after the other, one per chart and excerpt of the report type.  Older runs
    have none of these, and no *lead*.
    """

    main_rows: int
    data_rows: int
    figures: bytes
    preview: bytes
    charts: bytes = b""
    excerpts: bytes = b""
    lead: tuple[Sentence, ...] = ()
    #: The key figures as readers see them, by name.
    figure_texts: Mapping[str, str] = field(default_factory=dict)

    @property
    def lead_text(self) -> str:
        """The sentences of the lead as one text."""
        return " ".join(sentence.text for sentence in self.lead)


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """A frozen run, which every stage after `query` reads."""

    key: RunKey
    run_key: str
    kind: RunKind
    state: RunState
    scheduled_for: datetime
    triggered_by: str
    report: Report
    request: Request
    window: Window
    #: None until `query` has finished.
    mail_summary: MailSummary | None = None
    #: What its conditions have found; None without conditions.
    verdict: Verdict | None = None
    #: The id under which reporting.requests keeps the recipients of a run by hand.
    recipients_kept: str | None = None
    #: The workspace's brand; None for the deployment's.
    brand: Brand | None = None

    @property
    def formats(self) -> tuple[Format, ...]:
        """The formats this run makes."""
        return self.request.formats or self.report.formats


@dataclass(frozen=True, kw_only=True, slots=True)
class Trigger:
    """A run as Airflow describes it."""

    key: RunKey
    kind: RunKind
    scheduled_for: datetime
    conf: Mapping[str, Any]
    user: str | None
    clear_number: int
    #: When upkeep decided to make this run for a tick; None for every other run.
    decided_at: datetime | None = None

    @property
    def triggered_by(self) -> str:
        """A user's id, `airflow:<user>`, or `system`."""
        named = self.conf.get("triggered_by")
        if isinstance(named, str) and named:
            return named
        return f"airflow:{self.user}" if self.user and self.kind is RunKind.MANUAL else "system"


@dataclass(frozen=True, kw_only=True, slots=True)
class Actor:
    """The author of an action: a user of Airflow, and the application's user on whose behalf a service account acts.

    *source* says where the user's name comes from: `airflow`, `os` for the operating system's, `apply` for one that was
    given to the command.
    """

    user: str
    acting_user: str | None = None
    source: Literal["airflow", "os", "apply"] = "airflow"

    @property
    def name(self) -> str:
        """The name in the record and in the audit trail."""
        return f"{self.source}:{self.user}"

    @property
    def person(self) -> str:
        """The acting user's id, if there is one, or else the name in the audit trail."""
        return self.acting_user or self.name


@dataclass(frozen=True, kw_only=True, slots=True)
class AuditAction:
    """What somebody did in a workspace, for the audit trail."""

    action: Literal["triggered", "resent", "tested", "revoked", "returned", "lifted", "branded"]
    actor: Actor
    workspace_id: str


@dataclass(frozen=True, kw_only=True, slots=True)
class StagedFile:
    """A staged file, as its manifest describes it."""

    name: str
    bytes: int
    sha256: str
    rows: int = 0
    total_rows: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Artifact:
    """A rendered file in S3."""

    format: Format
    execution_id: str
    file_name: str
    content_type: str
    bucket: str
    object_key: str
    bytes: int
    sha256: str
    rows: int
    total_rows: int

    @property
    def url(self) -> str:
        """The permanent address, without a signature."""
        return f"s3://{self.bucket}/{self.object_key}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """The result of settling a run."""

    state: RunState
    reason: str | None = None
    errors: Mapping[Format, str] = field(default_factory=dict)
    mail_error: str | None = None
    #: The kind of the run, if the record counted this outcome for the first time.
    news: RunKind | None = field(default=None, compare=False)
    #: Whether the asset event of the run is to be emitted by the task that has settled it.
    emits_event: bool = field(default=False, compare=False)
