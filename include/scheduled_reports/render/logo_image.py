"""The logo as a PNG of a given height, for what shows no SVG: mail clients and workbooks."""

from __future__ import annotations

from base64 import b64decode
from dataclasses import dataclass
from io import BytesIO
from typing import Final

import vl_convert
from PIL import Image

#: Pixels of the picture for one of the page, so that it is sharp on a good screen.
_DENSITY: Final = 2
#: A logo is at most so many times as wide as it is high; a longer one becomes lower.
_LONGEST: Final = 6


@dataclass(frozen=True, kw_only=True, slots=True)
class LogoPicture:
    """*width* and *height* are those it is shown at; the PNG has twice as many pixels each way."""

    png: bytes
    width: int
    height: int


def logo_picture(logo: str, height: int) -> LogoPicture | None:
    """*logo*, a data: URI as Branding holds it, at most *height* high; None where there is none."""
    if not logo:
        return None
    kind, _, content = logo.partition(";base64,")
    raw = b64decode(content)
    if kind.endswith("svg+xml"):
        raw = vl_convert.svg_to_png(raw.decode(), scale=1)
        with Image.open(BytesIO(raw)) as first:
            scale = height * _DENSITY / first.height
        raw = vl_convert.svg_to_png(b64decode(content).decode(), scale=max(scale, 0.01))
    out = BytesIO()
    with Image.open(BytesIO(raw)) as picture:
        shown = picture.convert("RGBA")
        shown.thumbnail((height * _DENSITY * _LONGEST, height * _DENSITY))
        shown.save(out, "PNG", optimize=True)
        return LogoPicture(
            png=out.getvalue(), width=max(shown.width // _DENSITY, 1), height=max(shown.height // _DENSITY, 1)
        )
