"""PgBouncer in transaction mode in front of a test's database: each transaction may run in another server session."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from demo.postgres import without_root
from demo.processes import Child, free_port, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CONFIG = """
[databases]
{dbname} = host={host} port={port} dbname={dbname} user={user} password={password}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {listen}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = {sessions}
"""


@contextmanager
def pooled(dsn: str, folder: Path, *, sessions: int = 1) -> Iterator[str]:
    """Start PgBouncer with few server sessions, which clients share; yield its DSN."""
    binary = shutil.which("pgbouncer", path="/usr/sbin:/usr/bin:/usr/local/bin")
    assert binary, "pgbouncer is not installed; run `make packages-dev`"
    server, listen = conninfo_to_dict(dsn), free_port()
    config = folder / "pgbouncer.ini"
    config.write_text(CONFIG.format(**server, listen=listen, sessions=sessions))
    child = Child.start("pgbouncer", [*without_root(), binary, str(config)], log=folder / "pgbouncer.log")
    through = make_conninfo(dsn, port=listen, password=None)
    try:
        wait_until(lambda: answers(through), seconds=10, what="PgBouncer to answer", alive=child)
        yield through
    finally:
        child.stop()


def answers(dsn: str) -> bool:
    """Return whether a server accepts connections."""
    try:
        psycopg.connect(dsn, connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True
