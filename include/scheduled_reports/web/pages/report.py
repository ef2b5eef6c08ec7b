"""The pages: rendered here, with a little script that sends what people do to the API; nothing is from outside."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Annotated, Any, Literal
from urllib.parse import urlencode
from zoneinfo import available_timezones

from fastapi import APIRouter, Query, Request, Response

from ...domain import cron, naming
from ...domain.errors import RejectedError
from ...domain.formats import Format
from ...domain.report import Status
from ...domain.run import RunKey
from ...ports.web import Right, Search
from ...reports.parser import LEVELS, TASK_STATUSES, parse_row
from ...reports.types.catalog import catalog
from ...reports.validation import PARAMETERS, PERIODS
from .. import fields, serializers
from ..access import NO_REPORT, Ports, Seat, SignedIn, plain
from ..api.runs import file_path, read_artifact
from ..responses import ApiError, SafePage
from .template import page

if TYPE_CHECKING:
    from ...ports.web import Caller, Desk, Record

HERE = FilePath(__file__).parent
PAGE = 50
RUNS = 20
OPEN = ("queued", "running")
COMING = 10
#: Each state of a report, as people say it.
STATES = {
    "active": "Active",
    "failing": "Failing",
    "stopped": "Stopped after failing",
    "rejected": "Rejected",
    "paused": "Paused",
    "disabled": "Disabled",
}
COLUMNS = {
    "name": "Name",
    "workspace": "Workspace",
    "type": "Type",
    "next": "Next run",
    "last": "Last run",
    "state": "State",
}
#: States of a task that has not come to its end.
AT_WORK = frozenset({None, "scheduled", "queued", "running", "restarting", "up_for_retry", "up_for_reschedule"})
STATIC = {"app.css": "text/css; charset=utf-8", "app.js": "text/javascript; charset=utf-8"}

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
    ids = _visible(caller)
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


@router.get("/reports/{id}")
def report_page(
    request: Request, caller: SignedIn, ports: Ports, id: str, run: Annotated[str, Query(max_length=300)] = ""
) -> Response:
    """One report: what it is, when it runs, how its runs went; a *run* that is asked for comes first."""
    return _report(request, _seat(caller, ports, id), id, run)


@router.get("/reports/{id}/runs/{runId}/files/{format}")
def file_page(caller: SignedIn, ports: Ports, id: str, runId: str, format: str) -> Response:
    """A file of a run, for links from Airflow, which know no workspace."""
    return read_artifact(_seat(caller, ports, id), id, runId, format, inline=format == Format.HTML)


@router.get("/dag/{dagId}")
def dagpage(request: Request, caller: SignedIn, ports: Ports, dagId: str) -> Response:
    """The report of a DAG, for the tab on its page in Airflow."""
    report_id = naming.report_id_of(dagId)
    if report_id is None:
        return page(request, "message", title="No report", text="This DAG is not a scheduled report.")
    return _report(request, _seat(caller, ports, report_id), report_id)


@router.get("/reports/{id}/runs/{runId}")
def run_fragment(request: Request, caller: SignedIn, ports: Ports, id: str, runId: str) -> Response:
    """One run, as it stands in the page of its report."""
    at = _seat(caller, ports, id)
    record = at.record(id)
    run = ports.reports.run(RunKey(report_id=record["id"], run_id=plain(runId) or ""))
    if run is None:
        raise ApiError(404, "Run not found")
    return page(request, "run", **_run(at, record, run), open=True)


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
    places = ports.overview.places(_visible(caller))
    record: Record = {**fields.DEFAULTS, "id": "", "export_formats": ["pdf"], "cron_expression": "0 9 * * 1"}
    place = next((one for one in places if workspace in (one.id, one.slug)), places[0] if places else None)
    if copy:
        at = _seat(caller, ports, copy)
        original = at.record(copy)
        record |= {column: original[column] for column in fields.DEFAULTS if column in original and column != "status"}
        record |= {"name": f"Copy of {original['name']}"[:200], "is_active": False}
        place = at.place
    return _form(request, ports, record, places, place)


@router.get("/reports/{id}/edit")
def editpage(request: Request, caller: SignedIn, ports: Ports, id: str) -> Response:
    """The form of a report."""
    at = _seat(caller, ports, id)
    return _form(request, ports, at.record(id, Right.CHANGE), (at.place,), at.place)


@router.get("/static/{name}")
def static_file(_: SignedIn, name: str) -> Response:
    """The one style sheet and the one script."""
    if name not in STATIC:
        raise ApiError(404, "Not found")
    content = (HERE / "static" / name).read_bytes()
    return Response(content, headers={"content-type": STATIC[name], "cache-control": "private, max-age=60"})


def _report(request: Request, at: Seat, report_id: str, wanted: str = "") -> Response:
    record = at.record(report_id)
    row = at.desk.world.definitions.row(record["id"])
    dags = at.desk.airflow.dags([record["id"]])
    found = at.desk.reports.runs(record["id"], limit=RUNS, offset=0)
    asked = at.desk.reports.run(RunKey(report_id=record["id"], run_id=plain(wanted) or "")) if wanted else None
    runs = [*([asked] if asked else []), *(one for one in found.items if one["run_id"] != wanted)]
    return page(
        request,
        "report",
        report=serializers.report(record, dags),
        state=_state(record),
        states=STATES,
        place=at.place,
        label=at.name,
        type=catalog().types.get(record["reportType"]),
        problems=fields.problems(row, {}) if row else {},
        coming=_coming(row, at.desk.world.now()) if row else [],
        runs=[_run(at, record, run, whole=run is runs[0] or run["state"] == "running") for run in runs],
        total_runs=found.total,
        entries=[
            serializers.audited(one) for one in at.desk.reports.audit(at.place.id, record["id"], before=None, limit=30)
        ],
        may_change=_may(at, record, Right.CHANGE),
        may_run=_may(at, record, Right.RUN) and bool(dags),
        may_create=at.caller.may(Right.CHANGE),
        formats=list(Format),
        periods=PERIODS[:-1],
    )


def _form(request: Request, ports: Desk, record: Record, places: Any, place: Any) -> Response:
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


def _run(at: Seat, report: Record, run: Record, *, whole: bool = True) -> dict[str, Any]:
    """What a page shows of a run; what is not *whole* has its summary only, and the rest when somebody opens it."""
    key = RunKey(report_id=report["id"], run_id=run["run_id"])
    shown = serializers.run(run)
    stages = [serializers.stage(one) for one in at.desk.airflow.stages(key)] if whole else []
    artifacts = at.desk.world.runs.artifacts(key) if whole else ()
    return {
        "run": shown,
        "report_id": report["id"],
        "dag_id": naming.dag_id(report["id"]),
        "whole": whole,
        "stages": stages,
        "longest": max((one["seconds"] or 0 for one in stages), default=0) or 1,
        "artifacts": [(one, file_path(at.name, key, one.format)) for one in artifacts],
        "deliveries": [serializers.delivery(one) for one in at.desk.reports.deliveries(key)] if whole else [],
        # What is done again is under way before it has written anything.
        "is_open": shown["state"] in OPEN or any(one["state"] in AT_WORK for one in stages),
        "progress": _progress(run),
        "may_run": whole and _may(at, report, Right.RUN),
    }


def _progress(run: Record) -> int:
    """How far the files of a run are, in percent."""
    parts = [one["progress"] for one in run["executions"]]
    return sum(parts) // len(parts) if parts else 0


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


def _attention(ports: Desk, ids: tuple[str, ...] | None, paused: frozenset[str]) -> list[dict[str, Any]]:
    """What somebody should look at, each kind with its first reports."""

    def of_state(state: str) -> tuple[int, Any]:
        found = ports.overview.search(Search(state=state, ids=ids, limit=5))
        return found.states.get(state, 0), found.items

    since = ports.world.now() - UNKNOWN_SINCE
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


def _coming(row: Any, now: datetime) -> list[dict[str, str]]:
    try:
        report = parse_row(row)
    except RejectedError:
        return []
    if not report.is_scheduled:
        return []
    ticks = report.cron.ticks(max(now, report.effective_from), report.timezone)
    return [
        {"at": serializers.moment(tick) or "", "local": f"{tick.astimezone(report.timezone):%a %Y-%m-%d %H:%M}"}
        for tick in islice(ticks, COMING)
    ]


def _state(record: Record) -> str:
    if record["status"] == Status.DISABLED:
        return "disabled"
    if record["status"] == Status.ERROR:
        return "stopped" if record["error_cause"] == "failing" else "rejected"
    if record["status"] == Status.PAUSED or not record["is_active"]:
        return "paused"
    return "failing" if record["last_run_status"] == "failed" else "active"


def _may(at: Seat, record: Record, right: Right) -> bool:
    try:
        at.record(record["id"], right)
    except ApiError:
        return False
    return True


def _seat(caller: Caller, ports: Desk, report_id: str) -> Seat:
    """The seat in the workspace of a report; 404 where there is none or it may not be seen."""
    place = ports.overview.place_of(plain(report_id) or "")
    if place is None:
        raise ApiError(404, NO_REPORT)
    at = Seat(caller=caller, desk=ports, place=place, name=f"{place.slug}:{place.id}", member=None)
    at.record(report_id)
    return at


def _visible(caller: Caller) -> tuple[str, ...] | None:
    return None if caller.may(Right.READ) else tuple(sorted(caller.readable()))


def _query(values: dict[str, str]) -> str:
    return "?" + urlencode({name: value for name, value in values.items() if value})
