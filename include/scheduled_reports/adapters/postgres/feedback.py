"""What became of messages, and the addresses that are not mailed any more."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from ...domain.addresses import mailbox
from ...domain.delivery import NOTICE
from ...domain.feedback import (
    STOPPING,
    Applied,
    Cause,
    Event,
    Feedback,
    News,
    RecipientRecord,
    RecipientState,
    Suppression,
)
from ...domain.run import RunKey
from ...ports.feedback import MOST_SUPPRESSIONS
from .conditions import keep_state
from .connection import transaction
from .encoding import in_encoding
from .ledger import key_values
from .readers import note_act
from .sql import statements

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from contextlib import AbstractContextManager
    from datetime import datetime
    from uuid import UUID

    import psycopg

    from ...domain.run import AuditAction

    Connection = psycopg.Connection[dict[str, Any]]
    #: An event, and the message that it names as the ledger holds it.
    Match = tuple[Event, dict[str, Any]]

#: The order in which a later state replaces an earlier one.
ORDER = [str(state) for state in RecipientState]


@dataclass(frozen=True, slots=True)
class PostgresFeedback:
    """Port `FeedbackStore`; every call is one short transaction."""

    dsn: str = field(repr=False)
    statement_timeout: timedelta = timedelta(seconds=20)

    def apply(self, events: Sequence[Event], *, exempt: str | None = None) -> Applied:
        with self._transaction() as connection:
            matches = _matches(connection, events)
            confirmed = _confirm(connection, matches)
            _reject(connection, matches)
            suppressed = _suppress(connection, _note_outcomes(connection, matches), matches, exempt)
            applied = Applied(len(matches), len(events) - len(matches), confirmed, suppressed)
            values = {"events": applied.events, "ignored": applied.ignored, "drained_at": None}
            _run(connection, "count", values)
        return applied

    def note_drained(self, ignored: int, *, drained_at: datetime | None) -> None:
        with self._transaction() as connection:
            _run(connection, "count", {"events": 0, "ignored": ignored, "drained_at": drained_at})

    def feedback(self) -> Feedback:
        (row,) = self._rows("feedback", {})
        return Feedback(**row)

    def recipients(self, key: RunKey) -> Sequence[RecipientRecord]:
        rows = self._rows("recipients", key_values(key))
        return tuple(RecipientRecord(**{**row, "state": RecipientState(row["state"])}) for row in rows)

    def suppressed(self, workspace_id: str) -> frozenset[str]:
        return frozenset(row["mailbox"] for row in self._rows("suppressed", {"workspace_id": workspace_id}))

    def suppressions(self, workspace_id: str) -> Sequence[Suppression]:
        values = {"workspace_id": workspace_id, "limit": MOST_SUPPRESSIONS}
        return tuple(map(_suppression, self._rows("suppressions", values)))

    def lift(self, workspace_id: str, address: str, act: AuditAction, reason: str) -> bool:
        values = {
            "workspace_id": workspace_id,
            "mailbox": mailbox(address),
            "by": act.actor.person,
            "reason": reason,
        }
        with self._transaction() as connection:
            found = _run(connection, "lift", values).fetchone()
            if found:
                note_act(connection, act, found["report_id"], {"address": found["address"], "reason": reason})
        return found is not None

    def untold(self, *, limit: int) -> Sequence[RunKey]:
        return tuple(RunKey(**row) for row in self._rows("untold", {"limit": limit}))

    def news(self, key: RunKey) -> News:
        with self._transaction() as connection:
            (row,) = _run(connection, "confirmed", key_values(key)).fetchall()
            rows = _run(connection, "news", key_values(key)).fetchall()
        return News(confirmed=row["messages"], suppressions=tuple(map(_suppression, rows)))

    def told(self, key: RunKey) -> None:
        with self._transaction() as connection:
            _run(connection, "told_confirmed", key_values(key))
            _run(connection, "told_suppressed", key_values(key))

    def _rows(self, name: str, values: Mapping[str, Any]) -> list[dict[str, Any]]:
        with self._transaction() as connection:
            return _run(connection, name, values).fetchall()

    def _transaction(self) -> AbstractContextManager[Connection]:
        return transaction(self.dsn, statement_timeout=self.statement_timeout)


def _matches(connection: Connection, events: Sequence[Event]) -> list[Match]:
    """The events that name a message which had all their recipients, each with that message."""
    ids = list({event.delivery for event in events})
    held: dict[UUID, dict[str, Any]] = {row["feedback_id"]: row for row in _run(connection, "named", {"ids": ids})}
    found = ((event, held[event.delivery]) for event in events if event.delivery in held)
    return [(event, row) for event, row in found if _is_about(event, row)]


def _is_about(event: Event, row: Mapping[str, Any]) -> bool:
    """Whether the recipients and the mail service's id are those of the message."""
    had = {mailbox(address) for addresses in row["recipients"].values() for address in addresses}
    named = {mailbox(one.address) for one in event.outcomes}
    return named <= had and row["message_id"] in (None, event.message_id)


def _confirm(connection: Connection, matches: Iterable[Match]) -> int:
    """Record as sent what the events prove to be; return how many messages had an unknown outcome."""
    proven = {
        _message(row): (event, row)
        for event, row in matches
        if row["state"] in ("claimed", "unknown") and not _is_rejected(event)
    }
    if not proven:
        return 0
    values = _messages(proven.values()) | {"message_ids": [event.message_id for event, _ in proven.values()]}
    changed = _run(connection, "confirm", values).fetchall()
    for row in changed:
        if not row["message"].startswith(NOTICE):
            keep_state(connection, _key(row))
    _reopen(connection, changed)
    return sum(row["was_unknown"] for row in changed)


def _reject(connection: Connection, matches: Iterable[Match]) -> None:
    """Record as refused what the mail service took and then did not send."""
    refused = {_message(row): (event, row) for event, row in matches if _is_rejected(event)}
    if not refused:
        return
    values = _messages(refused.values()) | {
        "message_ids": [event.message_id for event, _ in refused.values()],
        "reasons": [event.outcomes[0].reason for event, _ in refused.values()],
    }
    _reopen(connection, _run(connection, "reject", values).fetchall())


def _reopen(connection: Connection, changed: Iterable[Mapping[str, Any]]) -> None:
    """Have the runs of these messages settled again."""
    for key in {_key(row) for row in changed if not row["message"].startswith(NOTICE)}:
        connection.execute(statements("ledger")["reopen"], key_values(key))


def _note_outcomes(connection: Connection, matches: Iterable[Match]) -> list[dict[str, Any]]:
    """Record what became of each recipient; return those whose state has changed."""
    best: dict[tuple[str, ...], tuple[str, ...]] = {}
    moments: dict[tuple[str, ...], datetime] = {}
    for event, row in matches:
        spelled = {mailbox(one): one for addresses in row["recipients"].values() for one in addresses}
        for one in event.outcomes:
            box = mailbox(one.address)
            place = (*_message(row), box)
            held = best.get(place)
            newer = held is None or (ORDER.index(one.state), moments[place]) > (ORDER.index(held[1]), event.at)
            if newer:
                best[place] = (spelled[box], str(one.state), one.reason, one.detail)
                moments[place] = event.at
    if not best:
        return []
    places, found = list(best), list(best.values())
    values = {
        "report_ids": [place[0] for place in places],
        "run_ids": [place[1] for place in places],
        "messages": [place[2] for place in places],
        "mailboxes": [place[3] for place in places],
        "addresses": [one[0] for one in found],
        "states": [one[1] for one in found],
        "reasons": [one[2] for one in found],
        "details": [one[3] for one in found],
        "moments": [moments[place] for place in places],
        "order": ORDER,
    }
    return _run(connection, "note_outcomes", values).fetchall()


def _suppress(
    connection: Connection, changed: Iterable[Mapping[str, Any]], matches: Iterable[Match], exempt: str | None
) -> int:
    """Suppress the addresses that bounced or complained now; return how many were not suppressed before."""
    workspaces = {_message(row): row["workspace_id"] for _, row in matches}
    spared = mailbox(exempt) if exempt else None
    stopped = [
        (row, workspaces[_message(row)])
        for row in changed
        if RecipientState(row["state"]) in STOPPING and row["mailbox"] != spared and workspaces[_message(row)]
    ]
    if not stopped:
        return 0
    values = {
        "workspace_ids": [workspace for _, workspace in stopped],
        "mailboxes": [row["mailbox"] for row, _ in stopped],
        "addresses": [row["address"] for row, _ in stopped],
        "causes": [str(STOPPING[RecipientState(row["state"])]) for row, _ in stopped],
        "reasons": [row["reason"] for row, _ in stopped],
        "report_ids": [row["report_id"] for row, _ in stopped],
        "run_ids": [row["run_id"] for row, _ in stopped],
        "moments": [row["at"] for row, _ in stopped],
    }
    return _run(connection, "suppress", values).rowcount


def _is_rejected(event: Event) -> bool:
    return event.outcomes[0].state is RecipientState.REJECTED


def _message(row: Mapping[str, Any]) -> tuple[str, str, str]:
    return row["report_id"], row["run_id"], row["message"]


def _key(row: Mapping[str, Any]) -> RunKey:
    return RunKey(report_id=row["report_id"], run_id=row["run_id"])


def _messages(matches: Iterable[Match]) -> dict[str, Any]:
    """The names of messages as statement parameters."""
    names = [_message(row) for _, row in matches]
    return {
        "report_ids": [report_id for report_id, _, _ in names],
        "run_ids": [run_id for _, run_id, _ in names],
        "messages": [message for _, _, message in names],
    }


def _suppression(row: Mapping[str, Any]) -> Suppression:
    return Suppression(**{**row, "cause": Cause(row["cause"])})


def _run(connection: Connection, name: str, values: Mapping[str, Any]) -> psycopg.Cursor[dict[str, Any]]:
    return connection.execute(statements("feedback")[name], in_encoding(connection, values))
