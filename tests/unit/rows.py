"""A valid row of scheduled_reports, as sql/definitions.sql returns it, and the report parsed from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from include.scheduled_reports.domain.errors import RejectedError
from include.scheduled_reports.reports.parser import parse_row

if TYPE_CHECKING:
    from include.scheduled_reports.domain.problem import Problem
    from include.scheduled_reports.domain.report import Report


def row(**changes: Any) -> dict[str, Any]:
    """Return a valid row; *changes* replace columns."""
    valid = {
        "id": "cmaq0v1k20000356c8xkz7h1d",
        "deleted": False,
        "tombstone": None,
        "missed_runs": "latest",
        "options": {},
        "calendar": None,
        "error_cause": None,
        "name": "Weekly activity",
        "description": "What happened last week",
        "reportType": "workspace-activity",
        "cron_expression": "0 9 * * 1",
        "timezone": "Europe/Berlin",
        "is_active": True,
        "status": "ACTIVE",
        "export_formats": ["pdf", "csv"],
        "parameters": {"dateRange": {"type": "last-7-days"}},
        "tags": ["weekly"],
        "email_enabled": True,
        "email_recipients": ["ada@acme.example"],
        "email_cc_recipients": [],
        "email_bcc_recipients": [],
        "email_subject": None,
        "email_include_attachment": True,
        "email_include_preview": False,
        "email_send_only_if_data": False,
        "workspace_id": "ws1",
        "workspace_name": "Acme",
        "workspace_slug": "acme",
        "slug_is_unique": True,
        "created_by_id": "u1",
        "creator_email": "ada@acme.example",
        "creator_status": "ACTIVE",
        "creator_name": "Ada Byron",
        "creator_is_member": True,
        "creator_role": "ADMIN",
        "effective_from": "2026-05-01T00:00:00+00:00",
    }
    assert changes.keys() <= valid.keys()
    return valid | changes


def report(**changes: Any) -> Report:
    """Return the report of a valid row."""
    return parse_row(row(**changes))


def problems(**changes: Any) -> list[tuple[str, str]]:
    """Return the problems of a row with *changes*: each column, and what is wrong with it."""
    with pytest.raises(RejectedError) as rejected:
        parse_row(row(**changes))
    return [(problem.column, reason(problem)) for problem in rejected.value.problems]


def reason(problem: Problem) -> str:
    """Return what is wrong and what to do, without the column and the value."""
    return f"unknown {problem.noun}; {problem.reason}" if problem.noun else problem.reason
