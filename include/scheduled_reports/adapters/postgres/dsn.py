"""Find the database of a command: a password as an argument is visible to every user of the machine."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.pq import Conninfo

from ...domain.errors import ConfigurationError
from ...settings import Settings

if TYPE_CHECKING:
    from collections.abc import Mapping

VARIABLE = "SCHEDULED_REPORTS_DSN"
#: Any of these says that libpq's own variables name the database; with them it also reads PGPASSFILE and PGPASSWORD.
OF_LIBPQ = ("PGSERVICE", "PGHOST", "PGHOSTADDR", "PGDATABASE")


def find_dsn(given: str | None, environ: Mapping[str, str]) -> str:
    """Return the connection string in *given* or the environment; libpq adds what it lacks, such as the password."""
    if given is not None:
        return given
    if dsn := environ.get(VARIABLE):
        return dsn
    of_airflow = f"AIRFLOW_CONN_{Settings.usable(environ).database_connection.upper()}"
    if connection := environ.get(of_airflow):
        return _of_airflow(of_airflow, connection)
    if any(environ.get(name) for name in OF_LIBPQ):
        return ""
    raise ConfigurationError(
        f"no database is named; set {VARIABLE}, {of_airflow} or PGSERVICE, or add --dsn without a password"
    )


def has_password(dsn: str) -> bool:
    """Whether a connection string contains a password; False for one that libpq does not accept."""
    try:
        return bool(conninfo_to_dict(dsn).get("password"))
    except psycopg.Error:
        return False


def _of_airflow(name: str, text: str) -> str:
    """Return the connection string of Airflow's connection, a URI that libpq reads as well, or JSON."""
    if not text.lstrip().startswith("{"):
        return text
    try:
        connection: dict[str, Any] = json.loads(text)
        names = {"host": "host", "port": "port", "login": "user", "password": "password", "schema": "dbname"}
        values = {ours: connection[name] for name, ours in names.items() if connection.get(name)}
        return make_conninfo(**(_of_libpq(connection.get("extra")) | values))
    except (ValueError, TypeError, psycopg.Error):
        raise ConfigurationError(f"{name} is not a connection; use a URI such as postgres://user@host/db") from None


def _of_libpq(extra: Any) -> dict[str, Any]:
    """Return the options of libpq, such as sslmode, in the extra of a connection; Airflow stores it as text, too."""
    given = json.loads(extra) if isinstance(extra, str) and extra else extra or {}
    known = {one.keyword.decode() for one in Conninfo.get_defaults()}
    return {name: value for name, value in given.items() if name in known}
