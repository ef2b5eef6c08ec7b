"""Ports: the mail service, and the ledger of deliveries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..domain.delivery import Delivery
    from ..domain.report import Recipients
    from ..domain.run import RunKey


class Mailer(Protocol):
    """The mail service."""

    def send(self, sender: str, recipients: Recipients, raw: bytes, *, tags: Mapping[str, str]) -> str:
        """Send one message once, and return the service's id of it; *tags* are for the service's own statistics.

        Raises TransientError or PermanentError (RecipientRefusedError among them) where it was certainly not sent to
        anybody, DeliveryUnknownError otherwise.
        """


class Ledger(Protocol):
    """Which messages were sent: claimed before the call, so that no retry mails twice."""

    def claim(self, delivery: Delivery) -> Delivery | None:
        """Claim a message; None when the claim is ours, otherwise what the ledger holds of it already.

        What was refused as a whole may be claimed again, what was refused for single addresses not.
        Raises MailStoppedError while all mail is stopped.
        """

    def finish(self, delivery: Delivery) -> None:
        """Write down how a claimed message ended; nothing changes what was sent."""

    def of(self, key: RunKey) -> tuple[Delivery, ...]:
        """The messages of a run, notices to its owner among them, ordered by message."""
