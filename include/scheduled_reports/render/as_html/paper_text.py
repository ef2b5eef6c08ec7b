"""Bound text on paper: WeasyPrint lays out the rest of a word again for every line that the word fills."""

from __future__ import annotations

import re
from typing import Final

from ...domain.graphemes import boundary

#: Characters of a cell on paper, some three pages of a usual column; and of a name or a title.
CELL, NAME = 16_000, 300
#: A longer run of characters without an opportunity to break is given some.
_UNBROKEN, _PIECE = 120, 4
#: Characters that lines break at, and scripts in which they break between any words or characters.
_BREAKS: Final = (
    " \t\n\r\u1680\u2000-\u2006\u2008-\u200b\u2028\u2029\u205f\u3000\u0085"
    "\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\uff00-\uff65\U00020000-\U0003ffff"
)
_WORD_ENDS: Final = re.compile(f"[{_BREAKS}-]+")
_RUN: Final = re.compile(f"[^{_BREAKS}]{{{_UNBROKEN},}}")


def on_paper(text: str, most: int = NAME) -> str:
    """Prepare *text* for a layout in linear time: cut after *most* characters, which it says, and long words broken."""
    if len(text) < _UNBROKEN:
        return text
    if len(text) > most:
        text = f"{text[: boundary(text, most)]}… (cut: {len(text):,d} characters)"
    return _RUN.sub(lambda run: _pieces(run[0]), text)


def words(text: str) -> list[str]:
    """Split *text* where lines break: into words, and at scripts in which lines break anywhere."""
    return _WORD_ENDS.split(text)


def _pieces(run: str) -> str:
    """Insert zero-width spaces, between characters as a reader sees them."""
    pieces, start = [], 0
    while start < len(run):
        # a cluster longer than a piece is not split
        end = next((at for at in range(start + _PIECE, start, -1) if boundary(run, at) == at), start + _PIECE)
        pieces.append(run[start:end])
        start = end
    return "\u200b".join(pieces)
