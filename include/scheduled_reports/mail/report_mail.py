"""Send a run's mail: plan, choose files, compose, deliver one message per envelope."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from ..domain import naming
from ..domain.addresses import mailbox
from ..domain.errors import MailChangedError, NotWantedError, PermanentError
from ..domain.reader import Addressee, reader_message
from ..domain.report import Recipients
from .attachments import choose_files
from .body import body, draft
from .deliver import Checks, deliver_all
from .plan import MAIL_OFF, CurrentNow, envelopes, has_same_content, is_separate, narrowed, recipients_of, still_wanted
from .plan import plan as plan_mail
from .report_message import ReportMail
from .separate import ReaderMessage, deliver_separately

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from uuid import UUID

    from ..domain.delivery import Delivery
    from ..domain.run import Artifact, Run
    from ..ports.mail import CurrentReport
    from ..ports.services import Services
    from ..render.document import Document

#: The name of a message to all recipients in the ledger; further envelopes of it are `report/2` and so on.
TOGETHER = "report"
#: How often a mail is composed anew because the report was changed meanwhile; then it is left to a retry.
ROUNDS = 3


def mail(
    services: Services,
    run: Run,
    artifacts: Sequence[Artifact],
    document: Callable[[], Document],
    *,
    last: bool = False,
) -> str:
    """Send the run's mail, each message at most once; return `sent`, or why there was none.

    *document* makes what the mail shows; it is called only if there is a mail to send.  A recipient whom the mail
    service does not accept now is waited for, and left out in the *last* attempt.

    Raises DeliveryUnknownError if it is unknown whether a message was sent.
    """
    _are_ours(run, artifacts)
    for _ in range(ROUNDS):
        with suppress(MailChangedError):
            return _mail(services, run, artifacts, document, last=last)
    return _mail(services, run, artifacts, document, last=last)


def _mail(
    services: Services, run: Run, artifacts: Sequence[Artifact], document: Callable[[], Document], *, last: bool
) -> str:
    """Plan, compose and send; MailChangedError if the row no longer agrees with the plan at the claim."""
    current = plan_mail(services, run, CurrentNow(services, run.report.id))
    services.runs.forget_plan(run.key)
    plan = services.runs.fix_mail(run.key, current)
    # A plan that is fixed already, because a message of it may have been sent, can only lose recipients.
    recipients = still_wanted(recipients_of(plan), recipients_of(current))
    separate = is_separate(plan)
    if separate:
        _leave_out(services, run, plan, recipients if current["wanted"] or current["why"] == MAIL_OFF else Recipients())
    if not current["wanted"]:
        return _loggable(str(current["why"]))
    files = choose_files(services, artifacts, attach=plan["attach"])
    made = ReportMail(run, artifacts, document(), files, plan, services)
    if separate:
        refused = _send_separately(made, recipients, current)
    else:
        refused = _send_together(made, recipients, current, last=last)
    return f"sent, but refused for {refused} of {len(recipients)} recipients" if refused else "sent"


def _send_together(mail: ReportMail, recipients: Recipients, current: Mapping[str, Any], *, last: bool) -> int:
    """Send the same message to all recipients, in as few calls as the mail service allows."""
    services, run = mail.services, mail.run

    def confirm(report: CurrentReport) -> None:
        if plan_mail(services, run, report) != current:
            raise MailChangedError("the report was changed while its mail was composed")

    links = mail.links(recipients, _shared_handle(mail, recipients))
    written = body(mail.document, mail.note(links))
    return deliver_all(
        services,
        _deliveries(mail, recipients),
        mail.compose(written, links, recipients),
        mail.tags,
        Checks(confirm, last=last),
    )


def _send_separately(mail: ReportMail, recipients: Recipients, current: Mapping[str, Any]) -> int:
    """Send a message of their own to each reader: the same mail, with their links and no other address."""
    services, run = mail.services, mail.run
    handles = _handles(mail, recipients)
    shared = draft(mail.document, mail.note(None))
    # A plan may be older than the setting: then the messages of a copy of production are redirected one by one.
    redirect = services.settings.redirect_to

    def message_to(address: str) -> ReaderMessage:
        to, name = Recipients(to=(address,)), reader_message(address)

        def compose() -> bytes:
            links = mail.links(to, handles.get(name))
            return mail.compose(shared.body(mail.note(links)), links, to)

        def confirm(report: CurrentReport) -> None:
            now = plan_mail(services, run, report)
            if not len(still_wanted(to, recipients_of(now))):
                raise NotWantedError("the reader is not to be mailed any more")
            if not now["wanted"] or not has_same_content(now, current):
                raise MailChangedError("the report was changed while its mail was composed")

        own = Recipients(to=(redirect,)) if redirect else recipients.only(lambda one: one == address)
        return ReaderMessage(mail.delivery(name, own), compose, confirm)

    refused = deliver_separately(services, [message_to(address) for address in recipients], mail.tags)
    _leave_out(services, run, mail.plan, Recipients())
    return refused


def _leave_out(services: Services, run: Run, plan: Mapping[str, Any], wanted: Recipients) -> None:
    """Take the readers off the fixed plan who are not *wanted* any more and had no message."""
    if not plan["wanted"]:
        return
    had = {one.message for one in services.ledger.of(run.key)} | {reader_message(address) for address in wanted}
    planned = recipients_of(plan)
    kept = planned.only(lambda address: reader_message(address) in had)
    if len(kept) < len(planned):
        services.runs.narrow_mail(run.key, narrowed(plan, kept))


def _handles(mail: ReportMail, recipients: Recipients) -> Mapping[str, UUID]:
    """The handle of each reader's message at the public door; empty without one."""
    if not mail.services.settings.door:
        return {}
    addressees = [
        Addressee(message=reader_message(address), address=address, of_report=_is_of_report(mail.run, address))
        for address in recipients
    ]
    return mail.services.readers.enlist(mail.run.key, mail.run.report.workspace.id, addressees)


def _shared_handle(mail: ReportMail, recipients: Recipients) -> UUID | None:
    """The handle of a message to all recipients at the public door; it names a reader only if they are alone."""
    settings, run = mail.services.settings, mail.run
    if not settings.door:
        return None
    alone = next(iter(recipients)) if len(recipients) == 1 and settings.redirect_to is None else None
    addressee = Addressee(message=TOGETHER, address=alone, of_report=alone is not None and _is_of_report(run, alone))
    return mail.services.readers.enlist(run.key, run.report.workspace.id, [addressee])[TOGETHER]


def _is_of_report(run: Run, address: str) -> bool:
    """Whether the report's row names a recipient, and not only the person who asked for this run."""
    if run.request.recipients is None and not run.request.resend:
        return True
    return mailbox(address) in {mailbox(one) for one in run.report.email.recipients}


def _loggable(why: str) -> str:
    """What stands before the colon: after it are values of the report, which no log may hold."""
    return why.partition(": ")[0]


def _are_ours(run: Run, artifacts: Sequence[Artifact]) -> None:
    """Refuse files of another report: the record is no proof, and the bucket holds the files of every workspace."""
    ours = naming.objects_of(run.report.workspace.id, run.report.id)
    if not all(artifact.object_key.startswith(ours) for artifact in artifacts):
        raise PermanentError("the record names a file of another report; clear from query")


def _deliveries(mail: ReportMail, recipients: Recipients) -> list[Delivery]:
    """Make one delivery per envelope of the plan, with those of its addresses who are among *recipients*."""
    redirected = mail.services.settings.redirect_to is not None
    planned = enumerate(envelopes(mail.services, recipients_of(mail.plan)), start=1)
    return [
        mail.delivery(
            TOGETHER if number == 1 else f"{TOGETHER}/{number}", part if redirected else still_wanted(part, recipients)
        )
        for number, part in planned
    ]
