"""The links of one message: to its files, to the way out, and to what else its reader gets."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from ..domain.link_token import LinkToken, Purpose
from .headers import knows_recipient, unsubscribe_addresses_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime, timedelta
    from uuid import UUID

    from ..domain.formats import Format
    from ..domain.report import Recipients
    from ..domain.run import Artifact, Run
    from ..ports.services import Services
    from ..settings import Settings


#: Where a link of a preview leads.
NOWHERE: Final = "#"


@dataclass(frozen=True, kw_only=True, slots=True)
class MessageLinks:
    """The links of one message; *leave* are the addresses for unsubscribing, https before mailto."""

    files: Mapping[Format, str] = field(repr=False)
    expires: datetime
    leave: tuple[str, ...] = field(default=(), repr=False)
    #: Whether a POST to the https address unsubscribes the reader (RFC 8058).
    one_click: bool = False
    manage: str = field(default="", repr=False)


def signed_by_s3(services: Services, run: Run, artifacts: Sequence[Artifact], recipients: Recipients) -> MessageLinks:
    """The links of a deployment without a public door: presigned by S3, the way out as UNSUBSCRIBE says."""
    lifetime = services.store.lifetime(services.settings.link_seconds)
    return MessageLinks(
        files={one.format: services.store.link(one.object_key, lifetime) for one in artifacts},
        expires=services.now() + lifetime,
        leave=unsubscribe_addresses_of(services, run, recipients),
        one_click=knows_recipient(services.settings.unsubscribe),
    )


def of_public_door(
    services: Services, run: Run, artifacts: Sequence[Artifact], recipients: Recipients, reader: UUID
) -> MessageLinks:
    """The links of a message to the public door; there is a way out only if it has one reader."""
    settings = services.settings
    until, mailtos = services.now() + settings.link_seconds, _mailtos(services, run, recipients)
    files = {one.format: _link(services, Purpose.FILES, reader, settings.link_seconds, one.format) for one in artifacts}
    if settings.redirect_to is not None or len(recipients) != 1:
        return MessageLinks(files=files, expires=until, leave=mailtos)
    # These work as long as the record of the run, so that an old mail is no trap.
    leave, manage = (
        _link(services, purpose, reader, settings.keep_rows_seconds) for purpose in (Purpose.LEAVE, Purpose.MANAGE)
    )
    return MessageLinks(files=files, expires=until, leave=(leave, *mailtos), one_click=True, manage=manage)


def of_preview(settings: Settings, artifacts: Sequence[Artifact], now: datetime, *, to_one: bool) -> MessageLinks:
    """Links that lead nowhere, for a preview; *to_one* says whether the message has one reader."""
    has_door = bool(settings.door) and to_one
    return MessageLinks(
        files={one.format: NOWHERE for one in artifacts},
        expires=now + settings.link_seconds,
        leave=(NOWHERE,) if has_door or settings.unsubscribe else (),
        manage=NOWHERE if has_door else "",
    )


def _mailtos(services: Services, run: Run, recipients: Recipients) -> tuple[str, ...]:
    """The mailto address of UNSUBSCRIBE, which stays; our page takes the place of an https address."""
    ways = unsubscribe_addresses_of(services, run, recipients)
    return tuple(way for way in ways if way.startswith("mailto:"))


def _link(services: Services, purpose: Purpose, reader: UUID, lifetime: timedelta, chosen: Format | None = None) -> str:
    token = services.settings.keys.sign(LinkToken(purpose, reader, services.now() + lifetime, chosen))
    return f"{services.settings.door}/{purpose}/{token}"
