"""In-memory mail service and ledger."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from threading import Lock
from typing import TYPE_CHECKING

from ..domain.delivery import Delivery, DeliveryState
from ..domain.errors import MailStoppedError, RecipientRefusedError
from ..domain.finding import ok

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from ..domain.finding import Finding
    from ..domain.report import Recipients
    from ..domain.run import RunKey
    from ..ports.mail import CurrentReport
    from ..settings import Settings


@dataclass
class MemoryMailer:
    """Port `Mailer`: keeps sent messages; raises *error* instead if it is set."""

    sent: list[tuple[str, Recipients, bytes]] = field(default_factory=list)
    error: Exception | None = None
    refuses: frozenset[str] = frozenset()
    per_second: float | None = None
    #: The addresses that may send; None if the service does not say.
    verified: frozenset[str] | None = None

    def send(self, sender: str, recipients: Recipients, raw: bytes, *, tags: Mapping[str, str]) -> str:  # noqa: ARG002
        if self.error is not None:
            raise self.error
        if wrong := [address for address in recipients if address in self.refuses]:
            raise RecipientRefusedError(wrong)
        self.sent.append((sender, recipients, raw))
        return f"memory-{len(self.sent)}"

    def recipients_per_second(self) -> float | None:
        return self.per_second

    def is_verified(self, address: str) -> bool | None:
        return None if self.verified is None else address in self.verified

    def findings(self, settings: Settings) -> Iterable[Finding]:  # noqa: ARG002
        if self.error is not None:
            raise self.error
        return [ok("mail", "in memory")]


@dataclass
class MemoryLedger:
    """Port `Ledger` in a dictionary."""

    held: dict[tuple[RunKey, str], Delivery] = field(default_factory=dict)
    order: list[tuple[RunKey, str]] = field(default_factory=list)
    stopped: bool = False
    #: Called when a sender reports an outcome; MemoryRuns makes the run unsettled again.
    reopen: Callable[[RunKey], None] = lambda _: None
    #: Called when a message is sent; MemoryRuns keeps what it was sent with.
    sent: Callable[[RunKey], None] = lambda _: None
    #: A report, which `confirm` sees at the claim; None if this ledger knows no reports.
    current: Callable[[str], CurrentReport] | None = None
    lock: Lock = field(default_factory=Lock, repr=False)

    def claim(self, delivery: Delivery, confirm: Callable[[CurrentReport], None] | None = None) -> Delivery | None:
        if self.stopped:
            raise MailStoppedError("all mail is stopped")
        with self.lock:
            held = self.held.get((delivery.key, delivery.message))
            if held is not None and not (held.state is DeliveryState.REFUSED and not held.refused):
                return held
            self.held[delivery.key, delivery.message] = replace(delivery, state=DeliveryState.CLAIMED)
            try:
                if confirm is not None and self.current is not None:
                    confirm(self.current(delivery.key.report_id))
            except Exception:
                self._restore(delivery, held)
                raise
            self.order.append((delivery.key, delivery.message))
        return None

    def _restore(self, delivery: Delivery, held: Delivery | None) -> None:
        del self.held[delivery.key, delivery.message]
        if held is not None:
            self.held[delivery.key, delivery.message] = held

    def finish(self, delivery: Delivery) -> None:
        held = self.held[delivery.key, delivery.message].state
        was_rejected = held is DeliveryState.REFUSED and delivery.state is DeliveryState.SENT
        if held is not DeliveryState.SENT and not was_rejected:
            self.held[delivery.key, delivery.message] = delivery
        if not delivery.is_notice:
            self.reopen(delivery.key)
        if not delivery.is_notice and delivery.state is DeliveryState.SENT:
            self.sent(delivery.key)

    def of(self, key: RunKey) -> tuple[Delivery, ...]:
        return tuple(
            held for (owner, _), held in sorted(self.held.items(), key=lambda item: item[0][1]) if owner == key
        )
