"""Convert the logo to a PNG of a given height, for mail clients and workbooks, which show no SVG."""

from __future__ import annotations

from base64 import b64decode
from dataclasses import dataclass
from io import BytesIO
from typing import Final

import vl_convert
from PIL import Image

from ..settings.logo import plain

#: Pixels of the image per pixel of the page, for high-resolution screens.
_DENSITY: Final = 2
#: A logo wider than this many times its height is scaled down to fit the width.
_LONGEST: Final = 6


@dataclass(frozen=True, kw_only=True, slots=True)
class LogoPicture:
    """A logo as PNG; *width* and *height* are its size on the page, in half the pixels of the PNG."""

    png: bytes
    width: int
    height: int


def logo_picture(logo: str, height: int) -> LogoPicture | None:
    """Convert *logo*, a data: URI as in Branding, to at most *height* pixels high; None if it is empty."""
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
        shown = plain(picture).convert("RGBA")
        shown.thumbnail((height * _DENSITY * _LONGEST, height * _DENSITY))
        shown.save(out, "PNG", optimize=True)
        return LogoPicture(
            png=out.getvalue(), width=max(shown.width // _DENSITY, 1), height=max(shown.height // _DENSITY, 1)
        )
