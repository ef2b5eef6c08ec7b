"""Run a real Prisma, its client and its schema engine, in scripts for Node.js."""

from __future__ import annotations

import atexit
import json
import os
import shutil
import subprocess
import threading
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

if TYPE_CHECKING:
    from collections.abc import Sequence

PRISMA = Path(__file__).with_name("prisma")
#: A time zone far from UTC: times must not depend on the local zone.
ZONE = "Pacific/Auckland"
GENERATED = PRISMA / "node_modules" / ".prisma" / "client" / "index.js"


def require() -> None:
    """Fail with an instruction if Prisma is not installed."""
    if shutil.which("node") is None or not GENERATED.exists():
        pytest.fail("Node.js or Prisma is not installed; run `make setup`", pytrace=False)


def run(dsn: str, *command: str, **variables: str) -> str:
    """Return the output of one of our scripts."""
    done = execute(dsn, *command, **variables)
    assert done.returncode == 0, done.stderr
    return done.stdout


def execute(dsn: str, *command: str, sent: str = "", **variables: str) -> subprocess.CompletedProcess[str]:
    """Run one of our scripts; return its result even if it fails."""
    environment = {"PATH": os.environ["PATH"], "DATABASE_URL": dsn, "TZ": ZONE, **variables}
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
    """Return the SQL with which Prisma would change the database to match the schema."""
    return run(dsn, "diff.mjs", *options, **variables)


def answer(dsn: str, *command: str, **variables: str) -> Any:
    """Return the output of a script, parsed as JSON."""
    return json.loads(run(dsn, *command, **variables))


def call(dsn: str, *calls: Sequence[Any], options: Sequence[str] = ()) -> list[Any]:
    """Return the answers of routes in prisma/reports.mjs; one client calls them in order, or as *options* say."""
    # Calls with options, and calls made during another call, get a separate process.
    if options or not _one_at_a_time.acquire(blocking=False):
        done = execute(dsn, "routes.mjs", *options, sent=json.dumps(calls))
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)
    try:
        said = _ask(_server(), {"url": dsn, "calls": calls})
    finally:
        _one_at_a_time.release()
    assert "answers" in said, said
    return said["answers"]


_one_at_a_time = threading.Lock()


@cache
def _server() -> subprocess.Popen[str]:
    """Start the process that answers most calls; starting one and loading Prisma's client takes 0.4 s of CPU."""
    command = ["node", "routes.mjs", "serve"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    server = subprocess.Popen(command, cwd=PRISMA, env={"PATH": os.environ["PATH"], "TZ": ZONE}, **pipes)
    atexit.register(server.communicate)  # closes its standard input, so that it exits
    return server


def _ask(server: subprocess.Popen[str], question: Any) -> Any:
    server.stdin.write(json.dumps(question) + "\n")
    server.stdin.flush()
    answer = server.stdout.readline()
    assert answer, f"Node.js ended with code {server.wait()}"
    return json.loads(answer)


def made_by_prisma(dsn: str) -> None:
    """Create the tables of the application and of the seed as Prisma's migrations would."""
    script = diff(dsn, "from-empty")
    with psycopg.connect(dsn) as connection:
        connection.execute(script.encode())
