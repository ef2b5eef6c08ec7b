"""Send mail by SMTP: SendGrid, Mailgun, Resend or any relay that accepts mail for delivery.

`smtplib.SMTP.sendmail` sends to the remaining recipients when some are refused, and its errors do not say whether the
message was sent.  So the SMTP dialogue is written out here: before the first byte of the message it was certainly not
sent; from then on only the server's answer tells the outcome.  Sources: RFC 5321, RFC 1870 (SIZE), RFC 2034 (status
codes), RFC 3207 (STARTTLS).
"""

from __future__ import annotations

import re
import smtplib
import ssl
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email import message_from_bytes
from email.utils import parseaddr
from typing import TYPE_CHECKING, Any, Literal

from ..domain.addresses import ascii_address
from ..domain.errors import (
    AllRefusedError,
    ConfigurationError,
    DeliveryUnknownError,
    PermanentError,
    RecipientRefusedError,
    ReportsError,
    ThrottledError,
    TransientError,
)
from ..domain.finding import fault, ok, warning
from ..domain.naming import one_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ..domain.finding import Finding
    from ..domain.report import Recipients
    from ..settings import Settings

Tls = Literal["implicit", "starttls", "none"]
Reply = tuple[int, bytes]
#: Ports with implicit TLS; the second is Resend's alternative where 465 is blocked.
TLS_PORTS = frozenset({465, 2465})
#: Replies that ask the client to retry later.
SLOWER = frozenset({421, 450, 451, 452, 454})
#: Replies of a server that requires authentication.
UNAUTHENTICATED = frozenset({530, 534, 535, 538})
#: The reply of a server that closes the connection, whoever was named last; some do so after too many refusals.
HANGS_UP = 421
#: Replies that may mean that the envelope is full; RFC 821 had 552 for it.
TOO_MANY = frozenset({452, 552})
#: RFC 5321 asks clients to wait ten minutes for the final answer; a task has fifteen minutes in all.
ANSWER_SECONDS = 300.0
#: Seconds to wait for QUIT; the message is accepted by then.
QUIT_SECONDS = 5.0
#: Bytes per send call: the timeout is per call, and a whole message may take longer.
PIECE = 256 * 1024
ENHANCED = re.compile(r"[245]\.\d{1,3}\.\d{1,3}(?!\S)")
ID_LENGTH = 200
_ENCRYPTION = {"implicit": "with TLS", "starttls": "with STARTTLS", "none": "not encrypted"}


@dataclass(frozen=True, kw_only=True, slots=True)
class SmtpMailer:
    """Port `Mailer`; *tls* is `implicit` (port 465), `starttls`, or `none` for a relay on the same machine."""

    host: str
    port: int = 587
    login: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: Tls = "starttls"
    #: Seconds, for connecting and for each command.
    timeout: float = 30.0
    answer_timeout: float = ANSWER_SECONDS
    #: Trusted certificates; None for the system's.
    context: ssl.SSLContext | None = None

    def send(self, sender: str, recipients: Recipients, raw: bytes, *, tags: Mapping[str, str]) -> str:  # noqa: ARG002
        envelope = {ascii_address(address): address for address in recipients}
        lines = _lines(raw)
        with self._session() as server:
            _begin(server, ascii_address(parseaddr(sender)[1]), envelope, len(lines))
            text = self._hand_over(server, lines)
            with suppress(OSError):  # the message is accepted, whatever happens now
                _set_timeout(server, QUIT_SECONDS)
                server.quit()
        return _name(text, raw)

    def recipients_per_second(self) -> None:
        return None  # SMTP has no way to ask

    def is_verified(self, address: str) -> None:  # noqa: ARG002 - the server decides when a mail is sent
        return None

    def findings(self, settings: Settings) -> Iterator[Finding]:
        with self._session() as server:
            size = server.esmtp_features.get("size", "")
            with _not_sent_yet("naming the sender"):
                code, _ = reply = server.mail(ascii_address(parseaddr(settings.sender)[1]))
            with suppress(OSError):  # the answers are known, whatever happens now
                server.rset()
                server.quit()
        place = f"{self.host}:{self.port}"
        if code // 100 != 2:
            remedy = "let the account of the SMTP connection send from MAIL_FROM"
            yield fault("mail", f"{place} refuses the sender: {_codes(reply)}", remedy)
        else:
            login = "after a login" if self.login else "without a login"
            yield ok("mail", f"{place}, {_ENCRYPTION[self.tls]}, {login}, accepts the sender")
        if self.tls == "none" and self.host not in {"localhost", "127.0.0.1", "::1"}:
            text = f"the connection to {place} is not encrypted"
            yield warning("mail", text, "set disable_tls to false in the SMTP connection")
        if size.isdigit() and 0 < int(size) < settings.message_bytes:
            yield warning(
                "mail",
                f"the mail server takes messages of {int(size):,} bytes, MESSAGE_BYTES is {settings.message_bytes:,}",
                f"set MESSAGE_BYTES={size}, so that larger files are linked instead of refused",
            )

    @contextmanager
    def _session(self) -> Iterator[smtplib.SMTP]:
        """An encrypted, authenticated connection; its errors mean that the message was not sent."""
        with _not_sent_yet("connecting"):
            server = self._connect()
        try:
            with _not_sent_yet("connecting"):
                server.ehlo_or_helo_if_needed()
                if self.tls == "starttls":
                    server.starttls(context=self._trust())
                    server.ehlo_or_helo_if_needed()
            with _not_sent_yet("logging in"):
                if self.login:
                    server.login(self.login, self.password or "")
            yield server
        finally:
            server.close()

    def _connect(self) -> smtplib.SMTP:
        if not f"{self.login}{self.password}".isascii():  # smtplib's error would contain the password
            raise ConfigurationError("the SMTP login and password must be ASCII")
        if self.tls == "implicit":
            return smtplib.SMTP_SSL(self.host, self.port, timeout=self.timeout, context=self._trust())
        return smtplib.SMTP(self.host, self.port, timeout=self.timeout)

    def _trust(self) -> ssl.SSLContext:
        return self.context or ssl.create_default_context()

    def _hand_over(self, server: smtplib.SMTP, lines: bytes) -> str:
        """Send the message; return the text of the answer that accepts it."""
        with _not_sent_yet("announcing the message"):
            _expect(server.docmd("DATA"), "the message", good=3)
        try:
            for start in range(0, len(lines), PIECE):
                server.send(lines[start : start + PIECE])
            server.send(b".\r\n")
            _set_timeout(server, self.answer_timeout)
            code, text = server.getreply()
        except Exception as error:  # any error: the message may have been sent
            raise DeliveryUnknownError(f"the mail server did not answer: {type(error).__name__}") from error
        if code // 100 not in {2, 4, 5}:
            raise DeliveryUnknownError("the mail server's answer to the message is not SMTP")
        _expect((code, text), "the message")
        return text.decode("ascii", "replace")


def smtp_mailer(
    *, host: str | None, port: int | None, login: str | None, password: str | None, extra: Mapping[str, Any]
) -> SmtpMailer:
    """The mailer of an Airflow connection of type SMTP; raises ConfigurationError if a value is invalid."""
    if not host or not _is_host(host):
        raise ConfigurationError(f"host {host!r} is not the name or address of a mail server")
    if extra.get("ssl_context") not in (None, "", "default"):
        raise ConfigurationError(
            "ssl_context is not supported: certificates are always checked; set ca_file to trust a private authority"
        )
    if extra.get("auth_type") not in (None, "", "basic"):
        raise ConfigurationError(f"auth_type {extra['auth_type']!r} is not supported; use basic (login and password)")
    tls = _tls(port, extra)
    return SmtpMailer(
        host=host,
        port=port or {"implicit": 465, "starttls": 587, "none": 25}[tls],
        login=login,
        password=password,
        tls=tls,
        timeout=_seconds(extra.get("timeout") or 30),
        context=_authority(extra.get("ca_file")),
    )


def _tls(port: int | None, extra: Mapping[str, Any]) -> Tls:
    """Read the two switches as Airflow's SMTP hook does, except that without `disable_ssl` the port decides."""
    if not _flag(extra, "disable_ssl", unset=port not in TLS_PORTS):
        return "implicit"
    return "none" if _flag(extra, "disable_tls", unset=False) else "starttls"


def _is_host(text: str) -> bool:
    try:
        return bool(text.encode("idna"))
    except UnicodeError:
        return False


def _flag(extra: Mapping[str, Any], name: str, *, unset: bool) -> bool:
    """A boolean; in a connection written as a URI it is text."""
    if extra.get(name) in (None, ""):
        return unset
    text = str(extra[name]).strip().lower()
    if text not in {"true", "false", "1", "0", "yes", "no"}:
        raise ConfigurationError(f"{name} is {extra[name]!r}; use true or false")
    return text in {"true", "1", "yes"}


def _seconds(value: Any) -> float:
    try:
        seconds = float(value)
    except (TypeError, ValueError):
        seconds = 0.0
    if not 0 < seconds <= 600:
        raise ConfigurationError(f"timeout is {value!r}; use more than 0 and at most 600 seconds")
    return seconds


def _authority(ca_file: str | None) -> ssl.SSLContext | None:
    """Trust a private certificate authority in addition to the system's."""
    if not ca_file:
        return None
    context = ssl.create_default_context()
    try:
        context.load_verify_locations(ca_file)
    except OSError as error:  # ssl's errors are OSErrors, too
        raise ConfigurationError(f"ca_file {ca_file!r} is not a readable PEM file of certificates") from error
    return context


def _begin(server: smtplib.SMTP, sender: str, envelope: Mapping[str, str], size: int) -> None:
    """Send the envelope: every recipient is accepted, or nothing is sent."""
    limit = server.esmtp_features.get("size", "")
    if limit.isdigit() and 0 < int(limit) < size:
        raise PermanentError(f"the message has {size} bytes, the mail server takes {limit}: lower MESSAGE_BYTES")
    with _not_sent_yet("naming the sender"):
        options = [f"SIZE={size}"] if server.has_extn("size") else []
        reply = server.mail(sender, options)
        if reply[0] // 100 == 5 and reply[0] != 552:  # 552: message too large
            raise ConfigurationError(f"the mail server refuses the sender: {_codes(reply)}")
        _expect(reply, "the sender")
    with _not_sent_yet("naming the recipients"):
        replies = _name_recipients(server, envelope)
        problem = _problem(replies, len(envelope))
        if problem is not None:
            with suppress(OSError):  # closing the connection ends the transaction, too
                _set_timeout(server, QUIT_SECONDS)
                server.rset()
                server.quit()
            raise problem


def _name_recipients(server: smtplib.SMTP, envelope: Mapping[str, str]) -> dict[str, Reply]:
    """The reply to each recipient; all are tried, so that all are reported at once, unless the server hangs up."""
    replies: dict[str, Reply] = {}
    for plain, address in envelope.items():
        replies[address] = server.rcpt(plain)
        code = replies[address][0]
        if code in UNAUTHENTICATED or code // 100 not in {2, 4, 5}:  # it is about the session, or no SMTP at all
            raise _meaning(replies[address], "a recipient")
        if code == HANGS_UP:
            break
    return replies


def _problem(replies: Mapping[str, Reply], count: int) -> ReportsError | None:
    """What the replies to *count* recipients mean for the message; None if all are accepted.

    One recipient's trouble is that recipient's; what the server says of everybody alike is about the sender, this
    client, or the server itself.
    """
    accepted = [address for address, reply in replies.items() if reply[0] // 100 == 2]
    refused = {address: reply for address, reply in replies.items() if reply[0] // 100 == 5 and not _too_many(reply)}
    later = {address: reply for address, reply in replies.items() if address not in {*accepted, *refused}}
    if refused:
        if len(refused) == count or not (accepted or all(map(_is_personal, refused.values()))):
            return AllRefusedError(f"the mail server refuses every recipient: {_all_codes(refused)}")
        return RecipientRefusedError(tuple(refused), codes=[_codes(reply) for reply in refused.values()])
    if later and len(replies) == count and list(later) == list(replies)[-len(later) :] and _is_full(accepted, later):
        message = f"the mail server takes only {len(accepted)} recipients per message: {_all_codes(later)}"
        return ThrottledError(message, accepted=len(accepted))
    return _put_off(accepted, later) if later else None


def _is_full(accepted: Sequence[str], later: Mapping[str, Reply]) -> bool:
    return bool(accepted) and all(map(_too_many, later.values()))


def _put_off(accepted: Sequence[str], later: Mapping[str, Reply]) -> ReportsError:
    """What it means that the server does not accept the recipients *later* now, and refuses none."""
    codes = _all_codes(later)
    named = {address: reply for address, reply in later.items() if reply[0] != HANGS_UP}
    # After a hang-up nothing is known of those who were not named.
    others = accepted or (len(later) > len(named) and all(map(_is_personal, named.values())))
    if named and others:
        message = f"the mail server does not accept {len(named)} recipients now: {codes}"
        return ThrottledError(message, addresses=tuple(named))
    return _meaning(_worst(later), "every recipient", codes)


def _is_personal(reply: Reply) -> bool:
    """Whether a reply is about the recipient's address or mailbox, and not about policy (RFC 3463: X.1 and X.2)."""
    enhanced = ENHANCED.match(reply[1].decode("ascii", "replace"))
    if enhanced is None:
        return reply[0] in {450, 452, 550, 551, 552, 553}
    return bool(re.fullmatch(r"[45]\.(1\.(0|1|2|3|4|6|10)|2\.\d+)", enhanced.group()))


def _too_many(reply: Reply) -> bool:
    """Whether the reply says that the envelope is full (RFC 5321, 4.5.3.1.10), and nothing of this recipient."""
    text = reply[1].decode("ascii", "replace").lower()
    return reply[0] in TOO_MANY and ("too many" in text or bool(re.match(r"[45]\.5\.3(?!\S)", text)))


def _worst(replies: Mapping[str, Reply]) -> Reply:
    """The reply that decides: one that asks for patience before others, since they may be a consequence of it."""
    return min(replies.values(), key=lambda reply: (reply[0] not in SLOWER, reply[0]))


def _all_codes(replies: Mapping[str, Reply]) -> str:
    return ", ".join(dict.fromkeys(map(_codes, replies.values())))


def _expect(reply: tuple[int, bytes], what: str, *, good: int = 2) -> None:
    """Raise the matching error unless the first digit of the reply is *good*."""
    if reply[0] // 100 != good:
        raise _meaning(reply, what)


def _meaning(reply: Reply, what: str, codes: str = "") -> ReportsError:
    """The error for a negative reply; the server's text is left out, because it may contain addresses."""
    code, codes = reply[0], codes or _codes(reply)
    if code in SLOWER:
        return ThrottledError(f"the mail server asks to retry later with {what}: {codes}")
    if code in UNAUTHENTICATED:
        return ConfigurationError(f"the mail server requires other credentials: {codes}")
    if code // 100 == 5:
        return PermanentError(f"the mail server refuses {what}: {codes}")
    return TransientError(f"the mail server does not accept {what} now: {codes}")


def _codes(reply: tuple[int, bytes]) -> str:
    """The codes of a reply, such as `550 5.1.1`; they contain no address."""
    enhanced = ENHANCED.match(reply[1].decode("ascii", "replace"))
    return f"{reply[0]} {enhanced.group()}" if enhanced else str(reply[0])


@contextmanager
def _not_sent_yet(step: str) -> Iterator[None]:
    """Translate errors raised before the message was sent."""
    try:
        yield
    except smtplib.SMTPException as error:
        # Not `from error`: its text is the server's, and the traceback would log the addresses in it.
        raise _refusal(error, step) from None
    except ssl.SSLCertVerificationError as error:
        raise ConfigurationError(f"the mail server's certificate is not trusted: {error.verify_message}") from error
    except OSError as error:
        raise TransientError(f"the mail server could not be reached while {step}: {type(error).__name__}") from error


def _refusal(error: smtplib.SMTPException, step: str) -> ReportsError:
    """Translate an error raised by smtplib."""
    if isinstance(error, smtplib.SMTPAuthenticationError) and error.smtp_code // 100 != 4:
        return ConfigurationError(f"the mail server refuses the login: {error.smtp_code}")
    if isinstance(error, smtplib.SMTPResponseException):
        return _meaning((error.smtp_code, _bytes(error.smtp_error)), step)
    if isinstance(error, smtplib.SMTPServerDisconnected):
        return TransientError(f"the mail server closed the connection or timed out while {step}")
    if isinstance(error, smtplib.SMTPNotSupportedError):  # STARTTLS or AUTH is not offered; never continue without it
        return ConfigurationError(f"the mail server lacks a required feature: {error}")
    return ConfigurationError(f"the mail server offers no supported way of {step}")


def _bytes(text: bytes | str) -> bytes:
    return text if isinstance(text, bytes) else text.encode("ascii", "replace")


def _set_timeout(server: smtplib.SMTP, seconds: float) -> None:
    if server.sock is not None:
        server.sock.settimeout(seconds)


def _lines(raw: bytes) -> bytes:
    r"""*raw* as sent over the wire, without the final dot.

    Every line ends in CRLF: if a server accepted a bare CR or LF as a line end, a dot after it would end the message.
    """
    text = raw.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    if not text.endswith(b"\n"):
        text += b"\n"
    if text.startswith(b"."):
        text = b"." + text
    return text.replace(b"\n.", b"\n..").replace(b"\n", b"\r\n")


def _name(text: str, raw: bytes) -> str:
    """The server's name for the message (`2.0.0 Ok: queued as 4Zd1`), or its Message-ID after a plain `OK`."""
    text = one_line(text)[:ID_LENGTH]
    if re.search(r"\d", ENHANCED.sub("", text)):
        return text
    headers = message_from_bytes(raw.partition(b"\r\n\r\n")[0])
    return one_line(str(headers["Message-ID"] or text))
