"""What is let go once it has been kept for long enough: files in S3, rows, staging, and all of deleted reports.

Every step does a bounded part of what is due, and can be cut off anywhere: an object goes before the record says so,
a record goes after everything it tells of, and what went already is no reason to stop.
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

#: What one round does at most: runs, folders, reports, objects of deleted reports.
AT_MOST = 200
#: Runs and reports that the store refuses to let go of in one round; the others wait for the next.
REFUSALS = 20
#: Upkeep has more to do every minute than this: a step that has taken so long goes on in the next round.
LONGEST = timedelta(seconds=15)
#: How much longer than `erase_seconds` a run that is not settled is waited for.
PATIENCE = timedelta(days=1)
#: The files a run has on staging; a folder with any other is not ours to remove.
STAGED = re.compile(r"(dataset-[^/]*\.parquet|figures\.parquet|report\.\w+)(\.manifest\.json)?")


@dataclass(frozen=True, kw_only=True, slots=True)
class Retained:
    """What one round has let go, and why not more."""

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
    """One round.  It raises nothing: what is in the way of one step is in the way of no other, and is told."""
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
            log.exception("Retention of %s did not come to its end", name)
            # What a stranger's exception says may hold a value or an address: only its kind is told.
            reason = error if isinstance(error, ReportsError) else type(error).__name__
            errors.append(f"retention of {name} broke off: {reason}")
    return Retained(**went, errors=tuple(errors))


def _files(services: Services, now: datetime) -> Iterator[Counter[str]]:
    """Objects of settled runs: first from S3, then from the record."""
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
    """Runs and their executions, once S3 holds nothing of them."""
    before = now - services.settings.keep_rows_seconds
    yield Counter(runs=services.retention.drop_rows(before, limit=AT_MOST))


def _staging(services: Services, now: datetime) -> Iterator[Counter[str]]:
    """Folders of runs that are settled, and of runs that nobody knows."""
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
            log.warning("The staging folder %s stays for now: %s", keys[key].name, error)
            went = False
        yield Counter(folders=went)


def _departed(services: Services, now: datetime) -> Iterator[Counter[str]]:
    """All of reports that were deleted, by themselves or with their workspace."""
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
    """What is left of a report once its objects have gone; the record is the last, so that a next round finds it."""
    others = [bucket for bucket, _ in found.files if bucket != services.store.bucket]
    if others:
        log.warning(
            "%d files of the deleted report %s are in buckets that are not BUCKET, and stay there: %s",
            len(others), report_id, ", ".join(sorted(set(others))),
        )  # fmt: skip
    if folder := escape(report_id):  # no name at all would mean all of staging
        services.staging.clear(folder)
    return services.retention.erase(report_id, before)


#: Every step under what the report calls it.
STEPS: dict[str, Step] = {
    "files": _files,
    "rows": _rows,
    "staging": _staging,
    "deleted reports": _departed,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Sweep:
    """What deleting came to: which objects are gone, how many of them just now, and what is still there."""

    gone: frozenset[tuple[str, str]] = frozenset()
    deleted: int = 0
    refused: bool = False
    more: bool = False

    @property
    def is_whole(self) -> bool:
        """Whether nothing that is ours is left."""
        return not self.refused and not self.more


def _sweep(store: Store, found: StoredObjects, *, limit: int | None = None) -> Sweep:
    """Delete what lies below the prefixes and what is recorded elsewhere in our bucket, at most *limit* objects.

    Another bucket is never touched: a copy of production knows the names of production's files.
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
        log.warning("What S3 holds below %s cannot be told: %s", ", ".join(found.prefixes), error)
        gone = frozenset((store.bucket, key) for key in deleted)
        return Sweep(gone=gone, deleted=len(deleted), refused=True)
    # What is recorded and was not listed went before, in a round that was cut off or by another hand.
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
        log.warning("An object stays for now: %s", error)
        return False
    return True


def _key(folder: Folder) -> RunKey | None:
    """Whose folder it is; None where no run of ours can have made it."""
    report_id, _, run_id = folder.name.partition("/")
    try:
        return RunKey(report_id=unescape(report_id), run_id=unescape(run_id))
    except ValueError:
        return None


def _is_staged(folder: Folder) -> bool:
    return all(STAGED.fullmatch(name) for name in folder.files)


def _is_before(moment: datetime | None, before: datetime) -> bool:
    return moment is not None and moment < before
