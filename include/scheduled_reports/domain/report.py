"""The nouns of the house, frozen: reports, runs, files, messages."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from itertools import chain
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import date, datetime
    from zoneinfo import ZoneInfo

    from .cron import Cron


class Format(StrEnum):
    """A file format, spelt as in scheduled_reports.export_formats."""

    PDF = "pdf"
    CSV = "csv"
    JSON = "json"
    EXCEL = "excel"
    HTML = "html"


class Status(StrEnum):
    """The enum "ScheduledReportStatus"."""

    ACTIVE = "ACTIVE"
    PAUSED = "PAUSED"
    DISABLED = "DISABLED"
    ERROR = "ERROR"


class RunKind(StrEnum):
    """What made a run: a tick, a person, or a replay of the past."""

    SCHEDULED = "scheduled"
    MANUAL = "manual"
    BACKFILL = "backfill"


class RunState(StrEnum):
    """The state of a row of reporting.runs."""

    RUNNING = "running"
    SUCCESS = "success"
    FAILED = "failed"
    SKIPPED = "skipped"


class DeliveryState(StrEnum):
    """The state of one message in the ledger."""

    CLAIMED = "claimed"
    SENT = "sent"
    REFUSED = "refused"
    UNKNOWN = "unknown"


MailMode = Literal["attach", "zip", "link"]
MissedRuns = Literal["skip", "latest", "all"]
PeriodType = Literal["last-7-days", "last-30-days", "last-quarter", "last-year", "custom"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Problem:
    """One thing wrong with one value: where, what it is, and what is allowed."""

    column: str
    value: Any
    allowed: str

    def __str__(self) -> str:
        shown = repr(self.value)
        shown = shown if len(shown) <= 120 else f"{shown[:117]}..."
        return f"{self.column}: {shown}: {self.allowed}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Rejection:
    """A row that cannot be scheduled, with every reason."""

    report_id: str
    name: str
    problems: tuple[Problem, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Workspace:
    """The tenant a report belongs to; *label* tells it apart where its slug is not unique."""

    id: str
    name: str
    slug: str
    label: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Person:
    """A user of the application; *name* is empty where there is none."""

    id: str
    name: str
    email: str

    def __str__(self) -> str:
        return self.name or self.email


@dataclass(frozen=True, kw_only=True, slots=True)
class Recipients:
    """The envelope of a message."""

    to: tuple[str, ...] = ()
    cc: tuple[str, ...] = ()
    bcc: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.to) + len(self.cc) + len(self.bcc)

    def __iter__(self) -> Iterator[str]:
        return chain(self.to, self.cc, self.bcc)

    def only(self, keep: Callable[[str], bool]) -> Recipients:
        """The envelope with those addresses that *keep* accepts."""
        to, cc, bcc = (tuple(filter(keep, part)) for part in (self.to, self.cc, self.bcc))
        return Recipients(to=to, cc=cc, bcc=bcc)

    def as_json(self) -> dict[str, list[str]]:
        """The shape of reporting.deliveries.recipients."""
        return {"to": list(self.to), "cc": list(self.cc), "bcc": list(self.bcc)}


@dataclass(frozen=True, kw_only=True, slots=True)
class EmailOptions:
    """How a report is mailed."""

    enabled: bool
    recipients: Recipients
    subject: str | None
    include_attachment: bool
    include_preview: bool
    only_if_data: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class DateRange:
    """`parameters.dateRange`; *start* and *end* are inclusive local days, for `custom` only."""

    type: PeriodType = "last-7-days"
    start: date | None = None
    end: date | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """One valid row of scheduled_reports."""

    id: str
    name: str
    description: str
    type: str
    cron: Cron
    timezone: ZoneInfo
    is_active: bool
    status: Status
    formats: tuple[Format, ...]
    date_range: DateRange
    #: What the report type's SQL may read; only names the type declares.
    parameters: Mapping[str, Any]
    tags: tuple[str, ...]
    email: EmailOptions
    workspace: Workspace
    creator: Person
    #: No tick at or before this moment fires.
    effective_from: datetime
    #: What becomes of ticks that were missed while Airflow was away.
    missed_runs: MissedRuns = "latest"

    @property
    def is_scheduled(self) -> bool:
        """Whether its ticks fire."""
        return self.is_active and self.status is Status.ACTIVE


@dataclass(frozen=True, kw_only=True, slots=True)
class Window:
    """The half-open period [start, end) a run covers: whole local days of the report's zone."""

    start: datetime
    end: datetime
    previous_start: datetime
    first_day: date
    last_day: date

    def __str__(self) -> str:
        return f"{self.first_day} to {self.last_day}" if self.first_day != self.last_day else f"{self.first_day}"


@dataclass(frozen=True, kw_only=True, slots=True)
class RunKey:
    """Which run: the report and Airflow's run id."""

    report_id: str
    run_id: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """What a person asked of a run by hand; the defaults change nothing."""

    formats: tuple[Format, ...] | None = None
    recipients: tuple[str, ...] | None = None
    mail: bool | None = None
    period: DateRange | None = None
    #: The id of an earlier run, whose files are mailed again and none made.
    resend: str | None = None
    triggered_by: str | None = None
    #: Only to try the report out: the mail is marked, nothing is counted.
    test: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Brief:
    """What a mail shows of a run's data, kept with the record: a mail needs no staging.

    *figures* and *preview* are Arrow IPC streams: the key figures' two rows, and the first rows of the main dataset.
    *charts* are as many streams, one after the other, as the report type has charts; empty for runs from before them.
    """

    main_rows: int
    data_rows: int
    figures: bytes
    preview: bytes
    charts: bytes = b""


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """A frozen run, as every stage after `query` reads it."""

    key: RunKey
    run_key: str
    kind: RunKind
    state: RunState
    scheduled_for: datetime
    triggered_by: str
    report: Report
    request: Request
    window: Window
    #: None until `query` is through.
    brief: Brief | None = None

    @property
    def formats(self) -> tuple[Format, ...]:
        """The formats this run makes."""
        return self.request.formats or self.report.formats


@dataclass(frozen=True, kw_only=True, slots=True)
class Trigger:
    """What Airflow says of a run."""

    key: RunKey
    kind: RunKind
    scheduled_for: datetime
    conf: Mapping[str, Any]
    user: str | None
    clear_number: int

    @property
    def triggered_by(self) -> str:
        """A user's id, `airflow:<user>`, or `system`."""
        named = self.conf.get("triggered_by")
        if isinstance(named, str) and named:
            return named
        return f"airflow:{self.user}" if self.user and self.kind is RunKind.MANUAL else "system"


@dataclass(frozen=True, kw_only=True, slots=True)
class Actor:
    """Who does something: a user of Airflow, and the application's user on whose behalf a service account acts."""

    user: str
    acting_user: str | None = None

    @property
    def name(self) -> str:
        """As the record and the audit trail name him."""
        return f"airflow:{self.user}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Act:
    """What somebody had a run made for."""

    action: Literal["triggered", "resent", "tested"]
    actor: Actor
    workspace_id: str


ColumnType = Literal["text", "integer", "decimal", "number", "percent", "boolean", "date", "timestamp"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Column:
    """One column of a dataset: *name* in SQL, *title* for the reader."""

    name: str
    title: str
    type: ColumnType
    scale: int = 0  # digits after the point; decimal, number and percent only


@dataclass(frozen=True, kw_only=True, slots=True)
class Dataset:
    """One named query of a report type."""

    name: str
    title: str
    sql: str
    columns: tuple[Column, ...]
    #: Rows are there for every day or thing, active or not: only those with a figure that is not zero are data.
    zero_filled: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class FigureSpec:
    """A key figure: a column of the report type's `figures` query."""

    column: Column
    better: Literal["up", "down", "neutral"] = "neutral"


@dataclass(frozen=True, kw_only=True, slots=True)
class ChartSpec:
    """A chart over the first *limit* rows of one dataset."""

    title: str
    kind: Literal["line", "bar", "rank"]  # over time, over time in bars, by rank (horizontal bars)
    dataset: str
    x: str
    y: tuple[str, ...]
    limit: int = 400


@dataclass(frozen=True, kw_only=True, slots=True)
class SourceColumn(Column):
    """A column a person may ask for; *values* are all it holds, where they are few and known."""

    values: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class SourceSpec:
    """What a report may put its own tables together from: a query bound to its workspace, and columns of it."""

    name: str
    title: str
    sql: str
    columns: tuple[SourceColumn, ...]
    #: A column of the query that tells its rows apart; it settles ties, and need not be among *columns*.
    key: str
    #: The timestamp that has to lie in the window; empty where the rows are what there is at the window's end.
    time: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class ReportType:
    """A folder of report_types: what is asked, and how it is shown.

    Either it brings its datasets, or *sources*, from which `catalog.report_type` makes those a report asks for.
    """

    id: str
    title: str
    description: str
    parameters: frozenset[str]
    #: What the creator has to be in the workspace; anything where it is empty.
    roles: tuple[str, ...] = ()
    figures_sql: str = ""
    figures: tuple[FigureSpec, ...] = ()
    datasets: tuple[Dataset, ...] = ()
    charts: tuple[ChartSpec, ...] = ()
    sources: tuple[SourceSpec, ...] = ()

    @property
    def main(self) -> Dataset:
        """The dataset that CSV holds and "no data" is about."""
        return self.datasets[0]


@dataclass(frozen=True, kw_only=True, slots=True)
class StagedFile:
    """What a manifest says of a file on staging."""

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
        """The durable address; never a signed one."""
        return f"s3://{self.bucket}/{self.object_key}"


#: How the messages begin that go to a report's owner.
NOTICE = "notice/"


@dataclass(frozen=True, kw_only=True, slots=True)
class Delivery:
    """One row of the ledger."""

    key: RunKey
    message: str
    state: DeliveryState
    subject: str
    recipients: Recipients
    mode: MailMode
    formats: tuple[Format, ...]
    message_id: str | None = None
    error: str | None = None
    #: The addresses because of which the service has refused the call; it may be repeated without them.
    refused: tuple[str, ...] = ()
    #: Of a message sent again: who asked, and the service's ids of the earlier ones.
    requested_by: str | None = None
    resend_of: str | None = None

    @property
    def is_notice(self) -> bool:
        """Whether it tells the report's owner how a run went, and is not the report itself."""
        return self.message.startswith(NOTICE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What settling a run came to."""

    state: RunState
    reason: str | None = None
    errors: Mapping[Format, str] = field(default_factory=dict)
    mail_error: str | None = None
    #: The kind of the run, where the record has counted this outcome of it for the first time.
    news: RunKind | None = field(default=None, compare=False)
