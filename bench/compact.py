"""Benchmark the peak memory of a compact run against the stages of a staged one, each in its own process.

`python -m bench.compact STAGE DSN FOLDER` runs one stage, or `report`, which does them all.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from include.scheduled_reports.domain.formats import Format
from include.scheduled_reports.domain.run import RunKey, RunKind, Trigger

from .data import COLUMNS, ROWS, TABLE
from .measure import Line, bounded, in_a_process, timed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

    from include.scheduled_reports.testing.services import MemoryServices

MODULE = "bench.compact"
NOW = datetime(2026, 5, 11, 7, tzinfo=UTC)
KEY = RunKey(report_id="bench", run_id="manual__bench")
TRIGGER = Trigger(key=KEY, kind=RunKind.MANUAL, scheduled_for=NOW, conf={}, user="bench", clear_number=0)
STAGES = ("query", *(f"render {one}" for one in Format))
TYPE = """
title: Bench
description: Rows of all types.
parameters: []
figures:
  sql: figures.sql
  columns:
    - {{name: rows, title: Rows, type: integer}}
datasets:
  - name: rows
    title: Rows
    sql: rows.sql
    columns:
{columns}
"""
REPORT = """
INSERT INTO scheduled_reports (id, name, "reportType", cron_expression, timezone, is_active, status, export_formats,
    parameters, email_enabled, workspace_id, created_by_id, updated_at)
SELECT 'bench', 'Bench', 'bench-rows', '0 7 * * 1', 'UTC', true, 'ACTIVE', '{csv,json,excel,html,pdf}', '{}', false,
       m.workspace_id, m.user_id, now()
FROM workspace_members m JOIN users u ON u.id = m.user_id
WHERE m.workspace_id = 'demo-workspace-acme' AND m.role = 'OWNER' AND u.status <> 'SUSPENDED'
LIMIT 1
"""


@dataclass
class Discarding:
    """Port `Store` that reads what it is given and keeps nothing."""

    bucket: str = "bench"

    def put(self, key: str, content: BinaryIO, **_: Any) -> None:  # noqa: ARG002
        """Read the content."""
        while content.read(1024 * 1024):
            pass


def lines(folder: Path, rows: int) -> Iterator[Line]:
    """Measure every stage in its own process, then all of them in one."""
    from demo import postgres

    for server in postgres.running(folder / "postgres" / "data"):
        dsn = server.create_database("compact")
        fill(dsn, folder, rows, REPORT)
        found = {stage: in_a_process(MODULE, stage, dsn, str(folder)) for stage in STAGES}
        largest = max(found, key=lambda stage: found[stage].peak_mb)
        _forget(dsn)
        compact = in_a_process(MODULE, "report", dsn, str(folder))
        note = f"{compact.peak_mb} MB, and {found[largest].peak_mb} MB in {largest}"
        what = "peak memory of a compact run of five formats, against the largest stage"
        yield bounded("data", what, rows, compact.peak_mb / found[largest].peak_mb, "times", "<= 1.25", note=note)


def fill(dsn: str, folder: Path, rows: int, report: str) -> None:
    """Make a report type, its data, and a report, which an INSERT describes."""
    import psycopg

    from include.scheduled_reports.sample_data.seed import seed

    seed(dsn, until=date(2026, 5, 10), reports=0, messages=1_000)
    kind = folder / "types" / "bench-rows"
    kind.mkdir(parents=True)
    columns = [
        f"      - {{name: {one.name}, title: {one.title}, type: {one.type}, scale: {one.scale}}}" for one in COLUMNS
    ]
    plain = "\n".join(line.replace(", scale: 0", "") for line in columns)
    (kind / "report.yaml").write_text(TYPE.format(columns=plain))
    # Every query has to be bound to a workspace.
    bound = ROWS.replace("ORDER BY", "WHERE current_setting('report.workspace_id') <> '' ORDER BY")
    (kind / "rows.sql").write_text(bound)
    (kind / "figures.sql").write_text(f"SELECT count(*) AS rows FROM ({bound}) _")
    with psycopg.connect(dsn) as connection:
        connection.execute(TABLE.replace("%s", str(rows)).encode())
        connection.execute(report.encode())


def _forget(dsn: str) -> None:
    import psycopg

    with psycopg.connect(dsn) as connection:
        connection.execute("DELETE FROM reporting.runs")


def services_of(dsn: str, folder: Path) -> MemoryServices:
    """PostgreSQL and staging are real, as in a task."""
    import os

    from include.scheduled_reports.adapters.postgres.ledger import PostgresLedger
    from include.scheduled_reports.adapters.postgres.reports import PostgresDefinitions
    from include.scheduled_reports.adapters.postgres.runs import PostgresRuns
    from include.scheduled_reports.adapters.postgres.source import PostgresSource
    from include.scheduled_reports.adapters.postgres.stages import PostgresStages
    from include.scheduled_reports.adapters.staging import ArrowStaging
    from include.scheduled_reports.settings import Settings
    from include.scheduled_reports.testing.services import MemoryServices

    os.environ["SCHEDULED_REPORTS__REPORT_TYPES"] = str(folder / "types")
    services = MemoryServices(
        source=PostgresSource(dsn),
        settings=Settings(report_types=str(folder / "types")),
        definitions=PostgresDefinitions(dsn),
        staging=ArrowStaging.local(folder / "staging"),
        store=Discarding(),  # type: ignore[arg-type]  # a run only puts files
        moment=NOW + timedelta(seconds=5),
    )
    services.runs, services.stages = PostgresRuns(dsn), PostgresStages(dsn)  # type: ignore[assignment]
    services.ledger = PostgresLedger(dsn)  # type: ignore[assignment]
    return services


def run(stage: str, services: MemoryServices) -> None:
    """Run one stage of the benchmark's run."""
    from include.scheduled_reports.runs import compact, pipeline

    if stage == "report":
        compact.report(services, TRIGGER)
    elif stage == "query":
        pipeline.query(services, TRIGGER)
    else:
        pipeline.render(services, KEY, Format(stage.removeprefix("render ")))


if __name__ == "__main__":
    # As in a task, whose process is forked from one that has imported what every task needs.
    from include.scheduled_reports.orchestration.preload import FOR_TASKS

    for step in FOR_TASKS:
        step()
    served = services_of(sys.argv[2], Path(sys.argv[3]))
    print(timed(lambda: run(sys.argv[1], served)))
