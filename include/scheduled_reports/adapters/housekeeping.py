"""What upkeep changes, in PostgreSQL."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from ..ports import Tombstone
from ..sql import statements
from .postgres import transaction

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class PostgresHousekeeping:
    """Port `Housekeeping`; every call is one short transaction."""

    dsn: str = field(repr=False)
    statement_timeout: timedelta = timedelta(seconds=20)

    def set_next_runs(self, next_runs: Mapping[str, datetime | None]) -> int:
        """Write the coming tick of each report where another one is stored; returns how many were."""
        return self._run("set_next_runs", ids=list(next_runs), ticks=list(next_runs.values()))

    def reject(self, rejections: Mapping[str, str]) -> int:
        """Set reports to ERROR with their reasons and leave a tombstone; returns how many were changed."""
        return self._run("reject", ids=list(rejections), reasons=list(rejections.values()))

    def readmit(self, report_ids: Collection[str]) -> int:
        """Take reports that are valid again out of ERROR, to what they were before; returns how many were changed."""
        with transaction(self.dsn, statement_timeout=self.statement_timeout) as connection:
            ids = {"ids": sorted(report_ids)}
            changed = connection.execute(statements("upkeep")["readmit"], ids).rowcount
            connection.execute(statements("upkeep")["forget_rejected"], ids)
        return changed

    def tombstones(self, *, limit: int) -> list[Tombstone]:
        """The oldest tombstones."""
        with transaction(self.dsn, statement_timeout=self.statement_timeout) as connection:
            rows = connection.execute(statements("upkeep")["tombstones"], {"limit": limit}).fetchall()
        return [Tombstone(**row) for row in rows]

    def lift(self, report_ids: Collection[str]) -> None:
        """Remove tombstones: the next parse makes no DAG for these reports."""
        self._run("lift", ids=sorted(report_ids))

    def _run(self, name: str, **values: object) -> int:
        with transaction(self.dsn, statement_timeout=self.statement_timeout) as connection:
            return connection.execute(statements("upkeep")[name], values).rowcount
