"""Shards: reports divided by id, for DAG files and for upkeep."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import md5


@dataclass(frozen=True, kw_only=True, slots=True)
class Shard:
    """A part of the reports, chosen by their ids."""

    number: int
    of: int

    @classmethod
    def holding(cls, report_id: str, of: int) -> Shard:
        """The shard of a report, computed as in `sql/definitions.sql`."""
        return cls(number=int(md5(report_id.encode(), usedforsecurity=False).hexdigest()[:8], 16) % of, of=of)

    @classmethod
    def slices(cls, reports: int, size: int = 20_000) -> tuple[Shard | None, ...]:
        """Divide *reports* into parts of about *size*, so that not all are in memory at once; (None,) is all."""
        of = -(-reports // size)
        return tuple(cls(number=number, of=of) for number in range(of)) if of > 1 else (None,)

    @property
    def name(self) -> str:
        """The name of its files."""
        return f"scheduled_reports_{self.number:0{len(str(self.of - 1))}}_of_{self.of}"
