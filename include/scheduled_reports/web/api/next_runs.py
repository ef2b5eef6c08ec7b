"""Routes of upcoming run times, of a cron expression or of a report."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import islice
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Response

from ...domain.clock import parse_zone
from ...domain.cron import Cron
from ...domain.cron_words import words
from ...domain.moment import parse_moment
from ...domain.schedule import Schedule
from ...reports.parser import parse_row
from .. import fields, serializers
from ..access import Authorized, SignedIn
from ..fields import read
from ..responses import SafeRoute, answer, invalid
from ..schemas import json_only
from .reports import BASE

router = APIRouter(route_class=SafeRoute, tags=["lookups"], dependencies=[Depends(json_only)])


@router.get("/api/next-runs")
def next_runs(
    _: SignedIn,
    cron: Annotated[str, Query(max_length=200)],
    timezone: Annotated[str, Query(max_length=100)] = "UTC",
    start: Annotated[str | None, Query(alias="from", description="ISO 8601; default: now")] = None,
    count: Annotated[int, Query(ge=1, le=100)] = 5,
) -> Response:
    """Return the upcoming run times of a cron expression, and the schedule in words."""
    wrong: fields.Problems = {}
    parsed = read(wrong, "cron", cron, Cron.parse)
    zone = read(wrong, "timezone", timezone, parse_zone)
    moment = read(wrong, "from", start, parse_moment) if start else datetime.now(UTC)
    if parsed is None or zone is None or moment is None:
        raise invalid(wrong)
    runs = _upcoming(Schedule(cron=parsed, zone=zone, effective_from=moment), moment, count)
    return answer({"cronDescription": words(parsed.expression), "timezone": zone.key, "nextRuns": runs})


@router.get(f"{BASE}/scheduled/{{id}}/next-runs")
def next_runs_of(access: Authorized, id: str, count: Annotated[int, Query(ge=1, le=100)] = 10) -> Response:
    """Return the upcoming run times of a report; none while it is not scheduled."""
    row = access.row(id)
    report = parse_row(row)
    runs = _upcoming(report.schedule, access.ports.core.now(), count) if report.is_scheduled else []
    return answer({"timezone": report.timezone.key, "nextRuns": runs})


def _upcoming(schedule: Schedule, moment: datetime, count: int) -> list[dict[str, Any]]:
    return [
        {"at": serializers.moment(tick), "local": tick.astimezone(schedule.zone).isoformat()}
        for tick in islice(schedule.ticks_after(moment), count)
    ]
