"""What is wrong with one value, kept as data, and the sentence that says it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

LONGEST_VALUE = 120
#: Columns and keys of a request whose values are addresses.
ADDRESSES = frozenset({"recipients", "email_recipients", "email_cc_recipients", "email_bcc_recipients"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Problem:
    """One thing wrong with one value: where it is, the value, and what is wrong with it and what to do.

    *reason* continues a sentence that begins with the value: "is not an IANA time zone; use one such as Europe/Berlin".
    With a *noun* the sentence begins with "Unknown <noun> <value>;" and *reason* says only what to do.
    """

    column: str
    value: Any
    reason: str
    noun: str = ""

    @property
    def sentence(self) -> str:
        """The problem without its column, for where the column is named already."""
        value = shown(self.value)
        return f"Unknown {self.noun} {value}; {self.reason}." if self.noun else f"{value} {self.reason}."

    @property
    def rule(self) -> str:
        """The problem without its value, for logs: a value may be an address."""
        return f"{self.column}: unknown {self.noun}; {self.reason}" if self.noun else f"{self.column} {self.reason}"

    @property
    def loggable(self) -> str:
        """The problem as text for logs and records: without the value where values are addresses."""
        return f"{self.column}: the value {self.reason}." if self.column in ADDRESSES else str(self)

    def __str__(self) -> str:
        return f"{self.column}: {self.sentence}"


def shown(value: Any) -> str:
    """*value* as JSON on one line, with unprintable characters escaped, cut when it is long."""
    text = _as_json(value)
    text = text if len(text) <= LONGEST_VALUE else f"{text[: LONGEST_VALUE - 3]}..."
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode() for character in text
    )


def _as_json(value: Any) -> str:
    try:
        return json.dumps(value, ensure_ascii=False, default=str)
    except RecursionError:
        return "…"
    except (TypeError, ValueError):  # YAML has keys and cycles that JSON has not
        try:
            return repr(value)
        except ValueError:  # an integer of more than 4,300 digits
            return "…"
