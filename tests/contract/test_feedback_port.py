"""Port `FeedbackStore`, in memory and in PostgreSQL: what events tell, in any order and any number of times."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import permutations
from uuid import UUID, uuid4

import pytest

from include.scheduled_reports.adapters.postgres.feedback import PostgresFeedback
from include.scheduled_reports.adapters.postgres.ledger import PostgresLedger
from include.scheduled_reports.adapters.postgres.readers import PostgresReaders
from include.scheduled_reports.domain.delivery import Delivery, DeliveryState
from include.scheduled_reports.domain.feedback import Applied, Cause, Event, Outcome, RecipientState
from include.scheduled_reports.domain.formats import Format
from include.scheduled_reports.domain.report import Recipients
from include.scheduled_reports.domain.run import Actor, AuditAction
from include.scheduled_reports.testing.feedback import MemoryFeedback
from include.scheduled_reports.testing.readers import MemoryReaders
from tests.contract.runs_suite import KEY, OTHER, Memory, new_run, settled

ID, OTHER_ID = UUID(int=7), UUID(int=8)
ADA, BOB = "Ada@acme.example", "bob@BÜCHER.example"
AT = datetime(2026, 5, 10, 9, 1, tzinfo=UTC)
LIFTED = AuditAction(action="lifted", actor=Actor(user="service", acting_user="u1"), workspace_id="ws1")
CLAIM = Delivery(
    key=KEY,
    message="report",
    state=DeliveryState.CLAIMED,
    subject="Numbers",
    recipients=Recipients(to=(ADA,), cc=(BOB,)),
    mode="link",
    formats=(Format.CSV,),
    feedback_id=ID,
)


class Store:
    """A store with the ledger and the readers beside it."""

    def __init__(self, record):
        self.record = record
        if isinstance(record, Memory):
            self.ledger = record.ledger
            self.port = MemoryFeedback(self.ledger, lambda report_id: "ws1" if report_id == "r1" else None)
            self.readers = MemoryReaders(suppressed=lambda _: self.port.suppressed("ws1"))
        else:
            self.ledger, self.port = PostgresLedger(record.dsn), PostgresFeedback(record.dsn)
            self.readers = PostgresReaders(record.dsn)
        record.port.open(new_run())

    def claim(self, state=None, **changes):
        """Claim a message; with a *state*, record that outcome."""
        claim = replace(CLAIM, **changes)
        self.ledger.claim(claim)
        if state is not None:
            self.ledger.finish(
                replace(claim, state=DeliveryState(state), message_id="m-1" if state == "sent" else None)
            )

    @property
    def states(self):
        return {one.address: one.state for one in self.port.recipients(KEY)}

    def held(self):
        return next(one for one in self.ledger.of(KEY) if one.message == "report")


@pytest.fixture
def store(record):
    return Store(record)


def event(*outcomes, delivery=ID, message_id="m-1", minutes=0):
    return Event(delivery=delivery, message_id=message_id, at=AT + timedelta(minutes=minutes), outcomes=tuple(outcomes))


def of(state, address=ADA, reason="why"):
    return Outcome(address=address, state=RecipientState(state), reason=reason)


def test_nothing_is_known_before_an_event(store):
    store.claim("sent")

    assert store.states == {}
    assert store.port.suppressed("ws1") == frozenset()
    assert store.port.untold(limit=10) == ()


def test_each_recipient_has_a_state_of_their_own(store):
    store.claim("sent")
    store.port.apply([event(of("delivered"), of("bounced", "bob@xn--bcher-kva.example"))])

    assert store.states == {ADA: "delivered", BOB: "bounced"}


@pytest.mark.parametrize(
    ("states", "final"),
    [
        (("accepted", "delivered"), "delivered"),
        (("accepted", "delayed", "delivered"), "delivered"),
        (("accepted", "delayed", "bounced"), "bounced"),
        (("delivered", "soft-bounced"), "delivered"),  # an automatic reply
        (("delivered", "bounced"), "bounced"),  # a server that looks for the mailbox later
        (("accepted", "delivered", "complained"), "complained"),
        (("bounced", "complained"), "complained"),
    ],
)
def test_the_state_does_not_depend_on_the_order_of_events(store, states, final):
    events = {state: event(of(state), minutes=number) for number, state in enumerate(states)}
    for number, order in enumerate(permutations(states)):
        store.claim("sent", message=f"report/{number}", feedback_id=UUID(int=100 + number))
        for state in order:
            store.port.apply([replace(events[state], delivery=UUID(int=100 + number))])

    assert {one.state for one in store.port.recipients(KEY)} == {final}


def test_events_that_come_together_count_as_if_they_came_one_by_one(store):
    store.claim("sent")
    told = [event(of("delivered"), minutes=2), event(of("accepted")), event(of("delivered"), minutes=1)]
    store.port.apply(told)

    (found,) = store.port.recipients(KEY)
    assert (found.state, found.at) == ("delivered", AT + timedelta(minutes=1))


def test_an_event_that_comes_again_changes_nothing(store):
    store.claim("sent")
    told = [event(of("bounced", reason="no such mailbox"))]
    first = store.port.apply(told)
    before = store.port.recipients(KEY), store.port.suppressions("ws1")

    assert first == Applied(events=1, suppressed=1)
    assert store.port.apply([*told, *told]) == Applied(events=2)
    assert (store.port.recipients(KEY), store.port.suppressions("ws1")) == before


@pytest.mark.parametrize("state", ["accepted", "delivered", "delayed", "bounced", "soft-bounced", "complained"])
def test_any_event_but_a_reject_proves_that_an_unknown_message_was_sent(store, state):
    store.claim("unknown")

    assert store.port.apply([event(of(state))]).confirmed == 1

    held = store.held()
    assert (held.state, held.message_id, held.error) == ("sent", "m-1", None)
    assert store.port.news(KEY).confirmed == 1
    assert KEY in [one.key for one in store.record.port.unsettled(limit=10)]


def test_a_message_that_is_being_sent_is_recorded_as_sent_and_the_senders_answer_changes_nothing(store):
    store.claim()
    assert store.port.apply([event(of("accepted"))]).confirmed == 0
    store.ledger.finish(replace(CLAIM, state=DeliveryState.UNKNOWN, error="SES did not answer"))

    assert (store.held().state, store.held().message_id) == ("sent", "m-1")
    assert store.port.news(KEY).confirmed == 0


def test_a_message_that_ses_rejects_was_not_sent(store):
    store.claim("sent")
    store.port.apply([event(of("rejected", reason="SES found malware in the message"))])

    assert (store.held().state, store.held().error) == ("refused", "SES found malware in the message")
    assert store.states == {ADA: "rejected"}
    assert store.port.suppressed("ws1") == frozenset()
    store.port.apply([event(of("accepted"))])
    assert store.held().state == "refused"


@pytest.mark.parametrize(
    "forged",
    [
        event(of("bounced"), delivery=uuid4()),
        event(of("bounced", "eve@acme.example")),  # whom the message did not have
        event(of("bounced"), of("bounced", "eve@acme.example")),
        event(of("bounced"), message_id="another"),
    ],
)
def test_an_event_that_is_about_no_message_of_ours_is_ignored_and_counted(store, forged):
    store.claim("sent")

    assert store.port.apply([forged]) == Applied(ignored=1)
    assert store.states == {}
    assert store.port.suppressed("ws1") == frozenset()
    assert store.port.feedback().ignored == 1


@pytest.mark.parametrize(("state", "cause"), [("bounced", Cause.BOUNCE), ("complained", Cause.COMPLAINT)])
def test_a_bounce_and_a_complaint_stop_an_address_for_the_workspace(store, state, cause):
    store.claim("sent")
    store.port.apply([event(of(state, reason="no such mailbox"))])

    assert store.port.suppressed("ws1") == {"ada@acme.example"}
    assert store.port.suppressed("ws2") == frozenset()
    (found,) = store.port.suppressions("ws1")
    assert (found.address, found.cause, found.reason, found.report_id) == (ADA, cause, "no such mailbox", "r1")


@pytest.mark.parametrize("state", ["accepted", "delayed", "soft-bounced", "delivered"])
def test_nothing_else_stops_an_address(store, state):
    store.claim("sent")
    store.port.apply([event(of(state))])

    assert store.port.suppressed("ws1") == frozenset()


def test_an_address_is_suppressed_once_whatever_comes_after(store):
    store.claim("sent")
    store.port.apply([event(of("bounced")), event(of("complained"), minutes=1)])
    store.port.apply([event(of("complained"), minutes=2)])

    assert len(store.port.suppressions("ws1")) == 1


def test_the_address_to_which_a_test_deployment_redirects_is_never_suppressed(store):
    store.claim("sent")
    store.port.apply([event(of("bounced"))], exempt="ADA@acme.example")

    assert store.states == {ADA: "bounced"}
    assert store.port.suppressed("ws1") == frozenset()


def test_a_report_does_not_mail_an_address_that_its_workspace_suppresses(store):
    store.claim("sent")
    store.port.apply([event(of("bounced"))])

    unwanted = store.readers.unwanted("r1")
    assert (unwanted.suppressed, unwanted.left) == ({"ada@acme.example"}, frozenset())


def test_a_lifted_address_is_mailed_again_and_stays_on_record(store):
    store.claim("sent")
    store.port.apply([event(of("bounced"))])

    assert store.port.lift("ws1", "ADA@ACME.example", LIFTED, "The mailbox works again.")
    assert not store.port.lift("ws1", ADA, LIFTED, "Twice.")
    assert not store.port.lift("ws2", ADA, LIFTED, "Of another workspace.")

    assert store.port.suppressed("ws1") == frozenset()
    (found,) = store.port.suppressions("ws1")
    assert (found.lifted_by, found.lift_reason) == ("u1", "The mailbox works again.")
    assert found.lifted_at


def test_an_event_of_before_the_lifting_does_not_suppress_again_but_a_new_one_does(store):
    store.claim("sent")
    store.port.apply([event(of("bounced"))])
    store.port.lift("ws1", ADA, LIFTED, "The mailbox works again.")
    (lifted,) = store.port.suppressions("ws1")
    store.claim("sent", message="report/2", feedback_id=OTHER_ID)

    store.port.apply([event(of("bounced")), event(of("bounced"), delivery=OTHER_ID)])
    assert store.port.suppressed("ws1") == frozenset()

    later = replace(event(of("complained"), delivery=OTHER_ID), at=lifted.lifted_at + timedelta(minutes=1))
    store.port.apply([later])
    assert store.port.suppressed("ws1") == {"ada@acme.example"}
    assert [one.lifted_at is None for one in store.port.suppressions("ws1")] == [True, False]


def test_the_owner_is_told_once(store):
    store.claim("unknown")
    store.port.apply([event(of("bounced"), of("complained", BOB))])
    settled(store.record.port)

    assert store.port.untold(limit=10) == (KEY,)
    assert {one.address for one in store.port.news(KEY).suppressions} == {ADA, BOB}
    store.port.told(KEY)

    assert store.port.untold(limit=10) == ()
    assert store.port.news(KEY).confirmed == 0
    assert store.port.news(KEY).suppressions == ()
    assert store.port.news(OTHER).suppressions == ()


def test_how_far_the_queue_was_read_is_known(store):
    assert store.port.feedback().drained_at is None
    store.port.note_drained(3, drained_at=AT)
    store.port.note_drained(2, drained_at=None)
    store.port.note_drained(0, drained_at=AT - timedelta(hours=1))

    found = store.port.feedback()
    assert (found.drained_at, found.ignored) == (AT, 5)
