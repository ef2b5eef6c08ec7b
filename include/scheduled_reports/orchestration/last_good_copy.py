"""Keep the specs of the last good parse in a private file; they contain no addresses and no parameters.

The copy can only help: whatever lies at its path, the parse continues with the rows of the database.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING

from ..adapters.private_files import private_draft, read_private, remove_old_drafts
from .dag_spec import DagSpec

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ..domain.shards import Shard

log = logging.getLogger(__name__)

#: Half a kilobyte per report; a larger file is not one of ours.
MOST_BYTES = 200_000_000
MOST_SETTINGS = 100_000
#: Errors of the machine, not of the file.
PASSING = {errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EIO, errno.ESTALE}


def path_of(path: str, shard: Shard | None) -> str:
    """Return the path for the specs of *shard*, next to *path*, the file for all specs."""
    file = Path(path)
    return path if shard is None else str(file.with_name(f"{file.stem}-{shard.name}{file.suffix}"))


def digest(path: str) -> str | None:
    """Return the digest of the rows behind the specs at *path*; None if there is none."""
    try:
        return read_private(_digest_file(path), most=1_000).decode()
    except FileNotFoundError:
        return None
    except Exception as error:  # whatever it is, the parse that follows writes a new one
        _set_aside(_digest_file(path), error)
        return None


def load(path: str) -> tuple[DagSpec, ...]:
    """Return the specs at *path*; none if the file is missing, and a file that cannot be trusted is set aside."""
    try:
        return _specs(read_private(Path(path), most=MOST_BYTES))
    except FileNotFoundError:
        return ()
    except Exception as error:  # any error: a file that raises makes all its DAGs stale
        _set_aside(Path(path), error)
        return ()


def load_settings(path: str) -> dict[str, str]:
    """Return the last good settings that were kept next to *path*; none if they cannot be read."""
    file = _settings_file(path)
    try:
        kept = json.loads(read_private(file, most=MOST_SETTINGS))
        return {str(name): str(value) for name, value in kept.items()}
    except FileNotFoundError:
        return {}
    except Exception as error:
        _set_aside(file, error)
        return {}


def save_settings(path: str, settings: Mapping[str, str]) -> None:
    """Keep *settings* next to *path*; an error does not stop the parse, and the copy beside it warns of the disk."""
    try:
        _write(_settings_file(path), json.dumps(dict(sorted(settings.items()))).encode())
    except Exception as error:
        log.info("cannot keep the settings at %s: %s", _settings_file(path), _reason(error))


def save(path: str, dag_specs: Iterable[DagSpec], digest: str | None = None) -> None:
    """Write *specs*, then the *digest* of their rows; an error is logged and does not stop the parse."""
    try:
        content = json.dumps([spec.as_json() for spec in dag_specs], ensure_ascii=False).encode()
        _write(Path(path), b"%s\n%s" % (hashlib.sha256(content).hexdigest().encode(), content))
        if digest is not None:
            _write(_digest_file(path), digest.encode())
    except Exception as error:
        log.warning("cannot write the last good copy at %s: %s", path, _reason(error))


def _specs(content: bytes) -> tuple[DagSpec, ...]:
    """Return the specs of a file: a line with the checksum, then the specs.  Older releases wrote only the specs."""
    first, newline, rest = content.partition(b"\n")
    if content[:1] != b"[":
        if not newline or hashlib.sha256(rest).hexdigest().encode() != first:
            raise ValueError("the checksum does not match")
        content = rest
    return tuple(DagSpec.from_json(one) for one in json.loads(content))


def _settings_file(path: str) -> Path:
    return Path(f"{path}.settings")


def _digest_file(path: str) -> Path:
    return Path(f"{path}.digest")


def _set_aside(file: Path, error: Exception) -> None:
    """Rename what cannot be used, so that it can be examined and the next parse writes a new copy."""
    log.warning("the last good copy at %s is not used: %s", file, _reason(error))
    if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno in PASSING):
        return
    with contextlib.suppress(OSError):
        file.replace(file.with_name(f"{file.name}.set-aside"))


def _reason(error: Exception) -> str:
    return error.strerror or str(error) if isinstance(error, OSError) else f"{type(error).__name__}: {error}"[:200]


def _write(file: Path, content: bytes) -> None:
    """Write atomically; an unchanged file is not written again."""
    with contextlib.suppress(OSError):
        if read_private(file, most=MOST_BYTES) == content:
            return
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    remove_old_drafts(file)
    with private_draft(file) as draft:
        draft.write(content)
