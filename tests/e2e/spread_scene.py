"""The whole on CeleryExecutor: a broker, two workers, staging in S3, and every component on a machine of its own."""

from __future__ import annotations

import json
from contextlib import contextmanager, suppress
from pathlib import Path

import redis

from demo.airflow import end
from demo.airflow_home import COMPONENTS
from demo.guard import end_session
from demo.processes import Child, free_port, wait_until
from tests.e2e.fault_scene import PATIENCE, Scene, opened
from tests.e2e.faults import STAGING
from tests.e2e.machines import Machines
from tests.e2e.test_many_reports import BUNDLES

WORKERS = ("worker-1", "worker-2")
#: How many tasks a worker runs at once.
SLOTS = 4
#: After this many seconds a worker that looks for lost tasks takes one for lost: far too short, as operate.md says.
VISIBILITY = 5
ON_S3 = {"SCHEDULED_REPORTS__STAGING": f"s3://{STAGING}/runs"}
SPREAD = COMPONENTS | dict.fromkeys(WORKERS, ("celery", "worker", "--skip-serve-logs"))


class SpreadScene(Scene):
    """A scene whose workers come and go, and whose staging is a bucket."""

    machines: Machines

    def make_staging(self):
        """Make the bucket of staging."""
        self.running.stack.aws.create_bucket(STAGING)

    @property
    def airflow(self):
        """The Airflow as it runs now."""
        return self.running.stack.airflow

    def start_workers(self):
        """Have both workers run."""
        for name in WORKERS:
            if self.airflow.children[name].process.poll() is not None:
                self.start(name)

    def start(self, name):
        """Start a worker (again)."""
        self._become(self.airflow.with_component(name))

    def end_worker(self, name):
        """Have a worker finish what it does, and end."""
        end(self.airflow.children[name])

    def kill_worker(self, name):
        """The machine of a worker dies, with all that runs on it."""
        end_session(self.airflow.children[name].process.pid)
        self.airflow.children[name].process.wait()

    def view(self, name, path):
        """The names in a folder as a component sees it on its machine."""
        root = Path(f"/proc/{self.airflow.children[name].process.pid}/root")
        return sorted(one.name for one in (root / str(path).lstrip("/")).iterdir())

    def log(self, name):
        """What a component has said."""
        return self.airflow.children[name].log.read_text()

    def restart(self, name):
        """Start a component again, as a rolling upgrade does: it ends what it does, and is waited for."""
        self.airflow.children[name].stop(seconds=PATIENCE)
        self._become(self.airflow.restart(name))

    def hosts(self, report_id, run_id):
        """On which machine each task has run, by task and part; where it was tried again, on which at last."""
        found = self.api.task_instances(f"scheduled_report_{report_id}", run_id)
        return {(one["task_id"], one["map_index"]): one["hostname"] for one in found}

    def tries(self, report_id, run_id, task_id, map_index=-1):
        """The machines of all tries of a task, in order."""
        part = "" if map_index < 0 else f"/{map_index}"
        tries = self.api.get(self.path(report_id, run_id, f"/taskInstances/{task_id}{part}/tries"))["task_instances"]
        return [one["hostname"] for one in sorted(tries, key=lambda one: one["try_number"])]

    def staged(self, report_id, run_id):  # noqa: ARG002 - a report of this suite has one run
        """Whether something of a run is left on staging."""
        # What pyarrow leaves of a folder that it has emptied is a key that ends like one.
        return any(not key.endswith("/") for key in self.running.stack.aws.keys(STAGING, f"runs/{report_id}/"))

    def notes(self, report_id):
        """The notes on staging that its runs could not be recorded."""
        return list(self.running.stack.aws.keys(STAGING, f"runs/.unrecorded/{report_id}."))

    def _become(self, airflow):
        object.__setattr__(self.running.stack, "airflow", airflow)


@contextmanager
def spread(folder: Path):
    """The whole, for as long as the block lasts."""
    machines = Machines.make(folder / "machines", SPREAD)
    broker, url = start_broker(folder / "broker")
    env = {
        "AIRFLOW__CORE__EXECUTOR": "CeleryExecutor",
        "AIRFLOW__CORE__PARALLELISM": "16",
        # Every machine writes the files of the bundle anew, below its own TMPDIR.
        "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST": json.dumps(BUNDLES),
        "AIRFLOW__CELERY__BROKER_URL": url,
        "AIRFLOW__CELERY__WORKER_CONCURRENCY": str(SLOTS),
        "AIRFLOW__CELERY__SYNC_PARALLELISM": "1",
        "AIRFLOW__CELERY_BROKER_TRANSPORT_OPTIONS__VISIBILITY_TIMEOUT": str(VISIBILITY),
        **ON_S3,
    }
    try:
        with opened(folder, make=SpreadScene, env=env, components=SPREAD, place=machines.place) as scene:
            scene.machines = machines
            scene.make_staging()
            try:
                yield scene
            finally:
                scene.airflow.stop()
    finally:
        broker.stop()


def start_broker(folder):
    """Debian's Redis on a free port of 127.0.0.1; nothing is kept."""
    folder.mkdir()
    port = free_port()
    command = ["redis-server", "--bind", "127.0.0.1", "--port", str(port), "--dir", str(folder), "--save", ""]
    child = Child.start("redis", command, log=folder / "redis.log")
    wait_until(lambda: _answers(port), seconds=30, what="Redis to answer", alive=child)
    return child, f"redis://127.0.0.1:{port}/0"


def _answers(port):
    with suppress(redis.ConnectionError), redis.Redis(port=port) as client:
        return client.ping()
    return False
