"""The page of one report, its runs and files; also the tab of a DAG and the static files."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import islice
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query, Request, Response

from ...domain import naming
from ...domain.addresses import mailbox
from ...domain.clock import parse_zone
from ...domain.dates import stretch
from ...domain.errors import ConfigurationError, RejectedError
from ...domain.feedback import RecipientState
from ...domain.formats import Format
from ...domain.reader import LeftBy
from ...domain.run import RunKey
from ...ports.web import Right
from ...reports.calendars import resolved
from ...reports.parser import parse_row
from ...reports.periods import NAMED_PERIODS
from ...reports.types.catalog import catalog
from .. import fields, serializers, shapes
from ..access import Access, Ports, SignedIn, access_to_report, storable
from ..api.runs import file_path, read_artifact
from ..deliveries import deliveries_of, only_reader
from ..responses import ApiError, SafePage
from ..stages import stages_of
from .states import STATES
from .template import page

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ...ports.web import Record

HERE = FilePath(__file__).parent
RUNS = 20
OPEN = ("queued", "running")
UPCOMING = 10
LEFT_OUT = 10_000
#: What becomes of runs on closed days, and where today lies, in words.
ON_CLOSED = {
    "skip": "left out",
    "before": "moved to the open day before",
    "after": "moved to the open day after",
}
#: How a reader left a report, in words.
HOW_LEFT = {
    LeftBy.ONE_CLICK: "with the unsubscribe button of their mail program",
    LeftBy.PAGE: "on the page of a link",
    LeftBy.MANAGE: "on the page of all their reports",
}
#: What became of a message, in words.
OUTCOMES = {
    "claimed": "Being sent",
    "refused": "Refused",
    "unknown": "Unconfirmed",
    RecipientState.ACCEPTED: "Accepted",
    RecipientState.DELAYED: "Delayed",
    RecipientState.DELIVERED: "Delivered",
    RecipientState.REJECTED: "Rejected",
    RecipientState.BOUNCED: "Bounced",
    RecipientState.COMPLAINED: "Marked as spam",
}
PHASES = {"not-begun": "not begun", "active": "", "ended": "ended"}
#: States of a task that has not ended.
UNFINISHED = frozenset({None, "scheduled", "queued", "running", "restarting", "up_for_retry", "up_for_reschedule"})
STATIC = {"app.css": "text/css; charset=utf-8", "app.js": "text/javascript; charset=utf-8"}

router = APIRouter(route_class=SafePage, include_in_schema=False)


@router.get("/reports/{id}")
def report_page(
    request: Request, caller: SignedIn, ports: Ports, id: str, run: Annotated[str, Query(max_length=300)] = ""
) -> Response:
    """Show one report with its upcoming and past runs; the requested *run* is listed first."""
    return _report(request, access_to_report(caller, ports, id), id, run)


@router.get("/reports/{id}/runs/{runId}/files/{format}")
def file_page(caller: SignedIn, ports: Ports, id: str, runId: str, format: str) -> Response:
    """Return a file of a run; links from Airflow lead here, because they do not know the workspace."""
    return read_artifact(access_to_report(caller, ports, id), id, runId, format, inline=format == Format.HTML)


@router.get("/dag/{dagId}")
def dag_page(request: Request, caller: SignedIn, ports: Ports, dagId: str) -> Response:
    """Show the report of a DAG, in a tab of the DAG's page in Airflow."""
    report_id = naming.report_id_of(dagId)
    if report_id is None:
        return page(request, "message", title="No report", text="This DAG is not a scheduled report.")
    return _report(request, access_to_report(caller, ports, report_id), report_id)


@router.get("/reports/{id}/runs/{runId}")
def run_fragment(request: Request, caller: SignedIn, ports: Ports, id: str, runId: str) -> Response:
    """One run, as it stands in the page of its report."""
    access = access_to_report(caller, ports, id)
    record = access.record(id)
    run = ports.reports.run(access.workspace.id, RunKey(report_id=record["id"], run_id=storable(runId) or ""))
    if run is None:
        raise ApiError(404, "Run not found")
    return page(request, "run", **_run(access, record, run), open=True)


@router.get("/static/{name}")
def static_file(_: SignedIn, name: str) -> Response:
    """Return the style sheet or the script."""
    if name not in STATIC:
        raise ApiError(404, "Not found")
    content = (HERE / "static" / name).read_bytes()
    return Response(content, headers={"content-type": STATIC[name], "cache-control": "private, max-age=60"})


def _report(request: Request, access: Access, report_id: str, run_id: str = "") -> Response:
    record = access.record(report_id)
    row = access.ports.core.definitions.row(record["id"])
    dags = access.ports.airflow.dags([record["id"]])
    found = access.ports.reports.runs(access.workspace.id, record["id"], limit=RUNS, offset=0)
    key = RunKey(report_id=record["id"], run_id=storable(run_id) or "")
    first = access.ports.reports.run(access.workspace.id, key) if run_id else None
    runs = [*([first] if first else []), *(one for one in found.items if one["run_id"] != run_id)]
    shown = serializers.report(record, dags, access.ports.core.now())
    return page(
        request,
        "report",
        report=shown,
        state=record["state"],
        states=STATES,
        workspace=access.workspace,
        label=access.name,
        type=catalog().types.get(record["reportType"]),
        problems=fields.problems(row, {}) if row else {},
        is_left_out=not dags and record["id"] in _left_out(access),
        days=_days(record["options"] or {}, PHASES[shown["phase"]]),
        upcoming=_upcoming(row, access.ports.core.now()) if row else [],
        runs=[_run(access, record, run, whole=run is runs[0] or run["state"] == "running") for run in runs],
        total_runs=found.total,
        missed=_missed(access, record),
        opt_outs=[serializers.opt_out(one) for one in access.ports.core.readers.opt_outs(record["id"])],
        how_left=HOW_LEFT,
        suppressions=_suppressions(access, record),
        may_lift=_may_lift(access),
        entries=[
            serializers.audit_entry(one)
            for one in access.ports.reports.audit(access.workspace.id, record["id"], before=None, limit=30)
        ],
        may_change=_may(access, record, Right.CHANGE),
        may_run=_may(access, record, Right.RUN) and bool(dags),
        may_create=access.caller.may(Right.CHANGE),
        formats=list(Format),
        periods=NAMED_PERIODS,
        default_period=_default_period(row or {}),
    )


def _run(access: Access, report: Record, run: Record, *, whole: bool = True) -> dict[str, Any]:
    """Return what the page shows of a run; unless *whole*, only its summary: the rest is loaded when it is opened."""
    key = RunKey(report_id=report["id"], run_id=run["run_id"])
    shown = serializers.run(run)
    stages = [serializers.stage(one) for one in stages_of(access, key)] if whole else []
    artifacts = access.ports.core.runs.artifacts(key) if whole else ()
    deliveries = deliveries_of(access, key) if whole else []
    return {
        "run": shown,
        "report_id": report["id"],
        "dag_id": naming.dag_id(report["id"]),
        "whole": whole,
        "stages": stages,
        "longest": max((one["seconds"] or 0 for one in stages), default=0) or 1,
        "artifacts": [(one, file_path(access.name, key, one.format)) for one in artifacts],
        "deliveries": [one | {"to_one": only_reader(one)} for one in deliveries],
        "has_links": any(one["reader"] and not one["reader"]["revokedAt"] for one in deliveries),
        # A run that is retried is open before its row says so.
        "outcome_words": OUTCOMES,
        "is_open": shown["state"] in OPEN or any(one["state"] in UNFINISHED for one in stages),
        "progress": _progress(run),
        "period": _period(report, run),
        "may_run": whole and _may(access, report, Right.RUN),
        "may_change": whole and _may(access, report, Right.CHANGE),
    }


def _suppressions(access: Access, report: Record) -> list[shapes.Suppression]:
    """Return the addresses not mailed any more that the report has as recipients, or that its messages told of."""
    columns = ("email_recipients", "email_cc_recipients", "email_bcc_recipients")
    # A row may hold anything; PostgreSQL's arrays can hold NULL and lists as well.
    given = [address for name in columns for address in report[name] or ()]
    named = {mailbox(address) for address in given if isinstance(address, str)}
    found = access.ports.core.feedback.suppressions(access.workspace.id)
    return [
        serializers.suppression(one)
        for one in found
        if one.report_id == report["id"] or (mailbox(one.address) in named and one.lifted_at is None)
    ]


def _may_lift(access: Access) -> bool:
    try:
        access.must_change_all()
        access.must_have_role(owner="")
    except ApiError:
        return False
    return True


def _period(report: Record, run: Record) -> str:
    """Return the period that a run covers, in the report's time zone; empty if it was refused or the zone is wrong."""
    if run["window_start"] is None or run["window_end"] is None:
        return ""
    try:
        zone = parse_zone(report["timezone"])
    except ValueError:
        return ""
    return stretch(run["window_start"].astimezone(UTC), run["window_end"].astimezone(UTC), zone)


def _left_out(access: Access) -> Mapping[str, str]:
    """Return the reports that have no DAG because there are more than MAX_REPORTS."""
    core = access.ports.core
    try:
        return core.definitions.left_out(limit=core.settings.max_reports, most=LEFT_OUT)
    except ConfigurationError:  # a setting is wrong: the health route names it
        return {}


def _progress(run: Record) -> int:
    """Return the progress of a run's files in percent."""
    parts = [one["progress"] for one in run["executions"]]
    return sum(parts) // len(parts) if parts else 0


def _upcoming(row: Any, now: datetime) -> list[dict[str, str]]:
    try:
        report = parse_row(resolved(row))
    except RejectedError:
        return []
    if not report.is_scheduled:
        return []
    return [
        {"at": serializers.moment(tick) or "", "local": f"{tick.astimezone(report.timezone):%a %Y-%m-%d %H:%M}"}
        for tick in islice(report.schedule.ticks_after(now), UPCOMING)
    ]


def _missed(access: Access, report: Record) -> str | None:
    """Return the newest outage of a report in one line."""
    for one in access.ports.reports.missed(access.workspace.id, report["id"], limit=1):
        try:
            zone = ZoneInfo(report["timezone"])
        except (KeyError, ValueError, OSError):  # an invalid row
            zone = ZoneInfo("UTC")
        first, last = (f"{one[name].astimezone(zone):%a %Y-%m-%d %H:%M}" for name in ("first_tick", "last_tick"))
        what = (
            f"One run was missed, {first}"
            if one["ticks"] == 1
            else f"{one['ticks']:,} runs were missed, {first} to {last}"
        )
        made = {0: "none was made", 1: "one was made"}.get(one["made"], f"{one['made']:,} were made")
        return f"{what} ({zone.key}); by the policy {one['policy']}, {made} afterwards."
    return None


def _days(options: Mapping[str, Any], phase: str) -> str:
    """Return on which days the report runs besides its schedule, in words; the options may be invalid."""
    calendar, first, last = (options.get(name) for name in ("calendar", "startsOn", "endsOn"))
    closed = ON_CLOSED.get(str(options.get("onClosed") or "skip"), "")
    parts = [
        f"calendar {calendar}, runs on closed days are {closed}" if calendar else "",
        f"from {first}" if first else "",
        f"until {last}" if last else "",
        phase,
    ]
    return "; ".join(part for part in parts if part)


def _default_period(row: Mapping[str, Any]) -> str:
    """Return the period that a report's options or else its parameters name; they may be invalid."""
    option, range_ = (
        (row.get(column) or {}).get(name) if isinstance(row.get(column) or {}, dict) else None
        for column, name in (("options", "period"), ("parameters", "dateRange"))
    )
    chosen = option or range_
    name = chosen.get("type") if isinstance(chosen, dict) else None
    return str(name or "last-7-days").replace("-", " ")


def _may(access: Access, record: Record, right: Right) -> bool:
    try:
        access.record(record["id"], right)
    except ApiError:
        return False
    return True
