"""The form that creates or edits a report."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated
from zoneinfo import available_timezones

from fastapi import APIRouter, Query, Request, Response

from ...domain.formats import Format
from ...ports.web import Record, Right, WebServices, WorkspaceInfo
from ...reports.fields import DEFAULTS
from ...reports.options import LONGEST_JITTER
from ...reports.parameters import PARAMETERS, PERIODS, usable_own_parameters, usable_parameters
from ...reports.periods import NAMED_PERIODS
from ...reports.types.catalog import catalog
from .. import serializers
from ..access import NO_CREATION, Ports, SignedIn, access_to_report, visible_reports
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
    """Show the form of a new report, empty or as a copy of another one."""
    if not caller.may(Right.CHANGE):
        raise ApiError(403, NO_CREATION)
    workspaces = ports.overview.workspaces(visible_reports(caller))
    record: Record = {**DEFAULTS, "id": "", "export_formats": ["pdf"], "cron_expression": "0 9 * * 1"}
    chosen = next((one for one in workspaces if workspace in (one.id, one.slug)), next(iter(workspaces), None))
    if copy:
        access = access_to_report(caller, ports, copy)
        original = access.record(copy)
        record |= {column: original[column] for column in DEFAULTS if column in original and column != "status"}
        record |= {"name": f"Copy of {original['name']}"[:200], "is_active": False}
        chosen = access.workspace
    return _form(request, ports, record, workspaces, chosen)


@router.get("/reports/{id}/edit")
def edit_page(request: Request, caller: SignedIn, ports: Ports, id: str) -> Response:
    """Show the form of an existing report."""
    access = access_to_report(caller, ports, id)
    return _form(request, ports, access.record(id, Right.CHANGE), (access.workspace,), access.workspace)


def _form(
    request: Request,
    ports: WebServices,
    record: Record,
    workspaces: Sequence[WorkspaceInfo],
    workspace: WorkspaceInfo | None,
) -> Response:
    known = catalog()
    return page(
        request,
        "form",
        report=record | {"parameters": usable_parameters(record["parameters"])},
        updated_at=serializers.moment(record.get("updated_at")),
        workspaces=workspaces,
        workspace=workspace,
        members={one.id: ports.overview.members(one.id) for one in workspaces[:200]},
        types=list(known.types.values()),
        formats=list(Format),
        periods=(*NAMED_PERIODS, "custom"),
        application_periods=PERIODS,
        longest_jitter=LONGEST_JITTER,
        parameters=PARAMETERS,
        own_parameters=[(kind, own) for kind in known.types.values() if (own := kind.own_parameters)],
        own_given={kind.id: usable_own_parameters(kind, record["options"]) for kind in known.types.values()},
        zones=sorted(available_timezones()),
    )
