"""Compare the files with the database: what is to be created, changed and deleted, and what is wrong."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..domain.errors import FilesError
from ..domain.json_text import is_same
from ..domain.problem import shown
from ..ports.as_code import Change
from ..reports.fields import BRAND_FIELDS
from .checks import Checks, empty_brand, with_same_logos, without_known
from .documents import Wrong, document, key_of, normal, record_of, said
from .names import file_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ..ports.as_code import CodeSession, Key
    from ..ports.web import Record, WorkspaceInfo
    from .files import File, Found

#: Reports refer to calendars: those come before them, and go after them.
_ORDER = ("calendar", "report", "brand")
_SIGNS = {"created": "+", "changed": "~", "deleted": "-"}
#: The beginning of the digest that names a plan.
_ID_LENGTH = 12


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """What `apply` would do, in its order, and what it would leave as it is."""

    changes: tuple[Change, ...]
    #: The path of each file, or where it would be.
    paths: Mapping[Key, str]
    unchanged: int
    #: In the database, and in no file.
    left: tuple[Key, ...]
    #: Problems of what is the same in the database.
    warnings: tuple[str, ...]

    @property
    def id(self) -> str:
        """A digest of the changes, old values included: another edit, or another file, is another plan."""
        listed = [[*change.key, change.before, change.after] for change in self.changes]
        return hashlib.sha256(json.dumps(listed, sort_keys=True).encode()).hexdigest()[:_ID_LENGTH]

    @property
    def counts(self) -> Mapping[str, int]:
        """How many changes there are of each kind."""
        return {done: sum(_done(change) == done for change in self.changes) for done in _SIGNS}

    def lines(self) -> Iterator[str]:
        """The plan for people."""
        for change in sorted(self.changes, key=lambda one: (self.paths[one.key], one.key)):
            yield f"{_SIGNS[_done(change)]} {change.key.kind} {self.paths[change.key]}{_name(change)}"
            yield from (f"    {line}" for line in _details(change))
        for key in self.left:
            yield f"? {key.kind} {self.paths[key]} is in no file; --prune deletes it"
        yield from (f"! {warning}" for warning in self.warnings)


def make_plan(
    session: CodeSession,
    found: Found,
    workspaces: Mapping[str, WorkspaceInfo],
    folders: Mapping[str, str],
    *,
    prune: bool,
) -> Plan:
    """Compare; FilesError names everything that is wrong with the files."""
    return _Comparison(session, found, workspaces).plan(folders, prune=prune)


class _Comparison:
    """The files beside what the database holds."""

    def __init__(
        self,
        session: CodeSession,
        found: Found,
        workspaces: Mapping[str, WorkspaceInfo],
    ) -> None:
        self.session, self.found = session, found
        self.held = held_records(session, found.workspace_ids)
        self.checks = Checks(session, workspaces)
        self.wanted: dict[Key, Record] = {}
        self.wrong: dict[Key, list[Wrong]] = {}
        self.same: set[Key] = set()
        for key, file in found.files.items():
            self._read(key, file)

    def plan(self, folders: Mapping[str, str], *, prune: bool) -> Plan:
        left = tuple(sorted(self.held.keys() - self.wanted.keys()))
        gone = left if prune else ()
        problems, warnings = self._problems(set(gone))
        if problems:
            raise FilesError(problems)
        changes = [
            Change(key=key, before=self.held.get(key), after=record)
            for key, record in self.wanted.items()
            if key not in self.same
        ]
        deleted = [Change(key=key, before=self.held[key], after=None) for key in gone]
        return Plan(
            changes=(*sorted(changes, key=_rank), *sorted(deleted, key=_rank, reverse=True)),
            paths={
                **{key: f"{folders[key.workspace_id]}/{file_of(key)}" for key in self.held},
                **{key: file.path for key, file in self.found.files.items()},
            },
            unchanged=len(self.same),
            left=() if prune else left,
            warnings=tuple(warnings),
        )

    def _read(self, key: Key, file: File) -> None:
        held = self.held.get(key)
        record, wrong = record_of(key.kind, file.given)
        wrong = [*file.wrong, *without_known(file.wrong, wrong)]
        if key.kind == "brand":
            record = with_same_logos(record, held)
        record = normal(key, record)
        as_exported = held is not None and is_same(file.given, document(key, held))
        if as_exported or (held is not None and not wrong and is_same(record, held)):
            record, wrong = held or {}, []
            self.same.add(key)
        self.wanted[key], self.wrong[key] = record, wrong

    def _problems(self, gone: set[Key]) -> tuple[list[str], list[str]]:
        """What keeps the files from being applied, and what is wrong with the database already."""
        after = {key: record for key, record in {**self.held, **self.wanted}.items() if key not in gone}
        owners = self.session.workspaces_of([key.name for key in self.wanted if key.kind == "report"])
        problems, warnings = list(self.found.problems), list[str]()
        for key, file in self.found.files.items():
            record, wrong = self.wanted[key], self.wrong[key]
            if key.kind == "report" and owners.get(key.name, key.workspace_id) != key.workspace_id:
                reason = f"{shown(key.name)} is the id of a report of another workspace; use another id."
                wrong = [*wrong, Wrong("id", reason)]
            found = [*wrong, *without_known(wrong, self.checks.problems(key, record, after))]
            is_old = key in self.same and found and found == self.checks.problems(key, record, self.held)
            (warnings if is_old else problems).extend(file.problems(found))
        return problems, warnings


def held_records(session: CodeSession, workspace_ids: set[str]) -> dict[Key, Record]:
    """What the database holds of the workspaces, in normal form."""
    return {key: normal(key, record) for key, record in session.held(workspace_ids).items()}


def _rank(change: Change) -> tuple[int, Key]:
    return _ORDER.index(change.key.kind), change.key


def _done(change: Change) -> str:
    return "created" if change.before is None else "deleted" if change.after is None else "changed"


def _name(change: Change) -> str:
    """The name that people gave, where the path does not say it."""
    name = (change.after or change.before or {}).get("name")
    return f" {shown(name)}" if name else ""


def _details(change: Change) -> Iterator[str]:
    if change.after is None:
        return
    if change.before is None:
        said_now = document(change.key, change.after)
        yield from (f"{name}: {shown(value)}" for name, value in said_now.items() if name not in ("id", "code"))
        return
    for name, before, after in _values(change):
        yield f"{name}: {shown(before)} → {shown(after)}"


def _values(change: Change) -> Iterator[tuple[str, Any, Any]]:
    """The keys that change, as the file names them, with both values."""
    before, after = change.before or empty_brand(), change.after or {}
    names = {column: name for name, column in BRAND_FIELDS.items()} if change.key.kind == "brand" else {}
    for column in change.columns:
        old, new = (said(change.key, record, column) for record in (before, after))
        name = "options.missedRuns" if column == "missed_runs" else names.get(column, key_of(column))
        if isinstance(old, dict) and isinstance(new, dict):
            for key in sorted({*old, *new}):
                if not is_same(old.get(key), new.get(key)):
                    yield f"{name}.{key}", old.get(key), new.get(key)
        else:
            yield name, old, new
