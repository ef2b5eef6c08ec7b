"""What helps with reports: coming run times, previews, rejections, types, the audit trail, how the whole does."""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from threading import BoundedSemaphore
from typing import TYPE_CHECKING, Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Query, Response

from ...domain.cron import Cron, words
from ...domain.errors import RejectedError
from ...domain.formats import FORMATS, Format
from ...monitoring.health import look
from ...ports.web import Right
from ...reports.parser import parse, parse_row
from ...reports.types.catalog import catalog
from .. import fields, serializers
from ..access import Ports, Seated, SignedIn
from ..responses import ApiError, SafeRoute, answer, invalid
from ..schemas import PreviewRequest, Sent, documented, json_only, sent
from .reports import BASE, drafted
from .runs import IN_PLACE

if TYPE_CHECKING:
    from ...domain.report import Row
    from ..access import Seat

#: Previews made at the same time by one process: each may take some hundred megabytes.
AT_ONCE = BoundedSemaphore(2)
PREVIEW_SECONDS = timedelta(seconds=30)

FAILING: dict[int | str, dict[str, Any]] = {
    503: {"description": "late or stuck, in the same numbers; or a server is away"}
}

router = APIRouter(route_class=SafeRoute, tags=["lookups"], dependencies=[Depends(json_only)])


@router.get("/api/next-runs")
def next_runs(
    _: SignedIn,
    cron: Annotated[str, Query(max_length=200)],
    timezone: Annotated[str, Query(max_length=100)] = "UTC",
    start: Annotated[str | None, Query(alias="from", description="ISO 8601; now where it is left out")] = None,
    count: Annotated[int, Query(ge=1, le=100)] = 5,
) -> Response:
    """The coming run times of a cron expression, and its words, before anything is saved."""
    wrong: fields.Problems = {}
    parsed = _read(wrong, "cron", cron, Cron.parse)
    zone = _read(wrong, "timezone", timezone, ZoneInfo)
    moment = _read(wrong, "from", start, _moment) if start else datetime.now(UTC)
    if wrong:
        raise invalid(wrong)
    runs = _coming(parsed, zone, moment, count)
    return answer({"cronDescription": words(parsed.expression), "timezone": zone.key, "nextRuns": runs})


@router.get(f"{BASE}/scheduled/{{id}}/next-runs")
def next_runs_of(at: Seated, id: str, count: Annotated[int, Query(ge=1, le=100)] = 10) -> Response:
    """The coming run times of a report; none while it is not scheduled."""
    row = at.row(id)
    report = parse_row(row)
    moment = max(at.desk.world.now(), report.effective_from)
    runs = _coming(report.cron, report.timezone, moment, count) if report.is_scheduled else []
    return answer({"timezone": report.timezone.key, "nextRuns": runs})


@router.post(f"{BASE}/preview", response_class=Response, openapi_extra=documented(PreviewRequest))
def preview(at: Seated, body: Annotated[Sent, Depends(sent(PreviewRequest))]) -> Response:
    """The file that a report which is not saved would make now."""
    at.must_create()
    chosen, moment = _what(body.values.pop("format", "html"), body.values.pop("at", None), body.wrong)
    row = drafted(at, body)
    return _previewed(at, row, chosen, moment)


@router.get(f"{BASE}/scheduled/{{id}}/preview", response_class=Response)
def preview_of(
    at: Seated,
    id: str,
    format: Annotated[str, Query(max_length=20)] = "html",
    moment: Annotated[str | None, Query(alias="at", description="ISO 8601; now where it is left out")] = None,
) -> Response:
    """The file that a report would make now; nothing is recorded, stored or mailed."""
    row = at.row(id)
    wrong: fields.Problems = {}
    chosen, when = _what(format, moment, wrong)
    if wrong:
        raise invalid(wrong)
    return _previewed(at, row, chosen, when)


@router.post(f"{BASE}/scheduled/{{id}}/preview", response_class=Response, openapi_extra=documented(PreviewRequest))
def preview_change(at: Seated, id: str, body: Annotated[Sent, Depends(sent(PreviewRequest))]) -> Response:
    """The file that a report would make now if it were changed like this."""
    row = at.row(id, Right.CHANGE)
    chosen, moment = _what(body.values.pop("format", "html"), body.values.pop("at", None), body.wrong)
    changes = {name: value for name, value in fields.columns(body.values).items() if name != "created_by_id"}
    if found := fields.problems(row | changes, body.wrong):
        raise invalid(found)
    return _previewed(at, row | changes, chosen, moment)


@router.get(f"{BASE}/rejections")
def rejections(at: Seated) -> Response:
    """The workspace's rows that cannot be scheduled, each with every reason."""
    at.must_see_all()
    world = at.desk.world
    _, found = parse(world.definitions.rows(limit=world.settings.max_reports, workspace_id=at.place.id))
    shown = [{"id": one.report_id, "name": one.name, "problems": fields.by_field(one.problems)} for one in found]
    return answer({"rejections": shown, "total": len(shown)})


@router.get(f"{BASE}/audit")
def audit(
    at: Seated,
    before: Annotated[int | None, Query(ge=1, le=2**62, description="older than this entry")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Response:
    """Who changed what in the workspace, also in reports that are gone."""
    at.must_see_all()
    found = at.desk.reports.audit(at.place.id, None, before=before, limit=limit)
    return answer({"entries": [serializers.audited(one) for one in found]})


@router.get(f"{BASE}/scheduled/{{id}}/audit")
def audit_of(
    at: Seated,
    id: str,
    before: Annotated[int | None, Query(ge=1, le=2**62, description="older than this entry")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Response:
    """Who changed what in a report."""
    found = at.desk.reports.audit(at.place.id, at.record(id)["id"], before=before, limit=limit)
    return answer({"entries": [serializers.audited(one) for one in found]})


@router.get("/api/report-types")
def report_types(_: SignedIn) -> Response:
    """What a report may be about, which parameters each type uses, and the formats there are."""
    known = catalog()
    types = [
        {
            "id": kind.id,
            "title": kind.title,
            "description": kind.description,
            "parameters": sorted(kind.parameters),
            "roles": list(kind.roles),
            "datasets": [one.title for one in kind.datasets],
            "sources": [one.name for one in kind.sources],
        }
        for kind in known.types.values()
    ]
    formats = [
        {"id": str(one), "contentType": FORMATS[one].content_type, "extension": FORMATS[one].extension}
        for one in Format
    ]
    return answer({"reportTypes": types, "broken": dict(known.broken), "formats": formats})


@router.get("/api/health", responses=FAILING)
@router.get("/health", responses=FAILING)
def health(caller: SignedIn, ports: Ports) -> Response:
    """How the whole does, in numbers: 503 while reports are late or stuck, 200 otherwise."""
    if not caller.may(Right.READ):
        raise ApiError(403, "this needs the right to read every DAG in Airflow")
    found, lag = look(ports.world)
    settings = ports.world.settings
    failing = {
        "late": lag > settings.grace_seconds,
        "stuckRuns": found.stuck_runs,
        "stuckExecutions": found.stuck_executions,
    }
    notable = {
        "unknownDeliveries": found.unknown_deliveries,
        "rejected": found.rejected,
        "mailStopped": not found.mail_enabled,
    }
    # A row that somebody spoiled is no reason to wake anybody: what does not keep reports from leaving is a 200.
    status = "failing" if any(failing.values()) else "attention" if any(notable.values()) else "ok"
    return answer(
        {
            "status": status,
            "attention": [name for name, is_wrong in (failing | notable).items() if is_wrong],
            "reports": found.reports,
            "scheduled": found.scheduled,
            "rejected": found.rejected,
            "stoppedForFailing": found.stopped,
            "openRuns": found.open_runs,
            "stuckRuns": found.stuck_runs,
            "stuckExecutions": found.stuck_executions,
            "unknownDeliveries": found.unknown_deliveries,
            "lagSeconds": round(lag.total_seconds()),
            "mailEnabled": found.mail_enabled,
            "mailMode": settings.mail_mode.partition(":")[0],
        },
        503 if status == "failing" else 200,
    )


def _previewed(at: Seat, row: Row, chosen: Format, moment: datetime | None) -> Response:
    if not AT_ONCE.acquire(timeout=PREVIEW_SECONDS.total_seconds()):
        raise ApiError(429, "too many previews are being made; try again")
    try:
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder) / "preview"
            rows = at.desk.preview(row, chosen, moment or at.desk.world.now(), out, PREVIEW_SECONDS)
            content = out.read_bytes()
    except RejectedError as error:
        raise ApiError(409, "The report is rejected", details=fields.by_field(error.problems)) from error
    finally:
        AT_ONCE.release()
    info = FORMATS[chosen]
    policy = IN_PLACE.get(chosen)
    return Response(
        content,
        headers={
            "content-type": info.content_type,
            "content-disposition": f'{"inline" if policy else "attachment"}; filename="preview.{info.extension}"',
            "content-security-policy": policy or "sandbox; default-src 'none'",
            "x-rows": str(rows),
        },
    )


def _what(chosen: Any, moment: Any, wrong: fields.Problems) -> tuple[Format, datetime | None]:
    if chosen not in list(Format):
        wrong.setdefault("format", [f"{str(chosen)[:120]!r}: one of {', '.join(Format)}"])
        chosen = Format.HTML
    return Format(chosen), _read(wrong, "at", moment, _moment) if moment is not None else None


def _read(wrong: fields.Problems, name: str, text: str, read: Any) -> Any:
    try:
        return read(text)
    except (ValueError, OSError, KeyError, OverflowError) as error:
        told = str(error) if read is not ZoneInfo else "an IANA time zone such as Europe/Berlin"
        wrong.setdefault(name, []).append(f"{text!r}: {told}")
        return None


def _moment(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
        found = found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("a moment, ISO 8601") from None
    if not 1971 <= found.year <= 8000:
        raise ValueError("a moment between 1971 and 8000")
    return found


def _coming(cron: Cron, zone: ZoneInfo, moment: datetime, count: int) -> list[dict[str, Any]]:
    return [
        {"at": serializers.moment(tick), "local": tick.astimezone(zone).isoformat()}
        for tick in islice(cron.ticks(moment, zone), count)
    ]
