"""The mail of a run: who gets it, what it carries, and the ledger that lets each message out once."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass, replace
from io import BytesIO
from typing import TYPE_CHECKING, Any

from . import documents, message, naming, schedule
from .catalog import report_type
from .definitions import parse_row
from .errors import DeliveryUnknownError, PermanentError, RejectedError, TransientError
from .model import Delivery, DeliveryState, Recipients, RunKind
from .render.mail import MailFile, MailNote, bodies
from .staged import RunFiles

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from .model import Artifact, EmailOptions, MailMode, Report, Run
    from .ports import World
    from .render.document import Document

PREVIEW_ROWS = 10
#: SES: recipients of one call, all three kinds together.
ENVELOPE = 50


@dataclass(frozen=True, slots=True)
class Files:
    """What a mail carries, and how."""

    mode: MailMode
    attachments: tuple[message.Attachment, ...]


def mail(world: World, run: Run, artifacts: Sequence[Artifact]) -> str:
    """Send the run's mail, at most once; return `sent`, or why there was none.

    Raises DeliveryUnknownError where a message may or may not have left.
    """
    plan = world.runs.fix_mail(run.key, _plan(world, run))
    if not plan["wanted"]:
        return str(plan["why"])
    if world.settings.mail_mode == "off":  # the plan may come with a copy of production, where it was not
        return "mail_mode is off"
    files = _files(world, artifacts, attach=plan["attach"])
    text, html = bodies(_document(world, run), _note(world, run, artifacts, files, preview=plan["preview"]))
    recipients = Recipients(**{kind: tuple(plan["recipients"][kind]) for kind in ("to", "cc", "bcc")})
    raw = message.compose(
        sender=world.settings.mail_from,
        recipients=Recipients(to=(redirect,)) if (redirect := world.settings.redirect_to) else recipients,
        subject=plan["subject"],
        bodies=(text, html),
        attachments=files.attachments,
        headers=_redirected(world, recipients) | {"X-Scheduled-Report": naming.dag_id(run.report.id)},
    )
    deliveries = [
        Delivery(
            key=run.key,
            message="report" if number == 1 else f"report/{number}",
            state=DeliveryState.CLAIMED,
            subject=plan["subject"],
            recipients=part,
            mode=files.mode,
            formats=tuple(artifact.format for artifact in artifacts),
        )
        for number, part in enumerate(_envelopes(world, recipients), start=1)
    ]
    for delivery in deliveries:
        _deliver(world, delivery, raw)
    return "sent"


def _plan(world: World, run: Run) -> Mapping[str, Any]:
    """Whom to mail and how, as the row says now; the frozen row serves where it is gone or spoiled."""
    report = _current(world, run)
    email, wanted = report.email, run.request.mail
    why = None
    if wanted is False or (wanted is None and not email.enabled and not run.request.recipients):
        why = "not asked for"
    elif wanted is None and run.kind is RunKind.BACKFILL:
        why = "a replayed period is not mailed unless asked for"
    elif email.only_if_data and not run.data_rows:
        why = "no data"
    elif world.settings.mail_mode == "off":
        why = "mail_mode is off"
    recipients = _recipients(email, run)
    why = why or (None if recipients else "nobody to mail it to")
    return {
        "wanted": why is None,
        "why": why,
        "subject": naming.subject(report, run.window),
        "recipients": recipients.as_json(),
        "attach": email.include_attachment,
        "preview": email.include_preview,
        "messages": len(_envelopes(world, recipients)),
    }


def _current(world: World, run: Run) -> Report:
    row = world.definitions.row(run.report.id)
    try:
        return parse_row(row) if row else run.report
    except RejectedError:
        return run.report


def _recipients(email: EmailOptions, run: Run) -> Recipients:
    if run.request.recipients:
        return Recipients(to=run.request.recipients)
    return message.without_repeats(email.recipients)


def _envelopes(world: World, recipients: Recipients) -> tuple[Recipients, ...]:
    redirect = world.settings.redirect_to
    return (Recipients(to=(redirect,)),) if redirect else message.envelopes(recipients, ENVELOPE)


def _redirected(world: World, recipients: Recipients) -> dict[str, str]:
    """Whom a redirected mail was meant for."""
    if world.settings.redirect_to is None:
        return {}
    return {"X-Intended-Recipients": ", ".join((*recipients.to, *recipients.cc, *recipients.bcc))}


def _files(world: World, artifacts: Sequence[Artifact], *, attach: bool) -> Files:
    """Attach, zip or only link, by what fits into one message."""
    room = world.settings.message_bytes - message.BODY_ROOM
    if not attach:
        return Files("link", ())
    if sum(message.encoded_size(artifact.bytes) for artifact in artifacts) <= room:
        return Files("attach", tuple(_attachment(world, artifact) for artifact in artifacts))
    # Compressed formats shrink little; do not fetch what cannot fit at ten to one.
    if sum(message.encoded_size(artifact.bytes) for artifact in artifacts) > 10 * room:
        return Files("link", ())
    packed = _zip(world, artifacts)
    if message.encoded_size(len(packed.content)) <= room:
        return Files("zip", (packed,))
    return Files("link", ())


def _attachment(world: World, artifact: Artifact) -> message.Attachment:
    with world.store.open(artifact.object_key) as file:
        content = file.read()
    if len(content) != artifact.bytes:
        raise PermanentError(f"{artifact.url} has {len(content)} bytes, but {artifact.bytes} were uploaded")
    return message.Attachment(artifact.file_name, artifact.content_type, content)


def _zip(world: World, artifacts: Sequence[Artifact]) -> message.Attachment:
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for artifact in artifacts:
            archive.writestr(artifact.file_name, _attachment(world, artifact).content)
    name = artifacts[0].file_name.rpartition(".")[0] + ".zip"
    return message.Attachment(name, "application/zip", packed.getvalue())


def _document(world: World, run: Run) -> Document:
    files = RunFiles.of(world.staging, run.key)
    return documents.document(run, report_type(run.report), files)


def _note(world: World, run: Run, artifacts: Sequence[Artifact], files: Files, *, preview: bool) -> MailNote:
    report, settings = run.report, world.settings
    arrived = {artifact.format for artifact in artifacts}
    return MailNote(
        files=tuple(
            MailFile(
                format=artifact.format,
                file_name=artifact.file_name,
                bytes=artifact.bytes,
                rows=artifact.rows,
                total_rows=artifact.total_rows,
                link=world.store.link(artifact.object_key, settings.link_seconds),
                attached=files.mode != "link",
            )
            for artifact in artifacts
        ),
        link_expires=_local(world.now() + settings.link_seconds, run),
        no_data=not run.data_rows,
        zip_name=files.attachments[0].file_name if files.mode == "zip" else None,
        failed_formats=tuple(chosen for chosen in run.formats if chosen not in arrived),
        preview_rows=PREVIEW_ROWS if preview else 0,
        set_up_by=str(report.creator),
        schedule_words=f"{schedule.words(report.cron.expression)} ({report.timezone.key})",
        stop_hint=f"ask {report.creator} ({report.creator.email}) or an administrator of {report.workspace.name}",
    )


def _local(moment: datetime, run: Run) -> datetime:
    return moment.astimezone(run.report.timezone)


def _deliver(world: World, delivery: Delivery, raw: bytes) -> None:
    """Send one message unless the ledger holds it already."""
    held = world.ledger.claim(delivery)
    if held is not None:
        if held.state is DeliveryState.SENT:
            return
        reason = held.error or "an earlier attempt ended before its outcome was known"
        world.ledger.finish(replace(held, state=DeliveryState.UNKNOWN, error=reason))
        raise DeliveryUnknownError(f"{delivery.message}: {reason}; it is not sent again by itself")
    try:
        message_id = world.mailer.send(world.settings.mail_from, delivery.recipients, raw)
    except (PermanentError, TransientError) as error:
        world.ledger.finish(replace(delivery, state=DeliveryState.REFUSED, error=str(error)))
        raise
    except DeliveryUnknownError as error:
        world.ledger.finish(replace(delivery, state=DeliveryState.UNKNOWN, error=str(error)))
        raise
    world.ledger.finish(replace(delivery, state=DeliveryState.SENT, message_id=message_id))
