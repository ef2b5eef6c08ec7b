"""What has to be put right every minute: next_run after edits from outside, rejections, DAGs of reports that went.

Retention comes last: nothing it meets can keep the rest from being done.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .definitions import parse
from .retention import Retained, retain

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from .model import Report
    from .ports import World

#: Tombstones looked at in one round; each costs Airflow a question.
TOMBSTONES = 100
LONGEST_ERROR = 5_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Upkeep:
    """What one round has changed."""

    next_runs: int
    rejected: int
    readmitted: int
    lifted: int
    retained: Retained

    def __str__(self) -> str:
        done = (
            f"{self.next_runs} next_run written, {self.rejected} rejected, {self.readmitted} valid again, "
            f"{self.lifted} DAGs let go"
        )
        return "; ".join(filter(None, (done, str(self.retained))))


def upkeep(world: World, open_runs: Callable[[str], int]) -> Upkeep:
    """One round; *open_runs* says how many runs of a report Airflow has queued or under way.

    Safe to repeat and to be cut off anywhere: every step looks at what is there and changes only what is not right.
    """
    rows = world.definitions.rows(limit=world.settings.max_reports)
    reports, rejections = parse(rows)
    reasons = {
        rejection.report_id: "; ".join(str(problem) for problem in rejection.problems)[:LONGEST_ERROR]
        for rejection in rejections
    }
    mended = {row["id"] for row in rows if row["error_cause"] == "rejected"} - reasons.keys()
    rejected = world.housekeeping.reject(reasons) if reasons else 0
    readmitted = world.housekeeping.readmit(mended) if mended else 0
    if mended:  # they are what they were before, from this moment on
        reports, _ = parse(world.definitions.rows(limit=world.settings.max_reports))
    now = world.now()
    next_runs: dict[str, datetime | None] = dict.fromkeys(reasons)
    next_runs |= {report.id: next_run(report, now) for report in reports}
    return Upkeep(
        rejected=rejected,
        readmitted=readmitted,
        next_runs=world.housekeeping.set_next_runs(next_runs) if next_runs else 0,
        lifted=_lift(world, open_runs, now),
        retained=retain(world),
    )


def next_run(report: Report, now: datetime) -> datetime | None:
    """The coming tick; None where the report is not scheduled."""
    if not report.is_scheduled:
        return None
    return report.cron.next_tick(max(now, report.effective_from), report.timezone)


def _lift(world: World, open_runs: Callable[[str], int], now: datetime) -> int:
    """Let go of DAGs whose runs have all ended, once every parse has had time to rest them."""
    over = [
        tombstone.report_id
        for tombstone in world.housekeeping.tombstones(limit=TOMBSTONES)
        if now - tombstone.since > world.settings.farewell_seconds and open_runs(tombstone.report_id) == 0
    ]
    if over:
        world.housekeeping.lift(over)
    return len(over)
