"""One round of upkeep, run every minute: read mail events, settle lost runs, make missed ones, mark invalid rows.

Retention comes late, so that its errors delay nothing else.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any

from ..domain import naming
from ..domain.errors import ReportsError
from ..domain.shards import Shard
from ..mail import owner_notices, rejection_notices
from ..monitoring import health, metrics
from ..reports import next_run
from ..reports.calendars import resolved
from ..reports.parser import parse
from ..runs import asset_events, calendars
from ..runs.settle import settle as settle_run
from ..runs.unrecorded import noted, settle_noted
from .feedback import read_events
from .retention import Retained, retain
from .ticks import create_waiting, decide

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import datetime

    from ..domain.feedback import Applied
    from ..domain.report import Rejection, Report, Row
    from ..domain.run import RunKey
    from ..ports.runs import Unsettled
    from ..ports.services import Services
    from ..ports.upkeep import Orchestrator

log = logging.getLogger(__name__)

#: Tombstones and runs checked per round; each costs a query to Airflow.
TOMBSTONES = 100
RUNS = 200
#: Reports without a DAG: handled per round, and named in the log.
LEFT_OUT, NAMED = 10_000, 10
#: Runs active within this time are skipped, because their own `record` comes first.
QUIET = timedelta(seconds=30)
GONE = "Airflow finished the run, but `record` did not run"
SILENT = "Airflow has made no progress for hours; check that the DAG is not paused and a worker is running"
LONGEST_ERROR = 5_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Upkeep:
    """What one round changed."""

    next_runs: int
    rejected: int
    readmitted: int
    lifted: int
    #: What the mail service's events told.
    events: Applied
    settled: int
    made: int
    notified: int
    left_out: int
    retained: Retained
    #: Asset events of runs that `record` did not settle.
    assets: int = 0

    def __str__(self) -> str:
        done = (
            f"{self.next_runs} next_run updated, {self.rejected} rejected, {self.readmitted} valid again, "
            f"{self.lifted} tombstones lifted, {self.settled} runs settled, {self.notified} owner notices processed"
        )
        without = f"{self.left_out} reports without a DAG: MAX_REPORTS is reached" if self.left_out else ""
        made = f"{self.made} missed runs created" if self.made else ""
        assets = f"{self.assets} asset events emitted" if self.assets else ""
        return "; ".join(filter(None, (done, made, without, self._events(), assets, str(self.retained))))

    def _events(self) -> str:
        read, ignored = self.events.events, self.events.ignored
        if not read and not ignored:
            return ""
        confirmed, suppressed = self.events.confirmed, self.events.suppressed
        return (
            f"{read} events of the mail service read, {ignored} ignored, {confirmed} messages confirmed, "
            f"{suppressed} addresses not mailed any more"
        )


def upkeep(services: Services, airflow: Orchestrator) -> Upkeep:
    """Run one round.

    It can be repeated and interrupted at any point: each step reads the current state and corrects only differences.
    """
    events = read_events(services)  # before settling: an event may tell that a message was sent
    settled = _settle_noted(services, airflow) + _settle_left(services, airflow)
    notified = _notify(services, services.runs.unnotified(limit=RUNS), owner_notices.notify)
    notified += _notify(services, services.feedback.untold(limit=RUNS), owner_notices.notify_of_feedback)
    services.upkeep_store.correct_effective()
    services.upkeep_store.resume_edited()
    calendars.keep(services)
    parts = _over_all(services, airflow)
    made = create_waiting(services, airflow)
    left_out = services.definitions.left_out(limit=services.settings.max_reports, most=LEFT_OUT)
    cleared = services.upkeep_store.set_next_runs(dict.fromkeys(left_out)) if left_out else 0
    _report_health(services, [part.late for part in parts])
    return Upkeep(
        rejected=sum(part.rejected for part in parts),
        readmitted=sum(part.readmitted for part in parts),
        next_runs=sum(part.next_runs for part in parts) + cleared,
        lifted=_lift(services, airflow, services.now()),
        events=events,
        settled=settled,
        made=made,
        notified=notified + _tell_rejections(services, parts),
        left_out=_name_left_out(services, left_out),
        retained=retain(services),
        # Last, because an error after it would lose the events.
        assets=asset_events.emit_due(services, limit=RUNS),
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Part:
    """What one round found in a part of the reports."""

    next_runs: int
    rejected: int
    readmitted: int
    #: The delay of the oldest due tick that has not started; None if it is unknown.
    late: timedelta | None
    #: The invalid rows, and why they are.
    rows: Sequence[Row]
    rejections: Sequence[Rejection]


def _over_all(services: Services, airflow: Orchestrator) -> list[_Part]:
    """Go over all reports in parts, because a hundred thousand at once would take a gigabyte."""
    checked = services.upkeep_store.checked()
    shards = Shard.slices(services.settings.max_reports)
    return [_over(services, airflow, shard, checked) for shard in shards]


def _over(services: Services, airflow: Orchestrator, shard: Shard | None, checked: Mapping[str, datetime]) -> _Part:
    """Mark invalid rows, accept corrected ones, decide on missed ticks and correct `next_run`."""
    store = services.upkeep_store
    rows = _rows(services, shard)
    reports, rejections = parse(rows)
    reasons = {
        rejection.report_id: " ".join(str(problem) for problem in rejection.problems)[:LONGEST_ERROR]
        for rejection in rejections
    }
    fixed = {row["id"] for row in rows if row["error_cause"] == "rejected"} - reasons.keys()
    without_owner = {one.report_id for one in rejections if rejection_notices.is_without_owner(one.problems)}
    rejected = store.reject(reasons, without_owner=without_owner) if reasons else 0
    readmitted = store.readmit(fixed) if fixed else 0
    if fixed:  # their earlier status is restored from now on
        reports, _ = parse(_rows(services, shard))
    now = services.now()
    coming = decide(services, airflow, reports, now, checked=checked, share=shard.of if shard else 1)
    next_runs: dict[str, datetime | None] = dict.fromkeys(reasons)
    next_runs |= {report.id: coming.get(report.id) or next_run.next_run(report, now) for report in reports}
    return _Part(
        next_runs=store.set_next_runs(next_runs) if next_runs else 0,
        rejected=rejected,
        readmitted=readmitted,
        late=_lag(services, reports),
        rows=[row for row in rows if row["id"] in reasons],
        rejections=rejections,
    )


def _rows(services: Services, shard: Shard | None) -> list[Row]:
    return [resolved(row) for row in services.definitions.rows(limit=services.settings.max_reports, shard=shard)]


def _name_left_out(services: Services, left_out: Mapping[str, str]) -> int:
    """Name the reports that have no DAG in the log; return their number, at most LEFT_OUT."""
    if left_out:
        first = ", ".join(naming.one_line(report_id) for report_id in islice(left_out, NAMED))
        most = services.settings.max_reports
        log.error("MAX_REPORTS (%s) is reached: %s reports have no DAG, first of all %s", most, len(left_out), first)
    return len(left_out)


def _tell_rejections(services: Services, parts: Iterable[_Part]) -> int:
    rows = [row for part in parts for row in part.rows]
    try:
        return rejection_notices.tell(services, rows, [one for part in parts for one in part.rejections])
    except ReportsError as error:  # the next round tries again
        log.warning("nobody could be told of rejected reports: %s", error)
        return 0


def _lag(services: Services, reports: Iterable[Report]) -> timedelta | None:
    try:
        return health.lag(services, reports)
    except ReportsError as error:  # the rest of the round does not need it
        log.warning("it is unknown how late the oldest tick is: %s", error)
        return None


def _report_health(services: Services, lags: Iterable[timedelta | None]) -> None:
    known = [lag for lag in lags if lag is not None]
    try:
        found = health.counts(services)
        if known:
            metrics.upkeep_done(services, found, max(known).total_seconds())
    except ReportsError as error:  # the next round tries again
        log.warning("health metrics could not be sent: %s", error)


def _settle_noted(services: Services, airflow: Orchestrator) -> int:
    """Settle runs whose `record` left a note because the database was unavailable."""
    try:
        left = [trigger for trigger in noted(services) if not airflow.is_open(trigger.key)]
    except ReportsError as error:  # the rest of the round does not need staging
        log.warning("the notes on staging cannot be listed: %s", error)
        return 0
    return _each("record", left, partial(settle_noted, services), lambda trigger: trigger.key)


def _settle_left(services: Services, airflow: Orchestrator) -> int:
    """Settle runs whose `record` never ran: the worker died, or the run was interrupted, deleted or cleared in part."""
    now = services.now()

    def settle(run: Unsettled) -> None:
        settle_run(services, run.key, SILENT if airflow.is_open(run.key) else GONE)

    def is_left(run: Unsettled) -> bool:
        silent = now - run.touched_at
        return silent > QUIET and (silent > services.settings.stuck_seconds or not airflow.is_open(run.key))

    left = [run for run in services.runs.unsettled(limit=RUNS) if is_left(run)]
    return _each("settle", left, settle, lambda run: run.key)


def _notify(services: Services, keys: Iterable[RunKey], notify: Callable[[Services, RunKey], None]) -> int:
    return _each("notify the owner of", keys, partial(notify, services), lambda key: key)


def _each(what: str, items: Iterable[Any], do: Callable[[Any], object], key: Callable[[Any], RunKey]) -> int:
    """Call *do* for every item; an item that fails is logged and tried again in the next round."""
    done = 0
    for item in items:
        try:
            do(item)
            done += 1
        except ReportsError as error:
            log.warning("could not %s run %s of report %s: %s", what, key(item).run_id, key(item).report_id, error)
    return done


def _lift(services: Services, airflow: Orchestrator, now: datetime) -> int:
    """Lift tombstones whose runs have all ended, once every parse has unscheduled their DAGs."""
    over = [
        tombstone.report_id
        for tombstone in services.upkeep_store.tombstones(limit=TOMBSTONES)
        if now - tombstone.since > services.settings.tombstone_seconds and airflow.open_runs(tombstone.report_id) == 0
    ]
    if over:
        services.upkeep_store.lift(over)
    return len(over)
