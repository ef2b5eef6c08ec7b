"""Runs whose end could not be recorded because the database was away: notes on staging, settled later by upkeep."""

from __future__ import annotations

import io
import json
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING

from ..domain import naming
from ..domain.errors import ReportsError
from ..domain.run import RunKey, RunKind, Trigger
from . import admission
from .late_runs import recognised
from .settle import NEVER_BEGUN, log, settle

if TYPE_CHECKING:
    from ..ports.services import Services

#: The staging folder of these notes; no report's folder name begins with a dot.
NOTES = ".unrecorded"


def leave_note(services: Services, trigger: Trigger) -> None:
    """Leave a note on staging that a run has ended; upkeep records it when the database is available again."""
    content = asdict(trigger) | {"scheduled_for": trigger.scheduled_for.isoformat(), "conf": dict(trigger.conf)}
    del content["decided_at"]  # looked up again
    services.staging.put(_note_name(trigger.key), io.BytesIO(json.dumps(content).encode()))


def noted(services: Services) -> list[Trigger]:
    """The runs that have a note; an unreadable note is logged and left in place."""
    found = []
    for name in services.staging.names(NOTES):
        try:
            with services.staging.open(name) as file:
                found.append(_read_note(file.read()))
        except (ReportsError, ValueError, KeyError, TypeError) as error:
            log.warning("the note %s cannot be read: %s", name, type(error).__name__)
    return found


def _read_note(content: bytes) -> Trigger:
    values = json.loads(content)
    return Trigger(
        **values
        | {
            "key": RunKey(**values["key"]),
            "kind": RunKind(values["kind"]),
            "scheduled_for": datetime.fromisoformat(values["scheduled_for"]),
        }
    )


def settle_noted(services: Services, trigger: Trigger) -> None:
    """Settle a run that has a note, then delete the note."""
    row = services.definitions.row(trigger.key.report_id)
    services.runs.abandon(admission.new_run(recognised(services, trigger), row), NEVER_BEGUN)
    settle(services, trigger.key, "the reports database was unavailable")
    services.staging.clear(_note_name(trigger.key))


def _note_name(key: RunKey) -> str:
    return f"{NOTES}/{naming.escape(key.report_id)}.{naming.run_key(key.run_id)}.json"
