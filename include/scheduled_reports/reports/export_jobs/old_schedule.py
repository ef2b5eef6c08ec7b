"""Read a schedule in `export_jobs.metadata` as a row of scheduled_reports, or collect every problem with it.

In JSON a value may be of any type, so each is checked here before the parser, which relies on the types of its table.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ...domain.errors import RejectedError
from ...domain.storable import is_storable
from ..parser import parse_row
from ..validation import Check

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ...domain.report import Row

LARGEST_COUNT = 2**31 - 1
#: Of each column: where its value is in `metadata`, its kind, and its default.
COLUMNS: Mapping[str, tuple[str, str, Any]] = {
    "name": ("name", "text", ""),
    "description": ("description", "text", None),
    "reportType": ("reportType", "text", ""),
    "tags": ("tags", "texts", []),
    "cron_expression": ("schedule.cronExpression", "text", ""),
    "timezone": ("schedule.timezone", "text", "UTC"),
    "export_formats": ("schedule.exportFormats", "texts", []),
    "parameters": ("schedule.parameters", "object", {}),
    "email_enabled": ("schedule.emailDelivery.enabled", "flag", False),
    "email_recipients": ("schedule.emailDelivery.recipients", "texts", []),
    "email_cc_recipients": ("schedule.emailDelivery.ccRecipients", "texts", []),
    "email_bcc_recipients": ("schedule.emailDelivery.bccRecipients", "texts", []),
    "email_subject": ("schedule.emailDelivery.subject", "text", None),
    "email_include_attachment": ("schedule.emailDelivery.includeAttachment", "flag", True),
    "email_include_preview": ("schedule.emailDelivery.includeInlinePreview", "flag", False),
    "email_send_only_if_data": ("schedule.emailDelivery.sendOnlyIfData", "flag", False),
}
#: The same of the state, which is imported too.
STATE: Mapping[str, tuple[str, str, Any]] = {
    "is_active": ("schedule.isActive", "flag", False),
    "run_count": ("schedule.runCount", "count", 0),
    "failure_count": ("schedule.failureCount", "count", 0),
    "last_run": ("schedule.lastRun", "moment", None),
    "last_run_status": ("schedule.lastRunStatus", "status", None),
}
REASONS = {
    "text": "is not a text that PostgreSQL can store; use a text without NUL and without half a surrogate pair",
    "texts": "is not a list of texts that PostgreSQL can store; use one",
    "flag": "is not a boolean; use true or false",
    "object": "is not a JSON object that PostgreSQL can store; use one",
    "count": f"is not a count; use a whole number from 0 to {LARGEST_COUNT}",
    "moment": "is not an ISO 8601 time; use one such as 2026-05-11T07:00:00.000Z",
    "status": "is not the status of a run; use success or failed",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class OldSchedule:
    """A valid schedule in an export job; *row* has the columns of the report it becomes, without its state."""

    row: Row
    is_active: bool
    run_count: int
    failure_count: int
    last_run: datetime | None
    last_run_status: str | None
    #: Whether it is marked as imported into a report.
    is_retired: bool

    @property
    def digest(self) -> str:
        """A digest of the definition; the state is not part of it."""
        return hashlib.sha256(json.dumps(self.row, sort_keys=True).encode()).hexdigest()


def parse_metadata(text: str) -> Any:
    """The parsed JSON text; the text itself if its nesting or a number exceeds Python's limits."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def has_schedule(metadata: Any) -> bool:
    """Whether there is a schedule; metadata that cannot be read counts as one, so that it is reported."""
    return bool(metadata.get("schedule")) if isinstance(metadata, dict) else isinstance(metadata, str)


def has_cron(metadata: Any) -> bool:
    """Whether the schedule has a cron expression: an export without one was made once, manually."""
    if not isinstance(metadata, dict):
        return True
    schedule = metadata["schedule"]
    cron = schedule.get("cronExpression") if isinstance(schedule, dict) else None
    return cron is not None and not (isinstance(cron, str) and not cron.strip())


def read(job: Mapping[str, Any], metadata: Any) -> OldSchedule:
    """The schedule of *job*, a row of sql/exportjobs.sql; RejectedError carries every problem with it."""
    check = Check()
    row = {column: _value(check, metadata, *where) for column, where in COLUMNS.items()}
    row |= {"email_subject": row["email_subject"] or None}
    row |= {name: job[name] for name in ("id", "workspace_id", "created_by_id")}
    state = {name: _value(check, metadata, *where) for name, where in STATE.items()}
    known = "metadata.schedule.runCount" not in {problem.column for problem in check.problems}
    if known and state["failure_count"] > state["run_count"]:
        reason = f"is more than runCount, which is {state['run_count']}; correct one of the two"
        check.add("metadata.schedule.failureCount", state["failure_count"], reason)
    _check_row(check, job, row)
    if check.problems:
        raise RejectedError(check.problems)
    return OldSchedule(row=row, is_retired="takenOverBy" in metadata["schedule"], **state)


def _value(check: Check, metadata: Any, path: str, kind: str, otherwise: Any) -> Any:
    """The value at *path*; *otherwise* if it is missing or of another kind, which is noted as a problem."""
    value, place = metadata, "metadata"
    for name in path.split("."):
        if not isinstance(value, dict):
            if not any(problem.column == place for problem in check.problems):
                reason = "is not a JSON object that can be read; use one without deep nesting and very long numbers"
                check.add(place, value, reason)
            return otherwise
        value, place = value.get(name), f"{place}.{name}"
        if value is None:
            return otherwise
    read = _read(kind, value)
    if read is None:
        check.add(place, value, REASONS[kind])
    return otherwise if read is None else read


def _read(kind: str, value: Any) -> Any:
    """*value* converted to *kind*; None if it is not of that kind."""
    match kind:
        case "count":
            fits = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= LARGEST_COUNT
        case "flag":
            fits = isinstance(value, bool)
        case "moment":
            return _moment(value)
        case "status":
            fits = value in ("success", "failed")
        case "texts":
            fits = isinstance(value, list) and all(isinstance(one, str) for one in value) and is_storable(value)
        case _:
            fits = isinstance(value, str if kind == "text" else dict) and is_storable(value)
    return value if fits else None


def _moment(value: Any) -> datetime | None:
    try:
        moment = datetime.fromisoformat(value)
        return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        return None


def _check_row(check: Check, job: Mapping[str, Any], row: Row) -> None:
    """Note the parser's problems with *row* at their places in the metadata; none is noted twice."""
    joined = {name: job[name] for name in job if name.startswith(("workspace_", "creator_", "slug_"))}
    defaults = {
        "is_active": False,
        "status": "ACTIVE",
        "effective_from": "1970-01-01T00:00",
        "missed_runs": "latest",
    }
    noted = {problem.column for problem in check.problems}
    try:
        parse_row({**joined, **row, **defaults})
    except RejectedError as error:
        for problem in error.problems:
            place = _place(problem.column)
            if not any(place == one or place.startswith(f"{one}.") for one in noted):
                check.problems.append(replace(problem, column=place))


def _place(column: str) -> str:
    name, dot, rest = column.partition(".")
    if name == "created_by_id":
        return "requested_by"
    return f"metadata.{COLUMNS[name][0]}{dot}{rest}" if name in COLUMNS else column
