"""A report's schedule: which moments it fires at, and from when on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from itertools import takewhile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from zoneinfo import ZoneInfo

    from .cron import Cron


#: How many days back the tick before is looked for, ever further; between two leap days are at most eight years.
_LOOKING_BACK = (1, 8, 32, 367, 8 * 366)


@dataclass(frozen=True, kw_only=True, slots=True)
class Schedule:
    """A cron expression in a time zone; ticks at or before *effective_from* do not fire."""

    cron: Cron
    zone: ZoneInfo
    effective_from: datetime

    def is_effective(self, moment: datetime) -> bool:
        """Whether a tick at *moment* is late enough to fire."""
        return moment > self.effective_from

    def ticks_after(self, moment: datetime, *, backfill: bool = False) -> Iterator[datetime]:
        """Every tick strictly after *moment*, in UTC, in order; with *backfill* also those before *effective_from*."""
        return self.cron.ticks(moment if backfill else max(moment, self.effective_from), self.zone)

    def next_after(self, moment: datetime, *, backfill: bool = False) -> datetime:
        """The first tick strictly after *moment*, in UTC; with *backfill* also one before *effective_from*."""
        return next(self.ticks_after(moment, backfill=backfill))

    def previous_before(self, moment: datetime) -> datetime:
        """The last tick strictly before *moment*, whatever *effective_from*; a day before it if there is none."""
        for days in _LOOKING_BACK:
            ticks = self.ticks_after(moment - timedelta(days=days), backfill=True)
            *_, last = (None, *takewhile(lambda tick: tick < moment, ticks))
            if last is not None:
                return last
        return moment - timedelta(days=1)

    def is_tick(self, moment: datetime) -> bool:
        """Whether the schedule fires at exactly this moment."""
        return self.is_effective(moment) and self.cron.is_tick(moment, self.zone)
