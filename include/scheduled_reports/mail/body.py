"""Compose the two bodies of a report's mail, plain text and HTML; each holds everything the other says."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from ..domain.bidi import isolated
from ..domain.dates import long_time, zone_time
from ..domain.naming import shown_file_name
from ..render.activity import is_counted
from ..render.batches import pieces
from ..render.colours import WHITE, readable
from ..render.column_widths import text_width, widths
from ..render.key_figures import card, time_note
from ..render.values import (
    FORMAT_TITLES,
    NO_ACTIVITY,
    NO_ROWS,
    NUMERIC,
    file_size,
    format_value,
    join_names,
    printable,
    rows_of,
)
from . import templates
from .body_images import chart_pictures, logo

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from ..domain.formats import Format
    from ..render.document import Document, Table
    from ..render.key_figures import Card
    from .body_images import MailPicture

#: What fits into a message of 600 pixels: columns, characters of all columns, characters of one value.
_PREVIEW_COLUMNS, _PREVIEW_WIDTH, _PREVIEW_TEXT = 6, 72, 60
#: A longer word may break where the line ends.
_LONG_WORD: Final = 20
#: How many key figures an inbox shows beside the subject.
_HEADLINE: Final = 3
_TREND_COLORS: Final = {"good": "#1a7f37", "bad": "#b42318", "flat": "#3d4550"}


@dataclass(frozen=True, kw_only=True, slots=True)
class MailFile:
    """A file of the message: *attached* (alone or in the zip file), and behind *link* if there is one."""

    format: Format
    file_name: str
    bytes: int
    rows: int
    total_rows: int
    attached: bool
    link: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class MailNote:
    """What a message says besides the report itself.

    *stop_hint* ends the sentence "To stop these emails, …"; *why* says why the files are not attached as they are.
    """

    files: tuple[MailFile, ...]
    set_up_by: str
    schedule_words: str
    stop_hint: str
    preview_rows: int = 0
    no_data: bool = False
    zip_name: str | None = None  # of the one attachment, if the files are in a zip file
    link_expires: datetime | None = None
    failed_formats: tuple[str, ...] = ()
    test: bool = False  # a test email
    why: str = ""
    unsubscribe: str = ""  # an address for a link


@dataclass(frozen=True, kw_only=True, slots=True)
class Body:
    """A message as text and as HTML, and the images that the HTML shows."""

    text: str
    html: str
    pictures: tuple[MailPicture, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Preview:
    """The first rows of the main table; *numeric* columns align right, lines of *breaks* columns may break."""

    title: str
    caption: str
    heads: tuple[str, ...]
    numeric: tuple[bool, ...]
    breaks: tuple[bool, ...]
    rows: tuple[tuple[str, ...], ...]

    def lines(self) -> list[str]:
        """Format the rows as lines of text with aligned columns."""
        return aligned([list(map(isolated, row)) for row in (self.heads, *self.rows)], self.numeric)

    @staticmethod
    def is_long(text: str) -> bool:
        """Whether *text* has a word that would widen its column at the cost of the others."""
        return any(len(word) > _LONG_WORD for word in text.split())


def body(document: Document, note: MailNote) -> Body:
    """Compose the message; without a preview, key figures are the only values in it."""
    cards = [card(figure) for figure in document.figures]
    head = logo(document)
    found = chart_pictures(document) if note.preview_rows > 0 and not note.no_data else ()
    charts = tuple(picture for picture in found if picture.content)
    values: dict[str, Any] = {
        "brand": document.branding,
        "accent": readable(document.branding.colour, WHITE),
        "logo": head,
        "charts": charts,
        "left_out": join_names([isolated(picture.title) for picture in found if not picture.content]),
        "headline": _headline(document, cards, note),
        "before": document.previous_period,
        "time_note": time_note(document),
        "title": one_line(document.title),
        "type_title": one_line(document.type_title),
        "workspace": one_line(document.workspace),
        "description": printable(document.description).strip(),
        "period": document.period,
        "zone_time": zone_time(document.timezone),
        "cards": cards,
        "figure_lines": aligned(
            [(isolated(c.title), c.value, c.change or c.comparison) for c in cards], (False, True, True)
        ),
        "compares": any(c.change for c in cards),
        "trend_colors": _TREND_COLORS,
        "note": note,
        "isolated": isolated,
        "shown_file_name": shown_file_name,
        "files": [(file, FORMAT_TITLES[file.format], _facts(file)) for file in note.files],
        "failed": join_names([FORMAT_TITLES.get(name, name) for name in note.failed_formats]),
        "expires": _expiry(note, document),
        "preview": _preview(document.main, note),
        "nothing": _nothing(document),
    }
    return Body(
        text=templates.TEMPLATES.get_template("mail.txt.j2").render(values),
        html=templates.TEMPLATES.get_template("mail.html.j2").render(values),
        pictures=(*((head,) if head else ()), *charts),
    )


def _nothing(document: Document) -> str:
    """Say that the main table has no data; key figures may count something nevertheless."""
    return NO_ROWS if is_counted(document) and not document.main.rows else NO_ACTIVITY


def _headline(document: Document, cards: Sequence[Card], note: MailNote) -> str:
    """What an inbox shows beside the subject."""
    if note.no_data and not is_counted(document):
        return NO_ACTIVITY
    return " · ".join(
        f"{isolated(one.title)}: {one.value}" + f" ({one.change})" * bool(one.change) for one in cards[:_HEADLINE]
    )


def one_line(text: str) -> str:
    """Remove line breaks, for places where one would break the layout."""
    return " ".join(printable(text).split())


def aligned(rows: Sequence[Sequence[str]], numeric: Sequence[bool]) -> list[str]:
    """Format *rows* as lines whose columns align in a font of fixed width."""
    sizes = [max(map(text_width, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(map(_padded, row, sizes, numeric)).rstrip() for row in rows]


def _padded(text: str, size: int, is_number: bool) -> str:  # noqa: FBT001 - mapped over a row
    room = " " * (size - text_width(text))
    return room + text if is_number else text + room


def _facts(file: MailFile) -> str:
    """Describe a file: `1.2 MB, 40 rows`."""
    return f"{file_size(file.bytes)}, {rows_of(file.rows, file.total_rows)}"


def _expiry(note: MailNote, document: Document) -> str:
    if note.link_expires is None:
        return ""
    return long_time(note.link_expires.astimezone(ZoneInfo(document.timezone)), document.timezone)


def _preview(table: Table, note: MailNote) -> Preview | None:
    if note.no_data or note.preview_rows <= 0 or not table.rows:
        return None
    columns = table.columns[: _fitting(table)]
    rows = tuple(
        tuple(_short(format_value(value, column)) for value, column in zip(row, columns, strict=True))
        for piece in pieces(table, note.preview_rows)
        for row in zip(*(values.to_pylist() for values in piece.columns[: len(columns)]), strict=True)
    )
    caption = f"{'first ' if len(rows) < table.rows else ''}{rows_of(len(rows), table.rows)}"
    if len(columns) < len(table.columns):
        caption += f", {len(columns)} of {len(table.columns)} columns"
    return Preview(
        title=one_line(table.full_title),
        caption=caption,
        heads=tuple(one_line(column.title) for column in columns),
        numeric=tuple(column.type in NUMERIC for column in columns),
        breaks=tuple(column.type == "text" for column in columns),
        rows=rows,
    )


def _fitting(table: Table) -> int:
    """Count the columns that fit side by side; at least one."""
    taken = accumulate(min(width, _PREVIEW_TEXT // 2) + 2 for width in widths(table)[:_PREVIEW_COLUMNS])
    return max(sum(width <= _PREVIEW_WIDTH for width in taken), 1)


def _short(text: str) -> str:
    text = one_line(text)
    return text if len(text) <= _PREVIEW_TEXT else f"{text[: _PREVIEW_TEXT - 1]}…"
