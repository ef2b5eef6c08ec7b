"""The roles of deploy/sql/roles.sql in a test's database, made with psql as an operator makes them."""

from __future__ import annotations

import subprocess
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import psycopg
from psycopg import sql

from demo import postgres as server

ROLES = Path(__file__).parents[2] / "deploy/sql/roles.sql"


def psql(dsn, file, **variables):
    """Run a file with psql, as an operator would."""
    values = [part for name, value in variables.items() for part in ("-v", f"{name}={value}")]
    command = [server._binaries() / "psql", "-X", "-q", dsn, *values, "-f", file]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stderr


class Roles:
    """A database with the four roles, and a login user for each."""

    def __init__(self, dsn):
        self.dsn, self.tag = dsn, uuid4().hex[:8]
        self.names = {kind: f"{kind}_{self.tag}" for kind in ("reading", "writing", "editing", "public")}
        self.users = {kind: f"user_{name}" for kind, name in self.names.items()} | {"app": f"app_{self.tag}"}

    def make(self):
        psql(self.dsn, ROLES, **self.names)
        with psycopg.connect(self.dsn) as connection:
            for kind, user in self.users.items():
                connection.execute(
                    sql.SQL("CREATE ROLE {} LOGIN PASSWORD 'pass'").format(sql.Identifier(user)).as_string()
                )
                if kind in self.names:
                    connection.execute(
                        sql.SQL("GRANT {} TO {}").format(sql.Identifier(self.names[kind]), sql.Identifier(user))
                    )
            connection.execute(
                sql.SQL(
                    "GRANT USAGE ON SCHEMA public TO {0};"
                    "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {0}"
                ).format(sql.Identifier(self.users["app"]))
            )

    def drop(self):
        with psycopg.connect(self.dsn) as connection:
            for name in (*self.users.values(), *reversed(self.names.values())):
                for statement in ("DROP OWNED BY {}", "DROP ROLE {}"):
                    connection.execute(sql.SQL(statement).format(sql.Identifier(name)))

    def __getattr__(self, kind):
        """Return the DSN of a user."""
        parts = urlsplit(self.dsn)
        return urlunsplit(parts._replace(netloc=f"{self.users[kind]}:pass@{parts.hostname}:{parts.port}"))

    def refused(self, kind, statement):
        """Return whether the database denies a statement to this user."""
        with psycopg.connect(getattr(self, kind)) as connection:
            try:
                connection.execute(statement)
            except psycopg.errors.InsufficientPrivilege:
                return True
            connection.rollback()
        return False
