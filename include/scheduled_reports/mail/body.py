"""Compose the two bodies of a report's mail, plain text and HTML.

Each says what the other says; names, sizes and rows of files are written out in the text part only.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from ..domain.bidi import isolated
from ..domain.dates import long_date, zone_time
from ..domain.naming import shown_file_name
from ..render.activity import is_counted, is_or_was_nonzero
from ..render.change import no_base
from ..render.colours import WHITE, readable
from ..render.column_widths import text_width
from ..render.key_figures import card
from ..render.values import FORMAT_TITLES, NO_ACTIVITY, NO_ROWS, is_missing, join_names, printable
from . import templates
from .body_images import chart_pictures, logo
from .excerpts import aligned, blocks, one_line
from .files_line import MailFile, best_link, in_order

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from ..render.document import Document, Figure
    from ..render.key_figures import Card
    from .body_images import MailPicture

#: How many key figures stand for the lead of a report without one.
_HEADLINE: Final = 3
_GOOD, _WARNING, _BAD = "#1a7f37", "#8a5a00", "#b42318"
#: The colours of a changed figure, and of a value of a table.
_TREND_COLORS: Final = {"good": _GOOD, "bad": _BAD}
_TONE_COLORS: Final = {"good": _GOOD, "warning": _WARNING, "bad": _BAD}


@dataclass(frozen=True, kw_only=True, slots=True)
class MailNote:
    """What a message says besides the report itself.

    *stop_hint* ends the sentence "To stop these emails, …" and is empty if a link says it; *why* says why the files are
    not attached as they are.
    """

    files: tuple[MailFile, ...]
    set_up_by: str
    schedule_words: str
    stop_hint: str
    introduction: str = ""  # above the report, in lines
    preview: bool = False  # excerpts and charts are shown
    no_data: bool = False
    zip_name: str | None = None  # of the one attachment, if the files are in a zip file
    link_expires: datetime | None = None
    failed_formats: tuple[str, ...] = ()
    test: bool = False  # a test email
    ignored: str = ""  # what a test says of the conditions of its report
    why: str = ""
    unsubscribe: str = ""  # an address for a link
    manage: str = ""  # the address of the page with the other reports of the reader


@dataclass(frozen=True, kw_only=True, slots=True)
class Body:
    """A message as text and as HTML, and the images that the HTML shows."""

    text: str
    html: str
    pictures: tuple[MailPicture, ...]


@dataclass(frozen=True, slots=True)
class Draft:
    """A message without its links, so that what all readers see is made once."""

    document: Document
    values: dict[str, Any]
    pictures: tuple[MailPicture, ...]

    def body(self, note: MailNote) -> Body:
        """Write the message with the links of *note*."""
        files = in_order(note.files)
        values = {
            **self.values,
            "note": note,
            "files": files,
            "open_link": self.document.link or best_link(files),
            "expires": _expiry(note, self.document),
        }
        return Body(
            text=templates.TEMPLATES.get_template("mail.txt.j2").render(values),
            html=templates.TEMPLATES.get_template("mail.html.j2").render(values),
            pictures=self.pictures,
        )


def body(document: Document, note: MailNote) -> Body:
    """Compose the message; without a preview, lead and key figures are the only values in it."""
    return draft(document, note).body(note)


def draft(document: Document, note: MailNote) -> Draft:
    """Compose what all readers of a message see; the links of *note* do not matter."""
    cards = [_card(figure) for figure in document.figures if not note.no_data or is_or_was_nonzero(figure)]
    # No tile stands alone at the end: of an odd number, the first one takes the whole width.
    wide, paired = (cards[0], cards[1:]) if len(cards) % 2 else (None, cards)
    shows_rows = note.preview and not note.no_data
    head = logo(document)
    found = chart_pictures(document) if shows_rows else ()
    charts = tuple(picture for picture in found if picture.content)
    values: dict[str, Any] = {
        "brand": document.branding,
        "accent": readable(document.branding.colour, WHITE),
        "logo": head,
        "charts": charts,
        "left_out": join_names([isolated(picture.title) for picture in found if not picture.content]),
        "lead": [replace(sentence, text=one_line(sentence.text)) for sentence in document.lead],
        "nothing": _nothing(document) if note.no_data and not document.lead else "",
        "preheader": one_line(document.summary) or _headline(document, cards, note),
        "before": document.previous_period if cards and _compares(document) else "",
        "introduction": [printable(line) for line in note.introduction.splitlines()],
        "title": one_line(document.title),
        "workspace": one_line(document.workspace),
        "description": printable(document.description).strip(),
        "period": document.period,
        "zone_time": zone_time(document.timezone),
        "cards": cards,
        "value_size": _value_size,
        "wide": wide,
        "pairs": tuple(zip(paired[::2], paired[1::2], strict=True)),
        "figure_lines": aligned(
            [(isolated(one.title), one.value, f"{one.change} {one.comparison}") for one in cards], (False, True, False)
        ),
        "notes": tuple(map(one_line, document.notes)),
        "colors": {"trend": _TREND_COLORS, "tone": _TONE_COLORS},
        "isolated": isolated,
        "zip_name": shown_file_name(note.zip_name) if note.zip_name else "",
        "link": document.link,
        "failed": join_names([FORMAT_TITLES.get(name, name) for name in note.failed_formats]),
        "excerpts": blocks(document.excerpts) if shows_rows else (),
    }
    return Draft(document, values, (*((head,) if head else ()), *charts))


def _card(figure: Figure) -> Card:
    """Format a key figure; without a base to compare with, why there is none stands for the change."""
    made = card(figure)
    if no_base(figure):
        return replace(made, change=made.comparison, comparison="")
    return made


def _compares(document: Document) -> bool:
    """Whether a figure has a value in the period before."""
    return any(not is_missing(figure.previous) for figure in document.figures)


def _value_size(text: str, *sizes: int) -> int:
    """Choose the font size of a tile's value, so that no number breaks on a phone of 320 pixels.

    *sizes* are those for words of up to 5, 8 and 11 characters, and for longer ones.
    """
    longest = max(map(text_width, text.split()), default=0)
    return sizes[sum(longest > most for most in (5, 8, 11))]


def _nothing(document: Document) -> str:
    """Say that the main table has no data; key figures may count something nevertheless."""
    return NO_ROWS if is_counted(document) and not document.main.rows else NO_ACTIVITY


def _headline(document: Document, cards: Sequence[Card], note: MailNote) -> str:
    """What an inbox shows beside the subject of a report without a lead."""
    if note.no_data and not is_counted(document):
        return NO_ACTIVITY
    return " · ".join(
        f"{isolated(one.title)}: {one.value}" + f" ({one.change})" * bool(one.change) for one in cards[:_HEADLINE]
    )


def _expiry(note: MailNote, document: Document) -> str:
    """Say until when the links work: `Mon 18 May, 09:00`, in the report's zone; the year only if it is another one."""
    if note.link_expires is None:
        return ""
    local = note.link_expires.astimezone(ZoneInfo(document.timezone))
    day = long_date(local)
    if local.year == document.scheduled_for.year:
        day = day.removesuffix(f" {local.year}")
    return f"{day}, {local:%H:%M}"
