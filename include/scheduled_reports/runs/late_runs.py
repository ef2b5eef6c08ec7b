"""Runs that upkeep makes for a tick: Airflow knows them as triggered, the record as scheduled."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ..domain.naming import LATE
from ..domain.run import RunKind

if TYPE_CHECKING:
    from ..domain.run import RunKey, Trigger
    from ..ports.runs import DueTick
    from ..ports.services import Services


def made_by_upkeep(services: Services, key: RunKey) -> DueTick | None:
    """The tick for which upkeep makes this run; None for any other run."""
    return services.runs.due_tick(key) if key.run_id.startswith(LATE) else None


def recognised(services: Services, trigger: Trigger) -> Trigger:
    """*trigger* with the tick for which upkeep made the run; any other trigger as it is.

    Only our table says so: anybody who may trigger a run in Airflow can name it as they like.
    """
    due = made_by_upkeep(services, trigger.key) if trigger.kind is RunKind.MANUAL else None
    if due is None:
        return trigger
    return replace(
        trigger, kind=RunKind.SCHEDULED, scheduled_for=due.tick, decided_at=due.decided_at, conf={}, user=None
    )
