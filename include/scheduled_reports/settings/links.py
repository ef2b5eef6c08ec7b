"""The settings LINK_BASE and LINK_KEYS: where the public door is, and the keys that sign its links.  Pure."""

from __future__ import annotations

import binascii
import re
from base64 import urlsafe_b64decode
from typing import Final
from urllib.parse import urlsplit

from ..domain.link_token import LinkKey, LinkKeys

LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})
SHORTEST_KEY: Final = 32
_BASE_REASON: Final = (
    "is not the address of the public door; use one such as https://reports.example.com, without ? and #"
)
_KEYS_REASON: Final = (
    "are not keys; use number:secret, several separated by commas and the one that signs first, where a number is 0 to "
    f"255 and a secret the base64 of at least {SHORTEST_KEY} random bytes"
)


def read_base(text: str) -> str:
    """Read the address, without a slash at its end; empty if links are S3's; ValueError for anything else."""
    if not text:
        return ""
    try:
        parts = urlsplit(text)
        is_safe = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)
        port = parts.port
    except ValueError:
        raise ValueError(_BASE_REASON) from None
    if not is_safe or not parts.hostname or port == 0 or parts.username is not None:
        raise ValueError(_BASE_REASON)
    if not re.fullmatch(r"[A-Za-z0-9\-._~:/\[\]%]+", text):
        raise ValueError(_BASE_REASON)
    return text.rstrip("/")


def read_keys(text: str) -> LinkKeys:
    """Read the keys; there are none in an empty text; ValueError for anything else."""
    found = tuple(map(_key, text.replace(" ", "").split(","))) if text.strip() else ()
    if len({key.number for key in found}) < len(found):
        raise ValueError(_KEYS_REASON)
    return LinkKeys(found)


def _key(text: str) -> LinkKey:
    number, colon, secret = text.partition(":")
    plain = secret.translate(str.maketrans("+/", "-_")).rstrip("=")
    if (
        not colon
        or not re.fullmatch(r"[0-9]{1,3}", number)
        or int(number) > 255
        or not re.fullmatch(r"[\w-]+", plain, re.A)
    ):
        raise ValueError(_KEYS_REASON)
    try:
        found = urlsafe_b64decode(plain + "=" * (-len(plain) % 4))
    except binascii.Error:
        raise ValueError(_KEYS_REASON) from None
    if len(found) < SHORTEST_KEY:
        raise ValueError(_KEYS_REASON)
    return LinkKey(int(number), found)
