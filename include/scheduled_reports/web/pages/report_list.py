"""The list of reports, with those that need attention."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request, Response

from ...domain.cron_words import words
from ...domain.errors import ConfigurationError
from ...domain.report import Status
from ...ports.web import Record, ReportQuery, Right, WebServices
from ...reports.types.catalog import catalog
from .. import serializers
from ..access import Ports, SignedIn, storable, visible_reports
from ..responses import SafePage
from .states import STATES
from .template import page

if TYPE_CHECKING:
    from collections.abc import Sequence

PAGE = 50
COLUMNS = {
    "name": "Name",
    "workspace": "Workspace",
    "type": "Type",
    "next": "Next run",
    "last": "Last run",
    "state": "State",
}
#: The names that the query uses for columns whose name in the page's address is shorter.
SORTED_BY = {"type": "report_type", "next": "next_run", "last": "last_run"}
#: How long messages with unconfirmed delivery are shown.
UNCONFIRMED_SINCE = timedelta(days=7)
#: The states of reports that need attention, as the page says it.
ATTENTION = {
    "unknown": "have a status that only the application knows",
    "rejected": "cannot be scheduled",
    "stopped": "stopped after failures",
    "failing": "failed in the last run",
}
LISTED = 5

router = APIRouter(route_class=SafePage, include_in_schema=False)


@router.get("/")
def list_page(
    request: Request,
    caller: SignedIn,
    ports: Ports,
    q: Annotated[str, Query(max_length=200)] = "",
    workspace: Annotated[str, Query(max_length=200)] = "",
    type: Annotated[str, Query(max_length=200)] = "",
    tag: Annotated[str, Query(max_length=100)] = "",
    state: Annotated[str, Query(max_length=20)] = "",
    sort: Annotated[Literal["name", "workspace", "type", "next", "last", "state"], Query()] = "name",
    order: Annotated[Literal["asc", "desc"], Query()] = "asc",
    number: Annotated[int, Query(alias="page", ge=1, le=100_000)] = 1,
) -> Response:
    """List the reports that the caller may see, and above them those that need attention."""
    filters = {"q": q, "workspace": workspace, "type": type, "tag": tag, "state": state, "sort": sort, "order": order}
    filters = {name: storable(value, name) or "" for name, value in filters.items()}
    ids = visible_reports(caller)
    query = ReportQuery(
        text=filters["q"].strip() or None,
        workspace_id=filters["workspace"] or None,
        report_type=filters["type"] or None,
        tag=filters["tag"] or None,
        state=filters["state"] or None,
        ids=ids,
        sort_by=SORTED_BY.get(sort, sort),
        descending=order == "desc",
        limit=PAGE,
        offset=(number - 1) * PAGE,
    )
    found = ports.reports.page(query)
    outcomes = ports.overview.outcomes([one["id"] for one in found.items])
    paused = ports.airflow.paused()
    return page(
        request,
        "list",
        reports=[_row(one, outcomes.get(one["id"], ()), paused) for one in found.items],
        states=[(name, label, found.states.get(name, 0)) for name, label in STATES.items()],
        filters=filters,
        labels=STATES,
        columns=COLUMNS,
        total=found.total,
        page=number,
        pages=max(-(-found.total // PAGE), 1),
        link=lambda **changes: _query(filters | {name: str(value) for name, value in changes.items()}),
        workspaces=ports.overview.workspaces(ids),
        types=catalog().types.values(),
        attention=_attention(ports, ids, paused),
        may_create=caller.may(Right.CHANGE),
        is_filtered=any(filters[name] for name in ("q", "workspace", "type", "tag", "state")),
    )


def _row(record: Record, outcomes: Sequence[str], paused: frozenset[str]) -> dict[str, Any]:
    scheduled = record["is_active"] and record["status"] == Status.ACTIVE
    return {
        **record,
        "schedule": words(record["cron_expression"]),
        "next": serializers.moment(record["next_run"]),
        "last": serializers.moment(record["last_run"]),
        "is_paused_in_airflow": scheduled and record["id"] in paused,
        "outcomes": outcomes,
    }


def _attention(ports: WebServices, ids: tuple[str, ...] | None, paused: frozenset[str]) -> list[dict[str, Any]]:
    """Return what needs attention: each problem with its number of reports and the first of them."""
    found = []
    for state, text in ATTENTION.items():
        reports = ports.reports.page(ReportQuery(state=state, ids=ids, limit=LISTED))
        found.append({"state": state, "text": text, "count": reports.total, "reports": reports.items})
    unconfirmed = ports.overview.unconfirmed_mail(ports.core.now() - UNCONFIRMED_SINCE, ids)
    found.append({"state": "", "text": "delivery unconfirmed", "count": len(unconfirmed), "reports": unconfirmed})
    found.append(_left_out(ports) if ids is None else {"count": 0})
    held = ports.overview.paused_in_airflow(paused, ids)
    found.append({"state": "", "text": "active here, but paused in Airflow", "count": len(held), "reports": held})
    return [one for one in found if one["count"]]


def _left_out(ports: WebServices) -> dict[str, Any]:
    """Return the reports that have no DAG because there are more than MAX_REPORTS."""
    try:
        most = ports.core.settings.max_reports
    except ConfigurationError:  # the health route names it; the list needs no setting
        return {"count": 0}
    reports = ports.core.definitions.left_out(limit=most, most=LISTED)
    total = ports.reports.page(ReportQuery(limit=1)).total if reports else 0
    shown = [{"id": report_id, "name": name} for report_id, name in reports.items()]
    text = "have no DAG: the setting MAX_REPORTS is reached"
    return {"state": "", "text": text, "count": max(total - most, 0), "exact": True, "reports": shown}


def _query(values: dict[str, str]) -> str:
    return "?" + urlencode({name: value for name, value in values.items() if value})
