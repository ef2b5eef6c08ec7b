"""Admission: may this run start?  Freeze its row, or record why it must not run."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ..domain.errors import PermanentError, ReportsError, RequestError, SkipRunError, TransientError
from ..domain.formats import Format
from ..domain.problem import Problem
from ..domain.run import RunKey, RunKind
from ..domain.storable import storable
from ..domain.window import window_of
from ..mail.recipients import may_be_named
from ..ports.runs import NewRun
from ..reports.calendars import is_pending
from ..reports.parser import parse_row
from ..reports.run_request import check_storable, parse_request
from .late_runs import recognised
from .requests import with_recipients

if TYPE_CHECKING:
    from ..domain.report import Report, Row
    from ..domain.run import Request, Run, Trigger, Window
    from ..ports.services import Services
    from ..settings import Settings


def enter(services: Services, trigger: Trigger) -> Run:
    """Freeze the run; raises SkipRunError if the tick must not run, PermanentError if the run cannot."""
    trigger = recognised(services, trigger)
    if services.runs.is_open(trigger.key, trigger.clear_number):  # a retry continues the frozen run
        return _frozen(services, trigger.key)
    services.stages.forget(trigger.key)
    row = services.definitions.row(trigger.key.report_id)
    if trigger.clear_number > 0 and row is not None:
        _must_stay_in_its_workspace(services, trigger.key, row)
    try:
        admitted = admit(services, trigger, row)
    except (SkipRunError, PermanentError) as error:
        services.runs.refuse(new_run(trigger, row), storable(str(error)), skipped=isinstance(error, SkipRunError))
        raise
    except Exception as error:
        # The last resort: a request that nobody foresaw is in the record, too, unless the database is down.
        if not isinstance(error, ReportsError):
            services.runs.refuse(new_run(trigger, row), f"{type(error).__name__}; see the task's log", skipped=False)
        raise
    holder = services.runs.open(admitted)
    if holder is not None:
        reason = f"the run {holder} has this time already; clear that one to run it again"
        services.runs.refuse(new_run(trigger, row), reason, skipped=True)
        raise SkipRunError(reason)
    if trigger.kind is RunKind.SCHEDULED and trigger.clear_number == 0:
        services.metrics.timing("lateness", max((services.now() - trigger.scheduled_for).total_seconds(), 0))
    return services.runs.load(trigger.key)


def _must_stay_in_its_workspace(services: Services, key: RunKey, row: Row) -> None:
    """Refuse to run again, for another workspace, what was run for one; nothing is recorded, so its record stays."""
    try:
        earlier = services.runs.load(key)
    except PermanentError:  # never frozen
        return
    if earlier.report.workspace.id != row["workspace_id"]:
        raise PermanentError("this run was made for another workspace; run the report again instead of clearing it")


def _frozen(services: Services, key: RunKey) -> Run:
    """The run as an earlier attempt froze it; if that is no longer valid, the reason is recorded."""
    try:
        return services.runs.load(key)
    except PermanentError as error:
        services.runs.fail(key, None, str(error))
        raise


def admit(services: Services, trigger: Trigger, row: Row | None) -> NewRun:
    """What to freeze of a run; raises SkipRunError if the tick must not run, PermanentError if the run cannot."""
    if row is None:
        raise _gone(trigger)
    if is_pending(row):
        raise TransientError("the days of the report's calendar are not known yet; upkeep adds them within a minute")
    report = parse_row(row)
    check_storable(trigger.conf)
    _may_tick(report, row, trigger, services.settings, services.now())
    covered = None
    if trigger.conf.get("resend"):
        trigger, covered = _resending(services, report, trigger)
    request = _request(services, report, trigger)
    return replace(
        new_run(trigger, row),
        window=covered or _window(services, report, trigger, request),
        formats=request.formats or report.formats,
    )


def new_run(trigger: Trigger, row: Row | None) -> NewRun:
    """What to record of a refused run; `admit` adds what a frozen one covers."""
    # An invalid row may name a format twice, or hold a list in place of a name.
    named = [name for name in (row or {}).get("export_formats") or () if isinstance(name, str)]
    formats = tuple(Format(name) for name in dict.fromkeys(named) if name in list(Format))
    return NewRun(
        key=trigger.key,
        kind=trigger.kind,
        scheduled_for=trigger.scheduled_for,
        triggered_by=storable(trigger.triggered_by),
        clear_number=trigger.clear_number,
        row=row,
        request=dict(trigger.conf),
        window=None,
        formats=formats,
    )


def _window(services: Services, report: Report, trigger: Trigger, request: Request) -> Window:
    """What a run covers; one that is cleared keeps the time since the last run that it was frozen with."""
    period = request.period or report.date_range
    if period.type != "since-last-run":
        return window_of(report, trigger.scheduled_for, requested=period)
    if trigger.clear_number > 0 and (earlier := _frozen_before(services, trigger.key)) is not None:
        return earlier
    watermark = None if trigger.kind is RunKind.BACKFILL else services.runs.watermark(report.id)
    if trigger.kind is RunKind.SCHEDULED and trigger.clear_number == 0:
        _must_not_be_covered(services, report, trigger.scheduled_for, watermark)
    return window_of(report, trigger.scheduled_for, requested=period, watermark=watermark)


def _must_not_be_covered(services: Services, report: Report, tick: datetime, watermark: datetime | None) -> None:
    """Refuse a tick whose time is in an earlier email, or may be: no two successful runs overlap."""
    if watermark is not None and tick <= watermark:
        raise SkipRunError(f"a later run has covered this time, until {watermark:%Y-%m-%d %H:%M:%S} UTC")
    if services.runs.is_unsettled(report.id, watermark, tick):
        raise TransientError("the run before has no outcome yet, and where this one starts depends on it")


def _frozen_before(services: Services, key: RunKey) -> Window | None:
    """The time since the last run that a run was frozen with; None if it was not, or with another period."""
    try:
        earlier = services.runs.load(key)
    except PermanentError:
        return None
    period = earlier.request.period or earlier.report.date_range
    return earlier.window if period.type == "since-last-run" else None


def _gone(trigger: Trigger) -> ReportsError:
    reason = "the report has been deleted"
    return PermanentError(reason) if trigger.kind is RunKind.MANUAL else SkipRunError(reason)


def _may_tick(report: Report, row: Row, trigger: Trigger, settings: Settings, now: datetime) -> None:
    """Raise SkipRunError for an outdated tick: Airflow fires the tick it stored, whatever has changed since."""
    if trigger.kind is not RunKind.SCHEDULED or trigger.clear_number > 0:  # a cleared run is wanted
        return
    if not report.is_scheduled:
        raise SkipRunError("the report is no longer scheduled")
    _must_be_in_force(report, row, trigger)
    delay = report.jitter(settings.jitter_seconds)
    if now - trigger.scheduled_for - delay <= settings.grace_seconds or report.missed_runs == "all":
        return
    if report.missed_runs == "skip":
        raise SkipRunError("missed while Airflow was not running; this report skips missed runs")
    following = report.schedule.next_after(trigger.scheduled_for)
    if following is not None and following + delay <= now:
        raise SkipRunError("missed while Airflow was not running; a later run replaces it")


def _must_be_in_force(report: Report, row: Row, trigger: Trigger) -> None:
    """Raise SkipRunError for a tick that is not, or no longer, one of the schedule."""
    schedule = report.schedule
    # Upkeep moves the effective moment past the ticks of an outage; only an edit takes them off the schedule.
    changed_at = datetime.fromisoformat(row["changed_at"]) if row.get("changed_at") else schedule.effective_from
    if trigger.decided_at is not None:  # it was a tick when upkeep decided to make this run
        if changed_at > trigger.decided_at:
            raise SkipRunError(f"the schedule was changed at {_seconds(changed_at)} UTC, after this run was missed")
        return
    if trigger.scheduled_for <= changed_at:
        raise SkipRunError(f"the schedule took effect only at {_seconds(changed_at)} UTC")
    if not schedule.is_effective(trigger.scheduled_for):
        raise SkipRunError("missed while Airflow was not running; upkeep has made the runs that the report keeps")
    if not schedule.is_tick(trigger.scheduled_for):
        raise SkipRunError("the schedule has changed and no longer includes this time")


def _seconds(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


def _request(services: Services, report: Report, trigger: Trigger) -> Request:
    conf = with_recipients(services, trigger.key, trigger.conf)
    known = may_be_named(services, report.workspace.id, map(str, conf.get("recipients") or ()))
    return parse_request(conf, report, known=known)


def _resending(services: Services, report: Report, trigger: Trigger) -> tuple[Trigger, Window]:
    """The trigger of a resend with the formats of the earlier run, and the period of that run."""
    asked = _request(services, report, trigger)
    if asked.period or asked.mail is False:
        raise _not_again(trigger, "cannot be combined with a period or mail=false; remove those")
    earlier = RunKey(report_id=trigger.key.report_id, run_id=str(asked.resend))
    kept = [one.format for one in services.runs.artifacts(earlier)]
    formats = [str(one) for one in kept if not asked.formats or one in asked.formats]
    if not formats or services.runs.load(earlier).report.workspace.id != report.workspace.id:
        raise _not_again(
            trigger, "is not a run of this report whose files are kept in these formats; use the id of one that is"
        )
    return replace(trigger, conf={**trigger.conf, "formats": formats}), services.runs.load(earlier).window


def _not_again(trigger: Trigger, reason: str) -> RequestError:
    return RequestError([Problem(column="resend", value=trigger.conf["resend"], reason=reason)])
