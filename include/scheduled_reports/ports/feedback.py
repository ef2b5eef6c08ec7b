"""Ports: the mail service's events, what the record makes of them, and the addresses that are not mailed any more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from ..domain.feedback import Applied, Batch, Event, Feedback, News, RecipientRecord, Suppression
    from ..domain.run import AuditAction, RunKey

#: The most suppressions that are shown of a workspace.
MOST_SUPPRESSIONS = 500


class EventQueue(Protocol):
    """The queue of the mail service's events; it delivers each at least once, in any order."""

    def receive(self) -> Batch:
        """A few messages; no handle if there is none.  They come again after a while unless they are deleted."""

    def delete(self, handles: Sequence[str]) -> None:
        """Delete received messages."""

    def waiting(self) -> int:
        """About how many messages wait to be received."""


class FeedbackStore(Protocol):
    """What became of messages: reporting.recipients, reporting.suppressions and reporting.feedback."""

    def apply(self, events: Sequence[Event], *, exempt: str | None = None) -> Applied:
        """Record events; each may be applied any number of times, in any order.

        A message whose outcome was unknown is recorded as sent, and its run is to be settled again.  An address that
        bounced or complained for the first time is not mailed any more, except *exempt*, to which a test deployment
        redirects all mail.  Events that name no message, or recipients whom it did not have, are ignored.
        """

    def note_drained(self, ignored: int, *, drained_at: datetime | None) -> None:
        """Count messages that were none of ours, and note when the queue was found empty."""

    def feedback(self) -> Feedback:
        """How far events were read."""

    def recipients(self, key: RunKey) -> Sequence[RecipientRecord]:
        """What became of the messages of a run, ordered by message and address; nothing for those without events."""

    def suppressed(self, workspace_id: str) -> frozenset[str]:
        """The mailboxes that a workspace's reports do not mail (see `domain.addresses.mailbox`)."""

    def suppressions(self, workspace_id: str) -> Sequence[Suppression]:
        """The suppressions of a workspace, at most 500: those in effect first, then those lifted, the newest first."""

    def lift(self, workspace_id: str, address: str, act: AuditAction, reason: str) -> bool:
        """Let an address be mailed again, and note *act* in the audit trail; False if it is not suppressed."""

    def untold(self, *, limit: int) -> Sequence[RunKey]:
        """Runs whose owner is to be told of a confirmed message or of an address that is not mailed any more."""

    def news(self, key: RunKey) -> News:
        """What the owner of a run was not told of."""

    def told(self, key: RunKey) -> None:
        """The owner was told of what `news` returns, or cannot be told."""
