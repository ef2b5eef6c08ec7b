"""As on KubernetesExecutor: each task in a separate pod, on an empty disk that is deleted afterwards."""

from __future__ import annotations

from pathlib import Path

import pytest

from demo.airflow_home import COMPONENTS
from tests.e2e import faults, pods
from tests.e2e.fault_scene import opened
from tests.e2e.fault_table import Case, hold
from tests.e2e.machines import Machines
from tests.e2e.spread_scene import ON_S3, SpreadScene

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

FIVE = ("pdf", "csv", "json", "excel", "html")
#: query, render and upload of each format, email, record.
TASKS = 1 + 2 * len(FIVE) + 2


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pods")
    machines = Machines.make(folder / "machines", COMPONENTS, with_module=Path(pods.__file__))
    env = {**ON_S3, "AIRFLOW__CORE__EXECUTOR": "pods.PodExecutor"}
    with opened(folder, make=SpreadScene, env=env, components=COMPONENTS, place=machines.place) as found:
        found.machines = machines
        found.make_staging()
        yield found


def test_every_task_finds_what_it_needs_in_a_pod_that_has_nothing_also_after_one_was_killed(scene):
    scene.add("pods", FIVE)
    fault = scene.http.add("pods", "s3", faults.dropped_before, times=1)
    run_id = scene.trigger("pods")
    fault.wait_reached()
    before = set(scene.hosts("pods", run_id).values())
    fault.kill()
    scene.http.end(fault)
    scene.ended("pods", run_id)
    scene.settled("pods", run_id, "success")

    hold(scene.left("pods", run_id), Case(name="pods", formats=FIVE, retries=1))
    hosts = scene.hosts("pods", run_id)
    assert len(hosts) == len(set(hosts.values())) == TASKS
    assert all(host.startswith("pod-") for host in hosts.values())
    assert len(before - {"", None, *hosts.values()}) == 1  # the pod that was killed


def test_nothing_of_the_pods_is_left_on_the_disk(scene):
    disk = scene.machines.folder / "scheduler"

    assert not [path for path in (disk / "home").rglob("*") if "dag_id=scheduled_report" in str(path)]
    assert not [path for path in (disk / "tmp").rglob("*") if path.is_file()]
