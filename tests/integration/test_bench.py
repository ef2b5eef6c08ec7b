"""The benchmark prepares its data; the figures themselves are measured by `make bench`."""

from __future__ import annotations

from bench.data import prepared
from bench.peer import with_literals


def test_the_rows_of_the_benchmark_are_staged(tmp_path):
    with prepared(tmp_path, {100}) as places:
        _, place = places[100]

        assert [file.suffix for file in place.rglob("*") if file.is_file() and file.suffix == ".parquet"]


def test_the_queries_of_the_peer_have_the_values_of_the_run_as_literals():
    sql = "SELECT 9 % 7 WHERE id = current_setting('report.workspace_id') AND current_setting('report.end')::date > at"
    values = {"report.workspace_id": "o'brien", "report.end": "2026-11-30"}

    assert with_literals(sql, values) == "SELECT 9 %% 7 WHERE id = 'o''brien' AND '2026-11-30'::date > at"
