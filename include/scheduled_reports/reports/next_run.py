"""Compute when a report runs next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..domain.errors import RejectedError
from .parser import parse_row

if TYPE_CHECKING:
    from datetime import datetime

    from ..domain.report import Report, Row


def next_run(report: Report, now: datetime) -> datetime | None:
    """The next tick; None if the report is not scheduled."""
    return report.schedule.next_after(now) if report.is_scheduled else None


def next_run_of(row: Row | None, now: datetime) -> datetime | None:
    """The next tick of a row; None if it is gone, rejected or not scheduled."""
    try:
        report = parse_row(row) if row else None
    except RejectedError:
        return None
    return next_run(report, now) if report else None
