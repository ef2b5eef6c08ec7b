"""The form that creates or edits a report."""

from __future__ import annotations

from typing import Annotated, Any
from zoneinfo import available_timezones

from fastapi import APIRouter, Query, Request, Response

from ...domain.formats import Format
from ...ports.web import Record, Right, WebServices
from ...reports.parameters import LEVELS, PARAMETERS, PERIODS, TASK_STATUSES
from ...reports.types.catalog import catalog
from .. import fields, serializers
from ..access import Ports, SignedIn, access_to_report, visible_reports
from ..responses import ApiError, SafePage
from .template import page

router = APIRouter(route_class=SafePage, include_in_schema=False)


@router.get("/new")
def new_page(
    request: Request,
    caller: SignedIn,
    ports: Ports,
    copy: Annotated[str, Query(alias="from", max_length=300)] = "",
    workspace: Annotated[str, Query(max_length=200)] = "",
) -> Response:
    """The form of a report that is not there yet, empty or a copy of another one."""
    if not caller.may(Right.CHANGE):
        raise ApiError(403, "creating a report needs the right to edit every DAG in Airflow")
    places = ports.overview.places(visible_reports(caller))
    record: Record = {**fields.DEFAULTS, "id": "", "export_formats": ["pdf"], "cron_expression": "0 9 * * 1"}
    place = next((one for one in places if workspace in (one.id, one.slug)), places[0] if places else None)
    if copy:
        access = access_to_report(caller, ports, copy)
        original = access.record(copy)
        record |= {column: original[column] for column in fields.DEFAULTS if column in original and column != "status"}
        record |= {"name": f"Copy of {original['name']}"[:200], "is_active": False}
        place = access.place
    return _form(request, ports, record, places, place)


@router.get("/reports/{id}/edit")
def edit_page(request: Request, caller: SignedIn, ports: Ports, id: str) -> Response:
    """The form of a report."""
    access = access_to_report(caller, ports, id)
    return _form(request, ports, access.record(id, Right.CHANGE), (access.place,), access.place)


def _form(request: Request, ports: WebServices, record: Record, places: Any, place: Any) -> Response:
    known = catalog()
    return page(
        request,
        "form",
        report=record,
        updated_at=serializers.moment(record.get("updated_at")),
        places=places,
        place=place,
        members={one.id: ports.overview.members(one.id) for one in places[:200]},
        types=list(known.types.values()),
        formats=list(Format),
        periods=PERIODS,
        parameters=PARAMETERS,
        statuses=TASK_STATUSES,
        levels=LEVELS,
        zones=sorted(available_timezones()),
    )
