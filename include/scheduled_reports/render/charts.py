"""Charts: Vega-Lite drawn without a browser; the data stands in the specification, nothing is fetched."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

import vl_convert

from .text import is_missing, printable, shown

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..model import Column
    from .document import Chart

WIDTH: Final = 660
_HEIGHT: Final = 200
_BAR: Final = 24
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
#: A line of no more rows than this shows its points; an axis of no more moments than that names each.
_DOTTED, _TICKED = 31, 10
#: Digits before the name of a ranked bar: they keep two of the same name apart, and are not shown.
_KEY: Final = 4


def svg(chart: Chart) -> str:
    """The chart as SVG text; empty where there is nothing to draw."""
    spec = specification(chart)
    if spec is None:
        return ""
    return vl_convert.vegalite_to_svg(spec, allowed_base_urls=[], format_locale="en-US", time_format_locale="en-GB")


def png(chart: Chart, scale: float = 2) -> bytes:
    """The chart as a PNG image on white; empty where there is nothing to draw."""
    spec = specification(chart)
    if spec is None:
        return b""
    spec["background"] = "white"
    return vl_convert.vegalite_to_png(
        spec, scale=scale, allowed_base_urls=[], format_locale="en-US", time_format_locale="en-GB"
    )


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


def specification(chart: Chart) -> dict[str, Any] | None:
    """The Vega-Lite specification; None where there is nothing to draw."""
    if not has_data(chart):
        return None
    if chart.kind == "rank":
        chart = replace(chart, rows=ranked(chart))
    points = _points(chart)
    drawn = _ranked(chart, points) if chart.kind == "rank" else _over_time(chart, points)
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "description": printable(chart.title),
        "width": WIDTH,
        "data": {"values": points},
        "autosize": {"type": "fit-x", "contains": "padding"},
        "config": _CONFIG,
        **drawn,
    }


def _points(chart: Chart) -> list[dict[str, Any]]:
    """One point per row and series: *x* where, *v* how much, *s* whose, *k* which row, *t* as it is read."""
    return [
        {
            "x": _place(row[chart.x.name], chart.x),
            "v": None if is_missing(row[column.name]) else float(row[column.name]),
            "s": printable(column.title),
            "k": f"{number:0{_KEY}d}{shown(row[chart.x.name], chart.x)}",
            "t": shown(row[column.name], column),
        }
        for number, row in enumerate(chart.rows)
        for column in chart.y
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


def _over_time(chart: Chart, points: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Lines or bars from left to right."""
    moments = sorted({_wall_clock(row[chart.x.name]) for row in chart.rows}) if chart.x.type in _TEMPORAL else []
    mark: dict[str, Any] = {"type": "bar"}
    if chart.kind == "line":
        dots = {"size": 30} if len(chart.rows) <= _DOTTED else False
        mark = {"type": "line", "strokeWidth": 2, "point": dots}
    elif moments:
        mark["width"] = _bar_width(moments)
    x = _time_axis(moments, mark.get("width", 0)) if moments else _name_axis("x")
    y = {"field": "v", "type": "quantitative", "title": None, "axis": _value_axis(chart.y, points)}
    return {"height": _HEIGHT, "mark": mark, "encoding": {"x": x, "y": y, "color": _color(chart)}}


def _bar_width(moments: Sequence[datetime]) -> float:
    """Most of the room between two neighbours; the gaps of days without data stay gaps."""
    gaps = [later - earlier for earlier, later in pairwise(moments)]
    slots = (moments[-1] - moments[0]) / min(gaps) + 1 if gaps else 8
    return max((WIDTH - 60) / slots * 0.7, 1)


def _time_axis(moments: Sequence[datetime], bar: float) -> dict[str, Any]:
    span = moments[-1] - moments[0]
    if any((moment.hour, moment.minute) != (0, 0) for moment in moments) and span <= timedelta(days=3):
        pattern = "%H:%M" if moments[0].date() == moments[-1].date() else "%-d %b %H:%M"
    else:
        pattern = "%-d %b" if span <= timedelta(days=366) else "%b %Y"
    axis: dict[str, Any] = {"format": pattern, "title": None, "grid": False, "labelOverlap": True, "tickCount": 8}
    if len(moments) <= _TICKED:
        axis["values"] = [f"{moment.isoformat()}Z" for moment in moments]
    return {"field": "x", "type": "temporal", "scale": {"type": "utc", "padding": bar / 2 + 12}, "axis": axis}


def _name_axis(field: str, **changes: Any) -> dict[str, Any]:
    axis = {"title": None, "grid": False, "ticks": False, "labelAngle": 0, "labelOverlap": True, **changes}
    return {"field": field, "type": "ordinal", "sort": None, "axis": axis}


def _value_axis(columns: Sequence[Column], points: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Four quiet lines, and numbers short enough to read: `10k` from ten thousand on."""
    axis: dict[str, Any] = {"title": None, "tickCount": 4, "domain": False, "ticks": False}
    if all(column.type == "percent" for column in columns):
        return {**axis, "format": "~%"}
    if all(column.type == "integer" for column in columns):
        axis["tickMinStep"] = 1
    largest = max(abs(point["v"]) for point in points if point["v"] is not None)
    return {**axis, "format": "~s" if largest >= 10_000 else ",~f"}


def _ranked(chart: Chart, points: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Bars from the top down, each with its value at its end: no axis is needed."""
    values = [point["v"] for point in points if point["v"] is not None]
    room = 1 + max(len(point["t"]) for point in points) * 0.022
    domain = [min(0, *values) * room, max(0, *values) * room]
    y = _name_axis("k", labelExpr=f"slice(datum.label, {_KEY})", labelLimit=210, labelPadding=8, domain=False)
    x = {"field": "v", "type": "quantitative", "axis": None, "scale": {"domain": domain, "nice": False}}
    shared = {"x": x, "y": {**y, "scale": {"paddingInner": 0.3, "paddingOuter": 0.15}}}
    if len(chart.y) > 1:
        shared["yOffset"] = {"field": "s", "type": "nominal", "sort": None}
    text = {"type": "text", "align": "left", "dx": 5, "color": _INK, "fontSize": 11}
    return {
        "height": _BAR * len(chart.rows) * (1 if len(chart.y) == 1 else 0.6 * len(chart.y)),
        "encoding": shared,
        "layer": [
            {"mark": {"type": "bar", "cornerRadiusEnd": 2}, "encoding": {"color": _color(chart)}},
            {"mark": text, "encoding": {"text": {"field": "t", "type": "nominal"}}},
        ],
    }


def _color(chart: Chart) -> dict[str, Any]:
    """One colour per series; a legend only where there is something to tell apart."""
    titles = [printable(column.title) for column in chart.y]
    scale = {"domain": titles, "range": [PALETTE[number % len(PALETTE)] for number in range(len(titles))]}
    symbol = {"symbolType": "stroke", "symbolStrokeWidth": 3} if chart.kind == "line" else {"symbolType": "square"}
    legend = None if len(titles) == 1 else {"title": None, "orient": "top", "labelLimit": 240, **symbol}
    return {"field": "s", "type": "nominal", "sort": None, "scale": scale, "legend": legend}
