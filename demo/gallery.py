"""`make gallery`: what arrives, as pictures to look at, without Airflow."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, time
from email import message_from_bytes
from email.policy import default
from shutil import rmtree
from typing import TYPE_CHECKING

import pypdfium2

from include.scheduled_reports import pipeline
from include.scheduled_reports.adapters.definitions import PostgresDefinitions
from include.scheduled_reports.adapters.memory import MemoryWorld
from include.scheduled_reports.adapters.source import PostgresSource
from include.scheduled_reports.model import RunKey, RunKind, Trigger
from include.scheduled_reports.sample.seed import seed
from include.scheduled_reports.settings import Settings

from . import postgres
from .stack import CHECKOUT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FOLDER = CHECKOUT / ".demo" / "gallery"
REPORTS = ("demo-report-weekly-activity", "demo-report-daily-channels")
SCALE = 1.3


def main() -> int:
    """Write every file of the two reports, and a picture of each page and mail."""
    rmtree(FOLDER, ignore_errors=True)
    today = datetime.now(UTC).date()
    for server in postgres.running(FOLDER / "postgres" / "data"):
        dsn = server.create_database("gallery")
        seed(dsn, until=today)
        for report_id in REPORTS:
            for path in _paint(dsn, report_id, datetime.combine(today, time(9), UTC)):
                print(path)
    rmtree(FOLDER / "postgres")
    return 0


def _paint(dsn: str, report_id: str, at: datetime) -> Iterator[Path]:
    """Run a report with a mailer that only keeps, and picture what it kept."""
    world = MemoryWorld(
        source=PostgresSource(dsn),
        definitions=PostgresDefinitions(dsn),
        settings=Settings(mail_mode="live", mail_from="Reports <reports@neolith.example>"),
        moment=at,
    )
    key = RunKey(report_id=report_id, run_id="gallery")
    trigger = Trigger(key=key, kind=RunKind.MANUAL, scheduled_for=at, conf={}, user=None, clear_number=0)
    for chosen in pipeline.query(world, trigger):
        pipeline.render(world, key, chosen)
        pipeline.upload(world, key, chosen)
    pipeline.email(world, key)
    for artifact in world.runs.artifacts(key):
        path = FOLDER / report_id / artifact.file_name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(world.store.files[artifact.object_key])
        yield path
        if path.suffix == ".pdf":
            yield from _pages(path)
    for _, _, raw in world.mailer.sent:
        yield from _mail(raw, FOLDER / report_id / "mail.eml")


def _mail(raw: bytes, path: Path) -> Iterator[Path]:
    from weasyprint import HTML  # noqa: PLC0415 - a second that only this picture needs

    path.write_bytes(raw)
    yield path
    body = message_from_bytes(raw, policy=default).get_body(("html",))
    assert body is not None
    picture = path.with_name("mail.pdf")
    HTML(string=body.get_content()).write_pdf(picture)
    yield from _pages(picture)
    picture.unlink()


def _pages(path: Path) -> Iterator[Path]:
    document = pypdfium2.PdfDocument(path)
    for number in range(len(document)):
        page = path.with_suffix(f".{number + 1}.png")
        document[number].render(scale=SCALE).to_pil().save(page)
        yield page
    document.close()


if __name__ == "__main__":
    sys.exit(main())
