"""Build the Vega-Lite specification of a chart."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

from ...domain.graphemes import cut
from ...domain.report_type import MOST_DRAWN, MOST_RANKED
from ..values import format_value, is_missing, printable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ...domain.report_type import Column
    from ..document import Chart

#: The height of a ranked bar, in pixels.
_BAR: Final = 24
#: The width of the name of a day on the axis, in pixels.
_LABEL: Final = 46

#: No emoji font is named: Pango would take digits from it. Emoji are found without being named.
FONTS: Final = "Noto Sans, DejaVu Sans, Noto Sans CJK JP, Noto Sans Arabic, Noto Sans Hebrew, sans-serif"
#: The templates replace these three by lighter ones on a dark page.
_INK, _SOFT, _GRID = "#3d4550", "#5b6472", "#e3e7ec"
PALETTE: Final = ("#2f6fab", "#d98032", "#4b9a68", "#8f5aa5", "#c0504d", "#6c7886", "#b59a2c", "#3a9aa8")
_CONFIG: Final = {
    "font": FONTS,
    "background": None,
    "aria": False,
    "view": {"stroke": None},
    "axis": {
        "labelFlush": False,
        "labelColor": _SOFT,
        "labelFontSize": 11,
        "labelPadding": 6,
        "gridColor": _GRID,
        "domainColor": _GRID,
        "tickColor": _GRID,
    },
    "legend": {"labelColor": _INK, "labelFontSize": 11},
}
_TEMPORAL: Final = frozenset({"date", "timestamp"})
#: A line of up to this many rows shows its points, and its axis labels each of them, or every second, every third.
_MAX_POINTS: Final = 31
#: Characters of a name on an axis or in a legend, which have less room than that.
_LABEL_TEXT: Final = 100
#: A chart has at most this many names on its axis: 10,000 take Vega half a minute.
_NAMED: Final = 400
#: Digits before a name on an axis that keep equal names apart, one place for each row; they are not shown.
_KEY_DIGITS: Final = 6


@dataclass(frozen=True, kw_only=True, slots=True)
class ChartStyle:
    """The size of a chart in CSS pixels, the colours of its series in order, and whether it has a legend."""

    width: int = 660
    height: int = 200
    palette: tuple[str, ...] = PALETTE
    legend: bool = True


DEFAULT_STYLE: Final = ChartStyle()


def has_data(chart: Chart) -> bool:
    """Whether there is anything to draw."""
    return any(not is_missing(row[column.name]) for row in drawn(chart) for column in chart.y)


def ranked(chart: Chart) -> tuple[Mapping[str, Any], ...]:
    """The rows that a ranking shows."""
    return chart.rows[:MOST_RANKED]


def drawn(chart: Chart) -> tuple[Mapping[str, Any], ...]:
    """The rows that a chart draws: the first ones, and over time only those that have a time."""
    rows = _first(chart)
    return tuple(row for row in rows if row[chart.x.name] is not None) if chart.x.type in _TEMPORAL else rows


def _first(chart: Chart) -> tuple[Mapping[str, Any], ...]:
    if chart.kind == "rank":
        return ranked(chart)
    return chart.rows[: MOST_DRAWN if _moments(chart) else _NAMED]


def is_cut(chart: Chart) -> bool:
    """Whether the chart leaves out rows of its data."""
    return chart.at_limit or len(_first(chart)) < chart.all_rows


def note(chart: Chart) -> str:
    """Say how many rows a chart leaves out; empty if none."""
    rows, shown = _first(chart), drawn(chart)
    notes = []
    if is_cut(chart):
        of = f" of {chart.all_rows:,d}" + " or more" * chart.at_limit if len(rows) < chart.all_rows else ""
        notes.append(f"First {len(rows):,d}{of}")
    if missing := len(rows) - len(shown):
        notes.append(f"{missing:,d} {'row has' if missing == 1 else 'rows have'} no date")
    return ", ".join(notes)


def specification(chart: Chart, style: ChartStyle = DEFAULT_STYLE) -> dict[str, Any] | None:
    """Build the Vega-Lite specification; None without data."""
    if not has_data(chart):
        return None
    chart = replace(chart, rows=drawn(chart))
    points = _points(chart)
    shape = _ranked(chart, points, style) if chart.kind == "rank" else _across(chart, points, style)
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "description": printable(chart.title),
        "width": style.width,
        "data": {"values": points},
        "padding": {"left": 0, "top": 5, "right": 5, "bottom": 3},
        "autosize": {"type": "fit-x", "contains": "padding"},
        "config": _CONFIG,
        **shape,
    }


def _points(chart: Chart) -> list[dict[str, Any]]:
    """Make a point per row and series: x and value, series title and number, sort key of the row, text of the value."""
    return [
        {
            "x": _place(row[chart.x.name], chart.x),
            "v": None if is_missing(row[column.name]) else float(row[column.name]),
            "s": cut(printable(column.title), _LABEL_TEXT),
            "n": place,
            "k": f"{number:0{_KEY_DIGITS}d}{cut(format_value(row[chart.x.name], chart.x), _LABEL_TEXT)}",
            "t": format_value(row[column.name], column),
        }
        for number, row in enumerate(chart.rows)
        for place, column in enumerate(chart.y)
    ]


def _place(value: Any, column: Column) -> str | None:
    """Format the x value: local time declared as UTC, so that Vega does not shift it; anything else as its text."""
    if value is None or column.type not in _TEMPORAL:
        return format_value(value, column)
    return f"{_wall_clock(value).isoformat()}Z"


def _wall_clock(value: date) -> datetime:
    if isinstance(value, datetime):
        return value.replace(tzinfo=None)
    return datetime(value.year, value.month, value.day)  # noqa: DTZ001 - a wall clock has no zone


def _across(chart: Chart, points: Sequence[Mapping[str, Any]], style: ChartStyle) -> dict[str, Any]:
    """Draw lines or vertical bars; bars of several series stand side by side, each from zero."""
    moments = _moments(chart)
    slot = _slot(moments, style) if chart.kind == "bar" and moments else 0
    x = _time_axis(moments, slot, style) if moments else _name_axis("k")
    encoding: dict[str, Any] = {"x": x, "y": _value_axis(chart.y, points), "color": _color(chart, style)}
    if chart.kind == "line":
        dots = {"size": 30} if len(chart.rows) <= _MAX_POINTS else False
        return {
            "height": style.height,
            "mark": {"type": "line", "strokeWidth": 2, "point": dots},
            "encoding": encoding,
        }
    if slot:
        return {"height": style.height, "encoding": encoding, "layer": _side_by_side(chart, slot)}
    if len(chart.y) > 1:
        encoding["xOffset"] = {"field": "s", "type": "nominal", "sort": None}
    return {"height": style.height, "mark": {"type": "bar"}, "encoding": encoding}


def _moments(chart: Chart) -> list[datetime]:
    """The moments of a time axis; none if bars need the places of names: two of one moment would lie on each other."""
    if chart.x.type not in _TEMPORAL:
        return []
    found = [_wall_clock(row[chart.x.name]) for row in chart.rows if row[chart.x.name] is not None]
    moments = sorted(set(found))
    return [] if chart.kind == "bar" and len(moments) < len(found) else moments


def _slot(moments: Sequence[datetime], style: ChartStyle) -> float:
    """Compute the width of the bars of one x value: most of the distance to the next; days without data stay gaps."""
    gaps = [later - earlier for earlier, later in pairwise(moments)]
    slots = (moments[-1] - moments[0]) / min(gaps) + 1 if gaps else 8
    return max((style.width - 60) / slots * 0.7, 1)


def _side_by_side(chart: Chart, slot: float) -> list[dict[str, Any]]:
    """Make a layer for each series, shifted to its part of the slot."""
    width = max(slot / len(chart.y), 1)
    return [
        {
            "transform": [{"filter": {"field": "n", "equal": number}}],
            "mark": {"type": "bar", "width": width, "xOffset": (number + 0.5) * width - slot / 2},
        }
        for number in range(len(chart.y))
    ]


def _time_axis(moments: Sequence[datetime], bar: float, style: ChartStyle) -> dict[str, Any]:
    span = moments[-1] - moments[0]
    if any((moment.hour, moment.minute) != (0, 0) for moment in moments) and span <= timedelta(days=3):
        pattern = "%H:%M" if moments[0].date() == moments[-1].date() else "%-d %b %H:%M"
    else:
        pattern = "%-d %b" if span <= timedelta(days=366) else "%b %Y"
    axis: dict[str, Any] = {"format": pattern, "title": None, "grid": False}
    if len(moments) <= _MAX_POINTS:
        step = -(-len(moments) * _LABEL // style.width)
        axis |= {"values": [f"{moment.isoformat()}Z" for moment in moments[::step]], "labelOverlap": False}
    else:
        axis |= {"tickCount": max(style.width // 80, 2), "labelOverlap": True}
    return {"field": "x", "type": "temporal", "scale": {"type": "utc", "padding": bar / 2 + 12}, "axis": axis}


def _name_axis(field: str, **changes: Any) -> dict[str, Any]:
    label = {"labelExpr": f"slice(datum.label, {_KEY_DIGITS})", "labelAngle": 0, "labelOverlap": True}
    axis = {"title": None, "grid": False, "ticks": False, **label, **changes}
    return {"field": field, "type": "ordinal", "sort": None, "axis": axis}


def _value_axis(columns: Sequence[Column], points: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Make the value axis: about four grid lines, `10k` for ten thousand, no fractions between small integers."""
    axis: dict[str, Any] = {"title": None, "tickCount": 4, "domain": False, "ticks": False, "format": ",~f"}
    largest = max(abs(point["v"]) for point in points if point["v"] is not None)
    if all(column.type == "percent" for column in columns):
        axis["format"] = "~%"
    elif largest >= 10_000:
        axis["format"] = "~s"
    elif largest <= 4 and all(column.type == "integer" for column in columns):
        axis["values"] = list(range(-4, 5))
    # "nice" puts the topmost grid line above the largest value
    scale = {"nice": 4} if largest else {"domain": [0, 1]}
    return {"field": "v", "type": "quantitative", "title": None, "axis": axis, "scale": scale}


def _ranked(chart: Chart, points: Sequence[Mapping[str, Any]], style: ChartStyle) -> dict[str, Any]:
    """Draw horizontal bars from the top, each with its value at its end, so that no axis is needed."""
    values = [point["v"] for point in points if point["v"] is not None]
    space = 1 + max(len(point["t"]) for point in points) * 0.022
    domain = [min(0, *values) * space, max(0, *values) * space]
    y = _name_axis("k", labelLimit=style.width // 3, labelPadding=8, domain=False)
    x = {"field": "v", "type": "quantitative", "axis": None, "scale": {"domain": domain, "nice": False}}
    shared = {"x": x, "y": {**y, "scale": {"paddingInner": 0.3, "paddingOuter": 0.15}}}
    if len(chart.y) > 1:
        shared["yOffset"] = {"field": "s", "type": "nominal", "sort": None}
    text = {"type": "text", "align": "left", "dx": 5, "color": _INK, "fontSize": 11}
    return {
        "height": _BAR * len(chart.rows) * (1 if len(chart.y) == 1 else 0.6 * len(chart.y)),
        "encoding": shared,
        "layer": [
            {"mark": {"type": "bar", "cornerRadiusEnd": 2}, "encoding": {"color": _color(chart, style)}},
            {"mark": text, "encoding": {"text": {"field": "t", "type": "nominal"}}},
        ],
    }


def _color(chart: Chart, style: ChartStyle) -> dict[str, Any]:
    """Assign one colour per series; there is a legend only for several."""
    titles = [cut(printable(column.title), _LABEL_TEXT) for column in chart.y]
    scale = {"domain": titles, "range": [style.palette[number % len(style.palette)] for number in range(len(titles))]}
    symbol = {"symbolType": "stroke", "symbolStrokeWidth": 3} if chart.kind == "line" else {"symbolType": "square"}
    legend = (
        None if len(titles) == 1 or not style.legend else {"title": None, "orient": "top", "labelLimit": 240, **symbol}
    )
    return {"field": "s", "type": "nominal", "sort": None, "scale": scale, "legend": legend}
