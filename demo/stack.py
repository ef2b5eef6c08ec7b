"""Start PostgreSQL, S3, SES, Airflow and the public door in one folder, for `make demo` and the end-to-end tests."""

from __future__ import annotations

import json
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import psycopg

from . import airflow, aws, door, postgres
from .airflow_home import COMPONENTS, Launch, Site, on_this_machine
from .processes import is_free

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType

CHECKOUT = Path(__file__).resolve().parent.parent
AIRFLOW_DATABASE = "airflow"
REPORTS_DATABASE = "reports"


@dataclass(frozen=True)
class Plan:
    """What to start; by default, Airflow serves this checkout."""

    folder: Path
    port: int = 8080
    #: The port of the public door; None for none.
    door_port: int | None = None
    bucket: str = "scheduled-reports"
    #: The queue of the mail service's events; None to read none.
    event_queue: str | None = None
    sender: str = "reports@neolith.example"
    checkout: Path = CHECKOUT
    dags: Path | None = None
    users: Mapping[str, str] = field(default_factory=lambda: {"admin": "admin"})
    env: Mapping[str, str] = field(default_factory=dict)
    #: The processes of Airflow, by name, and the arguments of each.
    components: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: COMPONENTS)
    #: Wraps the launch of each component: a test may start it elsewhere.
    place: Callable[[Launch], Launch] = on_this_machine
    #: Changes the DSN that Airflow uses for the reports database: a test may insert a proxy.
    detour: Callable[[str], str] = str
    #: Changes the connection fields that Airflow uses for S3 and SES.
    aws_detour: Callable[[dict[str, Any]], dict[str, Any]] = dict


@dataclass(frozen=True)
class Stack:
    """All running servers; leaving the `with` block stops them."""

    postgres: postgres.Postgres
    aws: aws.Aws
    airflow: airflow.Airflow
    reports_dsn: str
    bucket: str
    #: The address of the public door; empty without one.
    door: str
    exits: ExitStack = field(repr=False)

    @classmethod
    def start(cls, plan: Plan, *, before_airflow: Callable[[str], object] = lambda _: None) -> Stack:
        """Start everything; *before_airflow* gets the DSN of the reports database before any DAG is parsed.

        Call it from a thread that lives as long as the stack: Linux ends a child when the thread that started it ends.
        """
        for port in filter(None, (plan.port, plan.door_port)):
            if not is_free(port):
                raise RuntimeError(f"port {port} on 127.0.0.1 is in use; choose another with PORT=")
        with ExitStack() as exits:
            # Slow starts run in parallel: moto imports while PostgreSQL starts, and Airflow migrates its database
            # and imports its API server while the caller fills the reports database.
            local_aws = aws.begin(plan.folder / "aws")
            exits.callback(local_aws.child.stop)
            server = postgres.start(plan.folder / "postgres" / "data")
            exits.callback(server.stop)
            airflow_dsn, reports_dsn = (_database(server, name) for name in (AIRFLOW_DATABASE, REPORTS_DATABASE))
            starting = airflow.begin(_site(plan, airflow_dsn, _environment(plan, reports_dsn, local_aws)))
            on_failure = exits.enter_context(ExitStack())
            on_failure.callback(starting.stop)
            before_airflow(reports_dsn)
            aws.wait_ready(local_aws)
            local_aws.create_bucket(plan.bucket)
            local_aws.verify_sender(plan.sender)
            if plan.event_queue is not None:
                local_aws.create_queue(plan.event_queue)
            if plan.door_port is not None:
                exits.callback(door.start(plan, plan.door_port, reports_dsn, local_aws).stop)
            running = starting.finish()
            on_failure.pop_all()
            exits.callback(running.stop)
            public = "" if plan.door_port is None else door.address(plan.door_port)
            return cls(server, local_aws, running, reports_dsn, plan.bucket, public, exits.pop_all())

    def stop(self) -> None:
        """Stop everything, Airflow first; safe to call twice."""
        self.exits.close()

    def __enter__(self) -> Stack:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _site(plan: Plan, dsn: str, env: Mapping[str, str]) -> Site:
    return Site(
        folder=plan.folder / "airflow",
        checkout=plan.checkout,
        dsn=dsn,
        port=plan.port,
        dags=plan.dags,
        users=plan.users,
        env={**aws.environment(), **env, **plan.env},
        components=plan.components,
        place=plan.place,
    )


def _environment(plan: Plan, dsn: str, local_aws: aws.Aws) -> dict[str, str]:
    """Variables that name the servers of this stack."""
    queue = plan.event_queue
    events = {} if queue is None else {"SCHEDULED_REPORTS__FEEDBACK_QUEUE": local_aws.queue_url(queue)}
    return {**_connections(plan, dsn, local_aws), **events}


def _connections(plan: Plan, dsn: str, local_aws: aws.Aws) -> dict[str, str]:
    """Airflow's connections as environment variables, in JSON, which needs no quoting."""
    target = urlsplit(plan.detour(dsn))
    reports_db = {
        "conn_type": "postgres",
        "host": target.hostname,
        "port": target.port,
        "schema": target.path.removeprefix("/"),
        "login": target.username,
        "password": target.password,
    }
    found: dict[str, dict[str, Any]] = {
        "REPORTS_DB": reports_db,
        "REPORTS_AWS": plan.aws_detour(local_aws.connection()),
    }
    return {f"AIRFLOW_CONN_{name}": json.dumps(fields) for name, fields in found.items()}


def _database(server: postgres.Postgres, name: str) -> str:
    """Return the DSN of a database; create it if the folder is used for the first time."""
    with psycopg.connect(server.dsn()) as connection:
        known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,)).fetchone()
    return server.dsn(name) if known else server.create_database(name)
