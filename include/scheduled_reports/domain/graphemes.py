"""Where a text may be cut: never within a character as a reader sees it (UAX #29).  Pure.

Covers what occurs in names: combining marks, joined emoji, flags, Hangul, conjuncts of Indic scripts.
"""

from __future__ import annotations

import unicodedata
from typing import Final

_JOINER: Final = "\u200d"
#: Letters, symbols and format characters that belong to what precedes them.
_EXTENDERS: Final = frozenset("\u200c\u200d\u0e33\u0eb3\uff9e\uff9f") | frozenset(
    map(chr, (*range(0x1F3FB, 0x1F400), *range(0xE0020, 0xE0080)))
)
_MARKS: Final = frozenset({"Mn", "Mc", "Me"})
_VIRAMA: Final = 9  # the canonical combining class
_FLAGS: Final = (0x1F1E6, 0x1F1FF)
#: A cluster longer than this is cut: text can pile up any number of marks.
_LONGEST: Final = 64


def boundary(text: str, at: int) -> int:
    """The last place up to *at* where *text* may be cut."""
    if at >= len(text):
        return len(text)
    least = max(at - _LONGEST, 0)
    return next((place for place in range(at, least, -1) if _may_cut(text, place)), at if least else 0)


def length(text: str) -> int:
    """How many characters *text* has as a reader sees it."""
    return sum(_may_cut(text, at) for at in range(1, len(text))) + bool(text)


def cut(text: str, most: int) -> str:
    """*text* in at most *most* characters; if it was cut, it ends with an ellipsis."""
    return text if len(text) <= most else f"{text[: boundary(text, most - 1)].rstrip()}…"


def _may_cut(text: str, at: int) -> bool:
    left, right = text[at - 1], text[at]
    if right in _EXTENDERS or unicodedata.category(right) in _MARKS or left == _JOINER:
        return False
    if unicodedata.combining(left) == _VIRAMA and right.isalpha():
        return False
    return not (_is_flag(right) and _flags_before(text, at) % 2) and not _is_syllable(left, right)


def _is_flag(char: str) -> bool:
    return _FLAGS[0] <= ord(char) <= _FLAGS[1]


def _flags_before(text: str, at: int) -> int:
    """Count the regional indicators before *at*: two of them make a flag."""
    first = at
    while first and _is_flag(text[first - 1]):
        first -= 1
    return at - first


def _is_syllable(left: str, right: str) -> bool:
    """Whether two parts of Hangul belong to one syllable."""
    return _hangul(right) in {"L": {"L", "V", "LV", "LVT"}, "V": {"V", "T"}, "T": {"T"}}.get(_hangul(left)[-1:], set())


def _hangul(char: str) -> str:
    """Which parts of a syllable: L, V or T, LV or LVT; empty if it is no Hangul."""
    code = ord(char)
    if 0xAC00 <= code <= 0xD7A3:
        return "LVT" if (code - 0xAC00) % 28 else "LV"
    parts = {"L": (0x1100, 0x115F), "V": (0x1160, 0x11A7), "T": (0x11A8, 0x11FF)}
    return next((part for part, (first, last) in parts.items() if first <= code <= last), "")
