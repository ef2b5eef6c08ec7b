"""A route that hands the reports of one owner over to another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Depends, Response

from ...ports.web import ReportQuery, Right
from .. import shapes
from ..access import Authorized
from ..responses import ApiError, SafeRoute, answer, invalid, returns
from ..schemas import Content, HandOver, Sent, check, documented, json_only
from .reports import BASE, STALE, TRIES, changes_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..access import Access

#: Reports that one request hands over.
MOST = 1_000

router = APIRouter(route_class=SafeRoute, tags=["reports"], dependencies=[Depends(json_only)])


@router.post(f"{BASE}/hand-over", openapi_extra=documented(HandOver), responses=returns(shapes.HandOverResult))
def hand_over(access: Authorized, content: Content) -> Response:
    """Make another member the owner of reports; of each report, return whether that was possible, or why not."""
    access.must_change_all()
    body = check(HandOver, content)
    for name in ("fromUser", "toUser"):
        if not body.values.get(name) and name not in body.wrong:
            body.wrong[name] = ["This field is required; send the id of a user."]
    if body.wrong:
        raise invalid(body.wrong)
    results = [_handed(access, report_id, body.values["toUser"]) for report_id in _affected(access, body)]
    access.ports.airflow.reparse()
    return answer({"results": results, "changed": sum(one["changed"] for one in results)})


def _affected(access: Access, body: Sent) -> Sequence[str]:
    """Return the ids of the owner's reports, or of those that the request names; each is checked again on its own."""
    query = ReportQuery(
        workspace_id=access.workspace.id, created_by=body.values["fromUser"], ids=access.visible(), limit=MOST
    )
    owned = [str(record["id"]) for record in access.ports.reports.page(query).items]
    named = body.values.get("reports")
    if named is None:
        return owned
    if strangers := [report_id for report_id in named if report_id not in owned]:
        raise invalid({"reports": [f"{one} is not a report of this owner; leave it out." for one in strangers[:20]]})
    return list(dict.fromkeys(named))


def _handed(access: Access, report_id: str, owner: str) -> dict[str, Any]:
    """Hand one report over; what is wrong with one does not stop the others."""
    try:
        _change(access, report_id, owner)
    except ApiError as error:
        problems = [text for texts in error.content.get("details", {}).values() for text in texts]
        return {"id": report_id, "changed": False, "error": " ".join(problems) or error.content["error"]}
    return {"id": report_id, "changed": True, "error": None}


def _change(access: Access, report_id: str, owner: str) -> None:
    for _ in range(TRIES):
        record = access.record(report_id, Right.CHANGE)
        changes = changes_of(access, record, Sent(values={"createdBy": owner}, wrong={}))
        if access.ports.reports.update(report_id, changes, record["updated_at"], access.actor):
            return
    raise ApiError(409, STALE)
