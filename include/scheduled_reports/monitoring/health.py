"""How the whole does: what upkeep tells the monitoring, and the health route whoever asks."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from ..domain import cron
from ..reports.parser import parse

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..domain.report import Report
    from ..ports.services import Services
    from ..ports.upkeep import Health

#: Mails of which nobody knows whether they left are told for so long; the record keeps them.
UNKNOWN_SINCE = timedelta(days=1)
#: A tick that nobody has run for so long is not late any more, it is lost: somebody has seen to that, or never will.
HORIZON = timedelta(days=7)


def look(services: Services, reports: Iterable[Report] | None = None) -> tuple[Health, timedelta]:
    """What there is to tell, and by how much the oldest due tick that has not begun is late."""
    now = services.now()
    found = services.upkeep_store.health(stuck_before=now - services.settings.stuck_seconds, since=now - UNKNOWN_SINCE)
    if reports is None:
        reports, _ = parse(services.definitions.rows(limit=services.settings.max_reports))
    return found, lag(services, reports)


def lag(services: Services, reports: Iterable[Report]) -> timedelta:
    """How long the oldest due tick that has not begun has been waiting; nothing where none has.

    Asked of the record and not of next_run, which upkeep moves on whatever becomes of a tick.  What was skipped has
    begun: the gate has had its word.
    """
    now = services.now()
    scheduled = [report for report in reports if report.is_scheduled]
    begun = services.upkeep_store.last_ticks([report.id for report in scheduled])
    oldest = now
    for report in scheduled:
        since = max(report.effective_from, begun.get(report.id, report.effective_from), now - HORIZON)
        delay = cron.jitter(report.id, services.settings.jitter_seconds)
        oldest = min(oldest, report.cron.next_tick(since, report.timezone) + delay)
    return now - oldest
