"""Run all stages of a run on PostgreSQL, with fakes for S3 and mail."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from include.scheduled_reports.adapters.postgres.brands import PostgresBrands
from include.scheduled_reports.adapters.postgres.feedback import PostgresFeedback
from include.scheduled_reports.adapters.postgres.ledger import PostgresLedger
from include.scheduled_reports.adapters.postgres.readers import PostgresReaders
from include.scheduled_reports.adapters.postgres.reports import PostgresDefinitions
from include.scheduled_reports.adapters.postgres.runs import PostgresRuns
from include.scheduled_reports.adapters.postgres.source import PostgresSource
from include.scheduled_reports.adapters.staging import ArrowStaging
from include.scheduled_reports.domain.errors import ReportsError
from include.scheduled_reports.domain.run import RunKey, RunKind, Trigger
from include.scheduled_reports.runs import pipeline
from include.scheduled_reports.settings import Settings
from include.scheduled_reports.testing.services import MemoryServices

if TYPE_CHECKING:
    from pathlib import Path

#: 09:00 in Berlin, the time zone of the report; the window is 4 to 10 May.
MONDAY = datetime(2026, 5, 11, 7, tzinfo=UTC)
TRIGGER = Trigger(
    key=RunKey(report_id="r1", run_id="scheduled__2026-05-11T07:00:00+00:00"),
    kind=RunKind.SCHEDULED,
    scheduled_for=MONDAY,
    conf={},
    user=None,
    clear_number=0,
)
KEY = TRIGGER.key
FOLDER = "s3://memory/ws1/r1/scheduled__2026-05-11T07.3a00.3a00.2b00.3a00"
MESSAGES = """
INSERT INTO channels (id, name, slug, workspace_id, updated_at) VALUES ('c1', 'general', 'general', 'ws1', now());
INSERT INTO messages (id, content, channel_id, author_id, created_at, updated_at) VALUES
    ('x1', 'first', 'c1', 'u1', '2026-05-04 10:00', now()), ('x2', 'second', 'c1', 'u1', '2026-05-05 10:00', now()),
    ('x3', 'early', 'c1', 'u1', '2026-05-03 21:59:59', now()), ('x4', 'late', 'c1', 'u1', '2026-05-10 22:00', now());
"""


def services_on(dsn: str, staging: Path) -> MemoryServices:
    """Return services with PostgreSQL as the database, five seconds after the tick; the rest are fakes."""
    services = MemoryServices(
        source=PostgresSource(dsn),
        settings=Settings(mail_mode="live", mail_from="reports@acme.example"),
        definitions=PostgresDefinitions(dsn),
        staging=ArrowStaging.local(staging),
        moment=MONDAY + timedelta(seconds=5),
    )
    services.runs, services.ledger, services.readers = PostgresRuns(dsn), PostgresLedger(dsn), PostgresReaders(dsn)
    services.feedback, services.brands = PostgresFeedback(dsn), PostgresBrands(dsn)
    return services


def walk(services, trigger=TRIGGER, *, attempt=1):
    """Run all stages as Airflow does; return the outcome."""
    with suppress(ReportsError):
        for chosen in pipeline.query(services, trigger, attempt=attempt):
            with suppress(ReportsError):
                pipeline.render(services, trigger.key, chosen)
                pipeline.upload(services, trigger.key, chosen)
        if services.runs.artifacts(trigger.key):
            pipeline.email(services, trigger.key)
    return pipeline.record(services, trigger)
