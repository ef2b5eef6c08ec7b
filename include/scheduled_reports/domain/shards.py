"""Shards: reports divided by id, one DAG file each."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import md5


@dataclass(frozen=True, kw_only=True, slots=True)
class Shard:
    """A part of the reports, by their ids alone; one file of DAGs."""

    number: int
    of: int

    @classmethod
    def holding(cls, report_id: str, of: int) -> Shard:
        """The shard of a report, as `sql/definitions.sql` has it."""
        return cls(number=int(md5(report_id.encode(), usedforsecurity=False).hexdigest()[:8], 16) % of, of=of)

    @property
    def name(self) -> str:
        """What its files are called."""
        return f"scheduled_reports_{self.number:0{len(str(self.of - 1))}}_of_{self.of}"
