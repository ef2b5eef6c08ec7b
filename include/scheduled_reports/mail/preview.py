"""The mail of a run that is not made, as its readers would see it."""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING

from ..domain.delivery import MailPreview
from . import message
from .attachments import MailFiles
from .body import body
from .links import of_preview
from .plan import content
from .report_message import MailContent

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from ..domain.run import Artifact, Run
    from ..render.document import Document
    from ..settings import Settings


def preview(
    settings: Settings, run: Run, artifacts: Sequence[Artifact], document: Document, now: datetime
) -> MailPreview:
    """Compose the mail of *run* with these files; nothing is sent or recorded."""
    plan = content(settings, run, run.report)
    room = settings.message_bytes - message.BODY_ROOM
    fits = sum(message.encoded_size(one.bytes) for one in artifacts) <= room
    files = MailFiles("attach" if plan["attach"] and fits else "link")
    made = MailContent(run, artifacts, document, files, plan)
    to_one = plan["separate"] or len(run.report.email.recipients) == 1
    written = body(document, made.note(of_preview(settings, artifacts, now, to_one=to_one)))
    html = written.html
    for picture in written.pictures:
        html = html.replace(f"cid:{picture.cid}", f"data:image/png;base64,{b64encode(picture.content).decode()}")
    return MailPreview(sender=settings.sender_of(run.brand), subject=plan["subject"], html=html, text=written.text)
