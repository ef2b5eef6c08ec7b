"""Deliver a message of their own to each reader, at most once; what one reader's mailbox refuses stops no other."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from ..domain.delivery import DeliveryState
from ..domain.errors import (
    AllRefusedError,
    DeliveryUnknownError,
    MailStoppedError,
    NotWantedError,
    PermanentError,
    RecipientRefusedError,
    ReportsError,
    ThrottledError,
    TransientError,
)
from .deliver import FINAL, PAUSES, claim_and_send, error_priority, record_outcome, unknown_outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ..domain.delivery import Delivery
    from ..ports.mail import CurrentReport
    from ..ports.services import Services

#: So many messages in a row are refused for now, or get no answer, before it counts as the state of the service.
_IN_A_ROW = 2


@dataclass(frozen=True, slots=True)
class ReaderMessage:
    """The message to one reader: *compose* makes its bytes when it is its turn, so that one is in memory at a time.

    *confirm* raises NotWantedError if the reader is not to be mailed any more.
    """

    delivery: Delivery
    compose: Callable[[], bytes]
    confirm: Callable[[CurrentReport], None]


@dataclass(slots=True)
class _Round:
    """What became of the messages so far."""

    accepted: int = 0
    refused: list[tuple[Delivery, ReportsError]] = field(default_factory=list)
    failures: list[ReportsError] = field(default_factory=list)
    unanswered: int = 0  # in a row


def deliver_separately(services: Services, messages: Sequence[ReaderMessage], tags: Mapping[str, str]) -> int:
    """Send each message that the ledger does not hold; return how many readers the service refused.

    Raises the error that a retry can help most: TransientError before DeliveryUnknownError before PermanentError.
    MailChangedError means that the content of the mail was changed: nothing was claimed, compose it anew.
    """
    services.mailer  # noqa: B018 - connect before the first claim: a wrong connection must not claim anything
    done, before = _Round(), 0
    waiting = deque[ReaderMessage]()
    held = {one.message: one for one in services.ledger.of(messages[0].delivery.key)} if messages else {}
    for one in messages:
        earlier = held.get(one.delivery.message)
        if earlier is None or (earlier.state is DeliveryState.REFUSED and not earlier.refused):
            waiting.append(one)
        elif earlier.state is DeliveryState.REFUSED:
            before += 1
        elif earlier.state is DeliveryState.SENT:
            done.accepted += 1
        elif earlier.state in FINAL:
            done.failures.append(unknown_outcome(earlier))
    _send_all(services, waiting, tags, done)
    return before + _refusals(services, done)


def _send_all(services: Services, waiting: deque[ReaderMessage], tags: Mapping[str, str], done: _Round) -> None:
    """Send what waits; a message that the service does not take now comes again after the others."""
    pauses, throttled = iter(PAUSES), 0
    while waiting:
        one = waiting.popleft()
        try:
            _send(services, one, tags, done)
        except ThrottledError:
            waiting.append(one)
            throttled += 1
            if throttled < min(_IN_A_ROW, len(waiting)):
                continue
            pause = next(pauses, None)
            if pause is None:
                raise
            services.wait(pause)
        else:
            pauses, throttled = iter(PAUSES), 0


def _send(services: Services, one: ReaderMessage, tags: Mapping[str, str], done: _Round) -> None:
    """Send one message and note what became of it; raises errors that concern the others as well."""
    try:
        claim_and_send(services, one.delivery, one.compose(), tags, one.confirm)
    except NotWantedError:
        return
    except (AllRefusedError, RecipientRefusedError) as error:
        done.refused.append((one.delivery, error))
    except MailStoppedError:
        raise
    except PermanentError as error:
        done.failures.append(error)
    except DeliveryUnknownError as error:
        done.failures.append(error)
        done.unanswered += 1
        if done.unanswered >= _IN_A_ROW:  # do not make every message one whose outcome is unknown
            raise TransientError("the mail service does not answer; the other readers are mailed by a retry") from None
        return
    else:
        done.accepted += 1
    done.unanswered = 0


def _refusals(services: Services, done: _Round) -> int:
    """Decide what the refusals mean, raise what failed, and return how many readers are refused."""
    if done.refused and not done.accepted:  # it is about nobody: such as the sandbox of SES
        done.failures += [error for _, error in done.refused]
    elif done.refused:
        for delivery, error in done.refused:
            address = tuple(delivery.recipients)
            record_outcome(services, replace(delivery, state=DeliveryState.REFUSED, error=str(error), refused=address))
    if done.failures:
        raise min(done.failures, key=error_priority)
    return len(done.refused)
