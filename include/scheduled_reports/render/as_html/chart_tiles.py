"""Draw the charts of a page in tiles; two narrow neighbours share a row."""

from __future__ import annotations

import unicodedata
from base64 import b64encode
from dataclasses import dataclass, replace
from functools import partial
from io import BytesIO
from typing import TYPE_CHECKING, Final, Literal

from markupsafe import Markup, escape
from PIL import Image

from ...domain.graphemes import cut
from .. import charts
from ..column_widths import text_width
from ..values import format_value, is_missing, printable
from .pairs import paired

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from decimal import Decimal

    from ..document import Chart

#: How wide a tile of two in a row is: as wide as the other, a third, two thirds.
Span = Literal["", "slim", "broad"]
#: A ranking of more bars than this takes the whole width.
_MANY_BARS: Final = 12
#: A ranking of up to so many bars beside another chart takes a third of the width.
_FEW_BARS: Final = 6
#: The size of a drawing on a phone, in pixels; a drawing that is wider than the second number has one.
_PHONE, _PHONE_HEIGHT, _WIDE = 320, 190, 340
_PHONE_FONT: Final = 12
#: The average width of a letter of a label, in pixels.
_LETTER: Final = 6.2
#: Letters that join or run from right to left, and marks, as Unicode classifies them.
_JOINED, _COMBINED = frozenset({"R", "AL"}), frozenset({"Mn", "Mc", "Me"})
#: Characters of a name in a description.
_NAME: Final = 100
#: The least width of a bar and of a point of a line, in pixels.
_BAR, _POINT = 8, 5


@dataclass(frozen=True, kw_only=True, slots=True)
class TileSize:
    """The size of the drawing in a tile, in CSS pixels: *half* a page wide, two *thirds* of it, or *full* width."""

    half: int
    thirds: int
    full: int
    height: int
    paper: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class BarPart:
    """A bar: where it starts and its length, in percent of the width for bars, and the value as text."""

    start: float
    length: float
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Bar:
    """A row of a ranking; *parts* has a bar per series."""

    label: str
    parts: tuple[BarPart, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Tile:
    """A chart as shown: bars of a ranking, an SVG drawing, or neither in a report without data."""

    title: str
    note: str
    series: tuple[str, ...] = ()
    marks: tuple[str, ...] = ()  # the class of each series
    svg: Markup | None = None
    phone: Markup | None = None  # the drawing for a narrow screen, if it is another one
    span: Span = ""
    bars: tuple[Bar, ...] = ()
    label_share: int = 0  # of the width, in percent


def tiles(
    drawn: Sequence[Chart], size: TileSize, palette: tuple[str, ...], *, zeros: bool
) -> Iterator[tuple[Tile, ...]]:
    """Draw the tiles in rows of one or two; charts without data are left out.

    A chart of nothing but zeros is drawn if *zeros* is true; otherwise it says that there was no activity.
    """
    shown = [charts.binned(chart) for chart in drawn if charts.has_data(chart)]
    for row in paired(shown, partial(_fit, size)):
        spans = _spans(row)
        styles = [
            charts.ChartStyle(width=width, height=size.height, palette=palette, legend=False, paper=size.paper)
            for width in _widths(spans, size)
        ]
        yield tuple(
            replace(_tile(chart, style, zeros=zeros), span=span)
            for chart, style, span in zip(row, styles, spans, strict=True)
        )


def _spans(row: Sequence[Chart]) -> list[Span]:
    """How wide the tiles of a row are: a ranking of few bars beside another chart needs a third of the width."""
    slim = [chart.kind == "rank" and len(charts.ranked(chart)) * len(chart.y) <= _FEW_BARS for chart in row]
    if len(row) == 1 or all(slim) or not any(slim):
        return [""] * len(row)
    return ["slim" if one else "broad" for one in slim]


def _fit(size: TileSize, *pair: Chart) -> bool:
    """Whether charts fit side by side."""
    widths = _widths(_spans(pair), size)
    return all(_is_narrow(chart, width) for chart, width in zip(pair, widths, strict=True))


def _widths(spans: Sequence[Span], size: TileSize) -> list[int]:
    """The widths of the drawings of a row."""
    half = size.half if len(spans) == 2 else size.full
    return [size.thirds if span == "broad" else half for span in spans]


def _is_narrow(chart: Chart, width: int) -> bool:
    """Whether a chart needs no more than *width*."""
    if chart.kind == "rank":
        return len(charts.ranked(chart)) * len(chart.y) <= _MANY_BARS
    needed = _POINT if chart.kind == "line" else _BAR * len(chart.y)
    return len(charts.drawn(chart)) * needed <= width


def _tile(chart: Chart, style: charts.ChartStyle, *, zeros: bool) -> Tile:
    title, note = printable(chart.title), charts.note(chart)
    if charts.is_flat(chart) and not zeros:
        return Tile(title=title, note=note)
    if chart.kind == "rank":
        return Tile(
            title=title,
            note=note,
            series=_series(chart),
            marks=_marks(chart, style),
            bars=(bars := _bars(chart)),
            label_share=_label_share(bars, style),
        )
    drawing = _picture(chart, style) if style.paper and _needs_shaping(chart) else charts.svg(chart, style)
    name = described(chart)
    phone = None
    if not style.paper and style.width > _WIDE:
        small = replace(style, width=_PHONE, height=_PHONE_HEIGHT, font_size=_PHONE_FONT)
        phone = _named(charts.svg(chart, small), name)
    return Tile(
        title=title,
        note=note,
        series=_series(chart),
        marks=_marks(chart, style),
        svg=_named(drawing, name),
        phone=phone,
    )


def _needs_shaping(chart: Chart) -> bool:
    """Whether a name on the axis has letters that join, combine or run from right to left.

    WeasyPrint draws the text of an SVG letter by letter.
    """
    names = "".join(format_value(row[chart.x.name], chart.x) for row in charts.drawn(chart))
    return not names.isascii() and any(
        unicodedata.bidirectional(char) in _JOINED or unicodedata.category(char) in _COMBINED for char in set(names)
    )


def _picture(chart: Chart, style: charts.ChartStyle) -> str:
    """Draw the chart as an image within an SVG, with the text shaped."""
    png = charts.png(chart, scale=3, style=style)
    with Image.open(BytesIO(png)) as picture:
        size = f'viewBox="0 0 {picture.width} {picture.height}"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size}><image width="100%" height="100%"'
        f' href="data:image/png;base64,{b64encode(png).decode()}"/></svg>'
    )


def _named(drawing: str, name: str) -> Markup:
    """Add an accessible name to the SVG; a PDF keeps it."""
    start, end = drawing.split(">", 1)
    # Vega escapes text in the SVG, and the content security policy of the page forbids scripts anyway.
    return Markup(f'{start} role="img"><title>{escape(name)}</title>{end}')  # noqa: S704


def described(chart: Chart) -> str:
    """Describe a chart in words: `Messages per day. Messages: 14 (Sun 22 Nov 2026) to 215 (Tue 24 Nov 2026).`."""
    texts = [f"{cut(printable(chart.title), _NAME)}."]
    for column in chart.y:
        rows = [row for row in charts.drawn(chart) if not is_missing(row[column.name])]
        if rows:
            ends = (min(rows, key=lambda row: row[column.name]), max(rows, key=lambda row: row[column.name]))
            least, most = (
                f"{format_value(row[column.name], column)} ({cut(format_value(row[chart.x.name], chart.x), _NAME)})"
                for row in ends
            )
            texts.append(f"{cut(printable(column.title), _NAME)}: {least} to {most}.")
    return " ".join(texts)


def _series(chart: Chart) -> tuple[str, ...]:
    """The names of the series; none if there is only one, and no period before beside it."""
    titles = [printable(column.title) for column in chart.y] + [charts.BEFORE] * bool(chart.before)
    return tuple(titles) if len(titles) > 1 else ()


def _marks(chart: Chart, style: charts.ChartStyle) -> tuple[str, ...]:
    """The class of each series: `s0` for the first colour of the palette, `failed` or `before`."""
    colours = charts.series_colours(chart, style.palette)
    found = ["failed" if colour == charts.FAILURE else f"s{style.palette.index(colour)}" for colour in colours]
    return (*found, "before") if chart.before else tuple(found)


def _bars(chart: Chart) -> tuple[Bar, ...]:
    """Make a ranking of HTML text: WeasyPrint draws SVG text letter by letter, which breaks Arabic."""
    rows = charts.ranked(chart)
    values = [_number(row[column.name]) for row in rows for column in chart.y]
    zero = max(-min(values), 0.0)
    span = (max(*values, 0.0) + zero) or 1
    return tuple(
        Bar(
            label=format_value(row[chart.x.name], chart.x),
            parts=tuple(
                BarPart(
                    start=round((zero + min(_number(row[column.name]), 0.0)) / span * 100, 2),
                    length=round(abs(_number(row[column.name])) / span * 100, 2),
                    text=format_value(row[column.name], column),
                )
                for column in chart.y
            ),
        )
        for row in rows
    )


def _label_share(bars: Sequence[Bar], style: charts.ChartStyle) -> int:
    """Compute the share of the width for labels, in percent: by the longest, between 12 and 45."""
    longest = max(text_width(bar.label) for bar in bars) + 3
    return round(min(max(longest * _LETTER / style.width, 0.12), 0.45) * 100)


def _number(value: float | Decimal | None) -> float:
    return 0.0 if value is None or is_missing(value) else float(value)
