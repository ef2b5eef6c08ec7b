"""Keep to the mail service's rate: the tasks of all workers take their turns from one row of the database.

The rate is MAIL_RATE, or what the service says of the account.  It counts recipients: a message to five takes the time
of five messages.  Before the first answer, and where the service gives none, mail is sent as fast as it comes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..domain.delivery import LONGEST_PAUSE
from ..domain.errors import TransientError

if TYPE_CHECKING:
    from ..ports.services import Services


def wait_for_turn(services: Services, recipients: int) -> None:
    """Wait until a message to so many recipients may be sent; TransientError if this attempt has no time for it."""
    left = (services.mail_until - services.now()).total_seconds()
    if left < 0:  # a time-out could end the task in the middle of a call, and nobody would know what became of it
        raise TransientError("the time of this attempt is over; a retry sends the other messages")
    service, own = services.settings.mail_via, services.settings.mail_rate
    turn = services.send_rate.reserve(service, recipients, per_second=own, longest=min(left, LONGEST_PAUSE))
    if turn.is_old and not own:
        _learn(services, service)
    if turn.seconds is None:
        raise TransientError("too many messages wait for the rate of the mail service; a retry sends this one")
    if turn.seconds:
        services.wait(turn.seconds)


def _learn(services: Services, service: str) -> None:
    """Ask for the rate, unless another task does; without an answer the last one stays."""
    if services.send_rate.ask(service):
        found = services.mailer.recipients_per_second()
        if found is not None:
            services.send_rate.learn(service, found)
