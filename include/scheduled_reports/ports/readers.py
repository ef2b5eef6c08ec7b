"""Ports: the readers whom links name, the opt-outs, and what the public door may do with a link."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from ..domain.formats import Format
    from ..domain.reader import Addressee, LeftBy, OptOut, Reader, Unwanted
    from ..domain.run import AuditAction, RunKey


#: The most opt-outs that are shown of a report, because a reader may leave and come back any number of times.
MOST_OPT_OUTS = 500


class Readers(Protocol):
    """The readers of runs, and who has left a report."""

    def enlist(self, key: RunKey, workspace_id: str, addressees: Sequence[Addressee]) -> Mapping[str, UUID]:
        """The handle of each message's reader, by the message's name; repeating it returns the same handles."""

    def of(self, key: RunKey) -> Sequence[Reader]:
        """The readers of a run, ordered by message."""

    def revoke(self, key: RunKey, act: AuditAction) -> int:
        """End the links to a run's files; return how many readers had some that still worked.

        *act* is noted in the audit trail if there were any.
        """

    def opted_out(self, report_id: str) -> frozenset[str]:
        """The mailboxes of those who have left a report (see `domain.addresses.mailbox`).

        A report that has moved to another workspace has left its opt-outs behind.
        """

    def unwanted(self, report_id: str) -> Unwanted:
        """The mailboxes that a report does not mail: those of `opted_out`, and those that bounced or complained."""

    def opt_outs(self, report_id: str) -> Sequence[OptOut]:
        """Who ever left a report, at most 500: those in effect first, then those taken back, each the newest first."""

    def take_back(self, report_id: str, address: str, act: AuditAction, reason: str) -> bool:
        """Let a reader who left be mailed again, and note *act* in the audit trail; False if they have not left."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DoorReader:
    """What the pages of the public door say of a link: its reader, report and workspace."""

    address: str
    report: str
    workspace: str
    left_at: datetime | None = None
    #: The name of the workspace's brand; empty for the deployment's.
    brand: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class DoorFile:
    """The file of a link."""

    bucket: str
    object_key: str
    content_type: str
    bytes: int


@dataclass(frozen=True, kw_only=True, slots=True)
class DoorReport:
    """A report of the workspace that mails the reader of a link, or that they have left."""

    id: str
    name: str
    has_left: bool


class Door(Protocol):
    """What the public door may do, each with the handle of a verified token; it can do nothing without one."""

    def file(self, reader: UUID, chosen: Format, *, is_opening: bool) -> DoorFile | None:
        """The file, if the link still works; *is_opening* counts it."""

    def reader(self, reader: UUID) -> DoorReader | None:
        """The one reader of a link; None if there is none, or if their report is gone."""

    def leave(self, reader: UUID, how: LeftBy) -> bool:
        """Take the reader off their report; False if the link names none.  Repeating it changes nothing."""

    def come_back(self, reader: UUID) -> bool:
        """Take an opt-out back; False if the link names no reader."""

    def reports(self, reader: UUID) -> Sequence[DoorReport]:
        """The reports that mail the reader or that they have left: the link's own, the others by name; at most 200."""

    def switch(self, reader: UUID, report_id: str, *, receives: bool) -> bool:
        """Leave one of `reports`, or come back to it; False if it is none of them."""
