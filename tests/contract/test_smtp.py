"""The SMTP door: what each answer means, and that nobody gets a message of which somebody is refused."""

from __future__ import annotations

import socket
import ssl
import subprocess
import threading
from contextlib import contextmanager

import pytest

from demo.processes import free_port
from include.scheduled_reports.adapters.smtp import SmtpMailer
from include.scheduled_reports.errors import (
    ConfigurationError,
    DeliveryUnknownError,
    PermanentError,
    RecipientRefusedError,
    ThrottledError,
    TransientError,
)
from include.scheduled_reports.message import Attachment, compose
from include.scheduled_reports.model import Recipients
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


# Answers of a real server


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
    """A certificate for 127.0.0.1, and the contexts of a server that has it and of a client that trusts it."""
    folder = tmp_path_factory.mktemp("tls")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1",
         "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", "key.pem", "-out", "cert.pem"],
        cwd=folder, check=True, capture_output=True,
    )  # fmt: skip
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return serving, ssl.create_default_context(cafile=folder / "cert.pem")


@pytest.mark.parametrize(("way", "tls"), [("starttls", "starttls"), ("implicit", "implicit")])
def test_it_speaks_tls_either_way(certificate, way, tls):
    serving, trusting = certificate
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
    serving, trusting = certificate
    with Mailbox.open(starttls=serving, password="secret") as box:
        send(box.port, tls="starttls", context=trusting, login="apikey", password="secret")
        with pytest.raises(ConfigurationError) as told:
            send(box.port, tls="starttls", context=trusting, login="apikey", password="guessed")

        assert "guessed" not in str(told.value)
        assert len(box.taken) == 1


# A server that goes away


@contextmanager
def talking(*answers, then="hang up"):
    """A server that gives these answers, one per line it hears, and then hangs up or falls silent."""
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve():
            connection, _ = listener.accept()
            with connection, connection.makefile("rb") as lines:
                connection.sendall(b"220 hello\r\n")
                for answer in answers:
                    lines.readline()
                    connection.sendall(answer.encode() + b"\r\n")
                if "354" in answers[-1:] and then != "hang up before the dot":
                    while lines.readline() not in (b".\r\n", b""):
                        pass
                if then == "fall silent":
                    over.wait(10)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            over.set()
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
        send(port, timeout=0.5)


def test_a_server_that_goes_away_after_it_has_accepted_has_sent():
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve():
            connection, _ = listener.accept()
            with connection, connection.makefile("rb") as lines:
                connection.sendall(b"220 hello\r\n")
                for answer in UP_TO_DATA:
                    lines.readline()
                    connection.sendall(answer.encode() + b"\r\n")
                while lines.readline() != b".\r\n":
                    pass
                connection.sendall(b"250 queued as 7\r\n")

        threading.Thread(target=serve, daemon=True).start()
        assert send(listener.getsockname()[1]) == "queued as 7"
