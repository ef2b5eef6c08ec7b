"""In-memory asset events."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..domain.run import Artifact, Run


@dataclass
class MemoryAssetEvents:
    """Port `AssetEvents`: keeps every event."""

    added: list[tuple[Run, tuple[Artifact, ...]]] = field(default_factory=list)

    def add(self, run: Run, files: Sequence[Artifact]) -> None:
        self.added.append((run, tuple(files)))
