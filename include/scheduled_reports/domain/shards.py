"""Shards: reports divided by id, one DAG file each."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import md5


@dataclass(frozen=True, kw_only=True, slots=True)
class Shard:
    """A part of the reports, chosen by their ids; each part is one file of DAGs."""

    number: int
    of: int

    @classmethod
    def holding(cls, report_id: str, of: int) -> Shard:
        """The shard of a report, computed as in `sql/definitions.sql`."""
        return cls(number=int(md5(report_id.encode(), usedforsecurity=False).hexdigest()[:8], 16) % of, of=of)

    @property
    def name(self) -> str:
        """The name of its files."""
        return f"scheduled_reports_{self.number:0{len(str(self.of - 1))}}_of_{self.of}"
