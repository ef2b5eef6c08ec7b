"""The charts of a page: drawn in the size of their tile, two tiles side by side where both are narrow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from markupsafe import Markup, escape

from .. import charts
from ..column_widths import text_width
from ..values import is_missing, printable, shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from decimal import Decimal

    from ..document import Chart

#: A ranking of more bars than this takes the whole width.
_TALL: Final = 12
#: A letter of a label, in pixels.
_LETTER: Final = 6.2
#: What a bar and a point of a line need at least, in pixels.
_BAR, _POINT = 8, 5


@dataclass(frozen=True, kw_only=True, slots=True)
class Room:
    """What a page has for the drawing in a tile, in pixels of 1/96 inch: half its width, or all of it."""

    half: int
    broad: int
    height: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Bar:
    """A row of a ranking: for each series its length in percent of the longest, and its value."""

    label: str
    parts: tuple[tuple[float, str], ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Picture:
    """A chart as it is shown: bars of a ranking, a drawing, or neither where all is zero."""

    title: str
    note: str
    series: tuple[str, ...] = ()
    svg: Markup | None = None
    bars: tuple[Bar, ...] = ()
    label_share: int = 0  # of the width, in percent


def tiles(drawn: Sequence[Chart], room: Room, palette: tuple[str, ...]) -> Iterator[tuple[Picture, ...]]:
    """The pictures in rows of one or two; what has no data is left out."""
    for row in _paired([chart for chart in drawn if charts.has_data(chart)], room):
        width = room.half if len(row) == 2 else room.broad
        look = charts.Look(width=width, height=room.height, palette=palette, legend=False)
        yield tuple(_picture(chart, look) for chart in row)


def _paired(drawn: Sequence[Chart], room: Room) -> Iterator[tuple[Chart, ...]]:
    """Two neighbours that are narrow share a row; the order stays."""
    waiting: Chart | None = None
    for chart in drawn:
        if waiting is not None and _is_narrow(chart, room):
            yield waiting, chart
            waiting = None
            continue
        if waiting is not None:
            yield (waiting,)
        waiting = chart if _is_narrow(chart, room) else None
        if waiting is None:
            yield (chart,)
    if waiting is not None:
        yield (waiting,)


def _is_narrow(chart: Chart, room: Room) -> bool:
    if chart.kind == "rank":
        return len(charts.ranked(chart)) * len(chart.y) <= _TALL
    needed = _POINT if chart.kind == "line" else _BAR * len(chart.y)
    return len(chart.rows) * needed <= room.half


def _picture(chart: Chart, look: charts.Look) -> Picture:
    title, note = printable(chart.title), charts.note(chart)
    if charts.is_flat(chart):
        return Picture(title=title, note=note)
    if chart.kind == "rank":
        return Picture(
            title=title,
            note=note,
            series=_series(chart),
            bars=(bars := _bars(chart)),
            label_share=_label_share(bars, look),
        )
    return Picture(title=title, note=note, series=_series(chart), svg=_named(charts.svg(chart, look), described(chart)))


def _named(drawing: str, name: str) -> Markup:
    """The SVG with a name for those who do not see it, which a PDF keeps as well."""
    start, end = drawing.split(">", 1)
    # what draws it escapes the text in it, and the page's policy forbids scripts in any case
    return Markup(f'{start} role="img"><title>{escape(name)}</title>{end}')  # noqa: S704


def described(chart: Chart) -> str:
    """Its title, and the ends of each series: `Messages per day. Messages: 14 (2026-11-22) to 215 (2026-11-24).`."""
    texts = [f"{printable(chart.title)}."]
    for column in chart.y:
        rows = [row for row in chart.rows if not is_missing(row[column.name])]
        if rows:
            ends = (min(rows, key=lambda row: row[column.name]), max(rows, key=lambda row: row[column.name]))
            least, most = (f"{shown(row[column.name], column)} ({shown(row[chart.x.name], chart.x)})" for row in ends)
            texts.append(f"{printable(column.title)}: {least} to {most}.")
    return " ".join(texts)


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


def _label_share(bars: Sequence[Bar], look: charts.Look) -> int:
    """What the longest label needs, within reason."""
    longest = max(text_width(bar.label) for bar in bars) + 3
    return round(min(max(longest * _LETTER / look.width, 0.12), 0.45) * 100)


def _length(value: float | Decimal | None) -> float:
    return 0.0 if value is None or is_missing(value) else max(float(value), 0.0)
