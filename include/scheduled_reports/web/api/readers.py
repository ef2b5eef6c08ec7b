"""Routes about readers: who has left a report, mailing them again, and ending the links of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from fastapi import APIRouter, Depends, Response

from ...domain.run import AuditAction
from ...ports.web import Right
from .. import serializers, shapes
from ..access import Authorized
from ..responses import ApiError, SafeRoute, answer, returns
from ..schemas import Content, OptOutReturn, check, documented, json_only, required
from .reports import BASE
from .runs import REPORT, run_of

if TYPE_CHECKING:
    from ..access import Access

NOT_LEFT = "This address has not left the report, or is mailed again already."

router = APIRouter(
    prefix=f"{BASE}/scheduled", route_class=SafeRoute, tags=["readers"], dependencies=[Depends(json_only)]
)


@router.get(f"{REPORT}/opt-outs", responses=returns(shapes.OptOutList))
def list_opt_outs(access: Authorized, id: str) -> Response:
    """Return who has left a report: those in effect, then those that were taken back, each the newest first."""
    found = access.ports.core.readers.opt_outs(access.record(id)["id"])
    return answer({"optOuts": [serializers.opt_out(one) for one in found]})


@router.post(f"{REPORT}/opt-outs/return", openapi_extra=documented(OptOutReturn), responses=returns(shapes.Done))
def return_reader(access: Authorized, id: str, content: Content) -> Response:
    """Mail a reader again who has left a report, for a reason; 409 if they have not."""
    record = access.record(id, Right.CHANGE)
    body = check(OptOutReturn, content)
    given = required(body, address="send the address of a reader.", reason="say why they are mailed again.")
    act = _act(access, "returned")
    if not access.ports.core.readers.take_back(record["id"], given["address"], act, given["reason"]):
        raise ApiError(409, NOT_LEFT)
    return answer({"success": True, "message": "The reader is mailed again"})


@router.post(f"{REPORT}/runs/{{runId}}/revoke-links", responses=returns(shapes.Revoked))
def revoke_links(access: Authorized, id: str, runId: str) -> Response:
    """End the links to the files of a run; those by which a reader leaves the report go on working."""
    access.record(id, Right.CHANGE)
    key, _ = run_of(access, id, runId)
    revoked = access.ports.core.readers.revoke(key, _act(access, "revoked"))
    return answer({"success": True, "message": _message(revoked), "revoked": revoked})


def _act(access: Access, action: Literal["returned", "revoked"]) -> AuditAction:
    return AuditAction(action=action, actor=access.actor, workspace_id=access.workspace.id)


def _message(revoked: int) -> str:
    if not revoked:
        return "No link of this run worked any more"
    return f"The links of {'one message' if revoked == 1 else f'{revoked:,} messages'} no longer work"
