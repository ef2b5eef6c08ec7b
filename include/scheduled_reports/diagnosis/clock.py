"""Check the clocks, and that Python and PostgreSQL know the same rules of the time zones in use.

Runs and built-in report types use Python's zones alone; the queries of others may use PostgreSQL's.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from ..domain.finding import fault, ok, warning

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ..domain.finding import Finding
    from ..ports.database import Database
    from ..ports.services import Services

#: Ticks and retention compare the two clocks.
NOTABLE, WRONG = timedelta(seconds=5), timedelta(minutes=1)
#: Rules change some days or weeks before they take effect; two years ahead show an old tzdata.
AHEAD, STEP = timedelta(days=730), timedelta(hours=6)
SYNCHRONIZE: Final = "synchronize both with NTP"


def clocks(services: Services, database: Database) -> Iterator[Finding]:
    """How far this machine's clock and the database's are apart."""
    before = services.now()
    told = database.now()
    apart = max(before - told, told - services.now(), timedelta())
    if apart >= NOTABLE:
        text = f"this machine and the database differ by {apart.total_seconds():.0f} s"
        yield (fault if apart >= WRONG else warning)("clock", text, SYNCHRONIZE)
    else:
        yield ok("clock", "this machine and the database agree")


def time_zones(services: Services, database: Database, zones: Sequence[str]) -> Iterator[Finding]:
    """Zones for which Python's tzdata and PostgreSQL's differ in the next two years."""
    start = services.now().replace(minute=0, second=0, microsecond=0)
    moments = [start + STEP * number for number in range(AHEAD // STEP)]
    found = []
    for zone, offsets in database.offsets(zones, moments).items():
        if offsets is None:
            found.append(warning("time zones", f"PostgreSQL does not know {zone}", "update the server's tzdata"))
        elif (moment := _first_difference(zone, moments, offsets)) is not None:
            text = f"Python and PostgreSQL disagree about {zone} from {moment:%Y-%m-%d} on"
            found.append(warning("time zones", text, "update tzdata: the package in Python, and that of the server"))
    yield from found or [ok("time zones", f"Python and PostgreSQL agree on all {len(zones)} in use")]


def _first_difference(zone: str, moments: Sequence[datetime], offsets: Sequence[int]) -> datetime | None:
    info = ZoneInfo(zone)
    pairs = zip(moments, offsets, strict=True)
    return next((at for at, seconds in pairs if _offset(at.astimezone(UTC), info) != seconds), None)


def _offset(moment: datetime, zone: ZoneInfo) -> int:
    offset = moment.astimezone(zone).utcoffset()
    return int(offset.total_seconds()) if offset is not None else 0
