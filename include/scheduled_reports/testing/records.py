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

    @property
    def settled(self) -> bool:
        """Whether no stage has written anything down since it was settled."""
        return self.retention.settled_at is not None

    @property
    def counts(self) -> bool:
        """Whether it says how the report does."""
        kind = self.row["kind"]
        return self.counted is not None and (
            kind is RunKind.SCHEDULED or (kind is RunKind.MANUAL and self.row["frozen"] is not None)
        )


@dataclass
class Kept:
    """What retention has to know of a run."""

    started_at: datetime
    settled_at: datetime | None = None
    at_work: bool = False
    uploaded: dict[Format, datetime] = field(default_factory=dict)
    deleted: set[Format] = field(default_factory=set)
    files_gone: bool = False
    put_off_at: datetime | None = None

    def settle(self, now: datetime) -> None:
        """Note that no stage is at work any more."""
        self.settled_at, self.at_work = now, False

    def upload(self, chosen: Format, now: datetime) -> None:
        """Note a file that S3 holds."""
        self.uploaded[chosen] = now
        self.deleted.discard(chosen)
        self.files_gone = False
