"""Stream the application's data from PostgreSQL as Arrow, with ADBC.

With bound parameters ADBC does not use COPY and buffers the whole result.  So queries are static and read `report.*`
settings, which are local to the transaction: behind PgBouncer no other tenant sees them, and a query that runs
without them fails instead of returning the rows of all tenants.
"""

from __future__ import annotations

import re
import weakref
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import adbc_driver_manager
import adbc_driver_postgresql.dbapi as adbc
import orjson
from adbc_driver_manager._reader import AdbcRecordBatchReader

from ...domain.clock import clock_changes, local_days, offsets_since, parse_zone
from ...domain.errors import ReportTypeError, TransientError
from .connection import conninfo

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import pyarrow as pa

    from ...ports.source import Scope

#: SQLSTATE classes where a retry may help: connection, resources, operator intervention, system, rollback.
PASSING = ("08", "53", "57", "58", "40", "55")
#: Expressions that read the name of a zone.
BY_NAME = re.compile(r"\btime\s+zone\b|\btimezone\s*\(|\bdate_trunc\s*\(", re.IGNORECASE)
#: What a value's text and a comparison of timestamps with and without zone depend on.
STYLES = {"TimeZone": "UTC", "DateStyle": "ISO, MDY", "IntervalStyle": "postgres"}


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
        with _translated(), self._connection() as connection, connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION READ ONLY")
            bound = self._bound(scope)
            cursor.execute(_set_all(len(bound)), [text for pair in bound.items() for text in pair])
            cursor.fetchall()
            _refuse_abbreviation(cursor, sql, scope.timezone)
            cursor.execute(sql)
            rows = cursor.fetch_arrow()
            # `fetch_record_batch` returns a reader whose errors have no SQLSTATE.
            yield AdbcRecordBatchReader._import_from_c(rows.address)  # noqa: SLF001 - as pyarrow's own is used

    def columns(self, sql: str) -> pa.Schema:
        with _translated(), self._connection() as connection, connection.cursor() as cursor:
            return cursor.adbc_execute_schema(sql)

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
            **STYLES,
            "report.workspace_id": scope.workspace_id,
            "report.start": _utc(scope.start),
            "report.end": _utc(scope.end),
            "report.timezone": scope.timezone,
            "report.parameters": orjson.dumps(dict(scope.parameters)).decode(),
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


def _set_all(count: int) -> str:
    """One statement that sets *count* settings, whose names and values are bound."""
    places = ", ".join(f"set_config(${number}, ${number + 1}, true)" for number in range(1, 2 * count, 2))
    return f"SELECT {places}"


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


def _close(connections: list[Any]) -> None:
    while connections:
        connections.pop().close()
