"""Faults on a running Airflow: at most one mail, a correct record, complete files.

A case is a fault with its expected results.  Most cases run in parallel; docs/operate.md lists them in a table.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.e2e.fault_plays import PLAYS
from tests.e2e.fault_scene import opened
from tests.e2e.fault_table import CASES, hold, write

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500)]

SIDE_BY_SIDE = 8


def slug(name):
    """Return the report id of a case."""
    return "-".join("".join(letter if letter.isalnum() else " " for letter in name.lower()).split())


@pytest.fixture(scope="module")
def played(request, tmp_path_factory):
    """Start the selected cases; yield a function that returns what a case has left."""
    chosen = [item.callspec.params["case"] for item in request.session.items if "played" in item.fixturenames]
    seen = {}
    with opened(tmp_path_factory.mktemp("faults")) as scene:
        for case in chosen:
            scene.add(slug(case.name), case.formats)
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
    write(seen)


def play(scene, case):
    """Play a case; return what it has left, after it is settled and its notices are sent."""
    report_id = slug(case.name)
    run_id = PLAYS[case.name](scene, report_id)
    if case.airflow != "deleted":
        scene.ended(report_id, run_id)
    scene.settled(report_id, run_id, case.counted)
    scene.wait(lambda: len(scene.notices(report_id)) >= len(case.told), f"the owner of {report_id} to be told")
    scene.wait(lambda: not scene.notes(report_id), f"the note about {report_id} to be used up")
    return scene.left(report_id, run_id)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_whatever_dies_the_mail_goes_out_at_most_once_and_the_record_is_true(played, case):
    hold(played(case), case)
