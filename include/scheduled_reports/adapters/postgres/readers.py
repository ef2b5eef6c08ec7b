"""The readers of runs and who has left, in reporting.readers and reporting.opt_outs."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from psycopg.types.json import Jsonb

from ...domain.addresses import mailbox, spellings
from ...domain.reader import LeftBy, OptOut, Reader
from ...ports.readers import MOST_OPT_OUTS
from .connection import transaction
from .encoding import in_encoding
from .ledger import key_values
from .reports import unwanted
from .sql import statements

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from contextlib import AbstractContextManager
    from uuid import UUID

    import psycopg

    from ...domain.reader import Addressee, Unwanted
    from ...domain.run import AuditAction, RunKey

    Connection = psycopg.Connection[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class PostgresReaders:
    """Port `Readers`; every call is one short transaction."""

    dsn: str = field(repr=False)
    statement_timeout: timedelta = timedelta(seconds=10)

    def enlist(self, key: RunKey, workspace_id: str, addressees: Sequence[Addressee]) -> Mapping[str, UUID]:
        values = {
            **key_values(key),
            "workspace_id": workspace_id,
            "messages": [one.message for one in addressees],
            "addresses": [one.address for one in addressees],
            "mailboxes": [mailbox(one.address) if one.address else None for one in addressees],
            "spellings": [" ".join(sorted(spellings(one.address))) if one.address else None for one in addressees],
            "of_report": [one.of_report for one in addressees],
        }
        return {row["message"]: row["handle"] for row in self._rows("enlist", values)}

    def of(self, key: RunKey) -> Sequence[Reader]:
        return tuple(Reader(**row) for row in self._rows("of", key_values(key)))

    def revoke(self, key: RunKey, act: AuditAction) -> int:
        with self._transaction() as connection:
            ended = connection.execute(statements("readers")["revoke"], key_values(key)).rowcount
            if ended:
                note_act(connection, act, key.report_id, {"readers": ended}, run_id=key.run_id)
        return ended

    def opted_out(self, report_id: str) -> frozenset[str]:
        return frozenset(row["mailbox"] for row in self._rows("opted_out", {"report_id": report_id}))

    def unwanted(self, report_id: str) -> Unwanted:
        with self._transaction() as connection:
            return unwanted(connection, report_id)

    def opt_outs(self, report_id: str) -> Sequence[OptOut]:
        rows = self._rows("opt_outs", {"report_id": report_id, "limit": MOST_OPT_OUTS})
        return tuple(OptOut(**{**row, "how": LeftBy(row["how"])}) for row in rows)

    def take_back(self, report_id: str, address: str, act: AuditAction, reason: str) -> bool:
        values = {
            "report_id": report_id,
            "workspace_id": act.workspace_id,
            "mailbox": mailbox(address),
            "by": act.actor.person,
            "reason": reason,
        }
        with self._transaction() as connection:
            found = connection.execute(statements("readers")["take_back"], values).fetchone()
            if found:
                note_act(connection, act, report_id, {"address": found["address"], "reason": reason})
        return found is not None

    def _rows(self, name: str, values: Mapping[str, Any]) -> list[dict[str, Any]]:
        with self._transaction() as connection:
            return connection.execute(statements("readers")[name], in_encoding(connection, values)).fetchall()

    def _transaction(self) -> AbstractContextManager[Connection]:
        return transaction(self.dsn, statement_timeout=self.statement_timeout)


def note_act(
    connection: Connection, act: AuditAction, report_id: str, after: Mapping[str, Any], run_id: str | None = None
) -> None:
    """Note what somebody did in the audit trail."""
    values = {
        "report_id": report_id,
        "workspace_id": act.workspace_id,
        "action": act.action,
        "actor": act.actor.name,
        "acting_user": act.actor.acting_user,
        "run_id": run_id,
        "after": Jsonb(after),
    }
    connection.execute(statements("readers")["note_act"], values)
