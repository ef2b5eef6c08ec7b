"""The shape in which the sample is handed over: rows with the name of their table."""

from __future__ import annotations

import json
from typing import Any, TypeAlias

Row: TypeAlias = dict[str, object]
Item: TypeAlias = tuple[str, Row]


def as_json(value: Any) -> str:
    """The text of a jsonb value."""
    return json.dumps(value, ensure_ascii=False)
