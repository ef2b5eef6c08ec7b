"""Reports: a valid row of scheduled_reports, its parts, and why a row is rejected."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from itertools import chain
from typing import TYPE_CHECKING, Any, Literal

from .cron import jitter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import date
    from zoneinfo import ZoneInfo

    from .formats import Format
    from .problem import Problem
    from .schedule import Schedule
    from .send_if import SendIf


class Status(StrEnum):
    """The enum "ScheduledReportStatus"."""

    ACTIVE = "ACTIVE"
    PAUSED = "PAUSED"
    DISABLED = "DISABLED"
    ERROR = "ERROR"


#: RFC 5321: 64 octets, an at sign and 255 octets.
LONGEST_EMAIL = 320
MissedRuns = Literal["skip", "latest", "all"]
#: What `parameters.dateRange` may name.
RangeType = Literal["last-7-days", "last-30-days", "last-quarter", "last-year", "custom"]
#: What `options.period` may name.
PeriodType = Literal[
    "yesterday",
    "last-7-days",
    "last-week",
    "last-30-days",
    "last-month",
    "last-quarter",
    "last-year",
    "week-to-date",
    "month-to-date",
    "quarter-to-date",
    "year-to-date",
    "since-last-run",
    "custom",
]


@dataclass(frozen=True, kw_only=True, slots=True)
class Rejection:
    """A row that cannot be scheduled, with every problem."""

    report_id: str
    name: str
    problems: tuple[Problem, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Workspace:
    """The tenant a report belongs to; *label* is unique even if its slug is not."""

    id: str
    name: str
    slug: str
    label: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Person:
    """A user of the application; *name* may be empty."""

    id: str
    name: str
    email: str

    def __str__(self) -> str:
        return self.name or self.email[:LONGEST_EMAIL]


@dataclass(frozen=True, kw_only=True, slots=True)
class Recipients:
    """The recipients of a message."""

    to: tuple[str, ...] = ()
    cc: tuple[str, ...] = ()
    bcc: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.to) + len(self.cc) + len(self.bcc)

    def __iter__(self) -> Iterator[str]:
        return chain(self.to, self.cc, self.bcc)

    def only(self, keep: Callable[[str], bool]) -> Recipients:
        """The recipients that *keep* accepts."""
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
class Wording:
    """The words of a report's mail, with placeholders (see `domain.wording`); what is empty is made by us."""

    subject: str = ""
    introduction: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class DateRange:
    """Which period a report covers; *start* and *end* are inclusive local days, for `custom` only."""

    type: PeriodType = "last-7-days"
    start: date | None = None
    end: date | None = None
    #: The first day of its weeks, 0 for Monday.
    week_start: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """One valid row of scheduled_reports."""

    id: str
    name: str
    description: str
    type: str
    schedule: Schedule
    is_active: bool
    status: Status
    formats: tuple[Format, ...]
    date_range: DateRange
    #: The parameters for the report type's SQL, with the defaults of its declarations; only names that it declares.
    parameters: Mapping[str, Any]
    tags: tuple[str, ...]
    email: EmailOptions
    workspace: Workspace
    creator: Person
    #: What happens to ticks that were missed while Airflow was down.
    missed_runs: MissedRuns = "latest"
    #: The longest delay of its ticks in seconds; None for that of the deployment.
    jitter_seconds: int | None = None
    #: The conditions under which a run is mailed; None if every run is.
    send_if: SendIf | None = None
    #: The subject and the introduction of its mail.
    wording: Wording = Wording()

    def jitter(self, default: timedelta) -> timedelta:
        """The delay of its ticks, always the same; *default* is the longest one of the deployment."""
        longest = default if self.jitter_seconds is None else timedelta(seconds=self.jitter_seconds)
        return jitter(self.id, longest)

    @property
    def timezone(self) -> ZoneInfo:
        """The zone of its local days and times."""
        return self.schedule.zone

    @property
    def is_scheduled(self) -> bool:
        """Whether its schedule is active."""
        return self.is_active and self.status is Status.ACTIVE


Row = dict[str, Any]
