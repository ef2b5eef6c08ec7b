"""Run Airflow from this virtual environment: API server, scheduler and DAG processor as separate processes.

`airflow standalone` is not used: it orphans its children when terminated, continues without an API server when the
port is taken, and starts a triggerer that is not needed here.
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
        """Log in as *user* and return the client."""
        return AirflowApi.login(self.url, user, self.passwords[user])

    def restart(self, name: str) -> Airflow:
        """Restart a component; stop it first if it still runs."""
        end(self.children[name])
        since = datetime.now(UTC)
        airflow = self.with_component(name)
        airflow.wait_ready(since)
        return airflow

    def wait_ready(self, since: datetime, *, seconds: float = 120) -> None:
        """Wait until the API answers and scheduler and DAG processor have sent a heartbeat after *since*."""
        wait_until(
            lambda: self._ready(since),
            seconds=seconds,
            what="Airflow to start",
            alive=self.children["api-server"],
        )

    def stop(self) -> None:
        """Stop every component and its child processes; safe to call twice."""
        # The API server is stopped last: tasks that end now still report to it.
        first = [child for name, child in self.children.items() if name != "api-server"]
        with ThreadPoolExecutor() as pool:
            list(pool.map(end, first))
        for child in self.children.values():
            end(child)
        self.guard.stop()

    def with_component(self, name: str) -> Airflow:
        """Start a component; return this Airflow with it."""
        return replace(self, children={**self.children, name: self.start(name, self.components[name])})

    def start(self, name: str, arguments: tuple[str, ...]) -> Child:
        """Start an Airflow command as a child process."""
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
        # Heartbeats, not `status`: Airflow calls a dead component healthy for half a minute.
        return min(_heartbeats(self.url), default=datetime.min.replace(tzinfo=UTC)) >= since


def start(site: Site) -> Airflow:
    """Migrate the database, start every component and wait until it is ready."""
    return begin(site).finish()


@dataclass(frozen=True)
class Starting:
    """An Airflow whose database is being migrated; scheduler and DAG processor do not run yet."""

    airflow: Airflow
    migration: Child

    def finish(self) -> Airflow:
        """Wait for the migration, start scheduler and DAG processor, wait until all are ready."""
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
        """Cancel the start."""
        end(self.migration)
        self.airflow.stop()

    def _wait_migrated(self) -> None:
        wait_until(lambda: self.migration.process.poll() is not None, seconds=120, what="`airflow db migrate`")
        if self.migration.process.returncode:
            raise RuntimeError(f"`airflow db migrate` failed:\n{self.migration.tail()}")


def begin(site: Site) -> Starting:
    """Start the migration and, because both import for seconds, the API server at the same time."""
    if not is_free(site.port):
        raise RuntimeError(f"port {site.port} on 127.0.0.1 is in use; choose another with PORT=")
    for name in ("home", "tmp", "cache", "logs"):
        (site.folder / name).mkdir(parents=True, exist_ok=True)
    env, users = environment(site), passwords(site)
    airflow = Airflow(site.url, env, users, {}, Guard.start(), site.folder, site.components, site.place)
    migration = airflow.start("db-migrate", ("db", "migrate"))
    return Starting(airflow.with_component("api-server"), migration)


def end(child: Child) -> None:
    """Stop a component and its child processes."""
    child.stop(seconds=8)
    # Tasks run in their own process groups and outlive that of their scheduler.
    end_session(child.process.pid)


def _heartbeats(url: str) -> list[datetime]:
    """Return the last heartbeats of scheduler and DAG processor; empty while the API or one of them is down."""
    try:
        with requests.Session() as session:
            session.trust_env = False
            health = session.get(f"{url}/api/v2/monitor/health", timeout=5).json()
        return [
            datetime.fromisoformat(health[part][f"latest_{part}_heartbeat"]) for part in ("scheduler", "dag_processor")
        ]
    except (requests.RequestException, ValueError, KeyError, TypeError):
        return []
