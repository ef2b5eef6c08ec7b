"""Make the lead of a report: the one or two sentences that say what changed, and whether to care.

The rules come from the report type; a type without rules has the default ones below.  Every message is a whole
sentence, and every number in it is a figure of the report.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Final

from ..domain.lead import Sentence
from .activity import is_nonzero
from .change import change_of, difference, size, trend
from .values import NO_ACTIVITY, format_value, grouped, is_missing, printable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..domain.lead import Condition, LeadRule, LeadSpec, LeadTone, Message
    from .change import Change
    from .document import Figure

MOST_SENTENCES: Final = 2
#: A figure beside the first one is worth a sentence from this change on: 10%, or of a share 5 points.
_NOTABLE, _NOTABLE_POINTS = 0.1, 5
_PLACEHOLDER: Final = re.compile(r"\{\{|\}\}|\{([^{}]+)\}")
_TONES: Final[Mapping[str, LeadTone]] = {"good": "good", "bad": "bad", "flat": "neutral"}

#: The default messages.
_ROSE: Final = "{title} rose by {change}, from {before} to {value}."
_FELL: Final = "{title} fell by {change}, from {before} to {value}."
_SAME: Final = "{title}: {value}, the same as in the period before."
_ONLY: Final = "{title}: {value}, with no earlier data to compare with."
_NEW: Final = "{title}: {value}, after none in the period before."
_EARLIER: Final = "{title} in the period before: {before}."
_NO_CHANGE: Final = "No figure changed since the period before."
_ROWS, _ROW, _NO_ROWS = "{rows} rows match.", "1 row matches.", "No rows match."


def lead(spec: LeadSpec | None, figures: Sequence[Figure], *, has_data: bool, rows: int) -> tuple[Sentence, ...]:
    """Apply the rules of a report type to all its *figures*; without rules, the default ones.

    *rows* counts the rows of the main table, for reports without figures. Rows of zeros alone are no activity, whatever
    a figure counts beside them, such as members or quiet channels.
    """
    if not has_data and (rows or not any(map(is_nonzero, figures))):
        return (Sentence(text=spec.nothing if spec else NO_ACTIVITY), *_earlier(figures))
    if spec is not None:
        named = {figure.spec.column.name: figure for figure in figures}
        found = filter(None, (_first(rules, named) for rules in spec.sentences))
        said = tuple(found)[:MOST_SENTENCES]
        if said:
            return said
    return _default([figure for figure in figures if not figure.spec.hidden], rows)


def _earlier(figures: Sequence[Figure]) -> tuple[Sentence, ...]:
    """What the first figure, if it is zero now, was in the period before."""
    first = next((figure for figure in figures if not figure.spec.hidden), None)
    if first is None or first.value or not first.previous or is_missing(first.previous):
        return ()
    column = first.spec.column
    text = _EARLIER.format(title=printable(column.title), before=format_value(first.previous, column))
    return (Sentence(text=text),)


def _first(rules: Sequence[LeadRule], figures: Mapping[str, Figure]) -> Sentence | None:
    """The sentence of the first rule that holds, and whose placeholders all have values."""
    for rule in rules:
        if all(holds(condition, figures[condition.figure]) for condition in rule.when):
            text = filled(rule.say, figures)
            if text is not None:
                return Sentence(text=text, tone=rule.tone)
    return None


def holds(condition: Condition, figure: Figure) -> bool:
    """Whether every bound of the condition holds; a bound on a change needs a value in both periods."""
    if figure.value is None or is_missing(figure.value):
        return False
    value = float(figure.value)
    has_base = not is_missing(figure.previous)
    if condition.compared is not None and condition.compared != has_base:
        return False
    if condition.at_least is not None and value < condition.at_least:
        return False
    if condition.at_most is not None and value > condition.at_most:
        return False
    return _changed(condition, figure) if _bounds_change(condition) else True


def _bounds_change(condition: Condition) -> bool:
    bounds = (condition.rises, condition.falls, condition.more, condition.less)
    return any(bound is not None for bound in bounds)


def _changed(condition: Condition, figure: Figure) -> bool:
    if figure.value is None or figure.previous is None or is_missing(figure.previous):
        return False
    gap = float(figure.value) - float(figure.previous)
    share = gap if figure.spec.column.type == "percent" else _relative(gap, float(figure.previous))
    return all(
        bound is None or (change > 0 and change >= bound)
        for bound, change in (
            (condition.rises, share),
            (condition.falls, -share),
            (condition.more, gap),
            (condition.less, -gap),
        )
    )


def _relative(gap: float, base: float) -> float:
    """The change as a share of its base; infinite from zero."""
    return gap / abs(base) if base else gap * math.inf if gap else 0.0


def filled(message: Message, figures: Mapping[str, Figure]) -> str | None:
    """Fill in the placeholders of a message; None if one of them has no value."""
    counted = figures[message.count].value if message.count else None
    text = message.one if counted == 1 else message.other
    said = {found: _said(figures, found) for found in _PLACEHOLDER.findall(text) if found}
    if not all(said.values()):
        return None
    return _PLACEHOLDER.sub(lambda found: said[found[1]] if found[1] else found[0][0], text)


def _said(figures: Mapping[str, Figure], placeholder: str) -> str:
    """What a placeholder stands for; empty without a value."""
    name, _, aspect = placeholder.partition(".")
    figure = figures[name]
    column = figure.spec.column
    match aspect:
        case "before":
            return format_value(figure.previous, column)
        case "change":
            found = change_of(figure)
            return size(found, figure) if found else ""
        case "difference":
            return difference(figure)
        case _:
            return format_value(figure.value, column)


def _default(figures: Sequence[Figure], rows: int) -> tuple[Sentence, ...]:
    """The first figure, and the one beside it that changed most, bad news first."""
    known = [figure for figure in figures if not is_missing(figure.value)]
    if not known:
        return (Sentence(text=_ROWS.format(rows=grouped(rows, 0)) if rows > 1 else _ROW if rows else _NO_ROWS),)
    if len(known) > 1 and not any(change_of(figure) or is_missing(figure.previous) for figure in known):
        return (Sentence(text=_NO_CHANGE),)
    first, *others = known
    notable = sorted(filter(_is_notable, others), key=lambda figure: trend(figure) != "bad")
    return tuple(map(_sentence, [first, *notable[: MOST_SENTENCES - 1]]))


def _is_notable(figure: Figure) -> bool:
    found = change_of(figure)
    if found is None or figure.change is None:
        return False
    return abs(found.amount) >= _NOTABLE_POINTS if found.kind == "points" else abs(figure.change) >= _NOTABLE


def _sentence(figure: Figure) -> Sentence:
    found = change_of(figure)
    text = _message(figure, found).format(
        title=printable(figure.spec.column.title),
        value=format_value(figure.value, figure.spec.column),
        before=format_value(figure.previous, figure.spec.column),
        change=size(found, figure) if found else "",
    )
    return Sentence(text=text, tone=_TONES[trend(figure)])


def _message(figure: Figure, found: Change | None) -> str:
    if is_missing(figure.previous):
        return _ONLY
    if found is None:
        return _SAME
    if not figure.previous and figure.spec.column.type != "percent":
        return _NEW
    return _ROSE if found.amount > 0 else _FELL
