"""The mail of a run: what it carries, how it is put together, and who gets which part."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any

from ..domain import cron, naming
from ..domain.delivery import Delivery, DeliveryState
from ..domain.errors import PermanentError
from ..domain.report import Recipients
from ..domain.run import RunKey
from ..reports.types.catalog import report_type
from ..runs import document
from ..settings import unsubscribe
from . import message
from .body import MailFile, MailNote, body
from .deliver import deliver_all
from .plan import envelopes, recipients_of
from .plan import plan as plan_mail

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from ..domain.delivery import MailMode
    from ..domain.run import Artifact, Run
    from ..ports.services import World
    from .body_images import MailPicture


@dataclass(frozen=True, slots=True)
class Files:
    """What a mail carries, and how."""

    mode: MailMode
    attachments: tuple[message.Attachment, ...]


def mail(world: World, run: Run, artifacts: Sequence[Artifact]) -> str:
    """Send the run's mail, each message at most once; return `sent`, or why there was none.

    Raises DeliveryUnknownError where a message may or may not have left.
    """
    plan = world.runs.fix_mail(run.key, plan_mail(world, run))
    if not plan["wanted"]:
        return str(plan["why"])
    if world.settings.mail_mode == "off":  # the plan may come with a copy of production, where it was not
        return "mail_mode is off"
    files = _files(world, artifacts, attach=plan["attach"])
    recipients = recipients_of(plan)
    refused = deliver_all(
        world,
        _deliveries(world, run, plan, files, tuple(artifact.format for artifact in artifacts)),
        _compose(world, run, artifacts, files, plan, recipients),
        {"report": run.report.id, "workspace": run.report.workspace.id, "run": run.run_key},
    )
    return f"sent, but refused for {refused} of {len(recipients)} recipients" if refused else "sent"


def _deliveries(
    world: World, run: Run, plan: Mapping[str, Any], files: Files, formats: tuple[Any, ...]
) -> list[Delivery]:
    """One message per envelope."""
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
            resend_of=_earlier_ids(world, run),
        )
        for number, part in enumerate(envelopes(world, recipients_of(plan)), start=1)
    ]


def _earlier_ids(world: World, run: Run) -> str | None:
    """The service's ids of the messages that are sent again, or their run where none is known."""
    if not run.request.resend:
        return None
    earlier = world.ledger.of(RunKey(report_id=run.key.report_id, run_id=run.request.resend))
    ids = [one.message_id for one in earlier if one.message_id and not one.is_notice]
    return ", ".join(ids) or run.request.resend


def _compose(
    world: World,
    run: Run,
    artifacts: Sequence[Artifact],
    files: Files,
    plan: Mapping[str, Any],
    recipients: Recipients,
) -> bytes:
    redirect = world.settings.redirect_to
    shown = document.briefed(run, report_type(run.report), world.settings.branding)
    written = body(shown, _note(world, run, artifacts, files, plan, recipients))
    return message.compose(
        sender=world.settings.sender,
        recipients=Recipients(to=(redirect,)) if redirect else recipients,
        subject=plan["subject"],
        bodies=(written.text, written.html),
        attachments=(*map(_inline, written.pictures), *files.attachments),
        headers={
            **headers(world, recipients),
            **unsubscribe.headers(_ways_out(world, run, recipients)),
            **_marks(run),
        },
    )


def _inline(picture: MailPicture) -> message.Attachment:
    return message.Attachment(picture.file_name, "image/png", picture.content, cid=picture.cid)


def _ways_out(world: World, run: Run, recipients: Recipients) -> tuple[str, ...]:
    """How this message's readers get off the report; a redirected one knows only the address it goes to."""
    redirect = world.settings.redirect_to
    everybody = (redirect,) if redirect else tuple(recipients)
    return unsubscribe.ways_out(world.settings.unsubscribe, report=run.report.id, recipients=everybody)


def _marks(run: Run) -> dict[str, str]:
    """What tells a machine which report a message is."""
    test = {"X-Scheduled-Report-Test": "true"} if run.request.test else {}
    return {"X-Scheduled-Report": naming.dag_id(run.report.id)} | test


def headers(world: World, recipients: Recipients) -> dict[str, str]:
    """Where answers go, and whom a redirected mail was meant for."""
    found = {"Reply-To": world.settings.reply_to} if world.settings.reply_to else {}
    if world.settings.redirect_to is not None:
        found["X-Intended-Recipients"] = ", ".join(recipients)
    return found


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


def _note(
    world: World,
    run: Run,
    artifacts: Sequence[Artifact],
    files: Files,
    plan: Mapping[str, Any],
    recipients: Recipients,
) -> MailNote:
    report = run.report
    lifetime = world.store.lifetime(world.settings.link_seconds)
    arrived = {artifact.format for artifact in artifacts}
    return MailNote(
        files=tuple(
            MailFile(
                format=artifact.format,
                file_name=artifact.file_name,
                bytes=artifact.bytes,
                rows=artifact.rows,
                total_rows=artifact.total_rows,
                link=world.store.link(artifact.object_key, lifetime),
                attached=files.mode != "link",
            )
            for artifact in artifacts
        ),
        link_expires=_local(world.now() + lifetime, run),
        no_data=not (run.brief and run.brief.data_rows),
        zip_name=files.attachments[0].file_name if files.mode == "zip" else None,
        failed_formats=tuple(chosen for chosen in run.formats if chosen not in arrived),
        test=run.request.test,
        preview_rows=document.PREVIEW_ROWS if plan["preview"] else 0,
        why=_why(files, attach=plan["attach"]),
        unsubscribe=unsubscribe.link(_ways_out(world, run, recipients)),
        set_up_by=str(report.creator),
        schedule_words=f"{cron.words(report.cron.expression)} ({report.timezone.key})",
        stop_hint=f"ask {report.creator} ({report.creator.email}) or an administrator of {report.workspace.name}",
    )


def _why(files: Files, *, attach: bool) -> str:
    """Why the files do not come as they are; empty where they do, or nobody wants them to."""
    if files.mode == "zip":
        return "Packed into one file: as they are they would be too large for a mail."
    return "As attachments they would be too large for a mail." if attach and files.mode == "link" else ""


def _local(moment: datetime, run: Run) -> datetime:
    return moment.astimezone(run.report.timezone)
