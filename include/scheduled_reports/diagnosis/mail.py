"""Check the mail service and the queue of its events; send a test message if an address is named."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from ..domain.addresses import is_address
from ..domain.errors import DeliveryUnknownError, ReportsError
from ..domain.finding import fault, ok, warning
from ..domain.report import Recipients
from ..mail import message

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..domain.finding import Finding
    from ..ports.services import Services

#: Upkeep reads the queue to its end once a minute.
SILENT: Final = timedelta(minutes=15)
SUBJECT: Final = "A test of scheduled reports"
TEXT: Final = "This message was sent by `scheduled-reports doctor --send-to`. Email works."


def service(services: Services) -> Iterator[Finding]:
    """What the mail service says; nothing is sent."""
    if services.settings.mail_mode == "off":
        yield ok("mail", "not checked: MAIL_MODE is off")
        return
    yield from services.mailer.findings(services.settings)


def events(services: Services) -> Iterator[Finding]:
    """Whether the queue of the service's events can be asked, and is read."""
    queue = services.event_queue
    if queue is None:
        return
    waiting = queue.waiting()
    read = services.feedback.feedback().drained_at
    if read is None or services.now() - read > SILENT:
        since = f"since {read:%Y-%m-%d %H:%M} UTC" if read else "yet"
        text = f"upkeep has not read the queue to its end {since}; {waiting:,} messages wait"
        yield warning("events", text, "make sure that the DAG scheduled_reports_upkeep runs every minute")
    else:
        yield ok("events", f"the queue was read to its end at {read:%H:%M} UTC; {waiting:,} messages wait")


def send_test(services: Services, address: str) -> Iterator[Finding]:
    """Send one message to *address*, past the ledger; the result is known by its arrival."""
    settings, remedy = services.settings, "correct the address, the sender or the mail service"
    if settings.mail_mode == "off":
        yield fault("test message", "MAIL_MODE is off: nothing was sent", "set redirect:<address> or live")
        return
    if not is_address(address) or not settings.may_receive(address):
        yield fault(
            "test message", "the address may not be mailed", "use one plain address that RECIPIENT_DOMAINS allows"
        )
        return
    recipients = Recipients(to=(settings.redirect_to or address,))
    raw = message.compose(
        sender=settings.sender, recipients=recipients, subject=SUBJECT, bodies=(TEXT, f"<p>{TEXT}</p>")
    )
    try:
        found = services.mailer.send(settings.sender, recipients, raw, tags={"notice": "test"})
    except DeliveryUnknownError as error:
        yield warning("test message", f"it may have been sent: {error}", "look into the mailbox")
    except ReportsError as error:
        yield fault("test message", f"it was not sent: {error}", remedy)
    else:
        yield ok("test message", f"the mail service accepted it as {found}")
