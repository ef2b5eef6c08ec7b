"""Ports used by upkeep: Airflow's view of runs, and the database's housekeeping."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime

    from ..domain.run import RunKey


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
