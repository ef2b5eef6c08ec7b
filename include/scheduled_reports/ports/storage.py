"""Ports: staging for intermediate files, and the bucket of artifacts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from contextlib import AbstractContextManager
    from datetime import datetime, timedelta


@dataclass(frozen=True, kw_only=True, slots=True)
class Folder:
    """A folder of staging, two names deep as a run's is, and what lies in it."""

    name: str
    newest: datetime  # when the last of its files was written
    files: tuple[str, ...]  # relative to the folder


class Staging(Protocol):
    """Where a run's intermediate files lie; names are relative paths."""

    def put(self, name: str, content: BinaryIO) -> None:
        """Store *content*, replacing what was there."""

    def open(self, name: str) -> BinaryIO:
        """The content of *name*, seekable; StagingMissingError where there is none."""

    def names(self, folder: str) -> list[str]:
        """The names of the files in a folder, sorted; none where there is no such folder."""

    def clear(self, folder: str) -> None:
        """Remove a file, or a folder and all in it; nothing happens where there is none."""

    def folders(self) -> list[Folder]:
        """Every folder two names deep, ordered by name; what lies higher up is not looked at."""


class Store(Protocol):
    """The bucket of artifacts."""

    @property
    def bucket(self) -> str:
        """The name of the bucket."""

    def put(
        self, key: str, content: BinaryIO, *, content_type: str, file_name: str, tags: Mapping[str, str] | None = None
    ) -> None:
        """Store *content*, replacing what was there, whole or not at all; *tags* are for whoever runs the bucket."""

    def open(self, key: str) -> AbstractContextManager[BinaryIO]:
        """The content of *key*."""

    def lifetime(self, wanted: timedelta) -> timedelta:
        """How long a link made now can live: as long as wanted, or as the credentials do."""

    def link(self, key: str, lifetime: timedelta) -> str:
        """An address that lets its holder read *key* until *lifetime* has passed."""

    def delete(self, key: str) -> None:
        """Remove *key*; nothing happens where there is none."""

    def keys(self, prefix: str) -> Iterator[str]:
        """The keys that begin with *prefix*, in order."""
