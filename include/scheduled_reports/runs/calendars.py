"""Keep the holidays of the countries whose calendars reports use, so that their rows carry them."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from ..reports.calendars import country_calendar, library, years_of

if TYPE_CHECKING:
    from datetime import datetime

    from ..ports.services import Services
    from ..ports.upkeep import CalendarInUse

log = logging.getLogger(__name__)


def keep(services: Services) -> int:
    """Compute and store what is missing of the calendars in use; return their number.

    The library is imported only if something is: a code is new, a year is not covered, or the library was updated.
    """
    now, kept = services.now(), 0
    for used in services.upkeep_store.calendars_in_use():
        first, last = _years(used, now)
        if used.source == library() and used.covers(first, last):
            continue
        try:
            found = country_calendar(used.code, first, last)
        except Exception:  # whatever the library raises for one code, the others are kept
            log.exception("the calendar %r cannot be computed", used.code)
            continue
        if found is not None:  # an unknown code is a problem of the reports that name it
            services.upkeep_store.keep_calendar(found)
            kept += 1
    return kept


def _years(used: CalendarInUse, now: datetime) -> tuple[int, int]:
    """The years to cover, which never become fewer: a report may be handed over or reset."""
    first, last = years_of(used.since or now, now)
    return min(first, used.first_year or first), max(last, used.last_year or last)
