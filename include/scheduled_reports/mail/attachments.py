"""Choose how a run's files travel: attached, in one zip file, or as links, by what fits into one message."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING

from ..domain.errors import PermanentError
from . import message

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..domain.delivery import MailMode
    from ..domain.run import Artifact
    from ..ports.services import Services
    from .body_images import MailPicture


NOTHING = message.EncodedAttachments()


@dataclass(frozen=True, slots=True)
class MailFiles:
    """How the files of a mail travel, and those that are attached, encoded once for all its messages."""

    mode: MailMode
    encoded: message.EncodedAttachments = NOTHING
    zip_name: str | None = None


def inline_image(picture: MailPicture) -> message.Attachment:
    """Make an inline attachment of an image that the HTML of a message shows."""
    return message.Attachment(picture.file_name, "image/png", picture.content, cid=picture.cid)


def choose_files(services: Services, artifacts: Sequence[Artifact], *, attach: bool) -> MailFiles:
    """Attach, zip or link the files, by what fits into one message; only link them without *attach*."""
    room = services.settings.message_bytes - message.BODY_ROOM
    if not attach:
        return MailFiles("link")
    if sum(message.encoded_size(artifact.bytes) for artifact in artifacts) <= room:
        return MailFiles("attach", message.encode(_attachment(services, artifact) for artifact in artifacts))
    # Compressed formats shrink little: files that would not fit at a ratio of ten to one are not fetched.
    if sum(message.encoded_size(artifact.bytes) for artifact in artifacts) > 10 * room:
        return MailFiles("link")
    packed = _zip(services, artifacts)
    if message.encoded_size(len(packed.content)) <= room:
        return MailFiles("zip", message.encode((packed,)), packed.file_name)
    return MailFiles("link")


def _attachment(services: Services, artifact: Artifact) -> message.Attachment:
    with services.store.open(artifact.object_key) as file:
        content = file.read()
    if len(content) != artifact.bytes:
        raise PermanentError(f"{artifact.url} has {len(content)} bytes, but {artifact.bytes} were uploaded")
    return message.Attachment(artifact.file_name, artifact.content_type, content)


def _zip(services: Services, artifacts: Sequence[Artifact]) -> message.Attachment:
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for artifact in artifacts:
            archive.writestr(artifact.file_name, _attachment(services, artifact).content)
    name = artifacts[0].file_name.rpartition(".")[0] + ".zip"
    return message.Attachment(name, "application/zip", packed.getvalue())
