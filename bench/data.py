"""Benchmark query, staging and formats against pandas and COPY; `python -m bench.data CASE` runs one case.

The table has ten columns of all types. Each case runs in its own process; imports are not timed, on either side,
because tasks are forked from a process that has imported them.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from include.scheduled_reports.domain.report_type import Column

from .measure import Line, bounded, compared, in_a_process, timed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

MODULE = "bench.data"
TABLE = """
CREATE TABLE bench_rows AS
SELECT 'row-' || n AS id, 'Name ' || n % 977 AS name, 'person' || n % 5003 || '@neolith.example' AS email,
       timestamp '2026-01-01' + n * interval '7 seconds' AS at, n::bigint AS count, n / 7.0::float8 AS ratio,
       (n / 3.0)::numeric(20, 2) AS price, n % 2 = 0 AS active, (ARRAY['PUBLIC', 'PRIVATE', 'DM'])[n % 3 + 1] AS kind,
       'Some text, with a comma and "quotes" ' || n AS note
FROM generate_series(1, %s) n;
"""
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
    """Stage as the product does: ADBC, Arrow batches, Parquet, digest, copy to staging."""
    from include.scheduled_reports.adapters.postgres.source import PostgresSource
    from include.scheduled_reports.adapters.staging import ArrowStaging
    from include.scheduled_reports.ports.source import Scope
    from include.scheduled_reports.runs.parquet import write_parquet
    from include.scheduled_reports.runs.staging import RunFiles

    moment = datetime(2026, 5, 10, tzinfo=UTC)
    scope = Scope(workspace_id="w", start=moment, end=moment, timezone="Europe/Berlin", parameters={})
    files = RunFiles(ArrowStaging.local(folder), "run")
    with PostgresSource(dsn).stream(ROWS, scope) as batches, files.writing("rows.parquet") as draft:
        write_parquet(batches, COLUMNS, "Europe/Berlin", draft)


def stage_pandas(dsn: str, folder: Path) -> None:
    """Stage with pandas, as most reports in Airflow do."""
    import pandas as pd
    import sqlalchemy

    engine = sqlalchemy.create_engine(dsn.replace("postgresql://", "postgresql+psycopg://"))
    pd.read_sql(ROWS, engine).to_parquet(folder / "pandas.parquet")


def stage_copy(dsn: str, folder: Path) -> None:
    """Export with PostgreSQL's COPY to a file: the limit."""
    import psycopg

    statement = f"COPY ({ROWS}) TO STDOUT (FORMAT csv, HEADER)".encode()
    with (
        psycopg.connect(dsn) as connection,
        (folder / "copy.csv").open("wb") as file,
        connection.cursor().copy(statement) as copy,
    ):
        for chunk in copy:
            file.write(chunk)


def stage_drained(dsn: str, _: Path) -> None:
    """Read what PostgreSQL sends for the query in binary and drop it: what the database and the network take alone."""
    import psycopg

    statement = f"COPY ({ROWS}) TO STDOUT (FORMAT binary)".encode()
    with psycopg.connect(dsn) as connection, connection.cursor().copy(statement) as copy:
        for _chunk in copy:
            pass


def render(chosen: str) -> Callable[[str, Path], None]:
    """Render a format of the product from staged Parquet."""

    def run(_: str, folder: Path) -> None:
        from functools import partial

        from include.scheduled_reports.adapters.staging import ArrowStaging
        from include.scheduled_reports.domain.formats import Format
        from include.scheduled_reports.domain.run import Window
        from include.scheduled_reports.render import renderer
        from include.scheduled_reports.render.document import Document, Table
        from include.scheduled_reports.runs.staging import RunFiles
        from include.scheduled_reports.settings.branding import Branding

        moment = datetime(2026, 5, 10, tzinfo=UTC)
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
            window=Window(start=moment, end=moment, previous_start=moment, previous_end=moment, zone=ZoneInfo("UTC")),
            timezone="Europe/Berlin",
            scheduled_for=moment,
            figures=(),
            charts=(),
            tables=(table,),
            branding=Branding(),
        )
        with (folder / f"out.{chosen}").open("wb") as out:
            renderer(Format(chosen))(document, out, row_limit=None)

    return run


def csv_pandas(_: str, folder: Path) -> None:
    """Write CSV with pandas."""
    import pandas as pd

    pd.read_parquet(folder / "run" / "rows.parquet").to_csv(folder / "pandas.csv", index=False)


def excel_pandas(_: str, folder: Path) -> None:
    """Write Excel with pandas and openpyxl."""
    import pandas as pd

    frame = pd.read_parquet(folder / "run" / "rows.parquet")
    frame["at"] = frame["at"].dt.tz_localize(None)
    frame.to_excel(folder / "pandas.xlsx", index=False)


def json_pandas(_: str, folder: Path) -> None:
    """Write JSON with pandas."""
    import pandas as pd

    frame = pd.read_parquet(folder / "run" / "rows.parquet")
    frame["price"] = frame["price"].astype(float)  # pandas writes no decimals
    frame.to_json(folder / "pandas.json", orient="records", date_format="iso", lines=False)


def html_pandas(_: str, folder: Path) -> None:
    """Write HTML with pandas."""
    import pandas as pd

    pd.read_parquet(folder / "run" / "rows.parquet").to_html(folder / "pandas.html", index=False)


def upload(_: str, folder: Path) -> None:
    """Upload the JSON file as the product does."""
    import json

    import boto3

    from include.scheduled_reports.adapters.s3 import S3Store

    fields = json.loads((folder / "aws.json").read_text())
    client = boto3.client(
        "s3",
        aws_access_key_id=fields["login"],
        aws_secret_access_key=fields["password"],
        region_name=fields["extra"]["region_name"],
        endpoint_url=fields["extra"]["endpoint_url"],
    )
    with (folder / "out.json").open("rb") as content:
        S3Store(client, "bench").put("out.json", content, content_type="application/json", file_name="out.json")


CASES: Mapping[str, Callable[[str, Path], None]] = {
    "stage ours": stage_ours,
    "stage pandas": stage_pandas,
    "stage copy": stage_copy,
    "stage drained": stage_drained,
    "csv ours": render("csv"),
    "csv pandas": csv_pandas,
    "json ours": render("json"),
    "json pandas": json_pandas,
    "excel ours": render("excel"),
    "excel pandas": excel_pandas,
    "html ours": render("html"),
    "html pandas": html_pandas,
    "upload ours": upload,
}
IMPORTS = {
    "ours": (
        "boto3", "include.scheduled_reports.adapters.postgres.source", "include.scheduled_reports.adapters.staging",
        "include.scheduled_reports.adapters.s3", "include.scheduled_reports.runs.document",
        "include.scheduled_reports.render.as_csv", "include.scheduled_reports.render.as_json",
        "include.scheduled_reports.render.as_excel", "include.scheduled_reports.render.as_html",
    ),
    "pandas": ("pandas", "sqlalchemy", "psycopg", "pyarrow.parquet", "openpyxl"),
    "copy": ("psycopg",),
    "drained": ("psycopg",),
}  # fmt: skip
#: Name, case, peer's case and name, target; and the most rows, since some peers take minutes.
LINES = (
    ("query to staging", "stage", "copy", "COPY to a file", "<= 1.5", 1_000_000),
    ("query to staging", "stage", "drained", "binary COPY, dropped", "<= 1.6", 1_000_000),
    ("query to staging", "stage", "pandas", "pandas.read_sql", ">= 4", 1_000_000),
    ("CSV", "csv", "pandas", "pandas.to_csv", ">= 8", 1_000_000),
    ("JSON", "json", "pandas", "pandas.to_json", ">= 2", 1_000_000),
    ("Excel", "excel", "pandas", "pandas and openpyxl", ">= 2", 100_000),
    ("HTML", "html", "pandas", "pandas.to_html", ">= 2", 100_000),
)
FLAT = ("stage", "csv", "json", "excel", "html")
SIZES = (1_000, 10_000, 100_000, 1_000_000)


def lines(folder: Path, rows: int, *, repeat: int = 3) -> Iterator[Line]:
    """Measure every line at *rows* rows, or fewer if its peer is too slow."""
    with prepared(folder, {rows, min(rows, 100_000)}) as places:
        for what, case, peer, name, wanted, most in LINES:
            size = min(rows, most)
            ours = _sample(f"{case} ours", places[size], repeat)
            theirs = _sample(f"{case} {peer}", places[size], 1 if case == "excel" else repeat)
            yield compared("data", what, size, (ours, name, theirs), wanted)
        for case in FLAT:
            times = 1 if case == "html" else repeat  # a million rows take half a minute
            small, big = (_sample(f"{case} ours", places[size], times).peak_mb for size in (min(rows, 100_000), rows))
            grown = f"peak memory of {case}, against that at a tenth of the rows"
            yield bounded("data", grown, rows, big / small, "times", "<= 1.3", note=f"{small} and {big} MB")
            yield bounded("data", f"peak memory of {case}", rows, big, "MB", "<= 400")
        yield _upload(folder, places[rows], rows)


def growth(folder: Path) -> list[dict[str, Any]]:
    """Measure seconds and peak memory of product and peers from a thousand rows to a million."""
    found = []
    with prepared(folder, set(SIZES)) as places:
        for size in SIZES:
            for what, case, peer, name, _, most in LINES:
                if size <= most:
                    for who, full in (("ours", f"{case} ours"), (name, f"{case} {peer}")):
                        sample = _sample(full, places[size], 1)
                        found.append(
                            {"what": what, "who": who, "rows": size, "seconds": sample.seconds, "mb": sample.peak_mb}
                        )
    return found


@contextmanager
def prepared(folder: Path, sizes: set[int]) -> Iterator[dict[int, tuple[str, Path]]]:
    """Prepare a database and a folder with staged rows for each size."""
    # Imported here: the processes of the cases do not need it.
    import psycopg

    from demo import postgres

    for server in postgres.running(folder / "postgres" / "data"):
        places = {}
        for size in sorted(sizes):
            dsn = server.create_database(f"rows_{size}")
            with psycopg.connect(dsn) as connection:
                connection.execute(TABLE.replace("%s", str(size)).encode())
            place = folder / str(size)
            place.mkdir(mode=0o700, exist_ok=True)
            stage_ours(dsn, place)
            places[size] = (dsn, place)
        yield places


def _sample(case: str, place: tuple[str, Path], repeat: int) -> Any:
    dsn, folder = place
    return in_a_process(MODULE, case, dsn, str(folder), repeat=repeat)


def _upload(folder: Path, place: tuple[str, Path], rows: int) -> Line:
    import json

    from demo import aws

    local = aws.start(folder / "aws")
    try:
        local.create_bucket("bench")
        (place[1] / "aws.json").write_text(json.dumps(local.connection()))
        sample = _sample("upload ours", place, 1)
    finally:
        local.child.stop()
    size = (place[1] / "out.json").stat().st_size
    return bounded(
        "data", "peak memory of an upload in parts", rows, sample.peak_mb, "MB", "<= 400",
        note=f"a file of {size // 2**20} MB in {sample.seconds:.1f} s",
    )  # fmt: skip


if __name__ == "__main__":
    for module in IMPORTS[sys.argv[1].split()[1]]:
        import_module(module)
    print(timed(lambda: CASES[sys.argv[1]](sys.argv[2], Path(sys.argv[3]))))
