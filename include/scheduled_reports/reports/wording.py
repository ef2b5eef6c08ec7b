"""Read the options `subject` and `introduction`: the words of a report's mail."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Any

from ..domain.bidi import BREAKS, CONTROLS
from ..domain.wording import PLACEHOLDERS, unknown_placeholders

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..domain.report_type import ReportType
    from .validation import Check

LONGEST_SUBJECT, LONGEST_INTRODUCTION = 200, 1000


def read_subject(check: Check, options: Mapping[str, Any], kind: ReportType | None) -> str:
    """The subject of the mail, one line; empty for the one that is made of the report's name, news and period."""
    return _read(check, options, "subject", kind, most=LONGEST_SUBJECT)


def read_introduction(check: Check, options: Mapping[str, Any], kind: ReportType | None) -> str:
    """The text above the report in the mail; a line break begins a line."""
    return _read(check, options, "introduction", kind, most=LONGEST_INTRODUCTION, lines=True)


def placeholders(kind: ReportType | None) -> tuple[str, ...]:
    """What the words of a report can name: what every report has, and the key figures of its type."""
    return (*PLACEHOLDERS, *(spec.column.name for spec in kind.figures)) if kind else PLACEHOLDERS


def _read(
    check: Check, options: Mapping[str, Any], key: str, kind: ReportType | None, *, most: int, lines: bool = False
) -> str:
    value, column = options.get(key), f"options.{key}"
    if value is None:
        return ""
    if not isinstance(value, str):
        check.add(column, value, "is not a text")
        return ""
    text = value.replace("\r\n", "\n").strip()
    if len(text) > most:
        check.add(column, value, f"is too long; use at most {most} characters")
    plain = text.replace("\n", " ") if lines else text
    if not BREAKS.isdisjoint(map(unicodedata.category, plain)):
        what = "control characters" if lines else "line breaks or control characters"
        check.add(column, value, f"has {what}; remove them")
    elif harmful := next((char for char in plain if char in CONTROLS), None):
        check.add(column, value, f"contains U+{ord(harmful):04X}, which reverses text; remove it")
    if kind is not None and (unknown := unknown_placeholders(text, placeholders(kind))):
        known = ", ".join(f"{{{name}}}" for name in placeholders(kind))
        check.add(column, value, f"has {', '.join(unknown)}, which is no placeholder; choose from {known}")
    return text
