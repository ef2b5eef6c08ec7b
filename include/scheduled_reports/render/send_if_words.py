"""Judge a condition of an email, and say in a sentence what was found, with the value as the report shows it."""

from __future__ import annotations

import operator
from decimal import Decimal
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from ..domain.dates import long_date
from ..domain.send_if import Finding
from .values import format_value, grouped, is_missing, percent, printable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from ..domain.lead import LeadTone
    from ..domain.report_type import Column
    from ..domain.send_if import ChangeCondition, FigureCondition, Operator, RowsCondition
    from .document import Figure

_WORDS: Final[Mapping[Operator, str]] = MappingProxyType(
    {">": "above", ">=": "at least", "<": "below", "<=": "at most"}
)
_HOLDS: Final[Mapping[Operator, Callable[[Decimal, Decimal], bool]]] = MappingProxyType(
    {">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le}
)
#: More digits than a figure has, for one that would look as if it were the limit: 79.96% is not at least 80%.
_FINER: Final = 6

_SOME, _NONE, _NOT_NONE = "{rows} in {title}.", "No rows in {title}.", "{rows} in {title}, not none."
_AT_LEAST, _FEWER = "{rows} in {title}, at least {count}.", "{rows} in {title}, fewer than {count}."
_FIGURE, _NO_VALUE = "{title} at {value}, {verb}.", "{title} without a value in this period."
_CHANGE: Final = "{title} at {value}, a change of {change} from {before}, {verb}."
_NO_BASE: Final = "{title} at {value}, with no value in the period before to compare with."
_ZERO_BASE: Final = "{title} at {value}, after {before} in the period before, of which there is no percentage."
_DIFFERS, _SAME = "{title} changed since the email of {when}.", "No change in {title} since the email of {when}."
_FIRST: Final = "No earlier email to compare {title} with."
_NEW, _FIRST_NEW = (
    "{rows} in {title} since the email of {when}.",
    "{rows} in {title}, and no earlier email to compare with.",
)
_NOTHING_NEW: Final = "No new rows in {title} since the email of {when}."


def judge_rows(condition: RowsCondition, title: str, count: int) -> Finding:
    """Judge the number of rows with data of the dataset with *title*."""
    rows = f"{count:,} {'row' if count == 1 else 'rows'}"
    match condition.rows_are:
        case "any":
            met, text = count > 0, _SOME if count else _NONE
        case "none":
            met, text = not count, _NOT_NONE if count else _NONE
        case "at-least":
            met = count >= condition.count
            text = _AT_LEAST if met else _FEWER
    return Finding(met=met, text=text.format(title=printable(title), rows=rows, count=f"{condition.count:,}"))


def judge_figure(condition: FigureCondition, figure: Figure) -> Finding:
    """Judge a figure against a number; one without a value meets nothing."""
    column = figure.spec.column
    title = printable(column.title)
    if figure.value is None or is_missing(figure.value):
        return Finding(met=False, text=_NO_VALUE.format(title=title))
    value, bound = _exact(figure.value), _in_shares(condition.value, column)
    met = _HOLDS[condition.operator](value, bound)
    shown = format_value(figure.value, column)
    if not column.unit and met != _HOLDS[condition.operator](_rounded(value, column), bound):
        shown = _with_digits(value, column, _FINER)
    text = _FIGURE.format(title=title, value=shown, verb=_verb(condition, met, _limit(bound, column)))
    return Finding(met=met, text=text, tone=_tone(condition, figure, met))


def judge_change(condition: ChangeCondition, figure: Figure) -> Finding:
    """Judge how a figure has changed since the period before; a change without a base meets nothing."""
    column = figure.spec.column
    title, value = printable(column.title), format_value(figure.value, column)
    if figure.value is None or is_missing(figure.value):
        return Finding(met=False, text=_NO_VALUE.format(title=title))
    if figure.previous is None or is_missing(figure.previous):
        return Finding(met=False, text=_NO_BASE.format(title=title, value=value))
    before = format_value(figure.previous, column)
    gap, bound = _exact(figure.value) - _exact(figure.previous), _exact(condition.value)
    if condition.unit == "percent":
        if not figure.previous:
            return Finding(met=False, text=_ZERO_BASE.format(title=title, value=value, before=before))
        gap = gap / abs(_exact(figure.previous)) * 100
        change, limit = percent(gap / 100, 1), f"{_plain(bound)}%"
    elif column.type == "percent":
        gap *= 100
        change, limit = f"{grouped(gap, 1)} points", f"{_plain(bound)} points"
    else:
        change, limit = format_value(gap, column), _limit(bound, column)
    met = _HOLDS[condition.operator](gap, bound)
    sign = "+" if gap > 0 else ""
    return Finding(
        met=met,
        text=_CHANGE.format(
            title=title, value=value, change=f"{sign}{change}", before=before, verb=_verb(condition, met, limit)
        ),
        tone=_tone(condition, figure, met),
    )


def judge_changed(title: str, mailed_at: datetime | None, *, differs: bool) -> Finding:
    """Judge whether a table differs from the one mailed at *mailed_at*, in the report's zone; None if none was."""
    if mailed_at is None:
        return Finding(met=True, text=_FIRST.format(title=printable(title)))
    text = _DIFFERS if differs else _SAME
    return Finding(met=differs, text=text.format(title=printable(title), when=moment_words(mailed_at)))


def judge_new_rows(title: str, mailed_at: datetime | None, count: int) -> Finding:
    """Judge how many rows of a table are new since *mailed_at*; all are if nothing was mailed."""
    if mailed_at is None:
        rows = f"{count:,} {'row' if count == 1 else 'rows'}"
        text = _FIRST_NEW if count else _NONE
        return Finding(met=count > 0, text=text.format(title=printable(title), rows=rows))
    rows = f"{count:,} new {'row' if count == 1 else 'rows'}"
    text = _NEW if count else _NOTHING_NEW
    return Finding(met=count > 0, text=text.format(title=printable(title), rows=rows, when=moment_words(mailed_at)))


def moment_words(moment: datetime) -> str:
    """Format the moment of an email: `Mon 11 May 2026, 09:00`."""
    return f"{long_date(moment)}, {moment:%H:%M}"


def _verb(condition: FigureCondition | ChangeCondition, met: bool, limit: str) -> str:  # noqa: FBT001 - read once
    return f"{'' if met else 'not '}{_WORDS[condition.operator]} {limit}"


def _tone(condition: FigureCondition | ChangeCondition, figure: Figure, met: bool) -> LeadTone:  # noqa: FBT001
    """Bad news if a figure is beyond a limit on its worse side."""
    worse = {"up": ("<", "<="), "down": (">", ">="), "neutral": ()}[figure.spec.better]
    return "bad" if met and condition.operator in worse else "neutral"


def _exact(number: float | Decimal) -> Decimal:
    return number if isinstance(number, Decimal) else Decimal(str(number))


def _in_shares(number: float, column: Column) -> Decimal:
    """The number of a condition in the unit of the column: 80 of a share is 0.8."""
    return _exact(number) / 100 if column.type == "percent" else _exact(number)


def _rounded(value: Decimal, column: Column) -> Decimal:
    """A value as it is shown."""
    scale = column.scale + 2 if column.type == "percent" else 0 if column.type == "integer" else column.scale
    return Decimal(grouped(value, scale).replace(",", ""))


def _limit(bound: Decimal, column: Column) -> str:
    """A limit with all its digits, in the unit of the column."""
    if column.unit:
        return format_value(bound, column)
    return f"{_plain(bound * 100)}%" if column.type == "percent" else _plain(bound)


def _with_digits(value: Decimal, column: Column, more: int) -> str:
    if column.type == "percent":
        return f"{_plain(Decimal(grouped(value * 100, column.scale + more).replace(',', '')))}%"
    return _plain(Decimal(grouped(value, column.scale + more).replace(",", "")))


def _plain(number: Decimal) -> str:
    """A number with the digits it has: `1,234.5`, `80`."""
    exponent = number.normalize().as_tuple().exponent
    return grouped(number, max(-exponent, 0) if isinstance(exponent, int) else 0)
