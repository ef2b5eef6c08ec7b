"""Ports: the mail service, the ledger of deliveries, and the rate of sending."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from ..domain.delivery import Delivery, Turn
    from ..domain.finding import Finding
    from ..domain.reader import Unwanted
    from ..domain.report import Recipients, Row
    from ..domain.run import RunKey
    from ..settings import Settings


class Mailer(Protocol):
    """The mail service."""

    def send(self, sender: str, recipients: Recipients, raw: bytes, *, tags: Mapping[str, str]) -> str:
        """Send one message once and return the service's message id; *tags* are for the service's statistics.

        Raises TransientError or PermanentError if the message was certainly not sent to anyone, DeliveryUnknownError
        if that is not known.  RecipientRefusedError names recipients only if others are accepted, or may be later:
        what the service says of everybody alike is about nobody.
        """

    def recipients_per_second(self) -> float | None:
        """The account's limit; None if the service has no limit, or does not say."""

    def is_verified(self, address: str) -> bool | None:
        """Whether the service lets the account send from an address; None if it does not say."""

    def findings(self, settings: Settings) -> Iterable[Finding]:
        """What the service says of itself and of the sender, for the doctor; nothing is sent."""


class CurrentReport(Protocol):
    """A report as it is now; at a claim, as its transaction sees it."""

    @property
    def row(self) -> Row | None:
        """The report's row; None if there is none."""

    @property
    def unwanted(self) -> Unwanted:
        """The mailboxes that the report does not mail."""

    def members(self, workspace_id: str, addresses: Collection[str]) -> frozenset[str]:
        """Those of the addresses (lower case) that are of members of a workspace."""

    def deliveries(self, key: RunKey) -> Sequence[Delivery]:
        """The messages of a run of the report."""

    def mail_plan(self, key: RunKey) -> Mapping[str, Any] | None:
        """The plan of the mail of a run of the report; None if there is none."""


class Ledger(Protocol):
    """The ledger of messages: each is claimed before it is sent, so that no retry sends it twice."""

    def claim(self, delivery: Delivery, confirm: Callable[[CurrentReport], None] | None = None) -> Delivery | None:
        """Claim a message; return None if the claim succeeded, otherwise the entry that exists already.

        A message that was refused as a whole may be claimed again, one refused for single addresses may not.
        *confirm* is called with the report as the same transaction sees it; if it raises an error, nothing is claimed.
        It must use nothing else of the database: behind a small pool another connection would wait for this one.
        Raises MailStoppedError while all mail is stopped.
        """

    def finish(self, delivery: Delivery) -> None:
        """Record the outcome of a claimed message; an entry recorded as sent never changes."""

    def of(self, key: RunKey) -> tuple[Delivery, ...]:
        """The messages of a run, including notices to its owner, ordered by message key."""


class SendRate(Protocol):
    """The rate at which all tasks together send mail."""

    def reserve(self, service: str, recipients: int, *, per_second: float, longest: float) -> Turn:
        """Take the next moment to send to so many recipients, unless it is more than *longest* seconds away.

        The rate is *per_second*; 0 for the one that was learned, without a limit until one is.
        """

    def ask(self, service: str) -> bool:
        """Whether the caller is to ask *service* for its rate: one caller in ten minutes, of all tasks."""

    def learn(self, service: str, per_second: float) -> None:
        """Keep the rate of *service*; 0 for no limit."""
