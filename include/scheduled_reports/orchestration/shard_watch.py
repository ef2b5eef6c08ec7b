"""Decide which shards of the bundle have to be parsed again."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

#: If a parse does not have the expected result, it is requested again after this time, then after twice as long.
FIRST_WAIT, LONGEST_WAIT = timedelta(seconds=4), timedelta(minutes=10)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Request:
    """The last parse that was requested for a shard."""

    digest: str
    repeat_at: datetime
    wait: timedelta = FIRST_WAIT


@dataclass
class ShardWatch:
    """Compares the rows in the database with the rows that each shard was last parsed from.

    It compares states and does not count events, so an edit during a parse, a failed parse or a restart of the DAG
    processor is found at the next comparison.
    """

    _requests: dict[int, _Request] = field(default_factory=dict, repr=False)

    def outdated(self, current: Mapping[int, str], parsed: Mapping[int, str | None], now: datetime) -> list[int]:
        """Return the shards to parse now: those that differ, unless a parse was requested a moment ago."""
        late = [number for number, digest in parsed.items() if digest != current.get(number, "")]
        self._requests = {number: request for number, request in self._requests.items() if number in late}
        return [number for number in late if self._request(number, current.get(number, ""), now)]

    def _request(self, number: int, digest: str, now: datetime) -> bool:
        before = self._requests.get(number)
        if before is None or before.digest != digest:
            self._requests[number] = _Request(digest=digest, repeat_at=now + FIRST_WAIT)
            return True
        if now < before.repeat_at:
            return False
        wait = min(before.wait * 2, LONGEST_WAIT)
        self._requests[number] = replace(before, repeat_at=now + wait, wait=wait)
        return True
