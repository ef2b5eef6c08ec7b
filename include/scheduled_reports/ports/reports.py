"""Port: the rows of scheduled_reports."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from ..domain.report import Row
    from ..domain.shards import Shard


class Definitions(Protocol):
    """The rows of scheduled_reports."""

    def rows(self, *, limit: int, workspace_id: str | None = None, shard: Shard | None = None) -> list[Row]:
        """Every report and tombstone, or those of one workspace or shard, ordered by id.

        At most *limit* reports, those that were seen first, and at most *limit* tombstones.
        """

    def digests(self, shards: int, *, limit: int, only: int | None = None) -> dict[int, str]:
        """A digest of each shard's rows, by shard number; a shard without rows has none."""

    def left_out(self, *, limit: int, most: int) -> dict[str, str]:
        """The names of up to *most* reports beyond the *limit*, by id; the one that was seen first comes first."""

    def row(self, report_id: str) -> Row | None:
        """One report; None if there is no such row."""

    def admins(self, workspace_id: str) -> tuple[str, ...]:
        """The addresses of the workspace's owners and administrators who are not suspended; at most 50."""

    def calendar(self, workspace_id: str, code: str) -> Mapping[str, Any] | None:
        """The days of a calendar of the workspace, or of a country in use, as a row carries them."""

    def members(self, workspace_id: str, addresses: Collection[str]) -> frozenset[str]:
        """The subset of *addresses* (lower case) that belongs to members of the workspace."""
