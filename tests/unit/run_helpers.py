"""Helpers shared by the tests that run the pipeline on the fakes."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from email import message_from_bytes, policy
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

from include.scheduled_reports.domain.errors import ReportsError, RequestError
from include.scheduled_reports.domain.formats import Format
from include.scheduled_reports.domain.run import RunKey, RunKind, RunState, Trigger
from include.scheduled_reports.reports.types.catalog import report_types
from include.scheduled_reports.runs import pipeline
from include.scheduled_reports.settings import Settings

if TYPE_CHECKING:
    from include.scheduled_reports.ports.source import Scope

#: 09:00 in Berlin, the time zone of the report.
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
FOLDER = "ws1/r1/scheduled__2026-05-11T07.3a00.3a00.2b00.3a00"
LIVE = Settings(mail_mode="live", mail_from="Reports <reports@acme.example>")
KIND = report_types()["workspace-activity"]
MEMBERS = {"ws1": frozenset({"ada@acme.example", "bob@acme.example"})}


def manual(**conf):
    return replace(TRIGGER, kind=RunKind.MANUAL, conf=conf)


def days(count=7, *, messages=10):
    """Return the main dataset: one row per day, with zeros for days without activity."""
    numbers = ["active_people", "active_channels", "replies", "reactions", "files_shared"]
    return pa.table(
        {
            "day": pa.array([date(2025, 1, 1) + timedelta(days=number) for number in range(count)], pa.date32()),
            "messages": pa.array([messages] * count, pa.int64()),
            **{name: pa.array([0] * count, pa.int64()) for name in numbers},
        }
    )


class Answers:
    """Data of the application for the queries of a run; records what was asked."""

    def __init__(self):
        figures = {spec.column.name: pa.array([5], pa.int64()) for spec in KIND.figures}
        self.by_name = {
            "figures": pa.table(figures),
            "days": days(),
            "people": pa.table(
                {
                    "person": ["Ada Byron"],
                    "messages": pa.array([70], pa.int64()),
                    "active_days": pa.array([7], pa.int64()),
                    "last_message_at": pa.array([datetime(2026, 5, 10, 20)], pa.timestamp("us")),  # noqa: DTZ001
                }
            ),
            "channels": pa.table({"channel": ["general"], "messages": pa.array([70]), "active_people": pa.array([1])}),
        }
        self.names = {KIND.figures_sql: "figures"} | {dataset.sql: dataset.name for dataset in KIND.datasets}
        self.asked: list[tuple[str, Scope]] = []
        self.errors: dict[str, Exception] = {}

    def __call__(self, sql, scope):
        name = self.names[sql]
        self.asked.append((name, scope))
        if name in self.errors:
            raise self.errors[name]
        return self.by_name[name]


def edit(services, **changes):
    """Change the report's row, as an edit during the run does."""
    services.definitions.content[0].update(changes)


def make(services, trigger=TRIGGER):
    """Run the stages before the mail, one mapped task per format as in Airflow; return the requested formats."""
    formats = pipeline.query(services, trigger)
    for chosen in formats:
        with suppress(ReportsError, RuntimeError):
            pipeline.render(services, trigger.key, chosen)
            pipeline.upload(services, trigger.key, chosen)
    return formats


def walk(services, trigger=TRIGGER):
    """Run all stages as Airflow does; return the outcome."""
    with suppress(ReportsError):
        make(services, trigger)
        if services.runs.artifacts(trigger.key):
            pipeline.email(services, trigger.key)
    return pipeline.record(services, trigger)


def mails(services):
    """Return the sent report mails."""
    return [mail for mail in _sent(services) if mail["X-Scheduled-Report"]]


def envelopes(services):
    """Return the envelopes of the sent report mails."""
    everything = zip(_sent(services), services.mailer.sent, strict=True)
    return [recipients for mail, (_, recipients, _) in everything if mail["X-Scheduled-Report"]]


def notices(services):
    """Return recipients and subject of each notice to the owner."""
    everything = zip(_sent(services), services.mailer.sent, strict=True)
    return [(to.to, mail["Subject"]) for mail, (_, to, _) in everything if mail["X-Scheduled-Report-Notice"]]


def _sent(services):
    return [message_from_bytes(raw, policy=policy.default) for _, _, raw in services.mailer.sent]


def attachments(mail):
    return {part.get_filename(): part.get_payload(decode=True) for part in mail.iter_attachments()}


def text_of(mail):
    return mail.get_body(("plain",)).get_content()


def counts(services):
    kept = services.runs.counters.get("r1", {})
    return tuple(kept.get(name, 0) for name in ("run_count", "success_count", "failure_count"))


def failing(monkeypatch, error, *formats):
    """Make the renderers of some formats fail."""
    real = pipeline.renderer

    def renderer(chosen, **options):
        def fail(*_, **__):
            raise error

        return fail if chosen in formats else real(chosen, **options)

    monkeypatch.setattr(pipeline, "renderer", renderer)


def refused(services, trigger, kind=RequestError):
    """Return the reason why a run is refused; check that nothing was made or sent before."""
    with pytest.raises(kind) as error:
        pipeline.query(services, trigger)
    outcome = pipeline.record(services, trigger)
    assert outcome.state is RunState.FAILED
    assert (services.store.files, services.staging.files, mails(services)) == ({}, {}, [])
    assert all(str(error.value) in reason for reason in outcome.errors.values())
    assert set(outcome.errors) == {Format.CSV, Format.JSON}
    assert counts(services) == (1, 0, 1)
    return str(error.value)
