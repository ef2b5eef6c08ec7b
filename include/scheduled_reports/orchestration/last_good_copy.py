"""What the last good parse read: plans, which hold no address and no parameter, in files only we can read."""

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
    """Where the plans of *shard* are kept, beside the file *path* of all of them."""
    file = Path(path)
    return path if shard is None else str(file.with_name(f"{file.stem}-{shard.name}{file.suffix}"))


def digest(path: str) -> str | None:
    """The digest of the rows that the plans at *path* were made of; None where there is none."""
    try:
        return _digest_file(path).read_text(encoding="utf-8")
    except OSError:
        return None


def load(path: str) -> tuple[Plan, ...]:
    """The plans kept at *path*; none where there is no such file or it cannot be read."""
    try:
        return tuple(Plan.from_json(content) for content in json.loads(Path(path).read_text(encoding="utf-8")))
    except FileNotFoundError:
        return ()
    except (OSError, ValueError, TypeError, KeyError) as error:
        log.warning("the last good copy at %s cannot be read: %s", path, type(error).__name__)
        return ()


def save(path: str, plans: Iterable[Plan], digest: str | None = None) -> None:
    """Keep *plans*, then their rows' *digest*; a disk that refuses costs the copy, not the parse."""
    try:
        _write(Path(path), json.dumps([plan.as_json() for plan in plans], ensure_ascii=False))
        if digest is not None:
            _write(_digest_file(path), digest)
    except OSError as error:
        log.warning("the last good copy at %s cannot be written: %s", path, type(error).__name__)


def _digest_file(path: str) -> Path:
    return Path(f"{path}.digest")


def _write(file: Path, content: str) -> None:
    """Whole or not at all."""
    if file.exists() and file.read_text(encoding="utf-8") == content:
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f"{file.name}.{os.getpid()}")
    draft.touch(mode=0o600)
    draft.write_text(content, encoding="utf-8")
    draft.replace(file)
