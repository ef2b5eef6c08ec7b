"""A DAG bundle for many reports: it spreads the DAGs over files and has only those with changed rows parsed again.

Airflow parses a file at once when its modification time changes, regardless of `min_file_process_interval`.
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
from . import last_good_copy, parse_settings
from .shard_watch import ShardWatch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..settings import Settings

log = logging.getLogger(__name__)

#: Stored with every version of a DAG. Airflow only reads files that contain the words "airflow" and "dag".
FILE = '''\
"""Airflow DAGs of scheduled reports, part {number} of {of}; written by ReportsBundle."""

from {package}.factory import dags
from {core}.fleet import Shard

globals().update(dags(Shard(number={number}, of={of})))
'''
#: The files of the release before, in which a task is looked for as long as the DAG processor is of that release.  They
#: hold the DAG of a task and no others, and not all words that Airflow looks for in a file to parse.
FORMER_SHARDS = 64
FORMER_FILE = """\
from {package}.factory import dags

globals().update(dags())
"""
STATEMENT_TIMEOUT = timedelta(seconds=5)
#: The pause after a failed query, because the DAG processor waits for this bundle.
RETRY_AFTER = timedelta(seconds=30)


class ReportsBundle(BaseDagBundle):
    """The DAGs of all reports in *shards* files, which are the same on every machine.

    More shards make an edit cheaper and a start slower. If the number changes, all DAGs move to other files.
    """

    #: The files never change. If the version is known, Airflow does not check every DAG at each refresh, which takes a
    #: tenth of a core with 10,000 DAGs.
    supports_versioning = True

    def __init__(self, *, shards: int = 24, refresh_interval: int = 5, **arguments: Any) -> None:
        super().__init__(refresh_interval=refresh_interval, **arguments)
        self.shards: Sequence[Shard] = [Shard(number=number, of=shards) for number in range(shards)]
        self._watch = ShardWatch()
        self._retry_at = datetime.min.replace(tzinfo=UTC)

    @property
    def path(self) -> Path:
        """The folder of the files, a separate one for each number of shards."""
        return Path(self.base_dir) / f"{len(self.shards)}-shards"

    def initialize(self) -> None:
        """Write the files that are missing or differ; workers and the DAG processor may share the folder."""
        self.path.mkdir(parents=True, exist_ok=True)
        for shard in self.shards:
            _write(self._file(shard), _text(shard))
        if len(self.shards) != FORMER_SHARDS:
            for number in range(FORMER_SHARDS):
                file = self._file(Shard(number=number, of=FORMER_SHARDS))
                _write(file, FORMER_FILE.format(package=__package__))
        super().initialize()

    def get_current_version(self) -> BundleVersion:
        """Return the version of the files, which is their number."""
        return BundleVersion(self.path.name)

    def refresh(self) -> None:
        """Request a parse of the files whose rows differ from those of their last parse."""
        now = datetime.now(UTC)
        if now < self._retry_at:
            return
        try:
            current = self._definitions().digests(len(self.shards), limit=self._settings.max_reports)
        except ReportsError as error:
            log.warning("cannot read which reports were edited: %s", error)
            self._retry_at = now + RETRY_AFTER
            return
        for number in self._watch.outdated(current, self._parsed(), now):
            os.utime(self._file(self.shards[number]))

    def _parsed(self) -> dict[int, str | None]:
        kept = self._settings.last_good
        return {shard.number: last_good_copy.digest(last_good_copy.path_of(kept, shard)) for shard in self.shards}

    def _file(self, shard: Shard) -> Path:
        return self.path / f"{shard.name}.py"

    @cached_property
    def _settings(self) -> Settings:
        return parse_settings.read()

    def _definitions(self) -> Any:
        from ..adapters.postgres.reports import PostgresDefinitions
        from .connections import reports_dsn

        return PostgresDefinitions(reports_dsn(self._settings.database_connection), STATEMENT_TIMEOUT)


def _text(shard: Shard) -> str:
    package = __package__ or ""
    return FILE.format(number=shard.number, of=shard.of, package=package, core=package.rpartition(".")[0])


def _write(file: Path, text: str) -> None:
    """Write atomically; an unchanged file keeps its modification time."""
    if file.exists() and file.read_text(encoding="utf-8") == text:
        return
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    draft.write_text(text, encoding="utf-8")
    draft.replace(file)
