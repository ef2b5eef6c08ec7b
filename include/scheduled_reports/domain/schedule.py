"""A report's schedule: which moments it fires at, from when on, until when, and what its calendar makes of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, timedelta
from itertools import takewhile
from typing import TYPE_CHECKING, Literal

from .calendar import DAY
from .cron import day_exists

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date, datetime
    from zoneinfo import ZoneInfo

    from .calendar import Calendar, OnClosed
    from .cron import Cron

#: Where a moment lies: before `starts_on`, after `ends_on`, or between them.
Phase = Literal["not-begun", "active", "ended"]


#: How many days back the tick before is looked for, ever further; between two leap days are at most eight years.
_LOOKING_BACK = (1, 8, 32, 367, 8 * 366)


@dataclass(frozen=True, kw_only=True, slots=True)
class Schedule:
    """A cron expression in a time zone; ticks at or before *effective_from* do not fire.

    A tick on a day that the calendar closes is left out or moved, to the same local time of an open day.
    """

    cron: Cron
    zone: ZoneInfo
    effective_from: datetime
    calendar: Calendar | None = None
    on_closed: OnClosed = "skip"
    #: The first and the last local day with ticks.
    starts_on: date | None = None
    ends_on: date | None = None

    def is_effective(self, moment: datetime) -> bool:
        """Whether a tick at *moment* is late enough to fire."""
        return moment > self.effective_from

    def ticks_after(self, moment: datetime, *, backfill: bool = False) -> Iterator[datetime]:
        """Every tick strictly after *moment*, in UTC, in order; with *backfill* also those before *effective_from*."""
        after = moment if backfill else max(moment, self.effective_from)
        if self.calendar is None and self.starts_on is None and self.ends_on is None:
            return self.cron.ticks(after, self.zone)
        return self._ticks(after.astimezone(UTC))

    def next_after(self, moment: datetime, *, backfill: bool = False) -> datetime | None:
        """The first tick strictly after *moment*, in UTC, None after the last; with *backfill* as `ticks_after`."""
        return next(self.ticks_after(moment, backfill=backfill), None)

    def previous_before(self, moment: datetime) -> datetime:
        """The last tick strictly before *moment*, as if it had always been effective; a day before it if there is none.

        A report that starts on a day has no tick before it, but its first run covers as much time as the others.
        """
        always = replace(self, starts_on=None, ends_on=None)
        for days in _LOOKING_BACK:
            ticks = always.ticks_after(moment - timedelta(days=days), backfill=True)
            *_, last = (None, *takewhile(lambda tick: tick < moment, ticks))
            if last is not None:
                return last
        return moment - timedelta(days=1)

    def is_tick(self, moment: datetime) -> bool:
        """Whether the schedule fires at exactly this moment."""
        return self.is_effective(moment) and self.next_after(moment - moment.resolution) == moment

    def phase(self, moment: datetime) -> Phase:
        """Whether the schedule has begun and not ended, by the local day."""
        return phase(moment.astimezone(self.zone).date(), self.starts_on, self.ends_on)

    def _ticks(self, last: datetime) -> Iterator[datetime]:
        # A gap can move a tick of the day before past midnight, so start a day early.
        today = last.astimezone(self.zone).date()
        for day in self._days(max(today, self.starts_on or today) - DAY):
            if self.ends_on is not None and day > self.ends_on:
                return
            for tick in sorted(self.cron.ticks_of(day, self.zone)):
                if tick > last and self._includes(tick.astimezone(self.zone).date()):
                    last = tick
                    yield tick

    def _includes(self, day: date) -> bool:
        return (self.starts_on is None or day >= self.starts_on) and (self.ends_on is None or day <= self.ends_on)

    def _days(self, first: date) -> Iterator[date]:
        """The local days with ticks from *first* on, in order: those of the cron expression, or where they move to."""
        if self.calendar is None:
            yield from self.cron.days_from(first)
        elif self.on_closed == "skip":
            yield from filter(self.calendar.is_open, self.cron.days_from(first))
        else:
            yield from self._moved_days(first, self.calendar)

    def _moved_days(self, first: date, calendar: Calendar) -> Iterator[date]:
        closed = moved = first - DAY  # the closed day before, and where its ticks go; at first none
        for day in self.cron.days_from(self._first_source(first)):
            if calendar.is_open(day):
                yield day
            elif day_exists(day, self.zone):
                closed, moved = day, self._moved(day, closed, moved)
                if moved >= first:
                    yield moved

    def _first_source(self, first: date) -> date:
        """The earliest day whose ticks may move to *first* or later."""
        while self.on_closed == "after" and not self._receives(first - DAY):
            first -= DAY
        return first

    def _moved(self, day: date, closed: date, moved: date) -> date:
        """Where ticks of a closed day go; those of *closed*, an earlier one, go to *moved*: no day is tried twice."""
        if self.on_closed == "after":
            day = max(day, moved)
            while not self._receives(day):
                day += DAY
            return day
        while not self._receives(day):
            day -= DAY
            if day == closed:
                return moved
        return day

    def _receives(self, day: date) -> bool:
        """Whether ticks are moved to a day: it is open, and no change of clocks skips it."""
        return self.calendar is None or (self.calendar.is_open(day) and day_exists(day, self.zone))


def phase(today: date, starts_on: date | None, ends_on: date | None) -> Phase:
    """Where a local day lies between the first and the last one of a schedule."""
    if starts_on is not None and today < starts_on:
        return "not-begun"
    return "ended" if ends_on is not None and today > ends_on else "active"
