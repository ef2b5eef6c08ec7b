"""Compose a MIME message: headers, two bodies, inline images, attachments; and what base64 adds to a size."""

from __future__ import annotations

from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate, make_msgid, parseaddr
from typing import TYPE_CHECKING

from ..domain.addresses import ascii_address
from ..domain.naming import one_line
from .folding import address_header, file_header, list_header, text_header

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..domain.report import Recipients
    from .folding import Field


#: SES requires 7-bit parts: other text is sent as quoted-printable or base64.
SEVEN_BIT = SMTP.clone(cte_type="7bit")
#: Bytes reserved for headers and bodies when deciding whether attachments fit.
BODY_ROOM = 512 * 1024
#: Headers of addresses, and of parts that may not be broken.
ADDRESSES, UNBROKEN = frozenset({"Reply-To"}), frozenset({"List-Unsubscribe"})
#: The types of the HTML part, with images and without.
_HTML = ("multipart/related", "text/html")


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file in a message, or with a *cid* an image that its HTML shows."""

    file_name: str
    content_type: str
    content: bytes
    cid: str = ""


def compose(
    *,
    sender: str,
    recipients: Recipients,
    subject: str,
    bodies: tuple[str, str],
    attachments: tuple[Attachment, ...] = (),
    headers: Mapping[str, str] | None = None,
) -> bytes:
    """Compose a message of *bodies* (plain text, HTML); blind copies appear in no header."""
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
    for attachment in sorted(attachments, key=lambda one: not one.cid):
        _add(mail, attachment)
    _name_files(mail, [one_line(attachment.file_name) for attachment in attachments if not attachment.cid])
    return mail.as_bytes()


def _name_files(mail: EmailMessage, names: Sequence[str]) -> None:
    """Give the attached files their names."""
    for part, name in zip([*mail.iter_attachments()] if names else (), names, strict=True):
        del part["Content-Disposition"]
        part["Content-Disposition"] = file_header("attachment", name)


def _add(mail: EmailMessage, attachment: Attachment) -> None:
    """Add a file to the message, or an image to its HTML part, so that no client lists the image as a file."""
    maintype, _, subtype = attachment.content_type.partition(";")[0].partition("/")
    if attachment.cid:
        html = next(part for part in mail.walk() if part.get_content_type() in _HTML)
        html.add_related(
            attachment.content,
            maintype,
            subtype,
            cid=f"<{attachment.cid}>",
            filename=one_line(attachment.file_name),
            disposition="inline",
        )
    else:
        # Base64 for every type: mail servers may change line endings of text, and the digest must stay right.
        mail.add_attachment(attachment.content, maintype=maintype, subtype=subtype)


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
