"""Report types: their datasets, columns, key figures and charts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

ColumnType = Literal["text", "integer", "decimal", "number", "percent", "boolean", "date", "timestamp"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Column:
    """One column of a dataset: *name* in SQL, *title* for readers."""

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
    #: It has a row for every day or object, active or not; only rows with a figure other than zero count as data.
    zero_filled: bool = False
    #: How many rows the query returns at most, if it has a limit that cuts what a report asks for.
    limit: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class FigureSpec:
    """A key figure: a column of the report type's `figures` query."""

    column: Column
    better: Literal["up", "down", "neutral"] = "neutral"


#: Rows of a dataset that a chart draws at most: of lines and bars more than a page has pixels, of a ranking as many as
#: can be read.
MOST_DRAWN = 10_000
MOST_RANKED = 25


@dataclass(frozen=True, kw_only=True, slots=True)
class ChartSpec:
    """A chart over the first *limit* rows of one dataset."""

    title: str
    kind: Literal["line", "bar", "rank"]  # over time, over time in bars, by rank (horizontal bars)
    dataset: str
    x: str
    y: tuple[str, ...]
    limit: int = MOST_DRAWN

    @property
    def drawn(self) -> int:
        """How many rows the chart draws at most."""
        return min(self.limit, MOST_RANKED if self.kind == "rank" else MOST_DRAWN)


@dataclass(frozen=True, kw_only=True, slots=True)
class SourceColumn(Column):
    """A column that a report may use; *values* lists all its values if they are few and fixed."""

    values: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class SourceSpec:
    """A source from which a report builds its table: a query bound to its workspace, and its columns."""

    name: str
    title: str
    sql: str
    columns: tuple[SourceColumn, ...]
    #: A column of the query that is unique; it orders ties, and need not be among *columns*.
    key: str
    #: The timestamp that must be in the window; empty if the rows are the state at the window's end.
    time: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class ReportType:
    """A report type: its queries, and how their results are shown.

    It has either datasets, or *sources* from which `catalog.report_type` builds the datasets of a report.
    """

    id: str
    title: str
    description: str
    parameters: frozenset[str]
    #: The roles in the workspace that the creator may have; empty for any role.
    roles: tuple[str, ...] = ()
    figures_sql: str = ""
    figures: tuple[FigureSpec, ...] = ()
    datasets: tuple[Dataset, ...] = ()
    charts: tuple[ChartSpec, ...] = ()
    sources: tuple[SourceSpec, ...] = ()

    @property
    def main(self) -> Dataset:
        """The dataset that CSV contains and that decides whether there is data."""
        return self.datasets[0]

    @property
    def only_main(self) -> ReportType:
        """The type with its main dataset alone, without key figures and charts."""
        return replace(self, datasets=self.datasets[:1], figures_sql="", figures=(), charts=())
