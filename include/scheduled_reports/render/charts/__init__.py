"""Charts as SVG and PNG, drawn by Vega-Lite without a browser; the data is in the specification, nothing is fetched."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..colours import SHAPE, WHITE, palette, readable
from ..values import is_missing
from .bins import binned
from .drawing import draw
from .vega import (
    BEFORE,
    DEFAULT_STYLE,
    EARLIER,
    FAILURE,
    FONTS,
    PALETTE,
    WEEKEND,
    ChartStyle,
    drawn,
    has_data,
    is_cut,
    note,
    ranked,
    series_colours,
    specification,
)

if TYPE_CHECKING:
    from ..document import Chart

__all__ = [
    "BEFORE", "EARLIER", "FAILURE", "FONTS", "PALETTE", "WEEKEND", "ChartStyle", "binned", "brand_palette", "drawn",
    "has_data", "is_cut", "is_flat", "note", "png", "ranked", "series_colours", "svg",
]  # fmt: skip


def svg(chart: Chart, style: ChartStyle = DEFAULT_STYLE) -> str:
    """Draw the chart as SVG text; empty without data."""
    spec = specification(chart, style)
    if spec is None:
        return ""
    return draw("svg", spec).decode()


def png(chart: Chart, scale: float = 2, style: ChartStyle = DEFAULT_STYLE) -> bytes:
    """Draw the chart as a PNG image on white; empty without data."""
    spec = specification(chart, style)
    if spec is None:
        return b""
    spec["background"] = "white"
    return draw("png", spec, scale=scale)


def is_flat(chart: Chart) -> bool:
    """Whether every value of the chart's data is zero or missing; rows that were left out may have others."""
    values = (row[column.name] for row in drawn(chart) for column in chart.y)
    return not is_cut(chart) and all(is_missing(value) or not value for value in values)


def brand_palette(brand: str) -> tuple[str, ...]:
    """The colours of the series on white, the brand's first, dark enough to be visible."""
    return palette(readable(brand, WHITE, SHAPE), PALETTE)
