"""Connections to the reports database, and the translation of its errors."""

from __future__ import annotations

import atexit
import os
import time
from collections import deque
from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo
from psycopg.rows import dict_row
from psycopg.types.json import set_json_dumps

from ...domain.errors import ConfigurationError, TransientError
from .any_value import any_value
from .encoding import json_text
from .sql import statements

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import timedelta

CONNECT_SECONDS = 10
#: Milliseconds after which a server that stopped answering is given up.
TCP_USER_TIMEOUT = 30_000


def conninfo(dsn: str) -> str:
    """*dsn* in UTF-8, whatever it or the environment says, and with our timeouts added where it sets none."""
    own = psycopg.conninfo.conninfo_to_dict(dsn)
    ours: dict[str, Any] = {
        "connect_timeout": CONNECT_SECONDS,
        "tcp_user_timeout": TCP_USER_TIMEOUT,
        "application_name": "scheduled-reports",
    }
    # At the start of the connection, because results are decoded by it; PgBouncer keeps track of it for each client.
    encoding = {"client_encoding": "UTF8"}
    return make_conninfo(dsn, **{name: value for name, value in ours.items() if name not in own}, **encoding)


@contextmanager
def transaction(dsn: str, *, statement_timeout: timedelta) -> Iterator[psycopg.Connection[dict[str, Any]]]:
    """One transaction on a connection that is not shared; rows are dictionaries."""
    with translated():
        connection = _begin(dsn, f"{int(statement_timeout.total_seconds() * 1000)}")
        try:
            yield connection
            connection.commit()
        except BaseException:
            connection.close()  # its state is unknown
            raise
        _idle.keep(dsn, connection)


def set_session(connection: psycopg.Connection[Any], timeout: str) -> None:
    """Begin a transaction with our session settings and a statement timeout in milliseconds, all local to it."""
    settings = sql.SQL(statements("session")["settings"])
    connection.execute(sql.SQL("{}, set_config('statement_timeout', {}, true)").format(settings, sql.Literal(timeout)))


def _begin(dsn: str, timeout: str) -> psycopg.Connection[dict[str, Any]]:
    """A connection with a transaction begun and its settings made."""
    while (kept := _idle.take(dsn)) is not None:
        try:
            set_session(kept, timeout)
        except psycopg.Error:  # it died while idle; nothing was sent yet
            kept.close()
        else:
            return kept
    # No named prepared statements: they belong to a session, too.
    connection = psycopg.connect(conninfo(dsn), row_factory=dict_row, prepare_threshold=None, context=any_value())
    set_json_dumps(json_text, connection)
    try:
        set_session(connection, timeout)
    except BaseException:
        connection.close()
        raise
    return connection


class _IdleConnections:
    """Idle connections, most recent first: a task runs about ten transactions, a page of the UI fifteen.

    Few are kept, and only briefly, because each occupies a slot of the server.  Connections of the parent process are
    not touched after a fork.
    """

    def __init__(self, most: int = 4, longest: float = 30) -> None:
        self.most, self.longest = most, longest
        self._kept: deque[tuple[float, int, str, psycopg.Connection[dict[str, Any]]]] = deque()
        self._lock = Lock()

    def keep(self, dsn: str, connection: psycopg.Connection[dict[str, Any]]) -> None:
        """Keep a connection whose transaction has ended."""
        with self._lock:
            self._kept.append((time.monotonic(), os.getpid(), dsn, connection))
            over = [self._kept.popleft() for _ in range(len(self._kept) - self.most)]
        _close(over)

    def take(self, dsn: str) -> psycopg.Connection[dict[str, Any]] | None:
        """The most recently used connection; None if there is none."""
        with self._lock:
            old = [one for one in self._kept if time.monotonic() - one[0] > self.longest]
            fit = [one for one in self._kept if one not in old and one[1:3] == (os.getpid(), dsn)]
            for one in (*old, *fit[-1:]):
                self._kept.remove(one)
        _close(old)
        return fit[-1][3] if fit else None

    def close(self) -> None:
        """Close all idle connections."""
        with self._lock:
            every = list(self._kept)
            self._kept.clear()
        _close(every)


def _close(kept: Iterable[tuple[float, int, str, psycopg.Connection[dict[str, Any]]]]) -> None:
    for _, owner, _, connection in kept:
        if owner == os.getpid():
            connection.close()


_idle = _IdleConnections()
atexit.register(_idle.close)


@contextmanager
def translated() -> Iterator[None]:
    """Translate driver errors into ours; only their type is kept, because their text may contain values."""
    try:
        yield
    # A server is read-only for some seconds while another one takes over.
    except (psycopg.OperationalError, psycopg.InterfaceError, psycopg.errors.ReadOnlySqlTransaction) as error:
        raise TransientError(f"the reports database did not answer: {_error_type(error)}") from error
    except psycopg.errors.UntranslatableCharacter as error:
        raise ConfigurationError(
            "the database's encoding cannot store a character of a text; use a database with the encoding UTF8"
        ) from error
    except psycopg.errors.UndefinedTable as error:
        raise ConfigurationError(f"a table is missing; has `migrate` been run? {_error_type(error)}") from error
    except psycopg.Error as error:
        raise ConfigurationError(f"the reports database refused a statement: {_error_type(error)}") from error


def _error_type(error: psycopg.Error) -> str:
    return f"{type(error).__name__} ({error.sqlstate})" if error.sqlstate else type(error).__name__
