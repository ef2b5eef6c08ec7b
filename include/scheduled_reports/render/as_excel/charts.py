"""Add native charts: they read cells of the workbook's sheets, with cached values for viewers that do not."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, time, timedelta
from math import ceil
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
from openpyxl.drawing.text import CharacterProperties, Font, Paragraph, ParagraphProperties, RegularTextRun
from openpyxl.utils import get_column_letter, quote_sheetname
from openpyxl.utils.cell import coordinate_from_string

from ...domain.bidi import isolated
from .. import charts
from ..values import format_value, is_missing
from .cells import excel_text, number_format
from .styles import LINE, argb

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from openpyxl.worksheet.worksheet import Worksheet

    from ...domain.report_type import Column
    from ..document import Chart, Document, Table

    AnyChart = LineChart | BarChart

_INK, _SOFT, _GRID = "3D4550", "5B6472", "E3E7EC"
#: Width and height of a chart and height of a ranked bar, in centimetres.
_WIDTH, _HEIGHT, _BAR = 17.0, 7.2, 0.62
#: Day 0 of Excel's calendar after February 1900; charts of earlier days would be one day off.
_FIRST: Final = date(1899, 12, 30)
#: More labels than this would be rotated.
_LABELS: Final = 10
_CENTIMETRE: Final = 72 / 2.54  # in points


def add_charts(
    sheet: Worksheet,
    document: Document,
    places: Mapping[str, Sequence[str]],
    row_limit: int | None,
    anchor: str,
) -> None:
    """Place the charts on *sheet* below each other, the first at *anchor*."""
    letter, row = coordinate_from_string(anchor)
    tables = {table.name: table for table in document.tables}
    colours = charts.brand_palette(document.branding.colour)
    for chart in document.charts:
        table = tables[chart.table]
        shown = replace(chart, rows=chart.rows[:row_limit], total=chart.all_rows)
        rows = charts.drawn(shown)
        if charts.has_data(shown):
            drawn = _drawn(shown, rows, _Cells(table, places[table.name][0], shown, rows), colours)
            sheet.add_chart(drawn, f"{letter}{row}")
            row += ceil(_height(chart, len(rows)) * _CENTIMETRE / LINE) + 1


class _Cells:
    """Cell references of the rows that a chart draws."""

    def __init__(self, table: Table, sheet: str, chart: Chart, rows: Sequence[Mapping[str, Any]]) -> None:
        self._letters = {column.name: get_column_letter(n) for n, column in enumerate(table.columns, start=1)}
        self._sheet = quote_sheetname(sheet)
        places = [number for number, row in enumerate(chart.rows, start=2) if any(row is one for one in rows[:1])]
        self._first = places[0]
        self._last = self._first + len(rows) - 1
        #: Rows without a date may stand between the others; a chart cannot leave out cells of a range.
        self.are_adjacent = all(
            row is one for row, one in zip(chart.rows[self._first - 2 : self._last - 1], rows, strict=False)
        )

    def head(self, column: Column) -> str:
        return f"{self._sheet}!${self._letters[column.name]}$1"

    def values(self, column: Column) -> str:
        letter = self._letters[column.name]
        return f"{self._sheet}!${letter}${self._first}:${letter}${self._last}"


def _drawn(chart: Chart, rows: Sequence[Mapping[str, Any]], cells: _Cells, colours: Sequence[str]) -> AnyChart:
    drawn: AnyChart = LineChart() if chart.kind == "line" else BarChart()
    note = charts.note(chart)
    drawn.title = _title(f"{isolated(chart.title)} ({note[0].lower()}{note[1:]})" if note else chart.title)
    drawn.width = _WIDTH  # type: ignore[assignment]  # the stubs take it for a whole number
    drawn.height = _height(chart, len(rows))
    drawn.roundedCorners = False
    drawn.graphical_properties = GraphicalProperties(ln=LineProperties(solidFill=_GRID))
    for number, column in enumerate(chart.y):
        series = _series(number, column, chart.x, rows, cells)
        _colour(series, chart.kind, argb(colours[number % len(colours)]), dots=len(rows) <= 31)
        drawn.series.append(series)
    drawn.legend = None if len(chart.y) == 1 else Legend(legendPos="b", txPr=_rich(900, _INK))
    _set_axes(drawn, chart, rows)
    if chart.kind == "rank":
        _rank(drawn, chart)
    return drawn


def _height(chart: Chart, rows: int) -> float:
    """Compute the height of a chart; that of a ranking follows its bars."""
    if chart.kind != "rank":
        return _HEIGHT
    return 1.6 + _BAR * max(rows, 3) * (1 if len(chart.y) == 1 else 0.7 * len(chart.y))


def _series(number: int, column: Column, x: Column, rows: Sequence[Mapping[str, Any]], cells: _Cells) -> Series:
    label = SeriesLabel(strRef=StrRef(f=cells.head(column), strCache=_texts([column.title])))
    series = Series(idx=number, order=number, tx=label)
    values = _numbers(column, rows)
    if not cells.are_adjacent:
        series.val, series.cat = NumDataSource(numLit=values), AxDataSource(numLit=_numbers(x, rows))
        return series
    series.val = NumDataSource(numRef=NumRef(f=cells.values(column), numCache=values))
    if x.type in ("date", "timestamp"):
        series.cat = AxDataSource(numRef=NumRef(f=cells.values(x), numCache=_numbers(x, rows)))
    else:
        names = _texts([format_value(row[x.name], x) for row in rows])
        series.cat = AxDataSource(strRef=StrRef(f=cells.values(x), strCache=names))
    return series


def _numbers(column: Column, rows: Sequence[Mapping[str, Any]]) -> NumData:
    found = [(number, row[column.name]) for number, row in enumerate(rows) if not is_missing(row[column.name])]
    points = [NumVal(idx=number, v=str(_plain(value))) for number, value in found]
    return NumData(formatCode=number_format(column), ptCount=len(rows), pt=points)


def _plain(value: Any) -> Any:
    """Convert a value to the number in the cell: dates are days since the start of Excel's calendar."""
    if isinstance(value, datetime):
        return (value.replace(tzinfo=None) - datetime.combine(_FIRST, time())) / timedelta(days=1)
    return (value - _FIRST).days if isinstance(value, date) else value


def _texts(names: Sequence[str]) -> StrData:
    points = [StrVal(idx=number, v=excel_text(name)) for number, name in enumerate(names)]
    return StrData(ptCount=len(names), pt=points)


def _colour(series: Series, kind: str, colour: str, *, dots: bool) -> None:
    if kind == "line":
        series.graphicalProperties = GraphicalProperties(ln=LineProperties(solidFill=colour, w=28_575))
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
        drawn.x_axis.number_format = "d mmm" if days <= 366 else "mmm yyyy"
        drawn.y_axis.crossAx = 500
    elif chart.kind != "rank" and len(rows) > _LABELS:
        drawn.x_axis = TextAxis(crossAx=100, tickLblSkip=ceil(len(rows) / _LABELS))
    for axis in (drawn.x_axis, drawn.y_axis):
        # without this, Excel shows no axis
        axis.delete = False
        axis.txPr = _rich(900, _SOFT)
        axis.graphicalProperties = GraphicalProperties(ln=LineProperties(solidFill=_GRID))
        axis.majorTickMark = "none"
    if not any(_is_negative(row[column.name]) for row in rows for column in chart.y):
        # by default, Excel starts the axis above zero if bars have almost the same length
        drawn.y_axis.scaling.min = 0
    drawn.x_axis.majorGridlines = None
    drawn.y_axis.majorGridlines = ChartLines(spPr=GraphicalProperties(ln=LineProperties(solidFill=_GRID)))
    drawn.y_axis.number_format = "0%" if all(column.type == "percent" for column in chart.y) else "#,##0"
    if isinstance(drawn, BarChart):
        drawn.gapWidth = 45


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
