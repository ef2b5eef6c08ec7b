"""Key figures as cards, and the note on times; shared by HTML, PDF and mail."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..domain.dates import long_time, zone_time
from .change import change, comparison, trend
from .values import MISSING, format_value, printable

if TYPE_CHECKING:
    from .document import Document, Figure


def time_note(document: Document) -> str:
    """Say when the run was due and which clock its times follow."""
    zone = document.timezone
    return f"Scheduled for {long_time(document.scheduled_for, zone)}. Times in {zone_time(zone)}."


@dataclass(frozen=True, kw_only=True, slots=True)
class Card:
    """A key figure as text; *trend* is `good`, `bad` or `flat`."""

    title: str
    value: str
    change: str
    trend: str
    comparison: str


def card(figure: Figure) -> Card:
    """Format a key figure."""
    column = figure.spec.column
    return Card(
        title=printable(column.title),
        value=format_value(figure.value, column) or MISSING,
        change=change(figure),
        trend=trend(figure),
        comparison=comparison(figure),
    )
