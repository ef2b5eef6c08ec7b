"""The calendar of the sample: the days it covers, and how much happens on each."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import accumulate, pairwise
from random import Random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .cast import Site

DAYS = 120
QUIETEST, BUSIEST = 0.6, 1.4  # activity on the first and the last day, relative to the middle
WEEKDAYS = (0.95, 1.1, 1.1, 1.0, 0.8, 0.12, 0.07)
HOURS = (1, 0, 0, 0, 0, 1, 3, 12, 40, 80, 95, 90, 55, 70, 90, 85, 75, 55, 25, 12, 8, 6, 4, 2)
MS_PER_HOUR = 3_600_000


@dataclass(frozen=True, slots=True)
class Slot:
    """One local day of one site, and the number of items on it."""

    site: Site
    day: date
    days_ago: int
    count: int


@dataclass(frozen=True, slots=True)
class History:
    """The days before *until*; all activity is before its midnight UTC."""

    until: date

    @property
    def end(self) -> datetime:
        """The end of the sample (exclusive), in UTC without an offset, as the application stores times."""
        return datetime.combine(self.until, time())

    def ago(self, days: float) -> datetime:
        """Return the time *days* before the end."""
        return self.end - timedelta(days=days)

    def chance(self, purpose: str) -> Random:
        """Return a random generator that depends only on the date and *purpose*."""
        return Random(f"{self.until.isoformat()} {purpose}")  # noqa: S311 - sample data, not a secret

    def slots(self, sites: Sequence[Site], total: int) -> Iterator[Slot]:
        """Distribute *total* items over the days and the sites, in chronological order."""
        keys = [(site, days_ago) for days_ago in range(DAYS, 0, -1) for site in sites]
        weights = [site.weight * self._busy(days_ago) for site, days_ago in keys]
        for (site, days_ago), count in zip(keys, share(total, weights), strict=True):
            if count:
                yield Slot(site, self.until - timedelta(days=days_ago), days_ago, count)

    def before(self, sites: Sequence[Site], total: int) -> dict[tuple[str, int], int]:
        """Return how many of *total* items each site has before each day."""
        counts = {(slot.site.key, slot.days_ago): slot.count for slot in self.slots(sites, total)}
        before: dict[tuple[str, int], int] = {}
        for site in sites:
            reached = 0
            for days_ago in range(DAYS, 0, -1):
                before[site.key, days_ago] = reached
                reached += counts.get((site.key, days_ago), 0)
        return before

    def moments(self, slot: Slot, rng: Random) -> list[datetime]:
        """Return the sorted times of the items in *slot*, mostly in office hours."""
        noon = datetime.combine(slot.day, time(12), slot.site.zone).astimezone(UTC).replace(tzinfo=None)
        midnight = noon - timedelta(hours=12)
        hours = rng.choices(range(24), HOURS, k=slot.count)
        offsets = [hour * MS_PER_HOUR + int(rng.random() * MS_PER_HOUR) for hour in hours]
        return sorted(self._inside(midnight + timedelta(milliseconds=offset)) for offset in offsets)

    def later(self, moment: datetime, hours: float, rng: Random) -> datetime | None:
        """Return a time after *moment*, *hours* later on average; None if that is after the end of the sample."""
        after = moment + timedelta(milliseconds=1 + int(rng.expovariate(1 / (hours * MS_PER_HOUR))))
        return after if after < self.end else None

    def _inside(self, moment: datetime) -> datetime:
        # West of Greenwich the last local day ends after the sample; its evening is mirrored back into the day.
        return moment if moment < self.end else self.end - (moment - self.end) - timedelta(milliseconds=1)

    def _busy(self, days_ago: int) -> float:
        growth = BUSIEST - (BUSIEST - QUIETEST) * (days_ago - 1) / (DAYS - 1)
        return growth * WEEKDAYS[(self.until - timedelta(days=days_ago)).weekday()]


def share(total: int, weights: Sequence[float]) -> list[int]:
    """Split *total* in proportion to *weights*; the parts add up to *total*."""
    reached = list(accumulate(weights, initial=0.0))
    marks = [round(total * mark / reached[-1]) for mark in reached]
    return [after - before for before, after in pairwise(marks)]
