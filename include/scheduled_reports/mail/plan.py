"""Plan a run's mail: recipients, subject, options, or why there is no mail.

The plan is made when the first message is claimed and does not change afterwards.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..domain import naming
from ..domain.delivery import DeliveryState
from ..domain.errors import RejectedError
from ..domain.report import Recipients
from ..domain.run import RunKey, RunKind
from ..reports.parser import parse_row
from .recipients import envelopes as split_envelope
from .recipients import without_repeats

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..domain.report import Report
    from ..domain.run import Run
    from ..ports.services import Services

#: Recipients that SES accepts per call: to, cc and bcc together.
ENVELOPE = 50


def plan(services: Services, run: Run) -> Mapping[str, Any]:
    """Make the plan that reporting.runs stores; the frozen row is used if the row is deleted or invalid."""
    report = _current(services, run)
    wanted = _recipients(services, run, report)
    recipients = wanted.only(services.settings.may_receive)
    why = _why_not(services, run, report, wanted, recipients)
    return {
        "wanted": why is None,
        "why": why,
        "subject": naming.subject(report, run.window, is_quiet=not _has_data(run), test=run.request.test),
        "recipients": recipients.as_json(),
        "blocked": len(wanted) - len(recipients),
        "attach": report.email.include_attachment,
        "preview": report.email.include_preview,
        "messages": len(envelopes(services, recipients)),
    }


def recipients_of(planned: Mapping[str, Any]) -> Recipients:
    """Read the recipients of a plan."""
    return Recipients(**{kind: tuple(planned["recipients"][kind]) for kind in ("to", "cc", "bcc")})


def envelopes(services: Services, recipients: Recipients) -> tuple[Recipients, ...]:
    """Split the recipients into one envelope per call; a redirected mail has one envelope."""
    redirect = services.settings.redirect_to
    if redirect and len(recipients):
        return (Recipients(to=(redirect,)),)
    return split_envelope(recipients, ENVELOPE)


def _current(services: Services, run: Run) -> Report:
    row = services.definitions.row(run.report.id)
    try:
        return parse_row(row) if row else run.report
    except RejectedError:
        return run.report


def _recipients(services: Services, run: Run, report: Report) -> Recipients:
    if run.request.recipients:
        return Recipients(to=run.request.recipients)
    if run.request.resend and (earlier := _not_known_reached(services, run, run.request.resend)):
        return earlier
    return without_repeats(report.email.recipients)


def _not_known_reached(services: Services, run: Run, earlier_run: str) -> Recipients:
    """Recipients of an earlier run whose message is not known to have been sent; all if every one was."""
    earlier = [
        one for one in services.ledger.of(RunKey(report_id=run.key.report_id, run_id=earlier_run)) if not one.is_notice
    ]
    reached = {address for one in earlier if one.state is DeliveryState.SENT for address in one.recipients}
    everyone = without_repeats(
        Recipients(
            to=tuple(address for one in earlier for address in one.recipients.to),
            cc=tuple(address for one in earlier for address in one.recipients.cc),
            bcc=tuple(address for one in earlier for address in one.recipients.bcc),
        )
    )
    missed = everyone.only(lambda address: address not in reached)
    return missed if len(missed) else everyone


def _has_data(run: Run) -> bool:
    return bool(run.mail_summary and run.mail_summary.data_rows)


def _why_not(services: Services, run: Run, report: Report, wanted: Recipients, recipients: Recipients) -> str | None:
    """Say why there is no mail; None if there is to be one."""
    on_request = run.request.mail or bool(run.request.recipients or run.request.resend)
    if run.request.mail is False or not (on_request or report.email.enabled):
        return "no email requested"
    if not on_request and (run.kind is RunKind.BACKFILL or run.request.period):
        return "emails for a past period are sent only on request"
    must_arrive = run.request.resend or run.request.test
    if report.email.only_if_data and not _has_data(run) and not must_arrive:
        return "no data"
    if services.settings.mail_mode == "off":
        return "mail_mode is off"
    if not len(wanted):
        return "there are no recipients"
    return None if len(recipients) else "every recipient is outside RECIPIENT_DOMAINS"
