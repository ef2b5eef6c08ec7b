"""Simulate a year of one report: the test plays Airflow's loops and calls the product as they do.

The DAG processor reads the row and stores the timetable and the next run; the scheduler creates the stored run
without asking, then asks for the one after it; `query` decides whether it runs; upkeep looks for ticks that nobody
ran.  `expected` computes the result without upkeep, from tick lists that are found minute by minute without the
product.
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
from include.scheduled_reports.domain.run import Outcome, RunKey, RunKind, RunState, Trigger
from include.scheduled_reports.orchestration import factory, timetable
from include.scheduled_reports.orchestration.dag_spec import dag_specs
from include.scheduled_reports.ports.upkeep import Plan
from include.scheduled_reports.reports.parser import parse
from include.scheduled_reports.runs import pipeline
from include.scheduled_reports.testing.reports import MemoryDefinitions
from include.scheduled_reports.testing.services import MemoryServices, MemorySource
from include.scheduled_reports.upkeep import ticks
from tests.unit import cron_oracle
from tests.unit.rows import row

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from airflow.timetables.base import DagRunInfo

    from include.scheduled_reports.domain.report import Report
    from include.scheduled_reports.settings import Settings

YEAR = 2026
UNRESTRICTED = TimeRestriction(earliest=None, latest=None, catchup=False)
TOMBSTONE = {"deleted": True, "tombstone": "deleted", "name": "Weekly", "error_cause": None}
# The order of events at the same moment.
STEP, EDIT, PARSE, RESTART, END, GATE, LOOP, UPKEEP = range(8)
#: So many runs are kept in the record, because the fake looks through all of them.
KEPT = 150


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
    upkeep: list[datetime] = field(default_factory=list)

    def clock(self, moment: datetime) -> datetime:
        """Return the time that the clock shows."""
        before = [when for when in self.steps if when <= moment]
        return moment + (self.steps[max(before)] if before else timedelta())


class Passed(Exception):  # noqa: N818 - no error: the gate let the run through, and the simulation stops there
    """The gate let the run through."""


def through_the_gate(*_):
    raise Passed


class Airflow:
    """The state that Airflow keeps for one DAG, and the steps of its processes; upkeep's port `Orchestrator`."""

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
        self.queue: list[tuple[RunKey, datetime]] = []  # runs that upkeep has triggered
        self.at_work = False
        self.reports: list[Report] | None = None

    def edit(self, now: datetime, changes: Mapping[str, Any]) -> None:
        """Change the row, and its effective moment as the triggers do."""
        self.reports = None
        if changes.get("deleted"):
            self.services.definitions.content = [{"id": "r1", **TOMBSTONE}]
            self.row = self.made
            return
        made = {**self.row, **changes}
        rescheduled = any(made[name] != self.row[name] for name in ("cron_expression", "timezone"))
        resumed = made["is_active"] and not self.row["is_active"]
        if rescheduled or resumed or not self.services.definitions.content:
            made |= {"effective_from": now.isoformat(), "caught_up_to": None}
            self.services.upkeep_store.checked_to.clear()
        self.row = made
        self.services.definitions.content = [made]

    def parse(self) -> None:
        """Parse as the DAG processor does."""
        planned, rejections = dag_specs(self.services.definitions.rows(limit=10), self.services.settings)
        assert not rejections
        made = factory._timetable(planned[0]) if planned else None
        self.stored = None if made is None else encode_timetable(made)
        self._ask()

    def loop(self, now: datetime) -> tuple[str, datetime] | None:
        """Create the stored run if it is due, then ask for the next one, as the scheduler does."""
        if self.queue:
            key, tick = self.queue.pop(0)
            return key.run_id, tick
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
        kind = RunKind.MANUAL if run_id.startswith("late__") else RunKind.SCHEDULED
        trigger = Trigger(key=key, kind=kind, scheduled_for=tick, conf={}, user=None, clear_number=0)
        try:
            pipeline.query(self.services, trigger)
        except Passed:
            self.ran.append(tick)
        except SkipRunError as reason:
            self.skipped[tick] = str(reason)

    def end(self, run_id: str) -> None:
        """Settle a run, as `record` does, and delete the oldest ones, as retention does."""
        runs = self.services.runs
        key = RunKey(report_id="r1", run_id=run_id)
        self.at_work = False
        runs.settle(key, lambda seen: Outcome(state=RunState.SKIPPED if seen.skipped else RunState.SUCCESS), None)
        while len(runs.runs) > KEPT:
            del runs.runs[next(iter(runs.runs))]

    def round(self, now: datetime) -> None:
        """Run the part of upkeep's round that looks after ticks."""
        self.services.moment = now
        if self.services.upkeep_store.correct_effective() or self.reports is None:
            self.reports, _ = parse(self.services.definitions.rows(limit=10))
        checked = dict(self.services.upkeep_store.checked_to)
        ticks.decide(self.services, self, self.reports, now, checked=self.services.upkeep_store.checked())
        ticks.create_waiting(self.services, self)
        if checked != self.services.upkeep_store.checked_to:  # it may have moved the effective moment
            self.reports = None

    def plan(self, report_id: str) -> Plan | None:
        """Say what comes next; there is no DAG before the first parse."""
        assert report_id == "r1"
        if self.stored is None:
            return None
        return Plan(paused=False, next_tick=self.coming and self.coming.data_interval.end)

    def open_runs(self, report_id: str) -> int:
        """Count the run in progress, and those that wait for it."""
        assert report_id == "r1"
        return len(self.queue) + self.at_work

    def is_open(self, key: RunKey) -> bool:
        """Refuse: this part of the round does not ask."""
        raise NotImplementedError(key)

    def start(self, key: RunKey, tick: datetime) -> None:
        """Queue a run, unless it is there."""
        if key.run_id not in self.created:
            self.created.add(key.run_id)
            self.queue.append((key, tick))

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
        *((when, EDIT, history.edits[when]) for when in history.edits),
        *((when, PARSE, None) for when in history.parses),
        *((when, RESTART, None) for when in history.restarts),
        *((when, LOOP, None) for when in history.loops),
        *((when, UPKEEP, None) for when in history.upkeep),
    ]
    happens: dict[int, Callable[[datetime, Any], None]] = {
        EDIT: airflow.edit,
        PARSE: lambda _, __: airflow.parse(),
        RESTART: lambda _, __: timetable._cached.cache_clear(),
        GATE: lambda now, run: airflow.gate(now, *run),
        END: lambda _, run_id: airflow.end(run_id),
        UPKEEP: lambda now, _: airflow.round(now),
    }
    # The values may not be compared.
    heap = [(when, what, number, given) for number, (when, what, given) in enumerate(happenings)]
    heapq.heapify(heap)
    off = timedelta()
    while heap:
        when, what, number, given = heapq.heappop(heap)
        now = when + off
        if what == STEP:
            off = history.steps[when]
        elif what != LOOP:
            happens[what](now, given)
        elif not airflow.at_work and (created := airflow.loop(now)):
            airflow.at_work = True
            begins = when + history.loops[when].lag
            heapq.heappush(heap, (begins, GATE, number, created))
            heapq.heappush(heap, (begins + history.loops[when].takes, END, number, created[0]))
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
