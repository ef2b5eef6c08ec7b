"""Turn rows into the JSON of the application's API: camel case, times in ISO 8601 in UTC with `Z`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

from ..domain import naming
from ..domain.cron_words import words
from ..domain.feedback import RecipientState
from ..domain.report import Status
from ..reports.fields import BRAND_FIELDS, EMAIL_FIELDS
from ..reports.options import phase_of
from . import shapes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..domain.brand import Brand
    from ..domain.feedback import Feedback, RecipientRecord, Suppression
    from ..domain.finding import Finding
    from ..domain.parameter import Parameter
    from ..domain.reader import OptOut, Reader
    from ..ports.web import DagState, Record, Stage, WorkspaceInfo

EMAIL = EMAIL_FIELDS


def moment(value: datetime | None) -> str | None:
    """Format a time in UTC; the application's columns have no time zone and are in UTC."""
    if value is None:
        return None
    value = value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    return f"{value.replace(tzinfo=None).isoformat(timespec='milliseconds')}Z"


def workspace(info: WorkspaceInfo) -> shapes.Workspace:
    """Return `{id, name, slug}`."""
    return {"id": info.id, "name": info.name, "slug": info.slug}


def report(record: Record, dags: Mapping[str, DagState], now: datetime) -> shapes.Report:
    """Return a report in the application's format, with our additions: status, DAG, whether the DAG is paused."""
    state = dags.get(record["id"])
    scheduled = record["is_active"] and record["status"] == Status.ACTIVE
    return {
        "id": record["id"],
        "name": record["name"],
        "description": record["description"],
        "reportType": record["reportType"],
        "cronExpression": record["cron_expression"],
        "cronDescription": words(record["cron_expression"]),
        "timezone": record["timezone"],
        "exportFormats": record["export_formats"] or [],
        "emailDelivery": cast("shapes.EmailDelivery", {name: _email(record, column) for name, column in EMAIL.items()}),
        "parameters": record["parameters"],
        "isActive": record["is_active"],
        "tags": record["tags"] or [],
        "lastRun": moment(record["last_run"]),
        "lastRunStatus": record["last_run_status"],
        "nextRun": moment(record["next_run"]),
        "runCount": record["run_count"],
        "failureCount": record["failure_count"],
        "createdBy": {
            "id": record["created_by_id"],
            "name": record["creator_name"],
            "email": record["creator_email"],
            "avatarUrl": record["creator_avatar_url"],
        },
        "createdAt": moment(record["created_at"]),
        "updatedAt": moment(record["updated_at"]),
        "status": record["status"],
        "successCount": record["success_count"],
        "lastError": record["last_error"],
        "missedRuns": record["missed_runs"],
        "options": {**(record["options"] or {}), "missedRuns": record["missed_runs"]},
        "phase": phase_of(record["options"], record["timezone"], now),
        "dagId": naming.dag_id(record["id"]) if state else None,
        "pausedInAirflow": bool(scheduled and state and state.is_paused),
    }


def fixed(record: Record) -> dict[str, Any]:
    """Return the fields that no edit can change, as `report` returns them."""
    return {
        "id": record["id"],
        "createdAt": moment(record["created_at"]),
        "status": record["status"],
        "missedRuns": record["missed_runs"],
    }


def execution(record: Record) -> shapes.Execution:
    """Return one row of report_executions."""
    return {
        "id": record["id"],
        "status": record["status"],
        "startedAt": moment(record["started_at"]),
        "completedAt": moment(record["completed_at"]),
        "recordCount": record["record_count"],
        "fileSize": record["file_size"],
        "error": record["error"],
        "duration": record["duration"],
        "format": record["format"],
        "progress": record["progress"],
        "scheduledFor": moment(record["scheduled_for"]),
        "emailSent": record["email_sent"],
        "emailSentAt": moment(record["email_sent_at"]),
        "emailError": record["email_error"],
        "retryCount": record["retry_count"],
        "triggeredBy": record["triggered_by"],
        "triggeredManually": record["triggered_manually"],
        "createdAt": moment(record["created_at"]),
    }


def run(record: Record) -> shapes.Run:
    """Return one run with its executions; `queued` is a requested run of which no task has started."""
    request = record["request"] or {}
    return {
        "runId": record["run_id"],
        "kind": record["kind"],
        "state": "queued" if record["state"] == "running" and not record["frozen"] else record["state"],
        "reason": record["reason"],
        "test": record["test"],
        "resendOf": request.get("resend"),
        "scheduledFor": moment(record["scheduled_for"]),
        "windowStart": moment(record["window_start"]),
        "windowEnd": moment(record["window_end"]),
        "triggeredBy": record["triggered_by"],
        "rows": record["main_rows"],
        "dataRows": record["data_rows"],
        "summary": " ".join(sentence["text"] for sentence in record["lead"] or ()) or None,
        "startedAt": moment(record["started_at"]),
        "settledAt": moment(record["settled_at"]),
        "mail": _mail(record),
        "sendIf": _verdict(record["verdict"]),
        "executions": [execution(one) for one in record["executions"]],
    }


def missed(record: Record) -> shapes.MissedTicks:
    """Return the missed ticks of one outage."""
    return {
        "first": moment(record["first_tick"]),
        "last": moment(record["last_tick"]),
        "ticks": record["ticks"],
        "policy": record["policy"],
        "made": record["made"],
        "at": moment(record["decided_at"]),
    }


def stage(one: Stage) -> shapes.Stage:
    """Return one stage of a run: a task in Airflow, or a part of one."""
    seconds = (one.ended_at - one.started_at).total_seconds() if one.started_at and one.ended_at else None
    return {
        "name": one.name or one.task_id,
        "taskId": one.task_id,
        "mapIndex": one.map_index,
        "label": one.label,
        "state": one.state,
        "attempt": one.attempt,
        "startedAt": moment(one.started_at),
        "endedAt": moment(one.ended_at),
        "seconds": seconds,
    }


def delivery(
    record: Record, reader: Reader | None, outcomes: Sequence[RecipientRecord], *, is_likely_unsent: bool
) -> shapes.Delivery:
    """Return one message of the ledger; *reader* is null unless its links lead to the public door."""
    return {
        "message": record["message"],
        "isNotice": record["message"].startswith("notice/"),
        "state": record["state"],
        "subject": record["subject"],
        "recipients": record["recipients"],
        "mode": record["mode"],
        "formats": record["formats"],
        "messageId": record["message_id"],
        "error": record["error"],
        "refused": record["refused"],
        "requestedBy": record["requested_by"],
        "resendOf": record["resend_of"],
        "claimedAt": moment(record["claimed_at"]),
        "settledAt": moment(record["settled_at"]),
        "confirmedAt": moment(record["confirmed_at"]),
        "hasEvents": record["has_events"],
        "almostCertainlyNotSent": is_likely_unsent,
        "outcomes": [_outcome(one) for one in outcomes],
        "reader": _reader(reader) if reader else None,
    }


def opt_out(one: OptOut) -> shapes.OptOut:
    """Return that a reader left a report, and how it was taken back."""
    return {
        "address": one.address,
        "how": one.how,
        "leftAt": moment(one.left_at),
        "returnedAt": moment(one.returned_at),
        "returnedBy": one.returned_by,
        "returnReason": one.return_reason,
    }


def brand(one: Brand | None) -> shapes.Brand:
    """Return the brand of a workspace; null where the deployment's counts."""
    values = {name: (getattr(one, column) if one else "") or None for name, column in BRAND_FIELDS.items()}
    return cast("shapes.Brand", values)


def finding(found: Finding) -> shapes.Finding:
    """A line of the doctor."""
    return {
        "level": str(found.level),
        "subject": found.subject,
        "text": found.text,
        "remedy": found.remedy or None,
    }


def feedback(one: Feedback) -> shapes.EventsRead:
    """Return how far the mail service's events were read."""
    return {"read": one.events, "ignored": one.ignored, "drainedAt": moment(one.drained_at)}


def suppression(one: Suppression) -> shapes.Suppression:
    """Return an address that a workspace's reports do not mail, and how it was let be mailed again."""
    return {
        "address": one.address,
        "cause": one.cause,
        "reason": one.reason,
        "since": moment(one.since),
        "reportId": one.report_id,
        "reportName": one.report_name,
        "liftedAt": moment(one.lifted_at),
        "liftedBy": one.lifted_by,
        "liftReason": one.lift_reason,
    }


def parameter(one: Parameter) -> dict[str, Any]:
    """Return the declaration of a parameter; *in* names the field that holds its value."""
    return {
        "name": one.name,
        "in": "options.parameters" if one.is_own else "parameters",
        "title": one.title,
        "type": one.type,
        "many": one.many,
        "required": one.required,
        "default": one.default,
        "values": [{"value": value, "title": one.title_of(value)} for value in one.values],
        "isListed": bool(one.query),
        "minimum": one.minimum,
        "maximum": one.maximum,
        "help": one.help,
    }


def audit_entry(record: Record) -> shapes.AuditEntry:
    """Return one entry of the audit trail."""
    return {
        "id": record["id"],
        "at": moment(record["at"]),
        "reportId": record["report_id"],
        "action": record["action"],
        "actor": record["actor"],
        "actingUserId": record["acting_user"],
        "runId": record["run_id"],
        "before": record["before"],
        "after": record["after"],
    }


def _outcome(one: RecipientRecord) -> shapes.Outcome:
    """Return what became of a message at one recipient; a bounce is permanent or, as of a full mailbox, it is not."""
    is_bounce = one.state in (RecipientState.BOUNCED, RecipientState.SOFT_BOUNCED)
    return {
        "address": one.address,
        "state": RecipientState.BOUNCED if is_bounce else one.state,
        "isPermanent": one.state is RecipientState.BOUNCED if is_bounce else None,
        "at": moment(one.at),
        "reason": one.reason or None,
        "detail": one.detail or None,
    }


def _reader(one: Reader) -> shapes.ReaderState:
    """Return what became of a message's links; the address of a message to several readers is null."""
    return {
        "address": one.address,
        "openings": one.openings,
        "automaticOpenings": one.automatic,
        "lastOpenedAt": moment(one.last_opened_at),
        "revokedAt": moment(one.revoked_at),
    }


def _email(record: Record, column: str) -> Any:
    value = record[column]
    return [] if value is None and column.endswith("recipients") else value


def _verdict(verdict: Mapping[str, Any] | None) -> shapes.SendIf | None:
    """Return what the conditions of an email have found; None without conditions."""
    if verdict is None:
        return None
    conditions: list[shapes.Condition] = [{"met": one["met"], "text": one["text"]} for one in verdict["findings"]]
    return {"met": verdict["met"], "why": verdict["why"] or None, "conditions": conditions}


def _mail(record: Record) -> shapes.MailDecision | None:
    """Return what was decided about the email; None before the decision."""
    plan = record["mail"]
    if plan is None:
        return {"wanted": None, "why": record["mail_error"], "suppressed": []} if record["mail_error"] else None
    return {
        "wanted": plan["wanted"],
        "why": plan.get("why") or record["mail_error"],
        "suppressed": plan.get("suppressed", []),
    }
