"""What has to be put right every minute: next_run after edits from outside, rejections, DAGs of reports that went.

Retention comes last: nothing it meets can keep the rest from being done.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from ..domain.errors import ReportsError
from ..mail import owner_notices
from ..monitoring import health, metrics
from ..reports import next_run
from ..reports.parser import parse
from ..runs.settle import settle as settle_run
from ..runs.unrecorded import noted, settle_noted
from .retention import Retained, retain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from ..domain.report import Report
    from ..domain.run import RunKey
    from ..ports.runs import Unsettled
    from ..ports.services import Services
    from ..ports.upkeep import Orchestrator

log = logging.getLogger(__name__)

#: Tombstones, and runs, looked at in one round; each costs Airflow a question.
TOMBSTONES = 100
RUNS = 200
#: A run that did something so lately is not looked at: its own `record` comes first.
QUIET = timedelta(seconds=30)
GONE = "Airflow is through with the run, but its last task did not record it"
SILENT = "Airflow has not gone on with it for hours; is its DAG paused, or no worker there?"
LONGEST_ERROR = 5_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Upkeep:
    """What one round has changed."""

    next_runs: int
    rejected: int
    readmitted: int
    lifted: int
    settled: int
    notified: int
    retained: Retained

    def __str__(self) -> str:
        done = (
            f"{self.next_runs} next_run written, {self.rejected} rejected, {self.readmitted} valid again, "
            f"{self.lifted} DAGs let go, {self.settled} runs settled, {self.notified} owners' notices looked after"
        )
        return "; ".join(filter(None, (done, str(self.retained))))


def upkeep(services: Services, airflow: Orchestrator) -> Upkeep:
    """One round.

    Safe to repeat and to be cut off anywhere: every step looks at what is there and changes only what is not right.
    """
    settled = _settle_noted(services, airflow) + _settle_left(services, airflow)
    notified = _each(
        "tell the owner of",
        services.runs.unnotified(limit=RUNS),
        partial(owner_notices.tell, services),
        lambda key: key,
    )
    services.upkeep_store.resume_edited()
    rows = services.definitions.rows(limit=services.settings.max_reports)
    reports, rejections = parse(rows)
    reasons = {
        rejection.report_id: " ".join(str(problem) for problem in rejection.problems)[:LONGEST_ERROR]
        for rejection in rejections
    }
    mended = {row["id"] for row in rows if row["error_cause"] == "rejected"} - reasons.keys()
    rejected = services.upkeep_store.reject(reasons) if reasons else 0
    readmitted = services.upkeep_store.readmit(mended) if mended else 0
    if mended:  # they are what they were before, from this moment on
        reports, _ = parse(services.definitions.rows(limit=services.settings.max_reports))
    now = services.now()
    next_runs: dict[str, datetime | None] = dict.fromkeys(reasons)
    next_runs |= {report.id: next_run.next_run(report, now) for report in reports}
    _tell(services, reports)
    return Upkeep(
        rejected=rejected,
        readmitted=readmitted,
        next_runs=services.upkeep_store.set_next_runs(next_runs) if next_runs else 0,
        lifted=_lift(services, airflow, now),
        settled=settled,
        notified=notified,
        retained=retain(services),
    )


def _tell(services: Services, reports: Iterable[Report]) -> None:
    try:
        found, late = health.look(services, reports)
        metrics.looked_after(services, found, late.total_seconds())
    except ReportsError as error:  # the next round tells
        log.warning("the monitoring could not be notified how the whole does: %s", error)


def _settle_noted(services: Services, airflow: Orchestrator) -> int:
    """Runs whose `record` found no database and left a note."""
    try:
        left = [trigger for trigger in noted(services) if not airflow.is_open(trigger.key)]
    except ReportsError as error:  # staging is away; the rest of the round does not need it
        log.warning("the notes on staging cannot be listed: %s", error)
        return 0
    return _each("record", left, partial(settle_noted, services), lambda trigger: trigger.key)


def _settle_left(services: Services, airflow: Orchestrator) -> int:
    """Runs whose `record` never came: a worker died, a run was cut off, paused, deleted, or cleared in part."""
    now = services.now()

    def settle(run: Unsettled) -> None:
        settle_run(services, run.key, SILENT if airflow.is_open(run.key) else GONE)

    def is_left(run: Unsettled) -> bool:
        silent = now - run.touched_at
        return silent > QUIET and (silent > services.settings.stuck_seconds or not airflow.is_open(run.key))

    left = [run for run in services.runs.unsettled(limit=RUNS) if is_left(run)]
    return _each("settle", left, settle, lambda run: run.key)


def _each(what: str, items: Iterable[Any], do: Callable[[Any], object], key: Callable[[Any], RunKey]) -> int:
    """Do something for every item; one that fails costs only itself, until the next round."""
    done = 0
    for item in items:
        try:
            do(item)
            done += 1
        except ReportsError as error:
            log.warning("could not %s run %s of report %s: %s", what, key(item).run_id, key(item).report_id, error)
    return done


def _lift(services: Services, airflow: Orchestrator, now: datetime) -> int:
    """Let go of DAGs whose runs have all ended, once every parse has had time to rest them."""
    over = [
        tombstone.report_id
        for tombstone in services.upkeep_store.tombstones(limit=TOMBSTONES)
        if now - tombstone.since > services.settings.tombstone_seconds and airflow.open_runs(tombstone.report_id) == 0
    ]
    if over:
        services.upkeep_store.lift(over)
    return len(over)
