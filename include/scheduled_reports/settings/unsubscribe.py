"""How a reader gets off a report: the headers of RFC 2369 and RFC 8058, made from one setting.  Pure."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlsplit

from ..domain.addresses import is_address

REPORT, RECIPIENT = "{report}", "{recipient}"
_ALLOWED: Final = "a mailto: address, an https: URL, or both; {report} and {recipient} are filled in"


def read_ways(text: str) -> tuple[str, ...]:
    """The addresses that a setting names, at most one of each kind; ValueError for anything else."""
    ways = tuple(re.split(r"[,\s]+", text.strip())) if text.strip() else ()
    kinds = [_kind(way) for way in ways]
    if len(set(kinds)) < len(kinds):
        raise ValueError(_ALLOWED)
    return ways


def _kind(way: str) -> str:
    """`mailto` or `https`, once it was checked."""
    plain = way.replace(REPORT, "r").replace(RECIPIENT, "r")
    parts = urlsplit(plain)
    known = is_address(parts.path) if parts.scheme == "mailto" else parts.scheme == "https" and parts.hostname
    if not known or not re.fullmatch(r"[!-~]+", plain) or re.search(r"[<>\"{}]", plain):
        raise ValueError(_ALLOWED)
    return parts.scheme
