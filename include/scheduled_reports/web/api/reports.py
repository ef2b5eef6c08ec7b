"""Routes that list, read, create, change, delete, pause and resume reports, like the application's API."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, timedelta
from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Response

from ...domain.errors import ReportTypeError, TransientError
from ...domain.moment import parse_moment
from ...domain.report import Status
from ...ports.web import ReportQuery, Right
from ...reports import next_run
from ...reports.calendars import is_pending
from ...reports.fields import DEFAULTS, NO_CREATOR, new_row
from ...reports.types.catalog import catalog
from ...runs import calendars
from ...runs.listed_values import unlisted
from .. import fields, serializers, shapes
from ..access import NO_REPORT, Authorized, storable
from ..responses import ApiError, SafeRoute, answer, invalid, returns
from ..schemas import ChangedReport, Content, NewReport, Sent, check, documented, json_only

if TYPE_CHECKING:
    from ...ports.web import Record
    from ..access import Access

BASE = "/api/workspaces/{workspaceSlug}/reports"
HISTORY = 10
#: How often an edit without `updatedAt` is applied again after a concurrent edit.
TRIES = 5
#: How long the check of a value that a query lists may take.
LIST_TIMEOUT = timedelta(seconds=5)
SORTED_BY = {"name": "name", "createdAt": "created_at", "lastRun": "last_run", "nextRun": "next_run"}
STALE = "The report has been changed since it was read; read it again."

router = APIRouter(
    prefix=f"{BASE}/scheduled", route_class=SafeRoute, tags=["reports"], dependencies=[Depends(json_only)]
)


@router.get("", responses=returns(shapes.ReportList))
@router.get("/", include_in_schema=False)
def list_reports(
    access: Authorized,
    reportType: Annotated[str | None, Query()] = None,
    isActive: Annotated[bool | None, Query()] = None,
    tag: Annotated[str | None, Query()] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
    offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
    sortBy: Annotated[Literal["name", "createdAt", "lastRun", "nextRun"], Query()] = "createdAt",
    sortOrder: Annotated[Literal["asc", "desc"], Query()] = "desc",
) -> Response:
    """Return one page of the workspace's reports."""
    query = ReportQuery(
        workspace_id=access.workspace.id,
        report_type=storable(reportType, "reportType"),
        is_active=isActive,
        tag=storable(tag, "tag"),
        ids=access.visible(),
        sort_by=SORTED_BY[sortBy],
        descending=sortOrder == "desc",
        limit=limit,
        offset=offset,
    )
    found = access.ports.reports.page(query)
    dags = access.ports.airflow.dags([record["id"] for record in found.items])
    return answer(
        {
            "reports": [serializers.report(record, dags, access.ports.core.now()) for record in found.items],
            "total": found.total,
            "pagination": {"limit": limit, "offset": offset, "hasMore": offset + len(found.items) < found.total},
            "workspace": serializers.workspace(access.workspace),
        }
    )


@router.post("", status_code=201, openapi_extra=documented(NewReport), responses=returns(shapes.Report, 201))
@router.post("/", status_code=201, include_in_schema=False)
def create_report(access: Authorized, content: Content) -> Response:
    """Create a report; its DAG exists within seconds."""
    access.must_create()
    body = check(NewReport, content)
    body.wrong.update(fields.unchangeable(content, fields.FIXED_WHEN_NEW))
    row = new_report(access, body)
    report_id, values = row["id"], {column: row[column] for column in DEFAULTS if column in row}
    access.ports.reports.insert({"id": report_id, "workspace_id": access.workspace.id, **values}, access.actor)
    return _saved(access, report_id, 201)


@router.get("/{id}", responses=returns(shapes.ReportDetail))
def read_report(access: Authorized, id: str) -> Response:
    """Return one report with its newest executions."""
    record = access.record(id)
    history = access.ports.reports.history(access.workspace.id, record["id"], limit=HISTORY)
    missed = access.ports.reports.missed(access.workspace.id, record["id"], limit=HISTORY)
    opt_outs = access.ports.core.readers.opt_outs(record["id"])
    return answer(
        _with_problems(access, record)
        | {
            "executionHistory": [serializers.execution(one) for one in history],
            "missedTicks": [serializers.missed(one) for one in missed],
            "optedOut": [one.address for one in opt_outs if one.returned_at is None],
        }
    )


@router.put("/{id}", openapi_extra=documented(ChangedReport), responses=returns(shapes.Report))
def change_report(access: Authorized, id: str, content: Content) -> Response:
    """Change any of the fields; 409 if `updatedAt` is sent and is not the current one."""
    for _ in range(TRIES):
        record = access.record(id, Right.CHANGE)
        body = check(ChangedReport, _with_owner_id(content))
        body.wrong.update(fields.unchangeable(content, serializers.fixed(record)))
        _must_be_fresh(record, body)
        changes = changes_of(access, record, body)
        if not changes or access.ports.reports.update(id, changes, record["updated_at"], access.actor):
            return _saved(access, id)
    raise ApiError(409, STALE)


@router.delete("/{id}", responses=returns(shapes.Done))
def delete_report(access: Authorized, id: str) -> Response:
    """Delete a report; its open runs finish first."""
    record = access.record(id, Right.CHANGE)
    if not access.ports.reports.delete(access.workspace.id, record["id"], access.actor):
        raise ApiError(404, NO_REPORT)
    access.ports.airflow.reparse()
    return answer({"success": True, "message": "Scheduled report deleted"})


@router.post("/{id}/pause", responses=returns(shapes.Report))
def pause_report(access: Authorized, id: str) -> Response:
    """Disable the schedule of a report in its row; Airflow's own pause would also stop its open runs."""
    return _switch(access, id, is_active=False)


@router.post("/{id}/resume", responses=returns(shapes.Report))
def resume_report(access: Authorized, id: str) -> Response:
    """Enable the schedule of a report again, also after it was stopped; ticks before now do not fire."""
    return _switch(access, id, is_active=True)


def new_report(access: Access, body: Sent) -> Record:
    """Return the valid row of a new report; 400 with every problem of every field."""
    wrong = {
        **body.wrong,
        **{
            field: ["This field is required."]
            for field in fields.REQUIRED
            if field not in body.values and field not in body.wrong
        },
    }
    values = fields.with_options({}, fields.columns(body.values), body.values)
    user_id = body.values.get("createdBy") or (access.member.user_id if access.member else "")
    if user_id:
        access.must_have_role(owner=user_id)
        values["created_by_id"] = user_id
    elif "createdBy" not in wrong:
        wrong["createdBy"] = ["This field is required; send the id of a member of the workspace."]
    creator = access.ports.reports.creator(access.workspace.id, user_id) if user_id else None
    row = new_row(fields.new_id(), values, asdict(access.workspace), creator)
    row = with_calendar(access, row)
    if found := _problems(access, row, wrong):
        raise invalid(found)
    return row


def changes_of(access: Access, record: Record, body: Sent) -> Record:
    """Return the columns that an edit changes; 400 with every problem that the report would have."""
    row = access.ports.core.definitions.row(record["id"])
    if row is None:
        raise ApiError(404, NO_REPORT)
    changes = fields.with_options(row, fields.resumed(row, fields.columns(body.values)), body.values)
    changed = with_calendar(access, row | changes | owner_columns(access, row, changes))
    if found := _problems(access, changed, body.wrong):
        raise invalid(found)
    return changes


def _problems(access: Access, row: Record, wrong: fields.Problems) -> fields.Problems:
    """Return *wrong*, the problems of *row*, and those that only the database knows."""
    return fields.merged(fields.problems(row, wrong), _unlisted(access, row))


def _unlisted(access: Access, row: Record) -> fields.Problems:
    """Return the problem of each value that is not in the workspace's list; a run checks them as well.

    None if the database does not answer in time, which is no reason against saving.
    """
    kind = catalog().types.get(row["reportType"])
    options = row.get("options") or {}
    values = options.get("parameters") if isinstance(options, dict) else None
    if kind is None or not isinstance(values, dict):
        return {}
    with suppress(TransientError, ReportTypeError):
        source = access.ports.source(LIST_TIMEOUT)
        return fields.by_field(unlisted(source, kind, values, access.workspace.id, suggest=True))
    return {}


def _with_owner_id(content: dict[str, Any]) -> dict[str, Any]:
    """Return *content* with the id of the owner, whom responses show with name and address."""
    owner = content.get("createdBy")
    return {**content, "createdBy": owner["id"]} if isinstance(owner, dict) and "id" in owner else content


def owner_columns(access: Access, row: Record, changes: Record) -> Record:
    """Return the columns about a new owner, whom the row does not know yet."""
    user_id = changes.get("created_by_id")
    if user_id is None or user_id == row["created_by_id"]:
        return {}
    return access.ports.reports.creator(access.workspace.id, user_id) or NO_CREATOR


def with_calendar(access: Access, row: Record) -> Record:
    """Return the row with the days of the calendar that its options name now, if the database has them."""
    if not is_pending(row):
        return row
    held = access.ports.core.definitions.calendar(access.workspace.id, row["options"]["calendar"])
    return {**row, "calendar": held}


def _must_be_fresh(record: Record, body: Sent) -> None:
    if body.values.get("updatedAt") is None:
        return
    read_at = fields.read(body.wrong, "updatedAt", body.values["updatedAt"], parse_moment)
    current = record["updated_at"]
    if read_at is not None and (current is None or read_at != current.replace(tzinfo=UTC)):
        raise ApiError(409, STALE, updatedAt=serializers.moment(current))


def _switch(access: Access, report_id: str, *, is_active: bool) -> Response:
    for _ in range(TRIES):
        record = access.record(report_id, Right.CHANGE)
        if record["status"] == Status.DISABLED:
            raise ApiError(409, "The report is disabled in the application; enable it there first.")
        changes: Record = {"is_active": is_active}
        if is_active:
            changes = changes_of(access, record, Sent(values={"isActive": True}, wrong={}))
        if access.ports.reports.update(record["id"], changes, record["updated_at"], access.actor):
            return _saved(access, report_id)
    raise ApiError(409, STALE)


def _saved(access: Access, report_id: str, status: int = 200) -> Response:
    """Return the report as it is now, with its next run; Airflow is asked to parse it at once."""
    services = access.ports.core
    row = services.definitions.row(report_id)
    if row is not None and is_pending(row):
        calendars.keep(services)
        row = services.definitions.row(report_id)
    services.upkeep_store.set_next_runs({report_id: next_run.next_run_of(row, services.now())})
    access.ports.airflow.reparse()
    record = access.ports.reports.report(access.workspace.id, report_id)
    if record is None:  # deleted since
        raise ApiError(404, NO_REPORT)
    return answer(serializers.report(record, access.ports.airflow.dags([report_id]), services.now()), status)


def _with_problems(access: Access, record: Record) -> dict[str, Any]:
    """Return a report and the problems that keep it from being scheduled."""
    row = access.ports.core.definitions.row(record["id"])
    shown = serializers.report(record, access.ports.airflow.dags([record["id"]]), access.ports.core.now())
    return shown | {"problems": fields.problems(row, {}) if row else {}}
