"""What upkeep makes of the mail service's events, and what the next runs do with it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from email import message_from_bytes, policy

import pytest

from include.scheduled_reports.domain.delivery import DeliveryState
from include.scheduled_reports.domain.errors import DeliveryUnknownError, TransientError
from include.scheduled_reports.domain.feedback import Batch, Event, Outcome, RecipientState
from include.scheduled_reports.domain.run import Actor, AuditAction, RunState
from include.scheduled_reports.runs import pipeline
from include.scheduled_reports.testing.feedback import MemoryEventQueue
from include.scheduled_reports.testing.upkeep import MemoryOrchestrator
from include.scheduled_reports.upkeep import feedback
from include.scheduled_reports.upkeep.round import upkeep
from tests.unit.run_helpers import KEY, LIVE, TRIGGER, envelopes, make, manual, text_of, walk

ADA, BOB = "ada@acme.example", "bob@acme.example"
QUEUE = "https://sqs.eu-west-1.amazonaws.com/123456789012/report-events"
EVENTS = replace(LIVE, feedback_queue=QUEUE)
LIFTED = AuditAction(action="lifted", actor=Actor(user="ann"), workspace_id="ws1")


@pytest.fixture
def services(make_services):
    """Return services whose report goes to Ada and Bob, with an empty queue of events."""
    found = make_services(EVENTS, email_recipients=[ADA], email_cc_recipients=[BOB])
    found.event_queue = MemoryEventQueue()
    return found


def tell(services, state, address=ADA, *, message="report", reason="", key=KEY):
    """Put an event about a message of a run in the queue."""
    held = next(one for one in services.ledger.of(key) if one.message == message)
    event = Event(
        delivery=held.feedback_id,
        message_id=held.message_id or "m-1",
        at=services.now(),
        outcomes=(Outcome(address=address, state=RecipientState(state), reason=reason),),
    )
    queue = services.event_queue
    queue.batches.append(Batch((event,), 0, (f"handle-{len(queue.batches)}",)))


def no_answer(services):
    services.mailer.error = DeliveryUnknownError("SES did not answer: ReadTimeoutError")


def notices(services):
    """Return the notices to the owner."""
    sent = [message_from_bytes(raw, policy=policy.default) for _, _, raw in services.mailer.sent]
    return [mail for mail in sent if mail["X-Scheduled-Report-Notice"]]


def round_of(services):
    """One round of upkeep, a minute later."""
    services.moment += timedelta(minutes=1)
    return upkeep(services, MemoryOrchestrator())


# The id that an event names


def test_each_message_has_a_random_id_of_its_own_that_only_the_mail_service_sees(services, monkeypatch):
    seen = []
    send = services.mailer.send

    def spy(sender, recipients, raw, *, tags):
        seen.append((tags["delivery"], raw))
        return send(sender, recipients, raw, tags=tags)

    monkeypatch.setattr(services.mailer, "send", spy)
    walk(services)
    walk(services, replace(manual(), key=replace(KEY, run_id="manual__2")))

    assert len({name for name, _ in seen}) == len(seen) >= 2
    assert str(services.ledger.of(KEY)[0].feedback_id) == seen[0][0]
    assert all(name.encode() not in raw for name, raw in seen)


def test_without_a_queue_there_is_no_id_and_nothing_is_asked(make_services):
    services = make_services(LIVE)
    walk(services)

    assert services.ledger.of(KEY)[0].feedback_id is None
    assert feedback.read_events(services).events == 0


# Reading


def test_an_empty_queue_costs_one_call(services):
    assert feedback.read_events(services).events == 0
    assert services.feedback.feedback().drained_at == services.now()


def test_events_are_deleted_once_they_are_recorded(services):
    walk(services)
    tell(services, "delivered")
    services.event_queue.batches.append(Batch((), 2, ("foreign-1", "foreign-2")))
    read = feedback.read_events(services)

    assert (read.events, read.ignored) == (1, 2)
    assert sorted(services.event_queue.deleted) == ["foreign-1", "foreign-2", "handle-0"]
    assert services.feedback.feedback().ignored == 2


def test_reading_ends_after_some_time_and_the_next_round_goes_on(services):
    class Endless(MemoryEventQueue):
        def receive(self):
            services.moment += timedelta(seconds=1)
            return Batch((), 1, ("h",))

    services.event_queue = Endless()
    feedback.read_events(services)

    assert services.feedback.feedback().drained_at is None
    assert 20 <= services.feedback.feedback().ignored <= 40


def test_a_queue_that_does_not_answer_keeps_upkeep_from_nothing_else(services):
    walk(services)
    services.event_queue.error = TransientError("SQS could not be reached")

    assert round_of(services).events.events == 0


def test_nothing_is_deleted_that_could_not_be_recorded(services, monkeypatch):
    walk(services)
    tell(services, "delivered")

    def away(*_, **__):
        raise TransientError("the reports database did not answer")

    monkeypatch.setattr(services.feedback, "apply", away)
    feedback.read_events(services)

    assert services.event_queue.deleted == []


# An unknown outcome


def fail(services, trigger):
    """Run the report; the mail service does not answer, and does again when the owner is told."""
    make(services, trigger)
    no_answer(services)
    with pytest.raises(DeliveryUnknownError):
        pipeline.email(services, trigger.key)
    services.mailer.error = None
    assert pipeline.record(services, trigger).state is RunState.FAILED


@pytest.fixture
def unknown(services):
    """Return services whose report was mailed without an answer, and whose owner was told."""
    fail(services, TRIGGER)
    return services


def kinds(services):
    return [mail["Subject"].partition(":")[0] for mail in notices(services)]


def test_an_event_settles_an_unknown_delivery_and_its_run_and_tells_the_owner_once(unknown):
    tell(unknown, "accepted")
    done = round_of(unknown)
    for _ in range(3):
        round_of(unknown)

    assert done.events.confirmed == 1
    assert unknown.ledger.of(KEY)[-1].state is DeliveryState.SENT
    assert unknown.runs.runs[KEY].row["state"] == RunState.SUCCESS
    assert kinds(unknown) == ["Report failed", "Email was sent after all"]
    assert "You do not have to send it again" in text_of(notices(unknown)[-1])


def test_without_an_event_an_unknown_delivery_stays_unknown_and_is_not_sent_again(unknown):
    for _ in range(3):
        round_of(unknown)

    assert unknown.ledger.of(KEY)[-1].state is DeliveryState.UNKNOWN
    assert envelopes(unknown) == []


def test_a_message_that_ses_rejects_fails_its_run_and_the_owner_is_told(services):
    assert walk(services).state is RunState.SUCCESS
    tell(services, "rejected", reason="SES found malware in the message")
    for _ in range(2):
        round_of(services)

    assert services.runs.runs[KEY].row["state"] == RunState.FAILED
    assert kinds(services) == ["Report failed"]
    assert "SES found malware in the message" in text_of(notices(services)[0])


# Addresses that are not mailed any more


def next_run(services, number=2):
    trigger = replace(manual(), key=replace(KEY, run_id=f"manual__{number}"))
    return walk(services, trigger), trigger.key


def test_an_address_that_bounced_is_left_out_of_the_next_run_which_says_so(services):
    walk(services)
    tell(services, "bounced", BOB, reason="there is no such mailbox")
    round_of(services)
    outcome, key = next_run(services)

    assert outcome.state is RunState.SUCCESS
    assert [list(one) for one in envelopes(services)] == [[ADA, BOB], [ADA]]
    assert services.runs.mail_plan(key)["suppressed"] == [BOB]


def test_the_owner_is_told_once_which_address_it_is_and_why(services):
    walk(services)
    tell(services, "bounced", BOB, reason="there is no such mailbox")
    for _ in range(3):
        round_of(services)

    (notice,) = notices(services)
    assert notice["Subject"].startswith("Address is not mailed any more: ")
    text = text_of(notice)
    assert BOB in text
    assert "there is no such mailbox" in text


def test_addresses_that_bounce_one_after_the_other_are_told_of_one_after_the_other(make_services):
    services = make_services(EVENTS, email_recipients=[BOB, "carol@acme.example"])
    services.event_queue = MemoryEventQueue()
    walk(services)
    for address in (BOB, "carol@acme.example"):
        tell(services, "bounced", address)
        round_of(services)

    assert [BOB in text_of(one) for one in notices(services)] == [True, False]


def test_a_run_whose_readers_have_all_bounced_succeeds_with_nobody_left_to_mail(services):
    walk(services)
    for address in (ADA, BOB):
        tell(services, "bounced", address)
    round_of(services)
    outcome, key = next_run(services)

    assert outcome.state is RunState.SUCCESS
    assert services.runs.mail_plan(key)["why"] == "nobody left to mail"


def test_an_address_that_was_lifted_is_mailed_again(services):
    walk(services)
    tell(services, "bounced", BOB)
    round_of(services)
    services.feedback.lift("ws1", BOB, LIFTED, "The mailbox works again.")
    _, key = next_run(services)

    assert list(envelopes(services)[-1]) == [ADA, BOB]
    assert services.runs.mail_plan(key)["suppressed"] == []


def test_an_owner_whose_address_bounced_gets_no_notice_there(services):
    walk(services)
    tell(services, "bounced", ADA)
    round_of(services)
    services.mailer.error = None
    no_answer(services)
    next_run(services)
    services.mailer.error = None
    round_of(services)

    assert notices(services) == []


def test_a_redirected_mail_never_suppresses_the_address_it_was_redirected_to(make_services):
    services = make_services(replace(EVENTS, mail_mode="redirect:test@acme.example"), email_recipients=[ADA])
    services.event_queue = MemoryEventQueue()
    walk(services)
    tell(services, "bounced", "test@acme.example")
    round_of(services)

    assert services.feedback.suppressed("ws1") == frozenset()


def test_a_notice_about_feedback_says_nothing_of_whether_the_report_works(services):
    """The next failure is told as the first one is."""
    walk(services)
    tell(services, "bounced", BOB)
    round_of(services)
    fail(services, replace(manual(), key=replace(KEY, run_id="manual__2")))

    assert kinds(services) == ["Address is not mailed any more", "Report failed"]


def test_the_notices_are_mails_that_any_reader_can_parse(services):
    walk(services)
    tell(services, "bounced", BOB, reason="<b>no</b> such mailbox")
    round_of(services)

    raw = services.mailer.sent[-1][2]
    mail = message_from_bytes(raw, policy=policy.default)
    assert "&lt;b&gt;no&lt;/b&gt; such mailbox" in mail.get_body(("html",)).get_content()
