"""An edit becomes a DAG at once, even if it comes while the reports are being parsed."""

from __future__ import annotations

import threading
from datetime import UTC, datetime

import pytest

from demo.processes import wait_until
from include.scheduled_reports.orchestration.reparse import Reparser


class Airflow:
    """A fake DAG processor: it drops requests while it parses, and reports when the last parse began."""

    def __init__(self):
        self.requests = 0
        self.parses: list[datetime] = []
        self.running: datetime | None = None
        self.asked = threading.Event()
        self.away = 0

    def request(self):
        if self.away:
            self.away -= 1
            raise RuntimeError("the database is away")
        self.requests += 1
        if self.running is None:
            self.asked.set()

    def begin(self):
        self.asked.clear()
        self.running = datetime.now(UTC)

    def end(self):
        self.parses.append(self.running)
        self.running = None

    def began(self):
        return self.parses[-1] if self.parses else None


@pytest.fixture
def airflow():
    return Airflow()


@pytest.fixture
def reparser(airflow):
    return Reparser(airflow.request, airflow.began, pause=0.01)


def is_over(reparser):
    return wait_until(lambda: reparser._watcher is None, seconds=10, what="the watcher to end", pause=0.01)


def test_an_edit_asks_for_one_parse_and_is_content_with_it(airflow, reparser):
    reparser.edited()
    assert airflow.asked.is_set()
    airflow.begin()
    airflow.end()

    is_over(reparser)
    assert len(airflow.parses) == 1


def test_an_edit_in_the_middle_of_a_parse_gets_another_one(airflow, reparser):
    airflow.begin()
    reparser.edited()
    assert not airflow.asked.is_set()  # dropped, as Airflow does
    airflow.end()

    assert airflow.asked.wait(10)
    airflow.begin()
    airflow.end()
    is_over(reparser)


def test_many_edits_are_looked_after_by_one_thread_until_the_last_is_read(airflow, reparser):
    for _ in range(20):
        reparser.edited()
    watcher = reparser._watcher
    airflow.begin()
    reparser.edited()
    airflow.end()

    assert reparser._watcher is watcher
    assert airflow.asked.wait(10)
    airflow.begin()
    airflow.end()
    is_over(reparser)


def test_a_metadata_database_that_is_away_for_a_moment_changes_nothing(airflow, reparser):
    reparser.edited()
    airflow.asked.clear()
    airflow.away = 3

    assert airflow.asked.wait(10)
    assert airflow.away == 0
    airflow.begin()
    airflow.end()
    is_over(reparser)


def test_an_edit_after_the_watcher_has_ended_gets_a_new_one(airflow, reparser):
    for _ in range(2):
        reparser.edited()
        airflow.begin()
        airflow.end()
        is_over(reparser)

    assert len(airflow.parses) == 2
