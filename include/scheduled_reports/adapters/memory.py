"""The fakes of the ports, for tests and for `preview`: everything in this process, nothing outside it."""

from __future__ import annotations

from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from threading import Lock
from typing import TYPE_CHECKING, Any

from ..errors import PermanentError
from ..model import Delivery, DeliveryState, Format, RunState
from ..naming import execution_id, run_key
from ..ports import Snapshot, Tombstone
from ..settings import Settings
from ..thaw import thaw
from .memory_files import MemoryStaging, MemoryStore
from .memory_retention import Kept, MemoryRetention

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    import pyarrow as pa

    from ..definitions import Row
    from ..model import Artifact, Outcome, Recipients, Run, RunKey
    from ..ports import Definitions, Housekeeping, Opening, Retention, Scope, Source, Staging


@dataclass
class MemoryDefinitions:
    """Port `Definitions` on a list of rows."""

    content: list[Row] = field(default_factory=list)
    addresses: dict[str, frozenset[str]] = field(default_factory=dict)

    def rows(self, *, limit: int) -> list[Row]:
        """Every report and tombstone, ordered by id, at most *limit*."""
        return sorted(self.content, key=lambda row: str(row["id"]))[:limit]

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

    def send(self, sender: str, recipients: Recipients, raw: bytes) -> str:
        """Keep one message; returns its number."""
        if self.error is not None:
            raise self.error
        self.sent.append((sender, recipients, raw))
        return f"memory-{len(self.sent)}"


@dataclass
class MemoryLedger:
    """Port `Ledger` in a dictionary."""

    held: dict[tuple[RunKey, str], Delivery] = field(default_factory=dict)
    lock: Lock = field(default_factory=Lock, repr=False)

    def claim(self, delivery: Delivery) -> Delivery | None:
        """Claim a message; None when the claim is ours, otherwise what the ledger holds of it already."""
        with self.lock:
            held = self.held.get((delivery.key, delivery.message))
            if held is not None and held.state is not DeliveryState.REFUSED:
                return held
            self.finish(replace(delivery, state=DeliveryState.CLAIMED))
        return None

    def finish(self, delivery: Delivery) -> None:
        """Write down how a claimed message ended."""
        self.held[delivery.key, delivery.message] = delivery

    def of(self, key: RunKey) -> tuple[Delivery, ...]:
        """What is held of a run, ordered by message."""
        return tuple(
            held for (owner, _), held in sorted(self.held.items(), key=lambda item: item[0][1]) if owner == key
        )


@dataclass
class Recorded:
    """What MemoryRuns keeps of one run."""

    row: dict[str, Any]
    clear_number: int
    retention: Kept
    formats: tuple[Format, ...] = ()
    errors: dict[Format, str] = field(default_factory=dict)
    artifacts: dict[Format, Artifact] = field(default_factory=dict)
    counted: RunState | None = None


@dataclass
class MemoryRuns:
    """Port `Runs` in a dictionary; *counters* are those of scheduled_reports."""

    ledger: MemoryLedger
    runs: dict[RunKey, Recorded] = field(default_factory=dict)
    counters: dict[str, dict[str, Any]] = field(default_factory=dict)
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    def open(self, opening: Opening) -> None:
        """Freeze the run and open its executions, once per clear; a retry finds what is frozen."""
        held = self.runs.get(opening.key)
        if held and held.row["frozen"] is not None and opening.clear_number <= held.clear_number:
            return
        frozen = deepcopy({"row": opening.row, "request": dict(opening.request)})
        row = _row(opening) | {"state": "running", "frozen": frozen}
        if held and self.ledger.of(opening.key):
            row["mail"] = held.row["mail"]
        counted = held.counted if held else None
        self.runs[opening.key] = Recorded(row, opening.clear_number, self._kept(held), opening.formats, counted=counted)

    def is_open(self, key: RunKey, clear_number: int) -> bool:
        """Whether `query` has frozen the run since it was last cleared."""
        held = self.runs.get(key)
        return held is not None and held.row["frozen"] is not None and held.clear_number >= clear_number

    def refuse(self, opening: Opening, reason: str, *, skipped: bool) -> None:
        """Note a run that must not or cannot happen, with the reason."""
        state = RunState.SKIPPED if skipped else RunState.FAILED
        formats = opening.formats if opening.row and not skipped else ()
        held = self.runs.get(opening.key)
        counted = held.counted if held else None
        self.runs[opening.key] = Recorded(
            _row(opening) | {"state": state, "reason": reason},
            opening.clear_number,
            self._kept(held),
            formats,
            errors=dict.fromkeys(formats, reason),
            counted=counted,
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

    def note_rows(self, key: RunKey, data_rows: int) -> None:
        """Note the rows of the main dataset that hold data."""
        self.runs[key].row["data_rows"] = data_rows

    def progress(self, key: RunKey, chosen: Format | None, percent: int, *, attempt: int = 1) -> None:  # noqa: ARG002
        """Note that a format (or every format) is at work again."""
        self.runs[key].retention.at_work = True
        for one in self.runs[key].formats if chosen is None else (chosen,):
            self.runs[key].errors.pop(one, None)

    def fail(self, key: RunKey, chosen: Format | None, error: str) -> None:
        """Note why a format (or every format) has failed so far."""
        for one in self.runs[key].formats if chosen is None else (chosen,):
            self.runs[key].errors[one] = error

    def uploaded(self, key: RunKey, artifact: Artifact) -> None:
        """Note a file that S3 holds whole."""
        self.runs[key].artifacts[artifact.format] = artifact
        self.runs[key].retention.upload(artifact.format, self.now())

    def artifacts(self, key: RunKey) -> Sequence[Artifact]:
        """What S3 holds of a run, ordered by format."""
        return tuple(
            artifact for artifact in self._made(key) if artifact.format not in self.runs[key].retention.deleted
        )

    def fix_mail(self, key: RunKey, plan: Mapping[str, Any]) -> Mapping[str, Any]:
        """Keep *plan* as the run's mail unless one is kept already; return the one that is."""
        if self.runs[key].row["mail"] is None:
            self.runs[key].row["mail"] = plan
        kept: Mapping[str, Any] = self.runs[key].row["mail"]
        return kept

    def settle(self, key: RunKey, decide: Callable[[Snapshot], Outcome], next_run: datetime | None) -> Outcome:
        """Write down what *decide* makes of the run; counters move once per run however often this is called."""
        held = self.runs.get(key)
        if held is None:
            raise PermanentError("there is no such run")
        run = self.load(key) if held.row["frozen"] else None
        outcome = decide(
            Snapshot(
                run=run,
                reason=held.row["reason"] if run is None else None,
                skipped=run is None and held.row["state"] == RunState.SKIPPED,
                formats=held.formats,
                errors=held.errors,
                artifacts=self._made(key),
                mail=held.row["mail"],
                deliveries=self.ledger.of(key),
            )
        )
        held.row |= {"state": outcome.state, "reason": outcome.reason}
        held.retention.settle(self.now())
        self._count(key, held, outcome)
        self.counters.setdefault(key.report_id, {})["next_run"] = next_run
        return outcome

    def _count(self, key: RunKey, held: Recorded, outcome: Outcome) -> None:
        if outcome.state is RunState.SKIPPED:
            return
        counters = self.counters.setdefault(key.report_id, {})
        for name, state in (("success_count", RunState.SUCCESS), ("failure_count", RunState.FAILED)):
            moved = (outcome.state is state) - (held.counted is state)
            counters[name] = counters.get(name, 0) + moved
        counters["run_count"] = counters.get("run_count", 0) + (held.counted is None)
        counters |= {"last_run_status": str(outcome.state), "last_error": outcome.reason}
        held.counted = outcome.state

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
class MemoryWorld:
    """All ports, faked."""

    source: Source
    settings: Settings = field(default_factory=Settings)
    definitions: Definitions = field(default_factory=MemoryDefinitions)
    staging: Staging = field(default_factory=MemoryStaging)
    store: MemoryStore = field(default_factory=MemoryStore)
    mailer: MemoryMailer = field(default_factory=MemoryMailer)
    ledger: MemoryLedger = field(default_factory=MemoryLedger)
    runs: MemoryRuns = field(init=False)
    housekeeping: Housekeeping = field(init=False)
    retention: Retention = field(init=False)
    moment: datetime = datetime(2026, 5, 10, 9, 0, tzinfo=UTC)

    def __post_init__(self) -> None:
        self.runs = MemoryRuns(self.ledger, now=self.now)
        if isinstance(self.staging, MemoryStaging):
            self.staging.now = self.now
        rows = self.definitions if isinstance(self.definitions, MemoryDefinitions) else MemoryDefinitions()
        self.housekeeping = MemoryHousekeeping(rows, self.now)
        self.retention = MemoryRetention(self.runs, rows, self.now)

    def now(self) -> datetime:
        """The moment set."""
        return self.moment


def _row(opening: Opening) -> dict[str, Any]:
    return {
        "run_key": run_key(opening.key.run_id),
        "kind": opening.kind,
        "scheduled_for": opening.scheduled_for,
        "triggered_by": opening.triggered_by,
        "reason": None,
        "frozen": None,
        "mail": None,
        "data_rows": None,
    }
