"""What `migrate` does, as the one script of a Prisma migration: the same files in the same order."""

from __future__ import annotations

from . import FOLDER, text

HEAD = """\
-- What `python -m include.scheduled_reports migrate` does, for `prisma migrate deploy`: to the letter the same objects.
-- Made by `make prisma`; do not edit.  Safe where `migrate` has run before, wholly or in an older version.
-- Prisma sends it as one text, which PostgreSQL runs in one transaction: all of it or nothing.

DO $$
BEGIN
    IF current_setting('server_version_num')::int < 140000 THEN
        RAISE EXCEPTION 'PostgreSQL 14 or later is needed';
    END IF;
END
$$;
SELECT pg_advisory_xact_lock(hashtextextended('scheduled_reports.migrate', 0));
-- While our DDL waits for a table, every write of the application queues up behind it: better to give up soon.
SET LOCAL lock_timeout = '10s';
"""
ONCE = """\
DO $once$
BEGIN
    IF NOT EXISTS (SELECT FROM reporting.migrations WHERE name = '{name}') THEN
        INSERT INTO reporting.migrations (name) VALUES ('{name}');
        EXECUTE $file$
{body}
$file$;
    END IF;
END
$once$;
"""


def script() -> str:
    """The whole text of migration.sql."""
    numbered = [
        (f"migrations/{path.name}", ONCE.format(name=path.stem, body=path.read_text(encoding="utf-8").strip()))
        for path in sorted((FOLDER / "migrations").glob("*.sql"))
    ]
    parts = [
        ("reporting.sql", text("reporting")),
        ("application.sql", text("application")),
        *numbered,
        ("triggers.sql", text("triggers")),
        ("adopt.sql", text("adopt")),
    ]
    return "\n".join([HEAD, *(f"-- From {name}\n\n{body.strip()}\n" for name, body in parts)])
