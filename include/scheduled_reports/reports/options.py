"""The options of a report: what the columns of scheduled_reports cannot hold, from reporting.report_options.

A problem is named `options.<key>`.  `missedRuns` has a column of its own there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

from ..domain.report import MissedRuns
from .parameters import read_object

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..domain.report import Row
    from .validation import Check

MISSED_RUNS: tuple[str, ...] = get_args(MissedRuns)
#: The longest delay of a report's ticks, in seconds: less than the shortest time between two of them.
LONGEST_JITTER = 3_540
#: The keys of the column `options`.
KEYS = ("jitterSeconds",)


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
