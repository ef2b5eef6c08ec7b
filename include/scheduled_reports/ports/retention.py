"""Port: what is kept, for how long, and its removal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from datetime import datetime

    from ..domain.run import RunKey


@dataclass(frozen=True, kw_only=True, slots=True)
class Belongings:
    """What S3 may hold of a run or of a report."""

    prefixes: tuple[str, ...] = ()
    #: Bucket and key of every file there is a record of and that was not deleted yet.
    files: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Removed:
    """Which objects went, by bucket and key, and whether nothing that is ours to delete is left."""

    gone: frozenset[tuple[str, str]]
    whole: bool


class Retention(Protocol):
    """What has been kept for long enough, every call bounded and safe to repeat.

    A run that is not settled is in none of the answers and touched by none of the calls: one that is running, one
    whose stage is at work again after a clear, one with a message that is claimed and not finished.  `erase` alone is
    different, because it cannot wait for ever.
    """

    def runs_with_files(self, before: datetime, *, limit: int) -> list[RunKey]:
        """Runs that settled before then and of which S3 may hold files, the oldest first.

        Those of which `drop_files` could not remove everything come again after an hour.
        """

    def drop_files(self, key: RunKey, before: datetime, remove: Callable[[Belongings], Removed]) -> bool:
        """Let *remove* delete what S3 holds of a run, and write down what went; false where the run has to stay.

        No stage of the run can begin while *remove* is at work.
        """

    def drop_rows(self, before: datetime, *, limit: int) -> int:
        """Forget runs that settled before then and of which no file is left, their executions too; returns how many."""

    def settled(self, keys: Collection[RunKey]) -> Mapping[RunKey, datetime | None]:
        """When each run was settled, None where it is not; those that nothing is known of are left out."""

    def while_settled(self, key: RunKey, before: datetime, act: Callable[[], None]) -> bool:
        """*act* while no stage of the run can begin; false where it had not settled before then."""

    def departed(self, before: datetime, *, unsettled_before: datetime, limit: int) -> list[str]:
        """Reports that went before then and did not come back, the first first.

        One with a run that is not settled is left out, unless the run began and the report went before
        *unsettled_before*.
        """

    def belongings(self, report_id: str) -> Belongings:
        """What S3 may hold of a report."""

    def erase(self, report_id: str, before: datetime) -> bool:
        """Forget all that we hold of a report; false where it has come back, or went later than that."""

    def defer(self, report_id: str) -> None:
        """Leave a report whose files could not be removed out of `departed` for an hour."""
