"""What is timed: each case runs in a process of its own, so that its peak memory is its own."""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from include.scheduled_reports.model import Column

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ROWS = "SELECT * FROM bench_rows ORDER BY id"
COLUMNS = (
    Column(name="id", title="Id", type="text"),
    Column(name="name", title="Name", type="text"),
    Column(name="email", title="E-mail", type="text"),
    Column(name="at", title="At", type="timestamp"),
    Column(name="count", title="Count", type="integer"),
    Column(name="ratio", title="Ratio", type="number", scale=3),
    Column(name="price", title="Price", type="decimal", scale=2),
    Column(name="active", title="Active", type="boolean"),
    Column(name="kind", title="Kind", type="text"),
    Column(name="note", title="Note", type="text"),
)


def stage_ours(dsn: str, folder: Path) -> None:
    """The product's way: ADBC, Arrow batches, Parquet."""
    from include.scheduled_reports.adapters.source import PostgresSource
    from include.scheduled_reports.ports import Scope
    from include.scheduled_reports.staged import Draft, write_parquet

    moment = datetime(2026, 5, 10, tzinfo=UTC)
    scope = Scope(workspace_id="w", start=moment, end=moment, timezone="Europe/Berlin", parameters={})
    with PostgresSource(dsn).stream(ROWS, scope) as batches, (folder / "ours.parquet").open("w+b") as file:
        write_parquet(batches, COLUMNS, "Europe/Berlin", Draft(file))


def stage_pandas(dsn: str, folder: Path) -> None:
    """The peer: what most reports in Airflow do."""
    import pandas as pd
    import sqlalchemy

    engine = sqlalchemy.create_engine(dsn.replace("postgresql://", "postgresql+psycopg://"))
    pd.read_sql(ROWS, engine).to_parquet(folder / "pandas.parquet")


def stage_copy(dsn: str, folder: Path) -> None:
    """The limit: PostgreSQL's own export, bytes to a file."""
    import psycopg

    statement = f"COPY ({ROWS}) TO STDOUT (FORMAT csv, HEADER)".encode()
    with (
        psycopg.connect(dsn) as connection,
        (folder / "copy.csv").open("wb") as file,
        connection.cursor().copy(statement) as copy,
    ):
        for chunk in copy:
            file.write(chunk)


def render(chosen: str) -> Callable[[str, Path], None]:
    """A format of the product, from staged Parquet."""

    def run(_: str, folder: Path) -> None:
        from functools import partial

        from include.scheduled_reports.adapters.staging import ArrowStaging
        from include.scheduled_reports.branding import Branding
        from include.scheduled_reports.model import Format, Window
        from include.scheduled_reports.render import renderer
        from include.scheduled_reports.render.document import Document, Table
        from include.scheduled_reports.staged import RunFiles

        moment = datetime(2026, 5, 10, tzinfo=UTC)
        day = moment.date()
        files = RunFiles(ArrowStaging.local(folder), "run")
        rows = files.manifest("rows.parquet").rows
        table = Table(
            name="rows", title="Rows", columns=COLUMNS, rows=rows, batches=partial(files.batches, "rows.parquet")
        )
        document = Document(
            title="Bench",
            type_title="Bench",
            description="",
            workspace="Bench",
            window=Window(start=moment, end=moment, previous_start=moment, first_day=day, last_day=day),
            timezone="Europe/Berlin",
            scheduled_for=moment,
            figures=(),
            charts=(),
            tables=(table,),
            branding=Branding(),
        )
        limit = 2_000 if chosen in {"pdf", "html"} else None
        with (folder / f"out.{chosen}").open("wb") as out:
            renderer(Format(chosen))(document, out, row_limit=limit)

    return run


def csv_pandas(_: str, folder: Path) -> None:
    """The peer of CSV."""
    import pandas as pd

    pd.read_parquet(folder / "run" / "rows.parquet").to_csv(folder / "pandas.csv", index=False)


def excel_pandas(_: str, folder: Path) -> None:
    """The peer of Excel."""
    import pandas as pd

    frame = pd.read_parquet(folder / "run" / "rows.parquet")
    frame["at"] = frame["at"].dt.tz_localize(None)
    frame.to_excel(folder / "pandas.xlsx", index=False)


CASES: Mapping[str, Callable[[str, Path], None]] = {
    "stage ours": stage_ours,
    "stage pandas": stage_pandas,
    "stage copy": stage_copy,
    "csv ours": render("csv"),
    "csv pandas": csv_pandas,
    "json ours": render("json"),
    "excel ours": render("excel"),
    "excel pandas": excel_pandas,
    "pdf ours": render("pdf"),
    "html ours": render("html"),
}


def main(name: str, dsn: str, folder: str) -> None:
    """Run one case and print what it took as JSON: seconds without imports of the interpreter, peak RSS in MB."""
    began = time.perf_counter()
    CASES[name](dsn, Path(folder))
    taken: dict[str, Any] = {
        "seconds": round(time.perf_counter() - began, 3),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }
    print(orjson.dumps(taken).decode())


if __name__ == "__main__":
    tempfile.tempdir = sys.argv[3]
    main(*sys.argv[1:])
