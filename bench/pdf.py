"""`python -m bench.pdf --rows 4000`: compare the product's PDF of a table with a plain WeasyPrint table."""

from __future__ import annotations

import argparse
import html
import json
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, BinaryIO
from zoneinfo import ZoneInfo

from .measure import peak_mb

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import pyarrow as pa

    from include.scheduled_reports.domain.report_type import Column

Values = tuple[Any, ...]
NAMES = ("Ada Lovelace", "Søren Kierkegaard", "Zoë Müller", "Ελένη Παπαδοπούλου", "Linus Torvalds")
STATES = ("open", "done", "blocked by others", "waits for an answer")
BATCH = 1_000


def rows_of(count: int) -> Iterator[Values]:
    """Generate rows of an id, a name, an address, a time, a count, a ratio and a text; the same each time."""
    start = datetime(2026, 5, 4, tzinfo=UTC)
    for n in range(count):
        name, state = NAMES[n * 7 % len(NAMES)], STATES[n * 11 % len(STATES)]
        yield f"row-{n:06d}", name, f"user{n}@neolith.example", start + timedelta(minutes=n), n * 977, n / 7, state


def columns() -> tuple[Column, ...]:
    """Return the columns of the table."""
    from include.scheduled_reports.domain.report_type import Column

    return (
        Column(name="id", title="Id", type="text"),
        Column(name="name", title="Name", type="text"),
        Column(name="email", title="E-mail", type="text"),
        Column(name="at", title="At", type="timestamp"),
        Column(name="count", title="Count", type="integer"),
        Column(name="ratio", title="Ratio", type="number", scale=2),
        Column(name="state", title="State", type="text"),
    )


def ours(count: int, out: BinaryIO) -> None:
    """Render with the product, with everything it puts on a page."""
    from include.scheduled_reports.domain.run import Window
    from include.scheduled_reports.render import as_pdf
    from include.scheduled_reports.render.document import Document, Table
    from include.scheduled_reports.settings.branding import Branding

    start = datetime(2026, 5, 4, tzinfo=UTC)
    week = timedelta(days=7)
    window = Window(
        start=start, end=start + week, previous_start=start - week, previous_end=start, zone=ZoneInfo("UTC"),
    )  # fmt: skip
    table = Table(name="rows", title="Rows", columns=columns(), rows=count, batches=lambda: _batches(count))
    document = Document(
        title="Bench", type_title="Bench", description="", workspace="Bench", window=window, timezone="UTC",
        scheduled_for=start + week, figures=(), charts=(), tables=(table,), branding=Branding(),
    )  # fmt: skip
    as_pdf.render(document, out, row_limit=None)


def peer(count: int, out: BinaryIO) -> None:
    """Render one plain HTML table with WeasyPrint, without tags."""
    from weasyprint import HTML

    heads = "".join(f"<th>{column.title}</th>" for column in columns())
    body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in rows_of(count))
    style = "table { table-layout: fixed; width: 100%; font: 8pt sans-serif }"
    HTML(string=f"<style>{style}</style><table><thead><tr>{heads}</tr></thead>{body}</table>").write_pdf(out)


CASES: Mapping[str, Callable[[int, BinaryIO], None]] = {"ours": ours, "peer": peer}


def measure(rows: int, *cases: str) -> dict[str, Any]:
    """Measure seconds and peak MB of each case, and how many times faster the product is."""
    found: dict[str, Any] = {case: _in_a_process(case, rows) for case in cases or CASES}
    if len(found) > 1:
        found["times_faster"] = round(found["peer"]["seconds"] / found["ours"]["seconds"], 1)
    return {"rows": rows, **found}


def _in_a_process(case: str, rows: int) -> dict[str, float]:
    command = [sys.executable, "-m", "bench.pdf", "--rows", str(rows), "--case", case]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)  # type: ignore[no-any-return]


def _once(case: str, rows: int) -> dict[str, float]:
    from include.scheduled_reports.render import as_pdf  # noqa: F401 - loading WeasyPrint is not timed

    with tempfile.TemporaryFile() as out:
        start, used = time.perf_counter(), time.process_time()
        CASES[case](rows, out)
        seconds, cpu, size = time.perf_counter() - start, time.process_time() - used, out.tell()
    peak = peak_mb()
    return {"seconds": round(seconds, 2), "cpu_seconds": round(cpu, 2), "peak_mb": peak, "file_kb": size // 1024}


def _cell(value: Any) -> str:
    return f"<td>{html.escape(str(value))}</td>"


def _batches(count: int) -> Iterator[pa.RecordBatch]:
    import pyarrow as pa

    types = [pa.string()] * 3 + [pa.timestamp("us", tz="UTC"), pa.int64(), pa.float64(), pa.string()]
    schema = pa.schema([(column.name, kind) for column, kind in zip(columns(), types, strict=True)])
    rows: list[Values] = []
    for row in rows_of(count):
        rows.append(row)
        if len(rows) == BATCH:
            yield _batch(rows, schema)
            rows = []
    if rows:
        yield _batch(rows, schema)


def _batch(rows: list[Values], schema: pa.Schema) -> pa.RecordBatch:
    import pyarrow as pa

    arrays = [pa.array(values, field.type) for values, field in zip(zip(*rows, strict=True), schema, strict=True)]
    return pa.record_batch(arrays, schema=schema)


def main() -> None:
    """Measure and print the figures."""
    parser = argparse.ArgumentParser(prog="python -m bench.pdf", description=__doc__)
    parser.add_argument("--rows", type=int, default=4_000)
    parser.add_argument("--case", choices=CASES, help="only this case, in this process")
    options = parser.parse_args()
    result = _once(options.case, options.rows) if options.case else measure(options.rows)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
