"""How a key figure changed since the period before, as a number and in words."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Final, Literal

from .values import format_value, grouped, is_missing, percent

if TYPE_CHECKING:
    from .document import Figure

NO_CHANGE: Final = "no change"
UP, DOWN = "\N{BLACK UP-POINTING TRIANGLE}", "\N{BLACK DOWN-POINTING TRIANGLE}"
#: A count that was smaller than this, or that grew by more than the share, is compared by its difference: from 7 to 29
#: is 22 more rather than 314% more.
_SMALL, _LARGE = 20, 2.0
#: Figures of these types count or add up: zero means that there was nothing, not that a share was 0%.
_COUNTS: Final = frozenset({"integer", "decimal"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """A change with its sign: *relative* (0.25 for 25%), of a share in percentage *points*, or a *difference*."""

    kind: Literal["relative", "points", "difference"]
    amount: Decimal


def change_of(figure: Figure) -> Change | None:
    """Measure the change as it is shown; None without a value in both periods, and if it is too small to show."""
    value, previous = figure.value, figure.previous
    if is_missing(value) or is_missing(previous) or value is None or previous is None or value == previous:
        return None
    gap = Decimal(str(value)) - Decimal(str(previous))
    if figure.spec.column.type == "percent":
        points = gap * 100
        return Change(kind="points", amount=points) if grouped(abs(points), 1) != "0.0" else None
    relative = figure.change
    if relative is None or is_missing(relative) or _is_better_as_difference(figure, relative):
        shown = format_value(abs(gap), figure.spec.column)
        return Change(kind="difference", amount=gap) if shown != format_value(0, figure.spec.column) else None
    return Change(kind="relative", amount=Decimal(str(relative)))


def _is_better_as_difference(figure: Figure, relative: float) -> bool:
    is_small = figure.spec.column.type in _COUNTS and abs(Decimal(str(figure.previous))) < _SMALL
    return is_small or abs(relative) > _LARGE or percent(abs(relative), 1) == "0.0%"


def size(found: Change, figure: Figure) -> str:
    """Format a change without its sign: `18.5%`, `7.6 points`, `22`."""
    amount = abs(found.amount)
    match found.kind:
        case "relative":
            return percent(amount, 1)
        case "points":
            return _points(amount)
        case "difference":
            return format_value(amount, figure.spec.column)


def difference(figure: Figure) -> str:
    """Format the absolute difference without its sign: `22`, `7.6 points`; empty without a base."""
    value, previous = figure.value, figure.previous
    if value is None or previous is None or is_missing(value) or is_missing(previous):
        return ""
    amount = abs(Decimal(str(value)) - Decimal(str(previous)))
    column = figure.spec.column
    return _points(amount * 100) if column.type == "percent" else format_value(amount, column)


def _points(amount: Decimal) -> str:
    text = grouped(amount, 1)
    return f"{text} point" if text == "1.0" else f"{text} points"


def change(figure: Figure) -> str:
    """Format the change: `\N{BLACK UP-POINTING TRIANGLE} 25.0%`, `no change`; empty without a base, and from none."""
    if is_missing(figure.value) or is_missing(figure.previous):
        return ""
    found = change_of(figure)
    if found is None:
        return NO_CHANGE
    if no_base(figure):
        return ""
    return f"{UP if found.amount > 0 else DOWN} {size(found, figure)}"


def comparison(figure: Figure) -> str:
    """Say what a figure is compared with: `from 987,654`, or why with nothing; empty beside `no change`."""
    if is_missing(figure.value) and is_missing(figure.previous):
        return "no data"
    if change(figure) == NO_CHANGE:
        return ""
    return no_base(figure) or f"from {format_value(figure.previous, figure.spec.column)}"


def no_base(figure: Figure) -> str:
    """Say why a figure has no base to compare with: `none before`, `no earlier data`; empty if it has one."""
    if is_missing(figure.previous):
        return "no earlier data"
    is_new = figure.value and not figure.previous
    return "none before" if is_new and figure.spec.column.type in _COUNTS else ""


def trend(figure: Figure) -> Literal["good", "bad", "flat"]:
    """Whether the change, as it is shown, is an improvement."""
    found = change_of(figure)
    if figure.spec.better == "neutral" or found is None:
        return "flat"
    return "good" if (found.amount > 0) == (figure.spec.better == "up") else "bad"
