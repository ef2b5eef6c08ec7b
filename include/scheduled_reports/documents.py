"""From a run's staged datasets to the document that every format renders.

pandas holds the small, bounded frames behind key figures and charts; the tables stay in Arrow batches.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa

from .errors import PermanentError
from .model import Brief
from .render.document import Chart, Document, Figure, Table

if TYPE_CHECKING:
    from .branding import Branding
    from .model import ChartSpec, ReportType, Run
    from .staged import RunFiles

FIGURES = "figures.parquet"
#: Rows of the main table that a mail can show.
PREVIEW_ROWS = 10


def dataset_file(name: str) -> str:
    """The staged file of a dataset."""
    return f"dataset-{name}.parquet"


def document(run: Run, kind: ReportType, files: RunFiles, branding: Branding) -> Document:
    """What *run* has to show; StagingMissingError where its data is gone."""
    tables = tuple(
        Table(
            name=dataset.name,
            title=dataset.title,
            columns=dataset.columns,
            rows=files.manifest(dataset_file(dataset.name)).rows,
            batches=partial(files.batches, dataset_file(dataset.name)),
        )
        for dataset in kind.datasets
    )
    by_name = {table.name: table for table in tables}
    charts = tuple(_chart(spec, by_name[spec.dataset]) for spec in kind.charts)
    figures = _figures(kind, pa.Table.from_batches(files.batches(FIGURES)))
    return replace(_document(run, kind, branding, figures, tables), charts=charts)


def brief(kind: ReportType, files: RunFiles, data_rows: int) -> Brief:
    """What a mail will show of the data on staging."""
    name = dataset_file(kind.main.name)
    first = next(files.batches(name), None)
    schema = first.schema if first is not None else pa.schema([])
    preview = pa.Table.from_batches([first.slice(0, PREVIEW_ROWS)] if first is not None else [], schema)
    return Brief(
        main_rows=files.manifest(name).rows,
        data_rows=data_rows,
        figures=_stream(pa.Table.from_batches(files.batches(FIGURES))),
        preview=_stream(preview),
    )


def briefed(run: Run, kind: ReportType, branding: Branding) -> Document:
    """The document as far as a mail shows it, from the record alone; PermanentError before `query` is through."""
    if run.brief is None:
        raise PermanentError("this run's data was never read: clear it from query")
    preview = pa.ipc.open_stream(run.brief.preview).read_all()
    main = Table(
        name=kind.main.name,
        title=kind.main.title,
        columns=kind.main.columns,
        rows=run.brief.main_rows,
        batches=lambda: iter(preview.to_batches()),
    )
    figures = _figures(kind, pa.ipc.open_stream(run.brief.figures).read_all())
    return _document(run, kind, branding, figures, (main,))


def _stream(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def _document(
    run: Run, kind: ReportType, branding: Branding, figures: tuple[Figure, ...], tables: tuple[Table, ...]
) -> Document:
    report = run.report
    return Document(
        title=report.name,
        type_title=kind.title,
        description=report.description,
        workspace=report.workspace.name,
        window=run.window,
        timezone=report.timezone.key,
        scheduled_for=run.scheduled_for.astimezone(report.timezone),
        figures=figures,
        charts=(),
        tables=tables,
        branding=branding,
    )


def _figures(kind: ReportType, both: pa.Table) -> tuple[Figure, ...]:
    # Two rows: the window, and the one before.
    frame = both.to_pandas(types_mapper=pd.ArrowDtype)
    return tuple(
        Figure(
            spec=spec,
            value=_plain(frame[spec.column.name].iloc[0]),
            previous=_plain(frame[spec.column.name].iloc[1]),
        )
        for spec in kind.figures
    )


def _chart(spec: ChartSpec, table: Table) -> Chart:
    columns = {column.name: column for column in table.columns}
    frame = _head(table, [spec.x, *spec.y], spec.limit)
    rows = tuple({str(name): _plain(value) for name, value in row.items()} for row in frame.to_dict("records"))
    return Chart(
        title=spec.title, kind=spec.kind, x=columns[spec.x], y=tuple(columns[name] for name in spec.y), rows=rows
    )


def _head(table: Table, names: list[str], limit: int) -> pd.DataFrame:
    """The first *limit* rows of some columns."""
    batches, count = [], 0
    for batch in table.batches():
        batches.append(batch.select(names))
        count += batch.num_rows
        if count >= limit:
            break
    if not batches:
        return pd.DataFrame(columns=names)
    frame: pd.DataFrame = pa.Table.from_batches(batches).slice(0, limit).to_pandas(types_mapper=pd.ArrowDtype)
    return frame


def _plain(value: Any) -> Any:
    """A Python value for a cell of a frame; None for what is missing."""
    if value is None or pd.isna(value):
        return None
    return value.to_pydatetime() if isinstance(value, pd.Timestamp) else value
