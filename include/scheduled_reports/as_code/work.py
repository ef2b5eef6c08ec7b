"""What the commands do: export the database to files, compare the files with it, apply them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..domain.errors import FilesError, PermanentError
from ..domain.json_text import is_same
from . import files, names, schema
from .checks import with_same_logos
from .documents import document, normal, record_of
from .plan import held_records, make_plan

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from pathlib import Path

    from ..domain.run import Actor
    from ..ports.as_code import CodeSession, CodeStore, Key
    from ..ports.web import Record, WorkspaceInfo
    from .files import File, Found
    from .plan import Plan


@dataclass(frozen=True, kw_only=True, slots=True)
class Scope:
    """The folder, and the workspaces that are asked for by slug, id or name of the folder; all if none is."""

    root: Path
    workspaces: tuple[str, ...] = ()
    prune: bool = False


@dataclass(frozen=True, slots=True)
class Exported:
    """What `export` did with files, by their paths."""

    written: tuple[str, ...]
    removed: tuple[str, ...]
    unchanged: int
    #: Files that describe nothing in the database.
    left: tuple[str, ...]


def plan(store: CodeStore, scope: Scope) -> Plan:
    """What `apply` would do now."""
    with store.reading() as session:
        return _plan(session, scope)


def apply(store: CodeStore, scope: Scope, actor: Actor, plan_id: str | None = None) -> Plan:
    """Make the database say what the files say, all or nothing; *plan_id* is the plan that was agreed on."""
    with store.editing() as session:
        made = _plan(session, scope)
        if plan_id is not None and made.id != plan_id:
            raise PermanentError(f"the plan is {made.id} now, not {plan_id}; run plan again and look at it")
        if made.changes:
            session.write(made.changes, actor)
    return made


def export(store: CodeStore, scope: Scope) -> Exported:
    """Write what the database holds; a file that says it already is left as it is, with its comments and its name."""
    with store.reading() as session:
        workspaces = _workspaces(session)
        folders = names.folders(list(workspaces.values()))
        chosen = _chosen(scope, workspaces, folders) or set(workspaces)
        held = held_records(session, chosen)
    found = files.read(scope.root, folders, chosen) if scope.root.is_dir() else files.Found()
    if found.problems:
        raise FilesError(found.problems)
    return _Export(scope.root, folders, held, found).write(prune=scope.prune)


def _plan(session: CodeSession, scope: Scope) -> Plan:
    workspaces = _workspaces(session)
    folders = names.folders(list(workspaces.values()))
    chosen = _chosen(scope, workspaces, folders)
    if not scope.root.is_dir():
        raise PermanentError(f"there is no folder {scope.root}; export creates it")
    found = files.read(scope.root, folders, chosen)
    found.workspace_ids |= chosen  # what was named counts, although git keeps no empty folder
    if not found.workspace_ids and not found.problems:
        raise PermanentError(f"{scope.root} has no folder of a workspace; export creates them")
    return make_plan(session, found, workspaces, folders, prune=scope.prune)


def _workspaces(session: CodeSession) -> dict[str, WorkspaceInfo]:
    return {one.id: one for one in session.workspaces()}


def _chosen(scope: Scope, workspaces: Mapping[str, WorkspaceInfo], folders: Mapping[str, str]) -> set[str]:
    """The ids of the workspaces that are asked for."""
    found = set()
    for name in scope.workspaces:
        named = [one for one in workspaces.values() if name in (one.id, folders[one.id])]
        named = named or [one for one in workspaces.values() if name == one.slug]
        if len(named) != 1:
            reason = "several workspaces have this slug" if named else "there is no such workspace"
            raise PermanentError(f"--workspace {name}: {reason}; use the name of a folder, or an id")
        found.add(named[0].id)
    return found


class _Export:
    """One export: the database on one side, the files on the other."""

    def __init__(self, root: Path, folders: Mapping[str, str], held: Mapping[Key, Record], found: Found) -> None:
        self.root, self.folders, self.held, self.found = root, folders, held, found
        #: Without case, as some file systems have it.
        self.taken = {file.path.casefold() for file in found.files.values()}
        self.written: list[str] = []
        self.unchanged = 0

    def write(self, *, prune: bool) -> Exported:
        for kind in ("report", "calendar", "brand"):
            self._write_text(self.root / schema.FOLDER / f"{kind}.json", schema.text(kind))
        for key, record in sorted(self.held.items()):
            self._write(key, record)
        left = sorted(file.path for key, file in self.found.files.items() if key not in self.held)
        if prune:
            for path in left:
                (self.root / path).unlink()
        return Exported(tuple(self.written), tuple(left) if prune else (), self.unchanged, () if prune else tuple(left))

    def _write(self, key: Key, record: Record) -> None:
        file = self.found.files.get(key)
        if file is not None and _says(file, record):
            self.unchanged += 1
            return
        path = self.root / (file.path if file else self._new_path(key))
        said = document(key, record)
        if key.kind == "brand":
            said, logos = files.logo_files(said)
            for name, content in logos.items():
                path.parent.mkdir(parents=True, exist_ok=True)
                path.with_name(name).write_bytes(content)
        self._write_text(path, files.text_of(key, said))
        self.written.append(path.relative_to(self.root).as_posix())

    def _new_path(self, key: Key) -> str:
        """A path that no other file has: people may have given its name to the file of another report."""
        folder = self.folders[key.workspace_id]
        path = f"{folder}/{names.file_of(key)}"
        if path.casefold() in self.taken and key.kind != "brand":
            path = f"{folder}/{names.second_file_of(key)}"
        self.taken.add(path.casefold())
        return path

    @staticmethod
    def _write_text(path: Path, text: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.is_file() or path.read_bytes() != text.encode():
            path.write_bytes(text.encode())


def _says(file: File, record: Record) -> bool:
    """Whether a file says what the database holds."""
    if is_same(file.given, document(file.key, record)):
        return True
    read, wrong = record_of(file.key.kind, file.given)
    if file.key.kind == "brand":
        read = with_same_logos(read, record)
    return not wrong and not file.wrong and is_same(normal(file.key, read), record)


def exported_lines(done: Exported) -> Iterator[str]:
    """What `export` says."""
    yield from (f"wrote {path}" for path in done.written)
    yield from (f"removed {path}" for path in done.removed)
    yield from (f"? {path} describes nothing in the database; --prune removes it" for path in done.left)
    yield f"{len(done.written)} written, {len(done.removed)} removed, {done.unchanged} unchanged"


def planned_lines(made: Plan, done: Collection[str]) -> Iterator[str]:
    """What `plan` and `apply` say; *done* are the words for what is created, changed and deleted."""
    yield from made.lines()
    counted = ", ".join(f"{count} {word}" for count, word in zip(made.counts.values(), done, strict=True))
    yield f"{counted}, {made.unchanged} unchanged"
