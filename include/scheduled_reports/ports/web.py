"""What the API needs of the world besides the ports of a run: the rows as people see them, Airflow, the caller."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime, timedelta
    from pathlib import Path

    from ..domain.formats import Format
    from ..domain.report import Row
    from ..domain.run import Actor, RunKey, Trigger
    from .services import Services

#: A row of the database, by column.
Record = dict[str, Any]


class Right(StrEnum):
    """What a caller may do with a report; asked of Airflow as a right on its DAG."""

    READ = "read"
    CHANGE = "change"
    RUN = "run"


class Caller(Protocol):
    """Whoever sends a request, signed in to Airflow."""

    @property
    def name(self) -> str:
        """The user's name in Airflow."""

    def may(self, right: Right, report_id: str | None = None) -> bool:
        """Whether he has *right* on a report's DAG; on every DAG where none is named."""

    def readable(self) -> frozenset[str]:
        """The reports whose DAGs he may read."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """A workspace."""

    id: str
    name: str
    slug: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Member:
    """A user in a workspace; *role* is one of the enum "WorkspaceRole"."""

    user_id: str
    role: str
    email: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """Which reports a list shows, and in which order; *ids* are the only ones it may show."""

    report_type: str | None = None
    is_active: bool | None = None
    tag: str | None = None
    ids: tuple[str, ...] | None = None
    sort_by: str = "created_at"
    descending: bool = True
    limit: int = 50
    offset: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """A part of a list, and how long the whole is."""

    items: tuple[Record, ...]
    total: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Search:
    """Which reports of all workspaces a page lists; *ids* are the only ones it may show."""

    text: str | None = None
    workspace_id: str | None = None
    report_type: str | None = None
    tag: str | None = None
    state: str | None = None
    ids: tuple[str, ...] | None = None
    sort_by: str = "name"
    descending: bool = False
    limit: int = 50
    offset: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Listing:
    """What a search found: a part of it, and how many there are in each state whatever state was asked for."""

    items: tuple[Record, ...]
    states: Mapping[str, int]


@dataclass(frozen=True, kw_only=True, slots=True)
class DagState:
    """What Airflow says of a report's DAG."""

    is_paused: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Stage:
    """A task of a run; *number* tells the parts of a mapped one apart."""

    task_id: str
    number: int
    state: str | None
    label: str | None
    started_at: datetime | None
    ended_at: datetime | None
    attempt: int


class Reports(Protocol):
    """The rows as people see and change them; bounded, and of the workspace asked for only."""

    def places(self, name: str) -> tuple[Place, ...]:
        """The workspaces of a slug, or of `slug:id`."""

    def member(self, workspace_id: str, user_id: str) -> Member | None:
        """Who a user is in a workspace; None for one who is suspended or not in it."""

    def creator(self, workspace_id: str, user_id: str) -> Record | None:
        """The columns that a row has of its creator; None where there is no such user."""

    def page(self, workspace_id: str, wanted: Wanted) -> Found:
        """A part of the workspace's reports."""

    def report(self, workspace_id: str, report_id: str) -> Record | None:
        """One report of the workspace."""

    def insert(self, values: Record, actor: Actor) -> None:
        """Add a report; *values* are columns of scheduled_reports."""

    def update(self, report_id: str, changes: Record, read_at: datetime, actor: Actor) -> bool:
        """Change columns of a report; False where it is gone or was changed after *read_at*, its `updated_at`."""

    def delete(self, workspace_id: str, report_id: str, actor: Actor) -> bool:
        """Delete a report; False where there is none."""

    def history(self, report_id: str, *, limit: int) -> Sequence[Record]:
        """The newest executions of a report."""

    def runs(self, report_id: str, *, limit: int, offset: int) -> Found:
        """The newest runs of a report, each with its executions."""

    def run(self, key: RunKey) -> Record | None:
        """One run with its executions."""

    def deliveries(self, key: RunKey) -> Sequence[Record]:
        """The messages of a run, notices to the owner among them."""

    def audit(self, workspace_id: str, report_id: str | None, *, before: int | None, limit: int) -> Sequence[Record]:
        """Who changed what, the newest first, older than entry *before*."""


class Overview(Protocol):
    """What the pages show of all workspaces at once; *ids* are the only reports that may be shown, None for all."""

    def search(self, search: Search) -> Listing:
        """A part of the reports, how many there are in each state, and the newest outcomes of each shown."""

    def unknown(self, since: datetime, ids: Collection[str] | None) -> Sequence[Record]:
        """Reports with mail of which nobody knows whether it left."""

    def held(self, paused: Collection[str], ids: Collection[str] | None) -> Sequence[Record]:
        """Reports on their schedule whose DAG, among *paused*, Airflow holds back."""

    def places(self, ids: Collection[str] | None) -> tuple[Place, ...]:
        """Every workspace, or those of some reports."""

    def place_of(self, report_id: str) -> Place | None:
        """The workspace of a report."""

    def members(self, workspace_id: str) -> Sequence[Record]:
        """Who may stand for a report of a workspace."""


class Airflow(Protocol):
    """What the API asks of Airflow."""

    def start(self, trigger: Trigger) -> None:
        """Queue a run by hand; NoDagError where there is no DAG to run."""

    def open_runs(self, report_id: str) -> int:
        """How many runs of a report are queued or under way."""

    def dags(self, report_ids: Collection[str]) -> Mapping[str, DagState]:
        """The DAGs that there are of these reports."""

    def paused(self) -> frozenset[str]:
        """The reports whose DAG Airflow itself has paused."""

    def retry(self, key: RunKey) -> bool:
        """Have what failed in a run done again; False where nothing has."""

    def stages(self, key: RunKey) -> Sequence[Stage]:
        """The tasks of a run."""

    def reparse(self) -> None:
        """Have the reports read again at once."""


class WebServices(Protocol):
    """Everything one request may need."""

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

    def preview(self, row: Row, chosen: Format, at: datetime, out: Path, timeout: timedelta) -> int:
        """Write what a run of *row* at *at* would make to *out*; returns the rows of its main table."""
