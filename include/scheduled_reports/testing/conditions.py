"""In-memory state of the conditions of emails."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from ..domain.send_if import MailedState

if TYPE_CHECKING:
    from datetime import datetime

    from ..domain.send_if import Candidate


@dataclass(frozen=True, kw_only=True, slots=True)
class KeptState:
    """One row of reporting.condition_state."""

    workspace_id: str
    condition: str
    mailed_for: datetime | None = None
    mailed: MailedState = field(default_factory=MailedState)
    met_for: datetime | None = None
    met_at: datetime | None = None
    not_met_for: datetime | None = None


@dataclass
class MemoryConditions:
    """What reporting.condition_state holds, by report."""

    rows: dict[str, KeptState] = field(default_factory=dict)

    def state(self, report_id: str, workspace_id: str) -> MailedState | None:
        """What the report was last mailed with."""
        held = self.rows.get(report_id)
        if held is None or held.workspace_id != workspace_id:
            return None
        is_met = held.met_for is not None and (held.not_met_for is None or held.met_for >= held.not_met_for)
        return replace(held.mailed, condition=held.condition, met_since=held.met_at if is_met else None)

    def not_met(self, report_id: str, workspace_id: str, condition: str, scheduled_for: datetime) -> None:
        """Note the moment of a run that did not meet its conditions."""
        held = self.rows.get(report_id, KeptState(workspace_id=workspace_id, condition=condition))
        if held.workspace_id != workspace_id:
            return
        if held.condition != condition:
            newest = max(filter(None, (held.met_for, held.not_met_for, held.mailed_for)), default=scheduled_for)
            if scheduled_for < newest:
                return
            held = replace(held, condition=condition, met_for=None, met_at=None, not_met_for=None)
        not_met_for = max(scheduled_for, held.not_met_for or scheduled_for)
        self.rows[report_id] = replace(held, not_met_for=not_met_for)

    def mailed(
        self, report_id: str, workspace_id: str, candidate: Candidate, scheduled_for: datetime, sent_at: datetime
    ) -> None:
        """Keep what a run was mailed with, unless a newer one was mailed."""
        held = self.rows.get(report_id)
        if held and held.workspace_id == workspace_id and held.mailed_for and held.mailed_for > scheduled_for:
            return
        before = KeptState(workspace_id=workspace_id, condition=candidate.condition)
        if held and (held.workspace_id, held.condition) == (workspace_id, candidate.condition):
            before = held
        self.rows[report_id] = KeptState(
            workspace_id=workspace_id,
            condition=candidate.condition,
            mailed_for=scheduled_for,
            mailed=MailedState(
                mailed_at=sent_at, digest=candidate.digest, key_column=candidate.key_column, keys=candidate.keys
            ),
            met_for=scheduled_for if candidate.met else before.met_for,
            met_at=sent_at if candidate.met else before.met_at,
            not_met_for=before.not_met_for,
        )
