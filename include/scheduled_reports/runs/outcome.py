"""Derive a run's outcome from what its stages recorded: a pure function that can be repeated at any time."""

from __future__ import annotations

from collections import Counter
from itertools import groupby
from typing import TYPE_CHECKING, Any

from ..domain.delivery import DeliveryState
from ..domain.run import Outcome, RunState

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..domain.delivery import Delivery
    from ..domain.formats import Format
    from ..ports.runs import Snapshot

NEVER_MADE = "the run ended before this file was made"
NEVER_MAILED = "the run ended before the mail was sent"


def outcome(snapshot: Snapshot, why: str | None = None) -> Outcome:
    """Success if every format was uploaded and the mail, if one was wanted, was sent to every recipient.

    *why* is the reason used where no stage recorded one.
    """
    if snapshot.skipped:
        return Outcome(state=RunState.SKIPPED, reason=snapshot.reason)
    arrived = {artifact.format for artifact in snapshot.artifacts}
    never_made, never_mailed = (f"{text}: {why}" if why else text for text in (NEVER_MADE, NEVER_MAILED))
    never_mailed = snapshot.mail_error or never_mailed
    errors: dict[Format, str] = {
        chosen: snapshot.errors.get(chosen) or snapshot.reason or never_made
        for chosen in snapshot.formats
        if chosen not in arrived
    }
    reasons = [f"{chosen}: {error}" for chosen, error in errors.items()]
    mail_error = "; ".join(_mail_errors(snapshot, never_mailed)) or None if arrived else None
    if mail_error:
        reasons.append(f"mail: {mail_error}")
    if not reasons and not (snapshot.frozen and snapshot.formats):
        reasons.append(snapshot.reason or never_made)
    state = RunState.FAILED if reasons else RunState.SUCCESS
    return Outcome(state=state, reason="; ".join(dict.fromkeys(reasons)) or None, errors=errors, mail_error=mail_error)


def _mail_errors(snapshot: Snapshot, never_mailed: str) -> list[str]:
    """Why the mail was not sent to every recipient; empty if it was, or if none was wanted.

    The reason is logged, so it contains no address.
    """
    plan = snapshot.mail
    if plan is None:
        return [never_mailed]
    left_out = _left_out(plan)
    if not plan["wanted"]:
        return [str(plan["why"])] if left_out else []
    if plan.get("separate"):
        return [*_reader_errors(snapshot, plan["messages"], never_mailed), *left_out]
    messages = _messages(snapshot)
    wrong = [reason for calls in messages for reason in _call_errors(calls)]
    if refused := {address for calls in messages for call in calls[:-1] for address in call.refused}:
        everybody = {address for calls in messages for call in calls for address in call.recipients}
        wrong.append(f"refused for {len(refused)} of {len(everybody)} recipients")
    wrong += left_out
    if len(messages) < plan["messages"]:
        wrong.append(never_mailed)
    return wrong


def _reader_errors(snapshot: Snapshot, planned: int, never_mailed: str) -> list[str]:
    """Why separate messages did not reach everybody: each reason once, with the number of readers it holds for."""
    held = [one for one in snapshot.deliveries if one.is_separate]
    reasons = Counter(
        f"{one.error or one.state}" for one in held if one.state is not DeliveryState.SENT and not one.refused
    )
    found = [f"{reason} (for {count} of {planned} recipients)" for reason, count in reasons.items()]
    if refused := sum(bool(one.refused) for one in held):
        found.append(f"refused for {refused} of {planned} recipients")
    return [*found, never_mailed] if len(held) < planned else found


def _call_errors(calls: Sequence[Delivery]) -> list[str]:
    """Why the calls of a message did not reach everybody; a call that was repeated in other calls counts as they do."""
    errors = []
    reached = {address for call in calls if call.state is DeliveryState.SENT for address in call.recipients}
    for number, call in enumerate(calls):
        later = {address for one in calls[number + 1 :] for address in one.recipients}
        refused = set(call.refused if later else ())
        if call.state is not DeliveryState.SENT and not (reached | later | refused).issuperset(call.recipients):
            errors.append(f"{call.message}: {call.error or call.state}")
    return errors


def _left_out(plan: Mapping[str, Any]) -> list[str]:
    """Which recipients of a plan were left out, and why; records of earlier releases lack some counts."""
    reasons = (("blocked", "are outside RECIPIENT_DOMAINS"), ("strangers", "of the request may not be mailed"))
    return [f"{plan[name]} recipients {reason}" for name, reason in reasons if plan.get(name)]


def _messages(snapshot: Snapshot) -> list[list[Delivery]]:
    """The send calls of each message, in order."""
    ordered = sorted((one for one in snapshot.deliveries if not one.is_separate), key=_place)
    return [list(calls) for _, calls in groupby(ordered, key=lambda one: _place(one)[0])]


def _place(delivery: Delivery) -> tuple[str, int]:
    """The message key, and the number of the send call."""
    message, _, call = delivery.message.partition("+")
    return message, int(call or 0)
