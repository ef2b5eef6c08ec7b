"""A real Prisma: its client and its schema engine, as scripts that run in Node.js."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

if TYPE_CHECKING:
    from collections.abc import Sequence

PRISMA = Path(__file__).with_name("prisma")
GENERATED = PRISMA / "node_modules" / ".prisma" / "client" / "index.js"


def require() -> None:
    """Fail with what to do where Prisma is not installed."""
    if shutil.which("node") is None or not GENERATED.exists():
        pytest.fail("Node.js or Prisma is not installed; run `make setup`", pytrace=False)


def run(dsn: str, *command: str, **variables: str) -> str:
    """The output of one of our scripts, run in a zone far from UTC: times must not depend on it."""
    done = execute(dsn, *command, **variables)
    assert done.returncode == 0, done.stderr
    return done.stdout


def execute(dsn: str, *command: str, sent: str = "", **variables: str) -> subprocess.CompletedProcess[str]:
    """One of our scripts, whatever becomes of it."""
    environment = {"PATH": os.environ["PATH"], "DATABASE_URL": dsn, "TZ": "Pacific/Auckland", **variables}
    return subprocess.run(
        ["node", *command],
        cwd=PRISMA,
        env=environment,
        input=sent,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def diff(dsn: str, *options: str, **variables: str) -> str:
    """The SQL by which Prisma would change the database so that it fits the schema."""
    return run(dsn, "diff.mjs", *options, **variables)


def answer(dsn: str, *command: str, **variables: str) -> Any:
    """What a script prints, as JSON."""
    return json.loads(run(dsn, *command, **variables))


def call(dsn: str, *calls: Sequence[Any], options: Sequence[str] = ()) -> list[Any]:
    """The answers of routes of prisma/reports.mjs, called one after another (or as *options* say) by one client."""
    done = execute(dsn, "routes.mjs", *options, sent=json.dumps(calls))
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def made_by_prisma(dsn: str) -> None:
    """Make the application's tables and the seed's as Prisma's own migrations would."""
    script = diff(dsn, "from-empty")
    with psycopg.connect(dsn) as connection:
        connection.execute(script.encode())
