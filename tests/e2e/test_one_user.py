"""One user costs one user: while a viewer sends all they may, Airflow's own routes answer everybody else."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event, Thread

import pytest
import requests

from tests.e2e.test_api import SCHEDULED

pytestmark = pytest.mark.timeout(300)

REPORT = "demo-report-weekly-activity"
#: As many unknown names as a hostile client would send, nested and not: 830 KB and more.
NAMES = {f"n{number}": 0 for number in range(90_000)}
NESTED = {"emailDelivery": {f"recipient{number}": 0 for number in range(20_000)}}


@contextmanager
def measured(running):
    """Ask Airflow for its version again and again; yields the seconds that each answer took."""
    seconds, over = [], Event()
    session = running.stack.airflow.api("admin").session
    # The first request to a route loads what it needs.
    assert session.get(f"{running.stack.airflow.url}{SCHEDULED}", timeout=60).status_code == 200

    def ask():
        while not over.is_set():
            began = time.monotonic()
            assert session.get(f"{running.stack.airflow.url}/api/v2/version", timeout=60).status_code == 200
            seconds.append(time.monotonic() - began)
            over.wait(0.02)

    thread = Thread(target=ask)
    thread.start()
    try:
        yield seconds
    finally:
        over.set()
        thread.join()


#: So many answers say whether others wait.
ENOUGH = 12


def quick(seconds):
    """Whether the answers came within a second: all but one, which may meet other work of this machine."""
    *within, last = sorted(seconds)
    return len(seconds) >= ENOUGH and within[-1] < 1 and last < 5


@pytest.mark.parametrize("body", [NAMES, NESTED])
def test_a_viewers_large_bodies_cost_nobody_else_anything(running, body):
    viewer = running.stack.airflow.api("viewer").session
    address = f"{running.stack.airflow.url}{SCHEDULED}"

    with measured(running) as seconds, ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(viewer.post, address, json=body, timeout=60) for _ in range(60)]
        codes = {one.result().status_code for one in asked}

    assert codes <= {403, 413}
    assert quick(seconds), seconds


def test_of_sixty_previews_at_once_few_run_and_nobody_else_waits(running):
    viewer = running.stack.airflow.api("viewer").session
    address = f"{running.stack.airflow.url}{SCHEDULED}/{REPORT}/preview?format=pdf"
    adapter = requests.adapters.HTTPAdapter(pool_maxsize=60)
    viewer.mount("http://", adapter)
    # The first chart of a process loads a JavaScript engine, which keeps Python's lock for about a second.
    assert viewer.get(address, timeout=120).status_code == 200

    def preview(_):
        began = time.monotonic()
        answer = viewer.get(address, timeout=120)
        return answer.status_code, time.monotonic() - began

    codes = []
    with measured(running) as seconds, ThreadPoolExecutor(60) as pool:
        while len(seconds) < ENOUGH:  # sixty at once may be answered before as many others are measured
            codes += [code for code, _ in pool.map(preview, range(60))]

    assert set(codes) == {200, 429}
    assert codes.count(429) > len(codes) * 5 / 6
    assert quick(seconds), seconds
