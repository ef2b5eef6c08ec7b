"""The HTML of a table row, written in Python: in a template a long table takes twice as long."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from markupsafe import Markup, escape

from .table import is_right_to_left

if TYPE_CHECKING:
    from .table import Row

#: The classes of cells without letters.
_UNDIRECTED: Final = frozenset({"number", "other"})


def row_markup(row: Row) -> Markup:
    """Write a row: each cell with its classes, its direction if it is written from right to left, and its bar."""
    parts = ["<tr>"]
    for kind, text, bar in row:
        direction = ' dir="auto"' if kind not in _UNDIRECTED and is_right_to_left(text) else ""
        parts += (
            f'<td class="{kind}"{direction}>' if kind else f"<td{direction}>",
            f'<i style="width: {bar}%"></i>' if bar else "",
            escape(text),
            "</td>",
        )
    parts.append("</tr>")
    return Markup("".join(parts))  # noqa: S704 - every text in it is escaped
