"""Read and write the folder: each file as the mapping that it holds, logos as files beside the brand."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..domain.problem import shown
from ..domain.storable import is_storable
from ..ports.as_code import Key
from ..reports.types.yaml_loader import line_of
from ..reports.validation import did_you_mean
from ..settings.logo import MOST_BYTES, content_of
from . import names
from .documents import IDENTITY, Wrong
from .schema import reference
from .yaml_text import InvalidYamlError, dump, load

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from pathlib import Path

    from ..ports.as_code import Kind

#: The keys of a brand whose values are files, and the names of these files without their ending.
LOGOS = {"logo": "logo", "logoDark": "logo-dark"}
_ENDINGS = ((b"\x89PNG", "png", "png"), (b"\xff\xd8\xff", "jpeg", "jpg"))
_SVG = ("svg+xml", "svg")


@dataclass(frozen=True, slots=True)
class File:
    """A file that describes one report, calendar or brand; *given* is what it holds, with logos as data: URIs."""

    path: str
    key: Key
    text: str = field(repr=False)
    given: Mapping[str, Any]
    #: What is wrong with values whatever they mean.
    wrong: tuple[Wrong, ...] = ()

    def problems(self, wrong: Collection[Wrong]) -> list[str]:
        """What is wrong, in the order of the lines: each names the file, the line, the key and what to do."""
        lines = sorted((line_of(self.text, one.key.split(".")), one.key, one.reason) for one in wrong)
        return [f"{self.path}:{line}: {key}: {reason}" for line, key, reason in lines]


@dataclass
class Found:
    """The files of a folder, by what they describe; what is wrong with those that cannot be read; the workspaces."""

    files: dict[Key, File] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    workspace_ids: set[str] = field(default_factory=set)


def read(root: Path, folders: Mapping[str, str], only: Collection[str]) -> Found:
    """Read the folders of the workspaces *only*, or of all; *folders* names them by the workspace's id."""
    found, known = Found(), {name: workspace_id for workspace_id, name in folders.items()}
    for folder in sorted(one for one in root.iterdir() if one.is_dir() and not one.name.startswith(".")):
        paths = sorted(path for path in folder.rglob("*") if path.suffix in (names.ENDING, ".yml") and path.is_file())
        workspace_id = known.get(folder.name)
        if workspace_id is None and paths:
            reason = f"there is no workspace {shown(folder.name)}{did_you_mean(folder.name, known)}"
            found.problems.append(f"{folder.name}: {reason}; name the folder by the slug of a workspace.")
        elif workspace_id is not None and (not only or workspace_id in only):
            found.workspace_ids.add(workspace_id)
            for path in paths:
                _read_file(found, root, path, workspace_id)
    return found


def text_of(key: Key, document: Mapping[str, Any]) -> str:
    """The text of a file; its first line names the schema for editors."""
    return f"{reference(key.kind)}\n{dump(dict(document))}"


def logo_files(document: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, bytes]]:
    """The document of a brand with the names of its logos' files, and the content of these.

    A logo that is no image stays in the document.
    """
    named, contents = dict(document), {}
    for name, stem in LOGOS.items():
        try:
            content = content_of(document.get(name, ""))
        except ValueError:
            continue
        file = f"{stem}.{_format(content)[1]}"
        named[name], contents[file] = file, content
    return named, contents


def _read_file(found: Found, root: Path, path: Path, workspace_id: str) -> None:
    shown_path = path.relative_to(root).as_posix()
    kind = _kind(path.relative_to(root).parts[1:])
    if kind is None:
        place = f"{names.BRAND}, reports/<name>{names.ENDING} or calendars/<name>{names.ENDING}"
        found.problems.append(f"{shown_path}: the file is in no place for a file; move it to {place}.")
        return
    try:
        text = _text(path)
        given = load(text)
    except InvalidYamlError as error:
        found.problems.append(f"{shown_path}:{error.line}: {error.reason.rstrip('.')}.")
        return
    identity = given.get(IDENTITY[kind]) if kind in IDENTITY else ""
    if not isinstance(identity, str) or (kind in IDENTITY and not identity):
        found.problems.append(f"{shown_path}:1: {IDENTITY[kind]}: is missing or not a text; add it, in quotes.")
        return
    key = Key(workspace_id, kind, identity)
    wrong = list(_unstorable(given))
    if kind == "brand":
        given = _with_logos(path, given, wrong)
    file = File(shown_path, key, text, given, tuple(wrong))
    other = next((one for one in (found.files.get(key), _same_id(found, key)) if one is not None), None)
    if other is not None:
        found.problems.append(f"{shown_path}: {IDENTITY[kind]}: {shown(identity)} is that of {other.path}; change one.")
        return
    found.files[key] = file


def _same_id(found: Found, key: Key) -> File | None:
    """The file of another workspace with the id of a report, which belongs to one report only."""
    if key.kind != "report":
        return None
    return next((file for other, file in found.files.items() if other[1:] == key[1:]), None)


def _kind(parts: tuple[str, ...]) -> Kind | None:
    if parts == (names.BRAND,):
        return "brand"
    if len(parts) != 2 or not parts[1].endswith(names.ENDING):
        return None
    return next((kind for kind, folder in names.FOLDERS.items() if folder == parts[0]), None)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InvalidYamlError(1, f"the file cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InvalidYamlError(1, "the file is not UTF-8; save it as UTF-8") from error


def _unstorable(given: Mapping[str, Any]) -> Iterator[Wrong]:
    for name, value in given.items():
        if not is_storable([name, value]):
            yield Wrong(
                name, "contains a character that PostgreSQL cannot store, or a number that is too large; remove it."
            )


def _with_logos(path: Path, given: Mapping[str, Any], wrong: list[Wrong]) -> dict[str, Any]:
    """The mapping of a brand with its logos as data: URIs."""
    found = dict(given)
    for name in LOGOS:
        value = given.get(name)
        if not isinstance(value, str) or not value or value.startswith("data:"):
            continue
        try:
            content = _beside(path, value)
        except ValueError as error:
            wrong.append(Wrong(name, f"{shown(value)} {error}."))
        else:
            found[name] = f"data:image/{_format(content)[0]};base64,{b64encode(content).decode()}"
    return found


def _beside(path: Path, name: str) -> bytes:
    """The content of the file *name* beside *path*; ValueError if there is none."""
    if "/" in name or "\\" in name or name in (".", ".."):
        raise ValueError(f"is not the name of a file beside {path.name}; use one such as logo.svg")
    try:
        with path.with_name(name).open("rb") as file:
            return file.read(MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        raise ValueError(f"is no readable file beside {path.name}; add it, or use another name") from error


def _format(content: bytes) -> tuple[str, str]:
    """The media type of an image, and the ending of its file."""
    return next(((kind, ending) for start, kind, ending in _ENDINGS if content.startswith(start)), _SVG)
