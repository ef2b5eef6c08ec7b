"""In-memory rows of scheduled_reports."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ..domain.shards import Shard

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from ..domain.report import Row


@dataclass
class MemoryDefinitions:
    """Port `Definitions` on a list of rows."""

    content: list[Row] = field(default_factory=list)
    addresses: dict[str, frozenset[str]] = field(default_factory=dict)
    #: The days of calendars by workspace and code; those of countries have the workspace ''.
    calendars: dict[tuple[str, str], Mapping[str, Any]] = field(default_factory=dict)
    administrators: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def rows(self, *, limit: int, workspace_id: str | None = None, shard: Shard | None = None) -> list[Row]:
        of = [row for row in self.content if workspace_id is None or row["workspace_id"] == workspace_id]
        living = [row for row in of if not row["deleted"]][:limit]
        gone = [row for row in of if row["deleted"] and workspace_id is None][:limit]
        wanted = [row for row in living + gone if shard is None or shard == Shard.holding(str(row["id"]), shard.of)]
        return [self._with_calendar(_merged(row)) for row in sorted(wanted, key=lambda row: str(row["id"]))]

    def left_out(self, *, limit: int, most: int) -> dict[str, str]:
        living = [row for row in self.content if not row["deleted"]]
        return {str(row["id"]): str(row["name"]) for row in living[limit : limit + most]}

    def digests(self, shards: int, *, limit: int, only: int | None = None) -> dict[int, str]:
        numbers = range(shards) if only is None else (only,)
        found = {number: self.rows(limit=limit, shard=Shard(number=number, of=shards)) for number in numbers}
        return {number: repr(rows) for number, rows in found.items() if rows}

    def row(self, report_id: str) -> Row | None:
        found = next((row for row in self.content if row["id"] == report_id and not row["deleted"]), None)
        return found and self._with_calendar(_merged(found))

    def admins(self, workspace_id: str) -> tuple[str, ...]:
        return self.administrators.get(workspace_id, ())

    def calendar(self, workspace_id: str, code: str) -> Mapping[str, Any] | None:
        return self.calendars.get((workspace_id, code)) or self.calendars.get(("", code))

    def _with_calendar(self, row: Row) -> Row:
        code = (row.get("options") or {}).get("calendar")
        found = self.calendar(row["workspace_id"], code) if code else None
        return row if found is None else row | {"calendar": found}

    def members(self, workspace_id: str, addresses: Collection[str]) -> frozenset[str]:
        return self.addresses.get(workspace_id, frozenset()) & frozenset(addresses)


def changed_at(row: Row) -> str:
    """When the schedule was changed last; the effective moment may be later, after an outage."""
    return str(row.get("changed_at") or row["effective_from"])


def _merged(row: Row) -> Row:
    """The row as PostgreSQL returns it; the stored one if upkeep has not dealt with an outage."""
    caught_up_to = row.get("caught_up_to")
    if caught_up_to is None:
        return row
    later = max(caught_up_to, row["effective_from"], key=datetime.fromisoformat)
    return {**row, "effective_from": later, "changed_at": row["effective_from"]}
