"""Port `SendRate`, in memory and in PostgreSQL; at a slow rate, so that the time of the test itself does not matter."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier

import psycopg
import pytest

from include.scheduled_reports.adapters.postgres.send_rate import PostgresSendRate
from include.scheduled_reports.adapters.postgres.sql import statements
from include.scheduled_reports.testing.readers import MemorySendRate
from tests.contract.tables import execute

#: One recipient in ten seconds.
SLOW = 0.1


class Memory:
    """The fake, and its clock."""

    def __init__(self):
        self.moment = datetime(2026, 5, 11, 7, tzinfo=UTC)
        self.port = MemorySendRate(lambda: self.moment)

    def set_clock(self, seconds):
        self.moment += timedelta(seconds=seconds)


class Postgres:
    """PostgreSQL, whose clock is set by moving what it has stored."""

    def __init__(self, dsn):
        self.dsn, self.port = dsn, PostgresSendRate(dsn)

    def set_clock(self, seconds):
        moved = "UPDATE reporting.send_rates SET next_at = next_at - %s * interval '1 second', "
        execute(self.dsn, moved + "learned_at = learned_at - %s * interval '1 second'", seconds, seconds)


@pytest.fixture(params=["memory", "postgres"])
def place(request):
    return Memory() if request.param == "memory" else Postgres(request.getfixturevalue("migrated_dsn"))


@pytest.fixture
def port(place):
    """The port, after the first message ever."""
    first = place.port.reserve("ses", 1, per_second=0, longest=0)
    assert (first.seconds, first.is_old) == (0, True)
    return place.port


def turns(port, *sizes, per_second=SLOW, longest=100_000, service="ses"):
    """Take turns for messages to so many recipients; return how long each waits, to ten seconds."""
    found = [port.reserve(service, size, per_second=per_second, longest=longest).seconds for size in sizes]
    return [None if seconds is None else round(seconds / 10) * 10 for seconds in found]


def test_each_message_waits_for_the_recipients_before_it(port):
    assert turns(port, 1, 3, 1, 2, 1) == [0, 10, 40, 50, 70]


def test_two_services_do_not_wait_for_each_other(port):
    turns(port, 1, service="smtp", per_second=0)
    turns(port, 5)

    assert turns(port, 2, 1, service="smtp") == [0, 20]
    assert turns(port, 1) == [50]


def test_without_a_rate_nobody_waits(port):
    assert turns(port, 50, 50, 50, per_second=0) == [0, 0, 0]


def test_what_was_learned_counts_for_all(port):
    port.learn("ses", SLOW)

    assert turns(port, 2, 1, per_second=0) == [0, 20]
    port.learn("ses", 0)
    assert turns(port, 1, 1, per_second=0) == [0, 0]


def test_the_operators_rate_counts_at_once_whatever_was_learned(port):
    port.learn("ses", 1_000)

    assert turns(port, 1, per_second=0.1) == [0]
    assert turns(port, 1, per_second=0.05) == [10]
    assert turns(port, 1, per_second=0.1) == [30]
    assert turns(port, 1, 1, per_second=0) == [40, 40]


def test_who_cannot_wait_so_long_takes_nothing(port):
    turns(port, 3)

    assert turns(port, 1, 1, longest=20) == [None, None]
    assert turns(port, 1, longest=40) == [30]


def test_time_without_mail_is_not_saved_up(place, port):
    turns(port, 1)
    place.set_clock(100)

    assert turns(port, 1, 1) == [0, 10]


def test_what_is_left_of_a_pause_is_waited_for(place, port):
    turns(port, 5)
    place.set_clock(30)

    assert turns(port, 1) == [20]


def test_a_message_holds_the_others_for_ten_minutes_at_most(port):
    assert turns(port, 50, per_second=0.001) == [0]
    assert turns(port, 1) == [600]


def test_a_clock_that_was_set_back_by_an_hour_stops_no_mail(place, port):
    turns(port, 1)
    place.set_clock(-3_600)

    assert turns(port, 1, 1, longest=5) == [0, None]


def test_a_clock_that_was_set_back_by_a_quarter_of_an_hour_stops_it_for_no_longer(place, port):
    turns(port, 1)
    place.set_clock(-900)

    assert turns(port, 1, longest=600) == [None]
    place.set_clock(320)
    assert turns(port, 1, longest=600) == [590]


# Who asks for the rate


def test_one_caller_in_ten_minutes_asks(place, port):
    assert [port.ask("ses"), port.ask("ses")] == [True, False]
    assert not port.reserve("ses", 1, per_second=0, longest=0).is_old
    place.set_clock(590)
    assert not port.ask("ses")
    place.set_clock(20)
    assert port.reserve("ses", 1, per_second=0, longest=0).is_old
    assert [port.ask("ses"), port.ask("ses")] == [True, False]


def test_an_answer_is_young_for_ten_minutes_and_the_last_one_counts_until_the_next(place, port):
    port.learn("ses", SLOW)

    assert not port.reserve("ses", 1, per_second=0, longest=0).is_old
    assert not port.ask("ses")
    place.set_clock(610)
    assert port.ask("ses")
    assert turns(port, 1, 1, per_second=0) == [0, 10]


def test_an_answer_from_the_future_is_old(place, port):
    port.learn("ses", SLOW)
    place.set_clock(-60)

    assert port.ask("ses")


# Many tasks at once, in PostgreSQL


def at_once(count, call):
    """Call it in so many threads at once, which have connections of their own."""
    barrier = Barrier(count)

    def one(_):
        barrier.wait(10)
        return call()

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))


def test_tasks_that_come_at_once_take_different_moments(migrated_dsn):
    turns(PostgresSendRate(migrated_dsn), 1, per_second=0)

    taken = at_once(8, lambda: turns(PostgresSendRate(migrated_dsn), *[1] * 5))

    assert sorted(moment for task in taken for moment in task) == [*range(0, 400, 10)]


def test_a_task_that_freezes_does_not_keep_the_others_waiting_for_long(migrated_dsn):
    turns(PostgresSendRate(migrated_dsn), 1, per_second=0)

    with psycopg.connect(migrated_dsn) as frozen:
        frozen.execute(statements("send_rate")["look"], {"service": "ses"})
        (limit,) = frozen.execute("SHOW idle_in_transaction_session_timeout").fetchone()

    assert limit == "5s"
    with psycopg.connect(migrated_dsn) as another:
        assert another.execute("SHOW idle_in_transaction_session_timeout").fetchone() == ("0",)


def test_of_tasks_that_come_at_once_one_asks(migrated_dsn):
    turns(PostgresSendRate(migrated_dsn), 1, per_second=0)

    assert sorted(at_once(8, lambda: PostgresSendRate(migrated_dsn).ask("ses"))) == [False] * 7 + [True]


def test_the_first_messages_ever_do_not_fail_each_other(migrated_dsn):
    found = at_once(4, lambda: PostgresSendRate(migrated_dsn).reserve("smtp", 1, per_second=1, longest=9))

    assert all(turn.seconds is not None for turn in found)
