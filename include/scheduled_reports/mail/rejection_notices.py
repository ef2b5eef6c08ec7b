"""Tell people that reports cannot run: once per rejection, one mail for all that the same people have to correct.

The creator is told.  If they cannot be told, because they are suspended or have left the workspace, its owners and
administrators are.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from uuid import uuid4

from ..domain import naming
from ..domain.addresses import is_address, mailbox
from ..domain.bidi import isolated
from ..domain.delivery import NOTICE, Delivery, DeliveryState
from ..domain.errors import DeliveryUnknownError, PermanentError, ReportsError
from ..domain.report import Recipients
from ..domain.run import RunKey
from . import message, plan, templates
from .deliver import deliver
from .headers import routing_headers
from .owner_notices import reachable_owner

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ..domain.problem import Problem
    from ..domain.report import Rejection, Row
    from ..ports.services import Services

log = logging.getLogger(__name__)

REJECTED: Final = f"{NOTICE}rejected"
OWNER: Final = "created_by_id"
#: Reports that are told of per round, and reports and reasons that one mail lists.
MOST, LISTED, REASONS = 1_000, 20, 5


@dataclass(frozen=True, kw_only=True, slots=True)
class RejectedReport:
    """A report in a notice, with why it cannot run."""

    name: str
    reasons: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class RejectionNotice:
    """What one mail tells; *gone* is the name of an owner who is suspended or has left, empty for other reasons."""

    workspace: str
    reports: tuple[RejectedReport, ...]
    gone: str
    to_owner: bool

    @property
    def heading(self) -> str:
        """What happened."""
        if len(self.reports) == 1:
            name = isolated(self.reports[0].name)
            return f"{name} no longer has an owner" if self.gone else f"{name} cannot run"
        count = f"{len(self.reports)} reports"
        return f"{count} no longer have an owner" if self.gone else f"{count} cannot run"

    @property
    def subject(self) -> str:
        """The subject of the mail."""
        return f"{self.heading} ({isolated(self.workspace)})"

    @property
    def explanation(self) -> str:
        """What it means, and what to do."""
        if self.gone:
            return (
                f"{isolated(self.gone)} is suspended or has left the workspace: nothing is sent until another owner is "
                "chosen. A report then goes on, and its policy for missed runs decides what is sent of those it missed."
            )
        return "Nothing is sent until the reasons below are corrected. A report then goes on within a minute."

    @property
    def shown(self) -> tuple[RejectedReport, ...]:
        """The reports that the mail lists."""
        return self.reports[:LISTED]

    @property
    def others(self) -> str:
        """How many reports are not listed; empty if all are."""
        rest = len(self.reports) - LISTED
        return f"And {rest} more." if rest > 0 else ""

    @property
    def why_you(self) -> str:
        """Why the reader receives the mail."""
        owned = "this report" if len(self.reports) == 1 else "these reports"
        role = f"you own {owned}" if self.to_owner else "you are an owner or administrator of the workspace"
        return f"You receive this because {role}."


@dataclass(frozen=True, kw_only=True, slots=True)
class _Group:
    """Rejected reports that one mail tells of; *notice* is its id in the ledger."""

    notice: str
    readers: tuple[str, ...]
    rows: tuple[Row, ...]


def is_without_owner(problems: Iterable[Problem]) -> bool:
    """Whether a report would be valid with another owner."""
    return all(problem.column == OWNER for problem in problems)


def tell(services: Services, rows: Iterable[Row], rejections: Iterable[Rejection]) -> int:
    """Tell of every rejection that nobody was told of; return how many reports were told of.

    A notice that could not be sent yet is sent by a later call; one whose outcome is unknown is not sent again.
    """
    untold = services.upkeep_store.untold_rejections(limit=MOST)
    problems = {one.report_id: one.problems for one in rejections if one.report_id in untold}
    affected = [row for row in rows if row["id"] in problems]
    told = 0
    for group in _groups(services, affected, untold, problems):
        ids = [str(row["id"]) for row in group.rows]
        try:
            services.upkeep_store.name_notice(ids, group.notice)
            if group.readers and services.settings.mail_mode != "off":
                _send(services, group, problems)
        except (PermanentError, DeliveryUnknownError) as error:  # recorded in the ledger; repeating it would not help
            log.warning("nobody was told that %s reports are rejected: %s", len(ids), error)
        except ReportsError as error:  # a later round sends it
            log.warning("nobody could be told yet that %s reports are rejected: %s", len(ids), error)
            continue
        services.upkeep_store.told(ids)
        told += len(ids)
    return told


def _groups(
    services: Services,
    rows: Iterable[Row],
    notices: Mapping[str, str | None],
    problems: Mapping[str, tuple[Problem, ...]],
) -> Iterable[_Group]:
    """Group reports by the notice that names them already, and others by who is told of what."""
    grouped: dict[object, list[Row]] = {}
    for row in rows:
        known = notices[row["id"]]
        gone = _gone(row, problems[row["id"]])
        key: object = known or (row["workspace_id"], row["created_by_id"], bool(gone))
        grouped.setdefault(key, []).append(row)
    for key, members in grouped.items():
        notice = key if isinstance(key, str) else f"rejected__{uuid4().hex}__{members[0]['id']}"
        yield _Group(notice=notice, readers=_readers(services, members[0]), rows=tuple(members))


def _readers(services: Services, row: Row) -> tuple[str, ...]:
    """The creator; if they cannot be told, the owners and administrators of the workspace."""
    owner, workspace_id = reachable_owner(row), row["workspace_id"] or ""
    found = (owner,) if owner is not None else services.definitions.admins(workspace_id)
    readable = [address for address in found if is_address(address) and services.settings.may_receive(address)]
    suppressed = services.feedback.suppressed(workspace_id) if readable else frozenset()
    return tuple(address for address in readable if mailbox(address) not in suppressed)


def _gone(row: Row, problems: Iterable[Problem]) -> str:
    """The name of an owner who is suspended or has left; empty if that is not why the report is rejected."""
    if reachable_owner(row) is not None or not any(problem.column == OWNER for problem in problems):
        return ""
    return naming.one_line(row["creator_name"] or row["creator_email"] or "The owner")


def _send(services: Services, group: _Group, problems: Mapping[str, tuple[Problem, ...]]) -> None:
    first = group.rows[0]
    gone = _gone(first, problems[first["id"]])
    notice = RejectionNotice(
        workspace=naming.one_line(first["workspace_name"] or ""),
        gone=gone,
        to_owner=reachable_owner(first) is not None,
        reports=tuple(
            RejectedReport(
                name=naming.one_line(row["name"]) or str(row["id"]),
                reasons=tuple(one.loggable for one in problems[row["id"]] if not (gone and one.column == OWNER))[
                    :REASONS
                ],
            )
            for row in group.rows
        ),
    )
    recipients = Recipients(to=group.readers)
    (envelope,) = plan.envelopes(services, recipients)
    delivery = Delivery(
        # The notice's id ends with the report under which the ledger keeps it.
        key=RunKey(report_id=group.notice.split("__", 2)[2], run_id=group.notice),
        message=REJECTED,
        state=DeliveryState.CLAIMED,
        subject=notice.subject,
        recipients=envelope,
        mode="link",
        formats=(),
    )
    raw = message.compose(
        sender=services.settings.sender,
        recipients=envelope,
        subject=notice.subject,
        bodies=_bodies(notice),
        headers=routing_headers(services, recipients) | {"X-Scheduled-Report-Notice": "rejected"},
    )
    deliver(services, delivery, raw, {"notice": "rejected", "workspace": str(first["workspace_id"])})


def _bodies(notice: RejectionNotice) -> tuple[str, str]:
    """Compose the notice as text and as HTML."""
    templated = (templates.TEMPLATES.get_template(f"rejected.{kind}.j2") for kind in ("txt", "html"))
    text, html = (template.render(notice=notice, isolated=isolated) for template in templated)
    return text, html
