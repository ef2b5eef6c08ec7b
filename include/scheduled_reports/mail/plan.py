"""Plan a run's mail: recipients, subject, options, or why there is no mail.

Who receives a mail is decided when it is claimed, from the row as it is then.  Neither an earlier plan nor the frozen
row adds a recipient: both may be older than the row, and both are in a schema that a worker's database role can write.
Once a message may have been sent, the plan is fixed, and the row can only remove recipients from it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..domain import naming
from ..domain.addresses import mailbox
from ..domain.delivery import DeliveryState
from ..domain.errors import PermanentError, RejectedError
from ..domain.report import Recipients, Status
from ..domain.run import RunKey, RunKind
from ..reports.parser import parse_row
from .recipients import envelopes as split_envelope
from .recipients import named_by, without_repeats

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from ..domain.delivery import Delivery
    from ..domain.reader import Unwanted
    from ..domain.report import Report, Row
    from ..domain.run import Run
    from ..ports.mail import CurrentReport
    from ..ports.services import Services
    from ..settings import Settings

#: Recipients that SES accepts per call: to, cc and bcc together.
ENVELOPE = 50

DELETED = "the report has been deleted"
DISABLED = "the report is disabled"
MAIL_OFF = "mail_mode is off"
NOBODY_LEFT = "nobody left to mail"
#: The parts of a plan that do not depend on who is mailed.
_CONTENT = ("subject", "introduction", "attach", "preview", "separate")


@dataclass(frozen=True, slots=True)
class CurrentNow:
    """Port `CurrentReport` outside a claim."""

    services: Services
    report_id: str

    @property
    def row(self) -> Row | None:
        """The report's row."""
        return self.services.definitions.row(self.report_id)

    @property
    def unwanted(self) -> Unwanted:
        """The mailboxes that the report does not mail."""
        return self.services.readers.unwanted(self.report_id)

    def members(self, workspace_id: str, addresses: Collection[str]) -> frozenset[str]:
        """Those of the addresses that are of members of a workspace."""
        return self.services.definitions.members(workspace_id, addresses)

    def deliveries(self, key: RunKey) -> Sequence[Delivery]:
        """The messages of a run of the report."""
        return self.services.ledger.of(key)

    def mail_plan(self, key: RunKey) -> Mapping[str, Any] | None:
        """The plan of the mail of a run of the report."""
        return self.services.runs.mail_plan(key)


def plan(services: Services, run: Run, now: CurrentReport) -> Mapping[str, Any]:
    """Make the plan that reporting.runs stores, from the report as it is now.

    Raises PermanentError if its row is rejected, or belongs to another workspace than the run.
    """
    report = _current(run, now.row)
    if report is None or report.status is Status.DISABLED:
        return _no_mail(run.report, DELETED if report is None else DISABLED)
    if reason := _unmet(run, report):
        return _no_mail(run.report, reason)
    asked = _recipients(run, report, now)
    allowed = _may_be_mailed(services, run, report, asked, now)
    unwanted = now.unwanted
    staying = allowed.only(lambda address: mailbox(address) not in unwanted.left)
    wanted = staying.only(lambda address: mailbox(address) not in unwanted.suppressed)
    recipients = wanted.only(services.settings.may_receive)
    nobody = NOBODY_LEFT if len(allowed) and not len(wanted) else _nobody(services, asked)
    why = _why_not(services, run, report, asked) or (None if len(recipients) else nobody)
    said = content(services.settings, run, report)
    return {
        "wanted": why is None,
        "why": why,
        **said,
        "recipients": recipients.as_json(),
        "strangers": len(asked) - len(allowed),
        "left": len(allowed) - len(staying),
        "suppressed": [address for address in staying if mailbox(address) in unwanted.suppressed],
        "blocked": len(wanted) - len(recipients),
        "messages": len(recipients) if said["separate"] else len(envelopes(services, recipients)),
    }


def content(settings: Settings, run: Run, report: Report) -> Mapping[str, Any]:
    """The part of a plan that does not depend on who is mailed."""
    figures = run.mail_summary.figure_texts if run.mail_summary else {}
    lead = run.mail_summary.lead_text if run.mail_summary else ""
    return {
        "subject": naming.subject(
            report,
            run.window,
            lead=_first_sentence(run),
            figures=figures,
            is_quiet=_is_quiet(run),
            test=run.request.test,
        ),
        "introduction": naming.introduction(report, run.window, lead=lead, figures=figures),
        "attach": report.email.include_attachment,
        "preview": report.email.include_preview,
        # A redirected mail is one message.
        "separate": settings.is_separate and settings.redirect_to is None,
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


def is_separate(planned: Mapping[str, Any]) -> bool:
    """Whether each reader gets a message of their own; a plan of a release that had no such messages says nothing."""
    return bool(planned.get("separate"))


def has_same_content(planned: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two plans differ at most in who is mailed."""
    return all(planned.get(name) == other.get(name) for name in _CONTENT)


def narrowed(planned: Mapping[str, Any], recipients: Recipients) -> Mapping[str, Any]:
    """A plan of separate messages to *recipients* alone."""
    return {**planned, "recipients": recipients.as_json(), "messages": len(recipients)}


def still_wanted(recipients: Recipients, now: Recipients) -> Recipients:
    """The *recipients* of a fixed plan whom a plan made *now* would mail, too."""
    allowed = {mailbox(address) for address in now}
    return recipients.only(lambda address: mailbox(address) in allowed)


def _current(run: Run, row: Row | None) -> Report | None:
    """The report as it is now; None if it was deleted."""
    if row is None:
        return None
    if row["workspace_id"] != run.report.workspace.id:
        raise PermanentError("the report has moved to another workspace since this run began; run it again")
    try:
        return parse_row(row)
    except RejectedError as error:
        raise PermanentError(f"the report is rejected, clear `email` when it is corrected: {error}") from None


def _no_mail(report: Report, why: str) -> Mapping[str, Any]:
    return {
        "wanted": False,
        "why": why,
        "subject": report.name,
        "introduction": "",
        "recipients": Recipients().as_json(),
        "strangers": 0,
        "left": 0,
        "suppressed": [],
        "blocked": 0,
        "attach": False,
        "preview": False,
        "separate": False,
        "messages": 0,
    }


def _recipients(run: Run, report: Report, now: CurrentReport) -> Recipients:
    """The recipients asked for: those of the request, of the earlier run that is sent again, or of the report."""
    if run.request.recipients is not None:
        return without_repeats(Recipients(to=run.request.recipients))
    earlier = _not_known_reached(run, run.request.resend, now) if run.request.resend else None
    return without_repeats(report.email.recipients) if earlier is None else earlier


def _not_known_reached(run: Run, earlier_run: str, now: CurrentReport) -> Recipients | None:
    """Recipients of an earlier run whose message is not known to have been sent; all if every one was.

    None if no message of the run was ever claimed.
    """
    key = RunKey(report_id=run.key.report_id, run_id=earlier_run)
    earlier = [one for one in now.deliveries(key) if not one.is_notice]
    if not earlier:
        return None
    reached = {mailbox(address) for one in earlier if one.state is DeliveryState.SENT for address in one.recipients}
    named = [one.recipients for one in earlier]
    planned = now.mail_plan(key)
    if planned is not None and is_separate(planned):  # the ledger lacks readers whose turn never came
        named.append(recipients_of(planned))
    everyone = without_repeats(
        Recipients(
            to=tuple(address for one in named for address in one.to),
            cc=tuple(address for one in named for address in one.cc),
            bcc=tuple(address for one in named for address in one.bcc),
        )
    )
    missed = everyone.only(lambda address: mailbox(address) not in reached)
    return missed if len(missed) else everyone


def _may_be_mailed(services: Services, run: Run, report: Report, asked: Recipients, now: CurrentReport) -> Recipients:
    """Those of *asked* who may be mailed now; the record of an earlier or of this run makes nobody a reader.

    A person may name the workspace's members and ALLOWED_DOMAINS.  A message is sent again to those, and to the
    report's recipients.
    """
    if run.request.recipients is None and not run.request.resend:
        return asked
    allowed = named_by(now.members, services.settings, report.workspace.id, asked)
    if run.request.recipients is None:
        allowed |= {mailbox(address) for address in report.email.recipients}
    return asked.only(lambda address: mailbox(address) in allowed)


def _has_data(run: Run) -> bool:
    return bool(run.mail_summary and run.mail_summary.data_rows)


def _is_quiet(run: Run) -> bool:
    """Whether the subject says that nothing happened; what the conditions have found goes before it."""
    return not _has_data(run) and not (run.verdict and run.verdict.met)


def _first_sentence(run: Run) -> str:
    lead = run.mail_summary.lead if run.mail_summary else ()
    return lead[0].text if lead else ""


def _why_not(services: Services, run: Run, report: Report, asked: Recipients) -> str | None:
    """Say why there is no mail, whoever may be mailed; None if there is to be one."""
    if not is_requested(run, report):
        is_past = run.request.mail is not False and report.email.enabled
        return "emails for a past period are sent only on request" if is_past else "no email requested"
    must_arrive = run.request.resend or run.request.test
    if report.email.only_if_data and not _has_data(run) and not must_arrive:
        return "no data"
    if services.settings.mail_mode == "off":
        return MAIL_OFF
    return None if len(asked) else "there are no recipients"


def is_requested(run: Run, report: Report) -> bool:
    """Whether the run or, for a run of the current period, the report asks for an email."""
    if run.request.mail is False:
        return False
    return _is_on_request(run) or (
        report.email.enabled and run.kind is not RunKind.BACKFILL and run.request.period is None
    )


def _is_on_request(run: Run) -> bool:
    """Whether a person asked for this email, and not only for the run."""
    return bool(run.request.mail or run.request.recipients or run.request.resend)


def _unmet(run: Run, report: Report) -> str:
    """Why the conditions of the run keep it from being mailed; empty if they do not, or if a person asked for it."""
    if run.verdict is None or _is_on_request(run) or run.request.mail is False or not report.email.enabled:
        return ""
    return run.verdict.why


def _nobody(services: Services, asked: Recipients) -> str:
    """Say why nobody of *asked* may be mailed."""
    if any(services.settings.may_receive(address) for address in asked):
        return "no recipient of the request may be mailed"
    return "every recipient is outside RECIPIENT_DOMAINS"
