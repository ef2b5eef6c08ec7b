"""In-memory rows of scheduled_reports."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..domain.shards import Shard

if TYPE_CHECKING:
    from collections.abc import Collection

    from ..domain.report import Row


@dataclass
class MemoryDefinitions:
    """Port `Definitions` on a list of rows."""

    content: list[Row] = field(default_factory=list)
    addresses: dict[str, frozenset[str]] = field(default_factory=dict)
    administrators: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def rows(self, *, limit: int, workspace_id: str | None = None, shard: Shard | None = None) -> list[Row]:
        of = [row for row in self.content if workspace_id is None or row["workspace_id"] == workspace_id]
        living = [row for row in of if not row["deleted"]][:limit]
        gone = [row for row in of if row["deleted"] and workspace_id is None][:limit]
        wanted = [row for row in living + gone if shard is None or shard == Shard.holding(str(row["id"]), shard.of)]
        return sorted(wanted, key=lambda row: str(row["id"]))

    def left_out(self, *, limit: int, most: int) -> dict[str, str]:
        living = [row for row in self.content if not row["deleted"]]
        return {str(row["id"]): str(row["name"]) for row in living[limit : limit + most]}

    def digests(self, shards: int, *, limit: int, only: int | None = None) -> dict[int, str]:
        numbers = range(shards) if only is None else (only,)
        found = {number: self.rows(limit=limit, shard=Shard(number=number, of=shards)) for number in numbers}
        return {number: repr(rows) for number, rows in found.items() if rows}

    def row(self, report_id: str) -> Row | None:
        return next((row for row in self.content if row["id"] == report_id and not row["deleted"]), None)

    def admins(self, workspace_id: str) -> tuple[str, ...]:
        return self.administrators.get(workspace_id, ())

    def members(self, workspace_id: str, addresses: Collection[str]) -> frozenset[str]:
        return self.addresses.get(workspace_id, frozenset()) & frozenset(addresses)
