"""Generate the report as an HTML page, for the screen and for paper."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from markupsafe import Markup

from ...domain.bidi import isolated
from ...domain.dates import city
from ...domain.graphemes import cut
from .. import charts, colours
from ..activity import has_data, is_counted, nothing
from ..jinja import environment
from ..key_figures import card, time_note
from ..logo_image import logo_picture
from ..values import NO_ACTIVITY, printable
from .chart_tiles import TileSize, tiles
from .excerpt import Excerpt
from .paper_text import CELL, NAME, on_paper
from .table import Medium, TableView, is_right_to_left

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ...settings.branding import Branding
    from ..document import Document

#: The size of chart tiles: on a screen, on A4 portrait, and on A4 landscape.
_SCREEN: Final = TileSize(half=350, full=790, height=200)
_PORTRAIT: Final = TileSize(half=300, full=642, height=170, paper=True)
_LANDSCAPE: Final = TileSize(half=464, full=972, height=150, paper=True)
#: Characters of a title in the top margin of a page, which take two lines at most.
_MARGIN_TEXT: Final = 80
#: Pixels; enough for any printer at the 11 mm the logo is shown.
_LOGO_HEIGHT: Final = 160
#: Characters per line of a card's title on paper: of usual cards, and of three wide cards in a row.
_CARD_TITLE: Final = (22, 32)
#: The background of the dark page.
NIGHT: Final = "#12161c"

TEMPLATES: Final = environment(Path(__file__).parent / "templates")


@dataclass(frozen=True, kw_only=True, slots=True)
class Colours:
    """The brand's colour as surface, text and shape, on the light and the dark page."""

    brand: str
    accent: str
    night_accent: str
    night_mark: str
    palette: tuple[str, ...]  # the first is the brand's, dark enough to be visible on white


class Page:
    """A document laid out for a screen or for paper."""

    def __init__(self, document: Document, medium: Medium, row_limit: int | None) -> None:
        self.views = [TableView(table, row_limit, medium) for table in document.tables]
        self._document = document
        self._medium = medium

    def html(self, excerpts: Sequence[Excerpt] | None = None, *, is_first: bool = True) -> Iterator[str]:
        """Generate the page in pieces: all of it, or *excerpts* of tables, below the head if *is_first*."""
        if excerpts is None:
            excerpts = [Excerpt(view=view, rows=view.rows()) for view in self.views]
        document = self._document
        shades = _colours(document.branding)
        columns = _columns(len(document.figures), 6 if self._is_wide else 4)
        return TEMPLATES.get_template("report.html.j2").generate(
            self._words(),
            medium=self._medium,
            brand=document.branding,
            logo=self._logo,
            colours=shades,
            chart_colours={"failed": charts.FAILURE, "before": charts.EARLIER, "weekend": charts.WEEKEND},
            is_wide=self._is_wide,
            cards=[replace(one, title=self._bounded(one.title)) for one in map(card, document.figures)],
            card_columns=columns,
            long_titles=any(len(figure.spec.column.title) > _CARD_TITLE[columns == 3] for figure in document.figures),
            tiles=list(tiles(document.charts, self._tile_size, shades.palette, zeros=self._draws_zeros)),
            bounded=self._bounded,
            isolated=isolated,
            excerpts=excerpts,
            is_first=is_first,
            is_empty=all(view.is_empty for view in self.views),
            is_right_to_left=is_right_to_left,
            fonts=charts.FONTS,
            running_title=_css_text(cut(printable(document.title), _MARGIN_TEXT)),
            foot_line=_css_text(document.branding.footer or cut(printable(document.workspace), _MARGIN_TEXT)),
        )

    @property
    def main_rows(self) -> int:
        """How many rows of the main table the page has, once it was generated to the end."""
        return self.views[0].read

    @property
    def _is_wide(self) -> bool:
        """Whether the page is wide: on paper its main table decides, on a screen any table."""
        deciding = self.views[:1] if self._medium == "print" else self.views
        return any(view.paper != "upright" for view in deciding)

    @property
    def _logo(self) -> str:
        """The logo as a data: URI; for paper as PNG, since WeasyPrint supports only a part of SVG."""
        logo = self._document.branding.logo
        picture = logo_picture(logo, _LOGO_HEIGHT) if self._medium == "print" else None
        return f"data:image/png;base64,{b64encode(picture.png).decode()}" if picture else logo

    @property
    def _tile_size(self) -> TileSize:
        if self._medium == "screen":
            return _SCREEN
        return _LANDSCAPE if self._is_wide else _PORTRAIT

    def _bounded(self, text: str, most: int = NAME) -> str:
        """Bound a text on paper; a screen takes any."""
        return on_paper(text, most) if self._medium == "print" else text

    @cached_property
    def _nothing(self) -> str:
        """What an empty table says; the main table is read for it only if one is empty."""
        return nothing(self._document) if any(view.is_empty for view in self.views) else ""

    @cached_property
    def _draws_zeros(self) -> bool:
        """Whether a chart of zeros is drawn: it is true, and no lack of activity, in a report with figures and data."""
        document = self._document
        return any(map(charts.is_flat, document.charts)) and bool(document.figures) and has_data(document)

    def _words(self) -> Mapping[str, Any]:
        document = self._document
        return {
            "title": self._bounded(printable(document.title)),
            "type_title": self._bounded(printable(document.type_title)),
            "description": self._bounded(printable(document.description), CELL),
            "workspace": self._bounded(printable(document.workspace)),
            "timezone": document.timezone,
            "city": city(document.timezone),
            "created": document.scheduled_for.isoformat(),
            "period": document.period,
            "before": document.previous_period if document.figures else "",
            "time_note": time_note(document),
            "no_activity": NO_ACTIVITY,
            "nothing": self._nothing,
            "is_counted": is_counted(document),
        }


def _css_text(text: str) -> Markup:
    """Quote *text* as a CSS string; every character is escaped, so that neither CSS nor HTML can interpret it."""
    line = " ".join(text.splitlines())  # a margin has one line, and WeasyPrint fails on Unicode line separators
    return Markup('"{}"').format(Markup("").join(rf"\{ord(char):06x}" for char in line))


def _columns(count: int, most: int) -> int:
    """Choose the cards per row: fewest rows first, then fewest gaps."""
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
