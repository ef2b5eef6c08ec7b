"""Tags of the files in S3: what the operator has said, filled in for one report."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ..domain.naming import escape

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..domain.report import Report

MOST = 10
PLACES = {"{workspace}": "", "{report}": "", "{type}": ""}
#: What S3 takes on every one of its ways; what else an id holds is escaped.
NAME = re.compile(r"[A-Za-z0-9 _.:/@+-]{1,128}")
VALUE = re.compile(r"[A-Za-z0-9 _.:/@+-]{0,256}")


def read_tags(text: str) -> Mapping[str, str]:
    """The tags of `name=value,name=value`, places and all; ValueError says what is allowed."""
    parts = [part.strip() for part in text.split(",") if part.strip()]
    tags = {name.strip(): value.strip() for name, _, value in (part.partition("=") for part in parts)}
    if len(parts) > MOST or len(tags) < len(parts) or not all("=" in part for part in parts):
        raise ValueError(f"name=value,name=value; at most {MOST}, each name once")
    for name, value in tags.items():
        if not NAME.fullmatch(name) or name.lower().startswith("aws:") or not VALUE.fullmatch(_filled(value, PLACES)):
            raise ValueError(
                f"{name}: letters, digits, blanks and _ . : / @ + - in names (not aws:…) and values; in values also "
                f"{', '.join(PLACES)}"
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
