"""Types of the sample data: rows and the name of their table."""

from __future__ import annotations

import json
from typing import Any, TypeAlias

Row: TypeAlias = dict[str, object]
Item: TypeAlias = tuple[str, Row]


def as_json(value: Any) -> str:
    """Return *value* as the text of a jsonb value."""
    return json.dumps(value, ensure_ascii=False)
