"""A stack on CeleryExecutor: a broker, two workers, staging in S3, and a separate machine for each component."""

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
#: The visibility time-out: after so many seconds a worker takes an unfinished task for lost.  Far too short for
#: production, as operate.md explains.
VISIBILITY = 5
ON_S3 = {"SCHEDULED_REPORTS__STAGING": f"s3://{STAGING}/runs"}
SPREAD = COMPONENTS | dict.fromkeys(WORKERS, ("celery", "worker", "--skip-serve-logs"))


class SpreadScene(Scene):
    """A scene with workers that can be stopped and started, and with staging in a bucket."""

    machines: Machines

    def make_staging(self):
        """Make the staging bucket."""
        self.running.stack.aws.create_bucket(STAGING)

    @property
    def airflow(self):
        """Return the current Airflow process group."""
        return self.running.stack.airflow

    def start_workers(self):
        """Start the workers that are not running."""
        for name in WORKERS:
            if self.airflow.children[name].process.poll() is not None:
                self.start(name)

    def start(self, name):
        """Start a worker, or restart it."""
        self._become(self.airflow.with_component(name))

    def end_worker(self, name):
        """Let a worker finish its tasks and exit."""
        end(self.airflow.children[name])

    def kill_worker(self, name):
        """Kill a worker's machine with all its processes."""
        end_session(self.airflow.children[name].process.pid)
        self.airflow.children[name].process.wait()

    def view(self, name, path):
        """Return the names in a folder as a component sees it on its machine."""
        root = Path(f"/proc/{self.airflow.children[name].process.pid}/root")
        return sorted(one.name for one in (root / str(path).lstrip("/")).iterdir())

    def log(self, name):
        """Return the log of a component."""
        return self.airflow.children[name].log.read_text()

    def restart(self, name):
        """Restart a component as in a rolling upgrade: wait until it has finished its work."""
        self.airflow.children[name].stop(seconds=PATIENCE)
        self._become(self.airflow.restart(name))

    def hosts(self, report_id, run_id):
        """Return the machine that each task ran on, by task and map index; after retries, the last one."""
        found = self.api.task_instances(f"scheduled_report_{report_id}", run_id)
        return {(one["task_id"], one["map_index"]): one["hostname"] for one in found}

    def tries(self, report_id, run_id, task_id, map_index=-1):
        """Return the machines of all tries of a task, in order."""
        part = "" if map_index < 0 else f"/{map_index}"
        tries = self.api.get(self.path(report_id, run_id, f"/taskInstances/{task_id}{part}/tries"))["task_instances"]
        return [one["hostname"] for one in sorted(tries, key=lambda one: one["try_number"])]

    def staged(self, report_id, run_id):  # noqa: ARG002 - a report of this suite has one run
        """Return whether files of a run are left on staging."""
        # For an emptied folder, pyarrow leaves a key that ends with a slash.
        return any(not key.endswith("/") for key in self.running.stack.aws.keys(STAGING, f"runs/{report_id}/"))

    def notes(self, report_id):
        """Return the notes on staging about runs that could not be recorded."""
        return list(self.running.stack.aws.keys(STAGING, f"runs/.unrecorded/{report_id}."))

    def _become(self, airflow):
        object.__setattr__(self.running.stack, "airflow", airflow)


@contextmanager
def spread(folder: Path):
    """Start the stack for the duration of the block."""
    machines = Machines.make(folder / "machines", SPREAD)
    broker, url = start_broker(folder / "broker")
    env = {
        "AIRFLOW__CORE__EXECUTOR": "CeleryExecutor",
        "AIRFLOW__CORE__PARALLELISM": "16",
        # Every machine writes the bundle's files itself, below its TMPDIR.
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
    """Start Debian's Redis on a free port of 127.0.0.1, without persistence."""
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
