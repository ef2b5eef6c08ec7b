"""Read the events that SES publishes to SNS, as SQS delivers them.

Source: "Contents of event data that Amazon SES publishes to Amazon SNS", SES developer guide.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from ..domain.feedback import TAG, Event, Outcome, RecipientState
from ..domain.storable import storable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

_LONGEST: Final = 500
#: A message has at most 50 recipients; a hostile one must not cost more than that.
_MOST_RECIPIENTS: Final = 50
_HARD_BOUNCES: Final = {
    "NoEmail": "the address could not be read from the bounce message",
    "Suppressed": "SES does not send to this address, because messages to it bounced lately",
    "OnAccountSuppressionList": "the address is on the suppression list of the SES account",
}
_SOFT_BOUNCES: Final = {
    "MailboxFull": "the mailbox is full",
    "MessageTooLarge": "the message is too large for the recipient's mail server",
    "ContentRejected": "the recipient's mail server does not accept the content of the message",
    "AttachmentRejected": "the recipient's mail server does not accept the attachments",
    "CustomTimeoutExceeded": "the recipient's mail server did not accept the message in time",
}
_DELAYS: Final = {
    "MailboxFull": "the mailbox is full",
    "SpamDetected": "the recipient's mail server takes the message for spam",
    "RecipientServerError": "the recipient's mail server has a fault",
    "IPFailure": "the recipient's mail server does not accept mail from the address of SES",
    "TransientCommunicationFailure": "the connection to the recipient's mail server failed",
    "SendingDeferral": "SES keeps the message back for a while",
}


class ForeignMessageError(Exception):
    """A message of the queue is no event of a message of ours."""


def read_event(body: str) -> Event:
    """The event in the body of an SQS message, with or without SNS's envelope.

    Raises ForeignMessageError for anything else: also for events that say nothing of a delivery, such as openings.
    """
    try:
        record = json.loads(body)
        if record.get("Type") == "Notification":
            record = json.loads(record["Message"])
        mail = record["mail"]
        (delivery,) = mail["tags"][TAG]
        # Feedback that an identity sends without a configuration set has no tags.
        kind, read = record["eventType"], _READERS[record["eventType"]]
        found = record.get(kind[0].lower() + kind[1:], {})
        outcomes = tuple(read(found, mail))
        if not 0 < len(outcomes) <= _MOST_RECIPIENTS:
            raise ForeignMessageError
        return Event(
            delivery=UUID(hex=delivery),
            message_id=_text(mail["messageId"]),
            at=_moment(found.get("timestamp") or mail["timestamp"]),
            outcomes=outcomes,
        )
    except (AttributeError, LookupError, RecursionError, TypeError, ValueError):
        raise ForeignMessageError from None


def _send(_: Mapping[str, Any], mail: Mapping[str, Any]) -> Iterator[Outcome]:
    for address in mail["destination"]:
        yield Outcome(address=_text(address), state=RecipientState.ACCEPTED)


def _delivery(found: Mapping[str, Any], _: Mapping[str, Any]) -> Iterator[Outcome]:
    for address in found["recipients"]:
        yield Outcome(address=_text(address), state=RecipientState.DELIVERED, detail=_text(found.get("smtpResponse")))


def _bounce(found: Mapping[str, Any], _: Mapping[str, Any]) -> Iterator[Outcome]:
    subtype = found.get("bounceSubType")
    if found["bounceType"] == "Permanent":
        state = RecipientState.BOUNCED
        reason = _HARD_BOUNCES.get(str(subtype), "the recipient's mail server says that it has no such mailbox")
    else:
        state = RecipientState.SOFT_BOUNCED
        reason = _SOFT_BOUNCES.get(str(subtype), "the recipient's mail server did not take the message this time")
    for one in found["bouncedRecipients"]:
        yield Outcome(
            address=_text(one["emailAddress"]), state=state, reason=reason, detail=_text(one.get("diagnosticCode"))
        )


def _complaint(found: Mapping[str, Any], _: Mapping[str, Any]) -> Iterator[Outcome]:
    if found.get("complaintFeedbackType") == "not-spam":  # a reader took it out of the spam folder
        raise ForeignMessageError
    whom = found["complainedRecipients"]
    reason = "the reader marked the message as spam"
    if found.get("complaintSubType") == "OnAccountSuppressionList":
        reason = "the address is on the suppression list of the SES account because of a complaint"
    elif len(whom) > 1:  # most mail providers do not say who it was; SES names everybody at this provider
        reason = f"one of {len(whom)} readers marked the message as spam, and their mail provider does not say who"
    for one in whom:
        yield Outcome(address=_text(one["emailAddress"]), state=RecipientState.COMPLAINED, reason=reason)


def _reject(_: Mapping[str, Any], mail: Mapping[str, Any]) -> Iterator[Outcome]:
    for address in mail["destination"]:
        yield Outcome(address=_text(address), state=RecipientState.REJECTED, reason="SES found malware in the message")


def _delay(found: Mapping[str, Any], _: Mapping[str, Any]) -> Iterator[Outcome]:
    reason = _DELAYS.get(found.get("delayType", ""), "the recipient's mail server does not take the message now")
    for one in found["delayedRecipients"]:
        yield Outcome(
            address=_text(one["emailAddress"]),
            state=RecipientState.DELAYED,
            reason=f"{reason}; SES tries again",
            detail=_text(one.get("diagnosticCode")),
        )


_READERS: Final[Mapping[str, Callable[[Mapping[str, Any], Mapping[str, Any]], Iterator[Outcome]]]] = {
    "Send": _send,
    "Delivery": _delivery,
    "Bounce": _bounce,
    "Complaint": _complaint,
    "Reject": _reject,
    "DeliveryDelay": _delay,
}


def _text(value: Any) -> str:
    """One line of text; empty for None."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise TypeError
    return " ".join(storable(value).split())[:_LONGEST]


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
