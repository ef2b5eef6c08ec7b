"""The stages of compact runs: reporting.stages."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from ...domain.formats import Format
from ...domain.stage import StageAttempt, StageName, StageResult
from .connection import transaction
from .ledger import key_values
from .sql import statements

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from contextlib import AbstractContextManager

    import psycopg

    from ...domain.run import RunKey

    Connection = psycopg.Connection[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class PostgresStages:
    """Port `Stages`; every call is one short transaction."""

    dsn: str = field(repr=False)
    statement_timeout: timedelta = timedelta(seconds=10)

    def note(self, key: RunKey, attempt: StageAttempt) -> None:
        with self._transaction() as connection:
            _run(connection, "note", {**key_values(key), **asdict(attempt), "format": attempt.format or ""})

    def of(self, key: RunKey) -> Sequence[StageAttempt]:
        with self._transaction() as connection:
            return tuple(map(_read, _run(connection, "attempts", key_values(key)).fetchall()))

    def forget(self, key: RunKey) -> None:
        with self._transaction() as connection:
            _run(connection, "forget", key_values(key))

    def resume(self, key: RunKey, clear_number: int) -> bool:
        with self._transaction() as connection:
            if not _run(connection, "resume", {**key_values(key), "clear_number": clear_number}).fetchone():
                return False
            _run(connection, "forget_failed", key_values(key))
        return True

    def _transaction(self) -> AbstractContextManager[Connection]:
        return transaction(self.dsn, statement_timeout=self.statement_timeout)


def _run(connection: Connection, name: str, values: Mapping[str, Any]) -> psycopg.Cursor[dict[str, Any]]:
    return connection.execute(statements("stages")[name], values)


def _read(row: Mapping[str, Any]) -> StageAttempt:
    return StageAttempt(
        stage=StageName(row["stage"]),
        format=Format(row["format"]) if row["format"] else None,
        attempt=row["attempt"],
        started_at=row["started_at"],
        ended_at=row["ended_at"],
        result=StageResult(row["result"]) if row["result"] else None,
    )
