"""Start the public door on 127.0.0.1, as a user of the database who may do nothing else."""

from __future__ import annotations

import http.client
import secrets
import subprocess
import sys
from base64 import b64encode
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

from . import aws, postgres
from .airflow_home import inherited
from .processes import Child, wait_until

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .stack import Plan

USER = "public_door"
PASSWORD = "demo-only"  # noqa: S105 - a local server on loopback, thrown away afterwards
ROLES = Path("deploy/sql/roles.sql")


def settings(port: int) -> Mapping[str, str]:
    """Return the settings of the door that Airflow needs as well, with a new key."""
    key = b64encode(secrets.token_bytes(32)).decode()
    return {"SCHEDULED_REPORTS__LINK_BASE": address(port), "SCHEDULED_REPORTS__LINK_KEYS": f"1:{key}"}


def address(port: int) -> str:
    """Return the address of the door."""
    return f"http://127.0.0.1:{port}"


def start(plan: Plan, port: int, dsn: str, local_aws: aws.Aws) -> Child:
    """Start the door on a migrated database and wait until it answers."""
    _make_user(dsn, plan.checkout / ROLES)
    place = urlsplit(dsn)
    ours = {name: value for name, value in plan.env.items() if name.startswith("SCHEDULED_REPORTS__")}
    child = Child.start(
        "door",
        [sys.executable, "-m", "include.scheduled_reports", "serve", "--port", str(port)],
        log=plan.folder / "door" / "door.log",
        env={
            **inherited(),
            **aws.environment(),
            **ours,
            "AWS_ENDPOINT_URL_S3": local_aws.url,
            "HOME": str(plan.folder.resolve() / "door"),
            "SCHEDULED_REPORTS__PUBLIC_DSN": place._replace(
                netloc=f"{USER}:{PASSWORD}@{place.hostname}:{place.port}"
            ).geturl(),
        },
        cwd=plan.checkout,
    )
    try:
        wait_until(lambda: _answers(port), seconds=60, what="the public door", alive=child, pause=0.05)
    except BaseException:
        child.stop()
        raise
    return child


def _make_user(dsn: str, roles: Path) -> None:
    """Create the roles as an operator does, and a user with that of the door."""
    subprocess.run([postgres.psql(), "-X", "-q", dsn, "-f", str(roles)], check=True, capture_output=True)
    with psycopg.connect(dsn) as connection:
        known = connection.execute("SELECT FROM pg_roles WHERE rolname = %s", [USER]).fetchone()
        if known is None:
            statement = sql.SQL("CREATE ROLE {} LOGIN PASSWORD {} IN ROLE reports_public")
            connection.execute(statement.format(sql.Identifier(USER), sql.Literal(PASSWORD)))


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/")
        return connection.getresponse().status == 404
    except OSError:
        return False
    finally:
        connection.close()
