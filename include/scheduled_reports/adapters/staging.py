"""Staging on any pyarrow file system: a local folder, or S3 where workers share no disk."""

from __future__ import annotations

import errno
import shutil
import stat
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from pyarrow import fs

from ..domain.errors import StagingMissingError, TransientError
from ..ports.storage import Folder
from .private_files import is_draft, make_folders, private_draft, private_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

CHUNK = 1 << 20
NEVER = datetime.fromtimestamp(0, UTC)


@dataclass(frozen=True, slots=True)
class ArrowStaging:
    """Port `Staging` below the folder *root* of a file system."""

    system: fs.FileSystem
    root: str

    @classmethod
    def local(cls, folder: Path) -> ArrowStaging:
        """Staging in a local folder that other users cannot read; ConfigurationError if they can."""
        with _translated("its folder"):
            return cls(fs.LocalFileSystem(), str(private_folder(folder)))

    def put(self, name: str, content: BinaryIO) -> None:
        path = f"{self.root}/{name}"
        with _translated(name), self._writing(path) as out:
            shutil.copyfileobj(content, out, CHUNK)

    @contextmanager
    def _writing(self, path: str) -> Iterator[BinaryIO]:
        if not isinstance(self.system, fs.LocalFileSystem):
            with self.system.open_output_stream(path) as out:
                yield cast("BinaryIO", out)
            return
        root, file = Path(self.root), Path(path)
        make_folders(root, file.parent)
        if file.is_symlink():  # planted: nothing of ours is a link
            raise OSError(errno.ELOOP, "a link is in the place of a file")
        # Readable for the group if the operator shares the folder with it, whatever the umask.
        with private_draft(file, mode=stat.S_IMODE(root.lstat().st_mode) & 0o660) as draft:
            yield draft

    def open(self, name: str) -> BinaryIO:
        with _translated(name):
            return cast("BinaryIO", self.system.open_input_file(f"{self.root}/{name}"))

    def names(self, folder: str) -> list[str]:
        with _translated(folder):
            found = self.system.get_file_info(fs.FileSelector(f"{self.root}/{folder}", allow_not_found=True))
            return sorted(
                f"{folder}/{info.base_name}"
                for info in found
                if info.type is fs.FileType.File and not is_draft(info.base_name)
            )

    def clear(self, folder: str) -> None:
        with _translated(folder):
            path = f"{self.root}/{folder}"
            match self.system.get_file_info(path).type:
                case fs.FileType.Directory:
                    self.system.delete_dir(path)
                case fs.FileType.File:
                    self.system.delete_file(path)

    def folders(self) -> list[Folder]:
        with _translated("its folders"):
            selector = fs.FileSelector(self.root, recursive=True, allow_not_found=True)
            entries = self.system.get_file_info(selector)
        found: dict[str, list[fs.FileInfo]] = {}
        for entry in sorted(entries, key=lambda entry: entry.path):
            names = entry.path.removeprefix(f"{self.root}/").split("/")
            if len(names) > 2 or (len(names) == 2 and entry.type is fs.FileType.Directory):
                found.setdefault("/".join(names[:2]), []).append(entry)
        return [_folder(f"{self.root}/{name}", name, inside) for name, inside in sorted(found.items())]


def _folder(path: str, name: str, inside: list[fs.FileInfo]) -> Folder:
    files = (entry.path.removeprefix(f"{path}/") for entry in inside if entry.type is fs.FileType.File)
    return Folder(name=name, newest=max(map(_modified, inside)), files=tuple(files))


def _modified(entry: fs.FileInfo) -> datetime:
    """Give the modification time; a folder without one counts as old, a file without one as new.

    S3 keeps no times of folders.  Some stores list a file without its time, or with the epoch, for a moment after it
    was written; nobody may take such a file for an abandoned one.
    """
    told: datetime = entry.mtime.astimezone(UTC) if entry.mtime else NEVER
    return datetime.now(UTC) if told == NEVER and entry.type is fs.FileType.File else told


@contextmanager
def _translated(name: str) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise StagingMissingError(f"{name} is not on staging: clear the run from query") from error
    except OSError as error:
        raise TransientError(f"staging failed to read or write {name}: {type(error).__name__}") from error
