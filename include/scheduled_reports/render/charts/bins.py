"""Show many days as weeks: ninety bars of a day are a barcode."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

from ..values import is_missing

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ...domain.report_type import Column
    from ..document import Chart

#: Over more days than this a chart shows weeks.
MOST_DAYS: Final = 60
WEEK: Final = 7


def is_daily(chart: Chart) -> bool:
    """Whether the chart has a row for each of several days, in their order; one by weeks has not."""
    days = _days(chart)
    return len(days) > 1 and len(days) == len(chart.rows) and all(b - a == timedelta(1) for a, b in pairwise(days))


def shows_weeks(chart: Chart) -> bool:
    """Whether the chart has too many days to draw; none of them may be left out."""
    is_cut = chart.at_limit or len(chart.rows) < chart.all_rows
    return chart.kind != "rank" and not is_cut and len(chart.rows) > MOST_DAYS and is_daily(chart)


def binned(chart: Chart) -> Chart:
    """Replace many days by weeks of seven days that end with the last day; the first may have fewer days.

    A week has the sum of its days, or their average if the chart says so or shows shares.  A chart of fewer days, or
    of anything else, is returned as it is.
    """
    if not shows_weeks(chart):
        return chart
    days = len(chart.rows)
    starts = [max(place, 0) for place in range(days % WEEK - WEEK if days % WEEK else 0, days, WEEK)]
    spans = [range(start, end) for start, end in pairwise([*starts, days])]
    return replace(
        chart,
        x=replace(chart.x, title="Week from"),
        rows=tuple(
            {chart.x.name: chart.rows[span.start][chart.x.name], **_week(chart, chart.rows, span)} for span in spans
        ),
        before=tuple(_week(chart, chart.before, span) for span in spans) if chart.before else (),
        total=None,
        by_week=True,
    )


def _days(chart: Chart) -> list[date]:
    if chart.x.type != "date":
        return []
    found = (row[chart.x.name] for row in chart.rows)
    return [day.date() if isinstance(day, datetime) else day for day in found if day is not None]


def _week(chart: Chart, rows: Sequence[Mapping[str, Any]], span: range) -> dict[str, Any]:
    return {
        column.name: _value(chart, column, [row[column.name] for row in rows[span.start : span.stop]])
        for column in chart.y
    }


def _value(chart: Chart, column: Column, values: Sequence[Any]) -> Any:
    known = [value for value in values if not is_missing(value)]
    if not known:
        return None
    total = sum(known)
    return total / len(known) if chart.weekly == "average" or column.type == "percent" else total
