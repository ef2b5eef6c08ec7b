"""Compile a definition over a source to SQL.

A statement consists of the source's query, names from its report.yaml and the fixed texts below.  Nothing of the row
becomes part of it: where a filter needs a value, the statement reads it from the setting `report.parameters`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from ...domain.errors import RejectedError
from ...domain.report_type import ChartSpec, Column, Dataset, FigureSpec
from ..validation import Check
from .custom_filters import AGGREGATES, COUNT, NUMERIC, Order, aggregate, parse

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ...domain.report_type import ReportType
    from .custom_filters import Definition, Filter, Function, Output

#: A summary has four to six key figures.
MOST_FIGURES = 6
COMPARISONS = {"eq": "=", "ne": "IS DISTINCT FROM", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}
CASTS: Mapping[str, str] = {
    "text": "text",
    "integer": "bigint",
    "decimal": "numeric",
    "number": "float8",
    "percent": "float8",
    "boolean": "boolean",
    "date": "date",
    "timestamp": "timestamp",
}
#: The local day of a moment in the window as its number in `report.days`, and the clock's offset at any moment.
DAY = "width_bucket({0}, (SELECT current_setting('report.day_starts')::timestamp[]))"
DAYS = (
    "days AS (\n"
    "    SELECT day, number FROM unnest(current_setting('report.days')::date[]) WITH ORDINALITY days (day, number)\n)"
)
OFFSET = (
    "(SELECT current_setting('report.clock_offsets')::interval[])"
    "[width_bucket({0}, (SELECT current_setting('report.{1}')::timestamp[]))]"
)


def with_datasets(kind: ReportType, parameters: Mapping[str, Any]) -> ReportType:
    """*kind* with the datasets, figures and charts that *parameters* define over its sources."""
    check = Check()
    definition = parse(check, kind.sources, parameters.get("customFilters"))
    if definition is None:
        raise RejectedError(check.problems)
    return compiled(kind, definition)


def compiled(kind: ReportType, definition: Definition) -> ReportType:
    """*kind* with the datasets, figures and charts of *definition*."""
    figures = _figures(definition)
    datasets, charts = [_result(definition)], _charts(definition)
    if definition.time is not None:
        datasets.append(_days(definition))
        if not any(chart.kind == "line" for chart in charts):
            charts.append(ChartSpec(title=datasets[1].title, kind="bar", dataset="days", x="day", y=("count",)))
    columns = ",\n    ".join(f"{sql} AS {_quoted(spec.column.name)}" for spec, sql in figures)
    return replace(
        kind,
        title=f"{kind.title}: {definition.source.title}",
        figures_sql=f"{_chosen(definition)}\nSELECT {columns}\nFROM chosen\n",
        figures=tuple(spec for spec, _ in figures),
        datasets=tuple(datasets),
        charts=tuple(charts),
    )


def _chosen(definition: Definition) -> str:
    """The source's rows in the window that match the filters."""
    conditions = [_condition(one) for one in definition.filters]
    if definition.time is not None:
        column = _quoted(definition.time.name)
        conditions[:0] = [
            f"{column} >= current_setting('report.start')::timestamp",
            f"{column} < current_setting('report.end')::timestamp",
        ]
    where = "\n    WHERE " + "\n      AND ".join(conditions) if conditions else ""
    return f"WITH source AS (\n{definition.source.sql}\n), chosen AS (\n    SELECT * FROM source{where}\n)"


def _condition(one: Filter) -> str:
    column = _quoted(one.column.name)
    match one.operator:
        case "is_null":
            sql = f"{column} IS NULL"
        case "contains":
            # In some locales the lower case of "I" is not "i": ASCII is compared by the rules of "C" as well.
            sql = " OR ".join(
                f"strpos(lower({column}{locale}), lower({_value(one)}{locale})) > 0" for locale in ("", ' COLLATE "C"')
            )
            sql = f"({sql})"
        case "in":
            values = f"jsonb_array_elements_text({_parameter(one, '#>')}) given"
            sql = f"{column} IN (SELECT given::{CASTS[one.column.type]} FROM {values})"
        case _:
            sql = f"{column} {COMPARISONS[one.operator]} {_value(one)}"
    # A negated condition includes the rows where it is null.
    return f"({sql}) IS NOT TRUE" if one.negated else sql


def _value(one: Filter) -> str:
    """The filter's value, read once per query from where the row's parameters are bound."""
    text = _parameter(one, "#>>")
    if one.column.type != "timestamp":
        return f"(SELECT ({text})::{CASTS[one.column.type]})"
    if one.has_offset:
        return f"(SELECT ({text})::timestamptz AT TIME ZONE 'UTC')"
    return f"(SELECT wall - {OFFSET.format('wall', 'clock_readings')} FROM (SELECT ({text})::timestamp AS wall) given)"


def _parameter(one: Filter, operator: str) -> str:
    return f"current_setting('report.parameters')::jsonb {operator} '{{customFilters,filters,{one.number},value}}'"


def _result(definition: Definition) -> Dataset:
    outputs = definition.outputs
    shown = ",\n    ".join(f"{_expression(output)} AS {_quoted(output.shown.name)}" for output in outputs)
    grouped = ", ".join(str(number + 1) for number in range(len(definition.groups)))
    places = {output.shown.name: number for number, output in enumerate(outputs, start=1)}
    orders = [f"{places[order.name]}{' DESC' if order.descending else ''} NULLS LAST" for order in definition.orders]
    named = {order.name for order in definition.orders}
    # Ties need a fixed order, so that two runs sort and cut the rows alike.
    orders += [str(places[output.shown.name]) for output in definition.groups if output.shown.name not in named]
    if definition.columns:
        orders.append(_quoted(definition.source.key))
    lines = [_chosen(definition), f"SELECT {shown}", "FROM chosen"]
    lines += [f"GROUP BY {grouped}"] if grouped else []
    lines += [f"ORDER BY {', '.join(orders)}"] if orders else []
    return Dataset(
        name="result",
        title=_title(definition),
        sql="\n".join([*lines, f"LIMIT {definition.limit:d}", ""]),
        columns=tuple(output.shown for output in outputs),
        limit=definition.limit,
    )


def _title(definition: Definition) -> str:
    """The title of the table, such as "Tasks by assignee"; the key figures count the rows beyond its limit as well."""
    by = " and ".join(_inside(output.shown.title) for output in definition.groups)
    return f"{definition.source.title}{f' by {by}' if by else ''}"


def _inside(title: str) -> str:
    """Return *title* with a lower-case first letter, to stand inside another title."""
    return title[:1].lower() + title[1:]


def _days(definition: Definition) -> Dataset:
    """How many rows there are on each local day of the window."""
    assert definition.time is not None
    number = DAY.format(_quoted(definition.time.name))
    sql = (
        f"{_chosen(definition)}, {DAYS}, counted AS (\n"
        f"    SELECT {number} AS number, count(*) AS count FROM chosen GROUP BY 1\n)\n"
        "SELECT days.day, coalesce(counted.count, 0) AS count\n"
        "FROM days\nLEFT JOIN counted USING (number)\nORDER BY number\n"
    )
    day = Column(name="day", title=definition.time.title, type="date")
    columns = (day, replace(COUNT.shown, title=definition.source.title))
    title = f"{definition.source.title} by {_inside(definition.time.title)}"
    return Dataset(name="days", title=title, sql=sql, columns=columns, zero_filled=True)


def _figures(definition: Definition) -> list[tuple[FigureSpec, str]]:
    """The rows, the groups, and the aggregates over all rows; without aggregates those of the first numeric columns."""
    found = [(Column(name="rows_found", title=f"{definition.source.title} found", type="integer"), "count(*)")]
    if definition.groups:
        row = ", ".join(_expression(output) for output in definition.groups)
        found.append((Column(name="groups_found", title="Groups", type="integer"), f"count(DISTINCT ROW({row}))"))
    aggregates = [output for output in definition.aggregates if output.function != "count"]
    for output in definition.columns:
        if isinstance(output.source, Column) and output.shown.type in NUMERIC:
            functions = ("sum", "avg") if output.shown.type in AGGREGATES["sum"] else ("avg",)
            aggregates += [aggregate(cast("Function", function), output.source) for function in functions]
    found += [(output.shown, _expression(output)) for output in aggregates if output.shown.type in NUMERIC]
    return [(FigureSpec(column=column), sql) for column, sql in found[:MOST_FIGURES]]


def _charts(definition: Definition) -> list[ChartSpec]:
    """A chart if the table suits one: groups over time, or by rank."""
    aggregate = next((output.shown for output in definition.aggregates if output.shown.type in NUMERIC), None)
    if len(definition.groups) != 1 or aggregate is None:
        return []
    (group,), first = definition.groups, definition.orders[0]
    title = f"{aggregate.title} by {_inside(group.shown.title)}"
    if group.shown.type == "date" and first == Order(name=group.shown.name):
        return [ChartSpec(title=title, kind="line", dataset="result", x=group.shown.name, y=(aggregate.name,))]
    if group.shown.type != "date" and first == Order(name=aggregate.name, descending=True):
        return [
            ChartSpec(title=title, kind="rank", dataset="result", x=group.shown.name, y=(aggregate.name,), limit=10)
        ]
    return []


def _expression(output: Output) -> str:
    if output.source is None:
        return "count(*)"
    column = _quoted(output.source.name)
    if output.bucket is not None:
        offset = f" + {OFFSET.format(column, 'clock_changes')}" if output.source.type == "timestamp" else ""
        local = f"{column}::timestamp{offset}"
        return f"date_trunc('{output.bucket}', {local})::date"
    match output.function:
        case None:
            return column
        case "count_distinct":
            return f"count(DISTINCT {column})"
        case function:
            # The sum of whole numbers is a numeric in PostgreSQL, and so is their average.
            made = f"{function}({column})"
            return f"({made})::{CASTS[output.shown.type]}"


def _quoted(name: str) -> str:
    return f'"{name}"'
