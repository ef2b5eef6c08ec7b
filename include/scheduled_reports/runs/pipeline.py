"""The five stages of a run as plain functions over ports; each is the body of one Airflow task.

Each stage commits its own outcome, so that `settle` finds what was done even if a process dies.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from ..domain import naming
from ..domain.errors import ReportsError, StagingMissingError, TransientError
from ..domain.formats import FORMATS
from ..domain.run import Artifact, RunKey
from ..mail import report_mail
from ..monitoring import metrics
from ..render import renderer
from ..reports.types.catalog import report_type
from ..settings.object_tags import tags_of
from . import admission, conditions, document, settle
from .late_runs import made_by_upkeep, recognised
from .needs import needed
from .query import stage_data
from .requests import requested
from .staging import RunFiles
from .unrecorded import leave_note

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ..domain.formats import Format
    from ..domain.run import Outcome, Trigger
    from ..ports.services import Services


@metrics.stage("query")
def query(services: Services, trigger: Trigger, *, attempt: int = 1) -> tuple[Format, ...]:
    """Freeze the row, create the executions, write every dataset to staging; return the formats to render.

    Raises SkipRunError if the tick must not run, PermanentError if the run cannot.
    """
    run = admission.enter(services, trigger)
    if run.request.resend:
        services.runs.adopt(run.key, RunKey(report_id=run.key.report_id, run_id=run.request.resend))
        return run.formats
    if run.mail_summary is not None and is_staged(services, run.key):  # an earlier attempt ended just after its work
        return run.formats
    with _noting(services, run.key, None):
        services.runs.progress(run.key, None, 5, attempt=attempt)
        kind = needed(run, report_type(run.report))
        files = RunFiles.of(services.staging, run.key)
        data_rows = stage_data(services.source, run, files, kind)
        verdict = conditions.judge(services, run, kind, files, data_rows)
        summary = document.mail_summary(kind, files, data_rows[kind.main.name])
        services.runs.note_mail_summary(run.key, replace(summary, lead=conditions.with_reasons(verdict, summary.lead)))
        services.runs.progress(run.key, None, 25, attempt=attempt)
    return run.formats


def is_staged(services: Services, key: RunKey) -> bool:
    """Whether everything that `query` has read for a run is still on staging."""
    run = services.runs.load(key)
    files = RunFiles.of(services.staging, key)
    return all(map(files.has, document.staged_files(needed(run, report_type(run.report)))))


@metrics.stage("render")
def render(services: Services, key: RunKey, chosen: Format, *, attempt: int = 1) -> None:
    """Render one format from the staged datasets."""
    with _noting(services, key, chosen):
        run = services.runs.load(key)
        if run.request.resend:  # the files of an earlier run are mailed
            return
        services.runs.progress(key, chosen, 30, attempt=attempt)
        files = RunFiles.of(services.staging, key)
        kind = needed(run, report_type(run.report))
        shown = document.document(run, kind.only_main if FORMATS[chosen].main_only else kind, files, services.settings)
        limit = services.settings.row_limit if FORMATS[chosen].limited else None
        with files.writing(_file(chosen)) as draft:
            write = renderer(chosen, csv_bom=services.settings.csv_bom)
            draft.rows = write(shown, draft.file, row_limit=limit)
            draft.total_rows = shown.main.rows
        services.runs.progress(key, chosen, 60, attempt=attempt)


@metrics.stage("upload")
def upload(services: Services, key: RunKey, chosen: Format, *, attempt: int = 1) -> Artifact | None:
    """Upload one rendered file to S3 and record it; return None for a resend, whose files exist already."""
    with _noting(services, key, chosen):
        run = services.runs.load(key)
        if run.request.resend:
            return None
        services.runs.progress(key, chosen, 65, attempt=attempt)
        files = RunFiles.of(services.staging, key)
        staged = files.manifest(_file(chosen))
        info = FORMATS[chosen]
        artifact = Artifact(
            format=chosen,
            execution_id=naming.execution_id(key, chosen),
            file_name=naming.file_name(run.report, run.window, info.extension),
            content_type=info.content_type,
            bucket=services.store.bucket,
            object_key=naming.object_key(run.report, run.run_key, info.extension),
            bytes=staged.bytes,
            sha256=staged.sha256,
            rows=staged.rows,
            total_rows=staged.total_rows,
        )
        with files.open(_file(chosen)) as content:
            services.store.put(
                artifact.object_key,
                content,
                content_type=info.content_type,
                file_name=artifact.file_name,
                tags=tags_of(services.settings.object_tags, run.report),
            )
        services.runs.uploaded(key, artifact)
        metrics.file_uploaded(services, chosen, run.report.type, rows=artifact.rows, size=artifact.bytes)
    return artifact


@metrics.stage("email")
def email(services: Services, key: RunKey, *, conf: Mapping[str, Any] | None = None, last: bool = False) -> str:
    """Mail the uploaded files, each message at most once; return the result in a few words.

    *conf* is what Airflow holds of the run's request; in the *last* attempt nobody is waited for.
    """
    services.runs.note_mail(key, None)
    try:
        if conf and made_by_upkeep(services, key):  # nobody asks anything of such a run
            conf = {}
        run = requested(services, services.runs.load(key), conf)
        shown = partial(document.document_for_mail, run, report_type(run.report), services.settings)
        return report_mail.mail(services, run, _arrived(services, key), shown, last=last)
    except Exception as error:
        services.runs.note_mail(key, in_words(error))
        raise


def _arrived(services: Services, key: RunKey) -> Sequence[Artifact]:
    artifacts = services.runs.artifacts(key)
    if not artifacts:  # retention removed them; never send an empty mail
        raise StagingMissingError("the files of this run are no longer in S3: clear from query")
    return artifacts


@metrics.stage("record")
def record(services: Services, trigger: Trigger) -> Outcome:
    """Settle the run; if the database is unavailable, leave a note on staging for upkeep."""
    try:
        row = services.definitions.row(trigger.key.report_id)
        services.runs.abandon(admission.new_run(recognised(services, trigger), row), settle.NEVER_BEGUN)
        return settle.settle(services, trigger.key, clear_number=trigger.clear_number)
    except TransientError:
        leave_note(services, trigger)
        raise


def _file(chosen: Format) -> str:
    return f"report.{FORMATS[chosen].extension}"


@contextmanager
def _noting(services: Services, key: RunKey, chosen: Format | None) -> Iterator[None]:
    """Record why a stage failed, and re-raise the error."""
    try:
        yield
    except Exception as error:
        services.runs.fail(key, chosen, in_words(error))
        raise


def in_words(error: Exception) -> str:
    """The error's message; only the type of third-party errors, whose messages may contain values or addresses."""
    return str(error) if isinstance(error, ReportsError) else f"{type(error).__name__}; see the task's log"
