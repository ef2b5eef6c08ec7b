"""Emit the asset event of a run that has succeeded: by `record`, or by upkeep for a run that it has settled."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from ..domain.errors import ReportsError

if TYPE_CHECKING:
    from ..domain.run import RunKey
    from ..ports.services import Services

log = logging.getLogger(__name__)


def emit(services: Services, key: RunKey) -> None:
    """Add the event of a run to those of the current task; an error is logged, because the run is settled."""
    try:
        services.asset_events.add(services.runs.load(key), services.runs.artifacts(key))
    except ReportsError as error:
        log.warning("run %s of report %s has no asset event: %s", key.run_id, key.report_id, error)


def emit_due(services: Services, *, limit: int) -> int:
    """Emit the events of runs that upkeep has settled; return their number."""
    due = services.runs.take_due_events(limit=limit)
    for key in due:
        emit(services, key)
    return len(due)
