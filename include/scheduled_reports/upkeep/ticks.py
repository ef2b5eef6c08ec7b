"""Ticks that nobody ran: upkeep compares the schedules with the record, and makes the missing runs.

Airflow creates the runs; this is for what it has lost (an edit between two parses, a clock that was put back, a run
that died before its first task) and for outages, after which it would create a run for every missed tick.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from itertools import islice, takewhile
from typing import TYPE_CHECKING

from ..domain.errors import ReportsError
from ..ports.upkeep import Decision, Missed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime, timedelta

    from ..domain.report import Report
    from ..domain.run import RunKey
    from ..ports.services import Services
    from ..ports.upkeep import Orchestrator, Plan

log = logging.getLogger(__name__)

#: So many ticks beyond the grace period are an outage.
OUTAGE = 2
#: What one round does at most: reports looked up in Airflow, runs created, runs of one report.
REPORTS, RUNS, EACH = 500, 500, 50
#: The ticks of one report that are decided on at once; the next round continues.
TICKS = 10_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """A report with a tick that nobody ran."""

    report: Report
    delay: timedelta
    #: Every tick up to here was run, skipped, or dealt with.
    after: datetime
    #: The later ticks of which the same is true.
    decided: frozenset[datetime] = frozenset()
    #: Whether a run that upkeep has decided on has not begun.
    is_waiting: bool = False

    def ticks(self, until: datetime, most: int = TICKS) -> list[datetime]:
        """The first *most* ticks that were due by *until*, in order."""
        later = self.report.schedule.ticks_after(self.after)
        return list(islice(takewhile(lambda tick: tick + self.delay <= until, later), most))

    def with_record(self, decided: frozenset[datetime], until: datetime) -> Comparison:
        """The same with what the record says, up to the first tick that nobody ran."""
        complete = list(takewhile(decided.__contains__, self.ticks(until)))
        return replace(self, after=complete[-1] if complete else self.after, decided=decided)


def decide(
    services: Services,
    airflow: Orchestrator,
    reports: Iterable[Report],
    now: datetime,
    *,
    checked: Mapping[str, datetime],
    share: int = 1,
) -> Mapping[str, datetime]:
    """Decide on the ticks that nobody ran since those that were *checked*.

    Return the next tick of each report of which no tick has passed.  If *reports* are one of several parts, it looks
    up its *share* of REPORTS in Airflow.
    """
    most = max(REPORTS // share, 1)
    coming, candidates = _next_ticks(services, reports, now, checked)
    found = _compare(services, candidates, now - services.settings.lost_tick_seconds)
    if found:
        unbegun = services.upkeep_store.unbegun([one.report.id for one in found])
        # Reports may wait for long, such as those whose DAG is paused: each round begins with others.
        first = int(now.timestamp()) // 60 * most % len(found)
        for one in [*found[first:], *found[:first]][:most]:
            _look_after(services, airflow, replace(one, is_waiting=one.report.id in unbegun), now)
    return coming


def _next_ticks(
    services: Services, reports: Iterable[Report], now: datetime, checked: Mapping[str, datetime]
) -> tuple[Mapping[str, datetime], list[Comparison]]:
    """The first tick of each report since the last comparison: those to come, and the reports where it is late."""
    settings = services.settings
    coming, late = {}, []
    for report in reports:
        if report.is_scheduled:
            effective = report.schedule.effective_from
            after = max(effective, checked.get(report.id, effective))
            first = report.schedule.next_after(after)
            delay = report.jitter(settings.jitter_seconds)
            if first is not None and first > now >= after:
                coming[report.id] = first
            elif first is not None and first + delay + settings.lost_tick_seconds <= now:
                late.append(Comparison(report=report, delay=delay, after=after))
    return coming, late


def _compare(services: Services, candidates: Sequence[Comparison], until: datetime) -> list[Comparison]:
    """Those with a tick due by *until* that nobody ran; how far the others are complete is recorded."""
    if not candidates:
        return []
    store = services.upkeep_store
    decided = store.decided({one.report.id: one.after for one in candidates})
    compared = [one.with_record(decided.get(one.report.id, frozenset()), until) for one in candidates]
    moved = {new.report.id: new.after for old, new in zip(candidates, compared, strict=True) if new.after > old.after}
    if moved:
        store.set_checked(moved)
    return [one for one in compared if one.ticks(until, most=1)]


def _look_after(services: Services, airflow: Orchestrator, one: Comparison, now: datetime) -> None:
    """Decide on the ticks of a report, unless Airflow will still run them; an error leaves them to the next round."""
    try:
        plan = airflow.plan(one.report.id)
        # What is in the queue already holds the later ticks back.
        if one.is_waiting and airflow.open_runs(one.report.id):
            return
        if plan is not None and not plan.paused and (decision := _decision(services, airflow, one, plan, now)):
            services.upkeep_store.decide(decision)
    except ReportsError as error:
        log.warning("could not look after the missed runs of report %s: %s", one.report.id, error)


def _decision(services: Services, airflow: Orchestrator, one: Comparison, plan: Plan, now: datetime) -> Decision | None:
    """What to do about the ticks that nobody ran; None to leave them to Airflow."""
    settings = services.settings
    ticks = one.ticks(now)
    open_ticks = [tick for tick in ticks if tick not in one.decided]
    overdue = [tick for tick in open_ticks if now - tick - one.delay > settings.grace_seconds]
    is_outage = len(overdue) >= OUTAGE
    if not is_outage:
        ticks = one.ticks(now - settings.lost_tick_seconds)
        open_ticks = [tick for tick in ticks if tick not in one.decided]
        is_planned = plan.next_tick is not None and plan.next_tick <= open_ticks[0]
        if is_planned or airflow.open_runs(one.report.id):
            return None
    overdue = [tick for tick in overdue if tick <= ticks[-1]]
    return Decision(
        report_id=one.report.id,
        effective_from=one.report.schedule.effective_from,
        checked_to=ticks[-1],
        due=_wanted(one, open_ticks, overdue, now),
        policy=one.report.missed_runs,
        missed=Missed(first=overdue[0], last=overdue[-1], ticks=len(overdue)) if overdue else None,
        catches_up=is_outage,
    )


def _wanted(
    one: Comparison, open_ticks: Sequence[datetime], overdue: Sequence[datetime], now: datetime
) -> tuple[datetime, ...]:
    """The ticks that get a run, by the same rules as in admission."""
    report = one.report
    if report.missed_runs == "all":
        return tuple(open_ticks)
    in_time = tuple(open_ticks[len(overdue) :])
    if report.missed_runs == "skip" or in_time:
        return in_time
    following = report.schedule.next_after(open_ticks[-1])
    is_newest = following is None or following + one.delay > now
    return tuple(open_ticks[-1:]) if is_newest else ()


def create_waiting(services: Services, airflow: Orchestrator) -> int:
    """Create the runs that were decided on, also those of earlier rounds that were interrupted."""
    waiting: dict[str, list[tuple[RunKey, datetime]]] = {}
    for key, tick in services.upkeep_store.waiting(limit=RUNS, each=EACH):
        waiting.setdefault(key.report_id, []).append((key, tick))
    return sum(_create(services, airflow, report_id, runs) for report_id, runs in waiting.items())


def _create(services: Services, airflow: Orchestrator, report_id: str, runs: Sequence[tuple[RunKey, datetime]]) -> int:
    created = []
    try:
        plan = airflow.plan(report_id)
        if plan is None or plan.paused:
            return 0
        for key, tick in runs:
            airflow.start(key, tick)
            created.append(key)
    except ReportsError as error:
        log.warning("could not create the missed runs of report %s: %s", report_id, error)
    if created:
        services.upkeep_store.mark_started(created)
    return len(created)
