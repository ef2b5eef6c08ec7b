"""The setting FEEDBACK_QUEUE: the queue with SES's events about mails.  Pure."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

_REASON: Final = (
    "is not the URL of an SQS queue; use one such as https://sqs.eu-west-1.amazonaws.com/123456789012/report-events"
)


def read_queue(text: str) -> str:
    """Read the queue's URL; empty if events are not read; ValueError for anything else."""
    if not text:
        return ""
    try:
        parts = urlsplit(text)
        has_host = bool(parts.hostname) and parts.port != 0
    except ValueError:
        raise ValueError(_REASON) from None
    account, _, name = parts.path.removeprefix("/").partition("/")
    is_queue = account.isdecimal() and name.replace("-", "").replace("_", "").isalnum() and text.isascii()
    if parts.scheme not in {"https", "http"} or not has_host or not is_queue or parts.query or parts.fragment:
        raise ValueError(_REASON)
    return text
