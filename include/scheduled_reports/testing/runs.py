"""The fakes of the ports, for tests and for `preview`: everything in this process, nothing outside it."""

from __future__ import annotations

from contextlib import contextmanager
from copy import deepcopy
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from threading import Lock
from typing import TYPE_CHECKING, Any

from ..domain.delivery import Delivery, DeliveryState
from ..domain.errors import MailStoppedError, PermanentError, RecipientRefusedError
from ..domain.naming import execution_id, run_key
from ..domain.run import Brief, RunKey, RunKind, RunState
from ..domain.shards import Shard
from ..ports.runs import Snapshot, Standing, Unsettled
from ..ports.upkeep import Health, Tombstone
from ..reports.frozen_run import thaw
from ..settings import Settings
from .metrics import MemoryMeter
from .retention import Kept, MemoryRetention
from .storage import MemoryStaging, MemoryStore

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    import pyarrow as pa

    from ..domain.formats import Format
    from ..domain.report import Recipients, Row
    from ..domain.run import Act, Artifact, Outcome, Run
    from ..ports.metrics import Meter
    from ..ports.reports import Definitions
    from ..ports.retention import Retention
    from ..ports.runs import Opening
    from ..ports.source import Scope, Source
    from ..ports.storage import Staging
    from ..ports.upkeep import Housekeeping


BRIEF = tuple(one.name for one in fields(Brief))
LOST = "its sender ended before the outcome was known"


@dataclass
class MemoryDefinitions:
    """Port `Definitions` on a list of rows."""

    content: list[Row] = field(default_factory=list)
    addresses: dict[str, frozenset[str]] = field(default_factory=dict)

    def rows(self, *, limit: int, workspace_id: str | None = None, shard: Shard | None = None) -> list[Row]:
        """Every report and tombstone, or those of a workspace or of a shard, ordered by id, at most *limit*."""
        wanted = [
            row
            for row in self.content
            if (workspace_id is None or (row["workspace_id"] == workspace_id and not row["deleted"]))
            and (shard is None or shard == Shard.holding(str(row["id"]), shard.of))
        ]
        return sorted(wanted, key=lambda row: str(row["id"]))[:limit]

    def digests(self, shards: int, *, limit: int, only: int | None = None) -> dict[int, str]:
        """What tells whether the rows of a shard have changed, by its number; one without rows has none."""
        numbers = range(shards) if only is None else (only,)
        found = {number: self.rows(limit=limit, shard=Shard(number=number, of=shards)) for number in numbers}
        return {number: repr(rows) for number, rows in found.items() if rows}

    def row(self, report_id: str) -> Row | None:
        """One report, or None where there is no such row."""
        return next((row for row in self.content if row["id"] == report_id and not row["deleted"]), None)

    def members(self, workspace_id: str, addresses: Collection[str]) -> frozenset[str]:
        """Which of *addresses* (lower case) belong to members of the workspace."""
        return self.addresses.get(workspace_id, frozenset()) & frozenset(addresses)


@dataclass
class MemorySource:
    """Port `Source`: answers each query with what *answer* makes of it and its scope."""

    answer: Callable[[str, Scope], pa.Table]

    @contextmanager
    def stream(self, sql: str, scope: Scope) -> Iterator[pa.RecordBatchReader]:
        """Answer one query."""
        yield self.answer(sql, scope).to_reader()


@dataclass
class MemoryMailer:
    """Port `Mailer`: keeps what was sent; raises *error* instead where one is set."""

    sent: list[tuple[str, Recipients, bytes]] = field(default_factory=list)
    error: Exception | None = None
    refuses: frozenset[str] = frozenset()

    def send(self, sender: str, recipients: Recipients, raw: bytes, *, tags: Mapping[str, str]) -> str:  # noqa: ARG002
        """Keep one message; returns its number."""
        if self.error is not None:
            raise self.error
        if wrong := [address for address in recipients if address in self.refuses]:
            raise RecipientRefusedError(wrong)
        self.sent.append((sender, recipients, raw))
        return f"memory-{len(self.sent)}"


@dataclass
class MemoryLedger:
    """Port `Ledger` in a dictionary."""

    held: dict[tuple[RunKey, str], Delivery] = field(default_factory=dict)
    order: list[tuple[RunKey, str]] = field(default_factory=list)
    stopped: bool = False
    #: Called when a sender comes back; MemoryRuns opens the run again.
    reopen: Callable[[RunKey], None] = lambda _: None
    lock: Lock = field(default_factory=Lock, repr=False)

    def claim(self, delivery: Delivery) -> Delivery | None:
        """Claim a message; None when the claim is ours, otherwise what the ledger holds of it already."""
        if self.stopped:
            raise MailStoppedError("all mail is stopped")
        with self.lock:
            held = self.held.get((delivery.key, delivery.message))
            if held is not None and not (held.state is DeliveryState.REFUSED and not held.refused):
                return held
            self.held[delivery.key, delivery.message] = replace(delivery, state=DeliveryState.CLAIMED)
            self.order.append((delivery.key, delivery.message))
        return None

    def finish(self, delivery: Delivery) -> None:
        """Write down how a claimed message ended; nothing changes what was sent."""
        if self.held[delivery.key, delivery.message].state is not DeliveryState.SENT:
            self.held[delivery.key, delivery.message] = delivery
        if not delivery.is_notice:
            self.reopen(delivery.key)

    def of(self, key: RunKey) -> tuple[Delivery, ...]:
        """The messages of a run, notices to its owner among them, ordered by message."""
        return tuple(
            held for (owner, _), held in sorted(self.held.items(), key=lambda item: item[0][1]) if owner == key
        )


@dataclass
class Recorded:
    """What MemoryRuns keeps of one run."""

    row: dict[str, Any]
    clear_number: int
    retention: Kept
    touched_at: datetime
    formats: tuple[Format, ...] = ()
    errors: dict[Format, str] = field(default_factory=dict)
    artifacts: dict[Format, Artifact] = field(default_factory=dict)
    counted: RunState | None = None
    told: bool = False

    @property
    def settled(self) -> bool:
        """Whether no stage has written anything down since it was settled."""
        return self.retention.settled_at is not None

    @property
    def counts(self) -> bool:
        """Whether it says how the report does."""
        kind = self.row["kind"]
        return self.counted is not None and (
            kind is RunKind.SCHEDULED or (kind is RunKind.MANUAL and self.row["frozen"] is not None)
        )


@dataclass
class MemoryRuns:
    """Port `Runs` in a dictionary; *counters* are those of scheduled_reports."""

    ledger: MemoryLedger
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    #: Since when a report's schedule is effective.
    effective: Callable[[str], datetime] = lambda _: datetime.min.replace(tzinfo=UTC)
    runs: dict[RunKey, Recorded] = field(default_factory=dict)
    counters: dict[str, dict[str, Any]] = field(default_factory=dict)
    acts: dict[RunKey, Act] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.ledger.reopen = self._reopen

    def ask(self, opening: Opening, act: Act) -> bool:
        """Note a run that somebody asks for; False while another run of the report is under way."""
        if any(key.report_id == opening.key.report_id and not run.settled for key, run in self.runs.items()):
            return False
        self.runs[opening.key] = self._recorded(None, _row(opening) | {"state": "running"}, opening, opening.formats)
        self.acts[opening.key] = act
        return True

    def withdraw(self, key: RunKey) -> None:
        """Forget a run that was asked for and that Airflow did not take."""
        held = self.runs.get(key)
        if held is not None and held.row["frozen"] is None and held.row["state"] == RunState.RUNNING:
            del self.runs[key], self.acts[key]

    def open(self, opening: Opening) -> None:
        """Freeze the run and open its executions, once per clear; a retry finds what is frozen."""
        held = self.runs.get(opening.key)
        if held and held.row["frozen"] is not None and opening.clear_number <= held.clear_number:
            return
        frozen = deepcopy({"row": opening.row, "request": dict(opening.request)})
        row = _row(opening) | {"state": "running", "frozen": frozen}
        if held and any(not one.is_notice for one in self.ledger.of(opening.key)):
            row["mail"] = held.row["mail"]
        self.runs[opening.key] = self._recorded(held, row, opening, opening.formats)

    def is_open(self, key: RunKey, clear_number: int) -> bool:
        """Whether `query` has frozen the run since it was last cleared."""
        held = self.runs.get(key)
        return held is not None and held.row["frozen"] is not None and held.clear_number >= clear_number

    def refuse(self, opening: Opening, reason: str, *, skipped: bool) -> None:
        """Note a run that must not or cannot happen, with the reason."""
        state = RunState.SKIPPED if skipped else RunState.FAILED
        formats = opening.formats if opening.row and not skipped else ()
        held = self.runs.get(opening.key)
        row = _row(opening) | {"state": state, "reason": reason}
        self.runs[opening.key] = self._recorded(held, row, opening, formats)
        self.runs[opening.key].errors = dict.fromkeys(formats, reason)

    def _recorded(
        self, held: Recorded | None, row: dict[str, Any], opening: Opening, formats: tuple[Format, ...]
    ) -> Recorded:
        return Recorded(
            row,
            opening.clear_number,
            self._kept(held),
            self.now(),
            formats,
            counted=held.counted if held else None,
        )

    def abandon(self, opening: Opening, reason: str) -> None:
        """As `refuse`, for a run that `query` never wrote down; nothing happens where it did."""
        if opening.key not in self.runs:
            self.refuse(opening, reason, skipped=False)

    def load(self, key: RunKey) -> Run:
        """The frozen run; PermanentError where `query` has not frozen it."""
        held = self.runs.get(key)
        if held is None or held.row["frozen"] is None:
            raise PermanentError("this run was never frozen: clear it from query")
        return thaw(key, held.row)

    def note_brief(self, key: RunKey, brief: Brief) -> None:
        """Note what a mail shows of the data."""
        self.runs[key].row |= asdict(brief)

    def progress(self, key: RunKey, chosen: Format | None, percent: int, *, attempt: int = 1) -> None:  # noqa: ARG002
        """Note that a format (or every format) is at work again."""
        self.runs[key].retention.at_work = True
        for one in self.runs[key].formats if chosen is None else (chosen,):
            self.runs[key].errors.pop(one, None)
        self._reopen(key)

    def fail(self, key: RunKey, chosen: Format | None, error: str) -> None:
        """Note why a format (or every format) has failed so far."""
        for one in self.runs[key].formats if chosen is None else (chosen,):
            self.runs[key].errors[one] = error
        self._reopen(key)

    def uploaded(self, key: RunKey, artifact: Artifact) -> None:
        """Note a file that S3 holds whole."""
        self.runs[key].artifacts[artifact.format] = artifact
        self.runs[key].retention.upload(artifact.format, self.now())
        self._reopen(key)

    def adopt(self, key: RunKey, earlier: RunKey) -> None:
        """Make the files and the brief of an earlier run this one's too."""
        for artifact in self.artifacts(earlier):
            if artifact.format in self.runs[key].formats:
                self.uploaded(key, replace(artifact, execution_id=execution_id(key, artifact.format)))
        self.runs[key].row |= {name: self.runs[earlier].row[name] for name in BRIEF}

    def artifacts(self, key: RunKey) -> Sequence[Artifact]:
        """What S3 holds of a run, ordered by format."""
        if key not in self.runs:
            return ()
        return tuple(
            artifact for artifact in self._made(key) if artifact.format not in self.runs[key].retention.deleted
        )

    def fix_mail(self, key: RunKey, plan: Mapping[str, Any]) -> Mapping[str, Any]:
        """Keep *plan* as the run's mail unless one is kept already; return the one that is."""
        if self.runs[key].row["mail"] is None:
            self.runs[key].row["mail"] = plan
        kept: Mapping[str, Any] = self.runs[key].row["mail"]
        return kept

    def note_mail(self, key: RunKey, error: str | None) -> None:
        """Note why the mail has failed so far before a message was claimed; None when it is tried again."""
        self.runs[key].row["mail_error"] = error
        self._reopen(key)

    def settle(self, key: RunKey, decide: Callable[[Snapshot], Outcome], next_run: datetime | None) -> Outcome:
        """Write down what *decide* makes of the run; counters move once per run however often this is called."""
        held = self.runs.get(key)
        if held is None:
            raise PermanentError("there is no such run")
        frozen = held.row["frozen"] is not None
        self._forget_claims(key)
        outcome = decide(
            Snapshot(
                frozen=frozen,
                reason=None if frozen else held.row["reason"],
                skipped=not frozen and held.row["state"] == RunState.SKIPPED,
                formats=held.formats,
                errors=held.errors,
                artifacts=self._made(key),
                mail=held.row["mail"],
                mail_error=held.row["mail_error"],
                deliveries=tuple(one for one in self.ledger.of(key) if not one.is_notice),
            )
        )
        held.row |= {"state": outcome.state, "reason": outcome.reason}
        held.told = outcome.state is RunState.SKIPPED
        news = self._count(key, held, outcome)
        held.retention.settle(self.now())
        self.counters.setdefault(key.report_id, {})["next_run"] = next_run
        return replace(outcome, news=RunKind(held.row["kind"]) if news else None)

    def unsettled(self, *, limit: int) -> list[Unsettled]:
        """The runs that are not settled, the longest silent first."""
        open_ = [Unsettled(key=key, touched_at=run.touched_at) for key, run in self.runs.items() if not run.settled]
        return sorted(open_, key=lambda run: run.touched_at)[:limit]

    def untold(self, *, limit: int) -> list[RunKey]:
        """The settled runs of which it is not decided yet whether to tell the owner."""
        return [key for key, run in self.runs.items() if run.settled and not run.told][:limit]

    def told(self, key: RunKey) -> None:
        """Note that nothing is left to tell of a run as it is settled now."""
        self.runs[key].told = self.runs[key].settled

    def standing(self, report_id: str) -> Standing:
        """How the report does: its newest runs, and what its owner was told last."""
        ended = sorted(
            (
                (run.retention.started_at, key.run_id, run)
                for key, run in self.runs.items()
                if key.report_id == report_id
            ),
            key=lambda item: item[:2],
            reverse=True,
        )
        counting = [(run_id, run) for _, run_id, run in ended if run.counts]
        failed = list(takewhile(lambda item: item[1].counted is RunState.FAILED, counting))
        notices = [
            one
            for key in self.runs
            for one in self.ledger.of(key)
            if key.report_id == report_id and one.is_notice and one.state is not DeliveryState.REFUSED
        ]
        told = max(notices, key=lambda one: _last(self.ledger.order, (one.key, one.message)), default=None)
        since = self.effective(report_id)
        return Standing(
            streak=sum(run.retention.started_at > since for _, run in failed),
            told=told.message if told else None,
            told_lately=told is not None and self.runs[told.key].retention.started_at > since,
            newest=RunKey(report_id=report_id, run_id=counting[0][0]) if counting else None,
            failed=counting[0][1].counted is RunState.FAILED if counting else None,
            reason=counting[0][1].row["reason"] if counting else None,
        )

    def _reopen(self, key: RunKey) -> None:
        held = self.runs.get(key)
        if held is not None and held.row["frozen"] is not None:
            held.row["state"], held.touched_at, held.retention.settled_at = RunState.RUNNING, self.now(), None

    def _forget_claims(self, key: RunKey) -> None:
        for one in self.ledger.of(key):
            if one.state is DeliveryState.CLAIMED and not one.is_notice:
                self.ledger.held[key, one.message] = replace(one, state=DeliveryState.UNKNOWN, error=LOST)

    def _count(self, key: RunKey, held: Recorded, outcome: Outcome) -> bool:
        """Move the counters; returns whether this outcome is counted now and was not before."""
        if outcome.state is RunState.SKIPPED or held.row["test"]:
            return outcome.state is RunState.SKIPPED and not held.settled
        counters = self.counters.setdefault(key.report_id, {})
        for name, state in (("success_count", RunState.SUCCESS), ("failure_count", RunState.FAILED)):
            moved = (outcome.state is state) - (held.counted is state)
            counters[name] = counters.get(name, 0) + moved
        counters["run_count"] = counters.get("run_count", 0) + (held.counted is None)
        counters |= {"last_run_status": str(outcome.state), "last_error": outcome.reason}
        before, held.counted = held.counted, outcome.state
        return before is not outcome.state

    def _kept(self, held: Recorded | None) -> Kept:
        return Kept(started_at=held.retention.started_at if held else self.now())

    def _made(self, key: RunKey) -> tuple[Artifact, ...]:
        return tuple(artifact for _, artifact in sorted(self.runs[key].artifacts.items()))

    def execution_ids(self, key: RunKey) -> tuple[str, ...]:
        """The executions of a run, as report_executions would name them."""
        return tuple(execution_id(key, one) for one in self.runs[key].formats)


@dataclass
class MemoryHousekeeping:
    """Port `Housekeeping` on the rows of MemoryDefinitions."""

    definitions: MemoryDefinitions
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    next_runs: dict[str, datetime | None] = field(default_factory=dict)
    graves: dict[str, datetime] = field(default_factory=dict)
    before: dict[str, str] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    given_up: dict[str, dict[str, Any]] = field(default_factory=dict)
    record: MemoryRuns | None = None

    def health(self, *, stuck_before: datetime, since: datetime) -> Health:  # noqa: ARG002 - no delivery is that old
        """How the whole does."""
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
        """The newest tick that each report has begun with."""
        runs = self.record.runs.items() if self.record else ()
        ticks = [(key.report_id, run.row["scheduled_for"]) for key, run in runs if run.row["kind"] is RunKind.SCHEDULED]
        return {one: max(tick for report, tick in ticks if report == one) for one, _ in ticks if one in report_ids}

    def set_next_runs(self, next_runs: Mapping[str, datetime | None]) -> int:
        """Keep what differs."""
        given = {row["id"]: next_runs[row["id"]] for row in self._rows(next_runs)}
        changed = {key: tick for key, tick in given.items() if self.next_runs.get(key) != tick}
        self.next_runs |= changed
        return len(changed)

    def reject(self, rejections: Mapping[str, str]) -> int:
        """Set rows to ERROR with their reasons."""
        changed = 0
        for row in self._rows(rejections):
            fresh = row["status"] in {"ACTIVE", "PAUSED"}
            again = row["error_cause"] == "rejected" and self.errors.get(row["id"]) != rejections[row["id"]]
            if fresh:
                self.before[row["id"]] = row["status"]
                self.graves[row["id"]] = self.now()
                row |= {"status": "ERROR", "error_cause": "rejected", "tombstone": "rejected"}
            if fresh or again:
                self.errors[row["id"]] = rejections[row["id"]]
                self.next_runs[row["id"]] = None
                changed += 1
        return changed

    def readmit(self, report_ids: Collection[str]) -> int:
        """Take rows out of ERROR."""
        changed = 0
        for row in self._rows(report_ids):
            if row["tombstone"] == "rejected":
                self.lift([row["id"]])
            if row["status"] == "ERROR" and row["error_cause"] == "rejected":
                row |= {"status": self.before.pop(row["id"], "ACTIVE"), "error_cause": None}
                row["effective_from"] = self.now().isoformat()
                self.errors.pop(row["id"], None)
                changed += 1
        return changed

    def give_up(self, report_id: str) -> bool:
        """Set a scheduled row to ERROR."""
        (row,) = self._rows([report_id])
        if row["status"] != "ACTIVE" or not row["is_active"]:
            return False
        self.before[report_id] = row["status"]
        row |= {"status": "ERROR", "error_cause": "failing"}
        self.given_up[report_id] = _definition(row)
        self.next_runs[report_id] = None
        return True

    def resume_edited(self) -> int:
        """Take those back that were edited since."""
        changed = 0
        for row in self._rows(self.given_up):
            failing = row["status"] == "ERROR" and row["error_cause"] == "failing"
            if failing and self.given_up[row["id"]] != _definition(row):
                row |= {"status": self.before.pop(row["id"]), "error_cause": None}
                row["effective_from"] = self.now().isoformat()
                changed += 1
        return changed

    def tombstones(self, *, limit: int) -> list[Tombstone]:
        """The oldest tombstones."""
        oldest = sorted(self.graves.items(), key=lambda item: (item[1], item[0]))
        return [Tombstone(report_id=report_id, since=since) for report_id, since in oldest[:limit]]

    def lift(self, report_ids: Collection[str]) -> None:
        """Remove tombstones."""
        for report_id in report_ids:
            self.graves.pop(report_id, None)
        for row in self._rows(report_ids):
            row["tombstone"] = None

    def _rows(self, report_ids: Collection[str]) -> list[Row]:
        return [row for row in self.definitions.content if row["id"] in report_ids]


@dataclass
class MemoryOrchestrator:
    """Port `Orchestrator`: *every* report has so many open runs; *runs* are open; keeps who was asked for."""

    every: int = 0
    runs: set[RunKey] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)

    def open_runs(self, report_id: str) -> int:
        """How many runs of a report are open."""
        self.asked.append(report_id)
        return self.every

    def is_open(self, key: RunKey) -> bool:
        """Whether one run is open."""
        return key in self.runs


@dataclass
class MemoryWorld:
    """All ports, faked."""

    source: Source
    settings: Settings = field(default_factory=Settings)
    definitions: Definitions = field(default_factory=MemoryDefinitions)
    staging: Staging = field(default_factory=MemoryStaging)
    store: MemoryStore = field(default_factory=MemoryStore)
    mailer: MemoryMailer = field(default_factory=MemoryMailer)
    ledger: MemoryLedger = field(default_factory=MemoryLedger)
    meter: Meter = field(default_factory=MemoryMeter)
    runs: MemoryRuns = field(init=False)
    housekeeping: Housekeeping = field(init=False)
    retention: Retention = field(init=False)
    moment: datetime = datetime(2026, 5, 10, 9, 0, tzinfo=UTC)

    def __post_init__(self) -> None:
        self.runs = MemoryRuns(self.ledger, now=self.now, effective=self._effective)
        if isinstance(self.staging, MemoryStaging):
            self.staging.now = self.now
        rows = self.definitions if isinstance(self.definitions, MemoryDefinitions) else MemoryDefinitions()
        self.housekeeping = MemoryHousekeeping(rows, self.now, record=self.runs)
        self.retention = MemoryRetention(self.runs, rows, self.now)

    def now(self) -> datetime:
        """The moment set."""
        return self.moment

    def wait(self, seconds: float) -> None:
        """Let some seconds pass at once."""
        self.moment += timedelta(seconds=seconds)

    def _effective(self, report_id: str) -> datetime:
        row = self.definitions.row(report_id)
        return datetime.fromisoformat(row["effective_from"]) if row else datetime.min.replace(tzinfo=UTC)


def _definition(row: Row) -> dict[str, Any]:
    ours = {"status", "is_active", "error_cause", "effective_from", "tombstone"}
    return deepcopy({name: value for name, value in row.items() if name not in ours})


def _last(items: Sequence[object], wanted: object) -> int:
    """Where *wanted* stands last."""
    return max(number for number, item in enumerate(items) if item == wanted)


def _row(opening: Opening) -> dict[str, Any]:
    return {
        "run_key": run_key(opening.key.run_id),
        "kind": opening.kind,
        "scheduled_for": opening.scheduled_for,
        "triggered_by": opening.triggered_by,
        "test": bool(opening.request.get("test")),
        "reason": None,
        "frozen": None,
        "mail": None,
        "mail_error": None,
        **dict.fromkeys(BRIEF),
    }
