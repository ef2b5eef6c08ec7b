"""The labels of a report's states on the pages."""

from __future__ import annotations

#: Each state that the list of reports computes, with its label.
STATES = {
    "active": "Active",
    "failing": "Failing",
    "stopped": "Stopped after failures",
    "rejected": "Invalid",
    "paused": "Paused",
    "disabled": "Disabled",
    #: The badge shows the status itself.
    "unknown": "Unknown status",
}
