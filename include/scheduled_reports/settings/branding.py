"""The branding of reports: a logo, a colour, a footer and a name, of the deployment or of a workspace."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ..domain.addresses import is_address
from ..domain.bidi import BREAKS, CONTROLS
from ..domain.errors import ConfigurationError
from ..domain.graphemes import length
from ..domain.problem import Problem
from .logo import is_data, read_logo

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..domain.brand import Brand

#: The default colour, a blue.
COLOUR: Final = "#2f6fab"
_LONGEST_NAME, _LONGEST_FOOTER, _LONGEST_SHOWN = 60, 200, 80
#: Code points per character as a reader sees it: marks, joiners.
_MARKS: Final = 8


@dataclass(frozen=True, kw_only=True, slots=True)
class Branding:
    """The branding of a report; every text may be empty."""

    logo: str = ""  # a data: URI of a PNG, a JPEG or an SVG that was cleaned
    logo_dark: str = ""  # for pages on a dark background; empty for the same logo
    colour: str = COLOUR  # #rrggbb, lower case
    footer: str = ""
    name: str = ""  # the company


def of_workspace(deployment: Branding, brand: Brand | None) -> Branding:
    """The branding of a workspace's reports; ConfigurationError names everything that is wrong with its brand."""
    if brand is None:
        return deployment
    if wrong := brand_problems(brand):
        reasons = " ".join(problem.loggable for problem in wrong)
        raise ConfigurationError(f"the brand of the workspace cannot be used: {reasons}")
    return Branding(
        logo=read_logo(brand.logo) or deployment.logo,
        # The deployment's own dark logo does not belong to a workspace's light one.
        logo_dark=read_logo(brand.logo_dark) if brand.logo else deployment.logo_dark,
        colour=read_colour(brand.colour) if brand.colour else deployment.colour,
        footer=brand.footer or deployment.footer,
        name=brand.name or deployment.name,
    )


def brand_problems(brand: Brand) -> list[Problem]:
    """Everything that is wrong with a workspace's brand; a column is the name of a field."""
    rules: tuple[tuple[str, Callable[[str], object]], ...] = (
        ("name", read_name),
        ("logo", _read_own_logo),
        ("logo_dark", _read_own_logo),
        ("colour", _read_own_colour),
        ("footer", read_footer),
        ("sender_name", read_name),
        ("sender_address", _read_address),
        ("reply_to", _read_address),
    )
    found = [(name, getattr(brand, name), _reason(read, getattr(brand, name))) for name, read in rules]
    if brand.logo_dark and not brand.logo:
        found.append(("logo_dark", brand.logo_dark, "is of no use without a logo for light backgrounds; add one"))
    return [Problem(column=name, value=shortened(value), reason=reason) for name, value, reason in found if reason]


def _reason(read: Callable[[str], object], value: str) -> str:
    try:
        read(value)
    except ValueError as error:
        return str(error)
    return ""


def shortened(value: str) -> str:
    """A value for a message: a logo is long, and its beginning says enough."""
    return value if len(value) <= _LONGEST_SHOWN else f"{value[: _LONGEST_SHOWN - 1]}…"


def _read_own_logo(text: str) -> str:
    """A logo as the text itself: a workspace may not name files of the server."""
    if text and not is_data(text):
        raise ValueError("is not an image; use a data: URI of image/png, image/jpeg or image/svg+xml")
    return read_logo(text)


def _read_own_colour(text: str) -> str:
    return read_colour(text) if text else ""


def _read_address(text: str) -> str:
    if text and not is_address(text):
        raise ValueError("is not one plain email address; use one such as reports@acme.com")
    return text


def read_colour(text: str) -> str:
    """`#rrggbb` in lower case; ValueError for anything else."""
    if not re.fullmatch("#[0-9A-Fa-f]{6}", text):
        raise ValueError("is not a colour; use one such as #2f6fab")
    return text.lower()


def read_name(text: str) -> str:
    """The name of a company."""
    return _line(text, _LONGEST_NAME)


def read_footer(text: str) -> str:
    """The line at the foot of every report."""
    return _line(text, _LONGEST_FOOTER)


def _line(text: str, most: int) -> str:
    if length(text) > most or len(text) > _MARKS * most or not BREAKS.isdisjoint(map(unicodedata.category, text)):
        raise ValueError(f"is not one line of at most {most} characters; shorten it or remove line breaks")
    harmful = next((char for char in text if char in CONTROLS or ord(char) & 0xFFFE == 0xFFFE), None)
    if harmful is not None:
        raise ValueError(f"contains U+{ord(harmful):04X}, which no text can show or which reverses text; remove it")
    return text
