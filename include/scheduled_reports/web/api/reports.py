"""Reports: listed, read, made, changed, deleted, paused and resumed, as the application's own API does it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Response

from ...domain.report import Status
from ...ports.web import Right, Wanted
from ...reports import next_run
from .. import fields, serializers
from ..access import NO_REPORT, Seated, plain
from ..responses import ApiError, SafeRoute, answer, invalid
from ..schemas import ChangedReport, NewReport, Sent, documented, json_only, sent

if TYPE_CHECKING:
    from ...ports.web import Record
    from ..access import Seat

BASE = "/api/workspaces/{workspaceSlug}/reports"
HISTORY = 10
#: How often an edit that does not say what it has read is put on top of somebody else's.
TRIES = 5
SORTED_BY = {"name": "name", "createdAt": "created_at", "lastRun": "last_run", "nextRun": "next_run"}
STALE = "The report was changed meanwhile; read it again"

router = APIRouter(
    prefix=f"{BASE}/scheduled", route_class=SafeRoute, tags=["reports"], dependencies=[Depends(json_only)]
)


@router.get("")
@router.get("/", include_in_schema=False)
def list_reports(
    at: Seated,
    reportType: Annotated[str | None, Query()] = None,
    isActive: Annotated[bool | None, Query()] = None,
    tag: Annotated[str | None, Query()] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
    offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
    sortBy: Annotated[Literal["name", "createdAt", "lastRun", "nextRun"], Query()] = "createdAt",
    sortOrder: Annotated[Literal["asc", "desc"], Query()] = "desc",
) -> Response:
    """A part of the workspace's reports."""
    wanted = Wanted(
        report_type=plain(reportType, "reportType"),
        is_active=isActive,
        tag=plain(tag, "tag"),
        ids=at.visible(),
        sort_by=SORTED_BY[sortBy],
        descending=sortOrder == "desc",
        limit=limit,
        offset=offset,
    )
    found = at.desk.reports.page(at.place.id, wanted)
    dags = at.desk.airflow.dags([record["id"] for record in found.items])
    return answer(
        {
            "reports": [serializers.report(record, dags) for record in found.items],
            "total": found.total,
            "pagination": {"limit": limit, "offset": offset, "hasMore": offset + len(found.items) < found.total},
            "workspace": serializers.workspace(at.place),
        }
    )


@router.post("", status_code=201, openapi_extra=documented(NewReport))
@router.post("/", status_code=201, include_in_schema=False)
def create_report(at: Seated, body: Annotated[Sent, Depends(sent(NewReport))]) -> Response:
    """Make a report; its DAG is there within seconds."""
    at.must_create()
    row = drafted(at, body)
    report_id, values = row["id"], {column: row[column] for column in fields.DEFAULTS if column in row}
    at.desk.reports.insert({"id": report_id, "workspace_id": at.place.id, **values}, at.actor)
    return _saved(at, report_id, 201)


@router.get("/{id}")
def read_report(at: Seated, id: str) -> Response:
    """One report, and its newest executions."""
    record = at.record(id)
    history = at.desk.reports.history(record["id"], limit=HISTORY)
    shown = _with_problems(at, record) | {"executionHistory": [serializers.execution(one) for one in history]}
    return answer(shown)


@router.put("/{id}", openapi_extra=documented(ChangedReport))
def change_report(at: Seated, id: str, body: Annotated[Sent, Depends(sent(ChangedReport))]) -> Response:
    """Change any of the fields; 409 where `updatedAt` is not what the report has now."""
    for _ in range(TRIES):
        record = at.record(id, Right.CHANGE)
        _must_be_fresh(record, body)
        changes = _changes(at, record, body)
        if not changes or at.desk.reports.update(id, changes, record["updated_at"], at.actor):
            return _saved(at, id)
    raise ApiError(409, STALE)


@router.delete("/{id}")
def delete_report(at: Seated, id: str) -> Response:
    """Delete a report; runs of it that are under way come to their end."""
    record = at.record(id, Right.CHANGE)
    if not at.desk.reports.delete(at.place.id, record["id"], at.actor):
        raise ApiError(404, NO_REPORT)
    at.desk.airflow.reparse()
    return answer({"success": True, "message": "Scheduled report deleted"})


@router.post("/{id}/pause")
def pause_report(at: Seated, id: str) -> Response:
    """Take a report off its schedule, in the row; Airflow's own pause would freeze its runs."""
    return _switch(at, id, is_active=False)


@router.post("/{id}/resume")
def resume_report(at: Seated, id: str) -> Response:
    """Put a report on its schedule again, also one that was stopped for failing; it fires for no tick before now."""
    return _switch(at, id, is_active=True)


def drafted(at: Seat, body: Sent) -> Record:
    """The valid row of a report that is not there yet; 400 with every problem of every field."""
    wrong = {
        **body.wrong,
        **{field: ["required"] for field in fields.REQUIRED if field not in body.values and field not in body.wrong},
    }
    values = fields.columns(body.values)
    user_id = body.values.get("createdBy") or (at.member.user_id if at.member else "")
    if user_id:
        at.must_have_role(owner=user_id)
        values["created_by_id"] = user_id
    elif "createdBy" not in wrong:
        wrong["createdBy"] = ["required: the id of a member of the workspace"]
    creator = at.desk.reports.creator(at.place.id, user_id) if user_id else None
    row = fields.new_row(fields.new_id(), values, at.place, creator)
    if found := fields.problems(row, wrong):
        raise invalid(found)
    return row


def _changes(at: Seat, record: Record, body: Sent) -> Record:
    row = at.desk.world.definitions.row(record["id"])
    if row is None:
        raise ApiError(404, NO_REPORT)
    changes = fields.resumed(row, fields.columns(body.values))
    if found := fields.problems(row | changes, body.wrong):
        raise invalid(found)
    return changes


def _must_be_fresh(record: Record, body: Sent) -> None:
    read = body.values.get("updatedAt")
    if read is None:
        return
    try:
        moment = datetime.fromisoformat(read)
    except ValueError:
        body.wrong.setdefault("updatedAt", [f"{read!r}: the updatedAt that was read, ISO 8601"])
        return
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    if moment != record["updated_at"].replace(tzinfo=UTC):
        raise ApiError(409, STALE, updatedAt=serializers.moment(record["updated_at"]))


def _switch(at: Seat, report_id: str, *, is_active: bool) -> Response:
    for _ in range(TRIES):
        record = at.record(report_id, Right.CHANGE)
        if record["status"] == Status.DISABLED:
            raise ApiError(409, "The report is disabled; whoever has disabled it has to enable it first")
        changes: Record = {"is_active": is_active}
        if is_active:
            changes = _changes(at, record, Sent(values={"isActive": True}, wrong={}))
        if at.desk.reports.update(record["id"], changes, record["updated_at"], at.actor):
            return _saved(at, report_id)
    raise ApiError(409, STALE)


def _saved(at: Seat, report_id: str, status: int = 200) -> Response:
    """The report as it is now, its coming run with it; Airflow is asked to read it at once."""
    world = at.desk.world
    row = world.definitions.row(report_id)
    world.housekeeping.set_next_runs({report_id: next_run.next_run_of(row, world.now())})
    at.desk.airflow.reparse()
    record = at.desk.reports.report(at.place.id, report_id)
    if record is None:  # somebody has deleted it since
        raise ApiError(404, NO_REPORT)
    return answer(serializers.report(record, at.desk.airflow.dags([report_id])), status)


def _with_problems(at: Seat, record: Record) -> dict[str, Any]:
    """A report, and why it is rejected where it is."""
    row = at.desk.world.definitions.row(record["id"])
    shown = serializers.report(record, at.desk.airflow.dags([record["id"]]))
    return shown | {"problems": fields.problems(row, {}) if row else {}}
