"""The report types of docs/extend.md, written as folders; they contain no Python."""

from __future__ import annotations

import os
import re
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from include.scheduled_reports.reports.types import catalog

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

DOC = (Path(__file__).parents[2] / "docs/extend.md").read_text()
#: The files of each type.
COUNTS = {"largest-uploads": 5, "file-list": 5}


def documented_files(kind: str) -> Mapping[str, str]:
    """Return the files of a type, by path: each code block after its file name."""
    blocks = re.findall(rf"`({kind}/[\w.]+)`[^`\n]*(?:`[^`\n]*`[^`\n]*)*:\n\n```\w+\n(.*?)```", DOC, flags=re.DOTALL)
    assert len(blocks) == COUNTS[kind]
    return dict(blocks)


def write_documented(kind: str, place: Path) -> Path:
    """Write the folder of a type to *place*; return the folder."""
    for name, text in documented_files(kind).items():
        file = place / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return place / kind


@contextmanager
def installed(place: Path, *kinds: str) -> Iterator[Path]:
    """Write the types to *place*, which the setting REPORT_TYPES names meanwhile."""
    for kind in kinds:
        write_documented(kind, place)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SCHEDULED_REPORTS__REPORT_TYPES", f"{place}{os.pathsep}")
        catalog.catalog.cache_clear()
        yield place
    catalog.catalog.cache_clear()
