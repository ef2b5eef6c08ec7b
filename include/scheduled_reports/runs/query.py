"""Run a report type's queries and write their results to staging."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pyarrow as pa

from ..domain.errors import RejectedError, ReportTypeError
from ..ports.source import Scope
from . import arrival, document
from .listed_values import columns_problems, unlisted
from .parquet import write_parquet

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ..domain.report_type import Dataset, ReportType
    from ..domain.run import Run
    from ..ports.source import Source
    from .staging import RunFiles


def stage_data(source: Source, run: Run, files: RunFiles, kind: ReportType) -> Mapping[str, int]:
    """Stage every dataset and the key figures; return how many rows of each dataset hold data.

    RejectedError if a parameter has a value that the workspace's list does not have.
    """
    if problems := unlisted(source, kind, run.report.parameters, run.report.workspace.id):
        raise RejectedError(problems)
    found = {dataset.name: _stage_dataset(source, run, files, dataset) for dataset in kind.datasets}
    _stage_before(source, run, files, kind)
    if kind.figures:
        _stage_figures(source, run, files, kind)
    return found


def type_problems(source: Source, kind: ReportType) -> list[str]:
    """Every column that its query returns in a type that cannot be of the declared one, before a query has run."""
    checks: list[tuple[str, str, Callable[[pa.Schema], list[str]]]] = [
        (f"dataset {one.name}", one.sql, partial(arrival.check_columns, one.columns)) for one in kind.datasets
    ]
    checks += [(f"source {one.name}", one.sql, partial(arrival.check_source, one)) for one in kind.sources]
    checks += [(f"parameter {one.name}", one.query, columns_problems) for one in kind.parameters.values() if one.query]
    if kind.figures:
        columns = tuple(spec.column for spec in kind.figures)
        checks.insert(0, ("figures", kind.figures_sql, partial(arrival.check_columns, columns)))
    return [f"{place}: {reason}" for place, sql, check in checks for reason in _reasons(source, sql, check)]


def _reasons(source: Source, sql: str, check: Callable[[pa.Schema], list[str]]) -> list[str]:
    try:
        return check(source.columns(sql))
    except ReportTypeError as error:
        return [str(error)]


def _stage_dataset(source: Source, run: Run, files: RunFiles, dataset: Dataset, *, previous: bool = False) -> int:
    """Stream one dataset to staging, of the window or the *previous* one; return how many of its rows hold data."""
    name = document.before_file(dataset.name) if previous else document.dataset_file(dataset.name)
    with (
        source.stream(dataset.sql, scope(run, previous=previous)) as batches,
        files.writing(name) as draft,
    ):
        write_parquet(batches, dataset.columns, run.report.timezone.key, draft)
    return draft.data_rows if dataset.zero_filled else draft.rows


def _stage_before(source: Source, run: Run, files: RunFiles, kind: ReportType) -> None:
    """Stage the datasets of charts that show the period before."""
    for dataset in document.compared(kind):
        _stage_dataset(source, run, files, dataset, previous=True)


def _stage_figures(source: Source, run: Run, files: RunFiles, kind: ReportType) -> None:
    """Stage the key figures of the window and of the previous one, as two rows of one small file."""
    tables = []
    for bound in (scope(run), scope(run, previous=True)):
        with source.stream(kind.figures_sql, bound) as batches:
            tables.append(batches.read_all())
        if tables[-1].num_rows != 1:
            raise ReportTypeError(
                f"{kind.id}: its key figures query returned {tables[-1].num_rows} rows instead of one"
            )
    columns = tuple(spec.column for spec in kind.figures)
    both = pa.concat_tables(tables)
    with files.writing(document.FIGURES) as draft:
        write_parquet(both.to_reader(), columns, run.report.timezone.key, draft)


def scope(run: Run, *, previous: bool = False) -> Scope:
    """The workspace and period that a run's queries may read; with *previous*, the period before."""
    covered = run.window
    return Scope(
        workspace_id=run.report.workspace.id,
        start=covered.previous_start if previous else covered.start,
        end=covered.previous_end if previous else covered.end,
        timezone=run.report.timezone.key,
        parameters=run.report.parameters,
    )
