"""The setting UNSUBSCRIBE: the addresses for the headers of RFC 2369 and RFC 8058.  Pure."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlsplit

from ..domain.addresses import is_address

REPORT, RECIPIENT = "{report}", "{recipient}"
_REASON: Final = (
    "is not a way to unsubscribe; use a mailto: address, an https: URL, or both, in which {report} and {recipient} are "
    "filled in"
)


def read_ways(text: str) -> tuple[str, ...]:
    """The addresses in the setting, at most one of each kind; ValueError for anything else."""
    ways = tuple(re.split(r"[,\s]+", text.strip())) if text.strip() else ()
    kinds = [_kind(way) for way in ways]
    if len(set(kinds)) < len(kinds):
        raise ValueError(_REASON)
    return ways


def _kind(way: str) -> str:
    """Check an address and return its scheme, `mailto` or `https`."""
    plain = way.replace(REPORT, "r").replace(RECIPIENT, "r")
    parts = urlsplit(plain)
    known = is_address(parts.path) if parts.scheme == "mailto" else parts.scheme == "https" and parts.hostname
    if not known or not re.fullmatch(r"[!-~]+", plain) or re.search(r"[<>\"{}]", plain):
        raise ValueError(_REASON)
    return parts.scheme
