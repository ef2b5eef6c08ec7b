"""Write header fields so that every reader finds the same words.

Python's own folding (3.11 to 3.13) loses spaces between an encoded word and its neighbour (RFC 2047, 6.2), quotes
around folded names, and puts encoded words into addresses.  Here a text is either plain ASCII, folded at its spaces, or
encoded as a whole: whitespace between adjacent encoded words is ignored, so nothing is lost where one ends.
"""

from __future__ import annotations

import re
from base64 import b64encode
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

#: RFC 2047: an encoded word has at most 75 characters, a line that holds one at most 76.
WORD, LINE = 75, 76
#: RFC 5322: a line should have at most 78 characters.
LONGEST = 78
_WRAP = len("=?utf-8?b??=")
UTF_8 = "utf-8''"
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?: [A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_PRINTABLE = re.compile(r"[!-~]+(?: [!-~]+)*")


class Field(str):
    """A header field as it is sent.  Python's email package keeps a value that has a name, and asks it to fold."""

    __slots__ = ("name",)
    name: str

    @classmethod
    def of(cls, name: str, text: str) -> Field:
        """The field *name* with the folded *text*."""
        field = cls(text)
        field.name = name
        return field

    def fold(self, *, policy: object) -> str:  # noqa: ARG002 - the interface of the email package
        """Return the field, ready to be sent."""
        return f"{self.name}: {self}\r\n"


def text_header(name: str, text: str) -> Field:
    """An unstructured field, such as Subject."""
    plain = not text or (_PRINTABLE.fullmatch(text) is not None and "=?" not in text)
    if plain and max(map(len, text.split(" ")), default=0) < LINE - len(name):
        return Field.of(name, _folded(text, len(name) + 2))
    return Field.of(name, "\r\n ".join(_encoded_words(text, LINE - len(name) - 2)))


def address_header(name: str, addresses: Sequence[tuple[str, str]]) -> Field:
    """A field of addresses, each a display name, which may be empty, and an ASCII address: one per line."""
    parts: list[str] = []
    column = len(name) + 2
    for display, address in addresses:
        parts.append(_mailbox(display, address, column))
        column = 1
    return Field.of(name, ",\r\n ".join(parts))


def list_header(name: str, parts: Iterable[str]) -> Field:
    """A field of ASCII parts that may not be broken, such as the addresses of List-Unsubscribe: one per line."""
    return Field.of(name, ",\r\n ".join(parts))


def file_header(disposition: str, file_name: str) -> Field:
    """Content-Disposition with a file name in any script (RFC 2231), in pieces of whole characters if it is long."""
    quoted = file_name.replace("\\", r"\\").replace('"', r"\"")
    whole = f"filename*=utf-8''{quote(file_name, safe='')}"
    if _PRINTABLE.fullmatch(file_name) and "=?" not in file_name and len(quoted) < LONGEST - len(' filename="";'):
        parts = [f'filename="{quoted}"']
    elif len(whole) < LONGEST:
        parts = [whole]
    else:
        pieces = _pieces(file_name, LONGEST - len(" filename*00*=utf-8'';"))
        parts = [f"filename*{number}*={'' if number else UTF_8}{piece}" for number, piece in enumerate(pieces)]
    return Field.of("Content-Disposition", ";\r\n ".join([disposition, *parts]))


def _mailbox(display: str, address: str, column: int) -> str:
    if not display:
        return address
    words = [display]
    if _ATOMS.fullmatch(display) is None or "=?" in display:
        quoted = display.replace("\\", r"\\").replace('"', r"\"")
        words = [f'"{quoted}"'] if _PRINTABLE.fullmatch(display) and "=?" not in display else []
    if not words or column + len(words[0]) > LINE:
        words = _encoded_words(display, LINE - column)
    return "\r\n ".join([*words, f"<{address}>"])


def _encoded_words(text: str, room: int) -> list[str]:
    """*text* as encoded words of whole characters, the first of at most *room* characters."""
    words: list[bytes] = []
    piece = b""
    for character in text:
        byte = character.encode("utf-8", "replace")
        if piece and _WRAP + 4 * -(-len(piece + byte) // 3) > min(WORD, LINE - 1 if words else room):
            words.append(piece)
            piece = b""
        piece += byte
    return [f"=?utf-8?b?{b64encode(one).decode('ascii')}?=" for one in [*words, piece]]


def _pieces(text: str, room: int) -> list[str]:
    """*text* percent-encoded, in pieces of whole characters."""
    pieces = [""]
    for character in text:
        one = quote(character, safe="")
        if len(pieces[-1]) + len(one) > room:
            pieces.append("")
        pieces[-1] += one
    return pieces


def _folded(text: str, column: int) -> str:
    """*text*, which begins in *column*, with a line break before some of its spaces."""
    first, *words = text.split(" ")
    lines, used = [first], column + len(first)
    for word in words:
        if used + 1 + len(word) > LONGEST:
            lines.append(f" {word}")
            used = 1 + len(word)
        else:
            lines[-1] += f" {word}"
            used += 1 + len(word)
    return "\r\n".join(lines)
