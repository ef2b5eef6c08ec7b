"""Runs kept in memory and in PostgreSQL, for the contract tests of port `Retention`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zlib import crc32

import psycopg
import pytest
from psycopg.rows import dict_row

from include.scheduled_reports.adapters.postgres.ledger import PostgresLedger
from include.scheduled_reports.adapters.postgres.readers import PostgresReaders
from include.scheduled_reports.adapters.postgres.retention import PostgresRetention
from include.scheduled_reports.adapters.postgres.runs import PostgresRuns
from include.scheduled_reports.domain.delivery import Delivery, DeliveryState
from include.scheduled_reports.domain.formats import Format
from include.scheduled_reports.domain.naming import execution_id
from include.scheduled_reports.domain.report import Recipients
from include.scheduled_reports.domain.run import Artifact, RunKey, RunKind
from include.scheduled_reports.domain.window import window
from include.scheduled_reports.ports.retention import Removed
from include.scheduled_reports.ports.runs import NewRun
from include.scheduled_reports.reports.parser import parse_row
from include.scheduled_reports.runs import outcome
from include.scheduled_reports.testing.mail import MemoryLedger
from include.scheduled_reports.testing.readers import MemoryReaders
from include.scheduled_reports.testing.reports import MemoryDefinitions
from include.scheduled_reports.testing.retention import Departure, MemoryRetention
from include.scheduled_reports.testing.runs import MemoryRuns
from tests.contract.tables import add_people, add_report, execute
from tests.unit.rows import row

#: Runs settle at the time of the test; old ones are then moved back to OLD.
NOW = datetime.now(UTC)
OLD = NOW - timedelta(days=100)
BEFORE = NOW - timedelta(days=90)
MONDAY = datetime(2026, 5, 11, 7, tzinfo=UTC)
PDF, CSV = Format.PDF, Format.CSV
NO_MAIL = {"wanted": False, "why": "not asked for", "messages": 0}


def key(run_id="run1", report_id="r1"):
    return RunKey(report_id=report_id, run_id=run_id)


K = key()


def tick_of(which):
    """Return a tick of its own for each run, because two runs of the same tick are refused."""
    return MONDAY if which.run_id == "run1" else MONDAY + timedelta(minutes=1 + crc32(which.run_id.encode()) % 100_000)


def new_run(which, *, clear_number=0):
    found = row(id=which.report_id)
    report = parse_row(found)
    return NewRun(
        key=which,
        kind=RunKind.SCHEDULED,
        scheduled_for=tick_of(which),
        triggered_by="system",
        clear_number=clear_number,
        row=found,
        request={},
        window=window(report.date_range, MONDAY, report.timezone),
        formats=(PDF, CSV),
    )


def artifact(which, chosen, bucket="reports"):
    return Artifact(
        format=chosen,
        execution_id=execution_id(which, chosen),
        file_name=f"Weekly activity.{chosen}",
        content_type="text/plain",
        bucket=bucket,
        object_key=f"ws1/{which.report_id}/{which.run_id}/report.{chosen}",
        bytes=10,
        sha256="0" * 64,
        rows=3,
        total_rows=5,
    )


def delivery(which, state):
    return Delivery(
        key=which,
        message="report",
        state=state,
        subject="Numbers",
        recipients=Recipients(to=("ada@acme.example",)),
        mode="attach",
        formats=(PDF, CSV),
    )


class Kept:
    """The setup that both implementations of this suite share."""

    def settle(self, which, *, at=OLD, bucket="reports"):
        """Add a run that has made two files and was settled at *at*."""
        self.runs.open(new_run(which))
        for chosen in (PDF, CSV):
            self.runs.uploaded(which, artifact(which, chosen, bucket))
        self.runs.fix_mail(which, NO_MAIL)
        self.runs.settle(which, outcome.outcome, None)
        self.move(which, settled=at, uploaded=at, started=at)

    def deliver(self, which, state):
        self.ledger.claim(delivery(which, DeliveryState.CLAIMED))
        if state is not DeliveryState.CLAIMED:
            self.ledger.finish(delivery(which, state))


class InMemory(Kept):
    def __init__(self):
        self.ledger = MemoryLedger()
        self.runs = MemoryRuns(self.ledger)
        self.definitions = MemoryDefinitions([row(id="r1"), row(id="r2")])
        self.readers = MemoryReaders()
        self.port = MemoryRetention(self.runs, self.definitions, readers=self.readers)

    def leave(self, report_id, address):
        self.readers.leave(report_id, address)

    def move(self, which, *, settled=None, uploaded=None, started=None):
        kept = self.runs.runs[which].retention
        kept.settled_at = settled or kept.settled_at
        kept.started_at = started or kept.started_at
        if uploaded:
            kept.uploaded = dict.fromkeys(kept.uploaded, uploaded)

    def an_hour_passes(self):
        for run in self.runs.runs.values():
            if run.retention.put_off_at:
                run.retention.put_off_at -= timedelta(hours=1)
        for gone in self.port.departures.values():
            if gone.put_off_at:
                gone.put_off_at -= timedelta(hours=1)

    def delete_report(self, report_id, *, since):
        self.definitions.content = [one for one in self.definitions.content if one["id"] != report_id]
        self.port.departures[report_id] = Departure(since, "ws1")

    def insert_report(self, report_id):
        self.definitions.content.append(row(id=report_id))


class InPostgres(Kept):
    def __init__(self, dsn):
        self.dsn = dsn
        self.ledger, self.runs, self.port = PostgresLedger(dsn), PostgresRuns(dsn), PostgresRetention(dsn)
        self.readers = PostgresReaders(dsn)
        add_people(dsn)
        add_report(dsn, id="r1")
        add_report(dsn, id="r2")

    def leave(self, report_id, address):
        execute(
            self.dsn,
            "INSERT INTO reporting.opt_outs (report_id, workspace_id, mailbox, address, how) "
            "SELECT id, workspace_id, %s, %s, 'page' FROM scheduled_reports WHERE id = %s",
            address, address, report_id,
        )  # fmt: skip

    def move(self, which, *, settled=None, uploaded=None, started=None):
        names = which.report_id, which.run_id
        where = "WHERE report_id = %s AND run_id = %s"
        moments = (
            ("runs", "settled_at", settled),
            ("runs", "started_at", started),
            ("artifacts", "uploaded_at", uploaded),
        )
        for table, column, moment in moments:
            if moment:
                execute(self.dsn, f"UPDATE reporting.{table} SET {column} = %s {where}", moment, *names)

    def an_hour_passes(self):
        for table in ("runs", "departed"):
            execute(self.dsn, f"UPDATE reporting.{table} SET put_off_at = put_off_at - interval '1 hour'")

    def delete_report(self, report_id, *, since):
        execute(self.dsn, "DELETE FROM scheduled_reports WHERE id = %s", report_id)
        execute(self.dsn, "UPDATE reporting.departed SET since = %s WHERE report_id = %s", since, report_id)

    def insert_report(self, report_id):
        add_report(self.dsn, id=report_id)

    def read(self, statement):
        with psycopg.connect(self.dsn, row_factory=dict_row) as connection:
            return connection.execute(statement.encode()).fetchall()

    def count(self, table):
        return self.read(f"SELECT count(*) AS n FROM {table}")[0]["n"]


def due(kept, limit=10):
    return kept.port.runs_with_files(BEFORE, limit=limit)


def all_of_it(found):
    """Delete everything, as a store that accepts every request."""
    return Removed(gone=frozenset(found.files), whole=True)


def nothing_of_it(_):
    """Delete nothing, as a store that refuses every request."""
    return Removed(gone=frozenset(), whole=False)


def never(_=None):
    pytest.fail("this run is not settled")


def drop(kept, which=K, remove=all_of_it):
    return kept.port.drop_files(which, BEFORE, remove)


def drop_rows(kept, limit=10):
    return kept.port.drop_rows(BEFORE, limit=limit)


def departed(kept, before=BEFORE, *, waits_until=OLD, limit=10):
    return kept.port.departed(before, unsettled_before=waits_until, limit=limit)
