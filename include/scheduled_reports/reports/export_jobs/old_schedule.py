"""The old way: a schedule in `export_jobs.metadata`, read as a row of scheduled_reports or with every reason why not.

In JSON a value may be of any type, so each is looked at here before the gate, which takes the types of its own table
for granted.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ...domain.errors import RejectedError
from ..parser import parse_row
from ..validation import Check

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ...domain.report import Row

LARGEST_COUNT = 2**31 - 1
#: Of each column: where its value stands in `metadata`, of which kind it has to be, and what it is where it is missing.
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
#: What else is taken over.
STATE: Mapping[str, tuple[str, str, Any]] = {
    "is_active": ("schedule.isActive", "flag", False),
    "run_count": ("schedule.runCount", "count", 0),
    "failure_count": ("schedule.failureCount", "count", 0),
    "last_run": ("schedule.lastRun", "moment", None),
    "last_run_status": ("schedule.lastRunStatus", "status", None),
}
ALLOWED = {
    "text": "a text that PostgreSQL can hold: no NUL, no half of a surrogate pair",
    "texts": "a list of texts that PostgreSQL can hold",
    "flag": "true or false",
    "object": "a JSON object of values that PostgreSQL can hold",
    "count": f"a whole number from 0 to {LARGEST_COUNT}",
    "moment": "an ISO 8601 time such as 2026-05-11T07:00:00.000Z",
    "status": "success or failed",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class OldSchedule:
    """A valid schedule of the old way; *row* has the columns of the report it becomes, but for its state."""

    row: Row
    is_active: bool
    run_count: int
    failure_count: int
    last_run: datetime | None
    last_run_status: str | None
    #: Whether it says itself that a report took it over.
    is_retired: bool

    @property
    def digest(self) -> str:
        """Another one where the definition is another; the state is no part of it."""
        return hashlib.sha256(json.dumps(self.row, sort_keys=True).encode()).hexdigest()


def document(text: str) -> Any:
    """What a JSON text says; the text itself where it is too deep, or a number too long, for Python."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def has_schedule(metadata: Any) -> bool:
    """Whether there is a schedule; what cannot be read is not passed over in silence."""
    return bool(metadata.get("schedule")) if isinstance(metadata, dict) else isinstance(metadata, str)


def has_cron(metadata: Any) -> bool:
    """Whether there is anything to do at a time: an export without a cron was made once, and by hand."""
    if not isinstance(metadata, dict):
        return True
    schedule = metadata["schedule"]
    cron = schedule.get("cronExpression") if isinstance(schedule, dict) else None
    return cron is not None and not (isinstance(cron, str) and not cron.strip())


def read(job: Mapping[str, Any], metadata: Any) -> OldSchedule:
    """The schedule of *job*, a row of sql/exportjobs.sql; RejectedError carries everything that is wrong with it."""
    check = Check()
    row = {column: _value(check, metadata, *where) for column, where in COLUMNS.items()}
    row |= {"email_subject": row["email_subject"] or None}
    row |= {name: job[name] for name in ("id", "workspace_id", "created_by_id")}
    state = {name: _value(check, metadata, *where) for name, where in STATE.items()}
    known = "metadata.schedule.runCount" not in {problem.column for problem in check.problems}
    if known and state["failure_count"] > state["run_count"]:
        check.add("metadata.schedule.failureCount", state["failure_count"], f"at most runCount, {state['run_count']}")
    _pass_gate(check, job, row)
    if check.problems:
        raise RejectedError(check.problems)
    return OldSchedule(row=row, is_retired="takenOverBy" in metadata["schedule"], **state)


def _value(check: Check, metadata: Any, path: str, kind: str, otherwise: Any) -> Any:
    """The value at *path*; *otherwise* where there is none, or one of another kind, which is noted."""
    value, place = metadata, "metadata"
    for name in path.split("."):
        if not isinstance(value, dict):
            if not any(problem.column == place for problem in check.problems):
                check.add(place, value, "a JSON object that is not too deep, without a number that is too long")
            return otherwise
        value, place = value.get(name), f"{place}.{name}"
        if value is None:
            return otherwise
    read = _read(kind, value)
    if read is None:
        check.add(place, value, ALLOWED[kind])
    return otherwise if read is None else read


def _read(kind: str, value: Any) -> Any:
    """*value* as one of *kind*, None where it is not."""
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
            fits = isinstance(value, list) and all(isinstance(one, str) for one in value) and _is_storable(value)
        case _:
            fits = isinstance(value, str if kind == "text" else dict) and _is_storable(value)
    return value if fits else None


def _moment(value: Any) -> datetime | None:
    try:
        moment = datetime.fromisoformat(value)
        return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        return None


def _is_storable(value: Any) -> bool:
    """Whether PostgreSQL can hold every text within; JSON of the type json may be older than that question."""
    return not any(
        character == "\0" or "\ud800" <= character <= "\udfff" for text in _texts(value) for character in text
    )


def _texts(value: Any) -> Iterator[str]:
    """Every text within, names as well; without a call per level, of which there may be thousands."""
    left = [value]
    while left:
        one = left.pop()
        if isinstance(one, str):
            yield one
        elif isinstance(one, list):
            left += one
        elif isinstance(one, dict):
            left += [*one.keys(), *one.values()]


def _pass_gate(check: Check, job: Mapping[str, Any], row: Row) -> None:
    """Note what the gate says of *row*, at the places of the old way; what is noted already is not said twice."""
    reads_elsewhere = {name: job[name] for name in job if name.startswith(("workspace_", "creator_", "slug_"))}
    nothing_yet = {
        "is_active": False,
        "status": "ACTIVE",
        "effective_from": "1970-01-01T00:00",
        "missed_runs": "latest",
    }
    noted = {problem.column for problem in check.problems}
    try:
        parse_row({**reads_elsewhere, **row, **nothing_yet})
    except RejectedError as error:
        for problem in error.problems:
            place = _place(problem.column)
            if not any(place == one or place.startswith(f"{one}.") for one in noted):
                check.add(place, problem.value, problem.allowed)


def _place(column: str) -> str:
    name, dot, rest = column.partition(".")
    if name == "created_by_id":
        return "requested_by"
    return f"metadata.{COLUMNS[name][0]}{dot}{rest}" if name in COLUMNS else column
