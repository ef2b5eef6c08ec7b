"""System health, for metrics and for the route /health."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from ..domain.shards import Shard
from ..reports.parser import parse

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..domain.report import Report
    from ..ports.services import Services
    from ..ports.upkeep import Health

#: Unconfirmed deliveries are reported for this long; the record keeps them.
UNKNOWN_SINCE = timedelta(days=1)
#: An older tick that never ran no longer counts as late; it is lost.
HORIZON = timedelta(days=7)


def look(services: Services) -> tuple[Health, timedelta]:
    """System health, and the delay of the oldest due tick that has not started."""
    most = services.settings.max_reports
    # In parts, because a hundred thousand reports at once would take a gigabyte.
    parts = (services.definitions.rows(limit=most, shard=shard) for shard in Shard.slices(most))
    return counts(services), max(lag(services, parse(rows)[0]) for rows in parts)


def counts(services: Services) -> Health:
    """System health in numbers."""
    now, settings = services.now(), services.settings
    found = services.upkeep_store.health(stuck_before=now - settings.stuck_seconds, since=now - UNKNOWN_SINCE)
    return replace(found, left_out=max(found.reports - settings.max_reports, 0))


def lag(services: Services, reports: Iterable[Report]) -> timedelta:
    """The delay of the oldest due tick that has not started; zero if there is none.

    Read from the record, not from next_run, which upkeep advances whether or not a tick ran.  A skipped tick counts
    as started: admission has decided on it.
    """
    now = services.now()
    horizon = now - HORIZON
    scheduled = [report for report in reports if report.is_scheduled]
    begun = services.upkeep_store.last_ticks([report.id for report in scheduled])
    oldest = now
    for report in scheduled:
        since = max(begun.get(report.id, horizon), horizon)
        following = report.schedule.next_after(since)
        if following is not None:
            oldest = min(oldest, following + report.jitter(services.settings.jitter_seconds))
    return now - oldest
