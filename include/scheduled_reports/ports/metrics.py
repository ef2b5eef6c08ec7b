"""Port: metrics."""

from __future__ import annotations

from typing import Protocol


class Metrics(Protocol):
    """Metrics, named and tagged as in `monitoring.metrics.METRICS`; calls never raise and never block."""

    def count(self, name: str, value: int, **tags: str) -> None:
        """Add to a counter."""

    def timing(self, name: str, seconds: float, **tags: str) -> None:
        """Record a duration."""

    def gauge(self, name: str, value: float, **tags: str) -> None:
        """Set a gauge."""
