"""The five stages of a run as plain functions over ports; orchestration/ gives each a task.

Each stage commits its own outcome, so that whatever dies, `settle` finds what was done.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pyarrow as pa

from . import documents, mailing, naming, schedule, settle, upkeep
from .catalog import report_type
from .definitions import parse_row
from .errors import PermanentError, RejectedError, ReportsError, ReportTypeError, RequestError, SkipRunError
from .model import Artifact, Format, RunKind, RunState
from .ports import Opening, Scope
from .render import FORMATS, renderer
from .request import parse_request
from .staged import RunFiles, write_parquet
from .window import window

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from .definitions import Row
    from .model import Dataset, Outcome, Report, ReportType, Request, Run, RunKey, Trigger
    from .ports import World
    from .settings import Settings


def query(world: World, trigger: Trigger, *, attempt: int = 1) -> tuple[Format, ...]:
    """Freeze the row, open the executions, put every dataset on staging; return the formats to make.

    Raises SkipRunError where a tick must not run, PermanentError where the run cannot.
    """
    run = _open(world, trigger)
    with _noting(world, run.key, None):
        world.runs.progress(run.key, None, 5, attempt=attempt)
        kind = report_type(run.report)
        files = RunFiles.of(world.staging, run.key)
        found = [_stage(world, run, files, dataset) for dataset in kind.datasets]
        _stage_figures(world, run, files, kind)
        world.runs.note_rows(run.key, found[0])
        world.runs.progress(run.key, None, 25, attempt=attempt)
    return run.formats


def render(world: World, key: RunKey, chosen: Format, *, attempt: int = 1) -> None:
    """Make one format from what `query` put on staging."""
    with _noting(world, key, chosen):
        world.runs.progress(key, chosen, 30, attempt=attempt)
        run = world.runs.load(key)
        files = RunFiles.of(world.staging, key)
        shown = documents.document(run, report_type(run.report), files)
        limit = world.settings.row_limit if FORMATS[chosen].limited else None
        with files.writing(_file(chosen)) as draft:
            draft.rows = renderer(chosen)(shown, draft.file, row_limit=limit)
            draft.total_rows = shown.main.rows
        world.runs.progress(key, chosen, 60, attempt=attempt)


def upload(world: World, key: RunKey, chosen: Format, *, attempt: int = 1) -> None:
    """Bring one rendered file to S3 and write down what S3 holds."""
    with _noting(world, key, chosen):
        world.runs.progress(key, chosen, 65, attempt=attempt)
        run = world.runs.load(key)
        files = RunFiles.of(world.staging, key)
        staged = files.manifest(_file(chosen))
        info = FORMATS[chosen]
        artifact = Artifact(
            format=chosen,
            execution_id=naming.execution_id(key, chosen),
            file_name=naming.file_name(run.report, run.window, info.extension),
            content_type=info.content_type,
            bucket=world.store.bucket,
            object_key=naming.object_key(run.report, run.run_key, info.extension),
            bytes=staged.bytes,
            sha256=staged.sha256,
            rows=staged.rows,
            total_rows=staged.total_rows,
        )
        with files.open(_file(chosen)) as content:
            world.store.put(artifact.object_key, content, content_type=info.content_type, file_name=artifact.file_name)
        world.runs.uploaded(key, artifact)


def email(world: World, key: RunKey) -> str:
    """Mail what is in S3, each message at most once; return in a word what came of it."""
    return mailing.mail(world, world.runs.load(key), world.runs.artifacts(key))


def record(world: World, trigger: Trigger) -> Outcome:
    """Settle the run; empty its staging when it went well."""
    row = world.definitions.row(trigger.key.report_id)
    world.runs.abandon(_opening(trigger, row), "the run ended before its first task began")
    outcome = world.runs.settle(trigger.key, settle.outcome, _next_run(row, world.now()))
    if outcome.state is not RunState.FAILED:
        RunFiles.of(world.staging, trigger.key).clear()
    return outcome


def _open(world: World, trigger: Trigger) -> Run:
    """The gate: may this run happen?  Freezes it, or writes down why not."""
    if world.runs.is_open(trigger.key, trigger.clear_number):  # a retry goes on with what is frozen
        return world.runs.load(trigger.key)
    row = world.definitions.row(trigger.key.report_id)
    refused = _opening(trigger, row)
    try:
        if row is None:
            raise _gone(trigger)
        report = parse_row(row)
        _may_tick(report, trigger, world.settings, world.now())
        request = _request(world, report, trigger)
    except (RejectedError, RequestError, SkipRunError, PermanentError) as error:
        world.runs.refuse(refused, str(error), skipped=isinstance(error, SkipRunError))
        raise
    world.runs.open(_opening(trigger, row, request, report))
    return world.runs.load(trigger.key)


def _gone(trigger: Trigger) -> ReportsError:
    reason = "the report has been deleted"
    return PermanentError(reason) if trigger.kind is RunKind.MANUAL else SkipRunError(reason)


def _may_tick(report: Report, trigger: Trigger, settings: Settings, now: datetime) -> None:
    """The last word on a tick; Airflow fires what it has stored, whatever has changed since."""
    if trigger.kind is not RunKind.SCHEDULED or trigger.clear_number > 0:  # a person who clears a run wants it
        return
    if not report.is_scheduled:
        raise SkipRunError("the report is not scheduled any more")
    if trigger.scheduled_for <= report.effective_from:
        raise SkipRunError(f"the schedule has been effective only since {report.effective_from:%Y-%m-%d %H:%M:%S} UTC")
    if not report.cron.is_tick(trigger.scheduled_for, report.timezone):
        raise SkipRunError("the schedule has been changed, and does not name this time any more")
    delay = schedule.jitter(report.id, settings.jitter_seconds)
    if now - trigger.scheduled_for - delay <= settings.grace_seconds or report.missed_runs == "all":
        return
    if report.missed_runs == "skip":
        raise SkipRunError("missed while Airflow was away; missed runs of this report are skipped")
    if report.cron.next_tick(trigger.scheduled_for, report.timezone) + delay <= now:
        raise SkipRunError("missed while Airflow was away; a later tick stands in for it")


def _request(world: World, report: Report, trigger: Trigger) -> Request:
    addresses = [str(address).lower() for address in trigger.conf.get("recipients") or ()]
    known = world.definitions.members(report.workspace.id, addresses) if addresses else frozenset()
    domains = world.settings.domains
    known |= {address for address in addresses if address.rpartition("@")[2] in domains}
    return parse_request(trigger.conf, report, known=known)


def _opening(
    trigger: Trigger, row: Row | None, request: Request | None = None, report: Report | None = None
) -> Opening:
    covered = None
    named = dict.fromkeys((row or {}).get("export_formats") or ())  # a row that is refused may name one twice
    formats = tuple(Format(name) for name in named if name in list(Format))
    if report is not None and request is not None:
        covered = window(request.period or report.date_range, trigger.scheduled_for, report.timezone)
        formats = request.formats or report.formats
    return Opening(
        key=trigger.key,
        kind=trigger.kind,
        scheduled_for=trigger.scheduled_for,
        triggered_by=trigger.triggered_by,
        clear_number=trigger.clear_number,
        row=row,
        request=dict(trigger.conf),
        window=covered,
        formats=formats,
    )


def _stage(world: World, run: Run, files: RunFiles, dataset: Dataset) -> int:
    """Stream one dataset to staging; return how many of its rows hold data."""
    with (
        world.source.stream(dataset.sql, _scope(run)) as batches,
        files.writing(documents.dataset_file(dataset.name)) as draft,
    ):
        write_parquet(batches, dataset.columns, run.report.timezone.key, draft)
    return draft.data_rows if dataset.zero_filled else draft.rows


def _stage_figures(world: World, run: Run, files: RunFiles, kind: ReportType) -> None:
    """The key figures of the window and of the one before, as the two rows of one small file."""
    tables = []
    for scope in (_scope(run), _scope(run, previous=True)):
        with world.source.stream(kind.figures_sql, scope) as batches:
            tables.append(batches.read_all())
        if tables[-1].num_rows != 1:
            raise ReportTypeError(f"{kind.id}: the query of its key figures gave {tables[-1].num_rows} rows, not one")
    columns = tuple(spec.column for spec in kind.figures)
    both = pa.concat_tables(tables)
    with files.writing(documents.FIGURES) as draft:
        write_parquet(both.to_reader(), columns, run.report.timezone.key, draft)


def _scope(run: Run, *, previous: bool = False) -> Scope:
    covered = run.window
    return Scope(
        workspace_id=run.report.workspace.id,
        start=covered.previous_start if previous else covered.start,
        end=covered.start if previous else covered.end,
        timezone=run.report.timezone.key,
        parameters=run.report.parameters,
    )


def _file(chosen: Format) -> str:
    return f"report.{FORMATS[chosen].extension}"


def _next_run(row: Row | None, now: datetime) -> datetime | None:
    """The coming tick of the row as it is now; None where it is not scheduled."""
    try:
        report = parse_row(row) if row else None
    except RejectedError:
        return None
    return upkeep.next_run(report, now) if report else None


@contextmanager
def _noting(world: World, key: RunKey, chosen: Format | None) -> Iterator[None]:
    """Write down in plain words why a stage failed, then let the error go on its way."""
    try:
        yield
    except Exception as error:
        # What a stranger's exception says may hold a value or an address: only its kind is kept.
        known = isinstance(error, ReportsError)
        world.runs.fail(key, chosen, str(error) if known else f"{type(error).__name__}; see the task's log")
        raise
