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
from ..activity import has_data, is_counted, is_idle, is_nonzero, is_quiet, nothing
from ..jinja import environment
from ..key_figures import card, time_note
from ..logo_image import logo_picture
from ..values import NO_ACTIVITY, printable
from .chart_tiles import Tile, TileSize, tiles
from .definitions import data_until, definitions, scope, selection
from .excerpt import Excerpt
from .pairs import paired
from .paper_text import CELL, NAME, on_paper
from .row_markup import row_markup
from .table import Medium, TableView, is_right_to_left

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ...settings.branding import Branding
    from ..document import Document, Figure, Table

#: The size of chart tiles: on a screen, on A4 portrait, and on A4 landscape.
_SCREEN: Final = TileSize(half=350, thirds=500, full=790, height=200)
_PORTRAIT: Final = TileSize(half=300, thirds=412, full=642, height=170, paper=True)
_LANDSCAPE: Final = TileSize(half=464, thirds=630, full=972, height=150, paper=True)
#: Characters of a title in the top margin of a page, which take two lines at most.
_MARGIN_TEXT: Final = 80
#: Pixels; enough for any printer at the 11 mm the logo is shown.
_LOGO_HEIGHT: Final = 160
#: Characters per line of a card's title on paper: of usual cards, and of three wide cards in a row.
_CARD_TITLE: Final = (22, 36)
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
    tint: str  # bars behind numbers
    night_tint: str


class Page:
    """A document laid out for a screen or for paper; a *tight* one saves space between its parts."""

    def __init__(self, document: Document, medium: Medium, row_limit: int | None, *, tight: bool = False) -> None:
        self._document = document
        self._medium = medium
        self._tight = tight
        self._drawn = tuple(filter(self._is_drawn, document.tables[1:]))
        self._left_out = tuple(table for table in self._drawn if medium == "print" and table.rest)
        self.views = [
            TableView(table, row_limit, medium, number=number, none=self._none(table), is_drawn=table in self._drawn)
            for number, table in enumerate(filter(self._is_shown, document.tables), start=1)
        ]

    def html(self, excerpts: Sequence[Excerpt] | None = None, *, is_first: bool = True) -> Iterator[str]:
        """Generate the page in pieces: all of it, or *excerpts* of tables.

        The head is left out unless *is_first*, the foot if the last excerpt goes on.
        """
        if excerpts is None:
            excerpts = [Excerpt(view=view, rows=view.rows()) for view in self.views]
        document = self._document
        shades = _colours(document.branding)
        columns = _columns(len(self._figures), 6 if self._is_wide else 4)
        return TEMPLATES.get_template("report.html.j2").generate(
            self._words(),
            medium=self._medium,
            tight=self._tight,
            brand=document.branding,
            logo=self._logo,
            logo_dark=document.branding.logo_dark if self._medium == "screen" else "",
            colours=shades,
            tones=colours.TONES,
            chart_colours={"failed": charts.FAILURE, "before": charts.EARLIER, "weekend": charts.WEEKEND},
            is_wide=self._is_wide,
            cards=[replace(one, title=self._bounded(one.title)) for one in map(card, self._figures)],
            card_columns=columns,
            long_titles=any(len(figure.spec.column.title) > _CARD_TITLE[columns == 3] for figure in self._figures),
            tiles=[] if self._is_quiet else list(self._tiles(shades.palette)),
            bounded=self._bounded,
            isolated=isolated,
            css_text=_css_text,
            excerpts=excerpts,
            rows=list(paired(excerpts, _are_halves)),
            is_first=is_first,
            is_last=not excerpts or not excerpts[-1].goes_on,
            last_paper=excerpts[-1].view.paper if excerpts else "",
            is_quiet=self._is_quiet,
            is_empty=all(view.is_empty for view in self.views),
            is_right_to_left=is_right_to_left,
            row_markup=row_markup,
            fonts=charts.FONTS,
            running_title=_css_text(cut(printable(document.title), _MARGIN_TEXT)),
            foot_line=_css_text(document.branding.footer or cut(printable(document.workspace), _MARGIN_TEXT)),
        )

    @property
    def main_rows(self) -> int:
        """How many rows of the main table the page has, once it was generated to the end.

        A main table of zeros that is not shown, because nothing happened, is not cut.
        """
        main = self._document.main
        return self.views[0].read if self._is_shown(main) else main.rows

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
    def _figures(self) -> tuple[Figure, ...]:
        """The figures that have a card; where nothing happened only those other than zero."""
        figures = self._document.figures
        return tuple(filter(is_nonzero, figures)) if self._is_quiet else figures

    @cached_property
    def _is_quiet(self) -> bool:
        return is_quiet(self._document)

    def _is_shown(self, table: Table) -> bool:
        return table not in self._left_out and not (self._is_quiet and is_idle(table))

    def _is_drawn(self, table: Table) -> bool:
        """Whether a chart shows a table of days; paper leaves it out then, if another file has its rows."""
        return table.columns[0].type == "date" and any(
            chart.table == table.name and chart.x == table.columns[0] and charts.has_data(chart)
            for chart in self._document.charts
        )

    def _none(self, table: Table) -> str:
        """What *table* says if it is empty; the main table is read for it only then."""
        if table.rows:
            return ""
        return printable(table.none) if table.none and not self._is_quiet else nothing(self._document)

    def _tiles(self, palette: tuple[str, ...]) -> Iterator[tuple[Tile, ...]]:
        return tiles(self._document.charts, self._tile_size, palette, zeros=self._draws_zeros)

    @cached_property
    def _draws_zeros(self) -> bool:
        """Whether a chart of zeros is drawn: it is true, and no lack of activity, in a report with figures and data."""
        document = self._document
        return any(map(charts.is_flat, document.charts)) and bool(document.figures) and has_data(document)

    def _whole_end(self, text: str) -> str:
        """Keep the last words of a sentence on one line of paper; browsers balance the lines."""
        return text if self._medium == "screen" else "\N{NO-BREAK SPACE}".join(text.rsplit(" ", 2))

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
            "lead": [replace(one, text=self._whole_end(one.text)) for one in document.lead],
            "notes": list(map(printable, document.notes)),
            "time_note": time_note(document),
            "data_until": data_until(document),
            "definitions": definitions(document),
            "scope": list(scope(document, self._left_out)),
            "selection": list(selection(document)),
            "link": document.link,
            "no_activity": NO_ACTIVITY,
            "nothing": nothing(document) if self._is_quiet or all(view.is_empty for view in self.views) else "",
            "is_counted": is_counted(document),
        }


def _are_halves(*pair: Excerpt) -> bool:
    """Whether excerpts are short and narrow enough to stand side by side."""
    return all(one.view.is_half and not one.is_continued and not one.goes_on for one in pair)


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
        tint=colours.mixed(palette[0], colours.WHITE, 0.8),
        night_tint=colours.mixed(palette[0], NIGHT, 0.6),
    )
