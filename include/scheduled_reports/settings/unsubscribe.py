"""How a reader gets off a report: the headers of RFC 2369 and RFC 8058, made from one setting.  Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, urlsplit

from ..domain.addresses import is_address

if TYPE_CHECKING:
    from collections.abc import Sequence

_REPORT, _RECIPIENT = "{report}", "{recipient}"
_ALLOWED: Final = "a mailto: address, an https: URL, or both; {report} and {recipient} are filled in"


def read_ways(text: str) -> tuple[str, ...]:
    """The addresses that a setting names, at most one of each kind; ValueError for anything else."""
    ways = tuple(re.split(r"[,\s]+", text.strip())) if text.strip() else ()
    kinds = [_kind(way) for way in ways]
    if len(set(kinds)) < len(kinds):
        raise ValueError(_ALLOWED)
    return ways


def ways_out(text: str, *, report: str, recipients: Sequence[str]) -> tuple[str, ...]:
    """The addresses of one message.

    One that has to know who clicks is only in a message to one person: everybody else would take each other off.
    """
    whole = [way for way in read_ways(text) if _RECIPIENT not in way or len(recipients) == 1]
    who = quote(recipients[0], safe="") if recipients else ""
    return tuple(way.replace(_REPORT, quote(report, safe="")).replace(_RECIPIENT, who) for way in whole)


def headers(ways: Sequence[str]) -> dict[str, str]:
    """`List-Unsubscribe`, and where a click can be a POST the header that says so; none where there is no way."""
    found = {"List-Unsubscribe": ", ".join(f"<{way}>" for way in ways)} if ways else {}
    if any(way.startswith("https:") for way in ways):
        found["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    return found


def link(ways: Sequence[str]) -> str:
    """What stands in the message itself: the page rather than the mail; empty where there is neither."""
    return max(ways, key=lambda way: way.startswith("https:"), default="")


def _kind(way: str) -> str:
    """`mailto` or `https`, once it was checked."""
    plain = way.replace(_REPORT, "r").replace(_RECIPIENT, "r")
    parts = urlsplit(plain)
    known = is_address(parts.path) if parts.scheme == "mailto" else parts.scheme == "https" and parts.hostname
    if not known or not re.fullmatch(r"[!-~]+", plain) or re.search(r"[<>\"{}]", plain):
        raise ValueError(_ALLOWED)
    return parts.scheme
