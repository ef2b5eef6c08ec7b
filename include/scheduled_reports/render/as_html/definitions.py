"""What a report's figures, tables and columns mean, and what it leaves out: its last part, "Definitions and scope"."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import time
from typing import TYPE_CHECKING

from ...domain.dates import city, long_date, long_time
from ..values import printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ..document import Document, Table


@dataclass(frozen=True, kw_only=True, slots=True)
class Definition:
    """A term of the report, and what it means."""

    term: str
    text: str


def definitions(document: Document) -> tuple[Definition, ...]:
    """Collect the definitions of figures, tables and columns; what is defined twice in the same words is said once."""
    return tuple(dict.fromkeys(_all(document)))


def _all(document: Document) -> Iterator[Definition]:
    figures = (*document.figures, *document.hidden_figures)
    columns = [figure.spec.column for figure in figures]
    for table in document.tables:
        if table.definition:
            yield Definition(term=printable(table.title), text=printable(table.definition))
        columns += table.columns
    for column in columns:
        if column.definition:
            yield Definition(term=printable(column.title), text=printable(column.definition))


def scope(document: Document, left_out: Sequence[Table]) -> Iterator[str]:
    """Say what is counted but not listed, and which tables this file leaves out."""
    yield from map(printable, document.notes)
    for table in left_out:
        yield f"{printable(table.title)}: drawn as a chart here. {table.rest}"


def data_until(document: Document) -> str:
    """Say which moment the data ends at: `Data until Sun 10 May 2026, 24:00 (Berlin).`."""
    zone = document.timezone
    end = min(document.window.end, document.scheduled_for).astimezone(document.scheduled_for.tzinfo)
    if end.time() == time():
        return f"Data until {long_date(document.window.last_day)}, 24:00 ({city(zone)})."
    return f"Data until {long_time(end, zone)}."
