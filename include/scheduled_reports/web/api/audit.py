"""Routes of the audit trail."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from .. import serializers, shapes
from ..access import Authorized
from ..responses import SafeRoute, answer, returns
from ..schemas import json_only
from .reports import BASE

router = APIRouter(route_class=SafeRoute, tags=["lookups"], dependencies=[Depends(json_only)])


@router.get(f"{BASE}/audit", responses=returns(shapes.AuditTrail))
def audit(
    access: Authorized,
    before: Annotated[int | None, Query(ge=1, le=2**62, description="Only entries older than this one")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Response:
    """Return who changed what in the workspace, including deleted reports."""
    access.must_see_all()
    found = access.ports.reports.audit(access.workspace.id, None, before=before, limit=limit)
    return answer({"entries": [serializers.audit_entry(one) for one in found]})


@router.get(f"{BASE}/scheduled/{{id}}/audit", responses=returns(shapes.AuditTrail))
def audit_of(
    access: Authorized,
    id: str,
    before: Annotated[int | None, Query(ge=1, le=2**62, description="Only entries older than this one")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Response:
    """Return who changed what in a report."""
    found = access.ports.reports.audit(access.workspace.id, access.record(id)["id"], before=before, limit=limit)
    return answer({"entries": [serializers.audit_entry(one) for one in found]})
