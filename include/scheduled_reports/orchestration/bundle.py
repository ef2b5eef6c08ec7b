"""A DAG bundle for many reports: their DAGs in many small files, and only those whose rows changed are parsed again.

Airflow parses a file at once when its modification time moves, however long `min_file_process_interval` is.
"""

from __future__ import annotations

import logging
import os
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.dag_processing.bundles.base import BaseDagBundle, BundleVersion

from ..domain.errors import ReportsError
from ..domain.shards import Shard
from ..settings import Settings
from . import last_good_copy
from .shard_watch import ShardWatch

if TYPE_CHECKING:
    from collections.abc import Sequence

log = logging.getLogger(__name__)

#: Its text is stored with every version of a DAG, and Airflow looks for the words "airflow" and "dag" in it.
FILE = '''\
"""Airflow DAGs of scheduled reports, part {number} of {of}; written by ReportsBundle."""

from {package}.factory import dags
from {core}.fleet import Shard

globals().update(dags(Shard(number={number}, of={of})))
'''
STATEMENT = timedelta(seconds=5)
#: The DAG processor waits for this bundle; while the database does not answer it is asked this seldom.
AWAY = timedelta(seconds=30)


class ReportsBundle(BaseDagBundle):
    """The reports in *shards* files, the same on every machine; a task needs nothing of them but that they are there.

    More shards make an edit cheaper and a start dearer. Where the number changes, all DAGs move to other files.
    """

    #: The files never change, and of a version that Airflow has seen it does not look through every DAG at each
    #: refresh: with 10,000 of them that costs a tenth of a core.
    supports_versioning = True

    def __init__(self, *, shards: int = 64, refresh_interval: int = 5, **arguments: Any) -> None:
        super().__init__(refresh_interval=refresh_interval, **arguments)
        self.shards: Sequence[Shard] = [Shard(number=number, of=shards) for number in range(shards)]
        self._watch = ShardWatch()
        self._again_at = datetime.min.replace(tzinfo=UTC)

    @property
    def path(self) -> Path:
        """The folder of the files; one of its own for each number of shards."""
        return Path(self.base_dir) / f"{len(self.shards)}-shards"

    def initialize(self) -> None:
        """Write the files, where they are not there as they should be: workers and the DAG processor may share them."""
        self.path.mkdir(parents=True, exist_ok=True)
        for shard in self.shards:
            _write(self._file(shard), _text(shard))
        super().initialize()

    def get_current_version(self) -> BundleVersion:
        """What the files are: their number."""
        return BundleVersion(self.path.name)

    def refresh(self) -> None:
        """Have those files parsed again whose rows are not those that they were last parsed from."""
        now = datetime.now(UTC)
        if now < self._again_at:
            return
        try:
            wanted = self._definitions().digests(len(self.shards), limit=self._settings.max_reports)
        except ReportsError as error:
            log.warning("whether reports were edited is unknown: %s", error)
            self._again_at = now + AWAY
            return
        for number in self._watch.behind(wanted, self._parsed(), now):
            os.utime(self._file(self.shards[number]))

    def _parsed(self) -> dict[int, str | None]:
        kept = self._settings.last_good
        return {shard.number: last_good_copy.digest(last_good_copy.path_of(kept, shard)) for shard in self.shards}

    def _file(self, shard: Shard) -> Path:
        return self.path / f"{shard.name}.py"

    @cached_property
    def _settings(self) -> Settings:
        return Settings.from_env(os.environ)

    def _definitions(self) -> Any:
        from ..adapters.postgres.reports import PostgresDefinitions
        from .connections import reports_dsn

        return PostgresDefinitions(reports_dsn(), STATEMENT)


def _text(shard: Shard) -> str:
    package = __package__ or ""
    return FILE.format(number=shard.number, of=shard.of, package=package, core=package.rpartition(".")[0])


def _write(file: Path, text: str) -> None:
    """Whole or not at all; one that is right keeps its modification time."""
    if file.exists() and file.read_text(encoding="utf-8") == text:
        return
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    draft.write_text(text, encoding="utf-8")
    draft.replace(file)
