"""One report in one format, queried and rendered as its DAG would, with nothing recorded, uploaded or mailed."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from . import pipeline
from .adapters.definitions import PostgresDefinitions
from .adapters.memory import MemoryWorld
from .adapters.source import PostgresSource
from .adapters.staging import ArrowStaging
from .model import RunKey, RunKind, Trigger
from .render import FORMATS
from .staged import RunFiles

if TYPE_CHECKING:
    from datetime import datetime

    from .model import Format
    from .settings import Settings


def preview(dsn: str, report_id: str, chosen: Format, at: datetime, out: Path, settings: Settings) -> int:
    """Write the report as a run at *at* would have made it to *out*; returns the rows of its main table."""
    key = RunKey(report_id=report_id, run_id="preview")
    trigger = Trigger(
        key=key, kind=RunKind.MANUAL, scheduled_for=at, conf={"formats": [str(chosen)]}, user=None, clear_number=0
    )
    with tempfile.TemporaryDirectory() as folder:
        world = MemoryWorld(
            source=PostgresSource(dsn),
            definitions=PostgresDefinitions(dsn),
            staging=ArrowStaging.local(Path(folder)),
            settings=settings,
            moment=at,
        )
        pipeline.query(world, trigger)
        pipeline.render(world, key, chosen)
        files, name = RunFiles.of(world.staging, key), f"report.{FORMATS[chosen].extension}"
        with files.open(name) as content, out.open("wb") as file:
            shutil.copyfileobj(content, file)
        return files.manifest(name).rows
