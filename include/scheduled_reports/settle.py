"""What a run has come to, from what its stages left: pure, so that it can be asked again at any time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .model import DeliveryState, Outcome, RunState

if TYPE_CHECKING:
    from .model import Format
    from .ports import Snapshot

NEVER_MADE = "the run ended before this file was made"
NEVER_MAILED = "the run ended before the mail was sent"


def outcome(snapshot: Snapshot) -> Outcome:
    """Success when every format arrived and the mail, where one was wanted, was sent."""
    if snapshot.skipped:
        return Outcome(state=RunState.SKIPPED, reason=snapshot.reason)
    arrived = {artifact.format for artifact in snapshot.artifacts}
    errors: dict[Format, str] = {
        chosen: snapshot.errors.get(chosen) or snapshot.reason or NEVER_MADE
        for chosen in snapshot.formats
        if chosen not in arrived
    }
    reasons = [f"{chosen}: {error}" for chosen, error in errors.items()]
    mail_error = _mail_error(snapshot) if arrived else None
    if mail_error:
        reasons.append(f"mail: {mail_error}")
    if snapshot.run is None and not reasons:
        reasons.append(snapshot.reason or NEVER_MADE)
    state = RunState.FAILED if reasons else RunState.SUCCESS
    return Outcome(state=state, reason="; ".join(dict.fromkeys(reasons)) or None, errors=errors, mail_error=mail_error)


def _mail_error(snapshot: Snapshot) -> str | None:
    """Why the mail did not go out whole; None where it did or none was wanted."""
    if snapshot.mail is None:
        return NEVER_MAILED
    if not snapshot.mail["wanted"]:
        return None
    states = {delivery.message: delivery for delivery in snapshot.deliveries}
    wrong = [
        f"{name}: {delivery.error or delivery.state}"
        for name, delivery in states.items()
        if delivery.state is not DeliveryState.SENT
    ]
    if len(states) < snapshot.mail["messages"]:
        wrong.append(NEVER_MAILED)
    return "; ".join(wrong) or None
