"""Make one file, or the mail, of a report as a run would, without recording, uploading or mailing anything."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import replace
from io import SEEK_END
from typing import TYPE_CHECKING, BinaryIO, cast

from ..domain import naming
from ..domain.formats import FORMATS
from ..domain.run import Artifact, Request, Run, RunKey, RunKind, RunState
from ..domain.window import window_of
from ..mail.preview import preview as preview_mail
from ..render import renderer
from ..reports.parser import parse_row
from ..reports.types.catalog import report_type
from . import document
from .query import stage_data
from .staging import RunFiles

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from ..domain.brand import Brand
    from ..domain.delivery import MailPreview
    from ..domain.formats import Format
    from ..domain.report import Row
    from ..domain.report_type import ReportType
    from ..ports.source import Source
    from ..ports.storage import Staging
    from ..settings import Settings


def preview(  # noqa: PLR0913 - what a run is made of
    row: Row,
    chosen: Format,
    at: datetime,
    out: Path,
    *,
    source: Source,
    staging: Staging,
    settings: Settings,
    watermark: datetime | None = None,
    brand: Brand | None = None,
) -> int:
    """Write what a run of *row* at *at* would make to *out*; return the rows of its main table.

    The row need not be in the database; *watermark* is that of its report, *brand* that of its workspace.  Raises
    RejectedError where the row is not valid; *out* is written only when the file is complete.
    """
    run = _run(row, (chosen,), at, watermark, brand)
    kind = report_type(run.report)
    if FORMATS[chosen].main_only:  # other queries would only take time: a run stages them for its email
        kind = kind.only_main
    files = RunFiles.of(staging, run.key)
    data_rows = stage_data(source, run, files, kind)[kind.main.name]
    if kind.figures:
        run = replace(run, mail_summary=document.mail_summary(kind, files, data_rows))
    shown = document.document(run, kind, files, settings)
    write = renderer(chosen, csv_bom=settings.csv_bom)
    with tempfile.TemporaryFile() as draft:
        limit = settings.row_limit if FORMATS[chosen].limited else None
        rows = write(shown, cast("BinaryIO", draft), row_limit=limit)
        draft.seek(0)
        with out.open("wb") as file:
            shutil.copyfileobj(draft, file)
    return rows


def mail_preview(  # noqa: PLR0913 - what a run is made of
    row: Row,
    at: datetime,
    *,
    source: Source,
    staging: Staging,
    settings: Settings,
    watermark: datetime | None = None,
    brand: Brand | None = None,
) -> MailPreview:
    """The mail of a run of *row* at *at*; all its files are made, because the mail says how large they are."""
    run = _run(row, None, at, watermark, brand)
    kind = report_type(run.report)
    files = RunFiles.of(staging, run.key)
    data_rows = stage_data(source, run, files, kind)[kind.main.name]
    run = replace(run, mail_summary=document.mail_summary(kind, files, data_rows))
    artifacts = [_artifact(run, chosen, kind, files, settings) for chosen in run.formats]
    return preview_mail(settings, run, artifacts, document.document_for_mail(run, kind, settings), at)


def _artifact(run: Run, chosen: Format, kind: ReportType, files: RunFiles, settings: Settings) -> Artifact:
    """Make a file and describe it."""
    info = FORMATS[chosen]
    shown = document.document(run, kind.only_main if info.main_only else kind, files, settings)
    with tempfile.TemporaryFile() as draft:
        limit = settings.row_limit if info.limited else None
        rows = renderer(chosen, csv_bom=settings.csv_bom)(shown, cast("BinaryIO", draft), row_limit=limit)
        size = draft.seek(0, SEEK_END)
    return Artifact(
        format=chosen,
        execution_id="",
        file_name=naming.file_name(run.report, run.window, info.extension),
        content_type=info.content_type,
        bucket="",
        object_key="",
        bytes=size,
        sha256="",
        rows=rows,
        total_rows=shown.main.rows,
    )


def _run(
    row: Row, formats: tuple[Format, ...] | None, at: datetime, watermark: datetime | None, brand: Brand | None
) -> Run:
    report = parse_row(row)
    return Run(
        key=RunKey(report_id=report.id, run_id="preview"),
        run_key="preview",
        kind=RunKind.MANUAL,
        state=RunState.RUNNING,
        scheduled_for=at,
        triggered_by="system",
        report=report,
        request=Request(formats=formats),
        window=window_of(report, at, watermark=watermark),
        brand=brand,
    )
