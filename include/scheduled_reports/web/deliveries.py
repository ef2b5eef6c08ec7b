"""The messages of a run as people see them: the ledger, what became of each recipient, and of the links."""

from __future__ import annotations

from datetime import timedelta
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

from ..domain.addresses import mailbox
from ..domain.feedback import RecipientRecord, RecipientState
from ..domain.reader import READER
from . import serializers, shapes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from ..domain.feedback import Feedback
    from ..domain.run import RunKey
    from ..ports.web import Record
    from .access import Access

#: The mail service tells within seconds that it has taken a message; after so long, no event means that it has not.
SILENCE: Final = timedelta(hours=1)


def deliveries_of(access: Access, key: RunKey) -> list[shapes.Delivery]:
    """Return the messages of a run, each with what became of it at each recipient.

    Messages whose links lead to the public door have their reader.  Messages to one reader each come last, in the order
    of their addresses.
    """
    core, held = access.ports.core, access.ports.reports.deliveries(key)
    readers = {one.message: one for one in core.readers.of(key)}
    known = groupby(core.feedback.recipients(key), key=lambda one: one.message)
    outcomes = {message: tuple(found) for message, found in known}
    has_open = any(one["state"] == "unknown" and one["has_events"] for one in held)
    feedback = core.feedback.feedback() if has_open else None
    found = (
        serializers.delivery(
            one,
            readers.get(one["message"]),
            _outcomes(one, outcomes.get(one["message"], ())),
            is_likely_unsent=feedback is not None and is_likely_unsent(one, feedback),
        )
        for one in held
    )
    return sorted(found, key=_place)


def is_likely_unsent(record: Record, feedback: Feedback) -> bool:
    """Whether a message of unknown outcome was almost certainly not sent.

    An hour has passed since it was claimed, all events of that hour were read, and none was about it.
    """
    claimed: datetime = record["claimed_at"]
    read_to = feedback.drained_at
    return bool(record["has_events"]) and record["state"] == "unknown" and bool(read_to and read_to > claimed + SILENCE)


def _outcomes(record: Record, known: Sequence[RecipientRecord]) -> list[RecipientRecord]:
    """Return what became of a message at each recipient; one without an event has been accepted if it was sent."""
    told = {mailbox(one.address): one for one in known}
    everyone = [address for kind in ("to", "cc", "bcc") for address in record["recipients"].get(kind, ())]
    accepted = [
        RecipientRecord(
            message=record["message"],
            address=address,
            state=RecipientState.ACCEPTED,
            at=record["settled_at"] or record["claimed_at"],
        )
        for address in everyone
        if record["state"] == "sent" and mailbox(address) not in told
    ]
    return [*told.values(), *accepted]


def only_reader(delivery: Mapping[str, Any]) -> str | None:
    """Return the address of a message to one reader, whose name in the ledger says nothing to people."""
    if not delivery["message"].startswith(READER):
        return None
    return ", ".join(address for kind in ("to", "cc", "bcc") for address in delivery["recipients"].get(kind, ()))


def _place(delivery: Mapping[str, Any]) -> tuple[bool, str]:
    address = only_reader(delivery)
    return address is not None, (address or delivery["message"]).lower()
