"""Choose the rows that a mail shows, as the report type declares them: those that make the point, the worst first."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from ..domain.formats import FORMATS
from ..render.document import Excerpt, Table
from ..render.values import FORMAT_TITLES, NO_ROWS, which_rows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..domain.formats import Format
    from ..domain.report_type import Dataset, ExcerptSpec, ReportType
    from ..domain.run import Run
    from .staging import RunFiles

#: The key of the number of rows that match.
_TOTAL = b"total"


def excerpt(files: RunFiles, name: str, spec: ExcerptSpec) -> pa.Table:
    """Read the rows of a staged dataset that *spec* asks for; how many match is in the schema's metadata."""
    kept, total = None, 0
    needed = list(dict.fromkeys([*spec.columns, *spec.where, *(one.removeprefix("-") for one in spec.order)]))
    for batch in files.batches(name, needed):
        found = _matching(pa.Table.from_batches([batch]), spec)
        total += found.num_rows
        kept = _sorted(found if kept is None else pa.concat_tables([kept, found]), spec).slice(0, spec.limit)
    if kept is None:
        kept = pa.table({column: pa.nulls(0) for column in needed})
    return kept.select(list(spec.columns)).replace_schema_metadata({_TOTAL: str(total)})


def _matching(rows: pa.Table, spec: ExcerptSpec) -> pa.Table:
    for name, values in spec.where.items():
        rows = rows.filter(_matches(rows[name], values))
    return rows


def _matches(values: pa.ChunkedArray, wanted: tuple[str, ...]) -> pa.ChunkedArray:
    """Which values are among *wanted*; `some` stands for a number other than zero, `null` for a missing value."""
    if pa.types.is_boolean(values.type):
        values = pc.if_else(values, "true", "false")
    found = pc.is_in(values.cast(pa.string()), value_set=pa.array(wanted, pa.string()))
    if "some" in wanted and not pa.types.is_string(values.type):
        is_some = pc.not_equal(values, pa.scalar(0).cast(values.type))
        found = pc.or_(found, pc.coalesce(is_some, pa.scalar(value=False)))
    return pc.or_(found, pc.is_null(values)) if "null" in wanted else found


def _sorted(rows: pa.Table, spec: ExcerptSpec) -> pa.Table:
    """Sort by the order of *spec*; equal rows keep their order, and missing values are last."""
    keys, columns = [], []
    for place, one in enumerate(spec.order):
        name = one.removeprefix("-")
        values = rows[name]
        if name in spec.ranks:
            values = pc.index_in(values, value_set=pa.array(spec.ranks[name], pa.string()))
        columns.append(values)
        keys.append((str(place), "descending" if one.startswith("-") else "ascending"))
    if not keys:
        return rows
    order = pc.sort_indices(pa.table(columns, [name for name, _ in keys]), sort_keys=keys)
    return rows.take(order)


def kept_excerpts(run: Run, kind: ReportType, main: Table, kept: bytes) -> tuple[Excerpt, ...]:
    """The recorded excerpts; without any, the first rows of the *main* table."""
    if not kind.excerpts or not kept:
        rest = _rest(run, kind, kind.main.name)
        shown = sum(batch.num_rows for batch in main.batches())
        note = _which(kind.main.cut, shown, main.rows, rest) if shown < main.rows else ""
        return (Excerpt(title=main.full_title, table=replace(main, rows=shown), total=main.rows, note=note),)
    return tuple(_kept(run, kind, kept))


def _kept(run: Run, kind: ReportType, kept: bytes) -> Iterator[Excerpt]:
    streams = pa.BufferReader(kept)
    datasets = {dataset.name: dataset for dataset in kind.datasets}
    for spec in kind.excerpts:
        rows = pa.ipc.open_stream(streams).read_all()
        dataset, total = datasets[spec.dataset], int(rows.schema.metadata[_TOTAL])
        if not total:
            note = spec.none or dataset.none or NO_ROWS
        elif rows.num_rows < total:
            note = _which(spec.cut or dataset.cut, rows.num_rows, total, _rest(run, kind, dataset.name))
        else:
            note = ""
        yield Excerpt(title=spec.title, table=_table(spec, dataset, rows), total=total, note=note)


def _which(cut: str, shown: int, total: int, rest: str) -> str:
    return " ".join(filter(None, (f"{which_rows(cut, shown, total)}.", rest)))


def holding(run: Run, kind: ReportType, dataset: str) -> list[Format]:
    """The formats of the run whose files have rows of a dataset."""
    return [one for one in run.formats if dataset == kind.main.name or not FORMATS[one].main_only]


def _rest(run: Run, kind: ReportType, dataset: str) -> str:
    """Say which file of the run has the rows that are left out; one without a limit on rows is preferred."""
    able = holding(run, kind, dataset)
    chosen = min(able, key=lambda one: (FORMATS[one].limited, not FORMATS[one].main_only), default=None)
    return f"More are in the {FORMAT_TITLES[chosen]} file." if chosen else ""


def _table(spec: ExcerptSpec, dataset: Dataset, rows: pa.Table) -> Table:
    columns = {column.name: column for column in dataset.columns}
    return Table(
        name=dataset.name,
        title=spec.title,
        columns=tuple(columns[name] for name in spec.columns),
        rows=rows.num_rows,
        batches=lambda: iter(rows.to_batches()),
    )
