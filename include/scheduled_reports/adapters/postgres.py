"""Connections to the reports database, and what its errors mean to us."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.conninfo import make_conninfo
from psycopg.rows import dict_row

from ..errors import ConfigurationError, TransientError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import timedelta

CONNECT_SECONDS = 10
#: A server that stops answering is given up after this time, in milliseconds.
TCP_USER_TIMEOUT = 30_000


def conninfo(dsn: str) -> str:
    """*dsn* with our time-outs, unless it sets its own."""
    own = psycopg.conninfo.conninfo_to_dict(dsn)
    ours: dict[str, Any] = {
        "connect_timeout": CONNECT_SECONDS,
        "tcp_user_timeout": TCP_USER_TIMEOUT,
        "application_name": "scheduled-reports",
    }
    return make_conninfo(dsn, **{name: value for name, value in ours.items() if name not in own})


@contextmanager
def transaction(dsn: str, *, statement_timeout: timedelta) -> Iterator[psycopg.Connection[dict[str, Any]]]:
    """One transaction on a connection of its own; rows are dictionaries."""
    with translated(), psycopg.connect(conninfo(dsn), row_factory=dict_row) as connection:
        # Within the transaction, because a session's settings leak to others behind PgBouncer.
        connection.execute(
            "SELECT set_config('statement_timeout', %s, true)", [f"{int(statement_timeout.total_seconds() * 1000)}"]
        )
        yield connection


@contextmanager
def translated() -> Iterator[None]:
    """Turn the driver's errors into ours; only their kind is kept, because their text may hold values."""
    try:
        yield
    except (psycopg.OperationalError, psycopg.InterfaceError) as error:
        raise TransientError(f"the reports database did not answer: {_kind(error)}") from error
    except psycopg.errors.UndefinedTable as error:
        raise ConfigurationError(f"a table is missing; has `migrate` been run? {_kind(error)}") from error
    except psycopg.Error as error:
        raise ConfigurationError(f"the reports database refused a statement: {_kind(error)}") from error


def _kind(error: psycopg.Error) -> str:
    return f"{type(error).__name__} ({error.sqlstate})" if error.sqlstate else type(error).__name__
