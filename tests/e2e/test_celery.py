"""CeleryExecutor with two workers that share no disk, and the death of one of them.

The scheduler, the DAG processor, the API server and both workers each have a home, a disk and a copy of the code; the
DAGs come from the bundle.  The output of a stage can reach the next one only through S3 and the reports database.
"""

from __future__ import annotations

import pytest

from demo.airflow_home import COMPONENTS
from tests.e2e import faults
from tests.e2e.fault_table import Case, failed, hold
from tests.e2e.machines import CODE
from tests.e2e.spread_scene import SLOTS, WORKERS, spread

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

FIVE = ("pdf", "csv", "json", "excel", "html")
UNKNOWN = {"report": "unknown"}


@pytest.fixture(scope="module")
def running_scene(tmp_path_factory):
    """Start the stack for all tests of this file."""
    with spread(tmp_path_factory.mktemp("celery")) as scene:
        yield scene


@pytest.fixture
def scene(running_scene):
    """Return the scene with both workers running."""
    running_scene.start_workers()
    return running_scene


def left(scene, case, report_id, run_id):
    """Return what a run has left, after it is settled and its notices are sent."""
    scene.ended(report_id, run_id)
    scene.settled(report_id, run_id, case.counted)
    scene.wait(lambda: len(scene.notices(report_id)) >= len(case.told), f"the owner of {report_id} to be told")
    return scene.left(report_id, run_id)


def held_in(scene, report_id, stage):
    """Start a run that is held in a stage; return the fault and the run's id."""
    if stage == "query":
        # Only the connection of the query contains the period, which no other run uses.
        fault = scene.postgres.add("2026-04-20T00:00:00", (b"COPY",), faults.pg_hold, times=1)
        return fault, scene.trigger(report_id, period="2026-04-20/2026-04-26", mail=True)
    kind, act = HOLDS[stage]
    fault = scene.http.add(report_id, kind, act)
    return fault, scene.trigger(report_id)


HOLDS = {
    "render": ("rendered", faults.dropped_before),
    "upload": ("s3", faults.dropped_before),
    "email, before the call": ("ses", faults.dropped_before),
    "email, when SES had accepted": ("ses", faults.dropped_after),
}
#: The held task, and the expected result when its worker dies there.
DEATHS = {
    "query": (("query", -1), Case(name="query", retries=1)),
    "render": (("formats.render", 0), Case(name="render", retries=1)),
    "upload": (("formats.upload", 0), Case(name="upload", retries=1)),
    "email, before the call": (
        ("email", -1),
        failed("before the call", mails=0, ledger=UNKNOWN, reason="mail: report"),
    ),
    "email, when SES had accepted": (
        ("email", -1),
        failed("accepted", ledger=UNKNOWN, reason="mail: report"),
    ),
}


def end_all(scene, held):
    """Release everything that is held."""
    for fault, _ in held.values():
        for one in (scene.http, scene.postgres):
            one.end(fault)


def test_each_machine_sees_its_own_disk_and_its_own_code_and_no_other(scene):
    for name in scene.airflow.children:
        disk = scene.machines.folder / name
        assert scene.view(name, disk / "code") == sorted(CODE)
        assert scene.view(name, disk / "code" / "dags")
        for hidden in scene.machines.hidden_from(name):
            assert scene.view(name, hidden) == [], f"{name} sees {hidden}"


def test_five_formats_of_one_run_are_made_on_both_workers_and_the_report_arrives_once(scene):
    scene.add("spread", FIVE)
    # Held until all five have started: more than one worker has slots for.
    assert len(FIVE) > SLOTS
    fault = scene.http.add("spread", "rendered", faults.held_before, times=len(FIVE))
    run_id = scene.trigger("spread")
    scene.wait(lambda: len(fault.ports) == len(FIVE), "all formats to be under way at once")
    scene.http.end(fault)

    case = Case(name="spread", formats=FIVE)
    hold(left(scene, case, "spread", run_id), case)

    hosts = scene.hosts("spread", run_id)
    assert {hosts["formats.render", number] for number in range(len(FIVE))} == set(WORKERS)


def test_a_worker_that_dies_costs_a_try_of_what_it_did_and_no_report_twice(scene):
    scene.end_worker("worker-2")
    stages = ("query", "render", "upload", "email, before the call")
    ids = {stage: f"dies-in-{number}" for number, stage in enumerate(stages)}
    for report_id in ids.values():
        scene.add(report_id, ("csv",))
    held = {stage: held_in(scene, report_id, stage) for stage, report_id in ids.items()}
    for fault, _ in held.values():
        fault.wait_reached()

    scene.kill_worker("worker-1")
    end_all(scene, held)
    scene.start("worker-2")

    for stage, (_, run_id) in held.items():
        task, case = DEATHS[stage]
        found = left(scene, case, ids[stage], run_id)
        assert scene.tries(ids[stage], run_id, *task) == ["worker-1", "worker-2"]
        hold(found, case)


def test_with_no_worker_left_runs_wait_and_go_on_when_they_are_back(scene):
    ids = {"upload": "gone-in-upload", "email, when SES had accepted": "gone-when-accepted"}
    for report_id in (*ids.values(), "gone-before"):
        scene.add(report_id, ("csv",))
    held = {stage: held_in(scene, report_id, stage) for stage, report_id in ids.items()}
    for fault, _ in held.values():
        fault.wait_reached()
    scene.wait(lambda: scene.mails("gone-when-accepted"), "SES to have the mail")

    for name in WORKERS:
        scene.kill_worker(name)
    end_all(scene, held)
    waiting = scene.trigger("gone-before")
    scene.wait(lambda: scene.task("gone-before", waiting, "query")["state"] == "queued", "the run to wait for a worker")
    scene.start_workers()

    for stage, (_, run_id) in held.items():
        _, case = DEATHS[stage]
        hold(left(scene, case, ids[stage], run_id), case)
    case = Case(name="before")
    hold(left(scene, case, "gone-before", waiting), case)


def test_a_task_that_the_broker_hands_out_twice_is_run_once(scene):
    """With Redis, Celery takes a task for lost if it runs longer than VISIBILITY."""

    def refused():
        return sum(scene.log(name).count("ignoring redelivered message") for name in WORKERS)

    before = refused()
    scene.add("twice", ("csv",))
    fault = scene.http.add("twice", "ses", faults.held_before)
    run_id = scene.trigger("twice")
    fault.wait_reached()
    (other,) = set(WORKERS) - {scene.hosts("twice", run_id)["email", -1]}
    # A worker looks for lost tasks soon after its start, then every hundred seconds.
    scene.end_worker(other)
    scene.start(other)
    scene.wait(lambda: refused() > before, "the broker to hand it out again")
    scene.http.end(fault)

    case = Case(name="twice")
    hold(left(scene, case, "twice", run_id), case)
    assert len(scene.tries("twice", run_id, "email")) == 1


def test_every_component_is_restarted_in_turn_with_runs_in_flight_and_every_report_arrives_once(scene):
    """A rolling upgrade as Airflow sees it; every stage is slow, so that each restart meets runs in several stages."""
    ids = {name: f"rolling-{name}" for name in (*COMPONENTS, *WORKERS)}
    for report_id in ids.values():
        scene.add(report_id, ("csv",))
        for kind in ("queried", "rendered", "s3", "ses"):
            scene.http.add(report_id, kind, faults.slow(1))
    runs = {}
    for name, report_id in ids.items():
        runs[report_id] = scene.trigger(report_id)
        scene.restart(name)

    case = Case(name="rolling")
    for report_id, run_id in runs.items():
        hold(left(scene, case, report_id, run_id), case)


def test_at_the_start_of_a_task_no_worker_has_asked_the_database_for_the_rows(scene):
    """A process that reads the rows keeps a copy: the DAG processor does; a worker makes a DAG from its id alone."""
    kept = {name for name in scene.airflow.children if list(scene.machines.home(name).glob("last-good*"))}

    assert kept == {"dag-processor"}
