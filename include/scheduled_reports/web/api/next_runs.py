"""Routes of upcoming run times, of a cron expression or of a report."""

from __future__ import annotations

from datetime import UTC, date, datetime
from functools import partial
from itertools import islice
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Response

from ...domain.calendar import OnClosed
from ...domain.clock import parse_zone
from ...domain.cron import Cron
from ...domain.cron_words import words
from ...domain.moment import parse_moment
from ...domain.schedule import Schedule
from ...reports.calendars import country, resolved
from ...reports.parser import parse_row
from .. import fields, serializers, shapes
from ..access import Authorized, SignedIn
from ..fields import read
from ..responses import SafeRoute, answer, invalid, returns
from ..schemas import json_only
from .reports import BASE

router = APIRouter(route_class=SafeRoute, tags=["lookups"], dependencies=[Depends(json_only)])


@router.get("/api/next-runs", responses=returns(shapes.NextRuns))
def next_runs(
    _: SignedIn,
    cron: Annotated[str, Query(max_length=200)],
    timezone: Annotated[str, Query(max_length=100)] = "UTC",
    start: Annotated[str | None, Query(alias="from", description="ISO 8601; default: now")] = None,
    count: Annotated[int, Query(ge=1, le=100)] = 5,
    calendar: Annotated[str | None, Query(max_length=80, description="A country or region, such as DE-BY")] = None,
    onClosed: Annotated[OnClosed, Query()] = "skip",
    startsOn: Annotated[date | None, Query(description="The first local day")] = None,
    endsOn: Annotated[date | None, Query(description="The last local day")] = None,
) -> Response:
    """Return the upcoming run times of a cron expression, and the schedule in words."""
    wrong: fields.Problems = {}
    parsed = read(wrong, "cron", cron, Cron.parse)
    zone = read(wrong, "timezone", timezone, parse_zone)
    moment = read(wrong, "from", start, parse_moment) if start else datetime.now(UTC)
    closed = (
        read(wrong, "calendar", calendar, partial(country, start=moment or datetime.now(UTC))) if calendar else None
    )
    if parsed is None or zone is None or moment is None or wrong:
        raise invalid(wrong)
    schedule = Schedule(
        cron=parsed,
        zone=zone,
        effective_from=moment,
        calendar=closed,
        on_closed=onClosed,
        starts_on=startsOn,
        ends_on=endsOn,
    )
    runs = _upcoming(schedule, moment, count)
    return answer({"cronDescription": words(parsed.expression), "timezone": zone.key, "nextRuns": runs})


@router.get(f"{BASE}/scheduled/{{id}}/next-runs", responses=returns(shapes.NextRuns))
def next_runs_of(access: Authorized, id: str, count: Annotated[int, Query(ge=1, le=100)] = 10) -> Response:
    """Return the upcoming run times of a report; none while it is not scheduled."""
    row = access.row(id)
    report = parse_row(resolved(row))
    runs = _upcoming(report.schedule, access.ports.core.now(), count) if report.is_scheduled else []
    return answer({"timezone": report.timezone.key, "nextRuns": runs})


def _upcoming(schedule: Schedule, moment: datetime, count: int) -> list[dict[str, Any]]:
    return [
        {"at": serializers.moment(tick), "local": tick.astimezone(schedule.zone).isoformat()}
        for tick in islice(schedule.ticks_after(moment), count)
    ]
