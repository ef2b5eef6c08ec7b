"""Send metrics through Airflow: StatsD, Datadog or OpenTelemetry, as Airflow is configured."""

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
    """Port `Metrics`; a metric that cannot be sent is logged and never fails a run."""

    def count(self, name: str, value: int, **tags: str) -> None:
        _send("incr", name, value, tags)

    def timing(self, name: str, seconds: float, **tags: str) -> None:
        _send("timing", name, timedelta(seconds=seconds), tags)

    def gauge(self, name: str, value: float, **tags: str) -> None:
        _send("gauge", name, value, tags)


def _send(kind: str, name: str, value: Any, tags: Mapping[str, str]) -> None:
    try:
        from airflow.sdk.observability import stats

        send: Callable[..., None] = getattr(stats, kind)
        if _has_tags():
            send(f"{PREFIX}{name}", value, tags=dict(tags))
        else:
            send(".".join((f"{PREFIX}{name}", *(_segment(tags[tag]) for tag in METRICS[name].tags))), value)
    except Exception as error:  # no error of metrics may fail a run
        log.warning("cannot send the metric %s: %s", name, type(error).__name__)


@cache
def _has_tags() -> bool:
    """Return whether tags are supported; plain StatsD has none, so there their values become parts of the name."""
    from airflow.sdk.configuration import conf

    if conf.getboolean("metrics", "statsd_datadog_enabled", fallback=False):
        return True
    plain = conf.getboolean("metrics", "statsd_on", fallback=False)
    return not plain or conf.getboolean("metrics", "statsd_influxdb_enabled", fallback=False)


def _segment(value: str) -> str:
    """Return one part of a name, without dots."""
    return re.sub(r"[^A-Za-z0-9_-]", "_", value) or "_"
