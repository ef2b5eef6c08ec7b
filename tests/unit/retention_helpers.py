"""Helpers shared by the tests of retention."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pyarrow as pa

from include.scheduled_reports.domain.errors import ConfigurationError
from include.scheduled_reports.domain.formats import Format
from include.scheduled_reports.domain.run import RunKey, RunKind, Trigger
from include.scheduled_reports.reports.types.catalog import report_types
from include.scheduled_reports.runs import pipeline
from include.scheduled_reports.upkeep.retention import Retained, retain

MONDAY = datetime(2026, 5, 11, 7, tzinfo=UTC)
KIND = report_types()["workspace-activity"]
#: Just long enough to exceed each retention period of the default settings.
FILES, ROWS, STAGING, ERASE = (timedelta(days=days, seconds=1) for days in (90, 400, 1, 7))


def answer(sql, _):
    """Answer a query with one row of every declared column."""
    if sql == KIND.figures_sql:
        return pa.table({spec.column.name: pa.array([1], pa.int64()) for spec in KIND.figures})
    (dataset,) = (one for one in KIND.datasets if one.sql == sql)
    samples = {"text": "x", "date": MONDAY.date(), "timestamp": MONDAY.replace(tzinfo=None)}
    return pa.table({column.name: pa.array([samples.get(column.type, 1)]) for column in dataset.columns})


def trigger(run_id="run1", report_id="r1", clear_number=0):
    return Trigger(
        key=RunKey(report_id=report_id, run_id=run_id),
        kind=RunKind.MANUAL,
        scheduled_for=MONDAY,
        conf={},
        user=None,
        clear_number=clear_number,
    )


def run(services, which=None, *, stops_after=None):
    """Run the stages of a run, all or up to *stops_after*; return its trigger."""
    which = which or trigger()
    stages = {
        "query": lambda: pipeline.query(services, which),
        "render": lambda: [pipeline.render(services, which.key, one) for one in (Format.CSV, Format.JSON)],
        "upload": lambda: [pipeline.upload(services, which.key, one) for one in (Format.CSV, Format.JSON)],
        "email": lambda: pipeline.email(services, which.key),
        "record": lambda: pipeline.record(services, which),
    }
    for name, stage in stages.items():
        stage()
        if name == stops_after:
            break
    return which


def fail(services, which=None):
    """Run a run that fails before it makes files; its staging is kept."""
    which = run(services, which, stops_after="query")
    pipeline.record(services, which)
    return which


def after(services, passed):
    services.moment = MONDAY + passed
    return retain(services)


def folders(services):
    return [folder.name for folder in services.staging.folders()]


def objects(services):
    return sorted(services.store.files)


def refuse(services, monkeypatch, *keys):
    """Make the store refuse to delete these keys."""
    real = type(services.store).delete

    def delete(store, key):
        if key in keys:
            raise ConfigurationError("S3 refused it: AccessDenied")
        real(store, key)

    monkeypatch.setattr(type(services.store), "delete", delete)


def nothing(done):
    return done == Retained()
