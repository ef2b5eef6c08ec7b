"""Many reports in shards: which there are, and which have to be parsed again."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

#: A parse that does not bring what was asked for is asked for again after this time, then after twice as long.
FIRST_WAIT, LONGEST_WAIT = timedelta(seconds=4), timedelta(minutes=10)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Asked:
    """What a shard was last asked to become."""

    digest: str
    again_at: datetime
    wait: timedelta = FIRST_WAIT


@dataclass
class ShardWatch:
    """Compares what the database holds with what each shard was last parsed from.

    It goes by what is, not by what happened: an edit that comes while its shard is being parsed, a parse that failed
    and a restart of the DAG processor are all a difference that is still there at the next look.
    """

    _asked: dict[int, _Asked] = field(default_factory=dict, repr=False)

    def behind(self, wanted: Mapping[int, str], parsed: Mapping[int, str | None], now: datetime) -> list[int]:
        """The shards to parse now: those that differ, unless they were asked for a moment ago."""
        late = [number for number, digest in parsed.items() if digest != wanted.get(number, "")]
        self._asked = {number: asked for number, asked in self._asked.items() if number in late}
        return [number for number in late if self._ask(number, wanted.get(number, ""), now)]

    def _ask(self, number: int, digest: str, now: datetime) -> bool:
        before = self._asked.get(number)
        if before is None or before.digest != digest:
            self._asked[number] = _Asked(digest=digest, again_at=now + FIRST_WAIT)
            return True
        if now < before.again_at:
            return False
        wait = min(before.wait * 2, LONGEST_WAIT)
        self._asked[number] = replace(before, again_at=now + wait, wait=wait)
        return True
