"""Compose a MIME message: headers, two bodies, inline images, attachments; and what base64 adds to a size.

Attachments are encoded once, however many messages carry them: a message is composed without its files, which are
then put into its bytes as they are.
"""

from __future__ import annotations

from base64 import encodebytes
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate, make_msgid, parseaddr
from typing import TYPE_CHECKING

from ..domain.addresses import ascii_address
from ..domain.naming import one_line
from .folding import address_header, file_header, list_header, text_header

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ..domain.report import Recipients
    from .folding import Field


#: SES requires 7-bit parts: other text is sent as quoted-printable or base64.
SEVEN_BIT = SMTP.clone(cte_type="7bit")
#: Bytes reserved for headers and bodies when deciding whether attachments fit.
BODY_ROOM = 512 * 1024
#: Headers of addresses, and of parts that may not be broken.
ADDRESSES, UNBROKEN = frozenset({"Reply-To"}), frozenset({"List-Unsubscribe"})
#: Bytes that are encoded at a time: whole lines of base64, which hold 57 bytes each.
PIECE = 57 * 16_384


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file in a message, or with a *cid* an image that its HTML shows."""

    file_name: str
    content_type: str
    content: bytes
    cid: str = ""


@dataclass(frozen=True, slots=True)
class EncodedAttachments:
    """The attachments of a message as they are sent: its images as MIME parts, its files as the bytes of theirs."""

    images: tuple[EmailMessage, ...] = ()
    files: tuple[bytes, ...] = ()


def encode(attachments: Iterable[Attachment]) -> EncodedAttachments:
    """Encode attachments once, for any number of messages; of an iterator, one is in memory at a time."""
    images: list[EmailMessage] = []
    files: list[bytes] = []
    for attachment in attachments:
        if attachment.cid:
            images.append(_image(attachment))
        else:
            files.append(_file(attachment))
    return EncodedAttachments(tuple(images), tuple(files))


def compose(
    *,
    sender: str,
    recipients: Recipients,
    subject: str,
    bodies: tuple[str, str],
    attachments: EncodedAttachments | tuple[Attachment, ...] = (),
    headers: Mapping[str, str] | None = None,
) -> bytes:
    """Compose a message of *bodies* (plain text, HTML); blind copies appear in no header."""
    encoded = attachments if isinstance(attachments, EncodedAttachments) else encode(attachments)
    mail = EmailMessage(policy=SEVEN_BIT)
    mail["From"] = _addresses("From", (sender,))
    mail["To"] = _addresses("To", recipients.to)
    if recipients.cc:
        mail["Cc"] = _addresses("Cc", recipients.cc)
    mail["Subject"] = text_header("Subject", one_line(subject))
    mail["Date"] = formatdate(usegmt=True)
    mail["Message-ID"] = list_header("Message-ID", [make_msgid(domain=_address(sender)[1].rpartition("@")[2])])
    for name, value in (headers or {}).items():
        mail[name] = _field(name, one_line(value))
    text, html = bodies
    mail.set_content(text)
    mail.add_alternative(html, subtype="html")
    if encoded.images:
        _show(mail, encoded.images)
    return _with_files(mail, encoded.files) if encoded.files else mail.as_bytes()


def _show(mail: EmailMessage, images: Sequence[EmailMessage]) -> None:
    """Add images to the HTML part, so that no client lists them as files."""
    html = next(part for part in mail.walk() if part.get_content_type() == "text/html")
    html.make_related()
    for image in images:
        html.attach(image)


def _with_files(mail: EmailMessage, files: Sequence[bytes]) -> bytes:
    """The bytes of *mail* with *files* behind its bodies; nothing in base64 or in a folded header is a boundary."""
    mail.make_mixed()
    bare = mail.as_bytes()
    boundary = f"\r\n--{mail.get_boundary()}".encode("ascii")
    end = boundary + b"--\r\n"
    between = boundary + b"\r\n"
    return b"".join([bare.removesuffix(end), *(piece for file in files for piece in (between, file)), end])


def _image(attachment: Attachment) -> EmailMessage:
    part = EmailMessage(policy=SEVEN_BIT)
    part.set_content(
        attachment.content,
        *_types(attachment),
        cid=f"<{attachment.cid}>",
        filename=one_line(attachment.file_name),
        disposition="inline",
    )
    return part


def _file(attachment: Attachment) -> bytes:
    """A file as a MIME part in base64, whatever its type: mail servers may change line endings of text."""
    head = EmailMessage(policy=SEVEN_BIT)
    head.set_content(b"", *_types(attachment))
    head["Content-Disposition"] = file_header("attachment", one_line(attachment.file_name))
    content = memoryview(attachment.content)
    pieces = (content[start : start + PIECE] for start in range(0, len(content), PIECE))
    return b"".join([head.as_bytes(), *(encodebytes(piece).replace(b"\n", b"\r\n") for piece in pieces)])


def _types(attachment: Attachment) -> tuple[str, str]:
    maintype, _, subtype = attachment.content_type.partition(";")[0].partition("/")
    return maintype, subtype


def encoded_size(size: int) -> int:
    """Compute the size of *size* bytes in base64, with line endings."""
    encoded = -(-size // 3) * 4
    return encoded + 2 * -(-encoded // 76)


def _field(name: str, value: str) -> Field:
    """A header by its kind: addresses, ASCII parts that may not be broken, or text."""
    if name in ADDRESSES:
        return _addresses(name, (value,))
    return list_header(name, value.split(", ")) if name in UNBROKEN else text_header(name, value)


def _addresses(name: str, addresses: Sequence[str]) -> Field:
    return address_header(name, [_address(address) for address in addresses])


def _address(text: str) -> tuple[str, str]:
    """The display name and the ASCII address of `Name <local@domain>` or a bare address."""
    name, plain = parseaddr(text)
    return one_line(name), ascii_address(plain)
