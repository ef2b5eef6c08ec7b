"""Whom a run is mailed to and how: decided when its first message is claimed, and fixed from then on."""

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

#: SES: recipients of one call, all three kinds together.
ENVELOPE = 50


def plan(services: Services, run: Run) -> Mapping[str, Any]:
    """The plan as reporting.runs keeps it; the frozen row serves where the row is gone or spoiled."""
    report = _current(services, run)
    asked = _recipients(services, run, report)
    recipients = asked.only(services.settings.may_receive)
    why = _why_not(services, run, report, asked, recipients)
    return {
        "wanted": why is None,
        "why": why,
        "subject": naming.subject(report, run.window, is_quiet=not _has_data(run), test=run.request.test),
        "recipients": recipients.as_json(),
        "blocked": len(asked) - len(recipients),
        "attach": report.email.include_attachment,
        "preview": report.email.include_preview,
        "messages": len(envelopes(services, recipients)),
    }


def recipients_of(planned: Mapping[str, Any]) -> Recipients:
    """The recipients that a plan holds."""
    return Recipients(**{kind: tuple(planned["recipients"][kind]) for kind in ("to", "cc", "bcc")})


def envelopes(services: Services, recipients: Recipients) -> tuple[Recipients, ...]:
    """The recipients of each call."""
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
    if run.request.resend and (earlier := _not_surely_reached(services, run, run.request.resend)):
        return earlier
    return without_repeats(report.email.recipients)


def _not_surely_reached(services: Services, run: Run, earlier_run: str) -> Recipients:
    """Those of an earlier run whose message is not known as sent; all of them where every one was."""
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


def _why_not(services: Services, run: Run, report: Report, asked: Recipients, recipients: Recipients) -> str | None:
    """Why there is no mail; None where one is to go out."""
    wanted = run.request.mail or bool(run.request.recipients or run.request.resend)
    if run.request.mail is False or not (wanted or report.email.enabled):
        return "not asked for"
    if not wanted and (run.kind is RunKind.BACKFILL or run.request.period):
        return "a replayed period is not mailed unless asked for"
    must_arrive = run.request.resend or run.request.test
    if report.email.only_if_data and not _has_data(run) and not must_arrive:
        return "no data"
    if services.settings.mail_mode == "off":
        return "mail_mode is off"
    if not len(asked):
        return "nobody to mail it to"
    return None if len(recipients) else "every recipient is outside RECIPIENT_DOMAINS"
