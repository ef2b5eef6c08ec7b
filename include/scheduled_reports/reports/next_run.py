"""Compute when a report runs next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..domain.errors import RejectedError
from .calendars import is_pending
from .parser import parse_row

if TYPE_CHECKING:
    from datetime import datetime

    from ..domain.report import Report, Row


def next_run(report: Report, now: datetime) -> datetime | None:
    """The next tick; None if the report is not scheduled, or its schedule has ended."""
    return report.schedule.next_after(now) if report.is_scheduled else None


def next_run_of(row: Row | None, now: datetime) -> datetime | None:
    """The next tick of a row; None if it is gone, rejected, not scheduled, or upkeep has yet to add its calendar."""
    try:
        report = parse_row(row) if row and not is_pending(row) else None
    except RejectedError:
        return None
    return next_run(report, now) if report else None
