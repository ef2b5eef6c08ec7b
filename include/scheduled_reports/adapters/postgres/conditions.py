"""The conditions of emails: verdicts in reporting.runs, and what later runs are compared with."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from psycopg.types.json import Jsonb

from ...domain.send_if import MailedState
from .encoding import in_encoding
from .sql import statements

if TYPE_CHECKING:
    from collections.abc import Mapping

    import psycopg

    from ...domain.run import RunKey
    from ...domain.send_if import Candidate, Verdict

    Connection = psycopg.Connection[dict[str, Any]]


def mailed_state(connection: Connection, report_id: str, workspace_id: str) -> MailedState | None:
    """What the report was last mailed with; None if nothing is kept."""
    row = _run(connection, "mailed_state", {"report_id": report_id, "workspace_id": workspace_id}).fetchone()
    return MailedState(**row) if row else None


def note_verdict(
    connection: Connection, key: RunKey, verdict: Verdict, candidate: Candidate | None
) -> Mapping[str, Any]:
    """Record the verdict of a run unless a message of it may have been sent; return the one that is recorded."""
    kept = asdict(candidate) if candidate is not None and candidate.pending else {}
    keys = kept.pop("keys", None)
    values = _key(key) | {"verdict": Jsonb(asdict(verdict)), "candidate": Jsonb(kept) if kept else None, "keys": keys}
    found = _run(connection, "note_verdict", values).fetchone()
    if found is None:
        (row,) = _run(connection, "verdict", _key(key)).fetchall()
        recorded: Mapping[str, Any] = row["verdict"]
        return recorded
    if kept:
        _run(connection, "forget_candidates", {"report_id": key.report_id, **found})
    if candidate is not None and not candidate.met:
        _run(connection, "not_met", {"report_id": key.report_id, "condition": candidate.condition, **found})
    return asdict(verdict)


def keep_state(connection: Connection, key: RunKey) -> None:
    """Keep what a run was mailed with; safe to repeat."""
    _run(connection, "keep_state", _key(key))


def _key(key: RunKey) -> dict[str, Any]:
    return {"report_id": key.report_id, "run_id": key.run_id}


def _run(connection: Connection, name: str, values: Mapping[str, Any]) -> psycopg.Cursor[dict[str, Any]]:
    return connection.execute(statements("conditions")[name], in_encoding(connection, values))
