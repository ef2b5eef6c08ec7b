"""In-memory retention, on the runs of MemoryRuns."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from ..domain.delivery import DeliveryState
from ..domain.naming import objects_of
from ..domain.run import RunState
from ..ports.retention import StoredObjects
from .readers import MemoryReaders

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from ..domain.run import Artifact, RunKey
    from ..ports.reports import Definitions
    from ..ports.retention import Removed
    from .records import Kept
    from .runs import MemoryRuns

PUT_OFF = timedelta(hours=1)


@dataclass
class Departure:
    """A report that was deleted."""

    since: datetime
    workspace_id: str | None = None
    put_off_at: datetime | None = None


@dataclass
class MemoryRetention:
    """Port `Retention`; *departures* stand for the rows that database triggers write."""

    runs: MemoryRuns
    definitions: Definitions
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    readers: MemoryReaders = field(default_factory=MemoryReaders)
    departures: dict[str, Departure] = field(default_factory=dict)

    def runs_with_files(self, before: datetime, *, limit: int) -> list[RunKey]:
        return [key for key in self._old(before) if self._may_look_at(key) and self._has_files(key, before)][:limit]

    def drop_files(self, key: RunKey, before: datetime, remove: Callable[[StoredObjects], Removed]) -> bool:
        if not self._is_over(key, before) or not self._has_files(key, before):
            return False
        kept, files = self._kept(key), self._files(key)
        removed = remove(StoredObjects(prefixes=self._prefixes(key), files=tuple(_place(file) for file in files)))
        kept.deleted |= {file.format for file in files if _place(file) in removed.gone}
        kept.files_gone, kept.put_off_at = removed.whole, None if removed.whole else self.now()
        return True

    def drop_rows(self, before: datetime, *, limit: int) -> int:
        due = [key for key in self._old(before) if self._kept(key).files_gone and self._may_look_at(key)][:limit]
        over = [key for key in due if self._is_over(key, before) and not self._files(key)]
        for key in over:
            self._forget(key)
        return len(over)

    def settled(self, keys: Collection[RunKey]) -> Mapping[RunKey, datetime | None]:
        known = {key: self._kept(key) for key in keys if key in self.runs.runs}
        return {key: kept.settled_at if self._is_settled(key) else None for key, kept in known.items()}

    def while_settled(self, key: RunKey, before: datetime, act: Callable[[], None]) -> bool:
        if not self._is_over(key, before):
            return False
        act()
        return True

    def departed(self, before: datetime, *, unsettled_before: datetime, limit: int) -> list[str]:
        due = [
            (gone.since, report_id)
            for report_id, gone in self.departures.items()
            if self._is_departed(report_id, before)
            and (gone.put_off_at is None or self.now() - gone.put_off_at > PUT_OFF)
            and not self._is_waited_for(report_id, gone.since, unsettled_before)
        ]
        return [report_id for _, report_id in sorted(due)][:limit]

    def stored_objects(self, report_id: str) -> StoredObjects:
        keys = self._of(report_id)
        workspaces = {self._workspace(key) for key in keys} | {self.departures[report_id].workspace_id}
        return StoredObjects(
            prefixes=tuple(sorted(objects_of(one, report_id) for one in workspaces if one is not None)),
            files=tuple(_place(file) for key in keys for file in self._files(key)),
        )

    def erase(self, report_id: str, before: datetime) -> bool:
        if not self._is_departed(report_id, before):
            return False
        for key in self._of(report_id):
            self._forget(key)
        self.readers.left.pop(report_id, None)
        del self.departures[report_id]
        return True

    def defer(self, report_id: str) -> None:
        self.departures[report_id].put_off_at = self.now()

    def _of(self, report_id: str) -> list[RunKey]:
        return [key for key in self.runs.runs if key.report_id == report_id]

    def _old(self, before: datetime) -> list[RunKey]:
        old = [(moment, key) for key in self.runs.runs if (moment := self._kept(key).settled_at) and moment < before]
        return [key for _, key in sorted(old, key=lambda one: one[0])]

    def _kept(self, key: RunKey) -> Kept:
        return self.runs.runs[key].retention

    def _is_settled(self, key: RunKey) -> bool:
        return self.runs.runs[key].row["state"] != RunState.RUNNING and self._kept(key).settled_at is not None

    def _is_over(self, key: RunKey, before: datetime) -> bool:
        """Whether a run was settled before *before*; a run with an active stage is deferred for an hour."""
        if key not in self.runs.runs or not self._is_settled(key) or key not in self._old(before):
            return False
        if self._kept(key).at_work:
            self._kept(key).put_off_at = self.now()
            return False
        return all(held.state is not DeliveryState.CLAIMED for held in self.runs.ledger.of(key))

    def _may_look_at(self, key: RunKey) -> bool:
        put_off_at = self._kept(key).put_off_at
        claimed = any(held.state is DeliveryState.CLAIMED for held in self.runs.ledger.of(key))
        return not claimed and (put_off_at is None or self.now() - put_off_at > PUT_OFF)

    def _has_files(self, key: RunKey, before: datetime) -> bool:
        kept = self._kept(key)
        return not kept.files_gone and all(moment < before for moment in kept.uploaded.values())

    def _files(self, key: RunKey) -> list[Artifact]:
        run = self.runs.runs[key]
        return [file for chosen, file in run.artifacts.items() if chosen not in run.retention.deleted]

    def _workspace(self, key: RunKey) -> str | None:
        frozen = self.runs.runs[key].row["frozen"]
        return None if frozen is None else str(frozen["row"]["workspace_id"])

    def _prefixes(self, key: RunKey) -> tuple[str, ...]:
        workspace = self._workspace(key)
        run = self.runs.runs[key].row["run_key"]
        return () if workspace is None else (f"{objects_of(workspace, key.report_id)}{run}/",)

    def _forget(self, key: RunKey) -> None:
        del self.runs.runs[key]
        for message in [message for owner, message in self.runs.ledger.held if owner == key]:
            del self.runs.ledger.held[key, message]
        for message in [message for owner, message in self.readers.held if owner == key]:
            del self.readers.held[key, message]

    def _is_departed(self, report_id: str, before: datetime) -> bool:
        gone = self.departures.get(report_id)
        return gone is not None and gone.since < before and self.definitions.row(report_id) is None

    def _is_waited_for(self, report_id: str, since: datetime, unsettled_before: datetime) -> bool:
        return any(
            not self._is_settled(key) and (self._kept(key).started_at >= unsettled_before or since >= unsettled_before)
            for key in self._of(report_id)
        )


def _place(file: Artifact) -> tuple[str, str]:
    return file.bucket, file.object_key
