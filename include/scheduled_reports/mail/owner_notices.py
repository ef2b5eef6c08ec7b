"""Notify a report's owner: it began to fail, it works again, it was stopped after repeated failures.

One notice per change: not one per attempt, and not one per failed run.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from ..domain import naming
from ..domain.addresses import is_address
from ..domain.delivery import NOTICE, Delivery, DeliveryState
from ..domain.errors import DeliveryUnknownError, MailChangedError, MailStoppedError, PermanentError
from ..domain.report import Recipients
from . import message, notice_body, plan
from .deliver import Checks, deliver
from .headers import routing_headers

if TYPE_CHECKING:
    from ..domain.report import Row
    from ..domain.run import RunKey
    from ..ports.runs import FailureStreak
    from ..ports.services import Services

log = logging.getLogger(__name__)

FAILED, STOPPED, RECOVERED = (f"{NOTICE}{name}" for name in ("failed", "stopped", "recovered"))


def notify(services: Services, key: RunKey) -> None:
    """Notify the owner if the settled run *key* changes the state of the report.

    Raises TransientError or MailStoppedError if the notice could not be sent yet; a later call sends it.
    """
    failure_streak = services.runs.failure_streak(key.report_id)
    news = _news(services, failure_streak)
    if news is not None and failure_streak.newest is not None:
        _send(services, failure_streak, failure_streak.newest, news)
    services.runs.mark_notified(key)


def _news(services: Services, failure_streak: FailureStreak) -> str | None:
    """Decide which notice is due; a report is stopped here, so that the notice states a fact."""
    if not failure_streak.failed or failure_streak.newest is None:
        return RECOVERED if failure_streak.notified in (FAILED, STOPPED) and failure_streak.failed is False else None
    limit = services.settings.failures_in_a_row
    if limit and failure_streak.streak >= limit and services.upkeep_store.give_up(failure_streak.newest.report_id):
        return STOPPED
    return None if failure_streak.notified_lately and failure_streak.notified in (FAILED, STOPPED) else FAILED


def _send(services: Services, failure_streak: FailureStreak, key: RunKey, news: str) -> None:
    settings, row = services.settings, services.definitions.row(key.report_id)
    owner = reachable_owner(row)
    if row is None or owner is None or settings.mail_mode == "off" or not settings.may_receive(owner):
        return
    recipients = Recipients(to=(owner,))
    (envelope,) = plan.envelopes(services, recipients)
    notice = notice_body.Notice(
        kind=news.removeprefix(NOTICE),
        name=naming.one_line(row["name"]),
        workspace=naming.one_line(row["workspace_name"] or ""),
        run_id=key.run_id,
        reason=failure_streak.reason or "",
        streak=failure_streak.streak,
    )
    delivery = Delivery(
        key=key,
        message=news,
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

    def confirm(now: Row | None) -> None:
        if reachable_owner(now) != owner:
            raise MailChangedError("the report has another owner now")

    try:
        deliver(services, delivery, raw, {"notice": notice.kind, "report": key.report_id}, Checks(confirm))
    except MailStoppedError:  # upkeep sends it once the switch is on again
        raise
    except (PermanentError, DeliveryUnknownError) as error:  # recorded in the ledger; repeating it would not help
        log.warning("the owner of report %s was not notified: %s", key.report_id, error)


def reachable_owner(row: Row | None) -> str | None:
    """The creator's address, while they are a member of the workspace and not suspended."""
    if row is None or not row["creator_is_member"] or row["creator_status"] == "SUSPENDED":
        return None
    return row["creator_email"] if is_address(row["creator_email"] or "") else None
