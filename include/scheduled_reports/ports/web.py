"""Ports used only by the web API and its pages: reports as people edit them, Airflow, the caller."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
    from datetime import datetime, timedelta
    from pathlib import Path

    from ..domain.delivery import MailPreview
    from ..domain.finding import Finding
    from ..domain.formats import Format
    from ..domain.report import Row
    from ..domain.run import Actor, RunKey, Trigger
    from .services import Services
    from .source import Source

#: A row of the database, by column.
Record = dict[str, Any]


class Right(StrEnum):
    """A right on a report, which Airflow grants as a right on the report's DAG."""

    READ = "read"
    CHANGE = "change"
    RUN = "run"


class Caller(Protocol):
    """The user who sent a request, signed in to Airflow."""

    @property
    def name(self) -> str:
        """The user's name in Airflow."""

    def may(self, right: Right, report_id: str | None = None) -> bool:
        """Return whether the user has *right* on a report's DAG, or on every DAG if no report is given."""

    def readable(self) -> frozenset[str]:
        """Return the ids of the reports whose DAGs the user may read."""


@dataclass(frozen=True, kw_only=True, slots=True)
class WorkspaceInfo:
    """The id and the names of a workspace."""

    id: str
    name: str
    slug: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Member:
    """A user in a workspace; *role* is a value of the enum "WorkspaceRole"."""

    user_id: str
    role: str
    email: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ReportQuery:
    """Filters, order and page of a list of reports; a filter that is None matches every report.

    *text* is searched for in name, description and id. *ids* are the only reports that the caller may see.
    """

    workspace_id: str | None = None
    text: str | None = None
    report_type: str | None = None
    is_active: bool | None = None
    tag: str | None = None
    created_by: str | None = None
    state: str | None = None
    ids: tuple[str, ...] | None = None
    sort_by: str = "name"
    descending: bool = False
    limit: int = 50
    offset: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class ReportPage:
    """One page of the reports that match a query; *states* counts them by state, without the filter on the state."""

    items: tuple[Record, ...]
    total: int
    states: Mapping[str, int]


@dataclass(frozen=True, kw_only=True, slots=True)
class RunPage:
    """One page of a report's runs, and the number of all its runs."""

    items: tuple[Record, ...]
    total: int


@dataclass(frozen=True, kw_only=True, slots=True)
class DagState:
    """The state of a report's DAG in Airflow."""

    is_paused: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Stage:
    """A task of a run in Airflow, or a stage inside one, which has a *name*; *map_index* is -1 unless it is mapped."""

    task_id: str
    map_index: int
    state: str | None
    label: str | None
    started_at: datetime | None
    ended_at: datetime | None
    attempt: int
    name: str = ""


class Reports(Protocol):
    """Reports as people list, read and edit them; every query is bounded."""

    def workspaces(self, name: str) -> tuple[WorkspaceInfo, ...]:
        """Return the workspaces with the slug *name*, or the one named `slug:id`."""

    def member(self, workspace_id: str, user_id: str) -> Member | None:
        """Return a user's membership of a workspace; None if the user is suspended or not a member."""

    def creator(self, workspace_id: str, user_id: str) -> Record | None:
        """Return the columns about the creator that a row has; None if there is no such user."""

    def page(self, query: ReportQuery) -> ReportPage:
        """Return one page of the reports that match *query*, each with its state."""

    def report(self, workspace_id: str, report_id: str) -> Record | None:
        """Return one report of the workspace, with the same columns as in a page."""

    def insert(self, values: Record, actor: Actor) -> None:
        """Add a report; *values* are columns of scheduled_reports."""

    def update(self, report_id: str, changes: Record, read_at: datetime | None, actor: Actor) -> bool:
        """Change columns of a report; False if it is gone or its `updated_at` is no longer *read_at*.

        A moment that is beyond Python's years is read as None, as from every column.
        """

    def delete(self, workspace_id: str, report_id: str, actor: Actor) -> bool:
        """Delete a report; False if there is none."""

    def history(self, workspace_id: str, report_id: str, *, limit: int) -> Sequence[Record]:
        """Return the newest executions of a report, without those of runs for another workspace."""

    def runs(self, workspace_id: str, report_id: str, *, limit: int, offset: int) -> RunPage:
        """Return the newest runs of a report for this workspace, each with its executions.

        A report may be moved to another workspace, or its id be used again: its earlier runs are not found.
        """

    def run(self, workspace_id: str, key: RunKey) -> Record | None:
        """Return one run for this workspace with its executions."""

    def missed(self, workspace_id: str, report_id: str, *, limit: int) -> Sequence[Record]:
        """The newest outages of a report, each with its missed ticks."""

    def deliveries(self, key: RunKey) -> Sequence[Record]:
        """Return the messages of a run, including notices to the owner."""

    def audit(self, workspace_id: str, report_id: str | None, *, before: int | None, limit: int) -> Sequence[Record]:
        """Return the newest entries of the audit trail that are older than the entry *before*."""


class Overview(Protocol):
    """Data that the pages show across all workspaces; *ids* are the only reports that may be shown, None for all."""

    def outcomes(self, report_ids: Collection[str]) -> Mapping[str, Sequence[str]]:
        """Return the outcomes of the newest runs of each report, oldest first."""

    def unconfirmed_mail(self, since: datetime, ids: Collection[str] | None) -> Sequence[Record]:
        """Return reports with messages since *since* whose delivery is unconfirmed."""

    def paused_in_airflow(self, paused: Collection[str], ids: Collection[str] | None) -> Sequence[Record]:
        """Return the enabled reports among *paused*, the reports whose DAG is paused in Airflow."""

    def workspaces(self, ids: Collection[str] | None) -> tuple[WorkspaceInfo, ...]:
        """Return all workspaces, or only those of the reports *ids*."""

    def workspace_of(self, report_id: str) -> WorkspaceInfo | None:
        """Return the workspace of a report."""

    def members(self, workspace_id: str) -> Sequence[Record]:
        """Return the users who can own a report of a workspace."""


class Airflow(Protocol):
    """The operations of Airflow that the API uses."""

    def start(self, trigger: Trigger) -> None:
        """Queue a manual run; NoDagError if Airflow has no DAG that it could run."""

    def open_runs(self, report_id: str) -> int:
        """Return how many runs of a report are queued or running."""

    def dags(self, report_ids: Collection[str]) -> Mapping[str, DagState]:
        """Return the state of the DAGs of these reports, for those that have one."""

    def paused(self) -> frozenset[str]:
        """Return the reports whose DAG is paused in Airflow."""

    def retry(self, key: RunKey, announce: Callable[[int], object]) -> bool:
        """Clear the failed tasks of a run; False if there are none.

        *announce* is called before that, with the number that the clear gets.
        """

    def stages(self, key: RunKey) -> Sequence[Stage]:
        """Return the tasks of a run."""

    def reparse(self) -> None:
        """Request an immediate parse of the reports' DAGs."""


class WebServices(Protocol):
    """The ports of one request."""

    @property
    def core(self) -> Services:
        """The ports of a run."""

    @property
    def reports(self) -> Reports:
        """Port `Reports`."""

    @property
    def overview(self) -> Overview:
        """Port `Overview`."""

    @property
    def airflow(self) -> Airflow:
        """Port `Airflow`."""

    def source(self, timeout: timedelta) -> Source:
        """The application's data, with queries of at most *timeout*."""

    def preview(self, row: Row, chosen: Format, at: datetime, out: Path, timeout: timedelta) -> int:
        """Write the file that a run of *row* at *at* would produce to *out*; return the rows of its main table."""

    def findings(self) -> Iterable[Finding]:
        """What the doctor finds in this process; nothing is mailed."""

    def mail_preview(self, row: Row, at: datetime, timeout: timedelta) -> MailPreview:
        """The email of a run of *row* at *at*."""
