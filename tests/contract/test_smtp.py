"""Sending by SMTP: the meaning of each reply, and that a message with one refused recipient is sent to none."""

from __future__ import annotations

import socket
import ssl
import subprocess
import threading
import traceback
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email import message_from_bytes

import pytest

from demo.processes import free_port
from include.scheduled_reports.adapters.smtp import SmtpMailer, smtp_mailer
from include.scheduled_reports.domain.errors import (
    AllRefusedError,
    ConfigurationError,
    DeliveryUnknownError,
    PermanentError,
    RecipientRefusedError,
    ReportsError,
    ThrottledError,
    TransientError,
)
from include.scheduled_reports.domain.report import Recipients
from include.scheduled_reports.mail.message import Attachment, compose
from tests.contract.conftest import SENDER
from tests.contract.mailbox import Mailbox

EVERYBODY = Recipients(to=("ada@acme.example",), cc=("bob@acme.example",), bcc=("eve@acme.example",))


def letter(text="Grüße", attachments=()):
    return compose(
        sender=SENDER, recipients=EVERYBODY, subject="Zahlen ✓", bodies=(text, "<p>x"), attachments=attachments
    )


def send(port, raw=None, **options):
    mailer = SmtpMailer(host="127.0.0.1", port=port, **({"tls": "none", "timeout": 2} | options))
    return mailer.send(SENDER, EVERYBODY, raw or letter(), tags={})


# Replies of a real server


def test_the_id_is_what_the_server_calls_the_message(mailbox):
    assert send(mailbox.port) == "OK queued as Q0001"


def test_a_blind_copy_stands_in_the_envelope_only(mailbox):
    send(mailbox.port)

    (envelope,) = mailbox.taken
    assert envelope.rcpt_tos == ["ada@acme.example", "bob@acme.example", "eve@acme.example"]
    assert envelope.mail_from == SENDER
    assert b"eve@" not in envelope.original_content


@pytest.mark.parametrize("text", ["first\n.\nlast\n", ".hidden\n..\n", "x" * 5_000])
def test_a_dot_at_the_beginning_of_a_line_ends_nothing(mailbox, text):
    raw = letter(text)
    send(mailbox.port, raw)

    assert mailbox.taken[0].original_content == raw


def test_a_message_of_forty_megabytes_arrives_whole(mailbox):
    raw = letter(attachments=(Attachment("big.bin", "application/octet-stream", bytes(28_000_000)),))
    assert 35_000_000 < len(raw) < 40_000_000

    send(mailbox.port, raw, timeout=60)

    assert mailbox.taken[0].original_content == raw


def test_where_the_server_refuses_one_nobody_gets_it_and_he_is_named(mailbox):
    mailbox.answers["bob@acme.example"] = "550 no such user bob@acme.example"

    with pytest.raises(RecipientRefusedError) as told:
        send(mailbox.port)

    assert told.value.addresses == ("bob@acme.example",)
    assert mailbox.taken == []
    assert "@" not in str(told.value)


@pytest.mark.parametrize(
    ("at", "answer", "meaning"),
    [
        ("eve@acme.example", "451 greylisted", ThrottledError),
        ("eve@acme.example", "452 too many recipients", ThrottledError),
        ("DATA", "421 shutting down", ThrottledError),
        ("DATA", "451 try later", ThrottledError),
        ("DATA", "432 strange", TransientError),
        ("DATA", "552 too big", PermanentError),
        ("DATA", "554 looks like spam to ada@acme.example", PermanentError),
    ],
)
def test_an_answer_says_that_it_was_not_sent(mailbox, at, answer, meaning):
    mailbox.answers[at] = answer

    with pytest.raises(meaning) as told:
        send(mailbox.port)
    assert type(told.value) is meaning
    assert "@" not in str(told.value)
    assert mailbox.taken == []


# Passwords and certificates


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """Make a certificate for 127.0.0.1, and SSL contexts for a server that has it and a client that trusts it."""
    folder = tmp_path_factory.mktemp("tls")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1",
         "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", "key.pem", "-out", "cert.pem"],
        cwd=folder, check=True, capture_output=True,
    )  # fmt: skip
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return serving, ssl.create_default_context(cafile=folder / "cert.pem"), folder / "cert.pem"


@pytest.mark.parametrize(("way", "tls"), [("starttls", "starttls"), ("implicit", "implicit")])
def test_it_speaks_tls_either_way(certificate, way, tls):
    serving, trusting, _ = certificate
    with Mailbox.open(**{way: serving}) as box:
        send(box.port, tls=tls, context=trusting)

        assert len(box.taken) == 1


def test_a_certificate_that_nobody_vouches_for_is_not_believed(certificate):
    with Mailbox.open(starttls=certificate[0]) as box:
        with pytest.raises(ConfigurationError):
            send(box.port, tls="starttls")
        assert box.taken == []


def test_a_server_without_tls_is_not_given_a_message_in_the_clear(mailbox):
    with pytest.raises(ConfigurationError):
        send(mailbox.port, tls="starttls", login="u", password="p")
    assert mailbox.taken == []


def test_the_right_password_opens_and_a_wrong_one_is_a_matter_of_configuration(certificate):
    serving, trusting, _ = certificate
    with Mailbox.open(starttls=serving, password="secret") as box:
        send(box.port, tls="starttls", context=trusting, login="apikey", password="secret")
        with pytest.raises(ConfigurationError) as told:
            send(box.port, tls="starttls", context=trusting, login="apikey", password="guessed")

        assert "guessed" not in str(told.value)
        assert len(box.taken) == 1


# A server that closes the connection


@dataclass
class Talker:
    """A server that sends one reply per received line, then closes the connection or falls silent.

    After a 354 reply it reads the message, and pauses *pause* seconds at every thousandth line and at the end.
    """

    answers: tuple[str, ...]
    silent: bool
    pause: float
    heard: list[bytes]
    over: threading.Event = field(default_factory=threading.Event)

    def serve(self, listener):
        connection, _ = listener.accept()
        # The client may close the connection early.
        with suppress(ConnectionError), connection, connection.makefile("rb") as lines:
            connection.sendall(b"220 hello\r\n")
            for before, answer in zip(("", *self.answers), self.answers, strict=False):
                self.hear_message(lines) if before == "354" else lines.readline()
                connection.sendall(answer.encode() + b"\r\n")
            if self.answers[-1] == "354":
                self.hear_message(lines)
            if self.silent:
                self.over.wait(10)

    def hear_message(self, lines):
        for line in iter(lines.readline, b".\r\n"):
            if not line:
                return
            self.heard.append(line)
            if len(self.heard) % 1_000 == 0:
                self.over.wait(self.pause)
        self.over.wait(self.pause)


@contextmanager
def talking(*answers, then="hang up", heard=None, pause=0.0):
    """Run a Talker until the block ends; *heard* collects the lines of the message."""
    talker = Talker(answers, then == "fall silent", pause, [] if heard is None else heard)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
        thread = threading.Thread(target=talker.serve, args=(listener,), daemon=True)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            talker.over.set()
            thread.join(10)


UP_TO_DATA = ("250 me", "250 ok", "250 ok", "250 ok", "250 ok", "354")


def test_a_server_that_is_down_has_not_sent():
    with pytest.raises(TransientError):
        send(free_port())


@pytest.mark.parametrize("heard", range(1, 5))
@pytest.mark.parametrize("then", ["hang up", "fall silent"])
def test_a_server_that_goes_away_before_the_message_has_not_sent(heard, then):
    with talking(*UP_TO_DATA[:heard], then=then) as port, pytest.raises(TransientError):
        send(port, timeout=0.5)


@pytest.mark.parametrize("then", ["hang up", "fall silent"])
def test_a_server_that_goes_away_with_the_message_may_have_sent(then):
    with talking(*UP_TO_DATA, then=then) as port, pytest.raises(DeliveryUnknownError):
        send(port, answer_timeout=0.5)


def test_a_server_that_goes_away_after_it_has_accepted_has_sent():
    with talking(*UP_TO_DATA, "250 queued as 7") as port:
        assert send(port) == "queued as 7"


@pytest.mark.parametrize("answer", ["what?", "354 go on", "199 hm", "250-first of several", "2" + "50" * 9_000])
def test_an_answer_to_the_message_that_is_none_says_nothing_about_it(answer):
    with talking(*UP_TO_DATA, answer) as port, pytest.raises(DeliveryUnknownError):
        send(port)


@pytest.mark.parametrize("at", range(1, 6))
@pytest.mark.parametrize("answer", ["what?", "199 hm"])
def test_an_answer_before_the_message_that_is_none_takes_nothing(at, answer):
    heard = []
    answers = (*UP_TO_DATA[:at], answer, *UP_TO_DATA[at + 1 :])
    with talking(*answers, heard=heard) as port, pytest.raises(TransientError):
        send(port)
    assert heard == []


def test_a_slow_server_is_given_the_time_it_needs_as_long_as_it_listens():
    raw = letter() + (b"x" * 70 + b"\r\n") * 60_000
    with talking(*UP_TO_DATA, "250 queued as 7", pause=0.03) as port:
        assert send(port, raw, timeout=1) == "queued as 7"


def test_an_answer_may_take_longer_than_a_command():
    with talking(*UP_TO_DATA, "250 queued as 7", pause=1) as port:
        assert send(port, timeout=0.4) == "queued as 7"


def test_a_silent_farewell_changes_nothing(monkeypatch):
    monkeypatch.setattr("include.scheduled_reports.adapters.smtp.QUIT_SECONDS", 0.2)
    with talking(*UP_TO_DATA, "250 queued as 7", then="fall silent") as port:
        assert send(port) == "queued as 7"


# Other replies of a server


def test_everybody_who_is_refused_is_named_and_the_message_is_never_begun():
    heard = []
    answers = ("250 me", "250 ok", "550 no", "250 ok", "553 never", "250 reset", "221 bye")
    with talking(*answers, heard=heard) as port, pytest.raises(RecipientRefusedError) as told:
        send(port)

    assert told.value.addresses == ("ada@acme.example", "eve@acme.example")
    assert heard == []


def test_who_is_refused_for_good_is_named_even_if_another_is_only_put_off():
    answers = ("250 me", "250 ok", "451 later", "550 no", "250 ok", "250 reset", "221 bye")
    with talking(*answers) as port, pytest.raises(RecipientRefusedError) as told:
        send(port)

    assert told.value.addresses == ("bob@acme.example",)


@pytest.mark.parametrize(
    ("answers", "meaning"),
    [
        (("250-me\r\n250 AUTH PLAIN", "535 5.7.8 no", "221 bye"), ConfigurationError),
        (("250-me\r\n250 AUTH PLAIN", "454 4.7.0 not now", "221 bye"), ThrottledError),
        (("250-me\r\n250 AUTH PLAIN", "432 strange", "221 bye"), TransientError),
        (("250-me\r\n250 AUTH XOAUTH2", "221 bye"), ConfigurationError),
        (("250 me", "221 bye"), ConfigurationError),
    ],
)
def test_a_refused_login_is_configuration_and_one_that_cannot_be_checked_is_not(answers, meaning):
    with talking(*answers) as port, pytest.raises(ReportsError) as told:
        send(port, login="apikey", password="secret")
    assert type(told.value) is meaning
    assert "secret" not in str(told.value)


def test_a_password_that_smtp_cannot_carry_is_not_shown():
    password = "".join(("ge", "häim"))
    with pytest.raises(ConfigurationError, match="ASCII") as told:
        send(free_port(), login="apikey", password=password)
    assert password not in "".join(traceback.format_exception(told.value))


@pytest.mark.parametrize("at", [1, 2])
def test_a_server_that_wants_a_login_is_a_matter_of_configuration_and_no_recipients_fault(at):
    answers = (*UP_TO_DATA[:at], "530 5.7.0 Authentication required", "221 bye")
    with talking(*answers) as port, pytest.raises(ConfigurationError):
        send(port)


def test_a_message_that_is_too_large_is_not_sent_at_all():
    heard = []
    answers = ("250-me\r\n250 SIZE 100", "221 bye")
    with talking(*answers, heard=heard) as port, pytest.raises(PermanentError, match="MESSAGE_BYTES"):
        send(port)
    assert heard == []


def test_a_server_without_a_limit_says_so_with_a_zero():
    with talking("250-me\r\n250 SIZE 0", *UP_TO_DATA[1:], "250 queued as 7") as port:
        assert send(port) == "queued as 7"


@pytest.mark.parametrize(
    "answers",
    [
        (*UP_TO_DATA, "554 5.7.1 spam for {}"),
        (*UP_TO_DATA[:5], "554 5.5.1 none for {}", "221 bye"),
        (*UP_TO_DATA[:1], "550 5.1.8 not from {}", "221 bye"),
        (*UP_TO_DATA[:2], "452 4.5.3 too many with {}", "250 ok", "250 ok", "221 bye"),
    ],
)
def test_addresses_of_the_servers_texts_are_in_no_traceback(answers):
    address = "@".join(("ada", "acme.example"))
    with talking(*(answer.replace("{}", address) for answer in answers)) as port, pytest.raises(ReportsError) as told:
        send(port)
    assert address not in "".join(traceback.format_exception(told.value))
    assert told.value.__cause__ is None


@pytest.mark.parametrize(("end", "name"), [(b"\n", "LF"), (b"\r", "CR")])
def test_no_line_end_but_crlf_goes_out_so_that_no_server_sees_an_end_where_none_is(end, name):
    heard = []
    smuggled = b"." + end + b"MAIL FROM:<mallory@elsewhere.example>" + end
    with talking(*UP_TO_DATA, "250 ok", heard=heard) as port:
        send(port, letter() + b"text" + end + smuggled)

    assert {line[-2:] for line in heard} == {b"\r\n"}
    assert [line for line in heard if b"\r" in line[:-2] or b"\n" in line[:-2]] == []
    assert b"..\r\n" in heard


@pytest.mark.parametrize("answer", ["250 OK", "250 2.0.0 OK", "250 Great success", "250"])
def test_a_server_that_gives_no_id_leaves_the_messages_own(answer):
    raw = letter()
    message_id = message_from_bytes(raw)["Message-ID"]
    with talking(*UP_TO_DATA, answer) as port:
        assert send(port, raw) == message_id


def test_an_id_is_one_line_of_two_hundred_characters():
    with talking(*UP_TO_DATA, "250-2.0.0 Ok: queued as 4Zd1\r\n250 " + "x" * 300) as port:
        name = send(port)
    assert name.startswith("2.0.0 Ok: queued as 4Zd1 ")
    assert len(name) == 200


# What is one recipient's trouble, and what is the server's

ADA, BOB, EVE = EVERYBODY


@pytest.mark.parametrize(
    ("replies", "named"),
    [
        (("450 4.1.2 no such domain", "250 ok", "250 ok"), (ADA,)),  # Postfix: reject_unknown_recipient_domain
        (("250 ok", "450 4.2.0 greylisted", "451 4.3.0 lookup failed"), (BOB, EVE)),
        (("250 ok", "452 4.2.2 mailbox full", "250 ok"), (BOB,)),
        (("452 4.5.3 too many recipients", "250 ok", "250 ok"), (ADA,)),  # the first of three is not one too many
        (("250 ok", "432 strange", "250 ok"), (BOB,)),
    ],
)
def test_who_is_put_off_while_others_are_accepted_is_named(replies, named):
    with talking("250 me", "250 ok", *replies, "250 reset", "221 bye") as port, pytest.raises(ThrottledError) as told:
        send(port)

    assert (told.value.addresses, told.value.accepted) == (named, 0)
    assert all(reply[:3] in str(told.value) for reply in replies if reply[0] == "4")
    assert "@" not in str(told.value)


@pytest.mark.parametrize(
    ("replies", "named"),
    [
        (("550 5.1.1 no such user", "250 ok", "250 ok"), (ADA,)),
        (("550 5.1.1 no such user", "450 4.1.2 no such domain", "450 4.1.2 no such domain"), (ADA,)),
        (("554 5.7.1 relay access denied", "250 ok", "250 ok"), (ADA,)),
        (("552 5.2.2 mailbox full", "250 ok", "550 no such user"), (ADA, EVE)),
        (("250 ok", "550 5.1.1 no such user", "421 4.7.0 too many errors"), (BOB,)),
        (("550 5.1.1 no such user", "421 4.7.0 too many errors"), (ADA,)),
    ],
)
def test_who_is_refused_is_named_with_the_code(replies, named):
    answers = ("250 me", "250 ok", *replies, "250 reset", "221 bye")
    with talking(*answers) as port, pytest.raises(RecipientRefusedError) as told:
        send(port)

    assert told.value.addresses == named
    assert all(reply[:3] in str(told.value) for reply in replies if reply[0] == "5")


@pytest.mark.parametrize(
    ("replies", "meaning", "code"),
    [
        # Postfix answers what it thinks of sender, client and HELO at RCPT (smtpd_delay_reject).
        (("554 5.7.1 sender rejected",) * 3, AllRefusedError, "554 5.7.1"),
        (("550 5.1.1 ada", "550 5.1.1 bob", "550 5.1.1 eve"), AllRefusedError, "550 5.1.1"),
        (("550 no ada", "550 no bob", "550 no eve"), AllRefusedError, "550"),
        (("550 5.1.1 no", "554 5.7.1 no", "554 5.7.1 no"), AllRefusedError, "550 5.1.1, 554 5.7.1"),
        (("450 4.1.2 no", "554 5.7.1 no", "554 5.7.1 no"), AllRefusedError, "554 5.7.1"),
        (("554 5.7.1 no", "554 5.7.1 no", "421 4.7.0 too many errors"), AllRefusedError, "554 5.7.1"),
        (("450 4.2.0 greylisted",) * 3, ThrottledError, "450 4.2.0"),
        (("450 4.1.8 sender", "450 4.1.2 no", "450 4.1.8 sender"), ThrottledError, "450 4.1.8, 450 4.1.2"),
        (("421 4.3.2 shutting down",), ThrottledError, "421 4.3.2"),
        (("250 ok", "421 4.3.2 shutting down"), ThrottledError, "421 4.3.2"),
        (("450 4.7.1 client", "450 4.7.1 client", "421 4.7.0 bye"), ThrottledError, "450 4.7.1, 421 4.7.0"),
        (("432 strange",) * 3, TransientError, "432"),
    ],
)
def test_what_a_server_says_of_everybody_is_about_nobody(replies, meaning, code):
    with talking("250 me", "250 ok", *replies, "250 reset", "221 bye") as port, pytest.raises(ReportsError) as told:
        send(port)

    assert type(told.value) is meaning
    assert str(told.value).endswith(f": {code}")
    assert not getattr(told.value, "addresses", ())


@pytest.mark.parametrize(
    ("replies", "accepted"),
    [
        (("250 ok", "452 4.5.3 too many recipients", "452 4.5.3 too many recipients"), 1),
        (("250 ok", "250 ok", "452 Too many recipients"), 2),
        (("250 ok", "250 ok", "552 5.5.3 too many recipients"), 2),  # RFC 821's code
    ],
)
def test_a_server_that_takes_fewer_recipients_says_how_many(replies, accepted):
    with talking("250 me", "250 ok", *replies, "250 reset", "221 bye") as port, pytest.raises(ThrottledError) as told:
        send(port)

    assert (told.value.accepted, told.value.addresses) == (accepted, ())


# The connection in Airflow


def connection(*, host="mail.example", port=None, **extra):
    return smtp_mailer(host=host, port=port, login="apikey", password="secret", extra=extra)


@pytest.mark.parametrize(
    ("port", "extra", "expected"),
    [
        (None, {}, ("starttls", 587)),
        (587, {}, ("starttls", 587)),
        (2525, {}, ("starttls", 2525)),
        (465, {}, ("implicit", 465)),
        (2465, {}, ("implicit", 2465)),
        (None, {"disable_ssl": False}, ("implicit", 465)),
        (8465, {"disable_ssl": "false"}, ("implicit", 8465)),
        (465, {"disable_ssl": True}, ("starttls", 465)),
        (465, {"disable_tls": True}, ("implicit", 465)),
        (587, {"disable_ssl": "true", "disable_tls": "false"}, ("starttls", 587)),
        (587, {"disable_tls": None}, ("starttls", 587)),
        (25, {"disable_tls": "True"}, ("none", 25)),
        (None, {"disable_ssl": True, "disable_tls": True}, ("none", 25)),
    ],
)
def test_port_and_switches_decide_how_it_is_encrypted(port, extra, expected):
    found = connection(port=port, **extra)

    assert (found.tls, found.port) == expected


def test_a_password_is_not_shown():
    assert "secret" not in repr(connection())


def test_the_authority_of_a_company_may_vouch_for_its_server(certificate):
    serving, _, ca_file = certificate
    with Mailbox.open(starttls=serving) as box:
        mailer = smtp_mailer(
            host="127.0.0.1", port=box.port, login=None, password=None, extra={"ca_file": str(ca_file), "timeout": "5"}
        )
        mailer.send(SENDER, EVERYBODY, letter(), tags={})

        assert len(box.taken) == 1


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"host": ""}, "host"),
        ({"host": None}, "host"),
        ({"host": "mail..example"}, "host"),
        ({"disable_tls": "perhaps"}, "disable_tls"),
        ({"timeout": "soon"}, "timeout"),
        ({"timeout": 0.0001 - 1}, "timeout"),
        ({"ssl_context": "none"}, "ca_file"),
        ({"auth_type": "oauth2"}, "auth_type"),
        ({"ca_file": "/nowhere/ca.pem"}, "ca_file"),
    ],
)
def test_what_is_wrong_with_a_connection_is_named(given, named):
    with pytest.raises(ConfigurationError, match=named) as told:
        connection(**given)
    assert "secret" not in str(told.value)
