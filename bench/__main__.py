"""`make bench`: stage and render one table each way, print the table, write bench/results.json."""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import psycopg

from demo import postgres

RESULTS = Path(__file__).with_name("results.json")
TABLE = """
CREATE TABLE bench_rows AS
SELECT 'row-' || n AS id, 'Name ' || n % 977 AS name, 'person' || n % 5003 || '@neolith.example' AS email,
       timestamp '2026-01-01' + n * interval '7 seconds' AS at, n::bigint AS count, n / 7.0::float8 AS ratio,
       (n / 3.0)::numeric(20, 2) AS price, n % 2 = 0 AS active, (ARRAY['PUBLIC', 'PRIVATE', 'DM'])[n % 3 + 1] AS kind,
       'Some text, with a comma and "quotes" ' || n AS note
FROM generate_series(1, %s) n;
"""
#: Case, its peers, and how many rows it gets.
COMPARED = (
    ("stage ours", ("stage pandas", "stage copy"), "staged"),
    ("csv ours", ("csv pandas",), "rendered"),
    ("json ours", (), "rendered"),
    ("excel ours", ("excel pandas",), "rendered"),
    ("pdf ours", (), "limited"),
    ("html ours", (), "limited"),
)


def main() -> int:
    """Run every case a few times and keep the median."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--stage-rows", type=int, default=1_000_000)
    parser.add_argument("--render-rows", type=int, default=100_000)
    parser.add_argument("--repeat", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        for server in postgres.running(folder / "postgres" / "data"):
            results = _compare(server, folder, options)
    _print(results)
    RESULTS.write_text(json.dumps({"machine": _machine(), "results": results}, indent=2) + "\n")
    return 0


def _compare(server: postgres.Postgres, folder: Path, options: argparse.Namespace) -> list[dict[str, Any]]:
    stage_dsn = _table(server, "staged", options.stage_rows)
    render_dsn = _table(server, "rendered", options.render_rows)
    _stage_for_renderers(render_dsn, folder)
    rows = {"staged": options.stage_rows, "rendered": options.render_rows, "limited": 2_000}
    results = []
    for case, peers, size in COMPARED:
        dsn = stage_dsn if size == "staged" else render_dsn
        ours = _median(case, dsn, folder, options.repeat)
        results.append({"case": case, "rows": rows[size], **ours, "ratio": None})
        for peer in peers:
            other = _median(peer, dsn, folder, options.repeat)
            ratio = round(ours["seconds"] / other["seconds"], 2)
            results.append({"case": peer, "rows": rows[size], **other, "ratio": ratio})
    return results


def _table(server: postgres.Postgres, name: str, rows: int) -> str:
    dsn = server.create_database(name)
    with psycopg.connect(dsn) as connection:
        connection.execute(TABLE.replace("%s", str(rows)).encode())
    return dsn


def _stage_for_renderers(dsn: str, folder: Path) -> None:
    from include.scheduled_reports.adapters.staging import ArrowStaging
    from include.scheduled_reports.staged import RunFiles

    from .cases import stage_ours

    stage_ours(dsn, folder)
    files = RunFiles(ArrowStaging.local(folder), "run")
    with psycopg.connect(dsn) as connection:
        (count,) = connection.execute("SELECT count(*) FROM bench_rows").fetchone() or (0,)
    with files.writing("rows.parquet") as draft:
        draft.file.write((folder / "ours.parquet").read_bytes())
        draft.rows = draft.total_rows = count


def _median(case: str, dsn: str, folder: Path, repeat: int) -> dict[str, Any]:
    command = [sys.executable, "-m", "bench.cases", case, dsn, str(folder)]
    found = [
        json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1])
        for _ in range(repeat)
    ]
    middle: dict[str, Any] = sorted(found, key=lambda one: float(one["seconds"]))[len(found) // 2]
    return middle


def _machine() -> dict[str, Any]:
    return {"cores": os.cpu_count(), "python": platform.python_version(), "system": platform.system()}


def _print(results: list[dict[str, Any]]) -> None:
    print(f"{'case':<14}{'rows':>10}{'seconds':>9}{'peak MB':>9}  ours / this")
    for row in results:
        ratio = "" if row["ratio"] is None else f"{row['ratio']:.2f}"
        print(f"{row['case']:<14}{row['rows']:>10,}{row['seconds']:>9.2f}{row['peak_mb']:>9}  {ratio}")


if __name__ == "__main__":
    sys.exit(main())
