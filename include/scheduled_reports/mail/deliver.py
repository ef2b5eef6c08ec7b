"""Deliver messages at most once: claim in the ledger, send, record; never resend an unknown outcome."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import count
from typing import TYPE_CHECKING
from uuid import uuid4

from ..domain.addresses import mailbox
from ..domain.delivery import DeliveryState
from ..domain.errors import (
    DeliveryUnknownError,
    MailChangedError,
    PermanentError,
    RecipientRefusedError,
    ReportsError,
    ThrottledError,
    TransientError,
)
from ..domain.feedback import TAG
from ..domain.report import Recipients
from ..monitoring import metrics
from .pace import wait_for_turn

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ..domain.delivery import Delivery
    from ..ports.mail import CurrentReport
    from ..ports.services import Services

#: Seconds between attempts when the mail service throttles, and when the database is down right after a send.
PAUSES = (1, 2, 4, 8)
#: States after which a message is never sent again.
FINAL = frozenset({DeliveryState.CLAIMED, DeliveryState.SENT, DeliveryState.UNKNOWN})


@dataclass(frozen=True, slots=True)
class Checks:
    """What is checked at each claim: *confirm* raises an error if the report forbids the message.

    In the *last* attempt a recipient whom the mail service does not accept now is left out.
    """

    confirm: Callable[[CurrentReport], None] | None = None
    last: bool = False


def deliver_all(
    services: Services,
    deliveries: Sequence[Delivery],
    raw: bytes,
    tags: Mapping[str, str],
    checks: Checks = Checks(),
) -> int:
    """Send the same message to several envelopes; return how many addresses the service refused.

    A failed envelope does not stop the others. If several fail, the error that a retry can help most is raised:
    TransientError before DeliveryUnknownError before PermanentError.
    """
    services.mailer  # noqa: B018 - connect before the first claim: a wrong connection must not claim anything
    refused, failures = 0, []
    for delivery in deliveries:
        try:
            refused += deliver(services, delivery, raw, tags, checks)
        except MailChangedError:
            raise
        except (TransientError, DeliveryUnknownError, PermanentError) as error:
            failures.append(error)
    if failures:
        raise min(failures, key=error_priority)
    return refused


def error_priority(error: ReportsError) -> int:
    """The errors that a retry can help most come first."""
    return 0 if isinstance(error, TransientError) else 1 if isinstance(error, DeliveryUnknownError) else 2


def deliver(
    services: Services,
    delivery: Delivery,
    raw: bytes,
    tags: Mapping[str, str],
    checks: Checks = Checks(),
) -> int:
    """Send one message unless the ledger holds it already; return how many addresses the service refused.

    A message refused because of some addresses reached nobody: it is sent again without them, as a separate message
    in the ledger, `report+1`.  If the service takes fewer recipients per call, the others get messages of their own.
    """
    number, rest, refused = _continue(services, delivery)
    limit, failure = None, None
    for number in count(number):  # noqa: B020 - continues where an earlier attempt ended
        if not len(rest):
            break
        name = f"{delivery.message}+{number}" if number else delivery.message
        part = replace(delivery, message=name, recipients=_first(rest, limit))
        try:
            wrong, done = _send_with_pauses(services, part, raw, tags, checks)
        except ThrottledError as error:
            if not 0 < error.accepted < len(part.recipients):
                raise
            limit = error.accepted
            continue
        except DeliveryUnknownError as error:
            if limit is None:
                raise
            wrong, done, failure = (), tuple(part.recipients), error
        refused += len(wrong)
        rest = _without(rest, (*wrong, *done))
    if failure is not None:
        raise failure
    return refused


def _continue(services: Services, delivery: Delivery) -> tuple[int, Recipients, int]:
    """Where to go on with a message: the number of the next call, its recipients, and how many were refused before."""
    calls = {_number(one, delivery): one for one in services.ledger.of(delivery.key)}
    calls.pop(-1, None)
    if not calls:
        return 0, delivery.recipients, 0
    if 0 in calls and calls[0].state in FINAL:
        if calls[0].state is not DeliveryState.SENT:
            raise unknown_outcome(calls[0])
        return 0, Recipients(), 0
    wrong = {mailbox(address) for one in calls.values() for address in one.refused}
    final = [one for one in calls.values() if one.state in FINAL]
    unknown = next((one for one in final if one.state is not DeliveryState.SENT), None)
    rest = _without(delivery.recipients, (*wrong, *(address for one in final for address in one.recipients)))
    if final and 0 in calls:  # a message that was sent in part has no further recipients
        rest = _only(rest, calls[0].recipients)
    if unknown is not None and not len(rest):
        raise unknown_outcome(unknown)
    last = max(calls)
    again = calls[last].state is DeliveryState.REFUSED and not calls[last].refused
    return last if again else last + 1, rest, len(delivery.recipients) - len(_without(delivery.recipients, [*wrong]))


def _number(held: Delivery, delivery: Delivery) -> int:
    """The number of a call of *delivery*'s message: 0 for the first, n for `report+n`, -1 for another message."""
    name, plus, number = held.message.partition("+")
    return -1 if name != delivery.message else int(number) if plus else 0


def _only(recipients: Recipients, others: Recipients) -> Recipients:
    kept = {mailbox(address) for address in others}
    return recipients.only(lambda address: mailbox(address) in kept)


def _without(recipients: Recipients, unwanted: Sequence[str]) -> Recipients:
    gone = {mailbox(address) for address in unwanted}
    return recipients.only(lambda address: mailbox(address) not in gone)


def _first(recipients: Recipients, limit: int | None) -> Recipients:
    """The first *limit* recipients; all without a limit."""
    return recipients if limit is None else _only(recipients, Recipients(to=tuple(recipients)[:limit]))


def _send_with_pauses(
    services: Services, delivery: Delivery, raw: bytes, tags: Mapping[str, str], checks: Checks
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Call the mail service, again while it throttles."""
    for pause in PAUSES:
        try:
            return claim_and_send(services, delivery, raw, tags, checks.confirm)
        except ThrottledError as error:
            if error.accepted:
                raise
            services.wait(pause)
    return claim_and_send(services, delivery, raw, tags, checks.confirm, leave_out=checks.last)


def claim_and_send(
    services: Services,
    delivery: Delivery,
    raw: bytes,
    tags: Mapping[str, str],
    confirm: Callable[[CurrentReport], None] | None,
    *,
    leave_out: bool = False,
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Claim and send; return the addresses because of which the service refused the call, or those it took.

    With *leave_out* the addresses that the service does not accept now count as refused.
    """
    wait_for_turn(services, len(delivery.recipients))
    if services.settings.feedback_queue:
        delivery = replace(delivery, feedback_id=uuid4())
        tags = {**tags, TAG: str(delivery.feedback_id)}
    held = services.ledger.claim(delivery, confirm)
    if held is not None:
        if held.state in (DeliveryState.SENT, DeliveryState.REFUSED):
            return held.refused, () if held.refused else (*held.recipients, *delivery.recipients)
        raise unknown_outcome(held)
    try:
        sender = delivery.sender or services.settings.mail_from
        message_id = services.mailer.send(sender, delivery.envelope, raw, tags=tags)
    except (PermanentError, TransientError) as error:
        refused = _refused(delivery, error, leave_out=leave_out)
        outcome = "throttled" if isinstance(error, ThrottledError) and not refused else None
        _finish(services, replace(delivery, state=DeliveryState.REFUSED, error=str(error), refused=refused), outcome)
        if not refused:
            raise
        return refused, ()
    except DeliveryUnknownError as error:
        _finish(services, replace(delivery, state=DeliveryState.UNKNOWN, error=str(error)))
        raise
    _finish(services, replace(delivery, state=DeliveryState.SENT, message_id=message_id))
    return (), tuple(delivery.recipients)


def _refused(delivery: Delivery, error: ReportsError, *, leave_out: bool) -> tuple[str, ...]:
    """The addresses without which a call that reached nobody may be repeated.

    None if everybody is refused: that is about nobody, the message is refused as a whole, and may be sent again.
    """
    named = isinstance(error, RecipientRefusedError) or (leave_out and isinstance(error, ThrottledError))
    addresses: tuple[str, ...] = getattr(error, "addresses", ()) if named else ()
    return addresses if 0 < len(_without(delivery.recipients, addresses)) < len(delivery.recipients) else ()


def unknown_outcome(held: Delivery) -> DeliveryUnknownError:
    """The error for a message that was claimed and whose outcome is not known."""
    # The attempt that claimed it may still be alive: only that attempt, or the end of the run, records the outcome.
    reason = held.error or "another attempt has claimed it and its outcome is unknown"
    name = "the message to one reader" if held.is_separate else held.message
    return DeliveryUnknownError(f"{name}: {reason}; it will not be resent automatically")


def _finish(services: Services, delivery: Delivery, outcome: str | None = None) -> None:
    """Count and record the outcome of a call."""
    metrics.mail_sent(services, outcome or str(delivery.state), notice=delivery.is_notice)
    record_outcome(services, delivery)


def record_outcome(services: Services, delivery: Delivery) -> None:
    """Record an outcome, with retries: it is known only now, and a short database outage must not lose it."""
    for pause in PAUSES:
        try:
            return services.ledger.finish(delivery)
        except TransientError:
            services.wait(pause)
    return services.ledger.finish(delivery)
