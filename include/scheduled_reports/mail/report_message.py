"""Compose the messages of a run's mail: what they have in common is made once, links and addresses for each."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ..domain import cron_words
from ..domain.dates import city
from ..domain.delivery import Delivery, DeliveryState
from ..domain.report import Recipients
from ..domain.run import RunKey
from . import message
from .attachments import MailFiles, inline_image
from .body import Body, MailNote
from .files_line import MailFile
from .headers import report_headers, routing_headers, unsubscribe_headers, unsubscribe_link
from .links import MessageLinks, of_public_door, signed_by_s3
from .plan import is_separate

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from ..domain.run import Artifact, Run
    from ..ports.services import Services
    from ..render.document import Document

#: What a test says of the conditions of its report.
_IGNORED = "A test ignores the condition under which the report is sent."
_IS_MET, _IS_NOT_MET = "It is met now", "It is not met now"


@dataclass(frozen=True, slots=True)
class MailContent:
    """What the messages of a run say, without their links."""

    run: Run
    artifacts: Sequence[Artifact]
    document: Document
    files: MailFiles
    plan: Mapping[str, Any]

    def note(self, links: MessageLinks | None) -> MailNote:
        """What a message says besides the report; without *links* it is a draft for all readers."""
        return _note(self, links)


@dataclass(frozen=True, slots=True)
class ReportMail(MailContent):
    """What the messages of a run have in common."""

    services: Services

    @property
    def sender(self) -> str:
        """Who sends it: the workspace's sender, or the deployment's."""
        return self.services.settings.sender_of(self.run.brand)

    @property
    def tags(self) -> dict[str, str]:
        """What the mail service's statistics show."""
        return {"report": self.run.report.id, "workspace": self.run.report.workspace.id, "run": self.run.run_key}

    def delivery(self, message: str, recipients: Recipients) -> Delivery:
        """A message of this mail, as the ledger records it."""
        return Delivery(
            key=self.run.key,
            message=message,
            state=DeliveryState.CLAIMED,
            subject=self.plan["subject"],
            recipients=recipients,
            mode=self.files.mode,
            formats=tuple(artifact.format for artifact in self.artifacts),
            sender=self.sender,
            requested_by=self.run.triggered_by if self.run.request.resend else None,
            resend_of=_earlier_ids(self.services, self.run),
        )

    def links(self, recipients: Recipients, reader: UUID | None) -> MessageLinks:
        """The links of a message; *reader* is its handle at the public door."""
        if reader is None:
            return signed_by_s3(self.services, self.run, self.artifacts, recipients)
        return of_public_door(self.services, self.run, self.artifacts, recipients, reader)

    def compose(self, written: Body, links: MessageLinks, recipients: Recipients) -> bytes:
        """Make the bytes of a message."""
        redirect = self.services.settings.redirect_to
        return message.compose(
            sender=self.sender,
            recipients=Recipients(to=(redirect,)) if redirect else recipients,
            subject=self.plan["subject"],
            bodies=(written.text, written.html),
            attachments=replace(self.files.encoded, images=message.encode(map(inline_image, written.pictures)).images),
            headers={
                **routing_headers(self.services, recipients, self.run.brand),
                **unsubscribe_headers(links.leave, one_click=links.one_click),
                **report_headers(self.run),
            },
        )


def _earlier_ids(services: Services, run: Run) -> str | None:
    """List the mail service's ids of the messages being resent, or the id of their run if none is known."""
    if not run.request.resend:
        return None
    earlier = services.ledger.of(RunKey(report_id=run.key.report_id, run_id=run.request.resend))
    ids = [one.message_id for one in earlier if one.message_id and not one.is_notice]
    return ", ".join(ids) or run.request.resend


def _note(mail: MailContent, links: MessageLinks | None) -> MailNote:
    """What a message says besides the report; without *links* it is a draft for all readers."""
    run, report, files = mail.run, mail.run.report, mail.files
    arrived = {artifact.format for artifact in mail.artifacts}
    return MailNote(
        files=tuple(
            MailFile(
                format=artifact.format,
                file_name=artifact.file_name,
                bytes=artifact.bytes,
                rows=artifact.rows,
                total_rows=artifact.total_rows,
                link=links.files[artifact.format] if links else None,
                attached=files.mode != "link",
            )
            for artifact in mail.artifacts
        ),
        link_expires=_local(links.expires, run) if links else None,
        no_data=not (run.mail_summary and run.mail_summary.data_rows),
        zip_name=files.zip_name,
        failed_formats=tuple(chosen for chosen in run.formats if chosen not in arrived),
        test=run.request.test,
        ignored=_ignored(run) if run.request.test else "",
        preview=mail.plan["preview"],
        introduction=mail.plan.get("introduction", ""),  # plans of earlier releases have none
        why=_why_not_attached(files, attach=mail.plan["attach"]),
        unsubscribe=unsubscribe_link(links.leave) if links else "",
        manage=links.manage if links else "",
        set_up_by=_set_up_by(mail),
        schedule_words=f"{cron_words.words(report.schedule.cron.expression)} ({city(report.timezone.key)})"
        + ", only if its condition is met" * (report.send_if is not None),
        stop_hint=_stop_hint(mail, links),
    )


def _set_up_by(mail: MailContent) -> str:
    """Name the creator; a reader who is to see no other address does not see theirs."""
    creator = mail.run.report.creator
    return creator.name or "the owner of the report" if is_separate(mail.plan) else str(creator)


def _stop_hint(mail: MailContent, links: MessageLinks | None) -> str:
    """How the sentence "To stop these emails, …" ends; empty if a link says it."""
    if links is not None and links.manage:
        return ""
    contact = _set_up_by(mail) if is_separate(mail.plan) else mail.run.report.creator.email
    return f"contact {contact} or an administrator"


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
