"""Port: metrics."""

from __future__ import annotations

from typing import Protocol


class Meter(Protocol):
    """Airflow's metrics; names and tags are those of `metrics.METRICS`.  Nothing is raised, and nothing waits."""

    def count(self, name: str, value: int, **tags: str) -> None:
        """Add to a counter."""

    def timing(self, name: str, seconds: float, **tags: str) -> None:
        """Tell how long something took."""

    def gauge(self, name: str, value: float, **tags: str) -> None:
        """Tell how much there is of something."""
