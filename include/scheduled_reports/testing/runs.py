"""The fakes of the ports, for tests and for `preview`: everything in this process, nothing outside it."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import UTC, datetime
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from ..domain.delivery import DeliveryState
from ..domain.errors import PermanentError
from ..domain.naming import execution_id, run_key
from ..domain.run import Brief, RunKey, RunKind, RunState
from ..ports.runs import Snapshot, Standing, Unsettled
from ..reports.frozen_run import thaw
from .records import Kept, Recorded

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ..domain.formats import Format
    from ..domain.run import Act, Artifact, Outcome, Run
    from ..ports.runs import Opening
    from .mail import MemoryLedger


BRIEF = tuple(one.name for one in fields(Brief))
LOST = "its sender ended before the outcome was known"


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
