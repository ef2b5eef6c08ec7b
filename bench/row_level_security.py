"""`python -m bench.row_level_security`: measure the cost of row-level security per report type, on a big workspace."""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg

from demo import postgres
from include.scheduled_reports.adapters.postgres.source import PostgresSource
from include.scheduled_reports.ports.source import Scope
from include.scheduled_reports.reports.types.catalog import report_types

from .queries import END, filled

if TYPE_CHECKING:
    from collections.abc import Sequence

FILES = Path(__file__).parents[1] / "deploy/sql"
USER = "CREATE ROLE bench_reading LOGIN PASSWORD 'bench' IN ROLE reports_reading"


def seconds(dsn: str, queries: Sequence[str], scope: Scope) -> float:
    """Time all *queries* together; return the best of three runs."""
    best = float("inf")
    for _ in range(3):
        began = time.perf_counter()
        for query in queries:
            with PostgresSource(dsn).stream(query, scope) as batches:
                batches.read_all()
        best = min(best, time.perf_counter() - began)
    return best


def psql(dsn: str, name: str) -> None:
    """Run a file of deploy/sql."""
    subprocess.run([postgres._binaries() / "psql", "-X", "-q", dsn, "-f", FILES / name], check=True)  # noqa: SLF001


def main() -> int:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=300_000)
    messages = parser.parse_args().messages
    with tempfile.TemporaryDirectory() as folder:
        server = postgres.start(Path(folder) / "data")
        try:
            dsn = filled(server, messages, messages // 10)
            with psycopg.connect(dsn, autocommit=True) as connection:
                psql(dsn, "roles.sql")
                connection.execute(USER)
            reading = dsn.replace(f"{postgres.USER}:{postgres.PASSWORD}@", "bench_reading:bench@")
            scope = Scope(workspace_id="w", start=END - timedelta(days=30), end=END, timezone="UTC", parameters={})
            asked = {
                kind.id: [kind.figures_sql, *(one.sql for one in kind.datasets)]
                for kind in report_types().values()
                if kind.id != "custom"
            }
            without = {name: seconds(reading, queries, scope) for name, queries in asked.items()}
            psql(dsn, "row-level-security.sql")
            print("| report type | without | with | ratio |\n|---|---|---|---|")
            for name, queries in asked.items():
                guarded = seconds(reading, queries, scope)
                print(f"| {name} | {without[name]:.2f} | {guarded:.2f} | {guarded / without[name]:.1f} |", flush=True)
        finally:
            server.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
