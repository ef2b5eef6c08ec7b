"""Measure what a large fleet costs while nothing runs: a round of upkeep, the bundle's comparison, a parse, a list.

Prints the figures of one size; every statement is the product's own, on reports that are inserted by SQL.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import psycopg

from demo import postgres
from include.scheduled_reports.adapters.postgres.reports import PostgresDefinitions
from include.scheduled_reports.adapters.postgres.retention import PostgresRetention
from include.scheduled_reports.adapters.postgres.runs import PostgresRuns
from include.scheduled_reports.adapters.postgres.upkeep import PostgresUpkeepStore
from include.scheduled_reports.adapters.postgres.web_reports import PostgresReports
from include.scheduled_reports.domain.shards import Shard
from include.scheduled_reports.ports.web import ReportQuery
from include.scheduled_reports.settings import Settings
from include.scheduled_reports.testing.services import MemoryServices, MemorySource
from include.scheduled_reports.testing.upkeep import MemoryOrchestrator
from include.scheduled_reports.upkeep.round import upkeep

from .fleet import fill
from .measure import cpu_of, peak_mb

if TYPE_CHECKING:
    from collections.abc import Callable

SEEDED = 100
#: The bundle's files by default, and those that `docs/operate.md` recommends for 100,000 reports.
FILES, MANY_FILES = 24, 256
#: Copies of the seeded reports with 840 schedules in three zones.
COPIES = """
INSERT INTO scheduled_reports (id, name, "reportType", cron_expression, timezone, export_formats, email_recipients,
                               parameters, workspace_id, created_by_id, updated_at)
SELECT 'copy-' || n, 'Report ' || n, r."reportType", format('%%s %%s * * %%s', n %% 60, n %% 24, n %% 7),
       (ARRAY['UTC', 'Europe/Berlin', 'America/New_York'])[1 + n %% 3], r.export_formats, r.email_recipients,
       r.parameters, r.workspace_id, r.created_by_id, now()
FROM generate_series(1, %s) n
JOIN (SELECT *, row_number() OVER (ORDER BY id) - 1 AS place, count(*) OVER () AS count FROM scheduled_reports) r
    ON r.place = n %% r.count
"""


@dataclass(frozen=True, kw_only=True)
class Large:
    """The figures of one size: seconds, and CPU seconds of Python and of PostgreSQL."""

    reports: int
    round_seconds: float
    round_cpu: float
    round_postgres: float
    peak_mb: int
    #: The comparison that the bundle makes every five seconds, and the two statements of the parse of one file.
    digests_seconds: float
    file_seconds: float
    many_files_seconds: float
    #: The page of the list of all reports.
    list_seconds: float


def measure(reports: int) -> Large:
    """Measure in a new database."""
    with tempfile.TemporaryDirectory(prefix="bench-upkeep-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        server = postgres.start(folder / "data")
        try:
            dsn = server.create_database("reports")
            fill(dsn, SEEDED)
            with psycopg.connect(dsn, autocommit=True) as connection:
                connection.execute(COPIES, [reports - SEEDED])
                connection.execute("VACUUM ANALYZE")
            return _measured(dsn, reports, psutil.Process(server.child.process.pid))
        finally:
            server.stop()


def _measured(dsn: str, reports: int, server: psutil.Process) -> Large:
    services = _services(dsn, max(reports, Settings().max_reports))
    upkeep(services, MemoryOrchestrator())  # the first round writes each next_run
    before, began = (time.process_time(), cpu_of(server)), time.perf_counter()
    upkeep(services, MemoryOrchestrator())
    seconds = time.perf_counter() - began
    used, peak = (time.process_time() - before[0], cpu_of(server) - before[1]), peak_mb()
    definitions, limit = PostgresDefinitions(dsn), services.settings.max_reports

    def parse(files: int) -> None:
        shard = Shard(number=1, of=files)
        definitions.digests(files, limit=limit, only=1)
        definitions.rows(limit=limit, shard=shard)

    return Large(
        reports=reports,
        round_seconds=round(seconds, 2),
        round_cpu=round(used[0], 2),
        round_postgres=round(used[1], 2),
        peak_mb=peak,
        digests_seconds=_best(lambda: definitions.digests(FILES, limit=limit)),
        file_seconds=_best(lambda: parse(FILES)),
        many_files_seconds=_best(lambda: parse(MANY_FILES)),
        list_seconds=_best(lambda: PostgresReports(dsn).page(ReportQuery())),
    )


def _services(dsn: str, most: int) -> Any:
    """The ports of upkeep: those that read and write PostgreSQL are real, S3 and mail are in memory."""
    services = MemoryServices(
        source=MemorySource(lambda *_: sys.exit("upkeep reads no data")),
        settings=Settings(max_reports=most),
        definitions=PostgresDefinitions(dsn),
        moment=datetime.now(UTC),
    )
    services.upkeep_store = PostgresUpkeepStore(dsn)
    services.runs = PostgresRuns(dsn)  # type: ignore[assignment]  # the fake has more methods
    services.retention = PostgresRetention(dsn)
    return services


def _best(case: Callable[[], object]) -> float:
    taken = []
    for _ in range(3):
        began = time.perf_counter()
        case()
        taken.append(time.perf_counter() - began)
    return round(min(taken), 3)


def in_a_process(reports: int) -> Large:
    """Measure in a process of its own, so that its peak memory is that of a round."""
    command = [sys.executable, "-m", "bench.upkeep", "--reports", str(reports)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return Large(**json.loads(done.stdout.splitlines()[-1]))


def main() -> int:
    """Measure one size and print its figures as JSON."""
    parser = argparse.ArgumentParser(prog="python -m bench.upkeep", description=__doc__)
    parser.add_argument("--reports", type=int, default=10_000)
    print(json.dumps(asdict(measure(parser.parse_args().reports))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
