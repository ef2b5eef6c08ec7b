"""Send a run's mail: plan, choose files, compose, deliver one message per envelope."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from ..domain import cron_words, naming
from ..domain.dates import city
from ..domain.delivery import Delivery, DeliveryState
from ..domain.errors import MailChangedError, PermanentError
from ..domain.report import Recipients
from ..domain.run import RunKey
from . import message
from .attachments import MailFiles, choose_files, inline_image
from .body import MailNote, body
from .deliver import Checks, deliver_all
from .files_line import MailFile
from .headers import (
    knows_recipient,
    report_headers,
    routing_headers,
    unsubscribe_addresses_of,
    unsubscribe_headers,
    unsubscribe_link,
)
from .plan import envelopes, recipients_of, still_wanted
from .plan import plan as plan_mail

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from ..domain.report import Row
    from ..domain.run import Artifact, Run
    from ..ports.services import Services
    from ..render.document import Document

#: What a test says of the conditions of its report.
_IGNORED = "A test ignores the condition under which the report is sent."
_IS_MET, _IS_NOT_MET = "It is met now", "It is not met now"
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
    current = plan_mail(services, run, services.definitions.row(run.report.id))
    services.runs.forget_plan(run.key)
    plan = services.runs.fix_mail(run.key, current)
    if not current["wanted"]:
        return _loggable(str(current["why"]))
    # A plan that is fixed already, because a message of it may have been sent, can only lose recipients.
    recipients = still_wanted(recipients_of(plan), recipients_of(current))
    files = choose_files(services, artifacts, attach=plan["attach"])

    def confirm(row: Row | None) -> None:
        if plan_mail(services, run, row) != current:
            raise MailChangedError("the report was changed while its mail was composed")

    refused = deliver_all(
        services,
        _deliveries(services, run, plan, recipients, files, tuple(artifact.format for artifact in artifacts)),
        _compose(services, run, document(), artifacts, files, plan, recipients),
        {"report": run.report.id, "workspace": run.report.workspace.id, "run": run.run_key},
        Checks(confirm, last=last),
    )
    return f"sent, but refused for {refused} of {len(recipients)} recipients" if refused else "sent"


def _loggable(why: str) -> str:
    """What stands before the colon: after it are values of the report, which no log may hold."""
    return why.partition(": ")[0]


def _are_ours(run: Run, artifacts: Sequence[Artifact]) -> None:
    """Refuse files of another report: the record is no proof, and the bucket holds the files of every workspace."""
    ours = naming.objects_of(run.report.workspace.id, run.report.id)
    if not all(artifact.object_key.startswith(ours) for artifact in artifacts):
        raise PermanentError("the record names a file of another report; clear from query")


def _deliveries(
    services: Services,
    run: Run,
    plan: Mapping[str, Any],
    recipients: Recipients,
    files: MailFiles,
    formats: tuple[Any, ...],
) -> list[Delivery]:
    """Make one delivery per envelope of the plan, with those of its addresses who are among *recipients*."""
    redirected = services.settings.redirect_to is not None
    planned = enumerate(envelopes(services, recipients_of(plan)), start=1)
    parts = [(number, part if redirected else still_wanted(part, recipients)) for number, part in planned]
    return [
        Delivery(
            key=run.key,
            message="report" if number == 1 else f"report/{number}",
            state=DeliveryState.CLAIMED,
            subject=plan["subject"],
            recipients=part,
            mode=files.mode,
            formats=formats,
            requested_by=run.triggered_by if run.request.resend else None,
            resend_of=_earlier_ids(services, run),
        )
        for number, part in parts
    ]


def _earlier_ids(services: Services, run: Run) -> str | None:
    """List the mail service's ids of the messages being resent, or the id of their run if none is known."""
    if not run.request.resend:
        return None
    earlier = services.ledger.of(RunKey(report_id=run.key.report_id, run_id=run.request.resend))
    ids = [one.message_id for one in earlier if one.message_id and not one.is_notice]
    return ", ".join(ids) or run.request.resend


def _compose(  # noqa: PLR0913, PLR0917 - all parts of a message
    services: Services,
    run: Run,
    document: Document,
    artifacts: Sequence[Artifact],
    files: MailFiles,
    plan: Mapping[str, Any],
    recipients: Recipients,
) -> bytes:
    redirect = services.settings.redirect_to
    written = body(document, _note(services, run, artifacts, files, plan, recipients))
    return message.compose(
        sender=services.settings.sender,
        recipients=Recipients(to=(redirect,)) if redirect else recipients,
        subject=plan["subject"],
        bodies=(written.text, written.html),
        attachments=(*map(inline_image, written.pictures), *files.attachments),
        headers={
            **routing_headers(services, recipients),
            **unsubscribe_headers(
                unsubscribe_addresses_of(services, run, recipients),
                one_click=knows_recipient(services.settings.unsubscribe),
            ),
            **report_headers(run),
        },
    )


def _note(
    services: Services,
    run: Run,
    artifacts: Sequence[Artifact],
    files: MailFiles,
    plan: Mapping[str, Any],
    recipients: Recipients,
) -> MailNote:
    report = run.report
    lifetime = services.store.lifetime(services.settings.link_seconds)
    arrived = {artifact.format for artifact in artifacts}
    return MailNote(
        files=tuple(
            MailFile(
                format=artifact.format,
                file_name=artifact.file_name,
                bytes=artifact.bytes,
                rows=artifact.rows,
                total_rows=artifact.total_rows,
                link=services.store.link(artifact.object_key, lifetime),
                attached=files.mode != "link",
            )
            for artifact in artifacts
        ),
        link_expires=_local(services.now() + lifetime, run),
        no_data=not (run.mail_summary and run.mail_summary.data_rows),
        zip_name=files.attachments[0].file_name if files.mode == "zip" else None,
        failed_formats=tuple(chosen for chosen in run.formats if chosen not in arrived),
        test=run.request.test,
        ignored=_ignored(run) if run.request.test else "",
        preview=plan["preview"],
        why=_why_not_attached(files, attach=plan["attach"]),
        unsubscribe=unsubscribe_link(unsubscribe_addresses_of(services, run, recipients)),
        set_up_by=str(report.creator),
        schedule_words=f"{cron_words.words(report.schedule.cron.expression)} ({city(report.timezone.key)})"
        + ", only if its condition is met" * (report.send_if is not None),
        stop_hint=f"contact {report.creator.email} or an administrator",
    )


def _ignored(run: Run) -> str:
    """Say that a test is sent whatever the conditions of its report have found; empty without conditions."""
    if run.report.send_if is None:
        return ""
    if run.verdict is None:
        return _IGNORED
    met = run.verdict.met
    found = "; ".join(one.text.removesuffix(".") for one in run.verdict.findings if one.met == met)
    return f"{_IGNORED} {_IS_MET if met else _IS_NOT_MET}: {found}."


def _why_not_attached(files: MailFiles, *, attach: bool) -> str:
    """Say why the files are not attached as they are; empty if they are, or if the report does not want them to be."""
    if files.mode == "zip":
        return "The files are too large to attach one by one; they are in one zip file."
    return "The files are too large to attach." if attach and files.mode == "link" else ""


def _local(moment: datetime, run: Run) -> datetime:
    return moment.astimezone(run.report.timezone)
