"""Keep the plans of the last good parse in a private file; they contain no addresses and no parameters."""

from __future__ import annotations

import json
import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING

from .dag_spec import Plan

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..domain.shards import Shard

log = logging.getLogger(__name__)


def path_of(path: str, shard: Shard | None) -> str:
    """Return the path for the plans of *shard*, next to *path*, the file for all plans."""
    file = Path(path)
    return path if shard is None else str(file.with_name(f"{file.stem}-{shard.name}{file.suffix}"))


def digest(path: str) -> str | None:
    """Return the digest of the rows behind the plans at *path*; None if there is none."""
    try:
        return _digest_file(path).read_text(encoding="utf-8")
    except OSError:
        return None


def load(path: str) -> tuple[Plan, ...]:
    """Return the plans at *path*; none if the file is missing or cannot be read."""
    try:
        return tuple(Plan.from_json(content) for content in json.loads(Path(path).read_text(encoding="utf-8")))
    except FileNotFoundError:
        return ()
    except (OSError, ValueError, TypeError, KeyError) as error:
        log.warning("cannot read the last good copy at %s: %s", path, type(error).__name__)
        return ()


def save(path: str, plans: Iterable[Plan], digest: str | None = None) -> None:
    """Write *plans*, then the *digest* of their rows; an error is logged and does not stop the parse."""
    try:
        _write(Path(path), json.dumps([plan.as_json() for plan in plans], ensure_ascii=False))
        if digest is not None:
            _write(_digest_file(path), digest)
    except OSError as error:
        log.warning("cannot write the last good copy at %s: %s", path, type(error).__name__)


def _digest_file(path: str) -> Path:
    return Path(f"{path}.digest")


def _write(file: Path, content: str) -> None:
    """Write atomically."""
    if file.exists() and file.read_text(encoding="utf-8") == content:
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f"{file.name}.{os.getpid()}")
    draft.touch(mode=0o600)
    draft.write_text(content, encoding="utf-8")
    draft.replace(file)
