"""What PostgreSQL can store: JSON and Python have texts and numbers that it has not."""

from __future__ import annotations

import math
import re
from typing import Any

#: NUL, and surrogates without their partner.
_NOT_STORABLE = re.compile("[\0\ud800-\udfff]")


def is_storable(value: Any) -> bool:
    """Whether PostgreSQL can store a JSON value with all its parts, keys included."""
    level: list[Any] = [value]
    while level:
        if not all(map(_is_storable, level)):
            return False
        level = [
            inner
            for one in level
            for inner in ((*one, *one.values()) if isinstance(one, dict) else one if isinstance(one, list) else ())
        ]
    return True


def storable(text: str) -> str:
    """*text* with a replacement character for each character that PostgreSQL cannot store."""
    return _NOT_STORABLE.sub("\N{REPLACEMENT CHARACTER}", text)


def _is_storable(value: Any) -> bool:
    if isinstance(value, str):
        return _NOT_STORABLE.search(value) is None
    return not isinstance(value, float) or math.isfinite(value)
