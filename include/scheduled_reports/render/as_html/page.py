"""The report as a page of HTML, piece by piece: what the HTML file and the PDF have in common."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from markupsafe import Markup

from ...domain.dates import city
from .. import charts, colours
from ..jinja import environment
from ..key_figures import card, time_note
from ..logo_image import logo_picture
from ..values import NO_ACTIVITY, printable
from .chart_tiles import Room, tiles
from .excerpt import Excerpt
from .table import Grid, may_turn

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ...settings.branding import Branding
    from ..document import Document

Medium = Literal["screen", "print"]

#: The room of a chart: on a screen, on A4, and on A4 turned sideways.
_SCREEN: Final = Room(half=350, broad=790, height=200)
_UPRIGHT: Final = Room(half=300, broad=642, height=170)
_TURNED: Final = Room(half=464, broad=972, height=150)
#: Characters of a title at the head of a page: two lines of it, at worst.
_MARGIN_TEXT: Final = 80
#: Fine enough for any printer at the 11 mm it is shown.
_LOGO_HEIGHT: Final = 160
#: What a line of a card's title holds on paper, of the usual cards and of the three wide ones in a row.
_CARD_TITLE: Final = (22, 32)
#: The paper of a screen at night.
NIGHT: Final = "#12161c"

TEMPLATES: Final = environment(Path(__file__).parent / "templates")


@dataclass(frozen=True, kw_only=True, slots=True)
class Colours:
    """The brand's colour where it is a surface, a text or a shape; by day and by night. Nothing is written on it."""

    brand: str
    accent: str
    night_accent: str
    night_mark: str
    palette: tuple[str, ...]  # its first is the brand's, dark enough to be seen on white


class Page:
    """A document laid out for a screen or for paper."""

    def __init__(self, document: Document, medium: Medium, row_limit: int | None) -> None:
        self.grids = [Grid(table, row_limit) for table in document.tables]
        self._document = document
        self._medium = medium

    def html(self, excerpts: Sequence[Excerpt] | None = None, *, is_first: bool = True) -> Iterator[str]:
        """The page, piece by piece; or a part of it: some rows of some tables, and what stands above the first."""
        if excerpts is None:
            excerpts = [Excerpt(grid=grid, rows=grid.rows()) for grid in self.grids]
        document = self._document
        wears = _colours(document.branding)
        columns = _columns(len(document.figures), 6 if self._is_wide else 4)
        return TEMPLATES.get_template("report.html.j2").generate(
            self._words(),
            medium=self._medium,
            brand=document.branding,
            logo=self._logo,
            colours=wears,
            is_wide=self._is_wide,
            cards=[card(figure) for figure in document.figures],
            card_columns=columns,
            is_lofty=any(len(figure.spec.column.title) > _CARD_TITLE[columns == 3] for figure in document.figures),
            tiles=list(tiles(document.charts, self._room, wears.palette)),
            excerpts=excerpts,
            is_first=is_first,
            is_empty=all(grid.is_empty for grid in self.grids),
            may_turn=may_turn,
            fonts=charts.FONTS,
            running_title=_css_text(_short(printable(document.title))),
            foot_line=_css_text(document.branding.footer or _short(printable(document.workspace))),
        )

    @property
    def main_rows(self) -> int:
        """How many rows of the main table the page holds, once it was read to the end."""
        return self.grids[0].read

    @property
    def _is_wide(self) -> bool:
        """Whether all of it is: a page lies on its side as its main table does, a screen has room for every table."""
        deciding = self.grids[:1] if self._medium == "print" else self.grids
        return any(grid.paper != "upright" for grid in deciding)

    @property
    def _logo(self) -> str:
        """The logo as a data: URI; for paper as a picture: WeasyPrint draws a part of SVG, and others part of that."""
        logo = self._document.branding.logo
        picture = logo_picture(logo, _LOGO_HEIGHT) if self._medium == "print" else None
        return f"data:image/png;base64,{b64encode(picture.png).decode()}" if picture else logo

    @property
    def _room(self) -> Room:
        if self._medium == "screen":
            return _SCREEN
        return _TURNED if self._is_wide else _UPRIGHT

    def _words(self) -> Mapping[str, Any]:
        document = self._document
        return {
            "title": printable(document.title),
            "type_title": printable(document.type_title),
            "description": printable(document.description),
            "workspace": printable(document.workspace),
            "timezone": document.timezone,
            "city": city(document.timezone),
            "created": document.scheduled_for.isoformat(),
            "period": document.period,
            "before": document.previous_period if document.figures else "",
            "time_note": time_note(document),
            "no_activity": NO_ACTIVITY,
        }


def _short(text: str) -> str:
    """*text* as far as the margin of a page has room for it."""
    return text if len(text) <= _MARGIN_TEXT else f"{text[: _MARGIN_TEXT - 1]}…"


def _css_text(text: str) -> Markup:
    """*text* as a string of CSS, with nothing in it that CSS or HTML could take for its own."""
    line = " ".join(text.splitlines())  # a margin has one, and WeasyPrint fails at Unicode's ends of lines
    return Markup('"{}"').format(Markup("").join(rf"\{ord(char):06x}" for char in line))


def _columns(count: int, most: int) -> int:
    """Cards per row: as few rows as can be, then as few gaps."""
    return min(range(3, most + 1), key=lambda columns: (-(-count // columns), -count % columns))


def _colours(branding: Branding) -> Colours:
    brand = branding.colour
    palette = charts.brand_palette(brand)
    return Colours(
        brand=brand,
        accent=colours.readable(brand, colours.WHITE),
        night_accent=colours.readable(brand, NIGHT),
        night_mark=colours.readable(palette[0], NIGHT),
        palette=palette,
    )
