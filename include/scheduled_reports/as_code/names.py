"""Names of folders and files: `<workspace>/reports/<id>.yaml`, `<workspace>/calendars/<code>.yaml`, `brand.yaml`."""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from ..ports.as_code import Key, Kind
    from ..ports.web import WorkspaceInfo

ENDING = ".yaml"
BRAND = f"brand{ENDING}"
#: The folder of each kind that has one.
FOLDERS: Mapping[Kind, str] = {"report": "reports", "calendar": "calendars"}
#: A file's name has at most 255 bytes; room for the ending and a digest.
LONGEST_STEM = 200


def folders(workspaces: Collection[WorkspaceInfo]) -> Mapping[str, str]:
    """The folder of each workspace, by id: its slug, with the id if workspaces share the slug."""
    used = Counter(one.slug for one in workspaces)
    return {
        one.id: _safe(one.slug if one.slug and used[one.slug] == 1 else f"{one.slug}~{one.id}") for one in workspaces
    }


def file_of(key: Key) -> str:
    """The path of a new file inside the folder of its workspace."""
    return BRAND if key.kind == "brand" else f"{FOLDERS[key.kind]}/{_safe(key.name)}{ENDING}"


def second_file_of(key: Key) -> str:
    """The path of a new file if another file has the name that it would have; *key* is no brand's."""
    return f"{FOLDERS[key.kind]}/{_safe(key.name)}~{_digest(key.name)}{ENDING}"


def _safe(name: str) -> str:
    """A name that file systems, shells and URLs take as it is; a long one ends in a digest."""
    text = quote(name, safe="", errors="replace")
    if text.startswith("."):
        text = f"%2E{text[1:]}"
    if len(text) > LONGEST_STEM:
        text = f"{text[:LONGEST_STEM]}~{_digest(name)}"
    return text


def _digest(name: str) -> str:
    return hashlib.sha256(name.encode("utf-8", "replace")).hexdigest()[:16]
