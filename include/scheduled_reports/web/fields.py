"""What a person sends for a report, and what it makes of the row: the API's fields, the columns behind them."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from ..domain.errors import RejectedError
from ..domain.naming import BASE36
from ..domain.problem import Problem
from ..domain.report import Row, Status
from ..reports.parser import NO_ZONE, parse_row

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ..ports.web import Place, Record

#: Every problem of a field, by the field's name; `emailDelivery.recipients` is one within another.
Problems = dict[str, list[str]]

FIELDS = {
    "name": "name",
    "description": "description",
    "reportType": "reportType",
    "cronExpression": "cron_expression",
    "timezone": "timezone",
    "exportFormats": "export_formats",
    "parameters": "parameters",
    "isActive": "is_active",
    "tags": "tags",
    "createdBy": "created_by_id",
}
EMAIL_FIELDS = {
    "enabled": "email_enabled",
    "recipients": "email_recipients",
    "subject": "email_subject",
    "includeAttachment": "email_include_attachment",
    "includeInlinePreview": "email_include_preview",
    "sendOnlyIfData": "email_send_only_if_data",
    "ccRecipients": "email_cc_recipients",
    "bccRecipients": "email_bcc_recipients",
}
_FIELD_OF = {column: field for field, column in FIELDS.items()} | {
    column: f"emailDelivery.{field}" for field, column in EMAIL_FIELDS.items()
}
REQUIRED = ("name", "reportType", "cronExpression", "exportFormats")
#: What a row holds that nobody has said anything about; the required ones are there to be replaced.
DEFAULTS: Record = {
    "name": "",
    "description": None,
    "reportType": "",
    "cron_expression": "",
    "timezone": "UTC",
    "is_active": True,
    "status": "ACTIVE",
    "export_formats": [],
    "parameters": {},
    "tags": [],
    "email_enabled": False,
    "email_recipients": [],
    "email_cc_recipients": [],
    "email_bcc_recipients": [],
    "email_subject": None,
    "email_include_attachment": True,
    "email_include_preview": False,
    "email_send_only_if_data": False,
    "created_by_id": "",
}
NOBODY: Record = {
    "creator_email": None,
    "creator_status": None,
    "creator_name": None,
    "creator_is_member": False,
    "creator_role": None,
}


def columns(sent: Mapping[str, Any]) -> Record:
    """The columns that the fields of *sent* stand for; what is sent of `emailDelivery` changes only that."""
    email = sent.get("emailDelivery") or {}
    found = {column: sent[field] for field, column in FIELDS.items() if field in sent}
    return found | {column: email[field] for field, column in EMAIL_FIELDS.items() if field in email}


def new_id() -> str:
    """An id as Prisma's cuid() looks: 25 characters, a `c` first."""
    return "c" + "".join(secrets.choice(BASE36) for _ in range(24))


def new_row(report_id: str, values: Record, place: Place, creator: Record | None) -> Row:
    """The row that a new report would be, as the gate reads one."""
    return {
        **DEFAULTS,
        **values,
        **(creator or NOBODY),
        "id": report_id,
        "deleted": False,
        "tombstone": None,
        "workspace_id": place.id,
        "workspace_name": place.name,
        "workspace_slug": place.slug,
        "slug_is_unique": True,
        "effective_from": "1970-01-01T00:00:00+00:00",
        "missed_runs": "latest",
        "error_cause": None,
    }


def resumed(row: Row, changes: Record) -> Record:
    """*changes*, and the status with them where they switch a report on that is paused or was stopped for failing.

    The application knows no `status`: whoever switches a report on there means that it runs.
    """
    waits = row["status"] == Status.PAUSED or (row["status"] == Status.ERROR and row["error_cause"] == "failing")
    return {**changes, "status": Status.ACTIVE.value} if changes.get("is_active") and waits else changes


def problems(row: Row, wrong: Problems) -> Problems:
    """Everything wrong with *row*; what is known of a field already is not said again."""
    try:
        parse_row(row)
    except RejectedError as error:
        return merged(wrong, by_field(error.problems))
    return wrong


def by_field(found: Iterable[Problem]) -> Problems:
    """The problems of columns as those of the fields that a person has sent."""
    told: Problems = {}
    for problem in found:
        field = _FIELD_OF.get(problem.column, problem.column)
        told.setdefault(field, []).append(problem.sentence)
    return told


def merged(known: Problems, more: Problems) -> Problems:
    """Both; of a field that is *known* to be wrong nothing more is said, because it was replaced for the check."""
    rest = {
        field: texts for field, texts in more.items() if field.partition(".")[0] not in known and field not in known
    }
    return {**known, **rest}


def read(wrong: Problems, name: str, text: str, parse: Any) -> Any:
    """What *parse* makes of a parameter; None, with the problem noted, where it raises."""
    try:
        return parse(text)
    except (ValueError, OSError, KeyError, OverflowError) as error:
        reason = str(error) if parse is not ZoneInfo else NO_ZONE
        wrong.setdefault(name, []).append(Problem(column=name, value=text, reason=reason).sentence)
        return None


def read_moment(text: str) -> datetime:
    """A moment in ISO 8601, in UTC where it names no offset; ValueError otherwise."""
    try:
        found = datetime.fromisoformat(text)
        found = found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("is not a moment in ISO 8601; use one such as 2026-05-11T07:00:00Z") from None
    if not 1971 <= found.year <= 8000:
        raise ValueError("is not between the years 1971 and 8000; use a moment that is")
    return found
