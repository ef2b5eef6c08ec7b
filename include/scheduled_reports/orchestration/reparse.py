"""Request a parse after each edit, and again if a parse was in progress during the edit."""

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

#: After this time no more parses are requested; the next regular one will read the edit.
GIVE_UP_AFTER = timedelta(minutes=5)


@dataclass
class Reparser:
    """Requests parses until one has started after the newest edit.

    Airflow drops a request for a file that is being parsed, so after a single request an edit could wait for the next
    regular parse.
    """

    #: Requests a parse of the file; does nothing if one is requested already.
    request: Callable[[], None]
    #: Returns when the newest finished parse started; None if there is none.
    began: Callable[[], datetime | None]
    pause: float = 1.0
    _edited: datetime = field(default=datetime.min.replace(tzinfo=UTC), init=False)
    _watcher: Thread | None = field(default=None, init=False)
    _lock: Lock = field(default_factory=Lock, init=False, repr=False)

    def edited(self) -> None:
        """Request a parse for an edit; one thread repeats the requests for all edits."""
        self.request()
        with self._lock:
            self._edited = datetime.now(UTC)
            if self._watcher is None:
                self._watcher = Thread(target=self._watch, name="scheduled-reports-reparse", daemon=True)
                self._watcher.start()

    def _watch(self) -> None:
        while True:
            time.sleep(self.pause)
            began = _logged(self.began)  # outside the lock, because an edit must not wait for this query
            with self._lock:
                if (began is not None and began > self._edited) or datetime.now(UTC) - self._edited > GIVE_UP_AFTER:
                    self._watcher = None  # the next edit starts a new one
                    return
            _logged(self.request)


def _logged(call: Callable[[], datetime | None]) -> datetime | None:
    try:
        return call()
    except Exception as error:  # the metadata database may be down; a regular parse follows anyway
        log.warning("cannot request a parse of the reports: %s", type(error).__name__)
        return None
