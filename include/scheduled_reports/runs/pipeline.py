"""The five stages of a run as plain functions over ports; orchestration/ gives each a task.

Each stage commits its own outcome, so that whatever dies, `settle` finds what was done.
"""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from ..domain import naming
from ..domain.errors import ReportsError, StagingMissingError, TransientError
from ..domain.formats import FORMATS
from ..domain.run import Artifact, RunKey
from ..mail import report_mail
from ..monitoring import metrics
from ..render import renderer
from ..reports.types.catalog import report_type
from ..settings.object_tags import tags_of
from . import admission, document, settle
from .query import stage_dataset, stage_figures
from .staging import RunFiles
from .unrecorded import leave_note

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ..domain.formats import Format
    from ..domain.run import Outcome, Trigger
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
        found = [stage_dataset(world.source, run, files, dataset) for dataset in kind.datasets]
        stage_figures(world.source, run, files, kind)
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
        shown = partial(document.briefed, run, report_type(run.report), world.settings.branding)
        return report_mail.mail(world, run, _arrived(world, key), shown)
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
        leave_note(world, trigger)
        raise


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
