"""Make a preview of a stored report as the command line does."""

from __future__ import annotations

import tempfile
from datetime import timedelta
from pathlib import Path

from include.scheduled_reports.adapters.postgres.brands import PostgresBrands
from include.scheduled_reports.adapters.postgres.reports import PostgresDefinitions
from include.scheduled_reports.adapters.postgres.source import PostgresSource
from include.scheduled_reports.adapters.staging import ArrowStaging
from include.scheduled_reports.runs.preview import mail_preview, preview


def preview_stored(dsn, report_id, chosen, at, out, settings):
    row = PostgresDefinitions(dsn).row(report_id)
    assert row is not None
    return preview_row(dsn, row, chosen, at, out, settings=settings)


def preview_row(dsn, row, chosen, at, out, *, settings, timeout=timedelta(minutes=1)):
    with tempfile.TemporaryDirectory() as folder:
        return preview(row, chosen, at, out, settings=settings, **_ports(dsn, row, folder, timeout))


def preview_mail(dsn, row, at, *, settings, timeout=timedelta(minutes=1)):
    with tempfile.TemporaryDirectory() as folder:
        return mail_preview(row, at, settings=settings, **_ports(dsn, row, folder, timeout))


def _ports(dsn, row, folder, timeout):
    return {
        "source": PostgresSource(dsn, timeout),
        "staging": ArrowStaging.local(Path(folder)),
        "brand": PostgresBrands(dsn).of(row["workspace_id"]),
    }
