"""The values that the queries of a report type list for a workspace, which the form offers."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Response

from ...domain.report_type import ReportType
from ...reports.types.catalog import catalog
from ...runs.listed_values import MOST_LISTED, listed
from .. import shapes
from ..access import Access, Authorized
from ..responses import ApiError, SafeRoute, answer, returns
from ..schemas import json_only
from ..slow_work import SlowWork
from .reports import BASE

#: How long a query of a form may take.
TIMEOUT = timedelta(seconds=5)
LISTS = SlowWork(noun="lists of values", threads=2, waiting=6, per_user=3)

router = APIRouter(route_class=SafeRoute, tags=["lookups"], dependencies=[Depends(json_only)])


def wanted_type(access: Authorized, reportType: str) -> tuple[Access, ReportType]:
    """Return the report type for callers who may add reports, since a preview shows them its data as well."""
    access.must_create()
    kind = catalog().types.get(reportType)
    if kind is None:
        raise ApiError(404, "There is no such report type.")
    return access, kind


@router.get(f"{BASE}/parameters/{{reportType}}", responses=returns(shapes.ParameterValues))
async def parameter_values(wanted: Annotated[tuple[Access, ReportType], Depends(wanted_type)]) -> Response:
    """Return the values that the queries of a report type list for the workspace, by parameter."""
    access, kind = wanted
    return answer({"parameters": await LISTS.run(access.caller.name, lambda: _lists(access, kind))})


def _lists(access: Access, kind: ReportType) -> dict[str, Any]:
    source = access.ports.source(TIMEOUT)
    queried = [one for one in kind.parameters.values() if one.query]
    lists = {one.name: listed(source, one, access.workspace.id) for one in queried}
    return {
        name: {
            "values": [{"value": one.value, "title": one.title} for one in values[:MOST_LISTED]],
            "hasMore": len(values) > MOST_LISTED,
        }
        for name, values in lists.items()
    }
