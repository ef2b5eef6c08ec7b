"""In-memory metrics; only names and tags of METRICS are accepted."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..monitoring.metrics import METRICS


@dataclass
class MemoryMetrics:
    """Port `Metrics`: keeps every value with its name and tags."""

    recorded: list[tuple[str, float, dict[str, str]]] = field(default_factory=list)

    def count(self, name: str, value: int, **tags: str) -> None:
        self._keep("counter", name, value, tags)

    def timing(self, name: str, seconds: float, **tags: str) -> None:
        self._keep("timer", name, seconds, tags)

    def gauge(self, name: str, value: float, **tags: str) -> None:
        self._keep("gauge", name, value, tags)

    def of(self, name: str) -> list[tuple[float, dict[str, str]]]:
        """The recorded values of one metric, with their tags."""
        return [(value, tags) for one, value, tags in self.recorded if one == name]

    def _keep(self, kind: str, name: str, value: float, tags: dict[str, str]) -> None:
        assert METRICS[name].kind == kind
        assert tuple(sorted(tags)) == tuple(sorted(METRICS[name].tags))
        self.recorded.append((name, value, tags))
