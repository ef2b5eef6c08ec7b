"""Build the document that every format renders, from a run's staged datasets or from its recorded mail summary.

pandas holds the small, bounded frames of key figures and charts; tables stay in Arrow batches.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from ..domain.errors import PermanentError, StagingMissingError
from ..domain.formats import Format
from ..domain.run import MailSummary
from ..render.charts.bins import MOST_DAYS, WEEK
from ..render.document import PREVIEW_ROWS, Chart, Document, Figure, GivenParameter, Table
from ..render.key_figures import card
from ..render.lead import lead
from ..render.parameter_words import words
from ..render.values import FORMAT_TITLES, grouped
from ..settings.branding import of_workspace
from ..settings.report_url import link_of
from .arrival import arrow_type
from .excerpts import excerpt, holding, kept_excerpts

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ..domain.report_type import ChartSpec, Dataset, ReportType
    from ..domain.run import Run, Window
    from ..settings import Settings
    from .staging import RunFiles

FIGURES = "figures.parquet"
#: Limits of a chart in the mail summary: its size in bytes, the length of a name in characters.  Larger charts are left
#: out of the mail.
CHART_BYTES, CHART_TEXT = 64 * 1024, 80
#: What names the columns of a chart's period before begin with; no column of a dataset does.
_BEFORE = "\0before."
#: The key of the number of rows of a chart's dataset; runs of older versions have none.
_TOTAL = b"total"


def dataset_file(name: str) -> str:
    """The name of a dataset's staged file."""
    return f"dataset-{name}.parquet"


def before_file(name: str) -> str:
    """The name of the staged file of a dataset for the period before."""
    return f"before-{name}.parquet"


def staged_files(kind: ReportType) -> tuple[str, ...]:
    """The names of the files that `query` stages."""
    names = [dataset_file(dataset.name) for dataset in kind.datasets]
    names += [before_file(dataset.name) for dataset in compared(kind)]
    return (*names, FIGURES) if kind.figures else tuple(names)


def compared(kind: ReportType) -> tuple[Dataset, ...]:
    """The datasets of charts that show the period before."""
    names = {chart.dataset for chart in kind.charts if chart.before}
    return tuple(dataset for dataset in kind.datasets if dataset.name in names)


def document(run: Run, kind: ReportType, files: RunFiles, settings: Settings) -> Document:
    """The document of *run*; raises StagingMissingError if its data is gone."""
    figures = staged_figures(kind, files)
    tables = tuple(
        Table(
            name=dataset.name,
            title=dataset.title,
            columns=dataset.columns,
            rows=files.manifest(dataset_file(dataset.name)).rows,
            batches=partial(_staged, files, dataset, run.report.timezone.key),
            limit=dataset.limit,
            zero_filled=dataset.zero_filled,
            definition=dataset.definition,
            none=dataset.none,
            cut=dataset.cut,
            rest=rest(run, kind, dataset.name),
            notes=_notes(kind, figures, dataset.name),
        )
        for dataset in kind.datasets
    )
    charts = tuple(_chart(run.window, spec, kind, _head(files, spec)) for spec in kind.charts)
    return replace(
        _document(run, kind, settings, figures, tables),
        charts=charts,
        notes=tuple(note for table in tables for note in table.notes),
    )


def staged_figures(kind: ReportType, files: RunFiles) -> tuple[Figure, ...]:
    """The key figures of a run, with the hidden ones."""
    return _figures(kind, pa.Table.from_batches(files.batches(FIGURES))) if kind.figures else ()


def main_batches(files: RunFiles, kind: ReportType, timezone: str) -> Iterator[pa.RecordBatch]:
    """All rows of the main dataset, with its declared columns."""
    return _staged(files, kind.main, timezone)


def _staged(files: RunFiles, dataset: Dataset, timezone: str) -> Iterator[pa.RecordBatch]:
    """The rows of a staged dataset with its declared columns."""
    for batch in files.batches(dataset_file(dataset.name)):
        yield _declared(batch, dataset, timezone)


def _declared(batch: pa.RecordBatch, dataset: Dataset, timezone: str) -> pa.RecordBatch:
    """*batch* with the declared columns: a run that an older version began may not have all of them."""
    if batch.schema.names == [column.name for column in dataset.columns]:
        return batch
    return _with_columns(batch, {column.name: arrow_type(column, timezone) for column in dataset.columns})


def _with_columns(batch: pa.RecordBatch, types: Mapping[str, pa.DataType]) -> pa.RecordBatch:
    """*batch* with the columns of *types* alone, in their order; one that it does not have is null."""
    known = batch.schema.names
    arrays = [batch.column(name) if name in known else pa.nulls(batch.num_rows, kind) for name, kind in types.items()]
    return pa.record_batch(arrays, names=list(types))


def rest(run: Run, kind: ReportType, dataset: str) -> str:
    """Say which file of the run has all rows of a dataset; empty if none has."""
    able = holding(run, kind, dataset)
    whole = [chosen for chosen in (Format.CSV, Format.JSON, Format.EXCEL) if chosen in able]
    return f"All of them are in the {FORMAT_TITLES[whole[0]]} file." if whole else ""


def _notes(kind: ReportType, figures: Sequence[Figure], dataset: str) -> tuple[str, ...]:
    """Say what the figures count and the dataset leaves out."""
    values = {figure.spec.column.name: figure.value for figure in figures}
    counted = ((spec, values.get(spec.figure)) for spec in kind.notes if spec.dataset == dataset)
    return tuple(
        (spec.one if count == 1 else spec.other).format(count=grouped(count, 0)) for spec, count in counted if count
    )


def mail_summary(kind: ReportType, files: RunFiles, data_rows: int) -> MailSummary:
    """The part of the staged data that a mail shows."""
    name = dataset_file(kind.main.name)
    first = next(files.batches(name), None)
    schema = first.schema if first is not None else pa.schema([])
    preview = pa.Table.from_batches([first.slice(0, PREVIEW_ROWS)] if first is not None else [], schema)
    figures = pa.Table.from_batches(files.batches(FIGURES)) if kind.figures else pa.table({})
    rows, shown = files.manifest(name).rows, _figures(kind, figures)
    return MailSummary(
        main_rows=rows,
        data_rows=data_rows,
        figures=_stream(figures),
        preview=_stream(preview),
        charts=b"".join(_stream(_kept(_head(files, spec))) for spec in kind.charts),
        excerpts=b"".join(_stream(excerpt(files, dataset_file(spec.dataset), spec)) for spec in kind.excerpts),
        lead=lead(kind.lead, shown, has_data=data_rows > 0, rows=rows),
        figure_texts={one.spec.column.name: card(one).value for one in shown},
    )


def document_for_mail(run: Run, kind: ReportType, settings: Settings) -> Document:
    """The part of the document that a mail shows, from the record alone; PermanentError before `query` has ended."""
    if run.mail_summary is None:
        raise PermanentError("this run's data was never read: clear it from query")
    preview = pa.ipc.open_stream(run.mail_summary.preview).read_all()
    main = Table(
        name=kind.main.name,
        title=kind.main.title,
        columns=kind.main.columns,
        rows=run.mail_summary.main_rows,
        batches=lambda: (_declared(batch, kind.main, run.report.timezone.key) for batch in preview.to_batches()),
        limit=kind.main.limit,
    )
    figures = _figures(kind, pa.ipc.open_stream(run.mail_summary.figures).read_all())
    return replace(
        _document(run, kind, settings, figures, (main,)),
        charts=tuple(_kept_charts(run.window, kind, run.mail_summary.charts)),
        notes=tuple(note for dataset in kind.datasets for note in _notes(kind, figures, dataset.name)),
        excerpts=kept_excerpts(run, kind, main, run.mail_summary.excerpts),
    )


def _kept(rows: pa.Table) -> pa.Table:
    """A chart's rows for the mail summary: long names are cut, and a chart that is still too large has no rows."""
    columns = [
        _short_names(rows[name]) if pa.types.is_string(rows.schema.field(name).type) else rows[name]
        for name in rows.schema.names
    ]
    short = pa.table(columns, schema=rows.schema)
    return short if len(_stream(short)) <= CHART_BYTES else short.slice(0, 0)


def _short_names(names: pa.ChunkedArray) -> pa.ChunkedArray:
    """Cut names to CHART_TEXT characters; a name that was cut ends with an ellipsis."""
    cut = pc.binary_join_element_wise(pc.utf8_slice_codeunits(names, 0, CHART_TEXT - 1), "…", "")
    return pc.if_else(pc.greater(pc.utf8_length(names), CHART_TEXT), cut, names)


def _kept_charts(window: Window, kind: ReportType, kept: bytes) -> Iterator[Chart]:
    """The recorded charts, one Arrow stream after the other; runs of older versions have none."""
    if kept:
        streams = pa.BufferReader(kept)
        for spec in kind.charts:
            yield _chart(window, spec, kind, pa.ipc.open_stream(streams).read_all())


def _stream(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def _document(
    run: Run, kind: ReportType, settings: Settings, figures: tuple[Figure, ...], tables: tuple[Table, ...]
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
        figures=tuple(figure for figure in figures if not figure.spec.hidden),
        hidden_figures=tuple(figure for figure in figures if figure.spec.hidden),
        charts=(),
        tables=tables,
        branding=of_workspace(settings.branding, run.brand),
        link=link_of(settings.report_url, run),
        lead=run.mail_summary.lead if run.mail_summary else (),
        parameters=tuple(_given_parameters(kind, report.parameters)),
    )


def _given_parameters(kind: ReportType, values: Mapping[str, Any]) -> Iterator[GivenParameter]:
    """The parameters with a value, in the order of their declarations; the definition of a table is none of them."""
    for one in kind.parameters.values():
        if one.name in values and one.type != "object":
            value = values[one.name]
            yield GivenParameter(name=one.name, title=one.title, value=value, words=words(one, value))


def _figures(kind: ReportType, both: pa.Table) -> tuple[Figure, ...]:
    # Two rows: the window and the previous one.
    frame = both.to_pandas(types_mapper=pd.ArrowDtype)
    return tuple(
        Figure(
            spec=spec,
            value=_plain(frame[spec.column.name].iloc[0]),
            previous=_plain(frame[spec.column.name].iloc[1]),
        )
        for spec in kind.figures
        if spec.column.name in frame  # a run that an older version began has no others
    )


def _chart(window: Window, spec: ChartSpec, kind: ReportType, head: pa.Table) -> Chart:
    (dataset,) = (one for one in kind.datasets if one.name == spec.dataset)
    columns = {column.name: column for column in dataset.columns}
    frame = head.to_pandas(types_mapper=pd.ArrowDtype)
    total = int((head.schema.metadata or {}).get(_TOTAL, head.num_rows))
    missing = dict.fromkeys((spec.x, *spec.y))
    rows = tuple(
        missing | {str(name): _plain(value) for name, value in row.items()} for row in frame.to_dict("records")
    )
    before = tuple({name: row[_BEFORE + name] for name in spec.y} for row in rows if _BEFORE + spec.y[0] in row)
    return Chart(
        title=spec.title,
        kind=spec.kind,
        table=spec.dataset,
        x=columns[spec.x],
        y=tuple(columns[name] for name in spec.y),
        rows=rows,
        total=total,
        at_limit=dataset.limit is not None and total >= dataset.limit,
        before=before if _compares(before, window) else (),
        weekly=spec.weekly,
    )


def _compares(before: Sequence[Mapping[str, Any]], window: Window) -> bool:
    """Whether the period before tells something: it is not all zeros, and its weekdays stand below the same ones."""
    earlier = window.previous_start.astimezone(window.zone).date()
    is_in_step = (window.first_day - earlier).days % WEEK == 0 or len(before) > MOST_DAYS
    return is_in_step and any(value for row in before for value in row.values())


def _head(files: RunFiles, spec: ChartSpec) -> pa.Table:
    """The first rows of a chart's columns; how many the dataset has is in the schema's metadata."""
    name = dataset_file(spec.dataset)
    rows = _first_rows(files, name, tuple(dict.fromkeys([spec.x, *spec.y])), spec.drawn)
    if not rows.num_rows:
        return rows
    if spec.before:
        with suppress(StagingMissingError):  # a run that an older version began has not read the period before
            earlier = _first_rows(files, before_file(spec.dataset), spec.y, rows.num_rows)
            for column in spec.y:
                rows = rows.append_column(_BEFORE + column, _of_length(earlier[column], rows.num_rows))
    return rows.replace_schema_metadata({_TOTAL: str(files.manifest(name).rows)})


def _first_rows(files: RunFiles, name: str, columns: tuple[str, ...], most: int) -> pa.Table:
    batches, count = [], 0
    for batch in files.batches(name):
        batches.append(_with_columns(batch, dict.fromkeys(columns, pa.float64())))
        count += batch.num_rows
        if count >= most:
            break
    if not batches:
        return pa.table({name: pa.nulls(0) for name in columns})
    return pa.Table.from_batches(batches).slice(0, most)


def _of_length(values: pa.ChunkedArray, length: int) -> pa.ChunkedArray:
    """Add nulls at the end: the period before may have fewer days."""
    missing = pa.nulls(length - len(values), values.type)
    return pa.chunked_array([*values.chunks, missing], values.type)


def _plain(value: Any) -> Any:
    """The Python value of a cell; None if it is missing."""
    if value is None or pd.isna(value):
        return None
    return value.to_pydatetime() if isinstance(value, pd.Timestamp) else value
