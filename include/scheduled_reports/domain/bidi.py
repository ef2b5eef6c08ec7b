"""Put a name that is written from right to left into a line that is read from left to right.  Pure.

Without this, the digits beside the name become part of it: `2026-05-04` after an Arabic name is shown as `04-05-2026`.
"""

from __future__ import annotations

import unicodedata
from typing import Final

#: Letters and digits that make what is beside them run from right to left.
_RIGHT_TO_LEFT: Final = frozenset({"R", "AL", "AN"})
_OPEN, _CLOSE, _MARK = "\u2068", "\u2069", "\u200e"
#: Embeddings, overrides and isolates; in a name they could change the order of the whole line.
CONTROLS: Final = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
#: Categories of characters that a line cannot have: controls, line and paragraph separators, halves of a character.
BREAKS: Final = frozenset({"Cc", "Zl", "Zp", "Cs"})


def is_right_to_left(text: str) -> bool:
    """Whether *text* has a letter that is written from right to left."""
    return not text.isascii() and any(unicodedata.bidirectional(char) in _RIGHT_TO_LEFT for char in text)


def isolated(text: str) -> str:
    """*text* for the middle of a line: what has letters from right to left gets invisible characters around it.

    The isolate keeps its order apart from that of the line; the mark after it does so where isolates are unknown, and
    makes the whole line run from left to right where its direction is guessed.
    """
    if not is_right_to_left(text):
        return text
    return f"{_OPEN}{without_controls(text)}{_CLOSE}{_MARK}"


def without_controls(text: str) -> str:
    """*text* without characters that set the order of what follows."""
    return "".join(char for char in text if char not in CONTROLS)
