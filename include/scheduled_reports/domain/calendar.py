"""Calendars: the days on which a report does not run, and what becomes of a tick on one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Literal

#: What becomes of a tick on a closed day: it is left out, or moved to the last open day before or the first one after.
OnClosed = Literal["skip", "before", "after"]
DAY = timedelta(days=1)
#: Closed days before the effective moment matter as far as a tick may be moved past it.
LONGEST_MOVE = timedelta(days=60)


@dataclass(frozen=True, kw_only=True, slots=True)
class Calendar:
    """Weekdays that are closed (Sunday is 0), and single closed days."""

    weekend: frozenset[int] = frozenset()
    closed: frozenset[date] = frozenset()

    def is_open(self, day: date) -> bool:
        """Whether reports run on a day."""
        return day.isoweekday() % 7 not in self.weekend and day not in self.closed

    def since(self, moment: datetime) -> Calendar:
        """What a schedule needs that is effective from *moment*: no earlier years, no closed day on a weekend."""
        first = date(first_year(moment), 1, 1)
        kept = (day for day in self.closed if day >= first and day.isoweekday() % 7 not in self.weekend)
        return Calendar(weekend=self.weekend, closed=frozenset(kept))


@dataclass(frozen=True, kw_only=True, slots=True)
class CountryCalendar:
    """The weekend (Sunday is 0) and the public holidays of a country or region, in whole years."""

    code: str
    weekend: tuple[int, ...]
    dates: tuple[date, ...]
    first_year: int
    last_year: int
    #: What the days were computed with.
    source: str

    @property
    def as_json(self) -> dict[str, Any]:
        """The shape that a row has for its calendar."""
        return {"code": self.code, "weekend": list(self.weekend), "dates": [day.isoformat() for day in self.dates]}


def first_year(effective_from: datetime) -> int:
    """The first year of which a schedule needs the closed days."""
    return (effective_from.astimezone(UTC) - LONGEST_MOVE).year
