"""Headers of a report's mail: unsubscribing (RFC 2369, RFC 8058), replies, redirection and identification."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from ..domain import naming
from ..settings.unsubscribe import RECIPIENT, REPORT, read_ways

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..domain.report import Recipients
    from ..domain.run import Run
    from ..ports.services import Services


def unsubscribe_addresses(text: str, *, report: str, recipients: Sequence[str]) -> tuple[str, ...]:
    """The addresses of one message.

    One that has to know who clicks is only in a message to one person: everybody else would take each other off.
    """
    whole = [way for way in read_ways(text) if RECIPIENT not in way or len(recipients) == 1]
    who = quote(recipients[0], safe="") if recipients else ""
    return tuple(way.replace(REPORT, quote(report, safe="")).replace(RECIPIENT, who) for way in whole)


def unsubscribe_headers(ways: Sequence[str]) -> dict[str, str]:
    """`List-Unsubscribe`, and where a click can be a POST the header that says so; none where there is no way."""
    found = {"List-Unsubscribe": ", ".join(f"<{way}>" for way in ways)} if ways else {}
    if any(way.startswith("https:") for way in ways):
        found["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    return found


def unsubscribe_link(ways: Sequence[str]) -> str:
    """What stands in the message itself: the page rather than the mail; empty where there is neither."""
    return max(ways, key=lambda way: way.startswith("https:"), default="")


def unsubscribe_addresses_of(services: Services, run: Run, recipients: Recipients) -> tuple[str, ...]:
    """How this message's readers get off the report; a redirected one knows only the address it goes to."""
    redirect = services.settings.redirect_to
    everybody = (redirect,) if redirect else tuple(recipients)
    return unsubscribe_addresses(services.settings.unsubscribe, report=run.report.id, recipients=everybody)


def report_headers(run: Run) -> dict[str, str]:
    """What tells a machine which report a message is."""
    test = {"X-Scheduled-Report-Test": "true"} if run.request.test else {}
    return {"X-Scheduled-Report": naming.dag_id(run.report.id)} | test


def routing_headers(services: Services, recipients: Recipients) -> dict[str, str]:
    """Where answers go, and whom a redirected mail was meant for."""
    found = {"Reply-To": services.settings.reply_to} if services.settings.reply_to else {}
    if services.settings.redirect_to is not None:
        found["X-Intended-Recipients"] = ", ".join(recipients)
    return found
