"""What a report's owner is told: that it has begun to fail, that it works again, that it was taken off its schedule.

Once each: not per attempt, and not per run of a streak.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from ..domain import naming
from ..domain.addresses import is_address
from ..domain.delivery import NOTICE, Delivery, DeliveryState
from ..domain.errors import DeliveryUnknownError, MailStoppedError, PermanentError
from ..domain.report import Recipients
from . import message, notice_body, plan
from .deliver import deliver
from .headers import routing_headers

if TYPE_CHECKING:
    from ..domain.report import Row
    from ..domain.run import RunKey
    from ..ports.runs import FailureStreak
    from ..ports.services import Services

log = logging.getLogger(__name__)

FAILED, STOPPED, RECOVERED = (f"{NOTICE}{name}" for name in ("failed", "stopped", "recovered"))


def tell(services: Services, key: RunKey) -> None:
    """Tell the owner what the settling of *key* makes of his report, if that is news.

    Raises TransientError or MailStoppedError where it could not be said yet; a later call says it.
    """
    failure_streak = services.runs.failure_streak(key.report_id)
    news = _news(services, failure_streak)
    if news is not None and failure_streak.newest is not None:
        _send(services, failure_streak, failure_streak.newest, news)
    services.runs.mark_notified(key)


def _news(services: Services, failure_streak: FailureStreak) -> str | None:
    """Which notice is due; giving up is done here, so that the notice says what is so."""
    if not failure_streak.failed or failure_streak.newest is None:
        return RECOVERED if failure_streak.notified in (FAILED, STOPPED) and failure_streak.failed is False else None
    limit = services.settings.failures_in_a_row
    if limit and failure_streak.streak >= limit and services.upkeep_store.give_up(failure_streak.newest.report_id):
        return STOPPED
    return None if failure_streak.notified_lately and failure_streak.notified in (FAILED, STOPPED) else FAILED


def _send(services: Services, failure_streak: FailureStreak, key: RunKey, news: str) -> None:
    settings, row = services.settings, services.definitions.row(key.report_id)
    owner = _owner(row)
    if row is None or owner is None or settings.mail_mode == "off" or not settings.may_receive(owner):
        return
    recipients = Recipients(to=(owner,))
    (envelope,) = plan.envelopes(services, recipients)
    told = notice_body.Notice(
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
        subject=told.subject,
        recipients=envelope,
        mode="link",
        formats=(),
    )
    raw = message.compose(
        sender=settings.sender,
        recipients=envelope,
        subject=told.subject,
        bodies=notice_body.bodies(told),
        headers=routing_headers(services, recipients) | {"X-Scheduled-Report-Notice": naming.dag_id(key.report_id)},
    )
    try:
        deliver(services, delivery, raw, {"notice": told.kind, "report": key.report_id})
    except MailStoppedError:  # upkeep says it once the switch is on again
        raise
    except (PermanentError, DeliveryUnknownError) as error:  # the ledger has it; nothing is made better by repeating it
        log.warning("the owner of report %s was not told: %s", key.report_id, error)


def _owner(row: Row | None) -> str | None:
    """The creator's address, while he may still know of the report."""
    if row is None or not row["creator_is_member"] or row["creator_status"] == "SUSPENDED":
        return None
    return row["creator_email"] if is_address(row["creator_email"] or "") else None
