"""Retention: remove expired files in S3, rows, staging folders, and everything of deleted reports.

Each step does a bounded part of the work and can be interrupted at any point: an object is deleted before its record
is updated, a record is deleted after everything it refers to, and objects that are already gone are ignored.
"""

from __future__ import annotations

import logging
import re
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from ..domain.errors import ReportsError
from ..domain.naming import escape, unescape
from ..domain.run import RunKey
from ..ports.retention import Removed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from ..ports.retention import StoredObjects
    from ..ports.services import Services
    from ..ports.storage import Folder, Store

    Step = Callable[["Services", "datetime"], Iterator[Counter[str]]]

log = logging.getLogger(__name__)

#: Limit per round, for each of: runs, folders, reports, objects of deleted reports.
AT_MOST = 200
#: A step ends for this round after so many runs or reports whose objects could not be deleted.
REFUSALS = 20
#: A step that takes longer continues in the next round, so that it does not delay the rest of upkeep.
LONGEST = timedelta(seconds=15)
#: How much longer than `erase_seconds` an unsettled run is waited for.
PATIENCE = timedelta(days=1)
#: The files of a run on staging; a folder that contains others is left alone.
STAGED = re.compile(r"((?:dataset|before)-[^/]*\.parquet|figures\.parquet|report\.\w+)(\.manifest\.json)?")


@dataclass(frozen=True, kw_only=True, slots=True)
class Retained:
    """What one round removed, and the errors of steps that failed."""

    files: int = 0
    runs: int = 0
    folders: int = 0
    reports: int = 0
    errors: tuple[str, ...] = ()

    def __str__(self) -> str:
        counts = {"files": self.files, "runs": self.runs, "staging folders": self.folders, "reports": self.reports}
        went = ", ".join(f"{count} {what}" for what, count in counts.items() if count)
        return "; ".join([*([f"removed {went}"] if went else []), *self.errors])


def retain(services: Services) -> Retained:
    """Run every step once; an error of one step is reported and does not stop the others."""
    went: Counter[str] = Counter()
    errors = []
    for name, step in STEPS.items():
        began = services.now()
        try:
            for part in step(services, began):
                went += part
                if services.now() - began > LONGEST:
                    break
        except Exception as error:
            log.exception("Retention of %s failed", name)
            # Only the type of third-party errors: their messages may contain values or addresses.
            reason = error if isinstance(error, ReportsError) else type(error).__name__
            errors.append(f"retention of {name} failed: {reason}")
    return Retained(**went, errors=tuple(errors))


def _files(services: Services, now: datetime) -> Iterator[Counter[str]]:
    """Delete the objects of settled runs, then mark them as deleted in the record."""
    before = now - services.settings.keep_files_seconds
    refusals = 0
    for key in services.retention.runs_with_files(before, limit=AT_MOST):
        sweeps: list[Sweep] = []

        def remove(found: StoredObjects, sweeps: list[Sweep] = sweeps) -> Removed:
            sweeps.append(_sweep(services.store, found))
            return Removed(gone=sweeps[-1].gone, whole=sweeps[-1].is_whole)

        services.retention.drop_files(key, before, remove)
        yield Counter(files=sum(len(sweep.gone) for sweep in sweeps))
        refusals += any(not sweep.is_whole for sweep in sweeps)
        if refusals == REFUSALS:
            return


def _rows(services: Services, now: datetime) -> Iterator[Counter[str]]:
    """Delete the rows of runs that have no files left in S3."""
    before = now - services.settings.keep_rows_seconds
    yield Counter(runs=services.retention.drop_rows(before, limit=AT_MOST))


def _staging(services: Services, now: datetime) -> Iterator[Counter[str]]:
    """Delete the staging folders of settled and of unknown runs."""
    before = now - services.settings.keep_staging_seconds
    old = sorted((one for one in services.staging.folders() if one.newest < before), key=lambda one: one.newest)
    keys = {key: folder for folder in old if (key := _key(folder)) is not None}
    settled = services.retention.settled(keys) if keys else {}
    due = [key for key in keys if (_is_staged(keys[key]) if key not in settled else _is_before(settled[key], before))]
    for key in due[:AT_MOST]:
        clear = partial(services.staging.clear, keys[key].name)
        try:
            if key in settled:
                went = services.retention.while_settled(key, before, clear)
            else:
                clear()
                went = True
        except ReportsError as error:
            log.warning("The staging folder %s could not be removed yet: %s", keys[key].name, error)
            went = False
        yield Counter(folders=went)


def _departed(services: Services, now: datetime) -> Iterator[Counter[str]]:
    """Erase deleted reports, whether they were deleted alone or with their workspace."""
    before = now - services.settings.erase_seconds
    reports = services.retention.departed(before, unsettled_before=before - PATIENCE, limit=AT_MOST)
    left, refusals = AT_MOST, 0
    for report_id in reports:
        found = services.retention.stored_objects(report_id)
        sweep = _sweep(services.store, found, limit=left)
        left -= sweep.deleted
        erased = sweep.is_whole and _erase(services, report_id, found, before)
        yield Counter(files=sweep.deleted, reports=int(erased))
        if sweep.refused:
            services.retention.defer(report_id)
            refusals += 1
        if left <= 0 or refusals == REFUSALS:
            return


def _erase(services: Services, report_id: str, found: StoredObjects, before: datetime) -> bool:
    """Erase staging and rows of a report whose objects are gone; the record goes last, so that a retry finds it."""
    others = [bucket for bucket, _ in found.files if bucket != services.store.bucket]
    if others:
        log.warning(
            "%d files of the deleted report %s are in buckets other than BUCKET and are kept: %s",
            len(others), report_id, ", ".join(sorted(set(others))),
        )  # fmt: skip
    if folder := escape(report_id):  # an empty name would clear all of staging
        services.staging.clear(folder)
    return services.retention.erase(report_id, before)


#: The steps, by the name used in the round's summary.
STEPS: dict[str, Step] = {
    "files": _files,
    "rows": _rows,
    "staging": _staging,
    "deleted reports": _departed,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Sweep:
    """The result of deleting objects: which are gone, how many were deleted now, and whether some are left."""

    gone: frozenset[tuple[str, str]] = frozenset()
    deleted: int = 0
    refused: bool = False
    more: bool = False

    @property
    def is_whole(self) -> bool:
        """Whether no object of ours is left."""
        return not self.refused and not self.more


def _sweep(store: Store, found: StoredObjects, *, limit: int | None = None) -> Sweep:
    """Delete the objects below the prefixes and other recorded objects of our bucket, at most *limit*.

    Other buckets are never touched: a copy of the production database knows the names of production's files.
    """
    deleted: set[str] = set()
    refused: set[str] = set()
    more = False
    try:
        for number, key in enumerate(_objects(store, found)):
            if number == limit:
                more = True
                break
            (deleted if _is_deleted(store, key) else refused).add(key)
    except ReportsError as error:  # the listing
        log.warning("The objects below %s cannot be listed: %s", ", ".join(found.prefixes), error)
        gone = frozenset((store.bucket, key) for key in deleted)
        return Sweep(gone=gone, deleted=len(deleted), refused=True)
    # Recorded objects that were not listed are already gone: an earlier round was interrupted, or someone deleted them.
    recorded = set() if more else {key for bucket, key in found.files if bucket == store.bucket}
    gone = frozenset((store.bucket, key) for key in (deleted | recorded) - refused)
    return Sweep(gone=gone, deleted=len(deleted), refused=bool(refused), more=more)


def _objects(store: Store, found: StoredObjects) -> Iterator[str]:
    for prefix in found.prefixes:
        yield from store.keys(prefix)
    yield from (key for bucket, key in found.files if bucket == store.bucket and not key.startswith(found.prefixes))


def _is_deleted(store: Store, key: str) -> bool:
    try:
        store.delete(key)
    except ReportsError as error:
        log.warning("An object could not be deleted yet: %s", error)
        return False
    return True


def _key(folder: Folder) -> RunKey | None:
    """The run of a folder; None if the name is not one that a run creates."""
    report_id, _, run_id = folder.name.partition("/")
    try:
        return RunKey(report_id=unescape(report_id), run_id=unescape(run_id))
    except ValueError:
        return None


def _is_staged(folder: Folder) -> bool:
    return all(STAGED.fullmatch(name) for name in folder.files)


def _is_before(moment: datetime | None, before: datetime) -> bool:
    return moment is not None and moment < before
