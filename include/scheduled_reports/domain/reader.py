"""Readers of a report's email: whom a link names, and who has left."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from .addresses import mailbox

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

#: The prefix of the names of messages to one reader.
READER = "reader/"


def reader_message(address: str) -> str:
    """The name of the message to one reader in the ledger: it does not change with the spelling of the address."""
    return READER + hashlib.sha256(mailbox(address).encode()).hexdigest()[:32]


class LeftBy(StrEnum):
    """How a reader left a report: with the button of their mail program (RFC 8058), or on one of our pages."""

    ONE_CLICK = "one-click"
    PAGE = "page"
    MANAGE = "manage"


@dataclass(frozen=True, kw_only=True, slots=True)
class Addressee:
    """To whom a message goes whose links the public door is to know.

    *address* is None for a message to several readers, which names none.  *of_report* says whether the report's row
    names them: links of readers who are taken off it end.
    """

    message: str
    address: str | None
    of_report: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class Reader:
    """One reader of one run, as its links know them, and how often they have opened its files.

    *automatic* counts openings within ten seconds of sending, which are those of programs that check links.
    """

    handle: UUID
    message: str
    address: str | None
    openings: int = 0
    automatic: int = 0
    last_opened_at: datetime | None = None
    revoked_at: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Unwanted:
    """The mailboxes that a report does not mail: of readers who left it, and those its workspace's reports spare."""

    left: frozenset[str] = frozenset()
    suppressed: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True, slots=True)
class OptOut:
    """A reader who left a report.

    *returned_by* is who took it back, an acting user's id or `airflow:<user>`; None if the reader's own link did.
    """

    address: str
    left_at: datetime
    how: LeftBy
    returned_at: datetime | None = None
    returned_by: str | None = None
    return_reason: str | None = None
