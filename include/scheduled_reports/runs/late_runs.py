"""Runs that upkeep makes for a tick: Airflow knows them as triggered, the record as scheduled."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ..domain.naming import LATE
from ..domain.run import RunKind

if TYPE_CHECKING:
    from ..domain.run import Trigger
    from ..ports.services import Services


def recognised(services: Services, trigger: Trigger) -> Trigger:
    """*trigger* with the tick for which upkeep made the run; any other trigger as it is.

    Only our table says so: anybody who may trigger a run in Airflow can name it as they like.
    """
    if trigger.kind is not RunKind.MANUAL or not trigger.key.run_id.startswith(LATE):
        return trigger
    due = services.runs.due_tick(trigger.key)
    if due is None:
        return trigger
    return replace(
        trigger, kind=RunKind.SCHEDULED, scheduled_for=due.tick, decided_at=due.decided_at, conf={}, user=None
    )
