"""Helpers for database tests: rows to refer to, Neolith's tables created after `migrate`, and a dump to compare."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import psycopg

from demo import postgres as server
from include.scheduled_reports import sample_data

NEOLITH = Path(sample_data.__file__).with_name("neolith.sql").read_text()
ROWS = """
INSERT INTO organizations (id, name, slug, updated_at) VALUES ('o1', 'Org', 'org', now());
INSERT INTO users (id, email, updated_at) VALUES ('u1', 'u1@neolith.example', now());
INSERT INTO workspaces (id, name, slug, organization_id, updated_at) VALUES ('w1', 'Space', 'space', 'o1', now());
"""


def neolith_arrives(dsn: str) -> None:
    """Create today's Neolith tables after migrate has created the two enums that both need."""
    with psycopg.connect(dsn) as connection:
        connection.execute(re.sub(r'^CREATE TYPE "Export(Format|Status)".*$', "", NEOLITH, flags=re.MULTILINE).encode())


def dump(dsn: str, *options: str) -> dict[str, str]:
    """Return every object of a database by name, type and schema, as pg_dump writes it."""
    command = [server._binaries() / "pg_dump", "--no-owner", *options, dsn]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    _, *parts = re.split(r"^-- (?:Data for )?Name: (.*); Owner: .*\n--\n", text, flags=re.MULTILINE)
    noise = re.compile(r"^(--|\\(un)?restrict |SET ).*\n", flags=re.MULTILINE)
    return {name: noise.sub("", body).strip() for name, body in zip(parts[::2], parts[1::2], strict=True)}
