"""The clock of a zone as tables: its local days in a period, and when its offset from UTC changes.

SQL reads these tables instead of `AT TIME ZONE`, so that a run has one zone database, Python's: PostgreSQL has its
own, and takes CET, MET, EET, WET and others for abbreviations with a fixed offset.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import accumulate, pairwise, repeat
from operator import add
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterator

#: What is said of a text that is not a time zone.
NO_ZONE: Final = "is not an IANA time zone; use one such as Europe/Berlin"
_DAY = timedelta(days=1)
#: The years whose changes are looked for; before and after, the first and the last offset apply.
_FIRST, _LAST = datetime(1900, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
#: No zone went from an offset to another and back within so few days.
_STEP = timedelta(days=3)


def parse_zone(name: str) -> ZoneInfo:
    """Read the name of an IANA time zone; ValueError says what to use instead.

    Names that are files of a system's zone folder and no zones, or zones that not every system has, are refused.
    """
    if name in {"localtime", "posixrules", "Factory"} or name.startswith(("posix/", "right/")):
        raise ValueError(NO_ZONE)
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(NO_ZONE) from error


@dataclass(frozen=True, kw_only=True, slots=True)
class ClockChange:
    """An offset from UTC and the moment from which it applies, in UTC and on the wall clock."""

    at: datetime
    wall: datetime  # of two readings of the clock, the later one
    offset: timedelta


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """The first instant of a local day, in UTC; where midnight falls into a gap, the end of the gap."""
    # fold=0 takes the first of two midnights.  In a gap it reads the wall clock with the offset before the change:
    # that is the end of the gap where it begins at midnight, as it does wherever midnight is missing.
    return datetime.combine(day, time(), zone).astimezone(UTC)


def is_midnight(moment: datetime, zone: ZoneInfo) -> bool:
    """Whether a local day begins at *moment*."""
    return moment == midnight(moment.astimezone(zone).date(), zone)


def local_days(start: datetime, end: datetime, zone: ZoneInfo) -> Iterator[tuple[date, datetime]]:
    """Each local day in [start, end) with its first instant in UTC; a day that a zone left out is not among them."""
    day, begin = start.astimezone(zone).date(), start
    while begin < end:
        following = midnight(day + _DAY, zone)
        if following > begin:
            yield day, begin
        day, begin = day + _DAY, max(begin, following)


@lru_cache(maxsize=64)
def clock_changes(zone: ZoneInfo) -> tuple[ClockChange, ...]:
    """Every change of the offset from 1900 to 2100; the first entry has the offset before all of them."""
    before = _offset(_FIRST, zone)
    found = [ClockChange(at=_FIRST, wall=_FIRST + before, offset=before)]
    for start in _unsteady(zone):
        moment, later = start, start + _STEP
        while (after := _offset(later, zone)) != before:
            at = _change(moment, later, before, zone)
            after = _offset(at, zone)
            found.append(ClockChange(at=at, wall=at + max(before, after), offset=after))
            moment, before = at, after
    return tuple(found)


def _unsteady(zone: ZoneInfo) -> Iterator[datetime]:
    """The beginnings of the steps in which the offset may change: those near a change on the wall clock.

    The wall clock's offsets of two centuries are read in a few milliseconds, and differ from UTC by less than a step.
    """
    steps = -(-(_LAST - _FIRST) // _STEP)
    walls = accumulate(repeat(_STEP, steps + 2), add, initial=_FIRST.replace(tzinfo=None) - _STEP)
    pairs = pairwise(zone.utcoffset(wall) for wall in walls)
    changed = [step for step, (before, after) in enumerate(pairs, start=-1) if before != after]
    near = {one for step in changed for one in (step - 1, step, step + 1)}
    for step in sorted(near & set(range(steps))):
        yield _FIRST + _STEP * step


def offsets_since(moment: datetime, zone: ZoneInfo) -> set[timedelta]:
    """Every offset from UTC that applies at *moment* or later."""
    return {_offset(moment, zone), *(one.offset for one in clock_changes(zone) if one.at > moment)}


def _change(low: datetime, high: datetime, before: timedelta, zone: ZoneInfo) -> datetime:
    """The first second in (low, high] whose offset is not *before*."""
    while high - low > timedelta(seconds=1):
        middle = low + timedelta(seconds=(high - low) // timedelta(seconds=2))
        if _offset(middle, zone) == before:
            low = middle
        else:
            high = middle
    return high


def _offset(moment: datetime, zone: ZoneInfo) -> timedelta:
    return moment.astimezone(zone).utcoffset() or timedelta()
