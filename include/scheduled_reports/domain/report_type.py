"""Report types: their datasets, columns, key figures and charts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

ColumnType = Literal["text", "integer", "decimal", "number", "percent", "boolean", "date", "timestamp"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Column:
    """One column of a dataset: *name* in SQL, *title* for the reader."""

    name: str
    title: str
    type: ColumnType
    scale: int = 0  # digits after the point; decimal, number and percent only


@dataclass(frozen=True, kw_only=True, slots=True)
class Dataset:
    """One named query of a report type."""

    name: str
    title: str
    sql: str
    columns: tuple[Column, ...]
    #: Rows are there for every day or thing, active or not: only those with a figure that is not zero are data.
    zero_filled: bool = False
    #: How many rows the query returns at most, if it has a limit that cuts what a report asks for.
    limit: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class FigureSpec:
    """A key figure: a column of the report type's `figures` query."""

    column: Column
    better: Literal["up", "down", "neutral"] = "neutral"


@dataclass(frozen=True, kw_only=True, slots=True)
class ChartSpec:
    """A chart over the first *limit* rows of one dataset."""

    title: str
    kind: Literal["line", "bar", "rank"]  # over time, over time in bars, by rank (horizontal bars)
    dataset: str
    x: str
    y: tuple[str, ...]
    limit: int = 400


@dataclass(frozen=True, kw_only=True, slots=True)
class SourceColumn(Column):
    """A column a person may ask for; *values* are all it holds, where they are few and known."""

    values: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class SourceSpec:
    """What a report may put its own tables together from: a query bound to its workspace, and columns of it."""

    name: str
    title: str
    sql: str
    columns: tuple[SourceColumn, ...]
    #: A column of the query that tells its rows apart; it settles ties, and need not be among *columns*.
    key: str
    #: The timestamp that has to lie in the window; empty where the rows are what there is at the window's end.
    time: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class ReportType:
    """A folder of report_types: what is asked, and how it is shown.

    Either it brings its datasets, or *sources*, from which `catalog.report_type` makes those a report asks for.
    """

    id: str
    title: str
    description: str
    parameters: frozenset[str]
    #: What the creator has to be in the workspace; anything where it is empty.
    roles: tuple[str, ...] = ()
    figures_sql: str = ""
    figures: tuple[FigureSpec, ...] = ()
    datasets: tuple[Dataset, ...] = ()
    charts: tuple[ChartSpec, ...] = ()
    sources: tuple[SourceSpec, ...] = ()

    @property
    def main(self) -> Dataset:
        """The dataset that CSV holds and "no data" is about."""
        return self.datasets[0]
