"""Read the mail service's events in a round of upkeep, for a bounded time; what is left is read by the next round."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from ..domain.errors import ReportsError
from ..domain.feedback import Applied

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..domain.feedback import Batch
    from ..ports.feedback import EventQueue
    from ..ports.services import Services

log = logging.getLogger(__name__)

#: How long a round reads events.
READING: Final = timedelta(seconds=20)
#: Calls of the queue at a time; each returns a few messages.
CALLS: Final = 8


def read_events(services: Services) -> Applied:
    """Record what the mail service's events tell; return what was read.

    An error costs nothing: messages that were not deleted come again.
    """
    try:
        queue = services.event_queue
        return _read(services, queue) if queue is not None else Applied()
    except ReportsError as error:  # the rest of the round does not need it
        log.warning("the mail service's events could not be read: %s", error)
        return Applied()


def _read(services: Services, queue: EventQueue) -> Applied:
    read, until = Applied(), services.now() + READING
    with ThreadPoolExecutor(CALLS, thread_name_prefix="events") as pool:
        calls = 1  # an empty queue costs one call a minute
        while (begun := services.now()) < until:
            batches = list(pool.map(lambda _: queue.receive(), range(calls)))
            if not any(batch.handles for batch in batches):
                services.feedback.note_drained(0, drained_at=begun)
                break
            read += _record(services, batches)
            list(pool.map(queue.delete, [batch.handles for batch in batches]))
            calls = CALLS
    return read


def _record(services: Services, batches: Sequence[Batch]) -> Applied:
    events = [event for batch in batches for event in batch.events]
    foreign = sum(batch.ignored for batch in batches)
    applied = services.feedback.apply(events, exempt=services.settings.redirect_to)
    if foreign:
        services.feedback.note_drained(foreign, drained_at=None)
    return applied + Applied(ignored=foreign)
