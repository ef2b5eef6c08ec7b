"""From a mail without an answer to its event: PostgreSQL, SES and SQS over HTTP."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import psycopg
import pytest
import requests

from demo import aws as server
from demo.mail_events import bounced, in_sns, send
from include.scheduled_reports.adapters.postgres.upkeep import PostgresUpkeepStore
from include.scheduled_reports.adapters.ses import SesMailer
from include.scheduled_reports.adapters.sqs import SqsEventQueue
from include.scheduled_reports.domain.run import RunState
from include.scheduled_reports.testing.upkeep import MemoryOrchestrator
from include.scheduled_reports.upkeep.round import upkeep
from tests.contract.sqs import serving
from tests.contract.tables import add_people, add_report, execute
from tests.integration.stages import KEY, MESSAGES, services_on, walk

ADA, BOB = "ada@acme.example", "bob@acme.example"


@pytest.fixture(scope="module")
def ses(tmp_path_factory):
    running = server.start(tmp_path_factory.mktemp("aws"))
    running.verify_sender("reports@acme.example")
    yield running
    running.child.stop()


@pytest.fixture(scope="module")
def sqs(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("sqs")) as running:
        yield running


class Proxy:
    """A proxy in front of SES that notes the tags of each mail and, while it is *mute*, passes no answer on."""

    def __init__(self, url):
        self.url, self.mute, self.sent = url, False, []

    @contextmanager
    def listening(self):
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                answer = requests.post(proxy.url + self.path, data=body, headers=dict(self.headers), timeout=30)
                content = json.loads(body)
                tags = {one["Name"]: one["Value"] for one in content["EmailTags"]}
                to = [one for kind in content["Destination"].values() for one in kind]
                proxy.sent.append((tags, to, answer.json().get("MessageId")))
                if proxy.mute:
                    self.close_connection = True
                    return
                self.send_response(answer.status_code)
                self.send_header("content-length", str(len(answer.content)))
                self.end_headers()
                self.wfile.write(answer.content)

            def log_message(self, *_):
                """Log nothing."""

        with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
            running.daemon_threads = True
            thread = threading.Thread(target=running.serve_forever, daemon=True)
            thread.start()
            try:
                yield f"http://127.0.0.1:{running.server_address[1]}"
            finally:
                running.shutdown()
                thread.join(10)


@pytest.fixture
def proxy(ses):
    found = Proxy(ses.url)
    with found.listening() as url:
        found.listens_at = url
        yield found


@pytest.fixture
def services(migrated_dsn, ses, sqs, proxy, tmp_path):
    """Return services whose report mails Ada and Bob through the proxy, with a queue of events."""
    add_people(migrated_dsn)
    add_report(migrated_dsn, id="r1", export_formats=["csv"], email_recipients=[ADA], email_cc_recipients=[BOB])
    execute(migrated_dsn, MESSAGES)
    found = services_on(migrated_dsn, tmp_path)
    client = sqs.client("sqs", max_pool_connections=8)
    url = client.create_queue(QueueName=tmp_path.name.replace("[", "-").replace("]", "-"))["QueueUrl"]
    found.settings = replace(found.settings, feedback_queue=url)
    found.event_queue = SqsEventQueue(client, url)
    found.mailer = SesMailer(server.Aws(proxy.listens_at, child=None).client("sesv2"))
    found.upkeep_store = PostgresUpkeepStore(migrated_dsn)
    yield found
    client.delete_queue(QueueUrl=url)


def publish(services, *events):
    for event in events:
        services.event_queue.client.send_message(QueueUrl=services.event_queue.url, MessageBody=in_sns(event))


def round_of(services):
    """One round of upkeep, with every run long silent."""
    with psycopg.connect(services.ledger.dsn) as connection:
        connection.execute("UPDATE reporting.runs SET touched_at = now() - interval '5 minutes'")
    services.moment = datetime.now(UTC) + timedelta(seconds=1)
    return upkeep(services, MemoryOrchestrator())


def state(services):
    with psycopg.connect(services.ledger.dsn) as connection:
        return connection.execute(
            "SELECT r.state, d.state, d.confirmed_at IS NOT NULL, e.status::text, e.email_sent, e.email_error "
            "FROM reporting.runs r JOIN reporting.deliveries d USING (report_id, run_id) "
            "JOIN report_executions e ON e.scheduled_report_id = r.report_id WHERE d.message = 'report'"
        ).fetchone()


def subjects(ses):
    return [message.raw.decode().partition("Subject: ")[2].partition("\r\n")[0] for message in ses.mails()]


def test_an_event_settles_a_mail_without_an_answer_and_nobody_is_mailed_twice(services, proxy, ses):
    proxy.mute = True
    assert walk(services).state is RunState.FAILED
    assert state(services)[:2] == ("failed", "unknown")
    proxy.mute = False
    (tags, to, message_id) = proxy.sent[0]
    reports = [mail for mail in ses.mails() if mail.message_id == message_id]
    assert len(reports) == 1  # SES had accepted it

    publish(services, send(tags["delivery"], *to, message_id=message_id))
    done = round_of(services)
    round_of(services)

    assert done.events.confirmed == 1
    assert state(services) == ("success", "sent", True, "COMPLETED", True, None)
    assert [tags.get("notice") for tags, _, _ in proxy.sent[1:]] == ["failed", "confirmed"]


def test_without_its_event_it_stays_unknown(services, proxy):
    proxy.mute = True
    walk(services)
    proxy.mute = False
    publish(services, send("00000000-0000-0000-0000-000000000001", ADA))  # of another message
    done = round_of(services)

    assert (done.events.ignored, done.events.confirmed) == (1, 0)
    assert state(services)[:3] == ("failed", "unknown", False)


def test_an_address_that_bounced_gets_no_further_mail_until_it_is_lifted(services, proxy):
    walk(services)
    (tags, to, message_id) = proxy.sent[0]
    assert to == [ADA, BOB]
    publish(services, *[bounced(tags["delivery"], BOB, message_id=message_id)] * 3)
    round_of(services)

    assert services.feedback.suppressed("ws1") == {BOB}
    (told,) = [one for one in proxy.sent[1:] if one[0].get("notice")]
    assert (told[0]["notice"], told[1]) == ("suppressed", [ADA])
    assert services.runs.mail_plan(KEY)["suppressed"] == []
