"""An edit becomes a DAG at once: the reports are read again, and once more where a parse had begun before the edit."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from threading import Lock, Thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

log = logging.getLogger(__name__)

#: After this time the next regular parse has to do.
PATIENCE = timedelta(minutes=5)


@dataclass
class Reparser:
    """Asks for parses until one has begun after the newest edit.

    Airflow drops a request for a file that is being parsed: asked for once, an edit in that moment would wait for the
    next regular parse.
    """

    #: Have the file parsed; nothing happens where that is asked for already.
    request: Callable[[], None]
    #: When the newest parse that has ended began; None where there was none.
    began: Callable[[], datetime | None]
    pause: float = 1.0
    _edited: datetime = field(default=datetime.min.replace(tzinfo=UTC), init=False)
    _watcher: Thread | None = field(default=None, init=False)
    _lock: Lock = field(default_factory=Lock, init=False, repr=False)

    def edited(self) -> None:
        """Note an edit; it is looked after by one thread, however many come."""
        self.request()
        with self._lock:
            self._edited = datetime.now(UTC)
            if self._watcher is None:
                self._watcher = Thread(target=self._watch, name="scheduled-reports-reparse", daemon=True)
                self._watcher.start()

    def _watch(self) -> None:
        while True:
            time.sleep(self.pause)
            began = _quietly(self.began)  # not under the lock: whoever edits must not wait for this question
            with self._lock:
                if (began is not None and began > self._edited) or datetime.now(UTC) - self._edited > PATIENCE:
                    self._watcher = None  # the next edit makes a new one
                    return
            _quietly(self.request)


def _quietly(ask: Callable[[], datetime | None]) -> datetime | None:
    try:
        return ask()
    except Exception as error:  # the metadata database may be away; a regular parse comes anyway
        log.warning("whether the reports were read again is unknown: %s", type(error).__name__)
        return None
