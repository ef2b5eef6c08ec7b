"""Port: events of Airflow's assets, on which other DAGs can start."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..domain.run import Artifact, Run


class AssetEvents(Protocol):
    """The events that Airflow records when the current task succeeds."""

    def add(self, run: Run, files: Sequence[Artifact]) -> None:
        """Add the event of a run that has succeeded, with its files."""
