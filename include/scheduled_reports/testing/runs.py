"""In-memory record of runs."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import UTC, datetime
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from ..domain.delivery import DeliveryState
from ..domain.errors import PermanentError
from ..domain.naming import execution_id, run_key
from ..domain.run import MailSummary, RunKey, RunKind, RunState
from ..mail.owner_notices import HEALTH
from ..ports.runs import FailureStreak, Snapshot, Unsettled
from ..reports.frozen_run import (
    asset_event,
    emits_event,
    moves_watermark,
    read_frozen_run,
    read_verdict,
    window_values,
)
from .conditions import MemoryConditions
from .records import Kept, Recorded

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ..domain.brand import Brand
    from ..domain.formats import Format
    from ..domain.run import Artifact, AuditAction, Outcome, Run
    from ..domain.send_if import Candidate, MailedState, Verdict
    from ..ports.runs import DueTick, KeptRecipients, NewRun
    from .mail import MemoryLedger


MAIL_SUMMARY = tuple(one.name for one in fields(MailSummary))
LOST = "the sender ended before the outcome was known"


@dataclass
class MemoryRuns:
    """Port `Runs` in a dictionary; *counters* are those of scheduled_reports."""

    ledger: MemoryLedger
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    #: The moment since which a report's schedule is effective.
    effective: Callable[[str], datetime] = lambda _: datetime.min.replace(tzinfo=UTC)
    #: The current brand of a workspace.
    brand: Callable[[str], Brand | None] = lambda _: None
    runs: dict[RunKey, Recorded] = field(default_factory=dict)
    counters: dict[str, dict[str, Any]] = field(default_factory=dict)
    acts: dict[RunKey, AuditAction] = field(default_factory=dict)
    requests: dict[RunKey, KeptRecipients] = field(default_factory=dict)
    #: The runs that upkeep makes, shared with MemoryUpkeepStore.
    due: dict[RunKey, DueTick] = field(default_factory=dict)
    conditions: MemoryConditions = field(default_factory=MemoryConditions)
    watermarks: dict[str, datetime] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.ledger.reopen, self.ledger.sent = self._reopen, self._keep_state

    def ask(self, new_run: NewRun, act: AuditAction, recipients: KeptRecipients | None = None) -> bool:
        if new_run.key in self.runs or any(
            key.report_id == new_run.key.report_id and not run.settled for key, run in self.runs.items()
        ):
            return False
        self.runs[new_run.key] = self._recorded(None, _row(new_run) | {"state": "running"}, new_run, new_run.formats)
        self.acts[new_run.key] = act
        if recipients is not None:
            self.requests[new_run.key] = recipients
        return True

    def requested_recipients(self, key: RunKey, request_id: str) -> tuple[str, ...] | None:
        kept = self.requests.get(key) if key in self.runs else None
        return kept.addresses if kept is not None and kept.id == request_id else None

    def withdraw(self, key: RunKey) -> None:
        held = self.runs.get(key)
        if held is not None and held.row["frozen"] is None and held.row["state"] == RunState.RUNNING:
            del self.runs[key], self.acts[key]
            self.requests.pop(key, None)

    def due_tick(self, key: RunKey) -> DueTick | None:
        return self.due.get(key)

    def open(self, new_run: NewRun) -> str | None:
        holder = self._tick_holder(new_run)
        held = self.runs.get(new_run.key)
        if holder or (held and held.row["frozen"] is not None and new_run.clear_number <= held.clear_number):
            return holder
        frozen = deepcopy({"row": new_run.row, "request": dict(new_run.request)})
        brand = self.brand(new_run.row["workspace_id"]) if new_run.row else None
        row = _row(new_run) | {"state": "running", "frozen": frozen, "brand": asdict(brand) if brand else None}
        if held and any(not one.is_notice for one in self.ledger.of(new_run.key)):
            row["mail"] = held.row["mail"]
        if held and self._may_be_sent(new_run.key):
            row |= {name: held.row[name] for name in ("verdict", "candidate")}
        self.runs[new_run.key] = self._recorded(held, row, new_run, new_run.formats)
        return None

    def _tick_holder(self, new_run: NewRun) -> str | None:
        """The id of another run that has the tick of this one."""
        if new_run.kind is not RunKind.SCHEDULED:
            return None
        others = (
            key.run_id
            for key, run in self.runs.items()
            if run.row["scheduled_for"] == new_run.scheduled_for
            and key.report_id == new_run.key.report_id
            and key != new_run.key
            and run.row["kind"] is RunKind.SCHEDULED
            and run.row["state"] != RunState.SKIPPED
        )
        return min(others, default=None)

    def is_open(self, key: RunKey, clear_number: int) -> bool:
        held = self.runs.get(key)
        return held is not None and held.row["frozen"] is not None and held.clear_number >= clear_number

    def refuse(self, new_run: NewRun, reason: str, *, skipped: bool) -> None:
        state = RunState.SKIPPED if skipped else RunState.FAILED
        formats = new_run.formats if new_run.row and not skipped else ()
        held = self.runs.get(new_run.key)
        row = _row(new_run) | {"state": state, "reason": reason}
        self.runs[new_run.key] = self._recorded(held, row, new_run, formats)
        self.runs[new_run.key].errors = dict.fromkeys(formats, reason)

    def _recorded(
        self, held: Recorded | None, row: dict[str, Any], new_run: NewRun, formats: tuple[Format, ...]
    ) -> Recorded:
        return Recorded(
            row,
            new_run.clear_number,
            self._kept(held),
            self.now(),
            formats,
            counted=held.counted if held else None,
            asset_event=held.asset_event if held else None,
        )

    def abandon(self, new_run: NewRun, reason: str) -> None:
        if new_run.key not in self.runs:
            self.refuse(new_run, reason, skipped=False)

    def watermark(self, report_id: str) -> datetime | None:
        return self.watermarks.get(report_id)

    def is_unsettled(self, report_id: str, after: datetime | None, before: datetime) -> bool:
        return any(
            key.report_id == report_id
            and run.row["kind"] == RunKind.SCHEDULED
            and run.row["frozen"] is not None
            and not run.settled
            and (after is None or run.row["scheduled_for"] > after)
            and run.row["scheduled_for"] < before
            for key, run in self.runs.items()
        )

    def load(self, key: RunKey) -> Run:
        held = self.runs.get(key)
        if held is None or held.row["frozen"] is None:
            raise PermanentError("this run was never frozen: clear it from query")
        return read_frozen_run(key, held.row)

    def note_mail_summary(self, key: RunKey, mail_summary: MailSummary) -> None:
        self.runs[key].row |= asdict(mail_summary)

    def mailed_state(self, report_id: str, workspace_id: str) -> MailedState | None:
        return self.conditions.state(report_id, workspace_id)

    def note_verdict(self, key: RunKey, verdict: Verdict, candidate: Candidate | None) -> Verdict:
        row = self.runs[key].row
        if row["verdict"] is not None and self._may_be_sent(key):
            return read_verdict(row["verdict"])
        row |= {"verdict": asdict(verdict), "candidate": candidate if candidate and candidate.pending else None}
        if row["candidate"] is not None:
            self._forget_candidates(key)
        if candidate is not None and not candidate.met:
            workspace = row["frozen"]["row"]["workspace_id"]
            self.conditions.not_met(key.report_id, workspace, candidate.condition, row["scheduled_for"])
        return verdict

    def progress(self, key: RunKey, chosen: Format | None, percent: int, *, attempt: int = 1) -> None:  # noqa: ARG002
        self.runs[key].retention.at_work = True
        for one in self.runs[key].formats if chosen is None else (chosen,):
            self.runs[key].errors.pop(one, None)
        self._reopen(key)

    def fail(self, key: RunKey, chosen: Format | None, error: str) -> None:
        for one in self.runs[key].formats if chosen is None else (chosen,):
            self.runs[key].errors[one] = error
        self._reopen(key)

    def uploaded(self, key: RunKey, artifact: Artifact) -> None:
        self.runs[key].artifacts[artifact.format] = artifact
        self.runs[key].retention.upload(artifact.format, self.now())
        self._reopen(key)

    def adopt(self, key: RunKey, earlier: RunKey) -> None:
        for artifact in self.artifacts(earlier):
            if artifact.format in self.runs[key].formats:
                self.uploaded(key, replace(artifact, execution_id=execution_id(key, artifact.format)))
        self.runs[key].row |= {name: self.runs[earlier].row[name] for name in MAIL_SUMMARY}

    def artifacts(self, key: RunKey) -> Sequence[Artifact]:
        if key not in self.runs:
            return ()
        return tuple(
            artifact for artifact in self._made(key) if artifact.format not in self.runs[key].retention.deleted
        )

    def fix_mail(self, key: RunKey, plan: Mapping[str, Any]) -> Mapping[str, Any]:
        if self.runs[key].row["mail"] is None:
            self.runs[key].row["mail"] = plan
        kept: Mapping[str, Any] = self.runs[key].row["mail"]
        return kept

    def mail_plan(self, key: RunKey) -> Mapping[str, Any] | None:
        return self.runs[key].row["mail"] if key in self.runs else None

    def narrow_mail(self, key: RunKey, plan: Mapping[str, Any]) -> None:
        if self.runs[key].row["mail"] is not None:
            self.runs[key].row["mail"] = plan

    def forget_plan(self, key: RunKey) -> None:
        if all(one.is_notice or one.state is DeliveryState.REFUSED for one in self.ledger.of(key)):
            self.runs[key].row["mail"] = None

    def note_mail(self, key: RunKey, error: str | None) -> None:
        self.runs[key].row["mail_error"] = error
        self._reopen(key)

    def settle(
        self,
        key: RunKey,
        decide: Callable[[Snapshot], Outcome],
        next_run: datetime | None,
        *,
        clear_number: int | None = None,
    ) -> Outcome:
        held = self.runs.get(key)
        if held is None:
            raise PermanentError("there is no such run")
        frozen = held.row["frozen"] is not None
        self._forget_claims(key)
        self._keep_state(key)
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
        held.notified = outcome.state is RunState.SKIPPED
        known = held.row | {"asset_event": held.asset_event, "counted": held.counted}
        held.asset_event = asset_event(known, outcome, clear_number)
        news = self._count(key, held, outcome)
        if moves_watermark(held.row, outcome):
            tick = held.row["scheduled_for"]
            self.watermarks[key.report_id] = max(tick, self.watermarks.get(key.report_id, tick))
        held.retention.settle(self.now())
        self.counters.setdefault(key.report_id, {})["next_run"] = next_run
        emits = emits_event(held.asset_event, outcome, clear_number)
        return replace(outcome, news=RunKind(held.row["kind"]) if news else None, emits_event=emits)

    def take_due_events(self, *, limit: int) -> list[RunKey]:
        due = [
            key
            for key, run in self.runs.items()
            if run.asset_event == "due" and run.settled and run.row["state"] is RunState.SUCCESS
        ]
        for key in due[:limit]:
            self.runs[key].asset_event = "upkeep"
        return due[:limit]

    def unsettled(self, *, limit: int) -> list[Unsettled]:
        open_ = [Unsettled(key=key, touched_at=run.touched_at) for key, run in self.runs.items() if not run.settled]
        return sorted(open_, key=lambda run: run.touched_at)[:limit]

    def unnotified(self, *, limit: int) -> list[RunKey]:
        return [key for key, run in self.runs.items() if run.settled and not run.notified][:limit]

    def mark_notified(self, key: RunKey) -> None:
        self.runs[key].notified = self.runs[key].settled

    def failure_streak(self, report_id: str) -> FailureStreak:
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
            if key.report_id == report_id and one.message in HEALTH and one.state is not DeliveryState.REFUSED
        ]
        notice = max(notices, key=lambda one: _last(self.ledger.order, (one.key, one.message)), default=None)
        since = self.effective(report_id)
        return FailureStreak(
            streak=sum(run.retention.started_at > since for _, run in failed),
            notified=notice.message if notice else None,
            notified_lately=notice is not None and self.runs[notice.key].retention.started_at > since,
            newest=RunKey(report_id=report_id, run_id=counting[0][0]) if counting else None,
            failed=counting[0][1].counted is RunState.FAILED if counting else None,
            reason=counting[0][1].row["reason"] if counting else None,
        )

    def _reopen(self, key: RunKey) -> None:
        held = self.runs.get(key)
        if held is not None and held.row["frozen"] is not None:
            held.row["state"], held.touched_at, held.retention.settled_at = RunState.RUNNING, self.now(), None

    def _forget_candidates(self, newer: RunKey) -> None:
        """Older runs that ended without an email have none any more."""
        for key, held in self.runs.items():
            is_older = held.row["scheduled_for"] < self.runs[newer].row["scheduled_for"]
            tried = any(not one.is_notice for one in self.ledger.of(key))
            if key.report_id == newer.report_id and is_older and held.settled and not tried:
                held.row["candidate"] = None

    def _may_be_sent(self, key: RunKey) -> bool:
        return any(not one.is_notice and one.state is not DeliveryState.REFUSED for one in self.ledger.of(key))

    def _keep_state(self, key: RunKey) -> None:
        """Keep what the run was mailed with, if a message of it was sent."""
        held = self.runs.get(key)
        sent = [one for one in self.ledger.of(key) if not one.is_notice and one.state is DeliveryState.SENT]
        if held is None or held.row["candidate"] is None or not sent:
            return
        workspace = held.row["frozen"]["row"]["workspace_id"]
        self.conditions.mailed(key.report_id, workspace, held.row["candidate"], held.row["scheduled_for"], self.now())
        held.row["candidate"] = None

    def _forget_claims(self, key: RunKey) -> None:
        for one in self.ledger.of(key):
            if one.state is DeliveryState.CLAIMED and not one.is_notice:
                self.ledger.held[key, one.message] = replace(one, state=DeliveryState.UNKNOWN, error=LOST)

    def _count(self, key: RunKey, held: Recorded, outcome: Outcome) -> bool:
        """Update the counters; return whether this outcome was counted for the first time."""
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
        """The ids of a run's executions, as in report_executions."""
        return tuple(execution_id(key, one) for one in self.runs[key].formats)


def _last(items: Sequence[object], wanted: object) -> int:
    """The last position of *wanted*."""
    return max(number for number, item in enumerate(items) if item == wanted)


def _row(new_run: NewRun) -> dict[str, Any]:
    return {
        "run_key": run_key(new_run.key.run_id),
        "kind": new_run.kind,
        "scheduled_for": new_run.scheduled_for,
        "triggered_by": new_run.triggered_by,
        "test": bool(new_run.request.get("test")),
        "reason": None,
        "frozen": None,
        "mail": None,
        "mail_error": None,
        "verdict": None,
        "candidate": None,
        **window_values(new_run.window),
        **dict.fromkeys(MAIL_SUMMARY),
    }
