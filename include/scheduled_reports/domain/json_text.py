"""Read JSON so that it can be written again: PostgreSQL's jsonb holds numbers and depths that other readers do not."""

from __future__ import annotations

import json
import math
import re
from decimal import Decimal, InvalidOperation
from typing import Any

#: Deeper parts are left out; nothing that the product accepts is half as deep.
MOST_LEVELS = 64
#: The digits of the largest float, 1.8e308.
LONGEST_INTEGER = 309
LEFT_OUT = "…"
_MARK = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{}]', re.DOTALL)


def read_json(text: str) -> Any:
    """Parse *text*; ValueError if it is not JSON.

    A number has the type that PostgreSQL gives it back with: 1e20 is an integer.  One beyond every float is infinite,
    and what is nested more than MOST_LEVELS deep is replaced by LEFT_OUT.
    """
    if text.count("[") + text.count("{") > MOST_LEVELS:
        text = _without_depths(text)
    try:
        return json.loads(text, parse_int=_integer, parse_float=_number, parse_constant=_refuse)
    except RecursionError:  # unbalanced brackets
        raise ValueError("is not JSON") from None


def is_same(one: Any, other: Any) -> bool:
    """Whether two values are the same JSON; Python takes true and 1, and 1 and 1.0, for equal."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def _without_depths(text: str) -> str:
    kept, begin, level = [], 0, 0
    for mark in _MARK.finditer(text):
        if mark[0] in "[{":
            level += 1
            if level == MOST_LEVELS + 1:
                kept += [text[begin : mark.start()], f'"{LEFT_OUT}"']
        elif mark[0] in "]}":
            if level == MOST_LEVELS + 1:
                begin = mark.end()
            level -= 1
    return "".join((*kept, text[begin:]))


def _integer(text: str) -> int | float:
    if len(text) <= LONGEST_INTEGER:
        return int(text)
    return -math.inf if text.startswith("-") else math.inf


def _number(text: str) -> int | float:
    number = float(text)
    if not math.isfinite(number):
        return number
    try:
        exact = Decimal(text)
    except InvalidOperation:  # an exponent of twenty digits: the number is 0
        return number
    exponent = exact.as_tuple().exponent
    return int(exact) if isinstance(exponent, int) and 0 <= exponent <= LONGEST_INTEGER else number


def _refuse(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")
