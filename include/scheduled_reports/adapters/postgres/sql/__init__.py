"""SQL statements, read from the files in this folder."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, LiteralString, cast

if TYPE_CHECKING:
    from collections.abc import Mapping

FOLDER = Path(__file__).parent


def text(name: str) -> LiteralString:
    """Return the text of `<name>.sql`; a LiteralString, because it is part of the product and contains no values."""
    return cast("LiteralString", (FOLDER / f"{name}.sql").read_text(encoding="utf-8"))  # type: ignore[redundant-cast]  # mypy takes str for it


@cache
def statements(name: str) -> Mapping[str, LiteralString]:
    """Return the statements of `<name>.sql`, each of which follows a line `-- name: <statement>`."""
    parts = re.split(r"^-- name: (\w+)\n", text(name), flags=re.MULTILINE)
    return {key: cast("LiteralString", body.strip()) for key, body in zip(parts[1::2], parts[2::2], strict=True)}
