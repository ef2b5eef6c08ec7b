"""Settling a run, by `record` or by upkeep, as often as anybody likes; and the note for when the database is away."""

from __future__ import annotations

import io
import logging
from dataclasses import asdict
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

import orjson

from ..domain import naming
from ..domain.errors import ReportsError
from ..domain.run import RunKey, RunKind, RunState, Trigger
from ..mail import owner_notices
from ..monitoring import metrics
from ..reports import next_run
from . import admission
from .outcome import outcome as outcome_of
from .staging import RunFiles

if TYPE_CHECKING:
    from ..domain.run import Outcome
    from ..ports.services import World

log = logging.getLogger(__name__)

NEVER_BEGUN = "the run ended before its first task began"
#: The folder on staging where notes of runs lie that could not be recorded.
NOTES = ".unrecorded"  # no report's folder begins like this


def settle(world: World, key: RunKey, why: str | None = None) -> Outcome:
    """Write down what the run has come to, empty its staging when it went well, and tell its owner what he must know.

    *why* is the reason for what no stage has given one for.
    """
    row = world.definitions.row(key.report_id)
    outcome = world.runs.settle(key, partial(outcome_of, why=why), next_run.next_run_of(row, world.now()))
    if outcome.news is not None:
        metrics.run_settled(world, outcome.state, outcome.news, (row or {}).get("reportType"))
    if outcome.state is not RunState.FAILED:
        RunFiles.of(world.staging, key).clear()
    try:
        owner_notices.tell(world, key)
    except ReportsError as error:  # upkeep tries again; the run is settled whatever becomes of the notice
        log.warning("the owner of report %s could not be told: %s", key.report_id, error)
    return outcome


def leave_note(world: World, trigger: Trigger) -> None:
    """Note on staging that a run has ended, for upkeep to record when the database is back."""
    content = asdict(trigger) | {"scheduled_for": trigger.scheduled_for.isoformat(), "conf": dict(trigger.conf)}
    world.staging.put(_note_name(trigger.key), io.BytesIO(orjson.dumps(content)))


def noted(world: World) -> list[Trigger]:
    """The runs of which a note was left; one that cannot be read stays where it is, and costs only itself."""
    found = []
    for name in world.staging.names(NOTES):
        try:
            with world.staging.open(name) as file:
                found.append(_read_note(file.read()))
        except (ReportsError, ValueError, KeyError, TypeError) as error:
            log.warning("the note %s cannot be read: %s", name, type(error).__name__)
    return found


def _read_note(content: bytes) -> Trigger:
    values = orjson.loads(content)
    return Trigger(
        **values
        | {
            "key": RunKey(**values["key"]),
            "kind": RunKind(values["kind"]),
            "scheduled_for": datetime.fromisoformat(values["scheduled_for"]),
        }
    )


def settle_noted(world: World, trigger: Trigger) -> None:
    """Record a run of which a note was left, and forget the note."""
    world.runs.abandon(admission.opening(trigger, world.definitions.row(trigger.key.report_id)), NEVER_BEGUN)
    settle(world, trigger.key, "the reports database was away")
    world.staging.clear(_note_name(trigger.key))


def _note_name(key: RunKey) -> str:
    return f"{NOTES}/{naming.escape(key.report_id)}.{naming.run_key(key.run_id)}.json"
