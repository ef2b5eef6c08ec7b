"""One report in one format, queried and rendered as its DAG would, with nothing recorded, uploaded or mailed."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from ..adapters.postgres.reports import PostgresDefinitions
from ..adapters.postgres.source import PostgresSource
from ..adapters.staging import ArrowStaging
from ..domain.errors import PermanentError
from ..domain.formats import FORMATS
from ..domain.run import RunKey, RunKind, Trigger
from ..testing.runs import MemoryDefinitions, MemoryWorld
from . import pipeline
from .staging import RunFiles

if TYPE_CHECKING:
    from datetime import datetime

    from ..domain.formats import Format
    from ..domain.report import Row
    from ..settings import Settings

#: Where nobody waits before a screen.
PATIENCE = timedelta(minutes=10)


def preview(dsn: str, report_id: str, chosen: Format, at: datetime, out: Path, settings: Settings) -> int:
    """Write the report as a run at *at* would have made it to *out*; returns the rows of its main table."""
    row = PostgresDefinitions(dsn).row(report_id)
    if row is None:
        raise PermanentError("the report has been deleted")
    return preview_row(dsn, row, chosen, at, out, settings=settings)


def preview_row(  # noqa: PLR0913 - what a run is made of
    dsn: str,
    row: Row,
    chosen: Format,
    at: datetime,
    out: Path,
    *,
    settings: Settings,
    timeout: timedelta = PATIENCE,
) -> int:
    """The same for a row that need not be in the database; *timeout* bounds each of its queries."""
    key = RunKey(report_id=row["id"], run_id="preview")
    trigger = Trigger(
        key=key, kind=RunKind.MANUAL, scheduled_for=at, conf={"formats": [str(chosen)]}, user=None, clear_number=0
    )
    with tempfile.TemporaryDirectory() as folder:
        world = MemoryWorld(
            source=PostgresSource(dsn, timeout),
            definitions=MemoryDefinitions([row]),
            staging=ArrowStaging.local(Path(folder)),
            settings=replace(settings, mail_mode="off"),
            moment=at,
        )
        pipeline.query(world, trigger)
        pipeline.render(world, key, chosen)
        files, name = RunFiles.of(world.staging, key), f"report.{FORMATS[chosen].extension}"
        with files.open(name) as content, out.open("wb") as file:
            shutil.copyfileobj(content, file)
        return files.manifest(name).rows
