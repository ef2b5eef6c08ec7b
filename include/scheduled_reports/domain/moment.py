"""Read points in time that people and programs send as ISO 8601 text."""

from __future__ import annotations

from datetime import UTC, datetime

#: Earlier and later times overflow somewhere between Python, Arrow and PostgreSQL once a window is added to them.
YEARS = range(1971, 8001)


def parse_moment(text: str) -> datetime:
    """Read an ISO 8601 time, in UTC unless it has an offset; the text of a ValueError continues "<text> …"."""
    try:
        found = datetime.fromisoformat(text)
        found = found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("is not an ISO 8601 time; use one such as 2026-05-11T09:00:00Z") from None
    if found.year not in YEARS:
        raise ValueError(f"is outside the years {YEARS.start} to {YEARS.stop - 1}; use a time within them")
    return found
