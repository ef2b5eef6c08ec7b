"""Notify a report's owner: it began to fail, it works again, it was stopped after repeated failures.

One notice per change: not one per attempt, and not one per failed run.  They are told as well of what the mail
service's events tell: a message of unknown outcome was sent, an address is not mailed any more.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from ..domain import naming
from ..domain.addresses import is_address, mailbox
from ..domain.delivery import NOTICE, Delivery, DeliveryState
from ..domain.errors import DeliveryUnknownError, MailChangedError, MailStoppedError, PermanentError
from ..domain.reader import READER, reader_message
from ..domain.report import Recipients
from . import message, notice_body, plan
from .deliver import Checks, deliver
from .headers import routing_headers

if TYPE_CHECKING:
    from ..domain.reader import Unwanted
    from ..domain.report import Row
    from ..domain.run import RunKey
    from ..ports.mail import CurrentReport
    from ..ports.runs import FailureStreak
    from ..ports.services import Services

log = logging.getLogger(__name__)

FAILED, STOPPED, RECOVERED = (f"{NOTICE}{name}" for name in ("failed", "stopped", "recovered"))
CONFIRMED, SUPPRESSED = (f"{NOTICE}{name}" for name in ("confirmed", "suppressed"))
#: The notices that say whether a report works.
HEALTH = frozenset({FAILED, STOPPED, RECOVERED, CONFIRMED})


def notify(services: Services, key: RunKey) -> None:
    """Notify the owner if the settled run *key* changes the state of the report.

    Raises TransientError or MailStoppedError if the notice could not be sent yet; a later call sends it.
    """
    if services.settings.feedback_queue:  # first: a notice that a message was sent says as well that the report works
        notify_of_feedback(services, key)
    failure_streak = services.runs.failure_streak(key.report_id)
    news = _news(services, failure_streak)
    if news is not None and failure_streak.newest is not None:
        values = {"reason": failure_streak.reason or "", "streak": failure_streak.streak}
        _send(services, failure_streak.newest, news, **values)
    services.runs.mark_notified(key)


def _news(services: Services, failure_streak: FailureStreak) -> str | None:
    """Decide which notice is due; a report is stopped here, so that the notice states a fact."""
    if not failure_streak.failed or failure_streak.newest is None:
        return RECOVERED if failure_streak.notified in (FAILED, STOPPED) and failure_streak.failed is False else None
    limit = services.settings.failures_in_a_row
    if limit and failure_streak.streak >= limit and services.upkeep_store.give_up(failure_streak.newest.report_id):
        return STOPPED
    return None if failure_streak.notified_lately and failure_streak.notified in (FAILED, STOPPED) else FAILED


def notify_of_feedback(services: Services, key: RunKey) -> None:
    """Notify the owner of a run of what the mail service's events told of its messages.

    Raises TransientError or MailStoppedError if a notice could not be sent yet; a later call sends it.
    """
    news = services.feedback.news(key)
    if news.confirmed:
        _send(services, key, CONFIRMED)
    if news.suppressions:
        # Several messages of a run may bounce at different times.
        first = reader_message(news.suppressions[0].address).removeprefix(READER)
        _send(services, key, f"{SUPPRESSED}/{first}", suppressions=news.suppressions)
    services.feedback.told(key)


def _send(services: Services, key: RunKey, message_name: str, **values: Any) -> None:
    """Send a notice to the owner, unless they cannot be reached; *values* are those of this kind of notice."""
    settings, row = services.settings, services.definitions.row(key.report_id)
    owner = _mailed(row, services.readers.unwanted(key.report_id))
    if row is None or owner is None or settings.mail_mode == "off" or not settings.may_receive(owner):
        return
    recipients = Recipients(to=(owner,))
    (envelope,) = plan.envelopes(services, recipients)
    notice = notice_body.Notice(
        kind=message_name.removeprefix(NOTICE).partition("/")[0],
        name=naming.one_line(row["name"]),
        workspace=naming.one_line(row["workspace_name"] or ""),
        run_id=key.run_id,
        **values,
    )
    delivery = Delivery(
        key=key,
        message=message_name,
        state=DeliveryState.CLAIMED,
        subject=notice.subject,
        recipients=envelope,
        mode="link",
        formats=(),
    )
    raw = message.compose(
        sender=settings.sender,
        recipients=envelope,
        subject=notice.subject,
        bodies=notice_body.bodies(notice),
        headers=routing_headers(services, recipients) | {"X-Scheduled-Report-Notice": naming.dag_id(key.report_id)},
    )

    def confirm(now: CurrentReport) -> None:
        if _mailed(now.row, now.unwanted) != owner:
            raise MailChangedError("the report has another owner now")

    try:
        deliver(services, delivery, raw, {"notice": notice.kind, "report": key.report_id}, Checks(confirm))
    except MailStoppedError:  # upkeep sends it once the switch is on again
        raise
    except (PermanentError, DeliveryUnknownError) as error:  # recorded in the ledger; repeating it would not help
        log.warning("the owner of report %s was not notified: %s", key.report_id, error)


def _mailed(row: Row | None, unwanted: Unwanted) -> str | None:
    """The reachable owner's address, unless it is not mailed any more."""
    owner = reachable_owner(row)
    return owner if owner is not None and mailbox(owner) not in unwanted.suppressed else None


def reachable_owner(row: Row | None) -> str | None:
    """The creator's address, while they are a member of the workspace and not suspended."""
    if row is None or not row["creator_is_member"] or row["creator_status"] == "SUSPENDED":
        return None
    return row["creator_email"] if is_address(row["creator_email"] or "") else None
