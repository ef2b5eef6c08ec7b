"""What the in-memory record keeps of a run."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..domain.run import Artifact, RunKind, RunState

if TYPE_CHECKING:
    from datetime import datetime

    from ..domain.formats import Format


@dataclass
class Recorded:
    """What MemoryRuns keeps of one run."""

    row: dict[str, Any]
    clear_number: int
    retention: Kept
    touched_at: datetime
    formats: tuple[Format, ...] = ()
    errors: dict[Format, str] = field(default_factory=dict)
    artifacts: dict[Format, Artifact] = field(default_factory=dict)
    counted: RunState | None = None
    notified: bool = False
    asset_event: str | None = None

    @property
    def settled(self) -> bool:
        """Whether no stage has written anything since the run was settled."""
        return self.retention.settled_at is not None

    @property
    def counts(self) -> bool:
        """Whether the run counts for the report's failure streak."""
        kind = self.row["kind"]
        return self.counted is not None and (
            kind is RunKind.SCHEDULED or (kind is RunKind.MANUAL and self.row["frozen"] is not None)
        )


@dataclass
class Kept:
    """What retention needs to know of a run."""

    started_at: datetime
    settled_at: datetime | None = None
    at_work: bool = False
    uploaded: dict[Format, datetime] = field(default_factory=dict)
    deleted: set[Format] = field(default_factory=set)
    files_gone: bool = False
    put_off_at: datetime | None = None

    def settle(self, now: datetime) -> None:
        """Record that no stage is running."""
        self.settled_at, self.at_work = now, False

    def upload(self, chosen: Format, now: datetime) -> None:
        """Record an uploaded file."""
        self.uploaded[chosen] = now
        self.deleted.discard(chosen)
        self.files_gone = False
