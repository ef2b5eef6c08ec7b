"""Build the Vega-Lite specification of a chart."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

from ...domain.graphemes import cut
from ...domain.report_type import MOST_DRAWN, MOST_RANKED
from ..column_widths import text_width
from ..values import format_value, is_missing, printable
from .bins import WEEK, binned, is_daily, shows_weeks

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ...domain.report_type import Column
    from ..document import Chart

#: The height of a ranked bar, in pixels, and of one whose name takes two lines.
_BAR: Final = 24
_HIGH_BAR: Final = 34
#: Bars over time that would be thinner than this, in pixels, are drawn as lines.
_THIN: Final = 4
#: The share of the width for the names of a ranking, and the average width of a letter per pixel of the font's size.
_NAME_SHARE, _LETTER = 0.45, 0.56
#: The width of the name of a day on the axis, in pixels.
_LABEL: Final = 46

#: No emoji font is named: Pango would take digits from it. Emoji are found without being named.
FONTS: Final = "Noto Sans, DejaVu Sans, Noto Sans CJK JP, Noto Sans Arabic, Noto Sans Hebrew, sans-serif"
#: The templates replace these three by lighter ones on a dark page.
_INK, _SOFT, _GRID = "#3d4550", "#5b6472", "#e3e7ec"
#: Behind Saturdays and Sundays; the line of the period before; failures.
WEEKEND, EARLIER, FAILURE = "#eceff3", "#59636f", "#c0504d"
#: The legend of the line of the period before.
BEFORE: Final = "Previous period"
PALETTE: Final = ("#2f6fab", "#d98032", "#4b9a68", "#8f5aa5", "#c0504d", "#6c7886", "#b59a2c", "#3a9aa8")
_TEMPORAL: Final = frozenset({"date", "timestamp"})
#: A line of up to this many rows shows its points, and its axis labels each of them, or every second, every third.
_MAX_POINTS: Final = 31
#: Characters of a name on an axis or in a legend, which have less room than that.
_LABEL_TEXT: Final = 100
#: A chart has at most this many names on its axis: 10,000 take Vega half a minute.
_NAMED: Final = 400
#: Up to this many days an axis names weekdays; up to this many bars have their values above them.
_MAX_WEEKDAYS, _MAX_LABELLED = 14, 14
#: The width of a digit above a bar, in pixels, and the height of such a label as a share of the largest value.
_DIGIT, _LABEL_HEIGHT = 6, 0.1
#: A chart of up to this width is drawn for a phone.
_NARROW: Final = 340
#: What a legend takes beside its names, in pixels: the symbol and the gap.
_LEGEND_GAP: Final = 34
_WEEKEND_DAYS, _HALF_DAY = frozenset({5, 6}), timedelta(hours=12)
#: Digits before a name on an axis that keep equal names apart, one place for each row; they are not shown.
_KEY_DIGITS: Final = 6


@dataclass(frozen=True, kw_only=True, slots=True)
class ChartStyle:
    """The size of a chart in CSS pixels, the colours of its series in order, and whether it has a legend."""

    width: int = 660
    height: int = 200
    palette: tuple[str, ...] = PALETTE
    legend: bool = True
    paper: bool = False  # WeasyPrint draws it
    font_size: int = 11


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
    """Say what a reader must know of the rows: that they are weeks, and how many are left out; empty if nothing."""
    rows, shown = _first(chart), drawn(chart)
    notes = []
    if chart.by_week or shows_weeks(replace(chart, rows=shown)):
        notes.append("Average per day, by week" if chart.weekly == "average" else "By week")
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
    chart = binned(replace(chart, rows=drawn(chart)))
    points = _points(chart, style)
    shape = _ranked(chart, points, style) if chart.kind == "rank" else _across(chart, points, style)
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "description": printable(chart.title),
        "width": style.width,
        "data": {"values": points},
        "padding": {"left": 0, "top": 5, "right": 5, "bottom": 3},
        "autosize": {"type": "fit-x", "contains": "padding"},
        "config": _config(style),
        **shape,
    }


def _config(style: ChartStyle) -> dict[str, Any]:
    return {
        "font": FONTS,
        "background": None,
        "aria": False,
        "view": {"stroke": None},
        "axis": {
            "labelFlush": False,
            "labelColor": _SOFT,
            "labelFontSize": style.font_size,
            "labelPadding": 6,
            "gridColor": _GRID,
            "domainColor": _GRID,
            "tickColor": _GRID,
        },
        "legend": {"labelColor": _INK, "labelFontSize": style.font_size},
    }


def _points(chart: Chart, style: ChartStyle) -> list[dict[str, Any]]:
    """Make a point per row and series: x and value, series title and number, sort key of the row, text of the value."""
    return [
        {
            "x": _place(row[chart.x.name], chart.x),
            "v": None if is_missing(row[column.name]) else float(row[column.name]),
            "e": None if is_missing(row[column.name]) else max(float(row[column.name]), 0.0),
            "s": cut(printable(column.title), _LABEL_TEXT),
            "n": place,
            "k": f"{number:0{_KEY_DIGITS}d}{_name(row[chart.x.name], chart, style)}",
            **_earlier(chart, number, place),
            "t": format_value(row[column.name], column),
        }
        for number, row in enumerate(chart.rows)
        for place, column in enumerate(chart.y)
    ]


def _name(value: Any, chart: Chart, style: ChartStyle) -> str:
    """The name of a row on the axis; of a ranked bar in one or two lines, which break between words."""
    name = cut(format_value(value, chart.x), _LABEL_TEXT)
    if chart.kind != "rank":
        return name
    room = int(style.width * _NAME_SHARE / (_LETTER * style.font_size))
    if text_width(name) <= room:
        return name
    lines = textwrap.wrap(name, room, break_long_words=False, break_on_hyphens=False)
    shown = [lines[0], " ".join(lines[1:])] if len(lines) > 1 else lines
    return "\n".join(cut(line, room) for line in shown)


def _earlier(chart: Chart, number: int, place: int) -> dict[str, float]:
    """The value of the period before, of the first series only: more lines would hide what they are compared with."""
    value = chart.before[number][chart.y[0].name] if chart.before and not place else None
    return {} if is_missing(value) else {"b": float(value)}  # type: ignore[arg-type]  # not None


def _place(value: Any, column: Column) -> str | None:
    """Format the x value: local time declared as UTC, so that Vega does not shift it; anything else as its text."""
    if value is None or column.type not in _TEMPORAL:
        return format_value(value, column)
    return _utc(_wall_clock(value))


def _wall_clock(value: date) -> datetime:
    if isinstance(value, datetime):
        return value.replace(tzinfo=None)
    return datetime(value.year, value.month, value.day)  # noqa: DTZ001 - a wall clock has no zone


def _across(chart: Chart, points: Sequence[Mapping[str, Any]], style: ChartStyle) -> dict[str, Any]:
    """Draw lines or vertical bars; bars of several series stand side by side, each from zero."""
    moments = _moments(chart)
    if chart.kind == "bar" and moments and _slot(moments, style) < _THIN * len(chart.y):
        chart = replace(chart, kind="line")  # hairlines side by side cannot be told apart
    y, color = _value_axis(chart, points), _color(chart, style)
    if chart.kind == "bar" and not moments:
        offset = {"xOffset": {"field": "s", "type": "nominal", "sort": None}} if len(chart.y) > 1 else {}
        encoding = {"x": _name_axis("k"), "y": y, "color": color, **offset}
        return {"height": style.height, "mark": {"type": "bar"}, "encoding": encoding}
    slot = _slot(moments, style) if chart.kind == "bar" else 0
    x = _time_axis(chart, moments, slot, style) if moments else _name_axis("k")
    encoding = {"x": x, "y": y, "color": color}
    layers = _side_by_side(chart, slot, encoding, points) if slot else [_lines(chart, encoding, style)]
    before = _before(chart, encoding, slot)
    layers = [*layers[: len(chart.y)], *before, *layers[len(chart.y) :]] if slot else [*before, *layers]
    return {"height": style.height, "layer": [*_weekends(chart, moments, x), *layers]}


def _lines(chart: Chart, encoding: Mapping[str, Any], style: ChartStyle) -> dict[str, Any]:
    size = 30 if style.width > _NARROW else 18
    mark = {
        "type": "line",
        "strokeWidth": 2,
        "strokeJoin": "round",
        "strokeCap": "round",
        "point": {"size": size} if len(chart.rows) <= _MAX_POINTS else False,
    }
    return {"mark": mark, "encoding": encoding}


def _before(chart: Chart, encoding: Mapping[str, Any], slot: float) -> list[dict[str, Any]]:
    """The period before, day by day: a thin line behind lines, a short one across each bar."""
    if not chart.before:
        return []
    line = {"type": "line", "strokeWidth": 1, "strokeJoin": "round"}
    width = slot / len(chart.y)  # of the bar of the first series
    tick = {"type": "tick", "width": width, "xOffset": (width - slot) / 2, "thickness": 2, "opacity": 1}
    mark = tick if slot else line
    scale = encoding["color"]["scale"]
    shared = {**encoding, "y": {**encoding["y"], "field": "b"}, "color": {"datum": BEFORE, "scale": scale}}
    shown = "datum.b" if slot else "isValid(datum.b)"  # no mark stands for zero
    return [{"transform": [{"filter": shown}], "mark": mark, "encoding": shared}]


def _weekends(chart: Chart, moments: Sequence[datetime], x: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Shade Saturdays and Sundays behind daily values, so that their dip is no surprise."""
    if not is_daily(chart) or len(moments) < WEEK:
        return []
    spans = [
        {"from": _utc(moment - _HALF_DAY), "to": _utc(moment + _HALF_DAY)}
        for moment in moments
        if moment.weekday() in _WEEKEND_DAYS
    ]
    encoding = {"x": {**x, "field": "from"}, "x2": {"field": "to"}}
    return [{"data": {"values": spans}, "mark": {"type": "rect", "color": WEEKEND}, "encoding": encoding}]


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


def _side_by_side(
    chart: Chart, slot: float, encoding: Mapping[str, Any], points: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Make a layer for each series, shifted to its part of the slot; no bar, and not a hairline, stands for zero."""
    width = max(slot / len(chart.y), 1)
    layers = [
        {
            "transform": [{"filter": f"datum.n === {number} && datum.v !== 0"}],
            "mark": {"type": "bar", "width": width, "xOffset": (number + 0.5) * width - slot / 2},
            "encoding": encoding,
        }
        for number in range(len(chart.y))
    ]
    longest = max((len(point["t"]) for point in points), default=0)
    if len(chart.y) == 1 and len(chart.rows) <= _MAX_LABELLED and longest * _DIGIT <= slot * 1.35:
        mark = {"type": "text", "baseline": "bottom", "dy": -2, "fontSize": 10, "color": _SOFT}
        text = {"field": "t", "type": "nominal"}
        shown = {"x": encoding["x"], "y": {**encoding["y"], "field": "l"}, "text": text}
        # above the mark of the period before where that would cross it
        near = max((abs(point["v"] or 0) for point in points), default=0) * _LABEL_HEIGHT
        label = f"isValid(datum.b) && datum.b > datum.e && datum.b - datum.e < {near} ? datum.b : datum.e"
        transform = [{"filter": "datum.v !== 0"}, {"calculate": label, "as": "l"}]
        layers.append({"transform": transform, "mark": mark, "encoding": shown})
    return layers


def _time_axis(chart: Chart, moments: Sequence[datetime], bar: float, style: ChartStyle) -> dict[str, Any]:
    pattern, width = _pattern(chart, moments)
    ticks = _ticks(chart, moments, max(style.width // width, 2))
    axis: dict[str, Any] = {"format": pattern, "title": None, "grid": False, "labelOverlap": False}
    axis["values"] = [_utc(moment) for moment in ticks]
    if is_daily(chart):  # a day takes its place from half a day before to half a day after
        domain = [_utc(moments[0] - _HALF_DAY), _utc(moments[-1] + _HALF_DAY)]
        scale = {"type": "utc", "domain": domain, "padding": max(14 - style.width / len(moments) / 2, 0)}
    else:
        scale = {"type": "utc", "padding": bar / 2 + 12}
    return {"field": "x", "type": "temporal", "scale": scale, "axis": axis}


def _pattern(chart: Chart, moments: Sequence[datetime]) -> tuple[str, int]:
    """How the axis names its ticks, and the width of a name in pixels."""
    span = moments[-1] - moments[0]
    if any((moment.hour, moment.minute) != (0, 0) for moment in moments) and span <= timedelta(days=3):
        return ("%H:%M", _LABEL) if moments[0].date() == moments[-1].date() else ("%-d %b %H:%M", 80)
    if is_daily(chart) and len(moments) <= _MAX_WEEKDAYS:
        return "%a %-d", _LABEL
    return ("%-d %b", _LABEL) if span <= timedelta(days=366) else ("%b %Y", 64)


def _ticks(chart: Chart, moments: Sequence[datetime], most: int) -> list[datetime]:
    """Choose evenly at most *most* of the moments; of more than two weeks of days, Mondays."""
    if is_daily(chart) and len(moments) > _MAX_WEEKDAYS:
        moments = [moment for moment in moments if moment.weekday() == 0]
    return list(moments[:: -(-len(moments) // most)])


def _utc(moment: datetime) -> str:
    """Declare local time as UTC, so that Vega does not shift it."""
    return f"{moment.isoformat()}Z"


def _name_axis(field: str, **changes: Any) -> dict[str, Any]:
    label = {"labelExpr": f"slice(datum.label, {_KEY_DIGITS})", "labelAngle": 0, "labelOverlap": True}
    axis = {"title": None, "grid": False, "ticks": False, **label, **changes}
    return {"field": field, "type": "ordinal", "sort": None, "axis": axis}


def _value_axis(chart: Chart, points: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Make the value axis: about four grid lines, `10k` for ten thousand, no fractions between integers."""
    columns = chart.y
    axis: dict[str, Any] = {"title": None, "tickCount": 4, "domain": False, "ticks": False, "format": ",~f"}
    values = [abs(point[name]) for point in points for name in ("v", "b") if point.get(name) is not None]
    largest = max(values)
    if all(column.type == "percent" for column in columns):
        axis["format"] = "~%"
    elif largest >= 10_000:
        axis["format"] = "~s"
    elif all(column.type == "integer" for column in columns) and chart.weekly == "sum":
        axis["tickMinStep"] = 1
        if largest <= 4:
            axis["values"] = list(range(-4, 5))
    # "nice" puts the topmost grid line above the largest value
    scale = {"nice": 4} if largest else {"domain": [0, 1]}
    return {"field": "v", "type": "quantitative", "title": None, "axis": axis, "scale": scale}


def _ranked(chart: Chart, points: Sequence[Mapping[str, Any]], style: ChartStyle) -> dict[str, Any]:
    """Draw horizontal bars from the top, each with its value at its end, so that no axis is needed."""
    values = [point["v"] for point in points if point["v"] is not None]
    space = 1 + max(len(point["t"]) for point in points) * 0.022
    least, most = min(0, *values), max(0, *values)
    domain = [least, most + (most - least) * (space - 1)]
    is_wrapped = any("\n" in point["k"] for point in points)
    lines = {"labelExpr": f"split(slice(datum.label, {_KEY_DIGITS}), '\\n')"}
    y = _name_axis("k", labelLimit=0, labelPadding=8, domain=False, **lines)
    x = {"field": "v", "type": "quantitative", "axis": None, "scale": {"domain": domain, "nice": False}}
    shared = {"x": x, "y": {**y, "scale": {"paddingInner": 0.3, "paddingOuter": 0.15}}}
    if len(chart.y) > 1:
        shared["yOffset"] = {"field": "s", "type": "nominal", "sort": None}
    text = {"type": "text", "align": "left", "dx": 5, "color": _INK, "fontSize": 11}
    return {
        "height": (_HIGH_BAR if is_wrapped else _BAR)
        * len(chart.rows)
        * (1 if len(chart.y) == 1 else 0.6 * len(chart.y)),
        "encoding": shared,
        "layer": [
            {"mark": {"type": "bar", "cornerRadiusEnd": 2}, "encoding": {"color": _color(chart, style)}},
            # the value stands right of the bar, also of one to the left
            {"mark": text, "encoding": {"x": {**x, "field": "e"}, "text": {"field": "t", "type": "nominal"}}},
        ],
    }


def series_colours(chart: Chart, palette: Sequence[str]) -> tuple[str, ...]:
    """One colour per series, in the order of the palette; a series of failures has the colour of failure."""
    others = [colour for colour in palette if colour != FAILURE] or list(palette)
    places = iter(range(len(chart.y)))
    return tuple(FAILURE if column.tone == "bad" else others[next(places) % len(others)] for column in chart.y)


def _color(chart: Chart, style: ChartStyle) -> dict[str, Any]:
    """Assign the colours; there is a legend only for several series, the period before being one."""
    titles = [cut(printable(column.title), _LABEL_TEXT) for column in chart.y]
    colours = list(series_colours(chart, style.palette))
    if chart.before:
        titles, colours = [*titles, BEFORE], [*colours, EARLIER]
    symbol = {"symbolType": "stroke", "symbolStrokeWidth": 3} if chart.kind == "line" else {"symbolType": "square"}
    legend = None
    if len(titles) > 1 and style.legend:
        legend = {
            "title": None,
            "orient": "top",
            "labelLimit": 240,
            "columns": _legend_columns(titles, style),
            **symbol,
        }
    scale = {"domain": titles, "range": colours}
    return {"field": "s", "type": "nominal", "sort": None, "scale": scale, "legend": legend}


def _legend_columns(titles: Sequence[str], style: ChartStyle) -> int:
    """How many names of a legend stand side by side, so that none is cut."""
    widest = max(text_width(title) for title in titles) * _LETTER * style.font_size + _LEGEND_GAP
    together = sum(text_width(title) * _LETTER * style.font_size + _LEGEND_GAP for title in titles)
    return len(titles) if together <= style.width else max(int(style.width // widest), 1)
