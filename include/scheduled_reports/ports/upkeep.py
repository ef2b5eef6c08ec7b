"""Ports used by upkeep: Airflow's view of runs, and the database's housekeeping."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from ..domain.calendar import CountryCalendar
    from ..domain.report import MissedRuns
    from ..domain.run import RunKey


class Orchestrator(Protocol):
    """Airflow's state of runs, as upkeep needs it."""

    def open_runs(self, report_id: str) -> int:
        """The number of queued or running runs of a report."""

    def is_open(self, key: RunKey) -> bool:
        """Whether a run is queued or running; False for a deleted run."""

    def plan(self, report_id: str) -> Plan | None:
        """What Airflow plans for a report; None if it has no DAG for it."""

    def start(self, key: RunKey, tick: datetime) -> None:
        """Create the run for a tick; a run that exists is left as it is."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """The state of a report's DAG in Airflow."""

    paused: bool
    #: The tick of the run that the scheduler creates next; None if it creates none.
    next_tick: datetime | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Missed:
    """The ticks of an outage: those that nobody ran within the grace period, as one record."""

    first: datetime
    last: datetime
    ticks: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision:
    """What upkeep decided about the ticks of a report that nobody ran."""

    report_id: str
    #: The effective moment that the decision was based on; it is void if that has changed.
    effective_from: datetime
    #: The newest tick that was compared with the record.
    checked_to: datetime
    #: The ticks that get a run, in order.
    due: tuple[datetime, ...]
    policy: MissedRuns
    missed: Missed | None = None
    #: Whether no other run of these ticks may start: Airflow would create each of them.
    catches_up: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Tombstone:
    """A deleted or disabled report whose DAG stays until its runs have ended."""

    report_id: str
    since: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Health:
    """System health in numbers."""

    reports: int = 0
    #: Reports beyond MAX_REPORTS, which have no DAG.
    left_out: int = 0
    scheduled: int = 0
    #: Invalid rows, and reports that were unscheduled after repeated failures.
    rejected: int = 0
    stopped: int = 0
    open_runs: int = 0
    #: Runs open for too long, and executions open for too long whose run shows no activity.
    stuck_runs: int = 0
    stuck_executions: int = 0
    #: Messages whose delivery is unconfirmed; notices to owners are not counted.
    unknown_deliveries: int = 0
    mail_enabled: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class CalendarInUse:
    """A calendar that reports name and their workspaces do not have, and what is kept of it.

    *since* is the earliest effective moment of these reports.
    """

    code: str
    since: datetime | None
    first_year: int | None
    last_year: int | None
    source: str | None

    def covers(self, first: int, last: int) -> bool:
        """Whether the days of these years are kept."""
        kept = (self.first_year, self.last_year)
        return kept[0] is not None and kept[1] is not None and kept[0] <= first and last <= kept[1]


class UpkeepStore(Protocol):
    """Reads and writes of upkeep; every call is bounded and safe to repeat."""

    def health(self, *, stuck_before: datetime, since: datetime) -> Health:
        """System health: runs inactive since *stuck_before* are stuck; deliveries are counted from *since* on."""

    def last_ticks(self, report_ids: Collection[str]) -> Mapping[str, datetime]:
        """The newest tick of each report that was run or skipped; reports without one are left out."""

    def set_next_runs(self, next_runs: Mapping[str, datetime | None]) -> int:
        """Store each report's next tick where it differs; return the number of rows changed."""

    def reject(self, rejections: Mapping[str, str], *, without_owner: Collection[str] = ()) -> int:
        """Set reports to ERROR with their reasons and leave a tombstone; return the number changed.

        Reports *without_owner* keep the ticks that pass until they have another one.
        """

    def readmit(self, report_ids: Collection[str]) -> int:
        """Restore the earlier status of reports that are valid again; return the number changed.

        The schedule is effective from now on, except of reports that have another owner: theirs was never interrupted.
        """

    def untold_rejections(self, *, limit: int) -> Mapping[str, str | None]:
        """The rejected reports that nobody was told of, with the id of a notice that names them already."""

    def name_notice(self, report_ids: Collection[str], notice: str) -> None:
        """Note which notice is about to tell of these rejections, so that a later round continues it."""

    def told(self, report_ids: Collection[str]) -> None:
        """Record that these rejections need no further notice."""

    def give_up(self, report_id: str) -> bool:
        """Unschedule a report that keeps failing by setting it to ERROR; False if it was not scheduled."""

    def resume_edited(self) -> int:
        """Reschedule reports that were edited since they were given up; return the number changed."""

    def calendars_in_use(self) -> list[CalendarInUse]:
        """The calendars of countries and regions that reports name, ordered by code; also codes that are unknown."""

    def keep_calendar(self, calendar: CountryCalendar) -> None:
        """Store the days of a country or region in place of those that are kept."""

    def tombstones(self, *, limit: int) -> list[Tombstone]:
        """The oldest tombstones."""

    def lift(self, report_ids: Collection[str]) -> None:
        """Remove tombstones, so that the next parse creates no DAG for these reports."""

    def correct_effective(self) -> int:
        """Make schedules effective now whose effective moment lies in the future, because the clock was put back."""

    def checked(self) -> Mapping[str, datetime]:
        """Up to which tick each report was compared with the record; reports without one are left out."""

    def decided(self, since: Mapping[str, datetime]) -> Mapping[str, frozenset[datetime]]:
        """The ticks of each report after a moment that were run or skipped, or for which a run is made."""

    def set_checked(self, ticks: Mapping[str, datetime]) -> None:
        """Record up to which tick each report was compared."""

    def unbegun(self, report_ids: Collection[str]) -> frozenset[str]:
        """Those of the reports with a run that upkeep makes and that has not begun."""

    def decide(self, decision: Decision) -> bool:
        """Record a decision and the runs to make; False, and nothing is recorded, if it is void by now."""

    def waiting(self, *, limit: int, each: int) -> Sequence[tuple[RunKey, datetime]]:
        """Runs to make that Airflow does not have yet, in the order of their ticks, at most *each* of a report.

        Those whose report was unscheduled or rescheduled since the decision are forgotten.
        """

    def mark_started(self, keys: Collection[RunKey]) -> None:
        """Record that Airflow has these runs."""
