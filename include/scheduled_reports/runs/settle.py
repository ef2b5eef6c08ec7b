"""Settle a run: record its outcome, clear its staging, notify its owner.  Called by `record` and by upkeep."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING

from ..domain.errors import ReportsError
from ..domain.run import RunKey, RunState
from ..mail import owner_notices
from ..monitoring import metrics
from ..reports import next_run
from .asset_events import emit
from .outcome import outcome as outcome_of
from .staging import RunFiles

if TYPE_CHECKING:
    from ..domain.run import Outcome
    from ..ports.services import Services

log = logging.getLogger(__name__)

NEVER_BEGUN = "the run ended before its first task began"


def settle(services: Services, key: RunKey, why: str | None = None, *, clear_number: int | None = None) -> Outcome:
    """Record the outcome of a run, clear its staging unless it failed, and notify its owner if needed.

    Safe to repeat.  *why* is the reason used where no stage recorded one; *clear_number* is that of `record`, which
    emits the asset event of a success itself.
    """
    row = services.definitions.row(key.report_id)
    coming = next_run.next_run_of(row, services.now())
    outcome = services.runs.settle(key, partial(outcome_of, why=why), coming, clear_number=clear_number)
    if outcome.news is not None:
        metrics.run_settled(services, outcome.state, outcome.news, (row or {}).get("reportType"))
    if outcome.state is not RunState.FAILED:
        RunFiles.of(services.staging, key).clear()
    if outcome.emits_event:
        emit(services, key)
    try:
        owner_notices.notify(services, key)
    except ReportsError as error:  # upkeep tries again; the run is settled either way
        log.warning("the owner of report %s could not be notified: %s", key.report_id, error)
    return outcome
