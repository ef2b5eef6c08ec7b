"""In-memory events of a mail service, and what the record makes of them."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ..domain.addresses import mailbox
from ..domain.delivery import DeliveryState
from ..domain.feedback import (
    STOPPING,
    Applied,
    Batch,
    Feedback,
    News,
    RecipientRecord,
    RecipientState,
    Suppression,
)
from ..ports.feedback import MOST_SUPPRESSIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from uuid import UUID

    from ..domain.delivery import Delivery
    from ..domain.feedback import Event, Outcome
    from ..domain.run import AuditAction, RunKey
    from .mail import MemoryLedger

ORDER = list(RecipientState)


@dataclass
class MemoryEventQueue:
    """Port `EventQueue`: hands out *batches*; raises *error* instead if it is set."""

    batches: deque[Batch] = field(default_factory=deque)
    deleted: list[str] = field(default_factory=list)
    error: Exception | None = None

    def receive(self) -> Batch:
        if self.error is not None:
            raise self.error
        return self.batches.popleft() if self.batches else Batch()

    def delete(self, handles: Sequence[str]) -> None:
        self.deleted += handles


@dataclass
class _Suppressed:
    """A suppression, with the message that caused it."""

    workspace_id: str
    key: RunKey
    shown: Suppression
    told: bool = False


@dataclass
class MemoryFeedback:
    """Port `FeedbackStore` in dictionaries."""

    ledger: MemoryLedger
    workspace: Callable[[str], str | None]
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    held: dict[tuple[RunKey, str, str], RecipientRecord] = field(default_factory=dict)
    stopped: list[_Suppressed] = field(default_factory=list)
    acts: list[AuditAction] = field(default_factory=list)
    #: Confirmed messages of which the owner was not told.
    confirmed: list[tuple[RunKey, str]] = field(default_factory=list)
    state: Feedback = field(default_factory=Feedback)

    def apply(self, events: Sequence[Event], *, exempt: str | None = None) -> Applied:
        total = Applied()
        for event in events:
            delivery = self._named(event.delivery)
            if delivery is None or not _is_about(event, delivery):
                total += Applied(ignored=1)
                continue
            confirmed = self._prove(event, delivery)
            suppressed = sum(self._note(event, one, delivery, exempt) for one in event.outcomes)
            total += Applied(events=1, confirmed=confirmed, suppressed=suppressed)
        self.state = replace(
            self.state, events=self.state.events + total.events, ignored=self.state.ignored + total.ignored
        )
        return total

    def note_drained(self, ignored: int, *, drained_at: datetime | None) -> None:
        latest = max(filter(None, (self.state.drained_at, drained_at)), default=None)
        self.state = replace(self.state, ignored=self.state.ignored + ignored, drained_at=latest)

    def feedback(self) -> Feedback:
        return self.state

    def recipients(self, key: RunKey) -> Sequence[RecipientRecord]:
        found = (one for (run, _, _), one in self.held.items() if run == key)
        return tuple(sorted(found, key=lambda one: (one.message, one.address)))

    def suppressed(self, workspace_id: str) -> frozenset[str]:
        return frozenset(
            mailbox(one.shown.address)
            for one in self.stopped
            if one.workspace_id == workspace_id and one.shown.lifted_at is None
        )

    def suppressions(self, workspace_id: str) -> Sequence[Suppression]:
        found = [one.shown for one in reversed(self.stopped) if one.workspace_id == workspace_id]
        return tuple(sorted(found, key=lambda one: one.lifted_at is not None)[:MOST_SUPPRESSIONS])

    def lift(self, workspace_id: str, address: str, act: AuditAction, reason: str) -> bool:
        for one in self.stopped:
            is_it = mailbox(one.shown.address) == mailbox(address) and one.workspace_id == workspace_id
            if is_it and one.shown.lifted_at is None:
                one.shown = replace(one.shown, lifted_at=self.now(), lifted_by=act.actor.person, lift_reason=reason)
                self.acts.append(act)
                return True
        return False

    def untold(self, *, limit: int) -> Sequence[RunKey]:
        keys = {key for key, _ in self.confirmed} | {one.key for one in self.stopped if not one.told}
        return tuple(sorted(keys, key=lambda key: (key.report_id, key.run_id))[:limit])

    def news(self, key: RunKey) -> News:
        return News(
            confirmed=sum(one == key for one, _ in self.confirmed),
            suppressions=tuple(one.shown for one in self.stopped if one.key == key and not one.told),
        )

    def told(self, key: RunKey) -> None:
        self.confirmed = [one for one in self.confirmed if one[0] != key]
        for one in self.stopped:
            one.told = one.told or one.key == key

    def _named(self, feedback_id: UUID) -> Delivery | None:
        return next((one for one in self.ledger.held.values() if one.feedback_id == feedback_id), None)

    def _prove(self, event: Event, delivery: Delivery) -> int:
        """Record what the event proves of a message; return 1 if its outcome was unknown."""
        is_rejected = event.outcomes[0].state is RecipientState.REJECTED
        if is_rejected and delivery.state is not DeliveryState.REFUSED:
            changed = replace(delivery, state=DeliveryState.REFUSED, error=event.outcomes[0].reason)
        elif not is_rejected and delivery.state in (DeliveryState.CLAIMED, DeliveryState.UNKNOWN):
            changed = replace(delivery, state=DeliveryState.SENT, error=None)
        else:
            return 0
        self.ledger.held[delivery.key, delivery.message] = replace(changed, message_id=event.message_id)
        if not delivery.is_notice:
            self.ledger.reopen(delivery.key)
            if not is_rejected:
                self.ledger.sent(delivery.key)
        if is_rejected or delivery.state is not DeliveryState.UNKNOWN:
            return 0
        self.confirmed.append((delivery.key, delivery.message))
        return 1

    def _note(self, event: Event, outcome: Outcome, delivery: Delivery, exempt: str | None) -> int:
        """Record what became of a recipient; return 1 if they are not mailed any more from now on."""
        box = mailbox(outcome.address)
        place = (delivery.key, delivery.message, box)
        held = self.held.get(place)
        later = held is None or (ORDER.index(outcome.state), held.at) > (ORDER.index(held.state), event.at)
        if not later:
            return 0
        address = next(one for one in delivery.recipients if mailbox(one) == box)
        self.held[place] = RecipientRecord(
            message=delivery.message,
            address=address,
            state=outcome.state,
            at=event.at,
            reason=outcome.reason,
            detail=outcome.detail,
        )
        cause, workspace_id = STOPPING.get(outcome.state), self.workspace(delivery.key.report_id)
        is_news = cause is not None and (held is None or held.state is not outcome.state)
        if not is_news or cause is None or workspace_id is None or (exempt and box == mailbox(exempt)):
            return 0
        return self._suppress(workspace_id, delivery.key, address, event, outcome)

    def _suppress(self, workspace_id: str, key: RunKey, address: str, event: Event, outcome: Outcome) -> int:
        earlier = [one.shown for one in self.stopped if one.workspace_id == workspace_id]
        earlier = [one for one in earlier if mailbox(one.address) == mailbox(address)]
        if any(one.lifted_at is None or one.lifted_at > event.at for one in earlier):
            return 0
        shown = Suppression(
            address=address,
            cause=STOPPING[outcome.state],
            reason=outcome.reason,
            since=self.now(),
            report_id=key.report_id,
        )
        self.stopped.append(_Suppressed(workspace_id, key, shown))
        return 1


def _is_about(event: Event, delivery: Delivery) -> bool:
    named = {mailbox(one.address) for one in event.outcomes}
    return named <= {mailbox(one) for one in delivery.recipients} and delivery.message_id in (None, event.message_id)
