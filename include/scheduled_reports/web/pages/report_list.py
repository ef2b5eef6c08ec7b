"""The list of reports, and what needs attention."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request, Response

from ...domain import cron
from ...domain.report import Status
from ...ports.web import Record, Right, Search, WebServices
from ...reports.types.catalog import catalog
from .. import serializers
from ..access import Ports, SignedIn, plain, visible_reports
from ..responses import SafePage
from .states import STATES
from .template import page

PAGE = 50
COLUMNS = {
    "name": "Name",
    "workspace": "Workspace",
    "type": "Type",
    "next": "Next run",
    "last": "Last run",
    "state": "State",
}


#: Mails of which nobody knows whether they left are shown for so long.
UNKNOWN_SINCE = timedelta(days=7)
router = APIRouter(route_class=SafePage, include_in_schema=False)


@router.get("/")
def list_page(  # the query of a form that has no script
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
    """Every report that the caller may see; what needs attention first."""
    asked = {"q": q, "workspace": workspace, "type": type, "tag": tag, "state": state, "sort": sort, "order": order}
    asked = {name: plain(value, name) or "" for name, value in asked.items()}
    ids = visible_reports(caller)
    search = Search(
        text=asked["q"].strip() or None,
        workspace_id=asked["workspace"] or None,
        report_type=asked["type"] or None,
        tag=asked["tag"] or None,
        state=asked["state"] or None,
        ids=ids,
        sort_by=sort,
        descending=order == "desc",
        limit=PAGE,
        offset=(number - 1) * PAGE,
    )
    found = ports.overview.search(search)
    total = found.states.get(state, 0) if state else sum(found.states.values())
    paused = ports.airflow.paused()
    return page(
        request,
        "list",
        reports=[_row(one, paused) for one in found.items],
        states=[(name, words, found.states.get(name, 0)) for name, words in STATES.items()],
        asked=asked,
        words=STATES,
        columns=COLUMNS,
        total=total,
        page=number,
        pages=max(-(-total // PAGE), 1),
        link=lambda **changes: _query(asked | {name: str(value) for name, value in changes.items()}),
        places=ports.overview.places(ids),
        types=catalog().types.values(),
        attention=_attention(ports, ids, paused),
        may_create=caller.may(Right.CHANGE),
        is_filtered=any(asked[name] for name in ("q", "workspace", "type", "tag", "state")),
    )


def _row(record: Record, paused: frozenset[str]) -> dict[str, Any]:
    scheduled = record["is_active"] and record["status"] == Status.ACTIVE
    return {
        **record,
        "words": cron.words(record["cron_expression"]),
        "next": serializers.moment(record["next_run"]),
        "last": serializers.moment(record["last_run"]),
        "held": scheduled and record["id"] in paused,
        "succeeded": sum(one == "success" for one in record["outcomes"]),
    }


def _attention(ports: WebServices, ids: tuple[str, ...] | None, paused: frozenset[str]) -> list[dict[str, Any]]:
    """What somebody should look at, each kind with its first reports."""

    def of_state(state: str) -> tuple[int, Any]:
        found = ports.overview.search(Search(state=state, ids=ids, limit=5))
        return found.states.get(state, 0), found.items

    since = ports.core.now() - UNKNOWN_SINCE
    kinds = [
        ("rejected", "cannot be scheduled", *of_state("rejected")),
        ("stopped", "stopped after failing", *of_state("stopped")),
        ("failing", "failed last time", *of_state("failing")),
    ]
    unknown = ports.overview.unknown(since, ids)
    held = ports.overview.held(paused, ids)
    kinds += [
        ("", "with mail of which nobody knows whether it left", len(unknown), unknown),
        ("", "active here, paused in Airflow", len(held), held),
    ]
    return [
        {"state": state, "words": words, "count": count, "reports": named}
        for state, words, count, named in kinds
        if count
    ]


def _query(values: dict[str, str]) -> str:
    return "?" + urlencode({name: value for name, value in values.items() if value})
