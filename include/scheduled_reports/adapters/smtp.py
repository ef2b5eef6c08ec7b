"""The mail service: any SMTP server, one transaction a message.

Until the dot that ends the message has begun to leave, nothing was sent; after it, only the server's answer tells.
Sources: RFC 5321, sections 3.3 and 4.2.
"""

from __future__ import annotations

import smtplib
import ssl
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.parser import BytesHeaderParser
from email.utils import parseaddr
from typing import TYPE_CHECKING

from ..checks import ascii_address
from ..errors import (
    ConfigurationError,
    DeliveryUnknownError,
    PermanentError,
    RecipientRefusedError,
    ReportsError,
    ThrottledError,
    TransientError,
)
from ..naming import one_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ..model import Recipients

#: The server is busy or asks to come back later: RFC 5321, 4.2.2 and 4.2.3.
SLOWER = frozenset({421, 450, 451, 452, 454})
LONGEST_ID = 200


@dataclass(frozen=True, kw_only=True, slots=True)
class SmtpMailer:
    """Port `Mailer`; *tls* is `implicit` (port 465), `starttls`, or `none` for a relay on the same machine."""

    host: str
    port: int = 587
    login: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: str = "starttls"
    timeout: float = 30
    context: ssl.SSLContext | None = None

    def send(self, sender: str, recipients: Recipients, raw: bytes, *, tags: Mapping[str, str]) -> str:  # noqa: ARG002
        """Send one message once; returns what the server calls it, or its Message-ID."""
        with self._session() as server:
            with _before_the_message("the sender"):
                _expect(server.mail(ascii_address(parseaddr(sender)[1])), "the sender")
            refused = [one for one in dict.fromkeys(recipients) if not self._takes(server, one)]
            if refused:
                # Nobody gets it: whom it reaches is decided once, by the caller.
                raise RecipientRefusedError(refused)
            answer = _message(server, raw)
        return one_line(answer.decode("ascii", "replace"))[:LONGEST_ID] or _message_id(raw)

    def _takes(self, server: smtplib.SMTP, address: str) -> bool:
        with _before_the_message("a recipient"):
            code, _ = answer = server.rcpt(ascii_address(address))
        if code < 500:
            _expect(answer, "a recipient")
        return code < 500

    @contextmanager
    def _session(self) -> Iterator[smtplib.SMTP]:
        with _before_the_message("the session"):
            server = self._connect()
        try:
            yield server
        finally:
            with suppress(smtplib.SMTPException, OSError):  # what was accepted stays accepted
                server.quit()
            server.close()

    def _connect(self) -> smtplib.SMTP:
        context = self.context or ssl.create_default_context()
        if self.tls == "implicit":
            server: smtplib.SMTP = smtplib.SMTP_SSL(self.host, self.port, timeout=self.timeout, context=context)
        else:
            server = smtplib.SMTP(self.host, self.port, timeout=self.timeout)
        try:
            if self.tls == "starttls":
                server.starttls(context=context)
            server.ehlo_or_helo_if_needed()
            if self.login:
                server.login(self.login, self.password or "")
        except BaseException:
            server.close()
            raise
        return server


@contextmanager
def _before_the_message(what: str) -> Iterator[None]:
    """Errors of a time when nothing can have been sent."""
    try:
        yield
    except (smtplib.SMTPAuthenticationError, smtplib.SMTPNotSupportedError, ssl.SSLCertVerificationError) as error:
        raise ConfigurationError(f"the SMTP server and reports_smtp do not agree: {type(error).__name__}") from error
    except smtplib.SMTPResponseException as error:
        _expect((error.smtp_code, b""), what)
        raise TransientError(f"the SMTP server gave an answer to {what} that means nothing") from error
    except (smtplib.SMTPException, OSError) as error:
        raise TransientError(f"the SMTP server did not answer to {what}: {type(error).__name__}") from error


def _expect(answer: tuple[int, bytes], what: str) -> None:
    """Raise what a code other than success means; the text of an answer may hold an address, and stays out."""
    code, _ = answer
    if code >= 400:
        raise _refusal(code, what)


def _refusal(code: int, what: str) -> ReportsError:
    if code in SLOWER:
        return ThrottledError(f"the SMTP server asks to come back later, at {what}: {code}")
    kind = PermanentError if code >= 500 else TransientError
    return kind(f"the SMTP server refuses {what}: {code}")


def _message(server: smtplib.SMTP, raw: bytes) -> bytes:
    """DATA: an answer decides, no answer leaves it open."""
    try:
        code, answer = server.data(raw)
    except smtplib.SMTPDataError as error:  # the server does not want to hear the message at all
        raise _refusal(max(error.smtp_code, 400), "the message") from error
    except (smtplib.SMTPException, OSError) as error:
        kind = type(error).__name__
        raise DeliveryUnknownError(f"the SMTP server did not say whether it has the message: {kind}") from error
    if code != 250:
        raise _refusal(max(code, 400), "the message")
    return answer


def _message_id(raw: bytes) -> str:
    return str(BytesHeaderParser().parsebytes(raw)["Message-ID"] or "accepted")
