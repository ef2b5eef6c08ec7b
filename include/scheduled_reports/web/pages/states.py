"""The states of a report, and their names on the pages."""

from __future__ import annotations

from ...domain.report import Status
from ...ports.web import Record

#: Each state of a report, as people say it.
STATES = {
    "active": "Active",
    "failing": "Failing",
    "stopped": "Stopped after failing",
    "rejected": "Rejected",
    "paused": "Paused",
    "disabled": "Disabled",
}


def state_of(record: Record) -> str:
    """The state of a report, a key of `STATES`."""
    if record["status"] == Status.DISABLED:
        return "disabled"
    if record["status"] == Status.ERROR:
        return "stopped" if record["error_cause"] == "failing" else "rejected"
    if record["status"] == Status.PAUSED or not record["is_active"]:
        return "paused"
    return "failing" if record["last_run_status"] == "failed" else "active"
