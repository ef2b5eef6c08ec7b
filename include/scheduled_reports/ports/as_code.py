"""Port: reports, calendars and brands as `export`, `plan` and `apply` read and write them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

from ..domain.json_text import is_same

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from contextlib import AbstractContextManager

    from ..domain.run import Actor
    from .web import Record, WorkspaceInfo

Kind = Literal["brand", "calendar", "report"]


class Key(NamedTuple):
    """What identifies a report by its id, a calendar by its code, or the brand of a workspace, whose name is empty."""

    workspace_id: str
    kind: Kind
    name: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """What is to be done: *before* is None of what is created, *after* of what is deleted; both have every column."""

    key: Key
    before: Record | None
    after: Record | None

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that differ; all of what is created or deleted."""
        if self.before is None or self.after is None:
            return tuple(self.after or self.before or ())
        before, after = self.before, self.after
        return tuple(name for name in after if not is_same(before[name], after[name]))


class CodeSession(Protocol):
    """One transaction."""

    def workspaces(self) -> tuple[WorkspaceInfo, ...]:
        """All workspaces."""

    def held(self, workspace_ids: Collection[str]) -> dict[Key, Record]:
        """The reports, calendars and brands of these workspaces, with the columns that people set.

        The status of a report that upkeep has set to ERROR is the one that it had before.
        """

    def workspaces_of(self, report_ids: Collection[str]) -> Mapping[str, str]:
        """The workspace of each of these reports that exists."""

    def country_calendars(self) -> Mapping[str, Record]:
        """The calendars of the countries and regions in use, by code, as rows carry them."""

    def creator(self, workspace_id: str, user_id: str) -> Record | None:
        """The columns about the creator that a row has; None if there is no such user."""

    def write(self, changes: Sequence[Change], actor: Actor) -> None:
        """Write the columns that differ; the audit trail names *actor*."""


class CodeStore(Protocol):
    """Where reports, calendars and brands are kept."""

    def reading(self) -> AbstractContextManager[CodeSession]:
        """A session that only reads."""

    def editing(self) -> AbstractContextManager[CodeSession]:
        """A session whose writes count if it ends without an error, and all at once.

        Edits of what it has read, by anybody else, wait until it ends.
        """
