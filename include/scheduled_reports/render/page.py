"""The report as a page of HTML, piece by piece: what the HTML file and the PDF have in common."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from . import charts
from .layout import widths
from .rows import pieces
from .text import NO_ACTIVITY, NUMERIC, change, is_missing, moment, mood, notice, printable, shown

if TYPE_CHECKING:
    from collections.abc import Iterator
    from decimal import Decimal

    from ..model import Column
    from .document import Chart, Document, Figure, Table

Medium = Literal["screen", "print"]

#: More columns than this are printed on pages turned sideways.
_UPRIGHT: Final = 8
#: A table of no more rows is kept on one page.
_SHORT: Final = 12
#: On paper a column asks for no more characters than this, and gets four for the gap to the next.
_PAPER_WIDTH, _GAP = 30, 4

environment: Final = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=select_autoescape(disabled_extensions=("txt.j2",), default=True, default_for_string=True),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Card:
    """A key figure as it is shown."""

    title: str
    value: str
    change: str
    mood: str
    previous: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Bar:
    """A row of a ranking: for each series its length in percent of the longest, and its value."""

    label: str
    parts: tuple[tuple[float, str], ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Picture:
    """A chart as it is shown."""

    title: str
    note: str
    series: tuple[str, ...] = ()
    svg: Markup | None = None
    bars: tuple[Bar, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Head:
    """The head of a column: *kind* is its class, *share* its part of the width in percent."""

    title: str
    kind: Literal["number", "text", "other"]
    share: float


class Grid:
    """A table as it is shown; it counts its rows while they are read."""

    def __init__(self, table: Table, row_limit: int | None) -> None:
        self.title = printable(table.title)
        self.notice = notice(table, row_limit)
        self.is_empty = table.rows == 0
        self.is_wide = len(table.columns) > _UPRIGHT
        self.is_short = table.rows <= _SHORT
        self.heads = _heads(table)
        self.read = 0
        self._table = table
        self._row_limit = row_limit

    def rows(self) -> Iterator[list[tuple[Head, str]]]:
        """The text of each cell with the head of its column."""
        columns = self._table.columns
        for piece in pieces(self._table, self._row_limit):
            for row in zip(*(values.to_pylist() for values in piece.columns), strict=True):
                texts = (shown(value, column) for value, column in zip(row, columns, strict=True))
                yield list(zip(self.heads, texts, strict=True))
            self.read += piece.num_rows


class Page:
    """A document laid out for a screen or for paper."""

    def __init__(self, document: Document, medium: Medium, row_limit: int | None) -> None:
        self.grids = [Grid(table, row_limit) for table in document.tables]
        self._document = document
        self._medium = medium

    def html(self) -> Iterator[str]:
        """The page, piece by piece."""
        document = self._document
        return environment.get_template("report.html.j2").generate(
            medium=self._medium,
            title=printable(document.title),
            type_title=printable(document.type_title),
            description=printable(document.description),
            workspace=printable(document.workspace),
            timezone=document.timezone,
            created=document.scheduled_for.isoformat(),
            period=str(document.window),
            scheduled_for=moment(document.scheduled_for),
            cards=[card(figure) for figure in document.figures],
            pictures=[_picture(chart) for chart in document.charts if charts.has_data(chart)],
            grids=self.grids,
            is_empty=all(grid.is_empty for grid in self.grids),
            no_activity=NO_ACTIVITY,
            fonts=charts.FONTS,
            palette=charts.PALETTE,
        )

    @property
    def main_rows(self) -> int:
        """How many rows of the main table the page holds, once it was read to the end."""
        return self.grids[0].read


def card(figure: Figure) -> Card:
    """A key figure as it is shown."""
    column = figure.spec.column
    return Card(
        title=printable(column.title),
        value=shown(figure.value, column) or "\N{EN DASH}",
        change=change(figure),
        mood=mood(figure),
        previous=shown(figure.previous, column),
    )


def _picture(chart: Chart) -> Picture:
    title, note = printable(chart.title), charts.note(chart)
    if chart.kind == "rank":
        return Picture(title=title, note=note, series=_series(chart), bars=_bars(chart))
    # what draws it escapes the text in it, and the page's policy forbids scripts in any case
    return Picture(title=title, note=note, svg=Markup(charts.svg(chart)))  # noqa: S704


def _series(chart: Chart) -> tuple[str, ...]:
    return tuple(printable(column.title) for column in chart.y) if len(chart.y) > 1 else ()


def _bars(chart: Chart) -> tuple[Bar, ...]:
    """A ranking as text and boxes: WeasyPrint draws the text of an SVG letter by letter, which Arabic cannot bear."""
    rows = charts.ranked(chart)
    longest = max(_length(row[column.name]) for row in rows for column in chart.y) or 1
    return tuple(
        Bar(
            label=shown(row[chart.x.name], chart.x),
            parts=tuple(
                (round(_length(row[column.name]) / longest * 100, 2), shown(row[column.name], column))
                for column in chart.y
            ),
        )
        for row in rows
    )


def _length(value: float | Decimal | None) -> float:
    return 0.0 if value is None or is_missing(value) else max(float(value), 0.0)


def _heads(table: Table) -> tuple[Head, ...]:
    wanted = [min(width, _PAPER_WIDTH) + _GAP for width in widths(table)]
    return tuple(
        Head(title=printable(column.title), kind=_kind(column), share=round(100 * width / sum(wanted), 2))
        for column, width in zip(table.columns, wanted, strict=True)
    )


def _kind(column: Column) -> Literal["number", "text", "other"]:
    if column.type in NUMERIC:
        return "number"
    return "text" if column.type == "text" else "other"
