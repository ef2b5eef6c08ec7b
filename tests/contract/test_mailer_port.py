"""Port `Mailer`: a message is sent with an id, certainly not sent, or in an unknown state; nothing else."""

from __future__ import annotations

import json
import re
import socket
import struct
import threading
import traceback
import tracemalloc
from contextlib import contextmanager
from email import message_from_bytes
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import boto3
import pytest
from botocore.config import Config

from demo import aws as server
from demo.processes import free_port
from include.scheduled_reports.adapters import ses as ses_adapter
from include.scheduled_reports.adapters.ses import PIECE, SesMailer
from include.scheduled_reports.adapters.smtp import SmtpMailer
from include.scheduled_reports.domain.errors import (
    ConfigurationError,
    DeliveryUnknownError,
    PermanentError,
    RecipientRefusedError,
    ReportsError,
    ThrottledError,
    TransientError,
)
from include.scheduled_reports.domain.report import Recipients
from include.scheduled_reports.mail.message import compose
from include.scheduled_reports.testing.mail import MemoryMailer
from tests.contract.conftest import SENDER

EVERYBODY = Recipients(to=("ada@acme.example",), cc=("bob@acme.example",), bcc=("eve@acme.example",))


TAGS = {"report": "r1"}


def letter(subject="Numbers", recipients=EVERYBODY):
    return compose(sender=SENDER, recipients=recipients, subject=subject, bodies=("Grüße", "<p>Grüße"))


class Memory:
    """The fake mailer, and the messages it has sent."""

    def __init__(self):
        self.mailer = MemoryMailer()

    def sent(self):
        return [({*to.to, *to.cc, *to.bcc}, raw) for _, to, raw in self.mailer.sent]


class Ses:
    """SES, and the messages sent since the start of the test."""

    def __init__(self, aws):
        self.aws, self.mailer = aws, SesMailer(aws.client("sesv2"))
        self.before = len(aws.mails())

    def sent(self):
        return [({*mail.recipients}, mail.raw) for mail in self.aws.mails()[self.before :]]


class Smtp:
    """A real SMTP server, and the messages it has accepted."""

    def __init__(self, mailbox):
        self.mailbox, self.mailer = mailbox, SmtpMailer(host="127.0.0.1", port=mailbox.port, tls="none", timeout=5)

    def sent(self):
        return [(set(envelope.rcpt_tos), envelope.original_content) for envelope in self.mailbox.taken]


@pytest.fixture(params=["memory", "ses", "smtp"])
def service(request):
    match request.param:
        case "memory":
            return Memory()
        case "ses":
            return Ses(request.getfixturevalue("aws"))
        case _:
            return Smtp(request.getfixturevalue("mailbox"))


def test_a_message_reaches_everybody_in_the_envelope_as_it_was_written(service):
    raw = letter()

    service.mailer.send(SENDER, EVERYBODY, raw, tags=TAGS)

    assert service.sent() == [({"ada@acme.example", "bob@acme.example", "eve@acme.example"}, raw)]


def test_the_envelope_decides_who_gets_it_and_not_the_headers(service):
    service.mailer.send(SENDER, Recipients(bcc=("only@acme.example",)), letter(), tags=TAGS)

    assert [recipients for recipients, _ in service.sent()] == [{"only@acme.example"}]


def test_every_message_has_an_id_of_its_own(service):
    ids = {service.mailer.send(SENDER, EVERYBODY, letter(subject), tags=TAGS) for subject in ("one", "two", "three")}

    assert len(ids) == 3
    assert all(ids)


def test_the_fake_fails_as_it_is_told_and_sends_nothing():
    mailer = MemoryMailer(error=TransientError("away"))

    with pytest.raises(TransientError):
        mailer.send(SENDER, EVERYBODY, letter(), tags=TAGS)
    assert mailer.sent == []


def test_a_message_of_any_size_arrives_as_it_was_written(aws):
    ses = Ses(aws)
    # Around the size of the pieces in which it is encoded, and with every byte that JSON would have to escape.
    sizes = (1, 2, 3, PIECE - 1, PIECE, PIECE + 1, 2 * PIECE + 5)
    letters = [letter() + bytes(32 + number % 95 for number in range(size)) for size in sizes]

    for raw in letters:
        ses.mailer.send(SENDER, EVERYBODY, raw, tags=TAGS)

    assert [raw for _, raw in ses.sent()] == letters


def test_a_botocore_that_writes_the_call_in_another_way_sends_the_same_message(aws, monkeypatch):
    monkeypatch.setattr(ses_adapter, "MARK", b"not in the call")
    ses = Ses(aws)

    for subject in ("one", "two"):
        ses.mailer.send(SENDER, EVERYBODY, letter(subject), tags=TAGS)

    assert [message_from_bytes(raw)["Subject"] for _, raw in ses.sent()] == ["one", "two"]


def test_a_domain_in_another_script_goes_out_in_its_ascii_form(aws):
    ses = Ses(aws)
    abroad = Recipients(to=("info@straße.example",), cc=("info@例え.example",))

    ses.mailer.send(SENDER, abroad, letter(recipients=abroad), tags=TAGS)

    assert [recipients for recipients, _ in ses.sent()] == [{"info@xn--strae-oqa.example", "info@xn--r8jz45g.example"}]


def test_ses_is_given_the_senders_address_without_the_name(aws):
    Ses(aws).mailer.send(f"Zürich Zahlen <{SENDER}>", EVERYBODY, letter(), tags=TAGS)

    assert aws.mails()[-1].sender == SENDER


@pytest.mark.parametrize("sender", ["stranger@elsewhere.example", "Reports <stranger@elsewhere.example>"])
def test_a_sender_that_is_not_verified_is_refused_for_good(aws, sender):
    ses = Ses(aws)

    with pytest.raises(PermanentError, match="SES refuse"):
        ses.mailer.send(sender, EVERYBODY, letter(), tags=TAGS)
    assert ses.sent() == []


def test_more_than_fifty_recipients_are_refused_for_good(aws):
    crowd = Recipients(to=tuple(f"p{number}@acme.example" for number in range(51)))

    with pytest.raises(PermanentError, match="SES refuse"):
        Ses(aws).mailer.send(SENDER, crowd, letter(), tags=TAGS)


# Failures of a server during a call

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


def mailer_at(port):
    return SesMailer(server.Aws(f"http://127.0.0.1:{port}", child=None).client("sesv2"))


@contextmanager
def listening(behave):
    """Run a server that handles its first connection with *behave*; yield its port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve():
            connection, _ = listener.accept()
            with connection:
                behave(connection)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        thread.join(10)


def test_an_endpoint_that_is_down_has_certainly_not_sent():
    with pytest.raises(TransientError, match="SES could not be reached"):
        mailer_at(free_port()).send(SENDER, EVERYBODY, letter(), tags=TAGS)


def test_a_server_that_takes_the_message_and_cuts_the_connection_may_have_sent():
    def cut(connection):
        connection.recv(65_536)
        # RST instead of FIN, as when a machine dies.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    with listening(cut) as port, pytest.raises(DeliveryUnknownError, match="SES did not answer"):
        mailer_at(port).send(SENDER, EVERYBODY, letter(), tags=TAGS)


def test_a_server_that_hangs_up_without_an_answer_may_have_sent():
    with listening(lambda connection: connection.recv(65_536)) as port, pytest.raises(DeliveryUnknownError):
        mailer_at(port).send(SENDER, EVERYBODY, letter(), tags=TAGS)


def test_a_server_that_breaks_off_in_its_answer_may_have_sent():
    def half(connection):
        connection.recv(65_536)
        connection.sendall(HEAD + b'Content-Length: 500\r\n\r\n{"Mess')

    with listening(half) as port, pytest.raises(DeliveryUnknownError, match="SES did not answer"):
        mailer_at(port).send(SENDER, EVERYBODY, letter(), tags=TAGS)


@pytest.mark.parametrize("body", [b"", b"{}", b'{"Mess', b"<html>", b"[]", b"null"])
def test_an_answer_without_an_id_may_stand_for_a_message_sent(body):
    def answer(connection):
        connection.recv(65_536)
        connection.sendall(HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body)

    with listening(answer) as port, pytest.raises(DeliveryUnknownError, match="SES did not answer"):
        mailer_at(port).send(SENDER, EVERYBODY, letter(), tags=TAGS)


def test_a_server_that_never_answers_may_have_sent(monkeypatch):
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    for name, value in server.environment().items():
        monkeypatch.setenv(name, value)
    impatient = Config(read_timeout=0.5, retries={"total_max_attempts": 1}, proxies={})
    over = threading.Event()

    def wait(connection):
        connection.recv(65_536)
        over.wait(10)

    with listening(wait) as port:
        mailer = SesMailer(boto3.client("sesv2", endpoint_url=f"http://127.0.0.1:{port}", config=impatient))
        with pytest.raises(DeliveryUnknownError, match="ReadTimeoutError"):
            mailer.send(SENDER, EVERYBODY, letter(), tags=TAGS)
        over.set()


def test_the_call_is_the_only_copy_of_a_message():
    raw, answer = letter() + b"x" * 6_000_000, b'{"MessageId": "1"}'

    def take(connection):
        head, _, read = connection.recv(65_536).partition(b"\r\n\r\n")
        left = int(re.search(rb"Content-Length: (\d+)", head)[1]) - len(read)
        while left:
            left -= len(connection.recv(65_536))
        connection.sendall(HEAD + b"Content-Length: %d\r\n\r\n" % len(answer) + answer)

    with listening(take) as port:
        mailer = mailer_at(port)
        tracemalloc.start()
        mailer.send(SENDER, EVERYBODY, raw, tags=TAGS)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()

    assert peak < 1.3 * len(raw) * 4 / 3  # in base64; room for an enlargement of the buffer


@contextmanager
def answering(status, code, message="no"):
    """Run a server that answers every request with one error; yield its port and the received requests."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            asked.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            body = json.dumps({"message": message}).encode()
            self.send_response(status)
            self.send_header("x-amzn-ErrorType", code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            """Log nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        thread = threading.Thread(target=running.serve_forever, daemon=True)
        thread.start()
        try:
            yield running.server_address[1], asked
        finally:
            running.shutdown()
            thread.join(10)


@pytest.mark.parametrize(
    ("status", "code", "meaning"),
    [
        (429, "TooManyRequestsException", ThrottledError),
        (429, "WhateverItIsCalled", ThrottledError),
        (400, "LimitExceededException", ThrottledError),
        (400, "ThrottlingException", ThrottledError),
        (400, "MessageRejected", PermanentError),
        (400, "BadRequestException", PermanentError),
        (413, "PayloadTooLarge", PermanentError),
        (400, "MailFromDomainNotVerifiedException", ConfigurationError),
        (400, "SendingPausedException", ConfigurationError),
        (400, "AccountSuspendedException", ConfigurationError),
        (403, "AccessDeniedException", ConfigurationError),
        (403, "UnrecognizedClientException", ConfigurationError),
        (500, "InternalFailure", DeliveryUnknownError),
        (503, "ServiceUnavailable", DeliveryUnknownError),
        (504, "GatewayTimeout", DeliveryUnknownError),
    ],
)
def test_what_ses_says_decides_whether_to_try_again_and_it_is_asked_once(status, code, meaning):
    with answering(status, code) as (port, asked), pytest.raises(ReportsError, match=code) as told:
        mailer_at(port).send(SENDER, EVERYBODY, letter(), tags=TAGS)

    assert type(told.value) is meaning
    assert len(asked) == 1


def test_no_error_tells_an_address():
    with answering(400, "MessageRejected") as (port, _), pytest.raises(PermanentError) as told:
        mailer_at(port).send(SENDER, EVERYBODY, letter(), tags=TAGS)

    assert "@" not in str(told.value)


NOT_VERIFIED = "Email address is not verified. The following identities failed the check in region EU-WEST-1: {}"


@pytest.mark.parametrize(
    ("text", "refused"),
    [
        (NOT_VERIFIED.format("Bob@acme.example"), ("bob@acme.example",)),
        (NOT_VERIFIED.format("eve@acme.example, ada@acme.example"), ("ada@acme.example", "eve@acme.example")),
        ("Illegal address: <ada@acme.example>", ("ada@acme.example",)),
        ("Invalid email address ada@acme.example.", ("ada@acme.example",)),
        ("Address 'bob@acme.example' (one of three) is blacklisted", ("bob@acme.example",)),
    ],
)
def test_recipients_whom_ses_names_as_the_reason_are_told_and_stand_in_no_text(text, refused):
    with answering(400, "MessageRejected", text) as (port, _), pytest.raises(RecipientRefusedError) as told:
        mailer_at(port).send(SENDER, EVERYBODY, letter(), tags=TAGS)

    assert told.value.addresses == refused
    assert "@" not in str(told.value)


def test_if_ses_names_everybody_that_is_about_nobody():
    text = NOT_VERIFIED.format(", ".join(EVERYBODY))
    with answering(400, "MessageRejected", text) as (port, _), pytest.raises(ConfigurationError) as told:
        mailer_at(port).send(SENDER, EVERYBODY, letter(), tags=TAGS)

    assert str(told.value) == "SES refuses every recipient: MessageRejected"


def test_an_address_that_ends_in_another_is_not_taken_for_it():
    couple = Recipients(to=("o'brien@acme.example", "brien@acme.example"))
    text = NOT_VERIFIED.format("o'brien@acme.example")
    with answering(400, "MessageRejected", text) as (port, _), pytest.raises(RecipientRefusedError) as told:
        mailer_at(port).send(SENDER, couple, letter(), tags=TAGS)

    assert told.value.addresses == ("o'brien@acme.example",)


@pytest.mark.parametrize("status", [400, 429, 500])
@pytest.mark.parametrize("also", ["", SENDER])
def test_addresses_of_sess_text_are_in_no_traceback(status, also):
    address = "@".join(("bob", "acme.example"))
    text = NOT_VERIFIED.format(f"{address}, {also}")
    with answering(status, "MessageRejected", text) as (port, _), pytest.raises(ReportsError) as told:
        mailer_at(port).send(SENDER, EVERYBODY, letter(), tags=TAGS)

    assert address not in "".join(traceback.format_exception(told.value))


@pytest.mark.parametrize("text", ["Illegal address", "Missing final '@domain'", "Local address contains control"])
def test_a_text_that_names_nobody_refuses_the_message_and_no_recipient(text):
    with answering(400, "BadRequestException", text) as (port, _), pytest.raises(PermanentError) as told:
        mailer_at(port).send(SENDER, EVERYBODY, letter(), tags=TAGS)

    assert type(told.value) is PermanentError


def test_a_sender_whom_ses_names_is_a_matter_of_configuration():
    text = NOT_VERIFIED.format(f"{SENDER}, bob@acme.example")
    with answering(400, "MessageRejected", text) as (port, _), pytest.raises(ConfigurationError):
        mailer_at(port).send(SENDER, EVERYBODY, letter(), tags=TAGS)


def test_ses_gets_the_tags_in_letters_it_allows_and_the_configuration_set():
    with answering(400, "MessageRejected") as (port, asked):
        mailer = SesMailer(mailer_at(port).client, "reports")
        with pytest.raises(PermanentError):
            mailer.send(SENDER, EVERYBODY, letter(), tags={"report": "r:1/é", "run": "x" * 300, "none": ""})

    (call,) = asked
    assert call["ConfigurationSetName"] == "reports"
    assert call["EmailTags"] == [
        {"Name": "report", "Value": "r_1__"},
        {"Name": "run", "Value": "x" * 256},
        {"Name": "none", "Value": "_"},
    ]
