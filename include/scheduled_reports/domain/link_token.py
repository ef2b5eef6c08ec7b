"""Tokens of the public door: each names one reader and perhaps a file, an expiry, a purpose and the key that signed it.

A token is the base64url text of 54 bytes: the number of the key (1), the reader's handle (16), the number of the file
(1), the expiry in seconds since 1970 (4), and the HMAC-SHA-256 of these and the purpose (32).  It holds no address,
report or workspace.
"""

from __future__ import annotations

import hmac
import re
import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Final
from uuid import UUID

from .formats import Format

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_BODY: Final = struct.Struct(">B16sBI")
_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{72}")
#: What is signed begins with this, so that a key used elsewhere, too, signs nothing that is a token.
_CONTEXT: Final = b"scheduled-reports link 1\0"
#: The numbers of files in tokens; they never change, because tokens outlive releases.
FILE_NUMBERS: Final[Mapping[Format, int]] = MappingProxyType(
    {Format.PDF: 1, Format.CSV: 2, Format.JSON: 3, Format.EXCEL: 4, Format.HTML: 5}
)
_FORMATS: Final = {number: chosen for chosen, number in FILE_NUMBERS.items()}
#: The last moment that fits into four bytes.
_LATEST: Final = 2**32 - 1


class Purpose(StrEnum):
    """What a token may be used for: the path of its page."""

    FILES = "files"
    LEAVE = "leave"
    MANAGE = "manage"


class InvalidTokenError(ValueError):
    """A token is not one of ours, or not one for this purpose, or has expired; which of them is not said."""


@dataclass(frozen=True, slots=True)
class LinkToken:
    """What a token says; *format* is the file of a token for files."""

    purpose: Purpose
    reader: UUID
    expires: datetime
    format: Format | None = None


@dataclass(frozen=True, slots=True)
class LinkKey:
    """A key that signs tokens, and the number by which they name it (0 to 255)."""

    number: int
    secret: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class LinkKeys:
    """The keys of a deployment: the first one signs, all of them verify."""

    keys: Sequence[LinkKey]

    def sign(self, token: LinkToken) -> str:
        """Write a token as text for an address."""
        key = self.keys[0]
        number = FILE_NUMBERS[token.format] if token.format else 0
        body = _BODY.pack(key.number, token.reader.bytes, number, min(int(token.expires.timestamp()), _LATEST))
        return urlsafe_b64encode(body + _signature(key, token.purpose, body)).decode("ascii")

    def read(self, purpose: Purpose, text: str, now: datetime) -> LinkToken:
        """Read a token that was signed for *purpose*; raises InvalidTokenError for any other text.

        The signature is compared in constant time, and before anything else of the token is looked at.
        """
        if not _TOKEN.fullmatch(text):
            raise InvalidTokenError
        raw = urlsafe_b64decode(text)
        body, signature = raw[: _BODY.size], raw[_BODY.size :]
        number, reader, file, expires = _BODY.unpack(body)
        # A text that names no key is compared, too, so that it takes as long as one that does.
        key = next((one for one in self.keys if one.number == number), None)
        expected = _signature(key or self.keys[0], purpose, body)
        if not hmac.compare_digest(signature, expected) or key is None:
            raise InvalidTokenError
        moment = datetime.fromtimestamp(expires, UTC)
        if moment <= now or (purpose is Purpose.FILES) != (file in _FORMATS):
            raise InvalidTokenError
        return LinkToken(purpose, UUID(bytes=reader), moment, _FORMATS.get(file))


def _signature(key: LinkKey, purpose: Purpose, body: bytes) -> bytes:
    return hmac.digest(key.secret, _CONTEXT + purpose.encode("ascii") + b"\0" + body, "sha256")
