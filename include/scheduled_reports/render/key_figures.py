"""Key figures as cards, and the note on dates and numbers; shared by HTML, PDF and mail."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from .values import change, mood, printable, shown

if TYPE_CHECKING:
    from .document import Figure

CONVENTIONS: Final = (
    "Made for {moment}. Days and times are those of {zone}."
    " Dates are year-month-day (ISO 8601), numbers English (1,234.5)."
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Card:
    """A key figure as it is shown."""

    title: str
    value: str
    change: str
    mood: str
    previous: str


def card(figure: Figure) -> Card:
    """A key figure as it is shown."""
    column = figure.spec.column
    return Card(
        title=printable(column.title),
        value=shown(figure.value, column) or "\N{EN DASH}",
        change=change(figure),
        mood=mood(figure),
        previous=shown(figure.previous, column),
    )
