"""The setting OBJECT_TAGS: tags of the files in S3, filled in for a report."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ..domain.naming import escape
from ..domain.problem import shown

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..domain.report import Report

MOST = 10
PLACEHOLDERS = {"{workspace}": "", "{report}": "", "{type}": ""}
#: The characters that S3 accepts in every kind of request; other characters of an id are escaped.
NAME = re.compile(r"[A-Za-z0-9 _.:/@+-]{1,128}")
VALUE = re.compile(r"[A-Za-z0-9 _.:/@+-]{0,256}")


def read_tags(text: str) -> Mapping[str, str]:
    """The tags in `name=value,name=value`, with their placeholders; ValueError says what is wrong and what to do."""
    parts = [part.strip() for part in text.split(",") if part.strip()]
    tags = {name.strip(): value.strip() for name, _, value in (part.partition("=") for part in parts)}
    if len(parts) > MOST or len(tags) < len(parts) or not all("=" in part for part in parts):
        raise ValueError(f"is not a list of tags; use name=value,name=value with at most {MOST} tags, each name once")
    for name, value in tags.items():
        plain = _filled(value, PLACEHOLDERS)
        if not NAME.fullmatch(name) or name.lower().startswith("aws:") or not VALUE.fullmatch(plain):
            raise ValueError(
                f"has the tag {shown(name)}, which S3 does not accept; use letters, digits, blanks and _ . : / @ + - "
                f"in names (not aws:…) and values, and in values also {', '.join(PLACEHOLDERS)}"
            )
    return tags


def tags_of(text: str, report: Report) -> Mapping[str, str]:
    """The tags for the files of *report*."""
    places = {
        "{workspace}": escape(report.workspace.id),
        "{report}": escape(report.id),
        "{type}": report.type,
    }
    return {name: _filled(value, places)[:256] for name, value in read_tags(text).items()}


def _filled(value: str, places: Mapping[str, str]) -> str:
    for place, content in places.items():
        value = value.replace(place, content)
    return value
