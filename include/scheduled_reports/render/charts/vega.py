"""The specification of a chart in Vega-Lite: what stands where, in which size and colour."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

from ..values import is_missing, printable, shown

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ...domain.report_type import Column
    from ..document import Chart

_BAR: Final = 24
#: What the name of a day takes on the axis.
_LABEL: Final = 46
#: More bars than this are a table, not a chart.
_RANKED: Final = 25

#: No emoji font among them: Pango would take the digits from it. Emoji are found without being named.
FONTS: Final = "Noto Sans, DejaVu Sans, Noto Sans CJK JP, Noto Sans Arabic, Noto Sans Hebrew, sans-serif"
#: The templates turn these three into lighter ones on a dark page.
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
#: A line of no more rows than this shows its points, and its axis names each of them, or each second, each third.
_DOTTED: Final = 31
#: Digits before the name of a ranked bar: they keep two of the same name apart, and are not shown.
_KEY: Final = 4


@dataclass(frozen=True, kw_only=True, slots=True)
class Look:
    """How large a chart is, in pixels of 1/96 inch, its colours in the order of the series, whether it names them."""

    width: int = 660
    height: int = 200
    palette: tuple[str, ...] = PALETTE
    legend: bool = True


PLAIN: Final = Look()


def has_data(chart: Chart) -> bool:
    """Whether there is anything to draw."""
    return any(not is_missing(row[column.name]) for row in chart.rows for column in chart.y)


def ranked(chart: Chart) -> tuple[Mapping[str, Any], ...]:
    """The rows a ranking shows."""
    return chart.rows[:_RANKED]


def note(chart: Chart) -> str:
    """What a chart leaves out; empty where that is nothing."""
    if chart.kind != "rank" or len(chart.rows) <= _RANKED:
        return ""
    return f"The first {_RANKED} of {len(chart.rows):,d}"


def specification(chart: Chart, look: Look = PLAIN) -> dict[str, Any] | None:
    """The Vega-Lite specification; None where there is nothing to draw."""
    if not has_data(chart):
        return None
    if chart.kind == "rank":
        chart = replace(chart, rows=ranked(chart))
    points = _points(chart)
    drawn = _ranked(chart, points, look) if chart.kind == "rank" else _across(chart, points, look)
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "description": printable(chart.title),
        "width": look.width,
        "data": {"values": points},
        "padding": {"left": 0, "top": 5, "right": 5, "bottom": 3},
        "autosize": {"type": "fit-x", "contains": "padding"},
        "config": _CONFIG,
        **drawn,
    }


def _points(chart: Chart) -> list[dict[str, Any]]:
    """A point per row and series: *x* where, *v* how much, *s*, *n* whose, *k* which row, *t* as it is read."""
    return [
        {
            "x": _place(row[chart.x.name], chart.x),
            "v": None if is_missing(row[column.name]) else float(row[column.name]),
            "s": printable(column.title),
            "n": place,
            "k": f"{number:0{_KEY}d}{shown(row[chart.x.name], chart.x)}",
            "t": shown(row[column.name], column),
        }
        for number, row in enumerate(chart.rows)
        for place, column in enumerate(chart.y)
    ]


def _place(value: Any, column: Column) -> str | None:
    """A moment as its wall clock, called UTC so that nothing shifts it; all else as it is read."""
    if value is None or column.type not in _TEMPORAL:
        return shown(value, column)
    return f"{_wall_clock(value).isoformat()}Z"


def _wall_clock(value: date) -> datetime:
    if isinstance(value, datetime):
        return value.replace(tzinfo=None)
    return datetime(value.year, value.month, value.day)  # noqa: DTZ001 - a wall clock has no zone


def _across(chart: Chart, points: Sequence[Mapping[str, Any]], look: Look) -> dict[str, Any]:
    """Lines or bars from left to right; the bars of several series stand side by side, each from zero."""
    moments = sorted({_wall_clock(row[chart.x.name]) for row in chart.rows}) if chart.x.type in _TEMPORAL else []
    slot = _slot(moments, look) if chart.kind == "bar" and moments else 0
    x = _time_axis(moments, slot, look) if moments else _name_axis("x")
    encoding: dict[str, Any] = {"x": x, "y": _value_axis(chart.y, points), "color": _color(chart, look)}
    if chart.kind == "line":
        dots = {"size": 30} if len(chart.rows) <= _DOTTED else False
        return {
            "height": look.height,
            "mark": {"type": "line", "strokeWidth": 2, "point": dots},
            "encoding": encoding,
        }
    if slot:
        return {"height": look.height, "encoding": encoding, "layer": _side_by_side(chart, slot)}
    if len(chart.y) > 1:
        encoding["xOffset"] = {"field": "s", "type": "nominal", "sort": None}
    return {"height": look.height, "mark": {"type": "bar"}, "encoding": encoding}


def _slot(moments: Sequence[datetime], look: Look) -> float:
    """Most of the room between two neighbours; the gaps of days without data stay gaps."""
    gaps = [later - earlier for earlier, later in pairwise(moments)]
    slots = (moments[-1] - moments[0]) / min(gaps) + 1 if gaps else 8
    return max((look.width - 60) / slots * 0.7, 1)


def _side_by_side(chart: Chart, slot: float) -> list[dict[str, Any]]:
    """A layer for each series, moved to its part of the slot."""
    width = max(slot / len(chart.y), 1)
    return [
        {
            "transform": [{"filter": {"field": "n", "equal": number}}],
            "mark": {"type": "bar", "width": width, "xOffset": (number + 0.5) * width - slot / 2},
        }
        for number in range(len(chart.y))
    ]


def _time_axis(moments: Sequence[datetime], bar: float, look: Look) -> dict[str, Any]:
    span = moments[-1] - moments[0]
    if any((moment.hour, moment.minute) != (0, 0) for moment in moments) and span <= timedelta(days=3):
        pattern = "%H:%M" if moments[0].date() == moments[-1].date() else "%-d %b %H:%M"
    else:
        pattern = "%-d %b" if span <= timedelta(days=366) else "%b %Y"
    axis: dict[str, Any] = {"format": pattern, "title": None, "grid": False}
    if len(moments) <= _DOTTED:
        step = -(-len(moments) * _LABEL // look.width)
        axis |= {"values": [f"{moment.isoformat()}Z" for moment in moments[::step]], "labelOverlap": False}
    else:
        axis |= {"tickCount": max(look.width // 80, 2), "labelOverlap": True}
    return {"field": "x", "type": "temporal", "scale": {"type": "utc", "padding": bar / 2 + 12}, "axis": axis}


def _name_axis(field: str, **changes: Any) -> dict[str, Any]:
    axis = {"title": None, "grid": False, "ticks": False, "labelAngle": 0, "labelOverlap": True, **changes}
    return {"field": field, "type": "ordinal", "sort": None, "axis": axis}


def _value_axis(columns: Sequence[Column], points: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Four quiet lines, and numbers short enough to read: `10k` from ten thousand on, no half of what is whole."""
    axis: dict[str, Any] = {"title": None, "tickCount": 4, "domain": False, "ticks": False, "format": ",~f"}
    largest = max(abs(point["v"]) for point in points if point["v"] is not None)
    if all(column.type == "percent" for column in columns):
        axis["format"] = "~%"
    elif largest >= 10_000:
        axis["format"] = "~s"
    elif largest <= 4 and all(column.type == "integer" for column in columns):
        axis["values"] = list(range(-4, 5))
    # the topmost line lies above the largest value, not below it
    scale = {"nice": 4} if largest else {"domain": [0, 1]}
    return {"field": "v", "type": "quantitative", "title": None, "axis": axis, "scale": scale}


def _ranked(chart: Chart, points: Sequence[Mapping[str, Any]], look: Look) -> dict[str, Any]:
    """Bars from the top down, each with its value at its end: no axis is needed."""
    values = [point["v"] for point in points if point["v"] is not None]
    room = 1 + max(len(point["t"]) for point in points) * 0.022
    domain = [min(0, *values) * room, max(0, *values) * room]
    y = _name_axis(
        "k", labelExpr=f"slice(datum.label, {_KEY})", labelLimit=look.width // 3, labelPadding=8, domain=False
    )
    x = {"field": "v", "type": "quantitative", "axis": None, "scale": {"domain": domain, "nice": False}}
    shared = {"x": x, "y": {**y, "scale": {"paddingInner": 0.3, "paddingOuter": 0.15}}}
    if len(chart.y) > 1:
        shared["yOffset"] = {"field": "s", "type": "nominal", "sort": None}
    text = {"type": "text", "align": "left", "dx": 5, "color": _INK, "fontSize": 11}
    return {
        "height": _BAR * len(chart.rows) * (1 if len(chart.y) == 1 else 0.6 * len(chart.y)),
        "encoding": shared,
        "layer": [
            {"mark": {"type": "bar", "cornerRadiusEnd": 2}, "encoding": {"color": _color(chart, look)}},
            {"mark": text, "encoding": {"text": {"field": "t", "type": "nominal"}}},
        ],
    }


def _color(chart: Chart, look: Look) -> dict[str, Any]:
    """One colour per series; a legend only where there is something to tell apart."""
    titles = [printable(column.title) for column in chart.y]
    scale = {"domain": titles, "range": [look.palette[number % len(look.palette)] for number in range(len(titles))]}
    symbol = {"symbolType": "stroke", "symbolStrokeWidth": 3} if chart.kind == "line" else {"symbolType": "square"}
    legend = (
        None if len(titles) == 1 or not look.legend else {"title": None, "orient": "top", "labelLimit": 240, **symbol}
    )
    return {"field": "s", "type": "nominal", "sort": None, "scale": scale, "legend": legend}
