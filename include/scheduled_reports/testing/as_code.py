"""In-memory reports, calendars and brands for `export`, `plan` and `apply`."""

from __future__ import annotations

from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from ..domain.run import Actor
    from ..ports.as_code import Change, Key
    from ..ports.web import Record, WorkspaceInfo


@dataclass
class MemoryCodeStore:
    """Ports `CodeStore` and `CodeSession` in dictionaries."""

    places: tuple[WorkspaceInfo, ...] = ()
    content: dict[Key, Record] = field(default_factory=dict)
    countries: dict[str, Record] = field(default_factory=dict)
    #: The columns about users, by workspace and user.
    creators: dict[tuple[str, str], Record] = field(default_factory=dict)
    #: Every change, with who made it.
    written: list[tuple[str, Change]] = field(default_factory=list)

    @contextmanager
    def reading(self) -> Iterator[MemoryCodeStore]:
        yield self

    @contextmanager
    def editing(self) -> Iterator[MemoryCodeStore]:
        before = deepcopy((self.content, self.written))
        try:
            yield self
        except BaseException:
            self.content, self.written = before
            raise

    def workspaces(self) -> tuple[WorkspaceInfo, ...]:
        return self.places

    def held(self, workspace_ids: Collection[str]) -> dict[Key, Record]:
        return {key: dict(record) for key, record in self.content.items() if key.workspace_id in workspace_ids}

    def workspaces_of(self, report_ids: Collection[str]) -> Mapping[str, str]:
        reports = (key for key in self.content if key.kind == "report" and key.name in report_ids)
        return {key.name: key.workspace_id for key in reports}

    def country_calendars(self) -> Mapping[str, Record]:
        return self.countries

    def creator(self, workspace_id: str, user_id: str) -> Record | None:
        return self.creators.get((workspace_id, user_id))

    def write(self, changes: Sequence[Change], actor: Actor) -> None:
        for change in changes:
            if change.after is None:
                del self.content[change.key]
            else:
                self.content[change.key] = change.after
            self.written.append((actor.name, change))
