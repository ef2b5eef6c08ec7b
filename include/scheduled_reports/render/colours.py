"""Choose readable colours: contrast as defined by WCAG 2."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

WHITE, DARK = "#ffffff", "#1f2328"
#: The colours of what is good and bad on white, as text.
TONES: Final[Mapping[str, str]] = MappingProxyType({"good": "#1a7f37", "warning": "#7a4d05", "bad": "#b42318"})
#: The contrast WCAG requires for text, and for parts of a chart.
TEXT, SHAPE = 4.5, 3.0
#: Chart colours closer than this are hard to tell apart.
_MIN_DISTANCE: Final = 140.0


def contrast(one: str, other: str) -> float:
    """Compute the contrast: 1 for the same colour, 21 for black on white."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def ink_on(colour: str) -> str:
    """Choose white or dark text, whichever is easier to read on *colour*."""
    return max((WHITE, DARK), key=lambda ink: contrast(ink, colour))


def readable(colour: str, paper: str, least: float = TEXT) -> str:
    """Move *colour* away from *paper* in small steps until their contrast is *least*."""
    goal = "#000000" if _luminance(paper) > 0.18 else WHITE
    steps = (mixed(colour, goal, step / 40) for step in range(41))
    return next((step for step in steps if contrast(step, paper) >= least), goal)


def mixed(one: str, other: str, share: float) -> str:
    """Mix *one* with a *share* of *other*."""
    channels = zip(_channels(one), _channels(other), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in channels)


def palette(colour: str, others: tuple[str, ...]) -> tuple[str, ...]:
    """Return *colour* and those of *others* that differ from it clearly."""
    return (colour, *(other for other in others if _distance(colour, other) >= _MIN_DISTANCE))


def _distance(one: str, other: str) -> float:
    """Measure how different two colours look, about 0 to 765, by Riemersma's red-mean formula."""
    (r1, g1, b1), (r2, g2, b2) = _channels(one), _channels(other)
    mean = (r1 + r2) / 2
    return float(
        ((2 + mean / 256) * (r1 - r2) ** 2 + 4 * (g1 - g2) ** 2 + (2 + (255 - mean) / 256) * (b1 - b2) ** 2) ** 0.5
    )


def _luminance(colour: str) -> float:
    red, green, blue = (_linear(channel / 255) for channel in _channels(colour))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else float(((channel + 0.055) / 1.055) ** 2.4)


def _channels(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)
