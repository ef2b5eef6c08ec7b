"""The benchmark prepares its data; the figures themselves are measured by `make bench`."""

from __future__ import annotations

from bench.data import prepared


def test_the_rows_of_the_benchmark_are_staged(tmp_path):
    with prepared(tmp_path, {100}) as places:
        _, place = places[100]

        assert [file.suffix for file in place.rglob("*") if file.is_file() and file.suffix == ".parquet"]
