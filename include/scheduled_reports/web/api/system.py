"""Routes about the system: rejected rows, report types, health."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends, Response

from ...domain.errors import ConfigurationError
from ...domain.finding import Finding, worst
from ...domain.formats import FORMATS, Format
from ...monitoring.health import look
from ...ports.web import Right
from ...reports.calendars import resolved
from ...reports.conditions import usable_names
from ...reports.parser import parse
from ...reports.types.catalog import catalog
from .. import fields, serializers, shapes
from ..access import NO_BULK, NO_OVERVIEW, Authorized, Ports, SignedIn
from ..responses import ApiError, SafeRoute, answer, returns
from ..schemas import json_only
from ..slow_work import SlowWork
from .reports import BASE

FAILING: dict[int | str, dict[str, Any]] = {
    503: {"description": "Reports are late or stuck (same body), or a server is down"}
}
#: Checks wait for servers for some seconds, or until a time-out.
CHECKS = SlowWork(noun="checks", threads=2, waiting=2, per_user=1)
#: The most ids of reports without a DAG that the health route names.
LISTED = 10

router = APIRouter(route_class=SafeRoute, tags=["lookups"], dependencies=[Depends(json_only)])


@router.get(f"{BASE}/rejections", responses=returns(shapes.RejectionList))
def rejections(access: Authorized) -> Response:
    """Return the rows of the workspace that cannot be scheduled, each with every reason."""
    access.must_see_all()
    services = access.ports.core
    rows = services.definitions.rows(limit=services.settings.max_reports, workspace_id=access.workspace.id)
    _, found = parse(resolved(row) for row in rows)
    shown = [{"id": one.report_id, "name": one.name, "problems": fields.by_field(one.problems)} for one in found]
    return answer({"rejections": shown, "total": len(shown)})


@router.get("/api/report-types")
def report_types(_: SignedIn) -> Response:
    """Return the report types, the parameters that each uses, and the formats."""
    known = catalog()
    types = [
        {
            "id": kind.id,
            "title": kind.title,
            "description": kind.description,
            "parameters": sorted(one.name for one in kind.parameters.values() if not one.is_own),
            "declared": [serializers.parameter(one) for one in kind.parameters.values()],
            "roles": list(kind.roles),
            "datasets": [one.title for one in kind.datasets],
            "sources": [one.name for one in kind.sources],
            "sendIf": usable_names(kind),
        }
        for kind in known.types.values()
    ]
    formats = [
        {"id": str(one), "contentType": FORMATS[one].content_type, "extension": FORMATS[one].extension}
        for one in Format
    ]
    return answer({"reportTypes": types, "broken": dict(known.broken), "formats": formats})


@router.get("/api/health/details", responses=returns(shapes.HealthDetails))
async def health_details(caller: SignedIn, ports: Ports) -> Response:
    """Examine settings, servers and privileges: each finding with what to do.  Stores and deletes an object."""
    found = await examined(caller, ports)
    return answer({"status": worst(found), "findings": [serializers.finding(one) for one in found]})


async def examined(caller: SignedIn, ports: Ports) -> list[Finding]:
    """What the doctor finds, for callers who may change every report: it names servers, roles and buckets."""
    if not caller.may(Right.CHANGE):
        raise ApiError(403, NO_BULK)
    return await CHECKS.run(caller.name, lambda: list(ports.findings()))


@router.get("/api/health", responses=FAILING)
@router.get("/health", responses=FAILING)
def health(caller: SignedIn, ports: Ports) -> Response:
    """Return the health of the system: 503 while reports are late or stuck, 200 otherwise."""
    if not caller.may(Right.READ):
        raise ApiError(403, NO_OVERVIEW)
    try:
        settings = ports.core.settings
    except ConfigurationError as error:
        return answer({"status": "failing", "attention": ["settings"], "settings": str(error)}, 503)
    found, lag = look(ports.core)
    left_out = ports.core.definitions.left_out(limit=settings.max_reports, most=LISTED) if found.left_out else {}
    failing = {
        "late": lag > settings.grace_seconds,
        "stuckRuns": found.stuck_runs,
        "stuckExecutions": found.stuck_executions,
    }
    notable = {
        "unknownDeliveries": found.unknown_deliveries,
        "rejected": found.rejected,
        "leftOut": found.left_out,
        "mailStopped": not found.mail_enabled,
    }
    # Only problems that keep reports from being sent are a 503: an invalid row must not page anybody.
    status = "failing" if any(failing.values()) else "attention" if any(notable.values()) else "ok"
    return answer(
        {
            "status": status,
            "attention": [name for name, is_wrong in (failing | notable).items() if is_wrong],
            "reports": found.reports,
            "scheduled": found.scheduled,
            "rejected": found.rejected,
            "stoppedForFailing": found.stopped,
            "leftOut": found.left_out,
            "firstLeftOut": list(left_out),
            "openRuns": found.open_runs,
            "stuckRuns": found.stuck_runs,
            "stuckExecutions": found.stuck_executions,
            "unknownDeliveries": found.unknown_deliveries,
            "lagSeconds": round(lag.total_seconds()),
            "events": serializers.feedback(ports.core.feedback.feedback()) if settings.feedback_queue else None,
            "mailEnabled": found.mail_enabled,
            "mailMode": settings.mail_mode.partition(":")[0],
        },
        503 if status == "failing" else 200,
    )
