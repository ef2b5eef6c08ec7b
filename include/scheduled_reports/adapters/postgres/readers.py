"""The readers of runs and who has left, in reporting.readers and reporting.opt_outs."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from ...domain.addresses import mailbox, spellings
from ...domain.reader import LeftBy, OptOut, Reader
from .connection import transaction
from .encoding import in_encoding
from .ledger import key_values
from .sql import statements

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    from ...domain.reader import Addressee
    from ...domain.run import RunKey


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

    def revoke(self, key: RunKey) -> int:
        with transaction(self.dsn, statement_timeout=self.statement_timeout) as connection:
            return connection.execute(statements("readers")["revoke"], key_values(key)).rowcount

    def opted_out(self, report_id: str) -> frozenset[str]:
        return frozenset(row["mailbox"] for row in self._rows("opted_out", {"report_id": report_id}))

    def opt_outs(self, report_id: str) -> Sequence[OptOut]:
        rows = self._rows("opt_outs", {"report_id": report_id})
        return tuple(OptOut(**{**row, "how": LeftBy(row["how"])}) for row in rows)

    def take_back(self, report_id: str, address: str, *, by: str, reason: str) -> bool:
        values = {"report_id": report_id, "mailbox": mailbox(address), "by": by, "reason": reason}
        return bool(self._rows("take_back", values))

    def _rows(self, name: str, values: Mapping[str, Any]) -> list[dict[str, Any]]:
        with transaction(self.dsn, statement_timeout=self.statement_timeout) as connection:
            return connection.execute(statements("readers")[name], in_encoding(connection, values)).fetchall()
