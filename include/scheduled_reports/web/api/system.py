"""What helps with reports: coming run times, previews, rejections, types, the audit trail, how the whole does."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends, Response

from ...domain.formats import FORMATS, Format
from ...monitoring.health import look
from ...ports.web import Right
from ...reports.parser import parse
from ...reports.types.catalog import catalog
from .. import fields
from ..access import Authorized, Ports, SignedIn
from ..responses import ApiError, SafeRoute, answer
from ..schemas import json_only
from .reports import BASE

FAILING: dict[int | str, dict[str, Any]] = {
    503: {"description": "late or stuck, in the same numbers; or a server is away"}
}

router = APIRouter(route_class=SafeRoute, tags=["lookups"], dependencies=[Depends(json_only)])


@router.get(f"{BASE}/rejections")
def rejections(access: Authorized) -> Response:
    """The workspace's rows that cannot be scheduled, each with every reason."""
    access.must_see_all()
    services = access.ports.core
    _, found = parse(services.definitions.rows(limit=services.settings.max_reports, workspace_id=access.place.id))
    shown = [{"id": one.report_id, "name": one.name, "problems": fields.by_field(one.problems)} for one in found]
    return answer({"rejections": shown, "total": len(shown)})


@router.get("/api/report-types")
def report_types(_: SignedIn) -> Response:
    """What a report may be about, which parameters each type uses, and the formats there are."""
    known = catalog()
    types = [
        {
            "id": kind.id,
            "title": kind.title,
            "description": kind.description,
            "parameters": sorted(kind.parameters),
            "roles": list(kind.roles),
            "datasets": [one.title for one in kind.datasets],
            "sources": [one.name for one in kind.sources],
        }
        for kind in known.types.values()
    ]
    formats = [
        {"id": str(one), "contentType": FORMATS[one].content_type, "extension": FORMATS[one].extension}
        for one in Format
    ]
    return answer({"reportTypes": types, "broken": dict(known.broken), "formats": formats})


@router.get("/api/health", responses=FAILING)
@router.get("/health", responses=FAILING)
def health(caller: SignedIn, ports: Ports) -> Response:
    """How the whole does, in numbers: 503 while reports are late or stuck, 200 otherwise."""
    if not caller.may(Right.READ):
        raise ApiError(403, "this needs the right to read every DAG in Airflow")
    found, lag = look(ports.core)
    settings = ports.core.settings
    failing = {
        "late": lag > settings.grace_seconds,
        "stuckRuns": found.stuck_runs,
        "stuckExecutions": found.stuck_executions,
    }
    notable = {
        "unknownDeliveries": found.unknown_deliveries,
        "rejected": found.rejected,
        "mailStopped": not found.mail_enabled,
    }
    # A row that somebody spoiled is no reason to wake anybody: what does not keep reports from leaving is a 200.
    status = "failing" if any(failing.values()) else "attention" if any(notable.values()) else "ok"
    return answer(
        {
            "status": status,
            "attention": [name for name, is_wrong in (failing | notable).items() if is_wrong],
            "reports": found.reports,
            "scheduled": found.scheduled,
            "rejected": found.rejected,
            "stoppedForFailing": found.stopped,
            "openRuns": found.open_runs,
            "stuckRuns": found.stuck_runs,
            "stuckExecutions": found.stuck_executions,
            "unknownDeliveries": found.unknown_deliveries,
            "lagSeconds": round(lag.total_seconds()),
            "mailEnabled": found.mail_enabled,
            "mailMode": settings.mail_mode.partition(":")[0],
        },
        503 if status == "failing" else 200,
    )
