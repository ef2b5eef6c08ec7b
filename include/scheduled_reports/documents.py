"""From a run's staged datasets to the document that every format renders.

pandas holds the small, bounded frames behind key figures and charts; the tables stay in Arrow batches.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa

from .render.document import Chart, Document, Figure, Table

if TYPE_CHECKING:
    from .model import ChartSpec, ReportType, Run
    from .staged import RunFiles

FIGURES = "figures.parquet"


def dataset_file(name: str) -> str:
    """The staged file of a dataset."""
    return f"dataset-{name}.parquet"


def document(run: Run, kind: ReportType, files: RunFiles) -> Document:
    """What *run* has to show; StagingMissingError where its data is gone."""
    report = run.report
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
    return Document(
        title=report.name,
        type_title=kind.title,
        description=report.description,
        workspace=report.workspace.name,
        window=run.window,
        timezone=report.timezone.key,
        scheduled_for=run.scheduled_for.astimezone(report.timezone),
        figures=_figures(kind, files),
        charts=tuple(_chart(spec, by_name[spec.dataset]) for spec in kind.charts),
        tables=tables,
    )


def _figures(kind: ReportType, files: RunFiles) -> tuple[Figure, ...]:
    # Two rows: the window, and the one before.
    frame = pa.Table.from_batches(files.batches(FIGURES)).to_pandas(types_mapper=pd.ArrowDtype)
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
