"""The branding of every report: a logo, a colour, a footer and a name."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Final

from ..domain.bidi import CONTROLS
from ..domain.graphemes import length

#: The default colour, a blue.
COLOUR: Final = "#2f6fab"
_LONGEST_NAME, _LONGEST_FOOTER = 60, 200
#: Characters that a line cannot have: controls, line and paragraph separators, halves of a character.
_BREAKS: Final = frozenset({"Cc", "Zl", "Zp", "Cs"})
#: Code points per character as a reader sees it: marks, joiners.
_MARKS: Final = 8


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
    if length(text) > most or len(text) > _MARKS * most or not _BREAKS.isdisjoint(map(unicodedata.category, text)):
        raise ValueError(f"is not one line of at most {most} characters; shorten it or remove line breaks")
    harmful = next((char for char in text if char in CONTROLS or ord(char) & 0xFFFE == 0xFFFE), None)
    if harmful is not None:
        raise ValueError(f"contains U+{ord(harmful):04X}, which no text can show or which reverses text; remove it")
    return text
