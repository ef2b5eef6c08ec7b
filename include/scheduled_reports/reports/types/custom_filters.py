"""Parse `parameters.customFilters`, in which a report defines its table over a source; custom_sql.py compiles it."""

from __future__ import annotations

import math
import re
import sys
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, cast

from ...domain.report_type import Column

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from ...domain.report_type import ColumnType, SourceColumn, SourceSpec
    from ..validation import Check

PATH = "parameters.customFilters"
KEYS = ("source", "time", "columns", "filters", "groupBy", "aggregates", "orderBy", "limit")
#: The default and the largest limit of the table's rows.
USUAL_ROWS, MOST_ROWS = 10_000, 100_000
MOST_COLUMNS, MOST_FILTERS, MOST_GROUPS, MOST_VALUES, LONGEST_TEXT = 30, 20, 4, 100, 1_000
NUMERIC = ("integer", "decimal", "number", "percent")
MOMENTS = ("date", "timestamp")
BUCKETS = ("day", "week", "month")
DIRECTIONS = ("asc", "desc")

#: The operators of a filter, by the type of its column; is_null fits every type.
OPERATORS: Mapping[str, tuple[str, ...]] = {
    "text": ("eq", "ne", "in", "contains"),
    "boolean": ("eq", "ne"),
    "date": ("eq", "ne", "lt", "le", "gt", "ge", "in"),
    "timestamp": ("lt", "le", "gt", "ge"),
    **dict.fromkeys(NUMERIC, ("eq", "ne", "lt", "le", "gt", "ge", "in")),
}
#: The types of column that an aggregate accepts; `count` has no column.
AGGREGATES: Mapping[str, tuple[str, ...]] = {
    "count": (),
    "count_distinct": ("text", "boolean", *MOMENTS, *NUMERIC),
    "sum": ("integer", "decimal", "number"),
    "avg": NUMERIC,
    "min": (*NUMERIC, *MOMENTS),
    "max": (*NUMERIC, *MOMENTS),
}
AGGREGATE_TITLES = {
    "count": "Rows",
    "count_distinct": "{} (distinct)",
    "sum": "{} (sum)",
    "avg": "{} (average)",
    "min": "{} (minimum)",
    "max": "{} (maximum)",
}
#: The spellings that PostgreSQL and Python read alike.
MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?(Z|[+-]\d{2}:\d{2})?)?", re.ASCII)

Function = Literal["count", "count_distinct", "sum", "avg", "min", "max"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Filter:
    """A condition; its value stays in the parameters, in filter *number*."""

    number: int
    column: SourceColumn
    operator: str
    negated: bool
    #: Whether a moment names its offset; without one it is in the report's zone.
    has_offset: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Output:
    """A column of the report's table: a column of the source, a bucket of time, or an aggregate."""

    shown: Column
    source: SourceColumn | None
    bucket: str | None = None
    function: Function | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Order:
    """One column of the sort order."""

    name: str
    descending: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Definition:
    """The table that a report defines over a source: either *columns*, or *groups* and *aggregates*."""

    source: SourceSpec
    time: SourceColumn | None
    filters: tuple[Filter, ...]
    columns: tuple[Output, ...]
    groups: tuple[Output, ...]
    aggregates: tuple[Output, ...]
    orders: tuple[Order, ...]
    limit: int

    @property
    def outputs(self) -> tuple[Output, ...]:
        """The columns of the table, from left to right."""
        return (*self.columns, *self.groups, *self.aggregates)


def parse(check: Check, sources: Sequence[SourceSpec], value: Any) -> Definition | None:
    """The definition in *value*; None if anything is wrong, and every problem is noted with its path."""
    names = [source.name for source in sources]
    if not isinstance(value, dict):
        check.add(PATH, value, f"is not a definition; use an object whose source is one of {', '.join(names)}")
        return None
    before = len(check.problems)
    _check_keys(check, PATH, value, KEYS)
    source = next((source for source in sources if source.name == value.get("source")), None)
    if source is None:  # without it no column can be checked
        check.unknown(f"{PATH}.source", value.get("source"), "source", names)
        return None
    definition = _Reader(check, source, value).definition()
    return definition if len(check.problems) == before else None


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads one definition; problems go to *check*, and reading continues."""

    check: Check
    source: SourceSpec
    value: Mapping[str, Any]

    def definition(self) -> Definition:
        filters = [one for number, item in self.items("filters", MOST_FILTERS) if (one := self.filter(number, item))]
        groups = self.outputs("groupBy", MOST_GROUPS, self.group)
        aggregates = self.outputs("aggregates", MOST_COLUMNS, self.aggregate)
        columns = self.outputs("columns", MOST_COLUMNS, self.column)
        if self.value.get("groupBy") or self.value.get("aggregates"):
            if self.value.get("columns"):
                reason = "cannot be combined with groupBy or aggregates, which make the columns; remove one of them"
                self.check.add(f"{PATH}.columns", self.value["columns"], reason)
            aggregates = aggregates or [COUNT]
        elif not self.value.get("columns"):
            columns = [Output(shown=column, source=column) for column in self.source.columns]
        definition = Definition(
            source=self.source,
            time=self.time(),
            filters=tuple(filters),
            columns=tuple(columns),
            groups=tuple(groups),
            aggregates=tuple(aggregates),
            orders=(),
            limit=self.limit(),
        )
        self.check_duplicates(definition)
        return replace(definition, orders=self.orders(definition) or _usual_orders(definition))

    def items(self, key: str, most: int) -> list[tuple[int, Any]]:
        items = self.value.get(key)
        if items is None:
            return []
        if not isinstance(items, list) or len(items) > most:
            self.check.add(f"{PATH}.{key}", items, f"is not a list of at most {most} items; use one")
            return []
        return list(enumerate(items))

    def outputs(self, key: str, most: int, read: Callable[[str, Any], Output | None]) -> list[Output]:
        return [one for number, item in self.items(key, most) if (one := read(f"{PATH}.{key}[{number}]", item))]

    def source_column(self, path: str, name: Any, kinds: Collection[str] | None = None) -> SourceColumn | None:
        """The column called *name*, which must have one of the types *kinds* if they are given."""
        fitting = [column for column in self.source.columns if kinds is None or column.type in kinds]
        found = next((column for column in self.source.columns if column.name == name), None)
        if found is None:
            self.check.unknown(path, name, "column", [column.name for column in fitting])
        elif found not in fitting:
            names = ", ".join(column.name for column in fitting)
            choice = f"choose from {names}" if names else "this source has no column that fits"
            self.check.add(path, name, f"has the type {found.type}, which does not fit here; {choice}")
            return None
        return found

    def column(self, path: str, item: Any) -> Output | None:
        column = self.source_column(path, item)
        return Output(shown=column, source=column) if column else None

    def group(self, path: str, item: Any) -> Output | None:
        given = self.given(path, item, ("column", "bucket"))
        column = given and self.source_column(
            f"{path}.column", given.get("column"), ("text", "boolean", "integer", *MOMENTS)
        )
        if not given or not column:
            return None
        bucket = given.get("bucket")
        if bucket is None and column.type != "timestamp":
            return Output(shown=column, source=column)
        if column.type not in MOMENTS:
            self.check.add(f"{path}.bucket", bucket, f"does not apply to {column.name}, which is not a time; remove it")
        elif bucket not in BUCKETS:
            self.check.unknown(f"{path}.bucket", bucket, "bucket", BUCKETS)
        else:
            shown = Column(name=f"{column.name}_{bucket}", title=f"{column.title} ({bucket})", type="date")
            return Output(shown=shown, source=column, bucket=bucket)
        return None

    def aggregate(self, path: str, item: Any) -> Output | None:
        given = self.given(path, item, ("function", "column"), short="function")
        if not given:
            return None
        function: Any = given.get("function")
        if not isinstance(function, str) or function not in AGGREGATES:
            self.check.unknown(f"{path}.function", function, "function", list(AGGREGATES))
            return None
        if function == "count":
            if given.get("column") is not None:
                reason = "is not used by count, which counts rows; remove it, or use count_distinct"
                self.check.add(f"{path}.column", given["column"], reason)
            return COUNT
        column = self.source_column(f"{path}.column", given.get("column"), AGGREGATES[function])
        return aggregate(cast("Function", function), column) if column else None

    def filter(self, number: int, item: Any) -> Filter | None:
        path = f"{PATH}.filters[{number}]"
        given = self.given(path, item, ("column", "operator", "value", "not"), short=None)
        column = given and self.source_column(f"{path}.column", given.get("column"))
        if not given or not column:
            return None
        operators = (*OPERATORS[column.type], "is_null")
        operator, value = given.get("operator"), given.get("value")
        if not isinstance(given.get("not", False), bool):
            self.check.add(f"{path}.not", given["not"], "is not a boolean; use true or false")
        if operator not in operators:
            self.check.unknown(f"{path}.operator", operator, f"{column.type} operator", operators)
        elif operator == "is_null":
            if value is not None:
                reason = "is not used by is_null; remove it, or set not to true to invert the filter"
                self.check.add(f"{path}.value", value, reason)
        else:
            self.filter_value(f"{path}.value", column, operator, value)
        has_offset = isinstance(value, str) and bool((found := MOMENT.fullmatch(value)) and found[1])
        return Filter(
            number=number,
            column=column,
            operator=str(operator),
            negated=given.get("not") is True,
            has_offset=has_offset,
        )

    def filter_value(self, path: str, column: SourceColumn, operator: str, value: Any) -> None:
        if operator != "in":
            self.one_value(path, column, value, listed=operator != "contains")
        elif not isinstance(value, list) or not 1 <= len(value) <= MOST_VALUES:
            self.check.add(path, value, f"is not a list of 1 to {MOST_VALUES} values; use one")
        else:
            for place, one in enumerate(value):
                self.one_value(f"{path}[{place}]", column, one)

    def one_value(self, path: str, column: SourceColumn, value: Any, *, listed: bool = True) -> None:
        fits, reason = VALUES[column.type]
        if not fits(value):
            self.check.add(path, value, reason)
        elif listed and column.values and value not in column.values:
            self.check.unknown(path, value, "value", column.values)

    def time(self) -> SourceColumn | None:
        if self.value.get("time") is not None:
            return self.source_column(f"{PATH}.time", self.value["time"], ("timestamp",))
        return next((column for column in self.source.columns if column.name == self.source.time), None)

    def limit(self) -> int:
        value = self.value.get("limit")
        if value is None:
            return USUAL_ROWS
        if type(value) is not int or not 1 <= value <= MOST_ROWS:
            self.check.add(f"{PATH}.limit", value, f"is not a limit; use a whole number from 1 to {MOST_ROWS}")
            return USUAL_ROWS
        return value

    def orders(self, definition: Definition) -> tuple[Order, ...]:
        names = [output.shown.name for output in definition.outputs]
        orders = []
        for number, item in self.items("orderBy", MOST_COLUMNS):
            path = f"{PATH}.orderBy[{number}]"
            given = self.given(path, item, ("column", "direction"))
            if not given:
                continue
            direction = given.get("direction", "asc")
            if direction not in DIRECTIONS:
                self.check.unknown(f"{path}.direction", direction, "direction", DIRECTIONS)
            if given.get("column") not in names:
                self.check.unknown(f"{path}.column", given.get("column"), "column", names)
            orders.append(Order(name=str(given.get("column")), descending=direction == "desc"))
        return tuple(orders)

    def given(
        self, path: str, item: Any, keys: Sequence[str], short: str | None = "column"
    ) -> Mapping[str, Any] | None:
        """An object with *keys*; a text is short for an object with only the key *short*."""
        if short and isinstance(item, str):
            return {short: item}
        if not isinstance(item, dict):
            self.check.add(path, item, f"is not an object; use one with the keys {', '.join(keys)}")
            return None
        _check_keys(self.check, path, item, keys)
        return item

    def check_duplicates(self, definition: Definition) -> None:
        names = [output.shown.name for output in definition.outputs]
        for name in dict.fromkeys(name for name in names if names.count(name) > 1):
            self.check.add(PATH, name, "is listed twice; list each column of the table once")


def _check_keys(check: Check, path: str, value: Mapping[str, Any], keys: Collection[str]) -> None:
    for key in value:
        if key not in keys:
            check.unknown(f"{path}.{key}", key, "key", keys)


def aggregate(function: Function, column: SourceColumn) -> Output:
    """The output of *function* over *column*, with its name, title and type."""
    kind: ColumnType = column.type
    scale = column.scale
    if function == "count_distinct":
        kind, scale = "integer", 0
    elif function == "avg" and kind in ("integer", "decimal"):
        kind, scale = "number", max(scale, 2)
    shown = Column(
        name=f"{function}_{column.name}",
        title=AGGREGATE_TITLES[function].format(column.title),
        type=kind,
        scale=scale,
        unit="" if function == "count_distinct" else column.unit,
    )
    return Output(shown=shown, source=column, function=function)


COUNT = Output(
    shown=Column(name="count", title=AGGREGATE_TITLES["count"], type="integer"), source=None, function="count"
)


def _usual_orders(definition: Definition) -> tuple[Order, ...]:
    """The default order: newest rows first; groups over time in time order, other groups by value, largest first."""
    if not definition.groups:
        newest = definition.time and any(output.source is definition.time for output in definition.columns)
        return (Order(name=definition.time.name, descending=True),) if definition.time and newest else ()
    if definition.groups[0].shown.type == "date":
        return tuple(Order(name=output.shown.name) for output in definition.groups)
    return (Order(name=definition.aggregates[0].shown.name, descending=True),)


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= LONGEST_TEXT


def _is_integer(value: Any) -> bool:
    return type(value) is int and -(2**63) <= value < 2**63


def _is_number(value: Any) -> bool:
    # A whole number beyond 64 bits as well: PostgreSQL stores 1e20 as 100000000000000000000.
    return type(value) in (int, float) and math.isfinite(value) and abs(value) <= sys.float_info.max


def _is_moment(value: Any) -> bool:
    if not isinstance(value, str) or not MOMENT.fullmatch(value):
        return False
    try:
        return 1900 <= datetime.fromisoformat(value).year <= 9000
    except ValueError:
        return False


def _is_date(value: Any) -> bool:
    return _is_moment(value) and len(value) == len("2026-05-31")


VALUES: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "text": (_is_text, f"is not a text of at most {LONGEST_TEXT} characters; use one"),
    "integer": (_is_integer, "is not a whole number of at most 64 bits; use one"),
    "boolean": (lambda value: isinstance(value, bool), "is not a boolean; use true or false"),
    "date": (_is_date, "is not a day; use one such as 2026-05-31"),
    "timestamp": (_is_moment, "is not a time; use a day such as 2026-05-31, or a moment such as 2026-05-31T09:00:00Z"),
    **dict.fromkeys(("decimal", "number", "percent"), (_is_number, "is not a number; use one such as 1.5")),
}
