"""Benchmark the queries of the built-in report types against the best hand-written ones, on one big workspace.

`sql/by_hand` has a query per type that returns the same rows as its main dataset, with the workspace, the days and what
is known about the data as literals; the rows are compared.  `python -m bench.queries --indexes` measures once more with
the indexes that the application's schema might lack.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg

from demo import postgres
from include.scheduled_reports import sample_data
from include.scheduled_reports.adapters.postgres.migrate import migrate
from include.scheduled_reports.adapters.postgres.source import PostgresSource
from include.scheduled_reports.ports.source import Scope
from include.scheduled_reports.reports.types.catalog import report_types

from .measure import Line, Sample, compared

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pyarrow as pa

    from include.scheduled_reports.domain.report_type import ReportType

SQL = Path(__file__).with_name("sql")
END = datetime(2026, 5, 1, tzinfo=UTC)
DAYS = (7, 30)
#: Indexes that the application's schema might lack; docs/operate.md has the results.
INDEXES = (
    "CREATE INDEX ON messages (channel_id, created_at)",
    "CREATE INDEX ON reactions (created_at)",
    "CREATE INDEX ON files (workspace_id, created_at)",
    "CREATE INDEX ON workflow_executions (workspace_id, started_at)",
    "CREATE INDEX ON export_jobs (workspace_id, created_at)",
    "CREATE INDEX ON audit_logs (created_at)",
)


@dataclass(frozen=True)
class Asked:
    """The seconds that the queries of a type took."""

    by_hand: float
    main: float
    figures: float
    others: dict[str, float]

    @property
    def note(self) -> str:
        """The other queries; a run asks for the key figures of two windows."""
        slowest = max(self.others, key=lambda name: self.others[name])
        whole = self.main + 2 * self.figures + sum(self.others.values())
        return (
            f"key figures {self.figures:.2f} s, slowest other table {slowest} {self.others[slowest]:.2f} s, "
            f"all queries {whole:.2f} s"
        )


def lines(folder: Path, *, messages: int, audit: int, repeat: int, days: Sequence[int] = DAYS) -> Iterator[Line]:
    """Compare every type on a new workspace; PostgreSQL runs in *folder*."""
    for server in postgres.running(folder / "postgres" / "data"):
        yield from measured(filled(server, messages, audit), messages=messages, audit=audit, repeat=repeat, days=days)


def measured(dsn: str, *, messages: int, audit: int, repeat: int, days: Sequence[int]) -> Iterator[Line]:
    """Compare every type on the workspace in *dsn*."""
    source = PostgresSource(dsn)
    for kind in report_types().values():
        if kind.id == "custom":  # it has no query before somebody chooses columns
            continue
        for window in days:
            found = _asked(source, kind, window, repeat)
            ours, theirs = (Sample(seconds=round(one, 3), cpu=0, peak_mb=0) for one in (found.main, found.by_hand))
            size = audit if kind.id == "security-audit" else messages
            name = f"{kind.id}, {window} days"
            yield compared("queries", name, size, (ours, "a query by hand", theirs), "<= 2", found.note)


def filled(server: postgres.Postgres, messages: int, audit: int) -> str:
    """Create a database with the rows; indexes are created last, which is faster."""
    dsn = server.create_database("queries")
    statements = Path(sample_data.__file__).with_name("neolith.sql").read_text(encoding="utf-8").split(";\n")
    later = re.compile(r"\s*(CREATE (UNIQUE )?INDEX|ALTER TABLE)")
    with psycopg.connect(dsn, autocommit=True) as connection:
        for statement in statements:
            if not later.match(statement):
                connection.execute(statement.encode())
    migrate(dsn)
    rows = (SQL / "workspace.sql").read_text(encoding="utf-8")
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("SET maintenance_work_mem = '256MB'")
        connection.execute(rows.replace(":messages", str(messages)).replace(":audit", str(audit)).encode())
        for statement in statements:
            if later.match(statement):
                connection.execute(statement.encode())
        connection.execute("VACUUM ANALYZE")
    return dsn


def _asked(source: PostgresSource, kind: ReportType, days: int, repeat: int) -> Asked:
    """Ask both main queries in turn, then the other ones once."""
    scope = Scope(workspace_id="w", start=END - timedelta(days=days), end=END, timezone="UTC", parameters={})
    by_hand = (SQL / "by_hand" / f"{kind.id}.sql").read_text(encoding="utf-8")
    for name, bound in (("start", scope.start), ("end", scope.end)):
        by_hand = by_hand.replace(f"':{name}'", f"'{bound.date()}'")
    main, *others = kind.datasets
    taken: list[tuple[float, float]] = []
    for _ in range(repeat):
        theirs, expected = _timed(source, by_hand, scope)
        ours, rows = _timed(source, main.sql, scope)
        if not rows.equals(expected.rename_columns(rows.column_names).cast(rows.schema)):
            raise RuntimeError(f"{kind.id}: the query by hand has other rows")
        taken.append((theirs, ours))
    return Asked(
        by_hand=min(theirs for theirs, _ in taken),
        main=min(ours for _, ours in taken),
        figures=_timed(source, kind.figures_sql, scope)[0],
        others={one.name: _timed(source, one.sql, scope)[0] for one in others},
    )


def _timed(source: PostgresSource, sql: str, scope: Scope) -> tuple[float, pa.Table]:
    began = time.perf_counter()
    with source.stream(sql, scope) as batches:
        rows = batches.read_all()
    return time.perf_counter() - began, rows


def main() -> int:
    """Measure other sizes, or with more indexes, and print one line per type and window."""
    parser = argparse.ArgumentParser(prog="python -m bench.queries", description=__doc__)
    parser.add_argument("--messages", type=int, default=5_000_000)
    parser.add_argument("--audit", type=int, default=1_000_000)
    parser.add_argument("--days", type=int, nargs="+", default=DAYS)
    parser.add_argument("--indexes", action="store_true")
    asked = parser.parse_args()
    sizes = {"messages": asked.messages, "audit": asked.audit}
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        Path(name).chmod(0o755)
        for server in postgres.running(Path(name) / "postgres" / "data"):
            dsn = filled(server, **sizes)
            _print("as the application has it", measured(dsn, **sizes, repeat=2, days=asked.days))
            if asked.indexes:
                with psycopg.connect(dsn, autocommit=True) as connection:
                    for statement in (*INDEXES, "VACUUM ANALYZE"):
                        connection.execute(statement.encode())
                _print("with every index that might be missing", measured(dsn, **sizes, repeat=2, days=asked.days))
    return 0


def _print(title: str, found: Iterator[Line]) -> None:
    print(title)
    for line in found:
        print(f"{line.what:<34}{line.ours:>8.2f} by hand{line.theirs:>8.2f}{line.ratio:>8.2f}  {line.note}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
