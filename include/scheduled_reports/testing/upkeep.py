"""In-memory ports of upkeep."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from ..domain.delivery import DeliveryState
from ..domain.naming import late_run_id
from ..domain.report import Status
from ..domain.run import RunKey, RunKind
from ..ports.runs import DueTick
from ..ports.upkeep import CalendarInUse, Health, Tombstone
from .reports import changed_at

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from ..domain.calendar import CountryCalendar
    from ..domain.report import Row
    from ..ports.upkeep import Decision, Plan
    from .reports import MemoryDefinitions
    from .runs import MemoryRuns

AUTOMATED = (RunKind.SCHEDULED, RunKind.BACKFILL)


NOT_COVERED = {"first_year": None, "last_year": None, "source": None}


@dataclass
class MemoryUpkeepStore:
    """Port `UpkeepStore` on the rows of MemoryDefinitions."""

    definitions: MemoryDefinitions
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    next_runs: dict[str, datetime | None] = field(default_factory=dict)
    graves: dict[str, datetime] = field(default_factory=dict)
    before: dict[str, str] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    given_up: dict[str, dict[str, Any]] = field(default_factory=dict)
    record: MemoryRuns | None = None
    due: dict[RunKey, DueTick] = field(default_factory=dict)
    started: set[RunKey] = field(default_factory=set)
    checked_to: dict[str, datetime] = field(default_factory=dict)
    #: The decisions with missed ticks, as in reporting.missed_ticks.
    missed: list[Decision] = field(default_factory=list)
    #: The years of each country's calendar that are kept, and what computed them.
    covered: dict[str, dict[str, Any]] = field(default_factory=dict)
    #: Rejections that nobody was told of, with the id of their notice; reports that keep their ticks.
    untold: dict[str, str | None] = field(default_factory=dict)
    kept: set[str] = field(default_factory=set)

    def health(self, *, stuck_before: datetime, since: datetime) -> Health:  # noqa: ARG002 - no delivery is that old
        rows, runs = self.definitions.content, self.record.runs if self.record else {}
        held = self.record.ledger.held if self.record else {}
        silent = [run for run in runs.values() if not run.settled and run.touched_at < stuck_before]
        return Health(
            reports=len(rows),
            scheduled=sum(row["is_active"] and row["status"] == "ACTIVE" for row in rows),
            rejected=sum(row["error_cause"] == "rejected" for row in rows),
            stopped=sum(row["error_cause"] == "failing" for row in rows),
            open_runs=sum(not run.settled for run in runs.values()),
            stuck_runs=len(silent),
            stuck_executions=sum(len(run.formats) for run in silent),
            unknown_deliveries=sum(one.state is DeliveryState.UNKNOWN and not one.is_notice for one in held.values()),
        )

    def last_ticks(self, report_ids: Collection[str]) -> Mapping[str, datetime]:
        runs = self.record.runs.items() if self.record else ()
        ticks = [(key.report_id, run.row["scheduled_for"]) for key, run in runs if run.row["kind"] is RunKind.SCHEDULED]
        return {one: max(tick for report, tick in ticks if report == one) for one, _ in ticks if one in report_ids}

    def set_next_runs(self, next_runs: Mapping[str, datetime | None]) -> int:
        given = {row["id"]: next_runs[row["id"]] for row in self._rows(next_runs)}
        changed = {key: tick for key, tick in given.items() if self.next_runs.get(key) != tick}
        self.next_runs |= changed
        return len(changed)

    def reject(self, rejections: Mapping[str, str], *, without_owner: Collection[str] = ()) -> int:
        changed = 0
        for row in self._rows(rejections):
            unknown = row["status"] not in list(Status)
            fresh = row["status"] in {"ACTIVE", "PAUSED"} or (unknown and row["error_cause"] != "rejected")
            again = row["error_cause"] == "rejected" and self.errors.get(row["id"]) != rejections[row["id"]]
            if fresh:
                self.graves[row["id"]] = self.now()
                if not unknown:
                    self.before[row["id"]] = row["status"]
                    row["status"] = "ERROR"
                row |= {"error_cause": "rejected", "tombstone": "rejected"}
                self.untold[row["id"]] = None
                self.kept.discard(row["id"])
                self.kept |= {row["id"]} & set(without_owner)
            if fresh or again:
                self.errors[row["id"]] = rejections[row["id"]]
                self.next_runs[row["id"]] = None
                changed += 1
        return changed

    def readmit(self, report_ids: Collection[str]) -> int:
        changed = 0
        for row in self._rows(report_ids):
            if row["tombstone"] == "rejected":
                self.lift([row["id"]])
            if row["error_cause"] == "rejected":
                if row["status"] == "ERROR":
                    row["status"] = self.before.pop(row["id"], "ACTIVE")
                row["error_cause"] = None
                if row["id"] not in self.kept:
                    row["effective_from"] = self.now().isoformat()
                self.kept.discard(row["id"])
                self.untold.pop(row["id"], None)
                self.errors.pop(row["id"], None)
                changed += 1
        return changed

    def untold_rejections(self, *, limit: int) -> Mapping[str, str | None]:
        rejected = {row["id"] for row in self.definitions.content if row["error_cause"] == "rejected"}
        return dict(sorted((key, value) for key, value in self.untold.items() if key in rejected)[:limit])

    def name_notice(self, report_ids: Collection[str], notice: str) -> None:
        self.untold |= dict.fromkeys(set(report_ids) & self.untold.keys(), notice)

    def told(self, report_ids: Collection[str]) -> None:
        for report_id in report_ids:
            self.untold.pop(report_id, None)

    def give_up(self, report_id: str) -> bool:
        (row,) = self._rows([report_id])
        if row["status"] != "ACTIVE" or not row["is_active"]:
            return False
        self.before[report_id] = row["status"]
        row |= {"status": "ERROR", "error_cause": "failing"}
        self.given_up[report_id] = _definition(row)
        self.next_runs[report_id] = None
        return True

    def resume_edited(self) -> int:
        changed = 0
        for row in self._rows(self.given_up):
            failing = row["status"] == "ERROR" and row["error_cause"] == "failing"
            if failing and self.given_up[row["id"]] != _definition(row):
                row |= {"status": self.before.pop(row["id"]), "error_cause": None}
                row["effective_from"] = self.now().isoformat()
                changed += 1
        return changed

    def calendars_in_use(self) -> list[CalendarInUse]:
        since: dict[str, datetime] = {}
        for row in self.definitions.content:
            code = (row.get("options") or {}).get("calendar")
            if isinstance(code, str) and (row["workspace_id"], code) not in self.definitions.calendars:
                effective = datetime.fromisoformat(row["effective_from"])
                since[code] = min(effective, since.get(code, effective))
        return [
            CalendarInUse(code=code, since=since[code], **self.covered.get(code, NOT_COVERED)) for code in sorted(since)
        ]

    def keep_calendar(self, calendar: CountryCalendar) -> None:
        self.definitions.calendars["", calendar.code] = calendar.as_json
        self.covered[calendar.code] = {name: getattr(calendar, name) for name in NOT_COVERED}

    def tombstones(self, *, limit: int) -> list[Tombstone]:
        oldest = sorted(self.graves.items(), key=lambda item: (item[1], item[0]))
        return [Tombstone(report_id=report_id, since=since) for report_id, since in oldest[:limit]]

    def lift(self, report_ids: Collection[str]) -> None:
        for report_id in report_ids:
            self.graves.pop(report_id, None)
        for row in self._rows(report_ids):
            row["tombstone"] = None

    def correct_effective(self) -> int:
        latest = self.now() + timedelta(minutes=1)
        ahead = [row for row in self.definitions.content if _moment(row.get("effective_from")) > latest]
        for row in ahead:
            row["effective_from"] = self.now().isoformat()
        return len(ahead)

    def checked(self) -> Mapping[str, datetime]:
        return dict(self.checked_to)

    def decided(self, since: Mapping[str, datetime]) -> Mapping[str, frozenset[datetime]]:
        runs = self.record.runs.items() if self.record else ()
        ticks = [(key.report_id, run.row["scheduled_for"]) for key, run in runs if run.row["kind"] in AUTOMATED]
        ticks += [(key.report_id, due.tick) for key, due in self.due.items()]
        found = {one: frozenset(tick for key, tick in ticks if key == one and tick > since[one]) for one in since}
        return {report_id: of_report for report_id, of_report in found.items() if of_report}

    def set_checked(self, ticks: Mapping[str, datetime]) -> None:
        self.checked_to |= ticks

    def unbegun(self, report_ids: Collection[str]) -> frozenset[str]:
        begun = self.record.runs if self.record else {}
        return frozenset(key.report_id for key in self.due if key not in begun and key.report_id in report_ids)

    def decide(self, decision: Decision) -> bool:
        row = self.definitions.row(decision.report_id)
        checked = self.checked_to.get(decision.report_id)
        if (
            row is None
            or _moment(row["effective_from"]) != decision.effective_from
            or (checked is not None and checked >= decision.checked_to)
        ):
            return False
        self.checked_to[decision.report_id] = decision.checked_to
        if decision.catches_up:
            (kept,) = self._rows([decision.report_id])
            kept["caught_up_to"] = decision.checked_to.isoformat()
        for tick in decision.due:
            key = RunKey(report_id=decision.report_id, run_id=late_run_id(tick))
            self.due.setdefault(key, DueTick(tick=tick, decided_at=self.now()))
        if decision.missed is not None:
            self.missed.append(decision)
        return True

    def waiting(self, *, limit: int, each: int) -> Sequence[tuple[RunKey, datetime]]:
        waiting = {key: due for key, due in self.due.items() if key not in self.started}
        for key in [key for key, due in waiting.items() if self._is_void(key, due)]:
            del self.due[key], waiting[key]
        waiting = {key: due for key, due in waiting.items() if key.report_id not in self.kept}
        by_tick = sorted(waiting, key=lambda key: waiting[key].tick)
        position = {key: sum(one.report_id == key.report_id for one in by_tick[:at]) for at, key in enumerate(by_tick)}
        first = sorted((key for key in by_tick if position[key] < each), key=lambda key: position[key])
        return [(key, waiting[key].tick) for key in first[:limit]]

    def mark_started(self, keys: Collection[RunKey]) -> None:
        self.started |= set(keys)

    def _is_void(self, key: RunKey, due: DueTick) -> bool:
        row = self.definitions.row(key.report_id)
        scheduled = row is not None and row["is_active"] and row["status"] == Status.ACTIVE
        if row is None or not (scheduled or key.report_id in self.kept):
            return True
        return _moment(changed_at(row)) > due.decided_at

    def _rows(self, report_ids: Collection[str]) -> list[Row]:
        return [row for row in self.definitions.content if row["id"] in report_ids]


@dataclass
class MemoryOrchestrator:
    """Port `Orchestrator`: every report has *every* open runs; *runs* are open; keeps the ids it was asked for.

    Airflow has a DAG for the reports in *plans*.
    """

    every: int = 0
    runs: set[RunKey] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)
    plans: dict[str, Plan] = field(default_factory=dict)
    created: dict[RunKey, datetime] = field(default_factory=dict)

    def open_runs(self, report_id: str) -> int:
        self.asked.append(report_id)
        return self.every

    def is_open(self, key: RunKey) -> bool:
        return key in self.runs

    def plan(self, report_id: str) -> Plan | None:
        return self.plans.get(report_id)

    def start(self, key: RunKey, tick: datetime) -> None:
        self.created.setdefault(key, tick)


def _moment(text: str | None) -> datetime:
    return datetime.fromisoformat(text) if text else datetime.min.replace(tzinfo=UTC)


def _definition(row: Row) -> dict[str, Any]:
    ours = {"status", "is_active", "error_cause", "effective_from", "tombstone"}
    return deepcopy({name: value for name, value in row.items() if name not in ours})
