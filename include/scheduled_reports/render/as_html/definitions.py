"""What a report's figures, tables and columns mean, and what it leaves out: its last part, "Definitions and scope"."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import time, timedelta
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
    """Collect the definitions of figures, tables and columns.

    What is defined twice in the same words is said once; a column that means something else than what has its title
    names its table.
    """
    found: dict[str, str] = {}
    for term, text, table in _all(document):
        known = found.setdefault(term, text)
        if known != text:
            found.setdefault(f"{term} ({table})" if table else term, text)
    return tuple(Definition(term=printable(term), text=printable(text)) for term, text in found.items())


def _all(document: Document) -> Iterator[tuple[str, str, str]]:
    """Yield the terms that are defined, with their definitions and, of columns, the titles of their tables."""
    figures = [figure.spec.column for figure in (*document.figures, *document.hidden_figures)]
    every = [
        *((column.title, column.definition, "") for column in figures),
        *((table.title, table.definition, "table") for table in document.tables),
        *((column.title, column.definition, table.title) for table in document.tables for column in table.columns),
    ]
    return (one for one in every if one[1])


def selection(document: Document) -> Iterator[str]:
    """Say what the parameters of the report select: `Kinds of file: image/png`."""
    for one in document.parameters:
        yield printable(f"{one.title}: {one.words}")


def scope(document: Document, left_out: Sequence[Table]) -> Iterator[str]:
    """Say what the parameters select, what is counted but not listed, and which tables this file leaves out."""
    yield from selection(document)
    yield from map(printable, document.notes)
    for table in left_out:
        yield f"{printable(table.title)}: drawn as a chart here. {table.rest}"


def data_until(document: Document) -> str:
    """Say which moment the data ends at: `Data until Sun 10 May 2026, 24:00 (Berlin).`."""
    zone = document.timezone
    end = min(document.window.end, document.scheduled_for).astimezone(document.scheduled_for.tzinfo)
    if end.time() == time():
        return f"Data until {long_date(end.date() - timedelta(days=1))}, 24:00 ({city(zone)})."
    return f"Data until {long_time(end, zone)}."
