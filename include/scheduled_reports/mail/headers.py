"""Headers of a report's mail: unsubscribing (RFC 2369, RFC 8058), replies, redirection, identification."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from ..domain import naming
from ..settings.unsubscribe import RECIPIENT, REPORT, read_ways

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..domain.brand import Brand
    from ..domain.report import Recipients
    from ..domain.run import Run
    from ..ports.services import Services


def unsubscribe_addresses(text: str, *, report: str, recipients: Sequence[str]) -> tuple[str, ...]:
    """Fill the unsubscribe addresses of one message.

    An address that names the recipient is used only in a message to one person; otherwise one reader could
    unsubscribe another.
    """
    usable = [way for way in read_ways(text) if RECIPIENT not in way or len(recipients) == 1]
    who = quote(recipients[0], safe="") if recipients else ""
    return tuple(way.replace(REPORT, quote(report, safe="")).replace(RECIPIENT, who) for way in usable)


def unsubscribe_headers(ways: Sequence[str], *, one_click: bool = True) -> dict[str, str]:
    """Make `List-Unsubscribe`, and for one-click (a POST to https) `List-Unsubscribe-Post`; empty without addresses.

    A POST tells nothing but the URL: without the recipient in it *one_click* is false (RFC 8058, 3.1).
    """
    found = {"List-Unsubscribe": ", ".join(f"<{way}>" for way in ways)} if ways else {}
    if one_click and any(way.startswith("https:") for way in ways):
        found["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    return found


def knows_recipient(text: str) -> bool:
    """Whether the https address of the setting names the recipient, so that a POST to it says who clicked."""
    return any(RECIPIENT in way for way in read_ways(text) if way.startswith("https:"))


def unsubscribe_link(ways: Sequence[str]) -> str:
    """Choose the address for the link in the message: https before mailto; empty without addresses."""
    return max(ways, key=lambda way: way.startswith("https:"), default="")


def unsubscribe_addresses_of(services: Services, run: Run, recipients: Recipients) -> tuple[str, ...]:
    """The unsubscribe addresses of this message; a redirected one names only the address it is redirected to."""
    redirect = services.settings.redirect_to
    reached = (redirect,) if redirect else tuple(recipients)
    return unsubscribe_addresses(services.settings.unsubscribe, report=run.report.id, recipients=reached)


def report_headers(run: Run) -> dict[str, str]:
    """Headers that identify the report to programs."""
    test = {"X-Scheduled-Report-Test": "true"} if run.request.test else {}
    return {"X-Scheduled-Report": naming.dag_id(run.report.id)} | test


def routing_headers(services: Services, recipients: Recipients, brand: Brand | None = None) -> dict[str, str]:
    """Headers for replies, and for the intended recipients of a redirected message.

    A workspace with a sender of its own does not get its replies at the deployment's address.
    """
    reply_to = services.settings.reply_to
    if brand is not None and (brand.reply_to or brand.sender_address):
        reply_to = brand.reply_to
    found = {"Reply-To": reply_to} if reply_to else {}
    if services.settings.redirect_to is not None:
        found["X-Intended-Recipients"] = ", ".join(recipients)
    return found
