"""Simulate a year of one report: the test plays Airflow's loops and calls the product as they do.

The DAG processor reads the row and stores the timetable and the next run; the scheduler creates the stored run
without asking, then asks for the one after it; `query` decides whether it runs.  `expected` computes the same result
from tick lists that are found minute by minute, without the product.
"""

from __future__ import annotations

import heapq
from bisect import bisect_right
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

from airflow.serialization.decoders import decode_timetable
from airflow.serialization.encoders import encode_timetable
from airflow.timetables.base import TimeRestriction
from airflow.utils.types import DagRunType

from include.scheduled_reports.domain.errors import SkipRunError
from include.scheduled_reports.domain.run import RunKey, RunKind, Trigger
from include.scheduled_reports.orchestration import factory, timetable
from include.scheduled_reports.orchestration.dag_spec import plans
from include.scheduled_reports.runs import pipeline
from include.scheduled_reports.testing.reports import MemoryDefinitions
from include.scheduled_reports.testing.services import MemoryServices, MemorySource
from tests.unit import cron_oracle
from tests.unit.rows import row

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow.timetables.base import DagRunInfo

    from include.scheduled_reports.settings import Settings

YEAR = 2026
UNRESTRICTED = TimeRestriction(earliest=None, latest=None, catchup=False)
TOMBSTONE = {"deleted": True, "tombstone": "deleted", "name": "Weekly", "error_cause": None}
# The order of events at the same moment.
STEP, EDIT, PARSE, RESTART, GATE, LOOP = range(6)


@dataclass(frozen=True)
class Loop:
    """The fate of a run that this round of the scheduler creates."""

    lag: timedelta = timedelta(seconds=5)  # until its first task calls the gate
    takes: timedelta = timedelta(minutes=1)  # until the run has ended and the next one may be created


@dataclass
class History:
    """The events of a report by the true time; the clock that all processes read may be *off*."""

    edits: dict[datetime, Mapping[str, Any]]  # columns; {"deleted": True} deletes the row
    parses: list[datetime]
    loops: dict[datetime, Loop]
    restarts: list[datetime] = field(default_factory=list)
    steps: dict[datetime, timedelta] = field(default_factory=dict)

    def clock(self, moment: datetime) -> datetime:
        """Return the time that the clock shows."""
        before = [when for when in self.steps if when <= moment]
        return moment + (self.steps[max(before)] if before else timedelta())


class Passed(Exception):  # noqa: N818 - no error: the gate let the run through, and the simulation stops there
    """The gate let the run through."""


def through_the_gate(*_):
    raise Passed


class Airflow:
    """The state that Airflow keeps for one DAG, and the steps of its processes."""

    def __init__(self, settings: Settings, missed_runs: str) -> None:
        self.services = MemoryServices(MemorySource(through_the_gate), settings, MemoryDefinitions([]))
        self.made = row(id="r1", missed_runs=missed_runs)
        self.row = self.made
        self.stored: dict[str, Any] | None = None
        self.coming: DagRunInfo | None = None
        self.last: DagRunInfo | None = None
        self.ran: list[datetime] = []
        self.skipped: dict[datetime, str] = {}
        self.created: set[str] = set()

    def edit(self, now: datetime, changes: Mapping[str, Any]) -> None:
        """Change the row, and its effective moment as the triggers do."""
        if changes.get("deleted"):
            self.services.definitions.content = [{"id": "r1", **TOMBSTONE}]
            self.row = self.made
            return
        made = {**self.row, **changes}
        rescheduled = any(made[name] != self.row[name] for name in ("cron_expression", "timezone"))
        resumed = made["is_active"] and not self.row["is_active"]
        if rescheduled or resumed or not self.services.definitions.content:
            made["effective_from"] = now.isoformat()
        self.row = made
        self.services.definitions.content = [made]

    def parse(self) -> None:
        """Parse as the DAG processor does."""
        planned, rejections = plans(self.services.definitions.rows(limit=10), self.services.settings)
        assert not rejections
        made = factory._timetable(planned[0]) if planned else None
        self.stored = None if made is None else encode_timetable(made)
        self._ask()

    def loop(self, now: datetime) -> tuple[str, datetime] | None:
        """Create the stored run if it is due, then ask for the next one, as the scheduler does."""
        if self.coming is None or self.coming.run_after > now:
            return None
        self.last = self.coming
        run_id = decode_timetable(self.stored).generate_run_id(
            run_type=DagRunType.SCHEDULED, run_after=self.last.run_after, data_interval=self.last.data_interval
        )
        assert run_id not in self.created
        self.created.add(run_id)
        self._ask()
        return run_id, self.last.data_interval.end

    def gate(self, now: datetime, run_id: str, tick: datetime) -> None:
        """Run the first task of a run."""
        self.services.moment = now
        key = RunKey(report_id="r1", run_id=run_id)
        trigger = Trigger(key=key, kind=RunKind.SCHEDULED, scheduled_for=tick, conf={}, user=None, clear_number=0)
        try:
            pipeline.query(self.services, trigger)
        except Passed:
            self.ran.append(tick)
        except SkipRunError as reason:
            self.skipped[tick] = str(reason)

    def _ask(self) -> None:
        self.coming = None
        if self.stored is not None:
            self.coming = decode_timetable(self.stored).next_dagrun_info_v2(
                last_dagrun_info=self.last, restriction=UNRESTRICTED
            )


def simulate(history: History, settings: Settings, missed_runs: str = "latest") -> Airflow:
    """Process all events in order; return the state of Airflow afterwards."""
    airflow = Airflow(settings, missed_runs)
    happenings: list[tuple[datetime, int, Any]] = [
        *((when, STEP, None) for when in history.steps),
        *((when, EDIT, None) for when in history.edits),
        *((when, PARSE, None) for when in history.parses),
        *((when, RESTART, None) for when in history.restarts),
        *((when, LOOP, None) for when in history.loops),
    ]
    heapq.heapify(happenings)
    off, busy_until = timedelta(), min(history.loops)
    while happenings:
        when, what, run = heapq.heappop(happenings)
        now = when + off
        if what == STEP:
            off = history.steps[when]
        elif what == EDIT:
            airflow.edit(now, history.edits[when])
        elif what == PARSE:
            airflow.parse()
        elif what == RESTART:
            timetable._cached.cache_clear()
        elif what == GATE:
            airflow.gate(now, *run)
        elif when >= busy_until and (created := airflow.loop(now)):
            begins = when + history.loops[when].lag
            busy_until = begins + history.loops[when].takes
            heapq.heappush(happenings, (begins, GATE, created))
    return airflow


year_of_ticks = cache(cron_oracle.ticks)


@dataclass(frozen=True)
class Version:
    """The state of a report between two edits."""

    ticks: list[datetime]
    since: datetime
    scheduled: bool

    def after(self, moment: datetime) -> datetime | None:
        """Return the first tick after the moment at which this version is effective."""
        later = bisect_right(self.ticks, max(moment, self.since))
        return self.ticks[later] if self.scheduled and later < len(self.ticks) else None


def versions(history: History) -> list[tuple[datetime, Version]]:
    """Return each edit with the schedule it results in."""
    found: list[tuple[datetime, Version]] = []
    state: dict[str, Any] = {}
    since = datetime.min.replace(tzinfo=UTC)
    for when in sorted(history.edits):
        before, change = state, history.edits[when]
        state = {} if change.get("deleted") else {"is_active": True, **state, **change}
        if before and not state:
            pass
        elif (
            not before
            or state["is_active"] > before["is_active"]
            or any(state[name] != before[name] for name in ("cron_expression", "timezone"))
        ):
            since = history.clock(when)
        scheduled = bool(state) and state["is_active"]
        ticks = year_of_ticks(state["cron_expression"], state["timezone"], YEAR) if scheduled else []
        found.append((when, Version(ticks, since, scheduled)))
    return found


def expected(history: History, missed_runs: str, grace: timedelta, delay: timedelta) -> list[datetime]:
    """Return the ticks that get past the gate, in order."""
    known = versions(history)
    edits = [when for when, _ in known]
    parses = sorted(history.parses)
    none = Version([], datetime.min.replace(tzinfo=UTC), scheduled=False)

    def at(moment: datetime) -> Version:
        seen = bisect_right(edits, moment)
        return known[seen - 1][1] if seen else none

    ran, last, free = [], datetime.min.replace(tzinfo=UTC), min(history.loops)
    for when in sorted(history.loops):
        parsed = bisect_right(parses, when)
        if when < free or not parsed:
            continue
        tick = at(parses[parsed - 1]).after(last)
        if tick is None or tick + delay > history.clock(when):
            continue
        last = tick
        begins = when + history.loops[when].lag
        free = begins + history.loops[when].takes
        now, version = history.clock(begins), at(begins)
        following = version.after(tick)
        if tick not in version.ticks or tick <= version.since:
            continue  # not a tick of the current schedule
        late = now - tick - delay > grace
        overtaken = following is not None and following + delay <= now
        if not late or missed_runs == "all" or (missed_runs == "latest" and not overtaken):
            ran.append(tick)
    return ran
