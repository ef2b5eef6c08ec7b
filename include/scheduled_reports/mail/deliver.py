"""Deliver messages at most once: claim in the ledger, send, record; never resend an unknown outcome."""

from __future__ import annotations

from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING

from ..domain.delivery import DeliveryState
from ..domain.errors import (
    DeliveryUnknownError,
    PermanentError,
    RecipientRefusedError,
    ReportsError,
    ThrottledError,
    TransientError,
)
from ..monitoring import metrics

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..domain.delivery import Delivery
    from ..ports.services import Services

#: Seconds between attempts when the mail service throttles, and when the database is down right after a send.
PAUSES = (1, 2, 4, 8)


def deliver_all(services: Services, deliveries: Sequence[Delivery], raw: bytes, tags: Mapping[str, str]) -> int:
    """Send the same message to several envelopes; return how many addresses the service refused.

    A failed envelope does not stop the others. If several fail, the error that a retry can help most is raised:
    TransientError before DeliveryUnknownError before PermanentError.
    """
    services.mailer  # noqa: B018 - connect before the first claim: a wrong connection must not claim anything
    refused, failures = 0, []
    for delivery in deliveries:
        try:
            refused += deliver(services, delivery, raw, tags)
        except (TransientError, DeliveryUnknownError, PermanentError) as error:
            failures.append(error)
    if failures:
        raise min(failures, key=_error_priority)
    return refused


def _error_priority(error: ReportsError) -> int:
    return 0 if isinstance(error, TransientError) else 1 if isinstance(error, DeliveryUnknownError) else 2


def deliver(services: Services, delivery: Delivery, raw: bytes, tags: Mapping[str, str]) -> int:
    """Send one message unless the ledger holds it already; return how many addresses the service refused.

    A message refused because of some addresses reached nobody: it is sent again without them, as a separate message
    in the ledger.
    """
    refused, part = 0, delivery
    for number in count(1):
        wrong = _send_with_pauses(services, part, raw, tags)
        if not wrong:
            return refused
        refused += len(wrong)
        unwanted = {address.lower() for address in wrong}
        rest = part.recipients.only(lambda address: address.lower() not in unwanted)  # noqa: B023 - used at once
        if not len(rest) or len(rest) == len(part.recipients):
            raise RecipientRefusedError(wrong)
        part = replace(part, message=f"{delivery.message}+{number}", recipients=rest)
    raise AssertionError  # unreachable: every round has fewer recipients


def _send_with_pauses(services: Services, delivery: Delivery, raw: bytes, tags: Mapping[str, str]) -> tuple[str, ...]:
    """Call the mail service, again while it throttles; return the addresses because of which it refused."""
    for pause in PAUSES:
        try:
            return _claim_and_send(services, delivery, raw, tags)
        except ThrottledError:
            services.wait(pause)
    return _claim_and_send(services, delivery, raw, tags)


def _claim_and_send(services: Services, delivery: Delivery, raw: bytes, tags: Mapping[str, str]) -> tuple[str, ...]:
    held = services.ledger.claim(delivery)
    if held is not None:
        if held.state in (DeliveryState.SENT, DeliveryState.REFUSED):
            return held.refused
        # The attempt that claimed it may still be alive: only that attempt, or the end of the run, records the outcome.
        reason = held.error or "another attempt has claimed it and its outcome is unknown"
        raise DeliveryUnknownError(f"{delivery.message}: {reason}; it will not be resent automatically")
    try:
        message_id = services.mailer.send(services.settings.mail_from, delivery.recipients, raw, tags=tags)
    except RecipientRefusedError as error:
        _finish(services, replace(delivery, state=DeliveryState.REFUSED, error=str(error), refused=error.addresses))
        return error.addresses
    except (PermanentError, TransientError) as error:
        outcome = "throttled" if isinstance(error, ThrottledError) else None
        _finish(services, replace(delivery, state=DeliveryState.REFUSED, error=str(error)), outcome)
        raise
    except DeliveryUnknownError as error:
        _finish(services, replace(delivery, state=DeliveryState.UNKNOWN, error=str(error)))
        raise
    _finish(services, replace(delivery, state=DeliveryState.SENT, message_id=message_id))
    return ()


def _finish(services: Services, delivery: Delivery, outcome: str | None = None) -> None:
    """Record the outcome, with retries: it is known only now, and a short database outage must not lose it."""
    metrics.mail_sent(services, outcome or str(delivery.state), notice=delivery.is_notice)
    for pause in PAUSES:
        try:
            return services.ledger.finish(delivery)
        except TransientError:
            services.wait(pause)
    return services.ledger.finish(delivery)
