"""Routes about addresses that a workspace's reports do not mail any more, and letting them be mailed again."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Response

from ...domain.run import AuditAction
from .. import serializers, shapes
from ..access import Authorized
from ..responses import ApiError, SafeRoute, answer, returns
from ..schemas import Content, SuppressionLift, check, documented, json_only, required
from .reports import BASE

NOT_SUPPRESSED = "This address is not suppressed, or is mailed again already."

router = APIRouter(
    prefix=f"{BASE}/suppressions", route_class=SafeRoute, tags=["readers"], dependencies=[Depends(json_only)]
)


@router.get("", responses=returns(shapes.SuppressionList))
def list_suppressions(access: Authorized) -> Response:
    """Return the addresses that bounced or complained: those not mailed, then those lifted, each the newest first."""
    access.must_see_all()
    found = access.ports.core.feedback.suppressions(access.workspace.id)
    return answer({"suppressions": [serializers.suppression(one) for one in found]})


@router.post("/lift", openapi_extra=documented(SuppressionLift), responses=returns(shapes.Done))
def lift_suppression(access: Authorized, content: Content) -> Response:
    """Let an address be mailed again by all reports of the workspace, for a reason; 409 if it is not suppressed."""
    access.must_change_all()
    access.must_have_role(owner="")
    body = check(SuppressionLift, content)
    given = required(body, address="send a suppressed address.", reason="say why it is mailed again.")
    act = AuditAction(action="lifted", actor=access.actor, workspace_id=access.workspace.id)
    if not access.ports.core.feedback.lift(access.workspace.id, given["address"], act, given["reason"]):
        raise ApiError(409, NOT_SUPPRESSED)
    return answer({"success": True, "message": "The address is mailed again"})
