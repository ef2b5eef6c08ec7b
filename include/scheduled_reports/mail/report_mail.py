"""Send a run's mail: plan, choose files, compose, deliver one message per envelope."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..domain import cron_words
from ..domain.bidi import isolated
from ..domain.dates import city
from ..domain.delivery import Delivery, DeliveryState
from ..domain.report import Recipients
from ..domain.run import RunKey
from ..render.document import PREVIEW_ROWS
from . import message
from .attachments import MailFiles, choose_files, inline_image
from .body import MailFile, MailNote, body
from .deliver import deliver_all
from .headers import report_headers, routing_headers, unsubscribe_addresses_of, unsubscribe_headers, unsubscribe_link
from .plan import envelopes, recipients_of
from .plan import plan as plan_mail

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from ..domain.run import Artifact, Run
    from ..ports.services import Services
    from ..render.document import Document


def mail(services: Services, run: Run, artifacts: Sequence[Artifact], document: Callable[[], Document]) -> str:
    """Send the run's mail, each message at most once; return `sent`, or why there was none.

    *document* makes what the mail shows; it is called only if there is a mail to send.

    Raises DeliveryUnknownError if it is unknown whether a message was sent.
    """
    plan = services.runs.fix_mail(run.key, plan_mail(services, run))
    if not plan["wanted"]:
        return str(plan["why"])
    if services.settings.mail_mode == "off":  # a copy of production brings plans made while mail was on
        return "mail_mode is off"
    files = choose_files(services, artifacts, attach=plan["attach"])
    recipients = recipients_of(plan)
    refused = deliver_all(
        services,
        _deliveries(services, run, plan, files, tuple(artifact.format for artifact in artifacts)),
        _compose(services, run, document(), artifacts, files, plan, recipients),
        {"report": run.report.id, "workspace": run.report.workspace.id, "run": run.run_key},
    )
    return f"sent, but refused for {refused} of {len(recipients)} recipients" if refused else "sent"


def _deliveries(
    services: Services, run: Run, plan: Mapping[str, Any], files: MailFiles, formats: tuple[Any, ...]
) -> list[Delivery]:
    """Make one delivery per envelope."""
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
        for number, part in enumerate(envelopes(services, recipients_of(plan)), start=1)
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
            **unsubscribe_headers(unsubscribe_addresses_of(services, run, recipients)),
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
        preview_rows=PREVIEW_ROWS if plan["preview"] else 0,
        why=_why_not_attached(files, attach=plan["attach"]),
        unsubscribe=unsubscribe_link(unsubscribe_addresses_of(services, run, recipients)),
        set_up_by=str(report.creator),
        schedule_words=f"{cron_words.words(report.schedule.cron.expression)} ({city(report.timezone.key)})",
        stop_hint=(
            f"contact {isolated(str(report.creator))} ({report.creator.email})"
            f" or an administrator of {isolated(report.workspace.name)}"
        ),
    )


def _why_not_attached(files: MailFiles, *, attach: bool) -> str:
    """Say why the files are not attached as they are; empty if they are, or if the report does not want them to be."""
    if files.mode == "zip":
        return "The files are too large to attach one by one; they are in one zip file."
    return "The files are too large to attach." if attach and files.mode == "link" else ""


def _local(moment: datetime, run: Run) -> datetime:
    return moment.astimezone(run.report.timezone)
