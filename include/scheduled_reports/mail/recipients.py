"""Split recipients into envelopes; remove repeated addresses; say whom a run by hand may be mailed to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..domain.addresses import mailbox, spellings
from ..domain.report import Recipients

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from ..ports.services import Services
    from ..settings import Settings


def envelopes(recipients: Recipients, limit: int) -> tuple[Recipients, ...]:
    """Split recipients into envelopes of at most *limit* addresses; each address is in exactly one."""
    everyone = [
        *(("to", address) for address in recipients.to),
        *(("cc", address) for address in recipients.cc),
        *(("bcc", address) for address in recipients.bcc),
    ]
    parts = [everyone[first : first + limit] for first in range(0, len(everyone), limit)]
    return tuple(
        Recipients(**{kind: tuple(address for one, address in part if one == kind) for kind in ("to", "cc", "bcc")})
        for part in parts
    )


def without_repeats(recipients: Recipients) -> Recipients:
    """Keep the first occurrence of each mailbox, whatever its spelling: to before cc before bcc."""
    seen: set[str] = set()

    def unseen(addresses: tuple[str, ...]) -> tuple[str, ...]:
        kept = []
        for address in addresses:
            if (one := mailbox(address)) not in seen:
                seen.add(one)
                kept.append(address)
        return tuple(kept)

    return Recipients(to=unseen(recipients.to), cc=unseen(recipients.cc), bcc=unseen(recipients.bcc))


def may_be_named(services: Services, workspace_id: str, addresses: Iterable[str]) -> frozenset[str]:
    """The mailboxes among *addresses* that a person may name: the workspace's members, and ALLOWED_DOMAINS."""
    return named_by(services.definitions.members, services.settings, workspace_id, addresses)


def named_by(
    members_of: Callable[[str, Collection[str]], frozenset[str]],
    settings: Settings,
    workspace_id: str,
    addresses: Iterable[str],
) -> frozenset[str]:
    """The same, where *members_of* finds the members of a workspace."""
    asked = {mailbox(address) for address in addresses}
    if not asked:
        return frozenset()
    spelled = {spelling for address in asked for spelling in spellings(address)}
    members = {mailbox(address) for address in members_of(workspace_id, spelled)}
    domains = settings.domains
    return frozenset(one for one in asked if one in members or one.rpartition("@")[2] in domains)
