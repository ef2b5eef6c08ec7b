"""What the last good parse read: plans, which hold no address and no parameter, in a file only we can read."""

from __future__ import annotations

import json
import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING

from ..plans import Plan

if TYPE_CHECKING:
    from collections.abc import Iterable

log = logging.getLogger(__name__)


def load(path: str) -> tuple[Plan, ...]:
    """The plans kept at *path*; none where there is no such file or it cannot be read."""
    try:
        return tuple(Plan.from_json(content) for content in json.loads(Path(path).read_text(encoding="utf-8")))
    except FileNotFoundError:
        return ()
    except (OSError, ValueError, TypeError, KeyError) as error:
        log.warning("the last good copy at %s cannot be read: %s", path, type(error).__name__)
        return ()


def save(path: str, plans: Iterable[Plan]) -> None:
    """Keep *plans*, whole or not at all; a disk that refuses costs the copy, not the parse."""
    content = json.dumps([plan.as_json() for plan in plans], ensure_ascii=False)
    file = Path(path)
    try:
        if file.exists() and file.read_text(encoding="utf-8") == content:
            return
        file.parent.mkdir(parents=True, exist_ok=True)
        draft = file.with_name(f"{file.name}.{os.getpid()}")
        draft.touch(mode=0o600)
        draft.write_text(content, encoding="utf-8")
        draft.replace(file)
    except OSError as error:
        log.warning("the last good copy at %s cannot be written: %s", path, type(error).__name__)
