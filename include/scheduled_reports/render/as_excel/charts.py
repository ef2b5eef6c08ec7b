"""Add native charts: they read cells of the workbook's sheets, with cached values for viewers that do not."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from math import ceil, floor, log10, sqrt
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
from openpyxl.chart.marker import Marker
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
    from collections.abc import Mapping, Sequence

    from openpyxl.worksheet.worksheet import Worksheet

    from ...domain.report_type import Column
    from ..document import Chart, Document, Table
    from .chart_data import ChartData

    AnyChart = LineChart | BarChart

_INK, _SOFT, _GRID = "3D4550", "5B6472", "E3E7EC"
#: The colours of what failed, and of the period before.
_FAILED, _BEFORE = "C0504D", "9AA4B2"
#: Heights in points: of a chart over time, of the parts of a ranking that are not bars, of a bar.
_HEIGHT, _RANK_FRAME, _BAR, _GAP = 190.0, 48.0, 17.0, 12.0
_MOST_BARS_HEIGHT: Final = 520.0
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
    colours = tuple(map(argb, charts.brand_palette(document.branding.colour)))
    left, right, first_row = area
    top = _Place(row=first_row, offset=0)
    for chart in document.charts:
        shown = replace(chart, rows=chart.rows[:row_limit], total=chart.all_rows)
        rows = charts.drawn(shown)
        if not charts.has_data(shown):
            continue
        source = _source(tables[chart.table], places[chart.table], shown, rows, data, document)
        drawn = _drawn(shown, rows, source, colours)
        bottom = _below(sheet, top, _height(shown, len(rows)))
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


@dataclass(frozen=True, kw_only=True, slots=True)
class _Source:
    """The cells that a chart draws: *sheet*, letters by column name, the row of the titles, the rows."""

    sheet: str
    letters: Mapping[str, str]
    head: int
    first: int
    last: int
    is_range: bool = True  # rows without a date may stand between the others; a chart cannot leave out cells
    before: str = ""  # the name of the period before; empty if it is not drawn

    def title(self, name: str) -> str:
        """Refer to the title of a column."""
        return f"{self.sheet}!${self.letters[name]}${self.head}"

    def values(self, name: str) -> str:
        """Refer to the values of a column."""
        letter = self.letters[name]
        return f"{self.sheet}!${letter}${self.first}:${letter}${self.last}"


def _source(
    table: Table, sheet: str, chart: Chart, rows: Sequence[Mapping[str, Any]], data: ChartData, document: Document
) -> _Source:
    """Find the cells of a chart in the sheet of its table; write those that are not there."""
    if chart.before:
        return _written(chart, rows, data, document)
    letters = {column.name: get_column_letter(number) for number, column in enumerate(table.columns, start=1)}
    start = next(number for number, row in enumerate(chart.rows) if row is rows[0])
    is_range = all(row is one for row, one in zip(chart.rows[start : start + len(rows)], rows, strict=False))
    first = FIRST + start
    return _Source(
        sheet=quote_sheetname(sheet), letters=letters, head=HEAD, first=first, last=first + len(rows) - 1,
        is_range=is_range,
    )  # fmt: skip


def _written(chart: Chart, rows: Sequence[Mapping[str, Any]], data: ChartData, document: Document) -> _Source:
    """Write what a chart draws to the sheet of chart data."""
    before = document.previous_period if chart.before else ""
    earlier = [replace(column, name=_earlier(column), title=f"{column.title}, {before}") for column in chart.y]
    columns = (chart.x, *chart.y, *(earlier if chart.before else ()))
    past = chart.before[: len(rows)]
    both = [
        {**row, **{_earlier(column): past[number].get(column.name) for column in chart.y if number < len(past)}}
        for number, row in enumerate(rows)
    ]
    block = data.add(chart.title, columns, both)
    return _Source(
        sheet=quote_sheetname(block.sheet),
        letters={column.name: get_column_letter(number) for number, column in enumerate(columns, start=1)},
        head=block.head, first=block.head + 1, last=block.head + block.rows, before=before,
    )  # fmt: skip


def _earlier(column: Column) -> str:
    return f"{column.name} before"


def _drawn(chart: Chart, rows: Sequence[Mapping[str, Any]], source: _Source, colours: Sequence[str]) -> AnyChart:
    drawn: AnyChart = LineChart() if chart.kind == "line" else BarChart()
    note = charts.note(chart)
    drawn.title = _title(f"{isolated(chart.title)} ({note[0].lower()}{note[1:]})" if note else chart.title)
    drawn.roundedCorners = False
    drawn.graphical_properties = GraphicalProperties(ln=LineProperties(solidFill=_GRID))
    for number, column in enumerate(chart.y):
        series = _series(number, column, chart.x, rows, source)
        colour = _FAILED if column.tone == "bad" else colours[number % len(colours)]
        has_dots = len(rows) <= _WEEKDAYS and any(row[column.name] for row in rows)
        _colour(series, chart.kind, colour, dots=has_dots)
        drawn.series.append(series)
    _set_axes(drawn, chart, rows)
    if source.before:
        _add_before(drawn, chart, rows, source)
    drawn.legend = None if len(chart.y) == 1 and not source.before else Legend(legendPos="b", txPr=_rich(900, _INK))
    if chart.kind == "rank":
        _rank(drawn, chart, rows)
    return drawn


def _add_before(drawn: AnyChart, chart: Chart, rows: Sequence[Mapping[str, Any]], source: _Source) -> None:
    """Draw the period before as thin lines, on the days of this one."""
    lines = drawn if isinstance(drawn, LineChart) else LineChart()
    past = tuple(chart.before[: len(rows)])
    for number, column in enumerate(chart.y, start=len(chart.y)):
        values = [{_earlier(column): row[column.name]} for row in past]
        earlier = replace(column, name=_earlier(column), title=f"{column.title}, {source.before}")
        series = _series(number, earlier, chart.x, rows, source, values)
        series.graphicalProperties = GraphicalProperties(ln=LineProperties(solidFill=_BEFORE, w=_THIN_LINE))
        series.smooth, series.marker = False, Marker(symbol="none")
        lines.series.append(series)
    if lines is not drawn:
        lines.x_axis, lines.y_axis = drawn.x_axis, drawn.y_axis
        drawn += lines


def _height(chart: Chart, rows: int) -> float:
    """Compute the height of a chart in points; that of a ranking follows its bars."""
    if chart.kind != "rank":
        return _HEIGHT + 16 * (len(chart.y) > 1 or bool(chart.before))
    bars = _BAR * max(rows, 2) * (1 if len(chart.y) == 1 else 0.7 * len(chart.y))
    return _RANK_FRAME + 16 * (len(chart.y) > 1) + min(bars, _MOST_BARS_HEIGHT)


def _series(
    number: int, column: Column, x: Column, rows: Sequence[Mapping[str, Any]], source: _Source,
    values_of: Sequence[Mapping[str, Any]] | None = None,
) -> Series:  # fmt: skip
    """Make a series of *column*; its values are those of *rows*, or of *values_of* beside them."""
    label = SeriesLabel(strRef=StrRef(f=source.title(column.name), strCache=_texts([column.title])))
    series = Series(idx=number, order=number, tx=label)
    values = _numbers(column, rows if values_of is None else values_of)
    if not source.is_range:
        series.val, series.cat = NumDataSource(numLit=values), AxDataSource(numLit=_numbers(x, rows))
        return series
    series.val = NumDataSource(numRef=NumRef(f=source.values(column.name), numCache=values))
    if x.type in ("date", "timestamp"):
        series.cat = AxDataSource(numRef=NumRef(f=source.values(x.name), numCache=_numbers(x, rows)))
    else:
        names = _texts([format_value(row[x.name], x) for row in rows])
        series.cat = AxDataSource(strRef=StrRef(f=source.values(x.name), strCache=names))
    return series


def _numbers(column: Column, rows: Sequence[Mapping[str, Any]]) -> NumData:
    found = [(number, row[column.name]) for number, row in enumerate(rows) if not is_missing(row[column.name])]
    points = [NumVal(idx=number, v=str(_plain(value, column))) for number, value in found]
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


def _set_axes(drawn: AnyChart, chart: Chart, rows: Sequence[Mapping[str, Any]]) -> None:
    if chart.x.type == "date" and len({row[chart.x.name] for row in rows}) == len(rows):
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
    _set_scale(drawn, chart, rows)
    if isinstance(drawn, BarChart):
        drawn.gapWidth = 45


def _day_format(days: int) -> str:
    """Choose how days are written on an axis: `Mon 4`, `4 May`, `May 2026`."""
    if days < _WEEKDAYS:
        return "ddd d"
    return "d mmm" if days <= 366 else "mmm yyyy"


def _set_scale(drawn: AnyChart, chart: Chart, rows: Sequence[Mapping[str, Any]]) -> None:
    """Set the ends of the value axis, the distance of its labels, and as many digits as tell them apart."""
    shown = [*rows, *chart.before]
    values = [_number(row[column.name], column) for row in shown for column in chart.y]
    known = [value for value in values if value is not None]
    least, most = min(*known, 0.0, 0.0), max(*known, 0.0, 0.0)
    is_percent = all(column.type == "percent" for column in chart.y)
    digits = 0
    if most > least:
        step = _step(most - least)
        if all(column.type == "integer" and not column.unit for column in chart.y):
            step = max(step, 1.0)
        drawn.y_axis.majorUnit = step
        drawn.y_axis.scaling.max = _rounded(ceil(most / step - _TINY) * step)
        drawn.y_axis.scaling.min = _rounded(floor(least / step + _TINY) * step)
        digits = min(max(-floor(log10(step) + 1e-9) - 2 * is_percent, 0), _MOST_DIGITS)
    unit = chart.y[0].unit
    if unit and all(column.unit == unit for column in chart.y):
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


def _rounded(number: float) -> float:
    """Remove the error of binary fractions: 0.30000000000000004 is 0.3."""
    return float(f"{number:.12g}")


def _is_negative(value: Any) -> bool:
    return not is_missing(value) and value < 0


def _days(rows: Sequence[Mapping[str, Any]], x: Column) -> int:
    known = [row[x.name] for row in rows if row[x.name] is not None]
    return (max(known) - min(known)).days if known else 0


def _rank(drawn: AnyChart, chart: Chart, rows: Sequence[Mapping[str, Any]]) -> None:
    """Draw bars from the top, each with its value at its end, so that no axis is needed."""
    assert isinstance(drawn, BarChart)
    drawn.barDir = "bar"
    drawn.x_axis.scaling.orientation = "maxMin"
    drawn.x_axis.graphicalProperties = GraphicalProperties(ln=LineProperties(noFill=True))
    drawn.y_axis.delete = True
    most = max(_number(row[column.name], column) or 0.0 for row in rows for column in chart.y)
    drawn.y_axis.scaling.max = _rounded(most * (1 + _NUMBER)) if most > 0 else None
    drawn.y_axis.majorUnit = None
    if any(_is_negative(row[column.name]) for row in rows for column in chart.y):
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
