"""Airflow from this virtual environment: API server, scheduler and DAG processor as processes of their own.

Not `airflow standalone`: it orphans its children when it is terminated, goes on without an API server when the port
is taken, and starts a triggerer nobody here needs.
"""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import requests

from .airflow_api import AirflowApi
from .airflow_home import COMPONENTS, Launch, Site, environment, on_this_machine, passwords
from .guard import Guard, end_session
from .processes import Child, is_free, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path


@dataclass(frozen=True)
class Airflow:
    """A running Airflow."""

    url: str
    env: Mapping[str, str] = field(repr=False)
    passwords: Mapping[str, str] = field(repr=False)
    children: Mapping[str, Child]
    guard: Guard
    folder: Path
    components: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: COMPONENTS)
    place: Callable[[Launch], Launch] = on_this_machine

    def api(self, user: str = "admin") -> AirflowApi:
        """A client that is logged in as *user*."""
        return AirflowApi.login(self.url, user, self.passwords[user])

    def restart(self, name: str) -> Airflow:
        """Start a component again, ending it first where it still runs."""
        end(self.children[name])
        since = datetime.now(UTC)
        airflow = self.with_component(name)
        airflow.wait_ready(since)
        return airflow

    def wait_ready(self, since: datetime, *, seconds: float = 120) -> None:
        """Wait until the API answers and scheduler and DAG processor have reported after *since*."""
        wait_until(
            lambda: self._ready(since), seconds=seconds, what="Airflow to be ready", alive=self.children["api-server"]
        )

    def stop(self) -> None:
        """Stop every component and whatever it started; safe to call twice."""
        # The API server last: a task that ends now still reports to it.
        first = [child for name, child in self.children.items() if name != "api-server"]
        with ThreadPoolExecutor() as pool:
            list(pool.map(end, first))
        for child in self.children.values():
            end(child)
        self.guard.stop()

    def with_component(self, name: str) -> Airflow:
        """The same Airflow with one component (again) started."""
        return replace(self, children={**self.children, name: self.start(name, self.components[name])})

    def start(self, name: str, arguments: tuple[str, ...]) -> Child:
        """Run one of Airflow's commands."""
        command = [sys.executable, "-P", "-m", "airflow", *arguments]
        launch = self.place(Launch(name, command, self.env, self.folder))
        log = self.folder / "logs" / f"{name}.log"
        child = Child.start(name, launch.command, log=log, env=launch.env, cwd=launch.folder)
        self.guard.watch(child.process.pid)
        return child

    def _ready(self, since: datetime) -> bool:
        for child in self.children.values():
            if child.process.poll() is not None:
                raise RuntimeError(f"Airflow's {child.name} ended:\n{child.tail()}")
        # Not the `status` beside it: a dead component is called healthy for half a minute.
        return min(_heartbeats(self.url), default=datetime.min.replace(tzinfo=UTC)) >= since


def start(site: Site) -> Airflow:
    """Migrate the database, start every component and wait until it is ready."""
    return begin(site).finish()


@dataclass(frozen=True)
class Starting:
    """An Airflow whose database is being migrated; nothing schedules or parses a DAG yet."""

    airflow: Airflow
    migration: Child

    def finish(self) -> Airflow:
        """Wait for the migration, start scheduler and DAG processor, wait until all is ready."""
        airflow = self.airflow
        since = datetime.now(UTC)
        try:
            self._wait_migrated()
            for name in airflow.components:
                if name not in airflow.children:
                    airflow = airflow.with_component(name)
            airflow.wait_ready(since)
        except BaseException:
            end(self.migration)
            airflow.stop()
            raise
        return airflow

    def stop(self) -> None:
        """Give up the start."""
        end(self.migration)
        self.airflow.stop()

    def _wait_migrated(self) -> None:
        wait_until(lambda: self.migration.process.poll() is not None, seconds=120, what="`airflow db migrate`")
        if self.migration.process.returncode:
            raise RuntimeError(f"`airflow db migrate` failed:\n{self.migration.tail()}")


def begin(site: Site) -> Starting:
    """Start the migration and, since it spends its first seconds importing, the API server beside it."""
    if not is_free(site.port):
        raise RuntimeError(f"port {site.port} on 127.0.0.1 is in use; choose another one with PORT=")
    for name in ("home", "tmp", "cache", "logs"):
        (site.folder / name).mkdir(parents=True, exist_ok=True)
    env, users = environment(site), passwords(site)
    airflow = Airflow(site.url, env, users, {}, Guard.start(), site.folder, site.components, site.place)
    migration = airflow.start("db-migrate", ("db", "migrate"))
    return Starting(airflow.with_component("api-server"), migration)


def end(child: Child) -> None:
    """Stop a component and all that it has started."""
    child.stop(seconds=8)
    # Tasks are in process groups of their own and outlive the group of their scheduler.
    end_session(child.process.pid)


def _heartbeats(url: str) -> list[datetime]:
    """When scheduler and DAG processor last reported; nothing while the API or one of them is not there."""
    try:
        with requests.Session() as session:
            session.trust_env = False
            health = session.get(f"{url}/api/v2/monitor/health", timeout=5).json()
        return [
            datetime.fromisoformat(health[part][f"latest_{part}_heartbeat"]) for part in ("scheduler", "dag_processor")
        ]
    except (requests.RequestException, ValueError, KeyError, TypeError):
        return []
