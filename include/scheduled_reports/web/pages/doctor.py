"""The page of the doctor: what is wrong with the deployment, and what to do."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from ...domain.finding import Level, worst
from ..access import Ports, SignedIn
from ..api.system import examined
from ..responses import SafePage
from .template import page

#: How each level looks, by the class of a state that people know.
SHOWN = {Level.OK: ("success", "OK"), Level.WARNING: ("unknown", "Warning"), Level.FAULT: ("failed", "Fault")}
SUMMARY = {
    Level.OK: "Everything that was examined is right.",
    Level.WARNING: "Reports work; some things are worth a look.",
    Level.FAULT: "Reports fail, or will, until the faults are corrected.",
}

router = APIRouter(route_class=SafePage, include_in_schema=False)


@router.get("/doctor")
async def doctor_page(request: Request, caller: SignedIn, ports: Ports) -> Response:
    """Examine the deployment and show what was found, faults first."""
    found = await examined(caller, ports)
    order = list(Level)[::-1]
    ordered = sorted(found, key=lambda one: order.index(one.level))
    return page(request, "doctor", findings=ordered, shown=SHOWN, summary=SUMMARY[worst(found)])
