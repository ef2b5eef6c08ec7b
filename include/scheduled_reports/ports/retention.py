"""Port: what is kept, for how long, and its removal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from datetime import datetime

    from ..domain.run import RunKey


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredObjects:
    """The S3 objects that may exist for a run or a report."""

    prefixes: tuple[str, ...] = ()
    #: Bucket and key of every recorded file that is not deleted yet.
    files: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Removed:
    """The deleted objects by bucket and key, and whether all objects that may be deleted are gone."""

    gone: frozenset[tuple[str, str]]
    whole: bool


class Retention(Protocol):
    """Removal of expired files and rows; every call is bounded and safe to repeat.

    Unsettled runs are neither returned nor changed: a running one, one whose stage runs again after a clear, one with
    a claimed message.  Only `erase` includes them, because it cannot wait forever.
    """

    def runs_with_files(self, before: datetime, *, limit: int) -> list[RunKey]:
        """Runs settled before *before* that may have files in S3, oldest first.

        A run whose files `drop_files` could not remove completely is returned again after an hour.
        """

    def drop_files(self, key: RunKey, before: datetime, remove: Callable[[StoredObjects], Removed]) -> bool:
        """Delete a run's objects with *remove* and record what was deleted; False if the run must be kept.

        No stage of the run can start while *remove* is running.
        """

    def drop_rows(self, before: datetime, *, limit: int) -> int:
        """Delete the rows of runs settled before *before* that have no files left; return their number."""

    def settled(self, keys: Collection[RunKey]) -> Mapping[RunKey, datetime | None]:
        """When each run was settled; None if it is not.  Unknown runs are left out."""

    def while_settled(self, key: RunKey, before: datetime, act: Callable[[], None]) -> bool:
        """Call *act* while no stage of the run can start; False if the run was not settled before *before*."""

    def departed(self, before: datetime, *, unsettled_before: datetime, limit: int) -> list[str]:
        """Reports deleted before *before* and not restored, oldest first.

        A report with an unsettled run is left out, unless both the run started and the report was deleted before
        *unsettled_before*.
        """

    def stored_objects(self, report_id: str) -> StoredObjects:
        """The S3 objects that may exist for a report."""

    def erase(self, report_id: str, before: datetime) -> bool:
        """Delete everything recorded of a report; False if it was restored, or deleted after *before*."""

    def defer(self, report_id: str) -> None:
        """Exclude a report whose files could not be removed from `departed` for an hour."""
