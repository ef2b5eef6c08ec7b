"""Stream the application's data from PostgreSQL as Arrow, with ADBC.

With bound parameters ADBC does not use COPY and buffers the whole result.  So queries are static and read `report.*`
settings, which are local to the transaction: behind PgBouncer no other tenant sees them, and a query that runs
without them fails instead of returning the rows of all tenants.
"""

from __future__ import annotations

import json
import re
import weakref
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import adbc_driver_manager
import adbc_driver_postgresql.dbapi as adbc
import pyarrow
from adbc_driver_manager._reader import AdbcRecordBatchReader
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from ...domain.clock import clock_changes, local_days, offsets_since, parse_zone
from ...domain.errors import ConfigurationError, ReportTypeError, TransientError
from .connection import conninfo
from .sql import statements

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ...ports.source import Scope

#: SQLSTATE classes where a retry may help: connection, resources, operator intervention, system, rollback.
PASSING = ("08", "53", "57", "58", "40", "55")
#: Expressions that read the name of a zone.
BY_NAME = re.compile(r"\btime\s+zone\b|\btimezone\s*\(|\bdate_trunc\s*\(", re.IGNORECASE)


#: Bytes of a batch, half of the driver's own 16 MB: two of them are in memory while one is written, and the last one is
#: written after the database has finished. Much smaller ones take longer to write.
BATCH = {"adbc.postgresql.batch_size_hint_bytes": str(8 * 2**20)}


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
    def stream(self, sql: str, scope: Scope) -> Iterator[pyarrow.RecordBatchReader]:
        with _translated(), self._connection() as connection, connection.cursor() as cursor:
            self._set(cursor, scope)
            _refuse_abbreviation(cursor, sql, scope.timezone)
            cursor.adbc_statement.set_options(**BATCH)
            cursor.execute(sql)
            rows = cursor.fetch_arrow()
            # `fetch_record_batch` returns a reader whose errors have no SQLSTATE.
            yield AdbcRecordBatchReader._import_from_c(rows.address)  # noqa: SLF001 - as pyarrow's own is used

    def columns(self, sql: str) -> pyarrow.Schema:
        with _translated(), self._connection() as connection, connection.cursor() as cursor:
            cursor.execute(statements("session")["settings"])
            cursor.fetchall()
            return cursor.adbc_execute_schema(sql)

    def _set(self, cursor: Any, scope: Scope) -> None:
        """Make our session settings and those of *scope*, all local to the transaction, in one statement."""
        bound = self._bound(scope)
        calls = ", ".join(f"set_config(${2 * number + 1}, ${2 * number + 2}, true)" for number in range(len(bound)))
        cursor.execute(
            f"{statements('session')['settings']}, {calls}", [part for setting in bound.items() for part in setting]
        )
        cursor.fetchall()

    @contextmanager
    def _connection(self) -> Iterator[Any]:
        """The idle connection or a new one; kept only if its transaction ended without an error."""
        connection = self._idle.pop() if self._idle else _connect(conninfo(self.dsn))
        try:
            yield connection
            connection.rollback()
        except BaseException:
            connection.close()
            raise
        self._idle.append(connection)

    def _bound(self, scope: Scope) -> dict[str, str]:
        return {
            "transaction_read_only": "on",
            "statement_timeout": f"{int(self.statement_timeout.total_seconds() * 1000)}",
            "report.workspace_id": scope.workspace_id,
            "report.start": _utc(scope.start),
            "report.end": _utc(scope.end),
            "report.timezone": scope.timezone,
            "report.parameters": json.dumps(dict(scope.parameters), ensure_ascii=False, separators=(",", ":")),
            **_clock(scope),
        }


def _refuse_abbreviation(cursor: Any, sql: str, timezone: str) -> None:
    """Refuse a query that hands PostgreSQL the name of a zone that it takes for an abbreviation, such as CET."""
    if "report.timezone" not in sql or not BY_NAME.search(sql):
        return
    cursor.execute(
        "SELECT extract(epoch FROM utc_offset)::int FROM pg_timezone_abbrevs WHERE abbrev = upper($1)", (timezone,)
    )
    fixed = {timedelta(seconds=seconds) for (seconds,) in cursor.fetchall()}
    if fixed and fixed != offsets_since(datetime(1970, 1, 1, tzinfo=UTC), parse_zone(timezone)):
        raise ReportTypeError(
            f"the query reads report.timezone, but PostgreSQL takes {timezone} for an abbreviation of a fixed offset; "
            "read report.day_starts or report.clock_offsets instead"
        )


def _clock(scope: Scope) -> dict[str, str]:
    """The zone's days and clock changes as PostgreSQL arrays; nothing for a text that is not a zone."""
    try:
        zone = parse_zone(scope.timezone)
    except ValueError:  # a query that reads the arrays fails
        return {}
    days = list(local_days(scope.start, scope.end, zone))
    first, *others = clock_changes(zone)
    return {
        "report.days": _array(day.isoformat() for day, _ in days),
        "report.day_starts": _array(_utc(begin) for _, begin in days),
        "report.clock_changes": _array(["-infinity", *(_utc(one.at) for one in others)]),
        "report.clock_readings": _array(["-infinity", *(_utc(one.wall) for one in others)]),
        "report.clock_offsets": _array(f"{one.offset.total_seconds():.0f} s" for one in (first, *others)),
    }


def _utc(moment: datetime) -> str:
    """A moment as the application stores it: UTC in a timestamp without time zone."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat()


def _array(values: Iterable[str]) -> str:
    return f"{{{','.join(values)}}}"


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except adbc_driver_manager.Error as error:
        state = error.sqlstate or ""
        if isinstance(error, adbc_driver_manager.OperationalError) and not state:
            raise TransientError("the reports database did not answer") from error
        if state.startswith(PASSING):
            raise TransientError(f"the reports database aborted a query (SQLSTATE {state})") from error
        raise ReportTypeError(f"the report type's query failed (SQLSTATE {state})") from error


def _connect(target: str) -> Any:
    """A new connection whose driver knows PostgreSQL's types.

    The driver asks the server for their names when it connects, and does not understand quoted ones.
    """
    connection = adbc.connect(target, autocommit=False)
    if _knows_types(connection):
        return connection
    connection.close()
    options = f"{conninfo_to_dict(target).get('options', '')} -c quote_all_identifiers=off".strip()
    try:
        return adbc.connect(make_conninfo(target, options=options), autocommit=False)
    except adbc_driver_manager.Error as error:
        raise ConfigurationError(
            "quote_all_identifiers is on, and the connection pooler does not let it be set at the start; "
            "run ALTER ROLE … SET quote_all_identifiers = off for the role of this connection."
        ) from error


def _knows_types(connection: Any) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT ''::text")
        return bool(cursor.fetch_arrow_table().schema.types == [pyarrow.string()])


def _close(connections: list[Any]) -> None:
    while connections:
        connections.pop().close()
