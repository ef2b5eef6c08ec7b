"""Deliveries: one email message each, as the ledger records it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from math import ceil
from typing import TYPE_CHECKING, Literal

from .reader import READER
from .report import Recipients

if TYPE_CHECKING:
    from uuid import UUID

    from .formats import Format
    from .run import RunKey


class DeliveryState(StrEnum):
    """The state of one message in the ledger."""

    CLAIMED = "claimed"
    SENT = "sent"
    REFUSED = "refused"
    UNKNOWN = "unknown"


MailMode = Literal["attach", "zip", "link"]


#: The longest wait before a message, and the longest pause after it, in seconds.
LONGEST_PAUSE = 600.0
#: The prefix of the names of messages to a report's owner.
NOTICE = "notice/"


@dataclass(frozen=True, kw_only=True, slots=True)
class Delivery:
    """One row of the ledger."""

    key: RunKey
    message: str
    state: DeliveryState
    subject: str
    recipients: Recipients
    mode: MailMode
    formats: tuple[Format, ...]
    message_id: str | None = None
    error: str | None = None
    #: The addresses because of which the service refused the call; it may be repeated without them.
    refused: tuple[str, ...] = ()
    #: For a message sent again: who requested it, and the service's ids of the earlier ones.
    requested_by: str | None = None
    resend_of: str | None = None
    #: Who sends it, as in its From header; empty for the deployment's sender.  The ledger does not keep it.
    sender: str = ""
    #: The random id that the mail service's events name; None if they are not read.
    feedback_id: UUID | None = None

    @property
    def is_separate(self) -> bool:
        """Whether it is the message to one reader."""
        return self.message.startswith(READER)

    @property
    def envelope(self) -> Recipients:
        """To whom the mail service sends it; a reader is addressed by To, whatever the report calls them."""
        return Recipients(to=tuple(self.recipients)) if self.is_separate else self.recipients

    @property
    def is_notice(self) -> bool:
        """Whether it is a notice to the report's owner about a run, and not the report itself."""
        return self.message.startswith(NOTICE)


@dataclass(frozen=True, kw_only=True, slots=True)
class MailPreview:
    """A mail for a person who looks at it: the HTML has its images in it, and its links lead nowhere."""

    sender: str
    subject: str
    html: str
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Turn:
    """When a message may be sent, at the mail service's rate."""

    #: Seconds from now; None if that is too far away.
    seconds: float | None
    #: Whether the service has not been asked for its rate for ten minutes.
    is_old: bool


def pause_after(recipients: int, per_second: float) -> float:
    """The seconds that a message to so many recipients takes at a rate, rounded up to what a clock tells apart."""
    return min(ceil(recipients / per_second * 1e6) / 1e6, LONGEST_PAUSE)
