"""Compose a MIME message: headers, two bodies, inline images, attachments; and what base64 adds to a size."""

from __future__ import annotations

from dataclasses import dataclass
from email.headerregistry import Address, BaseHeader, HeaderRegistry, UnstructuredHeader
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate, make_msgid, parseaddr
from typing import TYPE_CHECKING, Any

from ..domain.addresses import ascii_address
from ..domain.naming import one_line

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..domain.report import Recipients


class _AddressList(UnstructuredHeader, BaseHeader):
    """List-Unsubscribe with one unbroken address per line; Python would encode a long one as an encoded word."""

    def fold(self, *, policy: Any) -> str:
        """Format the header for the message."""
        return f"{self.name}: " + f",{policy.linesep} ".join(str(self).split(", ")) + str(policy.linesep)


_HEADERS = HeaderRegistry()
_HEADERS.map_to_type("list-unsubscribe", _AddressList)
#: SES requires 7-bit parts: other text is sent as quoted-printable or base64.
SEVEN_BIT = SMTP.clone(cte_type="7bit", header_factory=_HEADERS)
#: Bytes reserved for headers and bodies when deciding whether attachments fit.
BODY_ROOM = 512 * 1024
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
    mail["From"] = _address(sender)
    mail["To"] = [_address(address) for address in recipients.to]
    if recipients.cc:
        mail["Cc"] = [_address(address) for address in recipients.cc]
    mail["Subject"] = one_line(subject)
    mail["Date"] = formatdate(usegmt=True)
    mail["Message-ID"] = make_msgid(domain=ascii_address(parseaddr(sender)[1]).rpartition("@")[2])
    for name, value in (headers or {}).items():
        mail[name] = one_line(value)
    text, html = bodies
    mail.set_content(text)
    mail.add_alternative(html, subtype="html")
    for attachment in sorted(attachments, key=lambda one: not one.cid):
        _add(mail, attachment)
    return mail.as_bytes()


def _add(mail: EmailMessage, attachment: Attachment) -> None:
    """Add a file to the message, or an image to its HTML part, so that no client lists the image as a file."""
    maintype, _, subtype = attachment.content_type.partition(";")[0].partition("/")
    name = one_line(attachment.file_name)
    if attachment.cid:
        html = next(part for part in mail.walk() if part.get_content_type() in _HTML)
        html.add_related(
            attachment.content, maintype, subtype, cid=f"<{attachment.cid}>", filename=name, disposition="inline"
        )
    else:
        # Base64 for every type: mail servers may change line endings of text, and the digest must stay right.
        mail.add_attachment(attachment.content, maintype=maintype, subtype=subtype, filename=name)


def encoded_size(size: int) -> int:
    """Compute the size of *size* bytes in base64, with line endings."""
    encoded = -(-size // 3) * 4
    return encoded + 2 * -(-encoded // 76)


def _address(text: str) -> Address:
    """Parse `Name <local@domain>` or a bare address."""
    name, plain = parseaddr(text)
    local, _, domain = ascii_address(plain).rpartition("@")
    return Address(display_name=name, username=local, domain=domain)
