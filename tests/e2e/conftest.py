"""A running Airflow with the demo's data of a fixed day, for most end-to-end tests."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg.rows import dict_row

from demo.__main__ import POOL, plan
from demo.aws import EVENTS
from demo.processes import free_port, wait_until
from demo.stack import Plan, Stack
from include.scheduled_reports.sample_data.seed import seed

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from demo.airflow_api import AirflowApi
    from demo.aws import Mail

#: The sample data ends on this day, so that tests can use fixed dates.
UNTIL = date(2026, 5, 10)


@dataclass(frozen=True)
class Running:
    """Airflow, the databases and the services, as the tests use them."""

    stack: Stack
    api: AirflowApi

    def rows(self, statement: str, *values: Any) -> list[dict[str, Any]]:
        """Run a plain SQL statement on the reports database; return its rows."""
        with psycopg.connect(self.stack.reports_dsn, row_factory=dict_row) as connection:
            cursor = connection.execute(statement.encode(), values)
            return cursor.fetchall() if cursor.description else []

    def executions(self, report_id: str) -> list[dict[str, Any]]:
        """Return the executions of a report, oldest first."""
        return self.rows(
            "SELECT * FROM report_executions WHERE scheduled_report_id = %s ORDER BY created_at, format", report_id
        )

    def mails_of(self, report_id: str) -> list[Mail]:
        """Return the mails that SES has accepted for a report."""
        sent = {
            row["message_id"]
            for row in self.rows("SELECT message_id FROM reporting.deliveries WHERE report_id = %s", report_id)
        }
        return [mail for mail in self.stack.aws.mails() if mail.message_id in sent]

    def file(self, url: str) -> bytes:
        """Return the content of a recorded file_url."""
        bucket, _, key = url.removeprefix("s3://").partition("/")
        return self.stack.aws.read(bucket, key).body

    def wait(self, condition: Any, *, seconds: float, what: str) -> None:
        """Wait for a condition, with a time limit."""
        wait_until(condition, seconds=seconds, what=what, pause=0.5)


def start(plan: Plan, also: Callable[[str], object] = lambda _: None) -> Stack:
    """Start a stack with the demo's data of a fixed day; *also* prepares the database before any DAG is parsed."""

    def fill(dsn: str) -> None:
        seed(dsn, until=UNTIL)
        also(dsn)

    return Stack.start(plan, before_airflow=fill)


def ready(stack: Stack) -> Running:
    """Add the pool for rendering to a started stack."""
    api = stack.airflow.api()
    api.post("/pools", {"name": POOL, "slots": 2, "description": "rendering"})
    return Running(stack, api)


class Shared:
    """The Airflow that most tests share: started for the first of them, stopped after the last."""

    def __init__(self) -> None:
        self._exits = ExitStack()
        self._running: Running | None = None

    def get(self, factory: pytest.TempPathFactory) -> Running:
        """Return it; start it if necessary."""
        if self._running is None:
            self._running = ready(self._exits.enter_context(start(_shared_plan(factory.mktemp("e2e")))))
        return self._running

    def stop(self) -> None:
        """Stop it if it is running."""
        self._running = None
        self._exits.close()


_shared = Shared()


def _shared_plan(folder: Path) -> Plan:
    base = plan(folder, free_port())
    users = {name: name for name in ("admin", "op", "user", "viewer")}
    # Regular parses are as rare as by default, so that an edit that is live sooner has requested its parse.
    rare = {"AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "30"}
    env = {**base.env, **rare, "SCHEDULED_REPORTS__RETRY_SECONDS": "1"}
    return replace(base, users=users, env=env, event_queue=EVENTS)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Running:
    """Share PostgreSQL, S3, SES and Airflow with short retry delays among all modules."""
    return _shared.get(tmp_path_factory)


@pytest.fixture(scope="module")
def browser():
    from tests.e2e.visitors import chromium

    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def tokens():
    return {}


@pytest.fixture(scope="module")
def here(running):
    """The running stack with the reports of these tests."""
    from tests.e2e import page_scene

    page_scene.add_reports(running)
    return running


@pytest.fixture
def visit(browser, here, tokens):
    """Browser sessions of Airflow users; check afterwards that no page had a forbidden effect."""
    from tests.e2e.visitors import Visitors

    visitors = Visitors(browser, here.stack.airflow, tokens)
    yield visitors
    visitors.close()
    assert visitors.wrong == []


@pytest.fixture(scope="module")
def mailed(here):
    """Return the id of a successful run."""
    from tests.e2e import page_scene

    return page_scene.run(here, page_scene.RUN)


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(nextitem: pytest.Item | None) -> None:
    """Stop the shared Airflow as soon as no test needs it: even idle it uses a fifth of a core."""
    if nextitem is None or "running" not in getattr(nextitem, "fixturenames", ()):
        _shared.stop()
