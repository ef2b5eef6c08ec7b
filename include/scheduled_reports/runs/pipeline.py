"""The five stages of a run as plain functions over ports; orchestration/ gives each a task.

Each stage commits its own outcome, so that whatever dies, `settle` finds what was done.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pyarrow as pa

from ..domain import naming
from ..domain.errors import ReportsError, ReportTypeError, StagingMissingError, TransientError
from ..domain.formats import FORMATS
from ..domain.run import Artifact, RunKey
from ..mail import report_mail
from ..monitoring import metrics
from ..ports.source import Scope
from ..render import renderer
from ..reports.types.catalog import report_type
from ..settings.object_tags import tags_of
from . import admission, document, settle
from .staging import RunFiles, write_parquet

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ..domain.formats import Format
    from ..domain.report_type import Dataset, ReportType
    from ..domain.run import Outcome, Run, Trigger
    from ..ports.services import World


@metrics.stage("query")
def query(world: World, trigger: Trigger, *, attempt: int = 1) -> tuple[Format, ...]:
    """Freeze the row, open the executions, put every dataset on staging; return the formats to make.

    Raises SkipRunError where a tick must not run, PermanentError where the run cannot.
    """
    run = admission.enter(world, trigger)
    if run.request.resend:
        world.runs.adopt(run.key, RunKey(report_id=run.key.report_id, run_id=run.request.resend))
        return run.formats
    with _noting(world, run.key, None):
        world.runs.progress(run.key, None, 5, attempt=attempt)
        kind = report_type(run.report)
        files = RunFiles.of(world.staging, run.key)
        found = [_stage(world, run, files, dataset) for dataset in kind.datasets]
        _stage_figures(world, run, files, kind)
        world.runs.note_brief(run.key, document.brief(kind, files, found[0]))
        world.runs.progress(run.key, None, 25, attempt=attempt)
    return run.formats


@metrics.stage("render")
def render(world: World, key: RunKey, chosen: Format, *, attempt: int = 1) -> None:
    """Make one format from what `query` put on staging."""
    with _noting(world, key, chosen):
        run = world.runs.load(key)
        if run.request.resend:  # the files are those of an earlier run
            return
        world.runs.progress(key, chosen, 30, attempt=attempt)
        files = RunFiles.of(world.staging, key)
        shown = document.document(run, report_type(run.report), files, world.settings.branding)
        limit = world.settings.row_limit if FORMATS[chosen].limited else None
        with files.writing(_file(chosen)) as draft:
            write = renderer(chosen, csv_bom=world.settings.csv_bom)
            draft.rows = write(shown, draft.file, row_limit=limit)
            draft.total_rows = shown.main.rows
        world.runs.progress(key, chosen, 60, attempt=attempt)


@metrics.stage("upload")
def upload(world: World, key: RunKey, chosen: Format, *, attempt: int = 1) -> Artifact | None:
    """Bring one rendered file to S3 and write down what S3 holds; None where an earlier run has brought it."""
    with _noting(world, key, chosen):
        run = world.runs.load(key)
        if run.request.resend:
            return None
        world.runs.progress(key, chosen, 65, attempt=attempt)
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
            world.store.put(
                artifact.object_key,
                content,
                content_type=info.content_type,
                file_name=artifact.file_name,
                tags=tags_of(world.settings.object_tags, run.report),
            )
        world.runs.uploaded(key, artifact)
        metrics.file_arrived(world, chosen, run.report.type, rows=artifact.rows, size=artifact.bytes)
    return artifact


@metrics.stage("email")
def email(world: World, key: RunKey) -> str:
    """Mail what is in S3, each message at most once; return in a word what came of it."""
    world.runs.note_mail(key, None)
    try:
        run = world.runs.load(key)
        return report_mail.mail(world, run, _arrived(world, key))
    except Exception as error:
        world.runs.note_mail(key, _in_words(error))
        raise


def _arrived(world: World, key: RunKey) -> Sequence[Artifact]:
    artifacts = world.runs.artifacts(key)
    if not artifacts:  # they were kept for as long as the operator wants; never an empty mail
        raise StagingMissingError("the files of this run are not in S3 any more: clear from query")
    return artifacts


@metrics.stage("record")
def record(world: World, trigger: Trigger) -> Outcome:
    """Settle the run; where the database is away, leave a note for upkeep on staging."""
    try:
        row = world.definitions.row(trigger.key.report_id)
        world.runs.abandon(admission.opening(trigger, row), settle.NEVER_BEGUN)
        return settle.settle(world, trigger.key)
    except TransientError:
        settle.leave_note(world, trigger)
        raise


def _stage(world: World, run: Run, files: RunFiles, dataset: Dataset) -> int:
    """Stream one dataset to staging; return how many of its rows hold data."""
    with (
        world.source.stream(dataset.sql, _scope(run)) as batches,
        files.writing(document.dataset_file(dataset.name)) as draft,
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
    with files.writing(document.FIGURES) as draft:
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


@contextmanager
def _noting(world: World, key: RunKey, chosen: Format | None) -> Iterator[None]:
    """Write down in plain words why a stage failed, then let the error go on its way."""
    try:
        yield
    except Exception as error:
        world.runs.fail(key, chosen, _in_words(error))
        raise


def _in_words(error: Exception) -> str:
    """What a stranger's exception says may hold a value or an address: only its kind is kept."""
    return str(error) if isinstance(error, ReportsError) else f"{type(error).__name__}; see the task's log"
