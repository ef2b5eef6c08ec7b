"""What became of a message at each recipient, as the mail service's events tell it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID


class RecipientState(StrEnum):
    """What became of a message at one recipient, in the order in which a later one replaces an earlier one.

    Events come in any order.  A soft bounce does not replace a delivery, because SES reports automatic replies, such as
    those about a vacation, as soft bounces; a bounce does, because some servers accept a message before they look for
    its mailbox.
    """

    ACCEPTED = "accepted"
    DELAYED = "delayed"
    SOFT_BOUNCED = "soft-bounced"
    DELIVERED = "delivered"
    REJECTED = "rejected"
    BOUNCED = "bounced"
    COMPLAINED = "complained"


class Cause(StrEnum):
    """Why an address is not mailed any more."""

    BOUNCE = "bounce"
    COMPLAINT = "complaint"


#: The tag of a message that carries its random id, which events repeat.
TAG: Final = "delivery"
#: The states after which an address is not mailed any more.
STOPPING: Final = {RecipientState.BOUNCED: Cause.BOUNCE, RecipientState.COMPLAINED: Cause.COMPLAINT}


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What one event says of one recipient."""

    address: str
    state: RecipientState
    #: Why, in plain words; empty if there is nothing to explain.
    reason: str = ""
    #: What the recipient's mail server said.
    detail: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """One event: *delivery* is the random id that the message had, *message_id* the mail service's."""

    delivery: UUID
    message_id: str
    at: datetime
    outcomes: tuple[Outcome, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class RecipientRecord:
    """What the record holds of one recipient of a message."""

    message: str
    address: str
    state: RecipientState
    at: datetime
    reason: str = ""
    detail: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Suppression:
    """An address that a workspace's reports do not mail any more; *lifted_by* let it be mailed again."""

    address: str
    cause: Cause
    reason: str
    since: datetime
    #: The report whose message told; its name, None once it is deleted.
    report_id: str
    report_name: str | None = None
    lifted_at: datetime | None = None
    lifted_by: str | None = None
    lift_reason: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class News:
    """What a run's owner is to be told.

    *confirmed* counts messages of unknown outcome that were sent, *suppressions* are addresses not mailed any more.
    """

    confirmed: int
    suppressions: tuple[Suppression, ...]


@dataclass(frozen=True, slots=True)
class Applied:
    """How many events changed or confirmed the record, and how many named no message of ours."""

    events: int = 0
    ignored: int = 0
    #: Messages whose outcome was unknown, and addresses that are not mailed any more.
    confirmed: int = 0
    suppressed: int = 0

    def __add__(self, other: Applied) -> Applied:
        return Applied(
            self.events + other.events,
            self.ignored + other.ignored,
            self.confirmed + other.confirmed,
            self.suppressed + other.suppressed,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Feedback:
    """The state of reading events: when the queue was last found empty, and what was read so far."""

    drained_at: datetime | None = None
    events: int = 0
    ignored: int = 0


@dataclass(frozen=True, slots=True)
class Batch:
    """Messages of the queue: the events in them, how many were none of ours, and the handles to delete them with."""

    events: tuple[Event, ...] = ()
    ignored: int = 0
    handles: tuple[str, ...] = field(default=(), repr=False)
