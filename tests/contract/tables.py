"""The application's tables, filled so that a report reads as in tests/unit/rows.py."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from tests.unit.rows import row

if TYPE_CHECKING:
    from collections.abc import Mapping

PEOPLE = """
INSERT INTO organizations (id, name, slug, updated_at)
VALUES ('o1', 'Acme', 'acme', now()), ('o2', 'Zeta', 'zeta', now());
INSERT INTO workspaces (id, name, slug, organization_id, updated_at)
VALUES ('ws1', 'Acme', 'acme', 'o1', now()), ('ws2', 'Zeta', 'zeta', 'o2', now());
INSERT INTO users (id, email, name, status, updated_at) VALUES
    ('u1', 'ada@acme.example', 'Ada Byron', 'ACTIVE', now()), ('u2', 'Bob@Acme.example', NULL, 'PENDING', now()),
    ('u3', 'eve@zeta.example', 'Eve', 'ACTIVE', now()), ('u4', 'mallory@acme.example', 'Mallory', 'SUSPENDED', now());
INSERT INTO workspace_members (id, workspace_id, user_id, role, joined_at) VALUES
    ('m1', 'ws1', 'u1', 'ADMIN', '2026-01-01'), ('m2', 'ws1', 'u2', 'MEMBER', '2026-01-01'),
    ('m3', 'ws2', 'u3', 'MEMBER', '2026-01-01'), ('m4', 'ws1', 'u4', 'MEMBER', '2026-01-01');
"""
#: The columns of a row that are in scheduled_reports; the others come from other tables.
COLUMNS = (
    "id", "name", "description", "reportType", "cron_expression", "timezone", "is_active", "status", "export_formats",
    "parameters", "tags", "email_enabled", "email_recipients", "email_cc_recipients", "email_bcc_recipients",
    "email_subject", "email_include_attachment", "email_include_preview", "email_send_only_if_data", "workspace_id",
    "created_by_id",
)  # fmt: skip


def add_people(dsn: str) -> None:
    """Add two workspaces: one with Ada, Bob and Mallory (suspended), the other with Eve."""
    with psycopg.connect(dsn) as connection:
        connection.execute(PEOPLE.encode())


def add_report(dsn: str, **changes: Any) -> Mapping[str, Any]:
    """Insert the report that `row(**changes)` describes, effective from the row's moment; return the row."""
    wanted = row(**changes)
    values = {name: Jsonb(wanted[name]) if name == "parameters" else wanted[name] for name in COLUMNS}
    statement = sql.SQL("INSERT INTO scheduled_reports ({}, updated_at) VALUES ({}, '2026-05-01')").format(
        sql.SQL(", ").join(sql.Identifier(name) for name in COLUMNS),
        sql.SQL(", ").join(sql.Placeholder(name) for name in COLUMNS),
    )
    with psycopg.connect(dsn) as connection:
        connection.execute(statement, values)
        connection.execute(
            "UPDATE reporting.report_options SET effective_from = %(effective_from)s WHERE report_id = %(id)s", wanted
        )
    return wanted


def execute(dsn: str, statement: str, *values: Any) -> None:
    """Run one statement in a separate connection."""
    with psycopg.connect(dsn) as connection:
        connection.execute(statement.encode(), values)
