"""SES's GetAccount over HTTP: the rate of the account, and every answer that is none."""

from __future__ import annotations

import json
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import boto3
import pytest
from botocore.config import Config

from demo import aws as server
from demo.processes import free_port
from include.scheduled_reports.adapters.ses import SesMailer
from include.scheduled_reports.adapters.smtp import SmtpMailer


def account(**quota):
    """Return an answer as the SES API v2 reference shows it."""
    return {
        "DedicatedIpAutoWarmupEnabled": True,
        "Details": {"ContactLanguage": "EN", "MailType": "TRANSACTIONAL", "WebsiteURL": "https://acme.example"},
        "EnforcementStatus": "HEALTHY",
        "ProductionAccessEnabled": True,
        "SendingEnabled": True,
        "SendQuota": {"Max24HourSend": 50000.0, "MaxSendRate": 14.0, "SentLast24Hours": 7.0} | quota,
    }


@contextmanager
def answering(status, body, *, code=None, after=0.0):
    """Run a server that answers every request alike; yield its port and the received requests."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(f"{self.command} {self.path}")
            time.sleep(after)
            text = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            if code:
                self.send_header("x-amzn-ErrorType", code)
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_):
            """Log nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        running.daemon_threads = True
        thread = threading.Thread(target=running.serve_forever, daemon=True)
        thread.start()
        try:
            yield running.server_address[1], asked
        finally:
            running.shutdown()
            thread.join(10)


def mailer_at(port):
    return SesMailer(server.Aws(f"http://127.0.0.1:{port}", child=None).client("sesv2"))


def test_the_rate_is_that_of_the_account_and_one_call_is_made():
    with answering(200, account()) as (port, asked):
        assert mailer_at(port).recipients_per_second() == 14.0

    assert asked == ["GET /v2/email/account"]


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (403, "AccessDeniedException"),
        (403, "ExpiredTokenException"),
        (429, "TooManyRequestsException"),
        (400, "BadRequestException"),
        (500, "InternalFailure"),
        (503, "ServiceUnavailable"),
    ],
)
def test_an_error_is_no_rate_and_the_question_is_not_repeated(caplog, status, code):
    secret = {"message": "User: arn:aws:iam::123456789012:user/ada is not authorized"}
    with answering(status, secret, code=code) as (port, asked):
        assert mailer_at(port).recipients_per_second() is None

    assert len(asked) == 1
    assert caplog.messages == [f"SES did not tell its rate: {code}"]


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"null", b"[]", {}, {"SendQuota": {}}, account(MaxSendRate=None), account(MaxSendRate=0),
        account(MaxSendRate=-1), account(MaxSendRate="NaN"), account(MaxSendRate="Infinity"),
    ],
    ids=str,
)  # fmt: skip
def test_an_answer_without_a_rate_is_none(body):
    with answering(200, body) as (port, _):
        assert mailer_at(port).recipients_per_second() is None


def test_a_server_that_is_down_is_no_rate():
    assert mailer_at(free_port()).recipients_per_second() is None


def test_a_server_that_does_not_answer_is_waited_for_as_long_as_the_client_for_questions_waits(monkeypatch):
    for name, value in server.environment().items():
        monkeypatch.setenv(name, value)
    hasty = Config(read_timeout=0.2, retries={"total_max_attempts": 1}, proxies={})

    with answering(200, account(), after=1) as (port, asked):
        url = f"http://127.0.0.1:{port}"
        mailer = SesMailer(client=None, impatient=lambda: boto3.client("sesv2", endpoint_url=url, config=hasty))
        assert mailer.recipients_per_second() is None

    assert len(asked) == 1


def test_credentials_that_cannot_be_had_are_no_rate():
    def impatient():
        raise RuntimeError("the role cannot be assumed")

    assert SesMailer(client=None, impatient=impatient).recipients_per_second() is None


def test_smtp_has_no_way_to_ask():
    assert SmtpMailer(host="relay.example").recipients_per_second() is None
