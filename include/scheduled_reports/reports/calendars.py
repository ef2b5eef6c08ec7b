"""The options `calendar` and `onClosed`: a calendar of the workspace, or the public holidays of a country or region.

A row carries the days of its calendar, so that tasks and the timetable need nothing else.  Those of countries come from
the library `holidays`, are kept in reporting.calendars by upkeep and the API, and are added to a row here only until
then; importing the library takes as long as parsing a thousand rows.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from datetime import UTC, date, datetime
from difflib import get_close_matches
from importlib import metadata
from typing import TYPE_CHECKING, Any, get_args

from ..domain.calendar import Calendar, CountryCalendar, OnClosed, first_year

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..domain.report import Row
    from .validation import Check

log = logging.getLogger(__name__)

MOST_DATES = 1_000
LONGEST_CODE = 80
WEEKDAYS = frozenset(range(7))
#: Closed days are known for so many years after the current one, and at most for so many before it.
YEARS_AHEAD, YEARS_BEHIND = 2, 10
#: For run times that are only shown.
YEARS_SHOWN = 10
EXAMPLES = "use one such as DE-BY or US"
ON_CLOSED: tuple[str, ...] = get_args(OnClosed)
LIBRARY = "holidays"


def read_calendar(check: Check, options: Mapping[str, Any], row: Row) -> Calendar | None:
    """The calendar of a report; None if it has none, or if that is not resolved yet (`is_pending`)."""
    code = options.get("calendar")
    if code is None:
        return None
    if not isinstance(code, str) or not 1 <= len(code) <= LONGEST_CODE:
        check.add("options.calendar", code, f"is not the code of a calendar; {EXAMPLES}")
        return None
    held = row.get("calendar")
    if held is None or held["code"] != code:
        return None
    try:
        return calendar_of(held)
    except ValueError as error:
        check.add("options.calendar", code, str(error))
        return None


def calendar_of(held: Mapping[str, Any]) -> Calendar:
    """The calendar that a row carries; ValueError says what is wrong with it."""
    if "unknown" in held:
        raise ValueError(held["unknown"])
    if len(held["dates"]) > MOST_DATES:
        raise ValueError(f"has more than {MOST_DATES:,} dates; remove those that are past")
    if set(held["weekend"]) >= WEEKDAYS:
        raise ValueError("has no open weekday; leave at least one out of its weekend")
    return Calendar(weekend=frozenset(held["weekend"]), closed=frozenset(map(_date, held["dates"])))


def read_on_closed(check: Check, options: Mapping[str, Any]) -> OnClosed:
    """What becomes of a tick on a closed day."""
    value = options.get("onClosed")
    for known in get_args(OnClosed):
        if value == known:
            return known  # type: ignore[no-any-return]
    if value is not None:
        check.add("options.onClosed", value, f"is not known; choose from {', '.join(ON_CLOSED)}")
    return "skip"


def is_pending(row: Row) -> bool:
    """Whether a row names a calendar whose days it does not carry: those of a country that upkeep has yet to add."""
    options = row.get("options")
    code = options.get("calendar") if isinstance(options, dict) else None
    held = row.get("calendar")
    return isinstance(code, str) and 1 <= len(code) <= LONGEST_CODE and (held is None or held["code"] != code)


def resolved(row: Row) -> Row:
    """The row with the days of its calendar, or with why there is no such calendar."""
    if not is_pending(row):
        return row
    code = row["options"]["calendar"]
    try:
        found = country_calendar(code, *years_of(_effective(row), datetime.now(UTC)))
        if found is None:
            unknown = f"is neither a calendar of the workspace nor a country or region; {EXAMPLES}{_guess(code)}"
            return row | {"calendar": {"code": code, "unknown": unknown}}
        return row | {"calendar": found.as_json}
    except Exception:  # one row must not affect the others; it stays unresolved, and its ticks wait
        log.exception("the calendar of report %s cannot be computed", row.get("id"))
        return row


def years_of(effective_from: datetime, now: datetime) -> tuple[int, int]:
    """The first and the last year of which a schedule needs the closed days."""
    first = min(max(first_year(effective_from), now.year - YEARS_BEHIND), now.year)
    return first, now.year + YEARS_AHEAD


def country_calendar(code: str, first: int, last: int) -> CountryCalendar | None:
    """The calendar of a country or region for the years from *first* to *last*; None if the code is unknown."""
    import holidays  # noqa: PLC0415 - only where a calendar is computed

    country, dash, region = code.partition("-")
    regions = holidays.list_supported_countries().get(country)
    if regions is None or (dash and region not in regions):
        return None
    found = holidays.country_holidays(country, subdiv=region or None, years=range(first, last + 1))
    return CountryCalendar(
        code=code,
        weekend=tuple(sorted((day + 1) % 7 for day in found.weekend)),  # the library's Monday is 0
        dates=tuple(sorted(day for day in found if first <= day.year <= last)),
        first_year=first,
        last_year=last,
        source=library(),
    )


def library() -> str:
    """The library and its version, found without importing it."""
    return f"{LIBRARY} {metadata.version(LIBRARY)}"


def country(code: str, start: datetime) -> Calendar:
    """The calendar of a country or region from *start* on, for run times without a report; ValueError if unknown."""
    first = first_year(start)
    found = country_calendar(code, first, first + YEARS_SHOWN)
    if found is None:
        raise ValueError(f"is not a country or region; {EXAMPLES}{_guess(code)}")
    return calendar_of(found.as_json)


def _guess(code: str) -> str:
    import holidays  # noqa: PLC0415 - only for a code that is not known

    known = holidays.list_supported_countries()
    codes = [*known, *(f"{country}-{region}" for country, regions in known.items() for region in regions)]
    close = get_close_matches(code[:LONGEST_CODE].upper(), codes, n=1)
    return f" (did you mean {close[0]}?)" if close else ""


def _effective(row: Row) -> datetime:
    with suppress(ValueError, TypeError):
        return datetime.fromisoformat(row["effective_from"]).astimezone(UTC)
    return datetime.now(UTC)


def _date(text: Any) -> date:
    try:
        return date.fromisoformat(text)
    except (ValueError, TypeError):
        raise ValueError(f"has a date that is not one ({text}); correct its dates") from None
