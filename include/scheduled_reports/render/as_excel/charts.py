"""Add native charts: they read cells of the workbook's sheets, with cached values for viewers that do not."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from itertools import zip_longest
from math import ceil, floor, log10, sqrt
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from openpyxl.chart import BarChart, LineChart
from openpyxl.chart.axis import ChartLines, DateAxis, TextAxis
from openpyxl.chart.data_source import (
    AxDataSource,
    NumData,
    NumDataSource,
    NumRef,
    NumVal,
    StrData,
    StrRef,
    StrVal,
)
from openpyxl.chart.label import DataLabelList
from openpyxl.chart.legend import Legend
from openpyxl.chart.marker import DataPoint, Marker
from openpyxl.chart.series import Series, SeriesLabel
from openpyxl.chart.shapes import GraphicalProperties
from openpyxl.chart.text import RichText, Text
from openpyxl.chart.title import Title
from openpyxl.drawing.line import LineProperties
from openpyxl.drawing.spreadsheet_drawing import AnchorMarker, TwoCellAnchor
from openpyxl.drawing.text import CharacterProperties, Font, Paragraph, ParagraphProperties, RegularTextRun
from openpyxl.utils import get_column_letter, quote_sheetname

from ...domain.bidi import isolated
from .. import charts
from ..values import format_value, is_missing
from .cells import ENGLISH, duration, excel_text, number_format
from .data_sheet import FIRST, HEAD
from .styles import ROW, argb

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from openpyxl.worksheet.worksheet import Worksheet

    from ...domain.report_type import Column
    from ..document import Chart, Document, Table
    from .chart_data import ChartData

    AnyChart = LineChart | BarChart

_INK, _SOFT, _GRID = "3D4550", "5B6472", "E3E7EC"
_EARLIER = "8A94A3"
#: Heights in points: of a chart over time, of the parts of a ranking that are not bars, of a bar, of a gap, a legend.
_HEIGHT, _RANK_FRAME, _BAR, _GAP, _LEGEND = 190.0, 48.0, 17.0, 12.0, 16.0
_MOST_BARS_HEIGHT: Final = 520.0
_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})
#: Day 0 of Excel's calendar after February 1900; charts of earlier days would be one day off.
_FIRST: Final = date(1899, 12, 30)
_MOST_DIGITS: Final = 12
_TINY: Final = 1e-9
#: About how many labels a value axis has above zero; the charts of the other formats have as many.
_STEPS: Final = 4
#: More labels than this would be rotated.
_LABELS: Final = 10
#: Up to this many days have their weekday on the axis, and a dot on the line.
_WEEKDAYS: Final = 14
#: The part of a ranking that its longest bar leaves to the number at its end.
_NUMBER: Final = 0.12
_POINT: Final = 12_700  # in English Metric Units
_LINE, _THIN_LINE = 28_575, 12_700  # widths in English Metric Units


def add_charts(
    sheet: Worksheet,
    document: Document,
    places: Mapping[str, str],
    data: ChartData,
    row_limit: int | None,
    area: tuple[int, int, int],
) -> None:
    """Place the charts on *sheet* below each other: *area* is their first and last column and their first row."""
    tables = {table.name: table for table in document.tables}
    colours = charts.brand_palette(document.branding.colour)
    left, right, first_row = area
    top = _Place(row=first_row, offset=0)
    for chart in document.charts:
        limited = replace(chart, rows=chart.rows[:row_limit], total=chart.all_rows)
        if not charts.has_data(limited):
            continue
        shown = _shown(limited, tables[chart.table], places[chart.table], data, document)
        drawn = _drawn(shown, colours)
        bottom = _below(sheet, top, _height(shown.chart))
        drawn.anchor = TwoCellAnchor(  # type: ignore[assignment]  # the stubs take it for the name of a cell
            editAs="oneCell",
            _from=AnchorMarker(col=left - 1, row=top.row - 1, rowOff=round(top.offset * _POINT)),
            to=AnchorMarker(col=right, row=bottom.row - 1, rowOff=round(bottom.offset * _POINT)),
        )
        sheet.add_chart(drawn)
        top = _below(sheet, bottom, _GAP)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Place:
    """A height on a sheet: points below the top of a row."""

    row: int
    offset: float


def _below(sheet: Worksheet, start: _Place, height: float) -> _Place:
    """Go down by *height*; rows without a height get the usual one, so that every program agrees on it."""
    row, left = start.row, start.offset + height
    while True:
        dimension = sheet.row_dimensions[row]
        dimension.height = dimension.height or ROW
        if left < dimension.height:
            return _Place(row=row, offset=left)
        left -= dimension.height
        row += 1


# Where the data of a chart stands


@dataclass(frozen=True, kw_only=True, slots=True)
class _Cells:
    """Cells that a chart draws: *sheet*, letters by column name, the row of the titles, the first and last row."""

    sheet: str
    letters: Mapping[str, str]
    head: int
    first: int
    last: int
    is_range: bool = True  # rows without a date may stand between the others; a chart cannot leave out cells

    def title(self, name: str) -> str:
        """Refer to the title of a column."""
        return f"{self.sheet}!${self.letters[name]}${self.head}"

    def values(self, name: str) -> str:
        """Refer to the values of a column."""
        letter = self.letters[name]
        return f"{self.sheet}!${letter}${self.first}:${letter}${self.last}"


@dataclass(frozen=True, kw_only=True, slots=True)
class _Shown:
    """A chart whose rows are those that it draws, and their cells; *earlier* is the column of the period before."""

    chart: Chart
    note: str
    cells: _Cells
    earlier: Column | None = None
    earlier_rows: tuple[Mapping[str, Any], ...] = ()
    earlier_cells: _Cells | None = None


def _shown(chart: Chart, table: Table, sheet: str, data: ChartData, document: Document) -> _Shown:
    """Find the cells of a chart in the sheet of its table; write those that are not there."""
    whole = replace(chart, rows=charts.drawn(chart))
    shown = charts.binned(whole)
    rows = shown.rows
    earlier, earlier_rows = _before(shown, document)
    columns = [shown.x, *(map(_in_weeks(shown), shown.y) if shown.by_week else ()), *([earlier] if earlier else [])]
    written = (
        _write(data, _caption(shown.title, charts.note(chart)), columns, _beside(rows, earlier_rows))
        if len(columns) > 1
        else None
    )
    cells = written if shown.by_week and written else _in_table(table, sheet, chart, rows)
    return _Shown(
        chart=shown, note=charts.note(chart), cells=cells, earlier=earlier, earlier_rows=earlier_rows,
        earlier_cells=written,
    )  # fmt: skip


def _in_table(table: Table, sheet: str, chart: Chart, rows: Sequence[Mapping[str, Any]]) -> _Cells:
    letters = {column.name: get_column_letter(number) for number, column in enumerate(table.columns, start=1)}
    start = next(number for number, row in enumerate(chart.rows) if row is rows[0])
    is_range = all(row is one for row, one in zip(chart.rows[start : start + len(rows)], rows, strict=False))
    first = FIRST + start
    return _Cells(
        sheet=quote_sheetname(sheet), letters=letters, head=HEAD, first=first, last=first + len(rows) - 1,
        is_range=is_range,
    )  # fmt: skip


def _write(data: ChartData, caption: str, columns: Sequence[Column], rows: Sequence[Mapping[str, Any]]) -> _Cells:
    block = data.add(caption, columns, rows)
    return _Cells(
        sheet=quote_sheetname(block.sheet),
        letters={column.name: get_column_letter(number) for number, column in enumerate(columns, start=1)},
        head=block.head, first=block.head + 1, last=block.head + block.rows,
    )  # fmt: skip


def _before(chart: Chart, document: Document) -> tuple[Column | None, tuple[Mapping[str, Any], ...]]:
    """The period before, of the first series only: more lines would hide what they are compared with."""
    if not chart.before:
        return None, ()
    column = chart.y[0]
    name = f"{column.name} before"
    title = f"{column.title}, {document.previous_period}"
    rows = tuple({name: row.get(column.name)} for row in chart.before[: len(chart.rows)])
    return _in_weeks(chart)(replace(column, name=name, title=title)), rows


def _beside(rows: Sequence[Mapping[str, Any]], earlier: Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
    return [{**row, **past} for row, past in zip_longest(rows, earlier, fillvalue=_NOTHING)]


def _in_weeks(chart: Chart) -> Callable[[Column], Column]:
    """Give the average of whole numbers a decimal."""
    is_average = chart.by_week and chart.weekly == "average"
    return lambda one: replace(one, type="number", scale=1) if is_average and one.type == "integer" else one


# The chart


def _drawn(shown: _Shown, colours: Sequence[str]) -> AnyChart:
    chart, note = shown.chart, shown.note
    drawn: AnyChart = LineChart() if chart.kind == "line" else BarChart()
    drawn.title = _title(_caption(chart.title, note))
    drawn.roundedCorners = False
    drawn.graphical_properties = GraphicalProperties(ln=LineProperties(solidFill=_GRID))
    for number, (column, colour) in enumerate(zip(chart.y, charts.series_colours(chart, colours), strict=True)):
        series = _series(number, column, chart.x, chart.rows, shown.cells)
        has_dots = len(chart.rows) <= _WEEKDAYS and any(row[column.name] for row in chart.rows)
        _colour(series, chart.kind, argb(colour), dots=has_dots)
        if chart.by_week and chart.kind == "bar":
            _hide_zeros(series, [row[column.name] for row in chart.rows])
        drawn.series.append(series)
    _set_axes(drawn, chart)
    if shown.earlier is not None:
        _add_before(drawn, shown)
    has_legend = len(chart.y) > 1 or shown.earlier is not None
    drawn.legend = Legend(legendPos="b", txPr=_rich(900, _INK)) if has_legend else None
    if chart.kind == "rank":
        _rank(drawn, chart)
    return drawn


def _caption(title: str, note: str) -> str:
    return f"{isolated(title)} ({note[0].lower()}{note[1:]})" if note else title


def _add_before(drawn: AnyChart, shown: _Shown) -> None:
    """Draw the period before as a thin line, on the days of this one."""
    assert shown.earlier is not None
    assert shown.earlier_cells is not None
    lines = drawn if isinstance(drawn, LineChart) else LineChart()
    rows = _beside(shown.chart.rows, shown.earlier_rows)
    series = _series(len(shown.chart.y), shown.earlier, shown.chart.x, rows, shown.earlier_cells)
    series.graphicalProperties = GraphicalProperties(ln=LineProperties(solidFill=_EARLIER, w=_THIN_LINE, cap="rnd"))
    series.smooth, series.marker = False, Marker(symbol="none")
    lines.series.append(series)
    if lines is not drawn:
        lines.x_axis, lines.y_axis = drawn.x_axis, drawn.y_axis
        drawn += lines


def _height(chart: Chart) -> float:
    """Compute the height of a chart in points; that of a ranking follows its bars."""
    if chart.kind != "rank":
        return _HEIGHT + _LEGEND * (len(chart.y) > 1 or bool(chart.before))
    bars = _BAR * max(len(chart.rows), 2) * (1 if len(chart.y) == 1 else 0.7 * len(chart.y))
    return _RANK_FRAME + _LEGEND * (len(chart.y) > 1) + min(bars, _MOST_BARS_HEIGHT)


def _series(number: int, column: Column, x: Column, rows: Sequence[Mapping[str, Any]], cells: _Cells) -> Series:
    label = SeriesLabel(strRef=StrRef(f=cells.title(column.name), strCache=_texts([column.title])))
    series = Series(idx=number, order=number, tx=label)
    values = _numbers(column, rows)
    if not cells.is_range:
        series.val, series.cat = NumDataSource(numLit=values), AxDataSource(numLit=_numbers(x, rows))
        return series
    series.val = NumDataSource(numRef=NumRef(f=cells.values(column.name), numCache=values))
    if x.type in ("date", "timestamp"):
        series.cat = AxDataSource(numRef=NumRef(f=cells.values(x.name), numCache=_numbers(x, rows)))
    else:
        names = _texts([format_value(row[x.name], x) for row in rows])
        series.cat = AxDataSource(strRef=StrRef(f=cells.values(x.name), strCache=names))
    return series


def _numbers(column: Column, rows: Sequence[Mapping[str, Any]]) -> NumData:
    found = [(number, row.get(column.name)) for number, row in enumerate(rows)]
    points = [NumVal(idx=number, v=str(_plain(value, column))) for number, value in found if not is_missing(value)]
    return NumData(formatCode=number_format(column), ptCount=len(rows), pt=points)


def _plain(value: Any, column: Column) -> Any:
    """Convert a value to the number in the cell: dates and durations are days of Excel's calendar."""
    if isinstance(value, datetime):
        return (value.replace(tzinfo=None) - datetime.combine(_FIRST, time())) / timedelta(days=1)
    if isinstance(value, date):
        return (value - _FIRST).days
    return duration(value) if column.unit == "seconds" else value


def _texts(names: Sequence[str]) -> StrData:
    points = [StrVal(idx=number, v=excel_text(name)) for number, name in enumerate(names)]
    return StrData(ptCount=len(names), pt=points)


def _colour(series: Series, kind: str, colour: str, *, dots: bool) -> None:
    if kind == "line":
        series.graphicalProperties = GraphicalProperties(ln=LineProperties(solidFill=colour, w=_LINE, cap="rnd"))
        series.smooth = False
        filled = GraphicalProperties(solidFill=colour, ln=LineProperties(solidFill=colour))
        series.marker = Marker(symbol="circle" if dots else "none", size=5, spPr=filled)
    else:
        series.graphicalProperties = GraphicalProperties(solidFill=colour, ln=LineProperties(noFill=True))
        series.invertIfNegative = False


def _hide_zeros(series: Series, values: Sequence[Any]) -> None:
    """Hide bars of nothing, which LibreOffice draws as lines; only of weeks, whose rows no filter can hide."""
    nothing = GraphicalProperties(noFill=True, ln=LineProperties(noFill=True))
    series.dPt = [
        DataPoint(idx=number, invertIfNegative=False, spPr=nothing)
        for number, value in enumerate(values)
        if not is_missing(value) and not value
    ]


def _set_axes(drawn: AnyChart, chart: Chart) -> None:
    rows = chart.rows
    if chart.by_week:
        # on an axis of days, a bar is as thin as a day
        drawn.x_axis = TextAxis(crossAx=100, auto=False, tickLblSkip=ceil(len(rows) / _LABELS))
        drawn.x_axis.number_format = ENGLISH + _day_format(_days(rows, chart.x))
    elif chart.x.type == "date" and len({row[chart.x.name] for row in rows}) == len(rows):
        days = _days(rows, chart.x)
        step = max(ceil(days / _LABELS), 1)
        drawn.x_axis = DateAxis(crossAx=100, baseTimeUnit="days", majorUnit=step, majorTimeUnit="days")
        drawn.x_axis.number_format = ENGLISH + _day_format(days)
        drawn.y_axis.crossAx = 500
    elif chart.kind != "rank" and len(rows) > _LABELS:
        drawn.x_axis = TextAxis(crossAx=100, tickLblSkip=ceil(len(rows) / _LABELS))
    for axis in (drawn.x_axis, drawn.y_axis):
        # without this, Excel shows no axis
        axis.delete = False
        axis.txPr = _rich(900, _SOFT)
        axis.graphicalProperties = GraphicalProperties(ln=LineProperties(solidFill=_GRID))
        axis.majorTickMark = "none"
    drawn.x_axis.majorGridlines = None
    drawn.y_axis.majorGridlines = ChartLines(spPr=GraphicalProperties(ln=LineProperties(solidFill=_GRID)))
    _set_scale(drawn, chart)
    if isinstance(drawn, BarChart):
        drawn.gapWidth = 45


def _day_format(days: int) -> str:
    """Choose how days are written on an axis: `Mon 4`, `4 May`, `May 2026`."""
    if days < _WEEKDAYS:
        return "ddd d"
    return "d mmm" if days <= 366 else "mmm yyyy"


def _set_scale(drawn: AnyChart, chart: Chart) -> None:
    """Set the ends of the value axis, the distance of its labels, and as many digits as tell them apart."""
    values = [_number(row[column.name], column) for row in chart.rows for column in chart.y]
    values += [_number(row.get(chart.y[0].name), chart.y[0]) for row in chart.before]
    known = [value for value in values if value is not None]
    least, most = min(*known, 0.0, 0.0), max(*known, 0.0, 0.0)
    is_percent = all(column.type == "percent" for column in chart.y)
    digits = 0
    if most > least:
        unit = _time_unit(most - least) if chart.y[0].unit == "seconds" else 1.0
        step = _rounded(_step((most - least) / unit) * unit)
        if all(column.type == "integer" and not column.unit for column in chart.y) and chart.weekly == "sum":
            step = max(step, 1.0)
        drawn.y_axis.majorUnit = step
        drawn.y_axis.scaling.max = _rounded(ceil(most / step - _TINY) * step)
        drawn.y_axis.scaling.min = _rounded(floor(least / step + _TINY) * step)
        digits = min(max(-floor(log10(step) + 1e-9) - 2 * is_percent, 0), _MOST_DIGITS)
    if chart.y[0].unit and all(column.unit == chart.y[0].unit for column in chart.y):
        drawn.y_axis.number_format = number_format(chart.y[0])
        return
    point = f".{'0' * digits}" if digits else ""
    drawn.y_axis.number_format = f"0{point}%" if is_percent else f"#,##0{point}"


def _number(value: Any, column: Column) -> float | None:
    return None if is_missing(value) else float(_plain(value, column))


def _step(span: float) -> float:
    """Choose a round distance of labels, as D3 does for the charts of the other formats."""
    rough = span / _STEPS
    power = 10.0 ** floor(log10(rough))
    error = rough / power
    factor = 10 if error >= sqrt(50) else 5 if error >= sqrt(10) else 2 if error >= sqrt(2) else 1
    return _rounded(factor * power)


def _time_unit(span: float) -> float:
    """Choose the unit of a duration, in days: hours, minutes or seconds, at least as many as an axis has labels."""
    return next((1 / parts for parts in (24, 1_440) if span * parts >= _STEPS), 1 / 86_400)


def _rounded(number: float) -> float:
    """Remove the error of binary fractions: 0.30000000000000004 is 0.3."""
    return float(f"{number:.12g}")


def _is_negative(value: Any) -> bool:
    return not is_missing(value) and value < 0


def _days(rows: Sequence[Mapping[str, Any]], x: Column) -> int:
    known = [row[x.name] for row in rows if row[x.name] is not None]
    return (max(known) - min(known)).days if known else 0


def _rank(drawn: AnyChart, chart: Chart) -> None:
    """Draw bars from the top, each with its value at its end, so that no axis is needed."""
    assert isinstance(drawn, BarChart)
    drawn.barDir = "bar"
    drawn.x_axis.scaling.orientation = "maxMin"
    drawn.x_axis.graphicalProperties = GraphicalProperties(ln=LineProperties(noFill=True))
    drawn.y_axis.delete = True
    most = max(_number(row[column.name], column) or 0.0 for row in chart.rows for column in chart.y)
    drawn.y_axis.scaling.max = _rounded(most * (1 + _NUMBER)) if most > 0 else None
    drawn.y_axis.majorUnit = None
    if any(_is_negative(row[column.name]) for row in chart.rows for column in chart.y):
        drawn.y_axis.scaling.min = None
        drawn.x_axis.tickLblPos = "low"  # names beside the bars, not on those to the left
    drawn.y_axis.majorGridlines = None
    for series, column in zip(drawn.series, chart.y, strict=True):
        series.dLbls = DataLabelList(
            showVal=True, showSerName=False, showCatName=False, showLegendKey=False, showPercent=False,
            dLblPos="outEnd", numFmt=number_format(column), txPr=_rich(900, _INK),
        )  # fmt: skip


def _title(text: str) -> Title:
    style = _characters(1200, _INK, bold=True)
    run = RegularTextRun(rPr=style, t=excel_text(text))
    return Title(overlay=False, tx=Text(rich=RichText(p=[Paragraph(pPr=ParagraphProperties(defRPr=style), r=[run])])))


def _rich(size: int, colour: str) -> RichText:
    style = _characters(size, colour)
    return RichText(p=[Paragraph(pPr=ParagraphProperties(defRPr=style), endParaRPr=style)])


def _characters(size: int, colour: str, *, bold: bool = False) -> CharacterProperties:
    return CharacterProperties(sz=size, b=bold, solidFill=colour, latin=Font(typeface="Calibri"))
