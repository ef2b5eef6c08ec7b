"""A web inbox on 127.0.0.1 with the emails that the local SES has accepted.

Emails are untrusted: their text is escaped, their HTML is shown in a sandboxed frame without scripts and external
resources, and no page has scripts.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote, urlsplit

from . import inbox_page as page

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .aws import Mail

NOTHING = "default-src 'none'; form-action 'none'; base-uri 'none'"
OWN_PAGE = f"{NOTHING}; style-src 'unsafe-inline'; frame-src 'self'; frame-ancestors 'none'"
# A link in an email opens a new page without the sandbox, which would block downloads.
MAIL_SANDBOX = "allow-popups allow-popups-to-escape-sandbox"
MAIL_BODY = f"sandbox {MAIL_SANDBOX}; default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'none'"


@dataclass(frozen=True)
class Inbox:
    """A running inbox."""

    url: str
    server: ThreadingHTTPServer
    thread: threading.Thread

    @classmethod
    def start(cls, mails: Callable[[], Sequence[Mail]], *, port: int = 0) -> Inbox:
        """Start an inbox that calls *mails* for each request; port 0 takes a free one."""
        try:
            server = ThreadingHTTPServer(("127.0.0.1", port), _handler(mails))
        except OSError as error:
            raise RuntimeError(f"port {port} on 127.0.0.1 is in use; choose another port for the inbox") from error
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), name="inbox", daemon=True)
        thread.start()
        return cls(f"http://127.0.0.1:{server.server_port}", server, thread)

    def mail_url(self, message_id: str) -> str:
        """The address of one email."""
        return f"{self.url}/mail/{quote(message_id, safe='')}"

    def stop(self) -> None:
        """Stop serving; safe to call twice."""
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@dataclass(frozen=True)
class Answer:
    """The response to one request."""

    body: bytes
    content_type: str = "text/html; charset=utf-8"
    policy: str = OWN_PAGE
    status: HTTPStatus = HTTPStatus.OK
    download: str | None = None


def answer(path: str, mails: Sequence[Mail]) -> Answer:
    """Find the response for a path."""
    parts = [unquote(part) for part in urlsplit(path).path.strip("/").split("/")]
    if parts == [""]:
        return Answer(page.listing(mails).encode(errors="replace"))
    mail = next((mail for mail in mails if len(parts) > 1 and mail.message_id == parts[1]), None)
    found = _of_mail(mail, parts[2:]) if mail is not None and parts[0] == "mail" else None
    return found or Answer(page.missing().encode(errors="replace"), status=HTTPStatus.NOT_FOUND)


def _of_mail(mail: Mail, rest: Sequence[str]) -> Answer | None:
    match rest:
        case []:
            return Answer(page.mail(mail, MAIL_SANDBOX).encode(errors="replace"))
        case ["html"]:
            return Answer(page.html_body(mail).encode(errors="replace"), policy=MAIL_BODY)
        case ["source"]:
            return Answer(mail.raw, content_type="text/plain; charset=utf-8", policy=NOTHING)
        case ["attachment", number] if number.isdecimal() and int(number) < len(page.attachments(mail)):
            part = page.attachments(mail)[int(number)]
            # Not the type that the email claims: the browser must save the file, not show it.
            return Answer(part.content, "application/octet-stream", NOTHING, download=part.name)
    return None


def _handler(mails: Callable[[], Sequence[Mail]]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            assert isinstance(self.server, ThreadingHTTPServer)
            port = self.server.server_port
            # Against DNS rebinding: another site's name that resolves to 127.0.0.1 must not read the inbox.
            if self.headers.get("Host") not in (f"127.0.0.1:{port}", f"localhost:{port}"):
                self.send_error(HTTPStatus.MISDIRECTED_REQUEST)
                return
            self._send(answer(self.path, mails()))

        def _send(self, found: Answer) -> None:
            self.send_response(found.status)
            self.send_header("Content-Type", found.content_type)
            self.send_header("Content-Length", str(len(found.body)))
            self.send_header("Content-Security-Policy", found.policy)
            self.send_header("X-Content-Type-Options", "nosniff")
            self.send_header("Referrer-Policy", "no-referrer")
            self.send_header("Cache-Control", "no-store")
            if found.download is not None:
                self.send_header(
                    "Content-Disposition",
                    f"attachment; filename*=UTF-8''{quote(found.download, safe='', errors='replace')}",
                )
            self.end_headers()
            self.wfile.write(found.body)

        def log_message(self, *_: object) -> None:
            """Log nothing: the terminal shows the output of the demo."""

    return Handler
