"""Port `EventQueue`: SQS over HTTP, as a published local server plays it."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from demo import aws as server
from demo.mail_events import bounced, delivered, in_sns, opened, send
from demo.processes import free_port
from include.scheduled_reports.adapters.postgres.feedback import PostgresFeedback
from include.scheduled_reports.adapters.postgres.ledger import PostgresLedger
from include.scheduled_reports.adapters.sqs import SqsEventQueue
from include.scheduled_reports.domain.delivery import Delivery, DeliveryState
from include.scheduled_reports.domain.errors import ConfigurationError, TransientError
from include.scheduled_reports.domain.feedback import Applied
from include.scheduled_reports.domain.report import Recipients
from include.scheduled_reports.domain.run import RunKey
from include.scheduled_reports.testing.services import MemoryServices, MemorySource
from include.scheduled_reports.upkeep import feedback
from tests.contract.tables import add_people, add_report, execute

ADA = "ada@acme.example"
MANY = 10_000


@pytest.fixture
def queue(sqs):
    """Return an empty queue."""
    client = sqs.client("sqs", max_pool_connections=8)
    url = client.create_queue(QueueName=f"events-{uuid4().hex}")["QueueUrl"]
    yield SqsEventQueue(client, url)
    client.delete_queue(QueueUrl=url)


def put(queue, *bodies):
    for first in range(0, len(bodies), 10):
        entries = [{"Id": str(place), "MessageBody": body} for place, body in enumerate(bodies[first : first + 10])]
        queue.client.send_message_batch(QueueUrl=queue.url, Entries=entries)


def left(queue):
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    found = queue.client.get_queue_attributes(QueueUrl=queue.url, AttributeNames=names)["Attributes"]
    return sum(int(found[name]) for name in names)


def test_events_are_read_and_deleted(queue):
    first, second = uuid4(), uuid4()
    put(queue, in_sns(send(first, ADA)), in_sns(delivered(second, ADA)))
    batch = queue.receive()

    assert {one.delivery for one in batch.events} == {first, second}
    assert left(queue) == 2
    queue.delete(batch.handles)
    assert left(queue) == 0


def test_what_is_no_event_of_ours_is_counted_and_can_be_deleted(queue):
    put(queue, "{}", in_sns(send(None, ADA)), in_sns(opened(uuid4(), ADA)), in_sns(send(uuid4(), ADA)))
    batch = queue.receive()

    assert (len(batch.events), batch.ignored, len(batch.handles)) == (1, 3, 4)


def test_an_empty_queue_has_nothing(queue):
    batch = queue.receive()

    assert (batch.events, batch.ignored, batch.handles) == ((), 0, ())
    queue.delete(())


def test_a_queue_that_does_not_exist_is_a_matter_of_configuration(queue):
    gone = SqsEventQueue(queue.client, queue.url + "-gone")

    with pytest.raises(ConfigurationError, match="SQS refuses receive_message"):
        gone.receive()


def test_a_service_that_does_not_answer_may_answer_later():
    nobody = server.Aws(f"http://127.0.0.1:{free_port()}", child=None)
    client = nobody.client("sqs", connect_timeout=1)

    with pytest.raises(TransientError, match="SQS could not be reached"):
        SqsEventQueue(client, f"{nobody.url}/123456789012/events").receive()


# --- ten thousand at once


@pytest.fixture
def busy(migrated_dsn, queue):
    """Return services on PostgreSQL whose queue has ten thousand events of a thousand messages, many of them twice."""
    add_people(migrated_dsn)
    add_report(migrated_dsn, id="r1")
    ids = [uuid4() for _ in range(1_000)]
    execute(
        migrated_dsn,
        """INSERT INTO reporting.runs
               (report_id, run_id, run_key, workspace_id, kind, state, scheduled_for, triggered_by, clear_number)
           SELECT 'r1', 'manual__' || n, n, 'ws1', 'manual', 'success', now(), 'airflow:ann', 0
           FROM generate_series(1, 1000) AS n""",
    )
    execute(
        migrated_dsn,
        """INSERT INTO reporting.deliveries
               (report_id, run_id, message, state, subject, recipients, mode, formats, feedback_id)
           SELECT 'r1', 'manual__' || n, 'report', 'sent', 'Numbers',
                  jsonb_build_object('to', jsonb_build_array('reader' || n || '@acme.example'), 'cc', '[]'::jsonb,
                                     'bcc', '[]'::jsonb), 'link', '{csv}', id
           FROM unnest(%s::uuid[]) WITH ORDINALITY AS given (id, n)""",
        ids,
    )
    bodies = []
    for number, one in enumerate(ids, start=1):
        address = f"reader{number}@acme.example"
        told = [bounced(one, address) if number % 100 == 0 else delivered(one, address), send(one, address)]
        bodies += [in_sns(event) for event in told] * 4 + ["{}", in_sns(send(uuid4(), address))]
    put(queue, *bodies)
    services = MemoryServices(source=MemorySource(lambda *_: pytest.fail("upkeep reads no data")))
    services.ledger, services.feedback = PostgresLedger(migrated_dsn), PostgresFeedback(migrated_dsn)
    services.event_queue = queue
    services.now = lambda: datetime.now(UTC)
    return services


@pytest.mark.slow
def test_ten_thousand_events_at_once_fit_into_the_minute_of_upkeep(busy):
    begun, read = time.monotonic(), Applied()
    while busy.feedback.feedback().drained_at is None:
        assert time.monotonic() - begun < 60
        read += feedback.read_events(busy)

    assert left(busy.event_queue) == 0
    assert (read.events, read.ignored, read.suppressed) == (8_000, 2_000, 10)
    assert len(busy.feedback.suppressed("ws1")) == 10


def test_a_database_that_is_away_loses_no_event(queue, monkeypatch):
    services = MemoryServices(source=MemorySource(lambda *_: pytest.fail("upkeep reads no data")))
    services.event_queue = queue
    key = RunKey(report_id="r1", run_id="manual__1")
    one = uuid4()
    services.ledger.claim(
        Delivery(
            key=key, message="report", state=DeliveryState.CLAIMED, subject="Numbers",
            recipients=Recipients(to=(ADA,)), mode="link", formats=(), feedback_id=one,
        )
    )  # fmt: skip
    put(queue, in_sns(delivered(one, ADA)))

    def away(*_, **__):
        raise TransientError("the reports database did not answer")

    with monkeypatch.context() as patched:
        patched.setattr(services.feedback, "apply", away)
        assert feedback.read_events(services).events == 0
    assert left(queue) == 1
