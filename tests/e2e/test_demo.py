"""The README's first command, in a fresh clone and without any of our environment variables."""

import os
import signal
import subprocess
from pathlib import Path

import psutil
import pytest

from demo.processes import free_port, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500)]

CHECKOUT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    """Clone the committed state."""
    folder = tmp_path_factory.mktemp("clone") / "scheduled-reports"
    subprocess.run(["git", "clone", "--quiet", str(CHECKOUT), str(folder)], check=True)
    return folder


def environment():
    return {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "SCHEDULED_REPORTS"))}


def left_running(folder):
    """Return processes with the clone in their command line or as their working directory."""
    found = []
    for process in psutil.process_iter():
        try:
            if str(folder) in " ".join(process.cmdline()) or process.cwd().startswith(str(folder)):
                found.append((process.pid, process.cmdline()))
        except psutil.Error:
            continue
    return found


def test_make_demo_once_delivers_one_report_and_leaves_no_process(clone):
    done = subprocess.run(
        ["make", "demo", "ONCE=1", f"PORT={free_port()}"],
        cwd=clone,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )

    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    assert "delivered and checked" in done.stdout
    assert left_running(clone) == []
    # It wrote only to paths that git ignores.
    assert subprocess.run(["git", "status", "--short"], cwd=clone, capture_output=True, check=True).stdout == b""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_demo_that_is_stopped_leaves_no_process(clone, number, tmp_path):
    output = tmp_path / "output"
    with output.open("wb") as file:
        demo = subprocess.Popen(
            [clone / ".venv/bin/python", "-m", "demo", "--port", str(free_port())],
            cwd=clone,
            env=environment(),
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    try:
        wait_until(
            lambda: b"Ctrl-C stops everything" in output.read_bytes() or demo.poll() is not None,
            seconds=300,
            what="the demo to be up",
        )
        assert demo.poll() is None, output.read_text()
    finally:
        demo.send_signal(number)
        demo.wait(60)

    wait_until(lambda: left_running(clone) == [], seconds=30, what=f"every process to be gone: {left_running(clone)}")


def test_a_port_in_use_is_named_before_anything_is_started(clone):
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = subprocess.run(
            [clone / ".venv/bin/python", "-m", "demo", "--port", str(port), "--once"],
            cwd=clone,
            env=environment(),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    assert done.returncode == 1
    assert f"port {port} on 127.0.0.1 is in use" in done.stderr
