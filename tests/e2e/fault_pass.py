"""One pass of the fault suite: its cases in one run mode, on an Airflow of its own."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from tests.e2e import fault_plays_readers  # noqa: F401 - registers its plays
from tests.e2e.fault_plays import PLAYS
from tests.e2e.fault_scene import opened
from tests.e2e.fault_table import write

SIDE_BY_SIDE = 8


@contextmanager
def playing(request, folder, mode):
    """Start the selected cases of the module in a run mode; yield a function that returns what a case has left."""
    items = (item for item in request.session.items if item.module is request.module)
    chosen = [item.callspec.params["case"] for item in items if "played" in item.fixturenames]
    seen = {}
    with opened(folder, mode=mode) as scene:
        for case in chosen:
            scene.add(case.report_id, case.formats)
        threads = ThreadPoolExecutor(SIDE_BY_SIDE)
        # The slowest start first.
        together = sorted((case for case in chosen if not case.alone), key=lambda case: not case.slow)
        futures = {case.name: threads.submit(play, scene, case) for case in together}

        def left(case):
            if case.alone:
                for future in futures.values():
                    future.exception()
            seen[case.name] = play(scene, case) if case.alone else futures[case.name].result()
            return seen[case.name]

        try:
            yield left
        finally:
            threads.shutdown(wait=False, cancel_futures=True)
    write(seen, mode)


def play(scene, case):
    """Play a case; return what it has left, after it is settled and its notices are sent."""
    report_id = case.report_id
    run_id = PLAYS[case.name](scene, report_id)
    if case.airflow != "deleted":
        scene.ended(report_id, run_id)
    scene.settled(report_id, run_id, case.counted)
    scene.wait(lambda: len(scene.notices(report_id)) >= len(case.told), f"the owner of {report_id} to be told")
    scene.wait(lambda: not scene.notes(report_id), f"the note about {report_id} to be used up")
    return scene.left(report_id, run_id)
