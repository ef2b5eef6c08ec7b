"""SQL statements, read from the files beside this one."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, LiteralString, cast

if TYPE_CHECKING:
    from collections.abc import Mapping

FOLDER = Path(__file__).parent


def text(name: str) -> LiteralString:
    """The whole of `<name>.sql`; literal, because it is part of the product and no value is put into it."""
    return cast("LiteralString", (FOLDER / f"{name}.sql").read_text(encoding="utf-8"))  # type: ignore[redundant-cast]  # mypy takes str for it


@cache
def statements(name: str) -> Mapping[str, LiteralString]:
    """The statements of `<name>.sql`, each under a line `-- name: <statement>`."""
    parts = re.split(r"^-- name: (\w+)\n", text(name), flags=re.MULTILINE)
    return {key: cast("LiteralString", body.strip()) for key, body in zip(parts[1::2], parts[2::2], strict=True)}
