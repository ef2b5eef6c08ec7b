"""The option `sendIf`: the conditions under which a run is mailed.

A problem is named by its place, `options.sendIf.conditions[0].figure`.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, cast, get_args

from ..domain.errors import RejectedError
from ..domain.send_if import (
    ChangeCondition,
    ChangedCondition,
    ChangeUnit,
    FigureCondition,
    Match,
    NewRowsCondition,
    Operator,
    Repeat,
    RowsAre,
    RowsCondition,
    SendIf,
)
from .types.custom_sql import with_datasets

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from ..domain.report_type import ReportType
    from ..domain.send_if import SendCondition
    from .validation import Check

PLACE = "options.sendIf"
KEYS = ("match", "repeat", "conditions")
#: The keys of each kind of condition besides `kind`.
KINDS: Mapping[str, tuple[str, ...]] = {
    "rows": ("dataset", "is", "count"),
    "figure": ("figure", "operator", "value"),
    "change": ("figure", "operator", "value", "unit"),
    "changed": (),
    "newRows": ("column",),
}
MOST_CONDITIONS = 10
MOST_ROWS, LARGEST = 1_000_000_000, 1e15
NUMERIC = ("integer", "decimal", "number", "percent")
#: The types of a column by which a row can be known again; numbers with a fraction are not exact.
KEY_TYPES = ("text", "integer", "decimal", "date", "timestamp")


def read_send_if(
    check: Check, options: Mapping[str, Any], kind: ReportType | None, parameters: Mapping[str, Any]
) -> SendIf | None:
    """The conditions in *options*; None without any, or if there is a problem, which is noted."""
    value = options.get("sendIf")
    if value is None:
        return None
    if not isinstance(value, dict):
        check.add(PLACE, value, 'is not an object; use one such as {"conditions": [{"kind": "changed"}]}')
        return None
    _only(check, PLACE, value, KEYS)
    match, repeat = (
        _one_of(check, f"{PLACE}.{name}", value.get(name, default), names)
        for name, default, names in (("match", "all", get_args(Match)), ("repeat", "every", get_args(Repeat)))
    )
    conditions = _conditions(check, value.get("conditions"), _known(kind, parameters))
    if match is None or repeat is None or conditions is None:
        return None
    return SendIf(conditions=conditions, match=cast("Match", match), repeat=cast("Repeat", repeat))


def usable_names(kind: ReportType) -> Mapping[str, Mapping[str, str]]:
    """What the conditions of a report of this type may name, each with its title; of a type with sources nothing.

    The names of a type with sources come from the report's own definition.
    """
    main = kind.datasets[0].columns if kind.datasets else ()
    return {
        "datasets": {one.name: one.title for one in kind.datasets},
        "figures": {one.column.name: one.column.title for one in kind.figures if one.column.type in NUMERIC},
        "columns": {one.name: one.title for one in main if one.type in KEY_TYPES},
    }


def _known(kind: ReportType | None, parameters: Mapping[str, Any]) -> ReportType | None:
    """The type with its datasets, by which names are checked; None if its definition is wrong, as noted elsewhere."""
    if kind is not None and kind.sources:
        with suppress(RejectedError):
            return with_datasets(kind, parameters)
        return None
    return kind


def _conditions(check: Check, values: Any, kind: ReportType | None) -> tuple[SendCondition, ...] | None:
    place = f"{PLACE}.conditions"
    if not isinstance(values, list) or not 1 <= len(values) <= MOST_CONDITIONS:
        check.add(place, values, f"is not a list of 1 to {MOST_CONDITIONS} conditions")
        return None
    found = [_condition(check, f"{place}[{number}]", value, kind) for number, value in enumerate(values)]
    columns = [number for number, one in enumerate(found) if isinstance(one, NewRowsCondition)]
    for number in columns[1:]:
        check.add(f"{place}[{number}].kind", "newRows", "is there already; use it once")
    known = tuple(one for one in found if one is not None)
    return known if len(known) == len(found) and len(columns) <= 1 else None


def _condition(check: Check, place: str, value: Any, kind: ReportType | None) -> SendCondition | None:
    if not isinstance(value, dict):
        check.add(place, value, f"is not a condition; use an object with the key kind, one of {', '.join(KINDS)}")
        return None
    name = value.get("kind")
    if not isinstance(name, str) or name not in KINDS:
        check.unknown(f"{place}.kind", name, "kind of condition", tuple(KINDS))
        return None
    _only(check, place, value, ("kind", *KINDS[name]))
    return _READERS[name](check, place, value, kind)


def _rows(check: Check, place: str, value: Mapping[str, Any], kind: ReportType | None) -> SendCondition | None:
    limits = {one.name: one.limit for one in kind.datasets} if kind else None
    dataset = _name(check, f"{place}.dataset", value.get("dataset"), "dataset", limits)
    rows_are = _one_of(check, f"{place}.is", value.get("is"), get_args(RowsAre))
    count = value.get("count")
    most = min((limits or {}).get(dataset or "") or MOST_ROWS, MOST_ROWS)
    if rows_are == "at-least" and not (type(count) is int and 1 <= count <= most):
        returned = f", which is how many rows {dataset} has at most" if most < MOST_ROWS else ""
        check.add(f"{place}.count", count, f"is not a whole number from 1 to {most:,}{returned}")
        return None
    if rows_are not in (None, "at-least") and count is not None:
        check.add(f"{place}.count", count, "is used with at-least only; remove it")
        return None
    if dataset is None or rows_are is None:
        return None
    return RowsCondition(dataset=dataset, rows_are=cast("RowsAre", rows_are), count=count or 1)


def _figure(check: Check, place: str, value: Mapping[str, Any], kind: ReportType | None) -> SendCondition | None:
    figure, operator, bound = _comparison(check, place, value, kind)
    if figure is None or operator is None or bound is None:
        return None
    return FigureCondition(figure=figure, operator=operator, value=bound)


def _change(check: Check, place: str, value: Mapping[str, Any], kind: ReportType | None) -> SendCondition | None:
    figure, operator, bound = _comparison(check, place, value, kind)
    unit = _one_of(check, f"{place}.unit", value.get("unit"), get_args(ChangeUnit))
    if figure is None or operator is None or bound is None or unit is None:
        return None
    return ChangeCondition(figure=figure, operator=operator, value=bound, unit=cast("ChangeUnit", unit))


def _changed(_: Check, __: str, ___: Mapping[str, Any], ____: ReportType | None) -> SendCondition:
    return ChangedCondition()


def _new_rows(check: Check, place: str, value: Mapping[str, Any], kind: ReportType | None) -> SendCondition | None:
    types = {one.name: one.type for one in kind.main.columns} if kind else None
    noun = f"column of {kind.main.name}" if kind else "column"
    column = _name(check, f"{place}.column", value.get("column"), noun, types)
    if column is None:
        return None
    if types and types[column] not in KEY_TYPES:
        reason = f"has the type {types[column]}, by which no row can be known again; use a column of the type "
        check.add(f"{place}.column", column, f"{reason}{', '.join(KEY_TYPES)}")
        return None
    return NewRowsCondition(column=column)


_READERS: Mapping[str, Callable[[Check, str, Mapping[str, Any], ReportType | None], SendCondition | None]] = {
    "rows": _rows,
    "figure": _figure,
    "change": _change,
    "changed": _changed,
    "newRows": _new_rows,
}


def _comparison(
    check: Check, place: str, value: Mapping[str, Any], kind: ReportType | None
) -> tuple[str | None, Operator | None, float | None]:
    """The figure, the operator and the number of a condition; None for each one that is wrong."""
    types = {one.column.name: one.column.type for one in kind.figures} if kind else None
    figure = _name(check, f"{place}.figure", value.get("figure"), "figure", types)
    if figure is not None and types and types[figure] not in NUMERIC:
        check.add(f"{place}.figure", figure, f"has the type {types[figure]}; use a figure that is a number")
        figure = None
    operator = _one_of(check, f"{place}.operator", value.get("operator"), get_args(Operator))
    bound = value.get("value")
    if not isinstance(bound, int | float) or isinstance(bound, bool) or not -LARGEST <= bound <= LARGEST:
        check.add(f"{place}.value", bound, "is not a number from -1e15 to 1e15")
        bound = None
    return figure, cast("Operator | None", operator), bound


def _name(check: Check, place: str, value: Any, noun: str, names: Collection[str] | None) -> str | None:
    """A name that the report type has; without *names* any text."""
    if isinstance(value, str) and (value in names if names is not None else value):
        return value
    if names is not None and not names:
        check.add(place, value, f"cannot be used: this report has no {noun}s; remove the condition")
    else:
        check.unknown(place, value, noun, tuple(names or ()))
    return None


def _one_of(check: Check, place: str, value: Any, names: Iterable[str]) -> str | None:
    if isinstance(value, str) and value in names:
        return value
    check.add(place, value, f"is not one of {', '.join(names)}; choose one")
    return None


def _only(check: Check, place: str, value: Mapping[str, Any], names: tuple[str, ...]) -> None:
    for key in value:
        if key not in names:
            check.unknown(f"{place}.{key}", value[key], "key", names)
