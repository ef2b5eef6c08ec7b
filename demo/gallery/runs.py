"""Run one scene through the real pipeline, with a store and a mailer in memory."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from shutil import rmtree
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from include.scheduled_reports.adapters.postgres.reports import PostgresDefinitions
from include.scheduled_reports.adapters.postgres.source import PostgresSource
from include.scheduled_reports.domain.run import RunKey, RunKind, Trigger
from include.scheduled_reports.runs import pipeline
from include.scheduled_reports.settings import Settings
from include.scheduled_reports.testing.services import MemoryServices

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .scenes import Scene

HERE = Path(__file__).parent
SENDER = "Reports <reports@acme-robotics.example>"


@dataclass(frozen=True, kw_only=True, slots=True)
class Arrival:
    """The files and the email of a scene."""

    scene: Scene
    files: tuple[Path, ...]
    mail: Path | None


def arrival(dsn: str, scene: Scene, until: date, folder: Path) -> Arrival:
    """Run the report on the morning after *until*, and write its files and email to *folder*."""
    if scene.sql:
        with psycopg.connect(dsn) as connection:
            connection.execute((HERE / scene.sql).read_bytes())
    _set_up(dsn, scene.report, {"email_enabled": True, "email_include_preview": True, **scene.row})
    _set_options(dsn, scene.report, scene.options)
    at = datetime.combine(until + timedelta(days=1), time(7), UTC)
    settings: dict[str, Any] = {"mail_mode": "live", "mail_from": SENDER, **scene.settings}
    services = MemoryServices(
        source=PostgresSource(dsn), definitions=PostgresDefinitions(dsn), settings=Settings(**settings), moment=at
    )
    if scene.brand is not None:
        row = services.definitions.row(scene.report)
        assert row is not None  # see `_set_up`
        services.brands.held[row["workspace_id"]] = scene.brand
    key = RunKey(report_id=scene.report, run_id=f"scheduled__{at.isoformat()}")
    conf = {"formats": list(scene.formats), "mail": True}
    trigger = Trigger(key=key, kind=RunKind.MANUAL, scheduled_for=at, conf=conf, user=None, clear_number=0)
    for chosen in pipeline.query(services, trigger):
        pipeline.render(services, key, chosen)
        pipeline.upload(services, key, chosen)
    pipeline.email(services, key)
    rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    files = tuple(
        _written(folder / artifact.file_name, services.store.files[artifact.object_key])
        for artifact in services.runs.artifacts(key)
    )
    mails = [raw for _, _, raw in services.mailer.sent]
    return Arrival(scene=scene, files=files, mail=_written(folder / "mail.eml", mails[0]) if mails else None)


def _written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def _set_options(dsn: str, report: str, options: Mapping[str, Any]) -> None:
    with psycopg.connect(dsn) as connection:
        connection.execute(
            "UPDATE reporting.report_options SET options = %s WHERE report_id = %s", [Jsonb(dict(options)), report]
        )


def _set_up(dsn: str, report: str, row: Mapping[str, Any]) -> None:
    """Change the report's row in the gallery's database."""
    values = {name: Jsonb(value) if isinstance(value, dict) else value for name, value in row.items()}
    sets = sql.SQL(", ").join(sql.SQL("{} = {}").format(sql.Identifier(name), sql.Placeholder(name)) for name in values)
    with psycopg.connect(dsn) as connection:
        done = connection.execute(
            sql.SQL("UPDATE scheduled_reports SET {} WHERE id = {}").format(sets, sql.Placeholder("report_id")),
            values | {"report_id": report},
        )
        if done.rowcount != 1:
            raise RuntimeError(f"the sample data has no report {report}")
