"""The rate of sending: who waits for how long, who asks for the rate, and what never keeps a mail back."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.scheduled_reports.domain.delivery import pause_after
from include.scheduled_reports.domain.errors import PermanentError, TransientError
from include.scheduled_reports.mail.pace import wait_for_turn
from include.scheduled_reports.runs import pipeline
from include.scheduled_reports.testing.readers import MemorySendRate
from tests.unit.run_helpers import KEY, LIVE, MONDAY, envelopes, make, walk

AT_TWO = replace(LIVE, mail_rate=2.0)


@pytest.fixture
def waits(services, monkeypatch):
    """Return the seconds that are waited, as a list that grows."""
    waited, wait = [], services.wait
    monkeypatch.setattr(services, "wait", lambda seconds: (waited.append(seconds), wait(seconds)))
    return waited


@pytest.fixture
def questions(services, monkeypatch):
    """Return the answers that the mail service has given to the question for its rate."""
    given = []

    def answer():
        given.append(services.mailer.per_second)
        return given[-1]

    monkeypatch.setattr(services.mailer, "recipients_per_second", answer)
    return given


def test_at_two_recipients_a_second_every_message_waits_for_those_before_it(services, waits):
    services.settings = AT_TWO

    for recipients in (1, 3, 1):
        wait_for_turn(services, recipients)

    assert waits == [0.5, 1.5]


def test_the_mail_service_is_asked_once_in_ten_minutes(services, waits, questions):
    services.mailer.per_second = 2.0

    for _ in range(3):
        wait_for_turn(services, 1)
    services.moment += timedelta(minutes=9)
    wait_for_turn(services, 1)
    assert (questions, waits) == ([2.0], [0.5])
    services.mailer.per_second = 4.0
    services.moment += timedelta(minutes=2)
    for _ in range(3):
        wait_for_turn(services, 1)

    assert (questions, waits) == ([2.0, 4.0], [0.5, 0.5, 0.25])


def test_with_a_rate_of_the_operators_nobody_is_asked_and_a_new_one_counts_at_once(services, waits, questions):
    services.mailer.per_second = 100.0
    for rate in (2.0, 2.0, 4.0, 4.0):
        services.settings = replace(LIVE, mail_rate=rate)
        wait_for_turn(services, 1)

    assert (questions, waits) == ([], [0.5, 0.5, 0.25])


def test_a_service_that_does_not_say_its_rate_is_sent_to_at_once_and_asked_again_later(services, waits, questions):
    for _ in range(5):
        wait_for_turn(services, 50)
    services.moment += timedelta(minutes=11)
    wait_for_turn(services, 50)

    assert (questions, waits) == ([None, None], [])


def test_a_rate_that_was_known_counts_while_the_service_does_not_say_it(services, waits, questions):
    services.mailer.per_second = 2.0
    wait_for_turn(services, 1)
    services.mailer.per_second = None
    services.moment += timedelta(minutes=11)
    for _ in range(2):
        wait_for_turn(services, 1)

    assert (questions, waits) == ([2.0, None], [0.5])


def test_a_message_that_would_wait_for_more_than_ten_minutes_is_left_to_a_retry_and_takes_no_turn(services, waits):
    services.settings, services.mail_time = replace(LIVE, mail_rate=0.05), timedelta(hours=3)
    other = replace(services, moment=services.moment)  # another task
    other.send_rate = services.send_rate
    for _ in range(2):
        wait_for_turn(other, 50)
        other.moment = services.moment
    with pytest.raises(TransientError, match="too many messages wait"):
        wait_for_turn(services, 1)
    services.moment += timedelta(minutes=15)
    wait_for_turn(services, 1)

    assert waits == [300.0]


def test_a_message_does_not_wait_until_its_task_is_ended(services, waits):
    services.settings, services.mail_time = AT_TWO, timedelta(seconds=4)
    wait_for_turn(services, 10)

    with pytest.raises(TransientError, match="too many messages wait"):
        wait_for_turn(services, 1)
    assert waits == []


def test_when_the_time_of_an_attempt_is_over_nothing_more_is_begun(services):
    services.mail_time = timedelta(seconds=-1)

    with pytest.raises(TransientError, match="the time of this attempt is over"):
        wait_for_turn(services, 1)


# With the mail of a report


def test_nothing_is_claimed_if_the_rate_cannot_be_read_and_a_retry_sends_it(services, monkeypatch):
    make(services)

    def away(*_, **__):
        raise TransientError("the reports database did not answer: timeout")

    with monkeypatch.context() as broken:
        broken.setattr(services.send_rate, "reserve", away)
        with pytest.raises(TransientError):
            pipeline.email(services, KEY)
    assert services.ledger.of(KEY) == ()

    assert pipeline.email(services, KEY) == "sent"
    assert len(envelopes(services)) == 1


def test_a_message_counts_all_of_its_recipients(make_services):
    services = make_services(
        AT_TWO, email_recipients=["ada@acme.example", "bob@acme.example"], email_bcc_recipients=["eve@acme.example"]
    )
    walk(services)
    before = services.moment

    wait_for_turn(services, 1)

    assert services.moment - before == timedelta(seconds=1.5)


def test_readers_for_whom_an_attempt_has_no_time_are_mailed_by_the_next_ones(make_services):
    readers = [f"reader{number}@acme.example" for number in range(4)]
    services = make_services(replace(LIVE, messages="separate", mail_rate=0.4), email_recipients=readers)
    services.mail_time = timedelta(seconds=2)
    make(services)

    for mailed in (1, 2, 3):
        with pytest.raises(TransientError, match="too many messages wait"):
            pipeline.email(services, KEY)
        assert len(services.mailer.sent) == mailed
        services.moment += timedelta(seconds=3)

    assert pipeline.email(services, KEY) == "sent"
    assert sorted(one for envelope in envelopes(services) for one in envelope) == readers


def test_a_notice_to_the_owner_takes_its_turn(make_services, answers):
    services = make_services(replace(LIVE, mail_rate=1.0))
    answers.errors["days"] = PermanentError("the report type's query failed")
    wait_for_turn(services, 3)
    before = services.moment

    walk(services)

    assert [one.is_notice for one in services.ledger.of(KEY)] == [True]
    assert services.moment - before == timedelta(seconds=3)


# Turns, whoever takes them


@given(
    st.integers(1, 200),
    st.lists(st.tuples(st.integers(1, 50), st.integers(0, 2_000_000)), min_size=1, max_size=80),
)
def test_no_second_has_more_recipients_than_the_rate(rate, messages):
    """The last message of a second may be larger than what is left of it: it is one call."""
    now = MONDAY
    line, sent = MemorySendRate(lambda: now), []
    for size, later in messages:
        turn = line.reserve("ses", size, per_second=rate, longest=100_000)
        sent.append((now + timedelta(seconds=turn.seconds), size))
        now += timedelta(microseconds=later)

    for number, (begin, _) in enumerate(sent):
        second = [size for moment, size in sent[number:] if moment < begin + timedelta(seconds=1)]
        assert sum(second[:-1]) < rate or len(second) == 1
        if set(second) == {1}:
            assert len(second) <= rate


@pytest.mark.parametrize(
    ("recipients", "per_second", "seconds"),
    [(1, 14, 0.071429), (1, 3, 0.333334), (50, 14, 3.571429), (1, 1, 1), (7, 7, 1), (1, 0.5, 2), (50, 0.01, 600)],
)
def test_a_pause_is_never_shorter_than_the_rate_asks_for(recipients, per_second, seconds):
    assert pause_after(recipients, per_second) == seconds
