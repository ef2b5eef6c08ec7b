"""The document that every format renders; its tables are read in batches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime
    from decimal import Decimal

    import pyarrow as pa

    from ..domain.lead import Sentence
    from ..domain.report_type import Column, FigureSpec
    from ..domain.run import Window
    from ..settings.branding import Branding


@dataclass(frozen=True, kw_only=True, slots=True)
class Figure:
    """A key figure and its value in the previous period; None if there was nothing to measure."""

    spec: FigureSpec
    value: int | float | Decimal | None
    previous: int | float | Decimal | None

    @property
    def change(self) -> float | None:
        """The relative change, 0.25 for +25 %; None without a base to compare with."""
        if self.value is None or not self.previous:
            return None
        return float(self.value) / float(self.previous) - 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Chart:
    """A chart ready to draw: *rows* are the first rows of *table*, *x* and *y* name the keys to draw.

    *total* counts the rows of the table, so that whoever draws fewer can say so; None if *rows* are all of them.
    """

    title: str
    kind: str
    table: str  # the name of one of the document's tables
    x: Column
    y: tuple[Column, ...]
    rows: tuple[Mapping[str, Any], ...]
    total: int | None = None
    at_limit: bool = False  # the table itself may have left out rows
    #: The values of the period before, row by row and None beyond its end; empty if the chart does not show it.
    before: tuple[Mapping[str, Any], ...] = ()
    weekly: Literal["sum", "average"] = "sum"  # what a week shows where days are too many to draw
    by_week: bool = False  # each row stands for a week from its day on

    @property
    def all_rows(self) -> int:
        """How many rows the chart would have if none was left out."""
        return len(self.rows) if self.total is None else self.total


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """A dataset to show; each call of *batches* reads it again, with the declared columns in order.

    Arrow types: text → string, integer → int64, decimal → decimal128(38, scale), number and percent → float64
    (0.25 is 25 %), boolean → bool, date → date32, timestamp → timestamp[us, tz=the report's zone].
    """

    name: str
    title: str
    columns: tuple[Column, ...]
    rows: int
    batches: Callable[[], Iterator[pa.RecordBatch]]
    limit: int | None = None  # how many rows its query returns at most; None if it returns all there are
    zero_filled: bool = False  # it has a row for every day or thing; a row of zeros is no data
    definition: str = ""  # what is in it, and what is left out
    none: str = ""  # what it says without rows, if the report has data
    cut: str = ""  # `Newest {shown} of {total} events`: what it says if rows are left out
    rest: str = ""  # a sentence that says which file of the run has all rows; empty if none has
    notes: tuple[str, ...] = ()  # why it does not add up to the figures

    @property
    def is_at_limit(self) -> bool:
        """Whether the query may have left out rows: it returned as many as it may."""
        return self.limit is not None and self.rows >= self.limit

    @property
    def full_title(self) -> str:
        """The title; it names the limit once that is reached, so that no reader takes a cut table for a whole one."""
        return f"{self.title} (first {self.limit:,d})" if self.is_at_limit else self.title


@dataclass(frozen=True, kw_only=True, slots=True)
class Excerpt:
    """The rows of a table that a mail shows; *table* has these rows and columns only, *total* rows match.

    *note* says which rows they are if there are more, or that there are none; it is empty if all are shown.
    """

    title: str
    table: Table
    total: int
    note: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class GivenParameter:
    """A parameter of the report: its value, which may be the default, and how people read it."""

    name: str
    title: str
    value: Any
    words: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Document:
    """One run of a report, ready to be shown; the first table is the main one."""

    title: str  # the report's name
    type_title: str
    description: str
    workspace: str
    window: Window
    timezone: str
    scheduled_for: datetime  # in the report's zone
    figures: tuple[Figure, ...]
    charts: tuple[Chart, ...]
    tables: tuple[Table, ...]
    branding: Branding
    lead: tuple[Sentence, ...] = ()  # one or two
    hidden_figures: tuple[Figure, ...] = ()  # without a tile
    notes: tuple[str, ...] = ()  # why figures and tables do not add up; those of the tables, in their order
    excerpts: tuple[Excerpt, ...] = ()  # in mails only
    link: str = ""  # the page of the run; empty if Airflow's address is not known
    parameters: tuple[GivenParameter, ...] = ()  # what selects the data besides the period

    @property
    def summary(self) -> str:
        """The lead as text."""
        return " ".join(sentence.text for sentence in self.lead)

    @property
    def main(self) -> Table:
        """The main table."""
        return self.tables[0]

    @property
    def period(self) -> str:
        """What the report covers, as a sentence shows it."""
        return self.window.words

    @property
    def previous_period(self) -> str:
        """What key figures are compared with, as a sentence shows it."""
        return self.window.previous_words


class Renderer(Protocol):
    """Writes a document to *out* in one format.

    Returns how many rows of the main table the file has; *row_limit*, if not None, limits each table.
    """

    def __call__(self, document: Document, out: BinaryIO, *, row_limit: int | None) -> int:
        """Write *document* to *out*."""


#: How many rows of the main table a mail shows at most.
PREVIEW_ROWS = 10
