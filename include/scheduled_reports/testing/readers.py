"""In-memory readers and opt-outs, and the rate of sending."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

from ..domain.addresses import mailbox
from ..domain.delivery import Turn, pause_after
from ..domain.reader import LeftBy, OptOut, Reader, Unwanted
from ..ports.readers import MOST_OPT_OUTS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ..domain.reader import Addressee
    from ..domain.run import AuditAction, RunKey


@dataclass
class MemoryReaders:
    """Port `Readers` in dictionaries."""

    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    held: dict[tuple[RunKey, str], Reader] = field(default_factory=dict)
    left: dict[str, list[OptOut]] = field(default_factory=dict)
    acts: list[AuditAction] = field(default_factory=list)
    #: The mailboxes that bounced or complained, of a report's workspace.
    suppressed: Callable[[str], frozenset[str]] = lambda _: frozenset()

    def enlist(self, key: RunKey, workspace_id: str, addressees: Sequence[Addressee]) -> Mapping[str, UUID]:  # noqa: ARG002
        for one in addressees:
            made = Reader(handle=uuid4(), message=one.message, address=one.address)
            self.held.setdefault((key, one.message), made)
        return {one.message: self.held[key, one.message].handle for one in addressees}

    def of(self, key: RunKey) -> Sequence[Reader]:
        return tuple(sorted((one for (run, _), one in self.held.items() if run == key), key=lambda one: one.message))

    def revoke(self, key: RunKey, act: AuditAction) -> int:
        working = [one for one in self.of(key) if one.revoked_at is None]
        if working:
            self.acts.append(act)
        for one in working:
            self.held[key, one.message] = replace(one, revoked_at=self.now())
        return len(working)

    def leave(self, report_id: str, address: str, how: LeftBy = LeftBy.PAGE) -> None:
        """What the public door does."""
        if mailbox(address) not in self.opted_out(report_id):
            self.left.setdefault(report_id, []).insert(0, OptOut(address=address, left_at=self.now(), how=how))

    def opted_out(self, report_id: str) -> frozenset[str]:
        return frozenset(mailbox(one.address) for one in self.opt_outs(report_id) if one.returned_at is None)

    def unwanted(self, report_id: str) -> Unwanted:
        return Unwanted(left=self.opted_out(report_id), suppressed=self.suppressed(report_id))

    def opt_outs(self, report_id: str) -> Sequence[OptOut]:
        # A stable sort: they are held the newest first.
        held = sorted(self.left.get(report_id, ()), key=lambda one: one.returned_at is not None)
        return tuple(held[:MOST_OPT_OUTS])

    def take_back(self, report_id: str, address: str, act: AuditAction, reason: str) -> bool:
        found = self.left.get(report_id, [])
        for place, one in enumerate(found):
            if one.returned_at is None and mailbox(one.address) == mailbox(address):
                by = act.actor.person
                found[place] = replace(one, returned_at=self.now(), returned_by=by, return_reason=reason)
                self.acts.append(act)
                return True
        return False


@dataclass
class MemorySendRate:
    """Port `SendRate`."""

    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    rates: dict[str, float] = field(default_factory=dict)
    next_at: dict[str, datetime] = field(default_factory=dict)
    learned_at: dict[str, datetime] = field(default_factory=dict)

    def reserve(self, service: str, recipients: int, *, per_second: float, longest: float) -> Turn:
        now, rate = self.now(), per_second or self.rates.get(service, 0)
        if not rate:
            return Turn(seconds=0, is_old=self._is_old(service))
        start = max(now, self.next_at.get(service, now))
        if start > now + timedelta(minutes=20):
            start = now
        seconds = (start - now).total_seconds()
        if seconds > longest:
            return Turn(seconds=None, is_old=self._is_old(service))
        self.next_at[service] = start + timedelta(seconds=pause_after(recipients, rate))
        return Turn(seconds=seconds, is_old=self._is_old(service))

    def ask(self, service: str) -> bool:
        if not self._is_old(service):
            return False
        self.learned_at[service] = self.now()
        return True

    def learn(self, service: str, per_second: float) -> None:
        self.rates[service], self.learned_at[service] = per_second, self.now()

    def _is_old(self, service: str) -> bool:
        learned = self.learned_at.get(service)
        return learned is None or not timedelta() <= self.now() - learned <= timedelta(minutes=10)
