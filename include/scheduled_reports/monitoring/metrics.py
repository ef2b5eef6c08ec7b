"""Metrics, all prefixed `scheduled_reports.`; a test holds docs/monitoring.md to the same table.

Reports and workspaces are not tags: ten thousand reports would create as many time series per metric, and customer
ids do not belong in a monitoring system.  The record and the pages name each report.
"""

from __future__ import annotations

import logging
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from time import monotonic
from typing import TYPE_CHECKING, Any, Literal, ParamSpec, TypeVar

from ..domain import naming
from ..domain.errors import SkipRunError
from ..domain.run import RunKey
from ..reports.types.catalog import catalog

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from ..domain.formats import Format
    from ..domain.run import RunKind, RunState
    from ..ports.services import Services
    from ..ports.upkeep import Health

P = ParamSpec("P")
R = TypeVar("R")
log = logging.getLogger(__name__)

PREFIX = "scheduled_reports."


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric: its kind, and its tag names in the order of their values in a StatsD name."""

    kind: Literal["counter", "timer", "gauge"]
    tags: tuple[str, ...] = ()


METRICS: Mapping[str, Metric] = {
    "run": Metric("counter", ("outcome", "kind", "type")),
    "lateness": Metric("timer"),
    "stage": Metric("timer", ("stage", "format", "outcome")),
    "rows": Metric("counter", ("format", "type")),
    "bytes": Metric("counter", ("format", "type")),
    "mail": Metric("counter", ("outcome", "about")),
    "upkeep": Metric("counter"),
    "reports.active": Metric("gauge"),
    "reports.rejected": Metric("gauge"),
    "reports.stopped": Metric("gauge"),
    "runs.open": Metric("gauge"),
    "runs.stuck": Metric("gauge"),
    "executions.stuck": Metric("gauge"),
    "deliveries.unknown": Metric("gauge"),
    "mail.enabled": Metric("gauge"),
    "lag": Metric("gauge"),
}
#: The value of a tag that does not apply, such as the format of the stage `query`.
NONE = "none"


def stage(name: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Time a stage of a run, and log its start and its outcome."""

    def timed(function: Callable[P, R]) -> Callable[P, R]:
        @wraps(function)
        def run(*args: P.args, **kwargs: P.kwargs) -> R:
            services, subject, *rest = args
            with _watched(services, name, subject, str(rest[0]) if rest else NONE):  # type: ignore[arg-type]
                return function(*args, **kwargs)

        return run

    return timed


@contextmanager
def _watched(services: Services, name: str, subject: Any, chosen: str) -> Iterator[None]:
    key: RunKey = subject if isinstance(subject, RunKey) else subject.key
    # Ids and names only: the content of a row is never logged.
    where = f"report={naming.one_line(key.report_id)} run={naming.one_line(key.run_id)} format={chosen}"
    log.info("stage %s began: %s", name, where)
    began, outcome = monotonic(), "failed"
    try:
        yield
        outcome = "success"
    except SkipRunError:
        outcome = "skipped"
        raise
    finally:
        took = monotonic() - began
        log.info("stage %s ended: %s outcome=%s seconds=%.3f", name, where, outcome, took)
        services.metrics.timing("stage", took, stage=name, format=chosen, outcome=outcome)


def run_settled(services: Services, state: RunState, kind: RunKind, report_type: str | None) -> None:
    """Count a settled run; called only when the record's own counters changed, so that a clear does not count twice."""
    services.metrics.count("run", 1, outcome=str(state), kind=str(kind), type=known(report_type))


def file_uploaded(services: Services, chosen: Format, report_type: str, *, rows: int, size: int) -> None:
    """Count the rows and bytes of an uploaded file."""
    tags = {"format": str(chosen), "type": known(report_type)}
    services.metrics.count("rows", rows, **tags)
    services.metrics.count("bytes", size, **tags)


def mail_sent(services: Services, outcome: str, *, notice: bool) -> None:
    """Count a call of the mail service by its outcome."""
    services.metrics.count("mail", 1, outcome=outcome, about="owner" if notice else "report")


def upkeep_done(services: Services, found: Health, lag: float) -> None:
    """Set the health gauges after a round of upkeep."""
    gauges = {
        "reports.active": found.scheduled,
        "reports.rejected": found.rejected,
        "reports.stopped": found.stopped,
        "runs.open": found.open_runs,
        "runs.stuck": found.stuck_runs,
        "executions.stuck": found.stuck_executions,
        "deliveries.unknown": found.unknown_deliveries,
        "mail.enabled": int(found.mail_enabled),
        "lag": lag,
    }
    for name, value in gauges.items():
        services.metrics.gauge(name, value)
    services.metrics.count("upkeep", 1)


def known(report_type: str | None) -> str:
    """The report type as a tag value; `unknown` for a text that is not a type."""
    return report_type if report_type is not None and report_type in catalog().types else "unknown"
