"""Report types: their datasets, columns, key figures and charts."""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 - report.yaml is read by the hints
from dataclasses import dataclass, field, replace
from typing import Literal

from .lead import LeadSpec  # noqa: TC001 - report.yaml is read by the hints
from .parameter import Parameter  # noqa: TC001 - report.yaml is read by the hints

ColumnType = Literal["text", "integer", "decimal", "number", "percent", "boolean", "date", "timestamp"]
#: What a number counts, if readers write it in their own way: `17 min 56 s`, `1.2 MB`.
Unit = Literal["", "seconds", "bytes"]
#: How a value is coloured.
Tone = Literal["good", "warning", "bad"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Column:
    """One column of a dataset: *name* in SQL, *title* for readers.

    PDF, HTML, Excel and mail show the texts of *titles* instead of the values they name; CSV and JSON keep the values.
    """

    name: str
    title: str
    type: ColumnType
    scale: int = 0  # digits after the point; decimal, number and percent only
    unit: Unit = ""  # of numbers
    definition: str = ""  # one sentence
    titles: Mapping[str, str] = field(default_factory=dict, hash=False)  # of the values of a text
    tones: Mapping[str, Tone] = field(default_factory=dict, hash=False)  # of the values of a text
    tone: Tone | None = None  # of a boolean that is true, and of a number other than zero
    bar: bool = False  # a number is drawn as a bar in its cell, too
    total: bool = False  # the sum of all rows means something


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
    definition: str = ""  # a sentence or two: what is in it, and what is left out
    none: str = ""  # what a table without rows says: `No overdue tasks.`
    cut: str = ""  # what a table says that shows only some rows: `Newest {shown} of {total} events`


@dataclass(frozen=True, kw_only=True, slots=True)
class FigureSpec:
    """A key figure: a column of the report type's `figures` query."""

    column: Column
    better: Literal["up", "down", "neutral"] = "neutral"
    hidden: bool = False  # it has no tile: leads and notes name it, and JSON holds it


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
    before: bool = False  # the period before is drawn as a thin line; over days only
    weekly: Literal["sum", "average"] = "sum"  # what a week shows where days are too many to draw

    @property
    def drawn(self) -> int:
        """How many rows the chart draws at most."""
        return min(self.limit, MOST_RANKED if self.kind == "rank" else MOST_DRAWN)


@dataclass(frozen=True, kw_only=True, slots=True)
class ExcerptSpec:
    """The rows of a dataset that a mail shows: those that make the point, in an order that puts the worst first."""

    title: str
    dataset: str
    columns: tuple[str, ...]
    #: Values that a row must have in each column: a text; `true`, `false`; `some` for a number other than zero.
    where: Mapping[str, tuple[str, ...]] = field(default_factory=dict, hash=False)
    order: tuple[str, ...] = ()  # columns; one after `-` in descending order. Equal rows keep the dataset's order.
    #: A text column whose values are ordered as listed instead of by alphabet.
    ranks: Mapping[str, tuple[str, ...]] = field(default_factory=dict, hash=False)
    limit: int = 5
    none: str = ""  # what it says without rows: `No overdue tasks.`
    cut: str = ""  # what it says if more rows match: `Longest overdue {shown} of {total} tasks`


@dataclass(frozen=True, kw_only=True, slots=True)
class NoteSpec:
    """What is said beside figures and a dataset that do not reconcile, if *figure* is not zero.

    *one* and *other* are messages with the placeholder `{count}`: `{count} tasks in private channels are counted, not
    listed.`
    """

    figure: str
    dataset: str
    one: str
    other: str


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
    #: What a report may set and the SQL reads, by name.
    parameters: Mapping[str, Parameter] = field(default_factory=dict, hash=False)
    #: The roles in the workspace that the creator may have; empty for any role.
    roles: tuple[str, ...] = ()
    figures_sql: str = ""
    figures: tuple[FigureSpec, ...] = ()
    datasets: tuple[Dataset, ...] = ()
    charts: tuple[ChartSpec, ...] = ()
    sources: tuple[SourceSpec, ...] = ()
    lead: LeadSpec | None = None  # None for the default lead
    excerpts: tuple[ExcerptSpec, ...] = ()  # none: the first rows of the main dataset
    notes: tuple[NoteSpec, ...] = ()

    @property
    def own_parameters(self) -> tuple[Parameter, ...]:
        """The parameters that the type declares itself, in their order; the others are the application's."""
        return tuple(one for one in self.parameters.values() if one.is_own)

    @property
    def main(self) -> Dataset:
        """The dataset that CSV contains and that decides whether there is data."""
        return self.datasets[0]

    @property
    def only_main(self) -> ReportType:
        """The type with its main dataset alone, without key figures and charts."""
        main = self.datasets[:1]
        return replace(self, datasets=main, figures_sql="", figures=(), charts=(), lead=None, excerpts=(), notes=())
