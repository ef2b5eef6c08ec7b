"""The options of a report: what the columns of scheduled_reports cannot hold, from reporting.report_options.

A problem is named `options.<key>`.  `missedRuns` has a column of its own there.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, Any, get_args

from ..domain.clock import parse_zone
from ..domain.report import MissedRuns
from ..domain.schedule import phase
from .parameters import read_object

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..domain.report import Row
    from ..domain.schedule import Phase
    from .validation import Check

MISSED_RUNS: tuple[str, ...] = get_args(MissedRuns)
#: The longest delay of a report's ticks, in seconds: less than the shortest time between two of them.
LONGEST_JITTER = 3_540
#: The keys of the column `options`.
KEYS = (
    "jitterSeconds", "calendar", "onClosed", "startsOn", "endsOn", "period", "sendIf", "subject", "introduction",
    "parameters",
)  # fmt: skip
#: The years of `startsOn`, `endsOn` and the effective moment; later or earlier ones have no ticks in some time zone.
FIRST_YEAR, LAST_YEAR = 1970, 9000


def read_options(check: Check, row: Row) -> Mapping[str, Any]:
    """The object in the column `options`; keys that are not options are noted."""
    given = read_object(check, "options", row.get("options") or {})  # frozen rows of earlier versions have none
    for name in given:
        if name not in KEYS:
            check.unknown(f"options.{name}", name, "option", (*KEYS, "missedRuns"))
    return given


def read_missed_runs(check: Check, value: str) -> MissedRuns:
    """The policy for ticks that were missed while Airflow was down."""
    for policy in get_args(MissedRuns):
        if value == policy:
            return policy  # type: ignore[no-any-return]
    check.add("options.missedRuns", value, f"is not a policy for missed runs; choose from {', '.join(MISSED_RUNS)}")
    return "latest"


def read_jitter(check: Check, options: Mapping[str, Any]) -> int | None:
    """The longest delay of the report's ticks in seconds; None for that of the deployment."""
    value = options.get("jitterSeconds")
    if value is None or (type(value) is int and 0 <= value <= LONGEST_JITTER):
        return value
    check.add("options.jitterSeconds", value, f"is not a whole number of seconds from 0 to {LONGEST_JITTER}")
    return None


def read_days(check: Check, options: Mapping[str, Any]) -> tuple[date | None, date | None]:
    """The first and the last local day of the schedule."""
    starts_on, ends_on = (_day(check, options, key) for key in ("startsOn", "endsOn"))
    if starts_on is not None and ends_on is not None and ends_on < starts_on:
        check.add("options.endsOn", options["endsOn"], f"is before startsOn, {starts_on}; use that day or a later one")
    return starts_on, ends_on


def phase_of(options: Mapping[str, Any] | None, timezone: str, now: datetime) -> Phase:
    """Whether a schedule has begun and not ended; options and zone may be invalid."""
    days = [_plain_day((options or {}).get(key)) for key in ("startsOn", "endsOn")]
    if days == [None, None]:
        return "active"
    try:
        return phase(now.astimezone(parse_zone(timezone)).date(), *days)
    except ValueError:
        return "active"


def _day(check: Check, options: Mapping[str, Any], key: str) -> date | None:
    value = options.get(key)
    day = _plain_day(value)
    if value is not None and day is None:
        check.add(f"options.{key}", value, f"is not a day of the years {FIRST_YEAR} to {LAST_YEAR} such as 2026-12-31")
    return day


def _plain_day(value: Any) -> date | None:
    """The day that a text such as 2026-12-31 names; None for anything else."""
    try:
        day = date.fromisoformat(value) if isinstance(value, str) and len(value) == len("2026-12-31") else None
    except ValueError:
        return None
    return day if day is not None and FIRST_YEAR <= day.year <= LAST_YEAR else None
