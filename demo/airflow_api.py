"""A small client of Airflow's REST API, for the demo and the tests."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import requests

from .processes import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ENDED = ("success", "failed")
PAGE = 100  # more than [api] maximum_page_limit is silently cut


class ApiError(RuntimeError):
    """An answer that is not a success."""

    def __init__(self, method: str, path: str, response: requests.Response) -> None:
        super().__init__(f"{method} {path}: {response.status_code} {response.text[:2000]}")
        self.status = response.status_code
        self.body = response.text


@dataclass(frozen=True)
class AirflowApi:
    """One logged-in user."""

    url: str
    session: requests.Session = field(repr=False)

    @classmethod
    def login(cls, url: str, user: str, password: str) -> AirflowApi:
        """Exchange user and password for a token."""
        session = requests.Session()
        session.trust_env = False  # no proxy and no ~/.netrc on the way to loopback
        response = session.post(f"{url}/auth/token", json={"username": user, "password": password}, timeout=30)
        if not response.ok:
            raise ApiError("POST", "/auth/token", response)
        session.headers["Authorization"] = f"Bearer {response.json()['access_token']}"
        return cls(url, session)

    def request(
        self, method: str, path: str, *, body: Any = None, params: Mapping[str, Any] | None = None, accept: str = "*/*"
    ) -> requests.Response:
        """Send a request to a path below the server's root; ApiError unless it succeeds."""
        response = self.session.request(
            method, f"{self.url}{path}", json=body, params=params, timeout=60, headers={"Accept": accept}
        )
        if not response.ok:
            raise ApiError(method, path, response)
        return response

    def get(self, path: str, **params: Any) -> Any:
        """The JSON at a path of the public API, as in ``get("/dags", limit=10)``."""
        return self.request("GET", f"/api/v2{path}", params=params).json()

    def post(self, path: str, body: Any) -> Any:
        """Post JSON and return the JSON answer."""
        return self.request("POST", f"/api/v2{path}", body=body).json()

    def patch(self, path: str, body: Any) -> Any:
        """Patch with JSON and return the JSON answer."""
        return self.request("PATCH", f"/api/v2{path}", body=body).json()

    def items(self, path: str, key: str, **params: Any) -> Iterator[dict[str, Any]]:
        """Every item of a listing, page by page."""
        offset = 0
        while page := self.get(path, **params, limit=PAGE, offset=offset)[key]:
            yield from page
            offset += len(page)

    def has_dag(self, dag_id: str) -> bool:
        """Whether the DAG exists and was parsed without errors."""
        try:
            dag = self.get(f"/dags/{quote(dag_id, safe='')}")
        except ApiError as error:
            if error.status == requests.codes.not_found:
                return False
            raise
        return not dag["is_stale"] and not dag["has_import_errors"]

    def wait_for_dag(self, dag_id: str, *, seconds: float = 60) -> None:
        """Wait until a DAG can be triggered; after a timeout, name the import errors."""
        try:
            wait_until(lambda: self.has_dag(dag_id), seconds=seconds, what=f"the DAG {dag_id}", pause=0.3)
        except TimeoutError as error:
            traces = "\n".join(item["stack_trace"] for item in self.items("/importErrors", "import_errors"))
            raise TimeoutError(f"{error}\n{traces}") from None

    def trigger(self, dag_id: str, conf: Mapping[str, Any] | None = None, **fields: Any) -> str:
        """Start a manual run and return its id."""
        # With a logical date, the run would take the place of the scheduled run of that moment.
        body = {"logical_date": None, "conf": dict(conf or {}), **fields}
        return str(self.post(f"/dags/{quote(dag_id, safe='')}/dagRuns", body)["dag_run_id"])

    def run(self, dag_id: str, run_id: str) -> dict[str, Any]:
        """One run as it is now."""
        found: dict[str, Any] = self.get(_run(dag_id, run_id))
        return found

    def wait_for_run(self, dag_id: str, run_id: str, *, seconds: float = 180) -> dict[str, Any]:
        """Wait until a run succeeds or fails; after a timeout, name the states of its tasks."""
        try:
            wait_until(
                lambda: self.run(dag_id, run_id)["state"] in ENDED,
                seconds=seconds,
                what=f"{dag_id} {run_id}",
                pause=0.3,
            )
        except TimeoutError as error:
            states = {_label(task): task["state"] for task in self.task_instances(dag_id, run_id)}
            raise TimeoutError(f"{error}\n{states}") from None
        return self.run(dag_id, run_id)

    def task_instances(self, dag_id: str, run_id: str) -> list[dict[str, Any]]:
        """List every task instance of a run, mapped ones individually."""
        return list(self.items(f"{_run(dag_id, run_id)}/taskInstances", "task_instances"))

    def task_log(self, dag_id: str, run_id: str, task_id: str, *, try_number: int = 1, map_index: int = -1) -> str:
        """Return the log of one try, one JSON object per line."""
        path = f"/api/v2{_run(dag_id, run_id)}/taskInstances/{quote(task_id, safe='')}/logs/{try_number}"
        return self.request(
            "GET", path, params={"map_index": map_index, "full_content": True}, accept="application/x-ndjson"
        ).text

    def failures(self, dag_id: str, run_id: str, *, lines: int = 40) -> str:
        """Return the end of the log of every failed task."""
        failed = [task for task in self.task_instances(dag_id, run_id) if task["state"] == "failed"]
        return "\n\n".join(f"{_label(task)}\n{self._tail(dag_id, run_id, task, lines)}" for task in failed)

    def _tail(self, dag_id: str, run_id: str, task: Mapping[str, Any], lines: int) -> str:
        log = self.task_log(dag_id, run_id, task["task_id"], try_number=task["try_number"], map_index=task["map_index"])
        return "\n".join(log.splitlines()[-lines:])


def _run(dag_id: str, run_id: str) -> str:
    return f"/dags/{quote(dag_id, safe='')}/dagRuns/{quote(run_id, safe='')}"


def _label(task: Mapping[str, Any]) -> str:
    return task["task_id"] if task["map_index"] < 0 else f"{task['task_id']}[{task['map_index']}]"
