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
    """A run's folder on staging (`<report>/<run>`) and the files in it."""

    name: str
    newest: datetime  # modification time of its newest file
    files: tuple[str, ...]  # relative to the folder


class Staging(Protocol):
    """A run's intermediate files; names are relative paths."""

    def put(self, name: str, content: BinaryIO) -> None:
        """Store *content*, replacing any earlier content."""

    def open(self, name: str) -> BinaryIO:
        """The content of *name*, seekable; raises StagingMissingError if there is none."""

    def names(self, folder: str) -> list[str]:
        """The file names in a folder, sorted; empty if the folder does not exist."""

    def clear(self, folder: str) -> None:
        """Remove a file, or a folder with its content; a missing one is ignored."""

    def folders(self) -> list[Folder]:
        """Every folder of depth two, ordered by name; files above that depth are ignored."""


class Store(Protocol):
    """The bucket of artifacts."""

    @property
    def bucket(self) -> str:
        """The name of the bucket."""

    def put(
        self, key: str, content: BinaryIO, *, content_type: str, file_name: str, tags: Mapping[str, str] | None = None
    ) -> None:
        """Store *content* atomically, replacing any earlier object; *tags* become object tags."""

    def open(self, key: str) -> AbstractContextManager[BinaryIO]:
        """The content of *key*."""

    def lifetime(self, wanted: timedelta) -> timedelta:
        """How long a link signed now is valid: as long as *wanted*, or until the credentials expire."""

    def link(self, key: str, lifetime: timedelta) -> str:
        """A presigned URL for *key*, valid for *lifetime*."""

    def delete(self, key: str) -> None:
        """Remove *key*; a missing key is ignored."""

    def keys(self, prefix: str) -> Iterator[str]:
        """The keys that begin with *prefix*, in order."""
