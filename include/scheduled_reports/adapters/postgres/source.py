"""Stream the application's data from PostgreSQL as Arrow, with ADBC.

With bound parameters ADBC does not use COPY and buffers the whole result.  So queries are static and read `report.*`
settings, which are local to the transaction: behind PgBouncer no other tenant sees them, and a query that runs
without them fails instead of returning the rows of all tenants.
"""

from __future__ import annotations

import json
import weakref
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, timedelta
from typing import TYPE_CHECKING, Any

import adbc_driver_manager
import adbc_driver_postgresql.dbapi as adbc
from adbc_driver_manager._reader import AdbcRecordBatchReader

from ...domain.errors import ReportTypeError, TransientError
from .connection import conninfo

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa

    from ...ports.source import Scope

#: SQLSTATE classes where a retry may help: connection, resources, operator intervention, system, rollback.
PASSING = ("08", "53", "57", "58", "40", "55")


@dataclass(frozen=True, slots=True, weakref_slot=True)
class PostgresSource:
    """Port `Source`: one read-only transaction per dataset, one after the other on one connection.

    A new connection per dataset would load PostgreSQL's types again, which takes about 30 ms.
    """

    dsn: str = field(repr=False)
    statement_timeout: timedelta = timedelta(minutes=10)
    _idle: list[Any] = field(default_factory=list, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        weakref.finalize(self, _close, self._idle)

    @contextmanager
    def stream(self, sql: str, scope: Scope) -> Iterator[pa.RecordBatchReader]:
        try:
            with self._connection() as connection, connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION READ ONLY")
                for name, value in self._bound(scope).items():
                    cursor.execute("SELECT set_config($1, $2, true)", (name, value))
                    cursor.fetchall()
                cursor.execute(sql)
                rows = cursor.fetch_arrow()
                # `fetch_record_batch` returns a reader whose errors have no SQLSTATE.
                yield AdbcRecordBatchReader._import_from_c(rows.address)  # noqa: SLF001 - as pyarrow's own is used
        except adbc_driver_manager.Error as error:
            state = error.sqlstate or ""
            if isinstance(error, adbc_driver_manager.OperationalError) and not state:
                raise TransientError("the reports database did not answer") from error
            if state.startswith(PASSING):
                raise TransientError(f"the reports database aborted a query (SQLSTATE {state})") from error
            raise ReportTypeError(f"the report type's query failed (SQLSTATE {state})") from error

    @contextmanager
    def _connection(self) -> Iterator[Any]:
        """The idle connection or a new one; kept only if its transaction ended without an error."""
        connection = self._idle.pop() if self._idle else adbc.connect(conninfo(self.dsn), autocommit=False)
        try:
            yield connection
            connection.rollback()
        except BaseException:
            connection.close()
            raise
        self._idle.append(connection)

    def _bound(self, scope: Scope) -> dict[str, str]:
        return {
            "statement_timeout": f"{int(self.statement_timeout.total_seconds() * 1000)}",
            "report.workspace_id": scope.workspace_id,
            # The application stores UTC in timestamps without time zone.
            "report.start": scope.start.astimezone(UTC).replace(tzinfo=None).isoformat(),
            "report.end": scope.end.astimezone(UTC).replace(tzinfo=None).isoformat(),
            "report.timezone": scope.timezone,
            "report.parameters": json.dumps(dict(scope.parameters)),
        }


def _close(connections: list[Any]) -> None:
    while connections:
        connections.pop().close()
