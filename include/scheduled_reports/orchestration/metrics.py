"""Port `Meter` by Airflow's own metrics: StatsD, Datadog or OpenTelemetry, whichever Airflow is told to use."""

from __future__ import annotations

import logging
import re
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

from ..monitoring.metrics import METRICS, PREFIX

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

log = logging.getLogger(__name__)


class AirflowMetrics:
    """What it cannot tell costs a line in the log and nothing else: a run is worth more than its metrics."""

    def count(self, name: str, value: int, **tags: str) -> None:
        _tell("incr", name, value, tags)

    def timing(self, name: str, seconds: float, **tags: str) -> None:
        """Tell how long something took; Airflow makes milliseconds of it."""
        _tell("timing", name, timedelta(seconds=seconds), tags)

    def gauge(self, name: str, value: float, **tags: str) -> None:
        _tell("gauge", name, value, tags)


def _tell(what: str, name: str, value: Any, tags: Mapping[str, str]) -> None:
    try:
        from airflow.sdk.observability import stats

        tell: Callable[..., None] = getattr(stats, what)
        if _has_tags():
            tell(f"{PREFIX}{name}", value, tags=dict(tags))
        else:
            tell(".".join((f"{PREFIX}{name}", *(_segment(tags[tag]) for tag in METRICS[name].tags))), value)
    except Exception as error:  # whatever it is, it is not worth a run
        log.warning("the metric %s could not be told: %s", name, type(error).__name__)


@cache
def _has_tags() -> bool:
    """Plain StatsD knows no tags: Airflow would drop them, so that their values become parts of the name instead."""
    from airflow.sdk.configuration import conf

    if conf.getboolean("metrics", "statsd_datadog_enabled", fallback=False):
        return True
    plain = conf.getboolean("metrics", "statsd_on", fallback=False)
    return not plain or conf.getboolean("metrics", "statsd_influxdb_enabled", fallback=False)


def _segment(value: str) -> str:
    """One part of a name, which a dot would make two."""
    return re.sub(r"[^A-Za-z0-9_-]", "_", value) or "_"
