"""The run record in memory and in PostgreSQL, for the contract tests of port `Runs`."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zlib import crc32

import psycopg
from psycopg.rows import dict_row

from include.scheduled_reports.adapters.postgres.ledger import PostgresLedger
from include.scheduled_reports.adapters.postgres.runs import PostgresRuns
from include.scheduled_reports.domain.delivery import Delivery, DeliveryState
from include.scheduled_reports.domain.formats import Format
from include.scheduled_reports.domain.naming import execution_id
from include.scheduled_reports.domain.report import Recipients
from include.scheduled_reports.domain.run import (
    Artifact,
    RunKey,
    RunKind,
)
from include.scheduled_reports.domain.window import window
from include.scheduled_reports.ports.runs import NewRun
from include.scheduled_reports.reports.parser import parse_row
from include.scheduled_reports.runs.outcome import outcome as decide_outcome
from include.scheduled_reports.testing.mail import MemoryLedger
from include.scheduled_reports.testing.runs import MemoryRuns
from tests.contract.tables import add_people, add_report
from tests.unit.rows import row

KEY = RunKey(report_id="r1", run_id="scheduled__2026-05-11T07:00:00+00:00")
OTHER = RunKey(report_id="r1", run_id="manual__2026-05-12T07:00:00+00:00")
MONDAY = datetime(2026, 5, 11, 7, tzinfo=UTC)
NEXT = datetime(2026, 5, 18, 7, tzinfo=UTC)
PDF, CSV, HTML = Format.PDF, Format.CSV, Format.HTML
NO_MAIL = {"wanted": False, "why": "not asked for", "messages": 0}


def tick_of(which):
    """Return a tick of its own for each run, because two runs of the same tick are refused."""
    return (
        MONDAY if which.run_id == KEY.run_id else MONDAY + timedelta(minutes=1 + crc32(which.run_id.encode()) % 100_000)
    )


def new_run(key=KEY, *, clear_number=0, request=None, formats=(PDF, CSV), **changes):
    report = parse_row(row(id="r1", **changes))
    return NewRun(
        key=key,
        kind=RunKind.SCHEDULED,
        scheduled_for=tick_of(key),
        triggered_by="system",
        clear_number=clear_number,
        row=row(id="r1", **changes),
        request=request or {},
        window=window(report.date_range, MONDAY, report.timezone),
        formats=formats,
    )


def refused(key=KEY, *, clear_number=0, formats=(PDF, CSV), gone=False):
    return replace(
        new_run(key, clear_number=clear_number),
        row=None if gone else row(id="r1"),
        window=None,
        formats=() if gone else formats,
    )


def artifact(chosen, *, key=KEY, size=10):
    return Artifact(
        format=chosen,
        execution_id=execution_id(key, chosen),
        file_name=f"Weekly activity.{chosen}",
        content_type="text/plain",
        bucket="reports",
        object_key=f"ws1/r1/run/report.{chosen}",
        bytes=size,
        sha256="0" * 64,
        rows=3,
        total_rows=5,
    )


def delivery(state, key=KEY):
    return Delivery(
        key=key,
        message="report",
        state=state,
        subject="Numbers",
        recipients=Recipients(to=("ada@acme.example",)),
        mode="attach",
        formats=(PDF, CSV),
        message_id="ses-1" if state is DeliveryState.SENT else None,
    )


class Memory:
    """The record in memory."""

    def __init__(self):
        self.ledger = MemoryLedger()
        self.port = MemoryRuns(self.ledger)

    def counters(self):
        kept = self.port.counters.get("r1", {})
        counts = [kept.get(name, 0) for name in ("run_count", "success_count", "failure_count")]
        return (*counts, kept.get("last_run_status"), kept.get("last_error"))

    def next_run(self):
        return self.port.counters["r1"]["next_run"]


class Postgres:
    """The record in PostgreSQL."""

    def __init__(self, dsn):
        self.dsn, self.port, self.ledger = dsn, PostgresRuns(dsn), PostgresLedger(dsn)
        add_people(dsn)
        add_report(dsn, id="r1")

    def _read(self):
        with psycopg.connect(self.dsn, row_factory=dict_row) as connection:
            return connection.execute("SELECT * FROM scheduled_reports WHERE id = 'r1'").fetchone()

    def counters(self):
        kept = self._read()
        names = ("run_count", "success_count", "failure_count", "last_run_status", "last_error")
        return tuple(kept[name] for name in names)

    def next_run(self):
        moment = self._read()["next_run"]
        return moment and moment.replace(tzinfo=UTC)


def settled(runs, key=KEY, next_run=NEXT):
    """Settle a run as `record` does; return the outcome and the snapshot it is based on."""
    seen = []

    def decide(snapshot):
        seen.append(snapshot)
        return decide_outcome(snapshot)

    outcome = runs.settle(key, decide, next_run)
    (snapshot,) = seen
    return outcome, snapshot


def succeed(runs, key=KEY, *, clear_number=0):
    runs.open(new_run(key, clear_number=clear_number))
    for chosen in (PDF, CSV):
        runs.uploaded(key, artifact(chosen, key=key))
    runs.fix_mail(key, NO_MAIL)
    return settled(runs, key)[0]


def fail(runs, key=KEY, *, clear_number=0):
    runs.open(new_run(key, clear_number=clear_number))
    runs.fail(key, None, "out of paper")
    return settled(runs, key)[0]


def key_of(number):
    return replace(KEY, run_id=f"run-{number}")


def told(record, number, name):
    claim = replace(
        delivery(DeliveryState.CLAIMED, key_of(number)), message=name, recipients=Recipients(to=("o@x.de",))
    )
    record.ledger.claim(claim)
    record.ledger.finish(replace(claim, state=DeliveryState.SENT))
