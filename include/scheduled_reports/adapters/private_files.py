"""Files and folders on a local disk that other users can neither read nor replace.

A shared folder such as /tmp may hold anything under our names: another user's folder, a link, a pipe.  So nothing is
used before its owner and its mode were checked, and no link is followed.
"""

from __future__ import annotations

import contextlib
import os
import stat
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO

from ..domain.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

#: A draft of a process that was killed is deleted after this time.
DRAFT_SECONDS = 3_600
_OTHERS = stat.S_IRWXO


def private_folder(folder: Path) -> Path:
    """Create *folder* for this user only, or check the existing one; ConfigurationError if it is not private.

    Its owner must be this user or root, and it must be closed to users outside its group: an operator may share it
    with the group of the workers.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode):
        raise ConfigurationError(f"{folder} is not a folder (a link is not followed); remove it, or use another path")
    if found.st_uid not in {os.geteuid(), 0}:
        raise ConfigurationError(f"{folder} belongs to another user (uid {found.st_uid}); use another path")
    if found.st_mode & _OTHERS:
        raise ConfigurationError(
            f"{folder} is open to other users (mode {stat.S_IMODE(found.st_mode):04o}); "
            f"run chmod o-rwx {folder}, or use a path that does not exist yet"
        )
    return folder


def make_folders(root: Path, folder: Path) -> None:
    """Create the folders from *root* down to *folder* with the mode of *root*."""
    mode = stat.S_IMODE(root.lstat().st_mode)
    for part in reversed([folder, *folder.parents]):
        if part.is_relative_to(root) and part != root:
            with contextlib.suppress(FileExistsError):
                part.mkdir()
                part.chmod(mode)


def read_private(file: Path, *, most: int) -> bytes:
    """Return the content of a file of this user; PermissionError or OSError says why it cannot be trusted."""
    # Without O_NONBLOCK, opening a pipe waits for its writer.
    handle = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(handle, "rb") as content:
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode):
            raise PermissionError(f"{file} is not a regular file")
        if found.st_uid != os.geteuid():
            raise PermissionError(f"{file} belongs to another user (uid {found.st_uid})")
        # A group may read and write: Kubernetes gives the files of a volume to the group of the pod (fsGroup).
        if found.st_mode & _OTHERS:
            raise PermissionError(f"{file} is open to other users (mode {stat.S_IMODE(found.st_mode):04o})")
        if found.st_size > most:
            raise PermissionError(f"{file} is larger than {most:,} bytes")
        return content.read(most)


@contextmanager
def private_draft(file: Path, *, mode: int = 0o600) -> Iterator[BinaryIO]:
    """Open a new file that replaces *file* at the end; after an error nothing of it is left."""
    draft = file.with_name(f".{file.name[:100]}.{os.getpid()}.{os.urandom(4).hex()}.draft")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(handle, "wb") as content:
            os.fchmod(handle, mode)
            yield content
        draft.replace(file)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def is_draft(name: str) -> bool:
    """Whether a file's name is that of a draft."""
    return name.startswith(".") and name.endswith(".draft")


def remove_old_drafts(file: Path) -> None:
    """Remove the drafts of *file* whose processes were killed."""
    for draft in file.parent.glob(f".{file.name[:100]}.*.draft"):
        with contextlib.suppress(OSError):
            if time.time() - draft.lstat().st_mtime > DRAFT_SECONDS:
                draft.unlink()
