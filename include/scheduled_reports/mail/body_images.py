"""Draw the images of a message, logo and charts, as PNG: mail clients show no SVG."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from io import BytesIO
from typing import TYPE_CHECKING, Final

from PIL import Image

from ..render import charts
from ..render.logo_image import logo_picture
from ..render.values import printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ..render.document import Chart, Document

_LOGO_HEIGHT: Final = 40
#: The size of a chart: two stand side by side in a message of 600 pixels, and on a phone of 320 pixels one is shown
#: almost as large as it is drawn, so that its text stays readable.
_WIDTH, _HEIGHT, _FONT_SIZE = 270, 150, 12
#: The width of the place of a chart, and the width to which one that stands alone is enlarged where there is room.
_PLACE, _ALONE = 279, 340
#: The size of all charts together, in bytes: they must fit into `message.BODY_ROOM`.
_MOST_BYTES: Final = 240_000


@dataclass(frozen=True, kw_only=True, slots=True)
class MailPicture:
    """A PNG that the HTML shows by its *cid*, at *width* by *height* CSS pixels, below *title*."""

    cid: str
    file_name: str
    content: bytes
    width: int
    height: int
    title: str = ""
    note: str = ""
    room: int = 0  # the width of its place

    @property
    def alt(self) -> str:
        """The text that stands in for the image."""
        return f"Chart: {self.title}" if self.title else ""


def logo(document: Document) -> MailPicture | None:
    """Draw the logo; None if the operator has set none."""
    found = logo_picture(document.branding.logo, _LOGO_HEIGHT)
    if found is None:
        return None
    return MailPicture(
        cid=_cid("logo", found.png), file_name="logo.png", content=found.png, width=found.width, height=found.height
    )


def chart_pictures(document: Document) -> tuple[MailPicture, ...]:
    """Draw the charts that have data, as many as fit into one message; the others have no content."""
    palette = charts.brand_palette(document.branding.colour)
    style = charts.ChartStyle(width=_WIDTH, height=_HEIGHT, font_size=_FONT_SIZE, palette=palette)
    return tuple(_placed(list(_fitting(list(_drawn(document.charts, style))))))


def _drawn(shown: Sequence[Chart], style: charts.ChartStyle) -> Iterator[MailPicture]:
    for number, chart in enumerate(shown, start=1):
        if not chart.rows and chart.all_rows:  # its rows were too many for the record
            yield _left_out(printable(chart.title))
        elif charts.has_data(chart) and not charts.is_flat(chart):
            content = _small(charts.png(chart, style=style))
            with Image.open(BytesIO(content)) as picture:
                height = round(picture.height * _WIDTH / picture.width)
            yield MailPicture(
                cid=_cid(f"chart-{number}", content),
                file_name=f"chart-{number}.png",
                content=content,
                width=_WIDTH,
                height=height,
                title=printable(chart.title),
                note=charts.note(chart),
            )


def _fitting(pictures: Sequence[MailPicture]) -> Iterator[MailPicture]:
    room = _MOST_BYTES
    for picture in pictures:
        room -= len(picture.content)
        yield picture if room >= 0 else _left_out(picture.title)


def _placed(pictures: Sequence[MailPicture]) -> Iterator[MailPicture]:
    """Give each chart its place: half of the width, or the whole if it stands alone in its line."""
    shown = [picture for picture in pictures if picture.content]
    for picture in pictures:
        alone = len(shown) % 2 and picture is shown[-1]
        height = round(picture.height * _ALONE / _WIDTH) if alone else picture.height
        yield replace(
            picture, width=_ALONE if alone else picture.width, height=height, room=_ALONE if alone else _PLACE
        )


def _left_out(title: str) -> MailPicture:
    """Name a chart that is too large for a message."""
    return MailPicture(cid="", file_name="", content=b"", width=0, height=0, title=title)


def _small(png: bytes) -> bytes:
    """Reduce an image to 128 colours, which takes a sixth of the bytes: a chart has few colours, but soft edges."""
    out = BytesIO()
    with Image.open(BytesIO(png)) as picture:
        few = picture.convert("RGB").quantize(128, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
        few.save(out, "PNG", optimize=True)
    return out.getvalue()


def _cid(name: str, content: bytes) -> str:
    """Derive an id from the content: some clients cache images by it, across messages."""
    return f"{name}.{hashlib.sha256(content).hexdigest()[:24]}@reports"
