"""The branding of every report: a logo, a colour, a footer and a name."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

#: The default colour, a blue.
COLOUR: Final = "#2f6fab"
_LONGEST_NAME, _LONGEST_FOOTER = 60, 200


@dataclass(frozen=True, kw_only=True, slots=True)
class Branding:
    """The branding of a report; every text may be empty."""

    logo: str = ""  # a data: URI of a PNG, a JPEG or an SVG that was cleaned
    colour: str = COLOUR  # #rrggbb, lower case
    footer: str = ""
    name: str = ""  # the company


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
    if len(text) > most or not text.isprintable():
        raise ValueError(f"is not one line of at most {most} characters; shorten it or remove line breaks")
    return text
