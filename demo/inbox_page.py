"""Pages of the inbox: HTML from emails, everything escaped."""

from __future__ import annotations

import re
from base64 import b64encode
from dataclasses import dataclass
from email import message_from_bytes
from email.policy import default
from html import escape
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from email.message import EmailMessage, MIMEPart

    from .aws import Mail

STYLE = """
:root { color-scheme: light dark; --line: #8883; --soft: #767676; --link: #2456a8 }
@media (prefers-color-scheme: dark) { :root { --soft: #a0a0a0; --link: #8fb4ff } }
* { box-sizing: border-box }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 0 auto; padding: 2rem 1.25rem 4rem }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0 0 .25rem; overflow-wrap: anywhere }
h2 { font-size: 1rem; margin: 2rem 0 .5rem }
a { color: var(--link); text-decoration: none } a:hover, a:focus-visible { text-decoration: underline }
.soft { color: var(--soft) }
ol, ul { list-style: none; margin: 1.5rem 0 0; padding: 0 }
ul { margin: 0 }
ol > li { border-top: 1px solid var(--line) } ol > li:last-child { border-bottom: 1px solid var(--line) }
ol a { display: grid; grid-template-columns: 1fr auto; gap: 0 1rem; padding: .75rem 0; color: inherit }
ol a:hover, ol a:focus-visible { text-decoration: none } ol a:hover b { color: var(--link) }
ol span { overflow-wrap: anywhere } time { font-variant-numeric: tabular-nums; white-space: nowrap }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1rem; margin: 1rem 0 0 }
dt { color: var(--soft) } dd { margin: 0; overflow-wrap: anywhere }
ul li { padding: .25rem 0 }
iframe { width: 100%; height: 42rem; border: 1px solid var(--line); border-radius: .5rem; background: #fff }
pre { white-space: pre-wrap; overflow-wrap: anywhere; padding: 1rem; border: 1px solid var(--line);
  border-radius: .5rem; font: .875rem/1.5 ui-monospace, monospace; margin: 0 }
"""
# Without scripts, the list is refreshed by reloading the page.
REFRESH = '<meta http-equiv="refresh" content="10">'


@dataclass(frozen=True)
class Attachment:
    """An attachment of an email."""

    name: str
    content_type: str
    content: bytes


def listing(mails: Sequence[Mail]) -> str:
    """List all emails, newest first."""
    items = "".join(_item(mail) for mail in sorted(mails, key=lambda mail: mail.received, reverse=True))
    empty = '<p class="soft">No emails yet. This page reloads every ten seconds.</p>'
    count = f'<p class="soft">{len(mails)} {"email" if len(mails) == 1 else "emails"}, newest first</p>'
    return _page("Inbox", f"<h1>Inbox</h1>{count}<ol>{items}</ol>" if mails else f"<h1>Inbox</h1>{empty}", REFRESH)


def mail(mail: Mail, sandbox: str) -> str:
    """Show one email: headers, attachments, bodies."""
    message = parse(mail)
    subject = _header(message, "Subject") or "(no subject)"
    source = f'<a href="{_path(mail)}/source">Source</a> <span class="soft">{_size(len(mail.raw))}</span>'
    return _page(
        subject,
        f'<p><a href="/">← Inbox</a></p><h1>{escape(subject)}</h1>{_headers(mail, message)}'
        f"{_attachments(mail)}{_bodies(mail, message, sandbox)}<p>{source}</p>",
    )


def html_body(mail: Mail) -> str:
    """The HTML of an email for the frame, with its inline images; links open in a new page."""
    message = parse(mail)
    html = _text(message, "html") or ""
    for part in message.walk():
        if part.get_content_maintype() == "image" and (name := str(part["Content-ID"] or "").strip("<> ")):
            html = html.replace(f"cid:{name}", _data_uri(part))
    base = '<base target="_blank">'
    found = re.search(r"<head[^>]*>", html, re.IGNORECASE)
    return html[: found.end()] + base + html[found.end() :] if found else base + html


def missing() -> str:
    """The page for an unknown path."""
    return _page("Not found", '<p><a href="/">← Inbox</a></p><h1>Page not found</h1>')


def attachments(mail: Mail) -> tuple[Attachment, ...]:
    """List the attachments of an email, in order."""
    return tuple(_files(parse(mail)))


def parse(mail: Mail) -> EmailMessage:
    """Parse an email."""
    return message_from_bytes(mail.raw, policy=default)


def _files(message: EmailMessage) -> Iterator[Attachment]:
    for number, part in enumerate(message.walk(), start=1):
        if part["Content-ID"] and part.get_content_disposition() == "inline":
            continue  # an image in the HTML
        if (part.is_attachment() or part.get_filename()) and not part.is_multipart():
            name = part.get_filename() or f"part-{number}"
            yield Attachment(name, part.get_content_type(), _content(part))


def _item(mail: Mail) -> str:
    message = parse(mail)
    subject = _header(message, "Subject") or "(no subject)"
    return (
        f'<li><a href="{_path(mail)}"><b>{escape(subject)}</b>{_time(mail)}'
        f'<span class="soft">{escape(_header(message, "From") or mail.sender)} → '
        f"{escape(', '.join(mail.recipients))}</span></a></li>"
    )


def _headers(mail: Mail, message: EmailMessage) -> str:
    rows = {name: _header(message, name) for name in ("From", "To", "Cc", "Reply-To", "Date")}
    rows["Delivered to"] = ", ".join(mail.recipients)
    rows["Message ID"] = mail.message_id
    lines = "".join(f"<dt>{name}</dt><dd>{escape(value)}</dd>" for name, value in rows.items() if value)
    return f"<dl>{lines}</dl>"


def _attachments(mail: Mail) -> str:
    files = attachments(mail)
    lines = "".join(
        f'<li><a href="{_path(mail)}/attachment/{number}" download>{escape(file.name)}</a> '
        f'<span class="soft">{escape(file.content_type)}, {_size(len(file.content))}</span></li>'
        for number, file in enumerate(files)
    )
    return f"<h2>Attachments</h2><ul>{lines}</ul>" if files else ""


def _bodies(mail: Mail, message: EmailMessage, sandbox: str) -> str:
    text = _text(message, "plain")
    frame = f'<h2>HTML</h2><iframe src="{_path(mail)}/html" sandbox="{sandbox}" title="HTML of the email"></iframe>'
    plain = f"<h2>Text</h2><pre>{escape(text)}</pre>" if text is not None else ""
    return (frame if _text(message, "html") is not None else "") + plain


def _text(message: EmailMessage, kind: str) -> str | None:
    part = message.get_body((kind,))
    return None if part is None else _decode(part)


def _decode(part: MIMEPart) -> str:
    try:
        return str(part.get_content())
    except (LookupError, ValueError):  # an unknown or wrong charset
        return _content(part).decode(errors="replace")


def _content(part: MIMEPart) -> bytes:
    payload = part.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else b""


def _header(message: EmailMessage, name: str) -> str:
    try:
        return str(message[name] or "")
    except (AttributeError, IndexError):  # Python's parser fails on some invalid addresses
        return next((str(value) for key, value in message.raw_items() if key.lower() == name.lower()), "")


def _data_uri(part: EmailMessage) -> str:
    return f"data:{part.get_content_type()};base64,{b64encode(_content(part)).decode()}"


def _path(mail: Mail) -> str:
    return f"/mail/{quote(mail.message_id, safe='')}"


def _time(mail: Mail) -> str:
    return f'<time class="soft" datetime="{mail.received.isoformat()}">{mail.received:%Y-%m-%d %H:%M:%S} UTC</time>'


def _size(count: int) -> str:
    return f"{count:,} bytes" if count < 10_000 else f"{count / 1024:,.0f} KB"


def _page(title: str, body: str, head: str = "") -> str:
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>{head}'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{STYLE}</style></head><body>{body}</body></html>"
    )
