"""The API on a real database, with a fake caller and a fake Airflow that records the requested runs."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

import psycopg
from fastapi import Header, HTTPException
from psycopg.rows import dict_row
from starlette.testclient import TestClient

from include.scheduled_reports.adapters.postgres.brands import PostgresBrands
from include.scheduled_reports.adapters.postgres.feedback import PostgresFeedback
from include.scheduled_reports.adapters.postgres.ledger import PostgresLedger
from include.scheduled_reports.adapters.postgres.readers import PostgresReaders
from include.scheduled_reports.adapters.postgres.reports import PostgresDefinitions
from include.scheduled_reports.adapters.postgres.runs import PostgresRuns
from include.scheduled_reports.adapters.postgres.source import PostgresSource
from include.scheduled_reports.adapters.postgres.stages import PostgresStages
from include.scheduled_reports.adapters.postgres.upkeep import PostgresUpkeepStore
from include.scheduled_reports.adapters.postgres.web_overview import PostgresOverview
from include.scheduled_reports.adapters.postgres.web_reports import PostgresReports
from include.scheduled_reports.domain.errors import NoDagError
from include.scheduled_reports.ports.web import DagState, Right, Stage
from include.scheduled_reports.settings import Settings
from include.scheduled_reports.testing.services import MemoryServices
from include.scheduled_reports.testing.storage import MemoryStore
from include.scheduled_reports.web.app import make
from tests.integration.previews import preview_mail, preview_row

if TYPE_CHECKING:
    from datetime import datetime

    from fastapi import FastAPI

    from include.scheduled_reports.domain.delivery import MailPreview
    from include.scheduled_reports.domain.finding import Finding
    from include.scheduled_reports.domain.run import RunKey, Trigger

ACME = "/api/workspaces/acme/reports"
SCHEDULED = f"{ACME}/scheduled"
EVERYTHING = frozenset(Right)
#: A report that can be created.
NEW: dict[str, Any] = {
    "name": "Monday numbers",
    "reportType": "workspace-activity",
    "cronExpression": "0 9 * * 1",
    "exportFormats": ["pdf", "csv"],
    "createdBy": "u1",
}
#: The users of Airflow in these tests and their rights on every DAG, as in SimpleAuth.
ROLES = {
    "viewer": {Right.READ},
    "user": EVERYTHING,
    "op": EVERYTHING,
    "admin": EVERYTHING,
}


@dataclass(frozen=True)
class FakeCaller:
    """Port `Caller`: rights on every DAG, and on individual ones."""

    name: str
    everywhere: frozenset[Right] = EVERYTHING
    on: dict[str, frozenset[Right]] = field(default_factory=dict)

    def may(self, right: Right, report_id: str | None = None) -> bool:
        return right in self.everywhere or (report_id is not None and right in self.on.get(report_id, ()))

    def readable(self) -> frozenset[str]:
        return frozenset(report_id for report_id, rights in self.on.items() if Right.READ in rights)


@dataclass
class FakeAirflow:
    """Port `Airflow`: records the runs it was asked to start."""

    started: list[Trigger] = field(default_factory=list)
    stopped: set[str] = field(default_factory=set)
    retried: list[RunKey] = field(default_factory=list)
    has_failed: bool = True
    unknown: set[str] = field(default_factory=set)
    open: set[str] = field(default_factory=set)
    tasks: dict[RunKey, tuple[Stage, ...]] = field(default_factory=dict)
    parses: int = 0
    cleared: int = 0

    def start(self, trigger: Trigger) -> None:
        if trigger.key.report_id in self.unknown:
            raise NoDagError("Airflow has no DAG for this report yet; try again in some seconds")
        self.started.append(trigger)

    def open_runs(self, report_id: str) -> int:
        return int(report_id in self.open)

    def dags(self, report_ids):
        return {one: DagState(is_paused=one in self.stopped) for one in report_ids if one not in self.unknown}

    def paused(self) -> frozenset[str]:
        return frozenset(self.stopped)

    def retry(self, key, announce) -> bool:
        self.retried.append(key)
        if self.has_failed:
            announce(self.cleared + 1)
        return self.has_failed

    def stages(self, key) -> tuple[Stage, ...]:
        return self.tasks.get(key, ())

    def reparse(self) -> None:
        self.parses += 1


@dataclass
class FakeWebServices:
    """Port `Desk` on a real database."""

    dsn: str
    core: Any
    airflow: FakeAirflow = field(default_factory=FakeAirflow)
    #: What the doctor finds.
    found: list[Finding] = field(default_factory=list)

    def findings(self) -> list[Finding]:
        return self.found

    @property
    def overview(self) -> PostgresOverview:
        return PostgresOverview(self.dsn)

    @property
    def reports(self) -> PostgresReports:
        return PostgresReports(self.dsn)

    def source(self, timeout) -> PostgresSource:
        return PostgresSource(self.dsn, timeout)

    def preview(self, row, chosen, at, out, timeout) -> int:
        return preview_row(self.dsn, row, chosen, at, out, settings=self.core.settings, timeout=timeout)

    def mail_preview(self, row, at, timeout) -> MailPreview:
        return preview_mail(self.dsn, row, at, settings=self.core.settings, timeout=timeout)


@dataclass
class Api:
    """A client of the API and the fakes behind it."""

    client: TestClient
    ports: FakeWebServices
    callers: dict[str, FakeCaller]

    def send(self, method: str, path: str, *, user: str | None = "admin", **options: Any) -> Any:
        """Send a request as a user; requests that change something have a JSON body."""
        headers = {"x-user": user} if user else {}
        if method != "GET" and "content" not in options:
            options.setdefault("json", {})
        return self.client.request(method, path, headers=headers | options.pop("headers", {}), **options)

    def get(self, path: str, **options: Any) -> Any:
        return self.send("GET", path, **options)

    def post(self, path: str, **options: Any) -> Any:
        return self.send("POST", path, **options)

    def put(self, path: str, **options: Any) -> Any:
        return self.send("PUT", path, **options)

    def delete(self, path: str, **options: Any) -> Any:
        return self.send("DELETE", path, **options)


#: The ports and the caller of the current request.
_serving: ContextVar[tuple[FakeWebServices, dict[str, FakeCaller]]] = ContextVar("serving")


def make_app() -> FastAPI:
    """Make the app; the header X-User names the signed-in user."""

    def identify(x_user: str | None = Header(None)) -> FakeCaller:
        _, callers = _serving.get()
        if x_user not in callers:
            raise HTTPException(401, "Not authenticated")
        return callers[x_user]

    return make(identify, lambda: _serving.get()[0])


@cache
def shared_app() -> FastAPI:
    """Return one app for all tests of a process: creating it takes 0.2 s, longer than most tests."""
    return make_app()


@dataclass(frozen=True)
class Serving:
    """An app that answers with the ports and the caller of one test."""

    app: FastAPI
    ports: FakeWebServices
    callers: dict[str, FakeCaller]

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer a request in a separate context."""
        _serving.set((self.ports, self.callers))
        await self.app(scope, receive, send)


def open_api(dsn: str, now: datetime | None = None, *, app: FastAPI | None = None) -> Api:
    """Open the API on a database; a test that changes the app passes a separate one."""
    services = MemoryServices(
        source=PostgresSource(dsn), definitions=PostgresDefinitions(dsn), settings=Settings(), store=MemoryStore()
    )
    services.runs, services.stages = PostgresRuns(dsn), PostgresStages(dsn)
    services.ledger, services.upkeep_store = PostgresLedger(dsn), PostgresUpkeepStore(dsn)
    services.readers, services.feedback = PostgresReaders(dsn), PostgresFeedback(dsn)
    services.brands = PostgresBrands(dsn)
    if now is not None:
        services.moment = now
    ports = FakeWebServices(dsn, services)
    callers = {name: FakeCaller(name, frozenset(rights)) for name, rights in ROLES.items()}
    return Api(TestClient(Serving(app or shared_app(), ports, callers)), ports, callers)


def one(dsn: str, statement: str, *values: Any) -> dict[str, Any]:
    with psycopg.connect(dsn, row_factory=dict_row) as connection:
        (row,) = connection.execute(statement.encode(), values).fetchall()
    return row


def stored(dsn: str, report_id: str) -> dict[str, Any]:
    return one(dsn, "SELECT * FROM scheduled_reports WHERE id = %s", report_id)
