"""In-memory staging and bucket: files in dictionaries."""

from __future__ import annotations

import io
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, BinaryIO

from ..domain.errors import PermanentError, StagingMissingError
from ..ports.storage import Folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import timedelta


@dataclass
class MemoryStaging:
    """Port `Staging` in a dictionary."""

    files: dict[str, bytes] = field(default_factory=dict)
    written: dict[str, datetime] = field(default_factory=dict)
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    def put(self, name: str, content: BinaryIO) -> None:
        self.files[name] = content.read()
        self.written[name] = self.now()

    def open(self, name: str) -> BinaryIO:
        if name not in self.files:
            raise StagingMissingError(f"{name} is not on staging: clear the run from query")
        return io.BytesIO(self.files[name])

    def names(self, folder: str) -> list[str]:
        return sorted(name for name in self.files if name.rpartition("/")[0] == folder)

    def clear(self, folder: str) -> None:
        for name in [name for name in self.files if name == folder or name.startswith(f"{folder}/")]:
            del self.files[name]
            self.written.pop(name, None)

    def folders(self) -> list[Folder]:
        found: dict[str, list[str]] = {}
        for name in sorted(self.files):
            report, _, rest = name.partition("/")
            run, _, inside = rest.partition("/")
            if inside:
                found.setdefault(f"{report}/{run}", []).append(inside)
        return [
            Folder(name=name, newest=max(self.written[f"{name}/{one}"] for one in inside), files=tuple(inside))
            for name, inside in sorted(found.items())
        ]


@dataclass
class MemoryStore:
    """Port `Store` in a dictionary."""

    bucket: str = "memory"
    files: dict[str, bytes] = field(default_factory=dict)
    tags: dict[str, dict[str, str]] = field(default_factory=dict)

    def put(
        self,
        key: str,
        content: BinaryIO,
        *,
        content_type: str,  # noqa: ARG002
        file_name: str,  # noqa: ARG002
        tags: Mapping[str, str] | None = None,
    ) -> None:
        self.files[key] = content.read()
        self.tags[key] = dict(tags or {})

    @contextmanager
    def open(self, key: str) -> Iterator[BinaryIO]:
        if key not in self.files:
            raise PermanentError(f"there is no {key}")
        yield io.BytesIO(self.files[key])

    def lifetime(self, wanted: timedelta) -> timedelta:
        return wanted

    def link(self, key: str, lifetime: timedelta) -> str:
        return f"https://{self.bucket}.example/{key}?expires={lifetime.total_seconds():.0f}"

    def delete(self, key: str) -> None:
        self.files.pop(key, None)

    def keys(self, prefix: str) -> Iterator[str]:
        yield from sorted(key for key in self.files if key.startswith(prefix))
