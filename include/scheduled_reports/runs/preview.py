"""Render one format of a report as a run would, without recording, uploading or mailing anything."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import replace
from typing import TYPE_CHECKING, BinaryIO, cast

from ..domain.formats import FORMATS
from ..domain.run import Request, Run, RunKey, RunKind, RunState
from ..domain.window import window_of
from ..render import renderer
from ..reports.parser import parse_row
from ..reports.types.catalog import report_type
from . import document
from .query import stage_data
from .staging import RunFiles

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from ..domain.formats import Format
    from ..domain.report import Row
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
) -> int:
    """Write what a run of *row* at *at* would make to *out*; return the rows of its main table.

    The row need not be in the database; *watermark* is that of its report.  Raises RejectedError where the row is not
    valid; *out* is written only when the file is complete.
    """
    run = _run(row, chosen, at, watermark)
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


def _run(row: Row, chosen: Format, at: datetime, watermark: datetime | None) -> Run:
    report = parse_row(row)
    return Run(
        key=RunKey(report_id=report.id, run_id="preview"),
        run_key="preview",
        kind=RunKind.MANUAL,
        state=RunState.RUNNING,
        scheduled_for=at,
        triggered_by="system",
        report=report,
        request=Request(formats=(chosen,)),
        window=window_of(report, at, watermark=watermark),
    )
