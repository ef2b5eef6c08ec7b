"""Charts: Vega-Lite drawn without a browser; the data stands in the specification, nothing is fetched."""

from __future__ import annotations

from typing import TYPE_CHECKING

import vl_convert

from ..colours import SHAPE, WHITE, palette, readable
from ..values import is_missing
from .vega import FONTS, PALETTE, PLAIN, Look, has_data, note, ranked, specification

if TYPE_CHECKING:
    from ..document import Chart

__all__ = ["FONTS", "PALETTE", "Look", "brand_palette", "has_data", "is_flat", "note", "png", "ranked", "svg"]


def svg(chart: Chart, look: Look = PLAIN) -> str:
    """The chart as SVG text; empty where there is nothing to draw."""
    spec = specification(chart, look)
    if spec is None:
        return ""
    return vl_convert.vegalite_to_svg(spec, allowed_base_urls=[], format_locale="en-US", time_format_locale="en-GB")


def png(chart: Chart, scale: float = 2, look: Look = PLAIN) -> bytes:
    """The chart as a PNG image on white; empty where there is nothing to draw."""
    spec = specification(chart, look)
    if spec is None:
        return b""
    spec["background"] = "white"
    return vl_convert.vegalite_to_png(
        spec, scale=scale, allowed_base_urls=[], format_locale="en-US", time_format_locale="en-GB"
    )


def is_flat(chart: Chart) -> bool:
    """Whether there is nothing to see, since every value is zero or missing."""
    return all(is_missing(row[column.name]) or not row[column.name] for row in chart.rows for column in chart.y)


def brand_palette(brand: str) -> tuple[str, ...]:
    """The colours of the series on white: the brand's first, dark enough to be seen."""
    return palette(readable(brand, WHITE, SHAPE), PALETTE)
