"""Charts drawn by one process for all tasks of a machine: the same pictures, and none lost when it is not there."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from include.scheduled_reports.render.charts import drawing

SPEC = {
    "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
    "data": {"values": [{"day": 1, "count": 3}, {"day": 2, "count": 5}]},
    "mark": "bar",
    "encoding": {"x": {"field": "day"}, "y": {"field": "count"}, "tooltip": {"value": "Ä 数"}},
}
KINDS = [("svg", {}), ("png", {"scale": 2})]


@pytest.fixture
def here(monkeypatch):
    """Forget the program after the test."""
    monkeypatch.setattr(drawing, "_address", None)


@pytest.fixture
def program(here, monkeypatch):
    """Start the program, and wait until it listens."""
    monkeypatch.setattr(drawing, "_program", None)
    drawing.start()
    process = drawing._program
    while not drawing._address.is_socket():
        assert process.poll() is None
        time.sleep(0.02)
    yield process
    process.kill()
    process.wait()


def answering(monkeypatch, tmp_path, answer):
    """Put a server that answers with *answer* and hangs up in place of the program."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(tmp_path / "socket"))
    listener.listen()

    def serve():
        connection, _ = listener.accept()
        with connection, connection.makefile("rb") as file:
            file.readline()
            connection.sendall(answer)

    threading.Thread(target=serve, daemon=True).start()
    monkeypatch.setattr(drawing, "_address", tmp_path / "socket")
    return listener


@pytest.mark.parametrize(("kind", "options"), KINDS)
def test_the_picture_is_the_same_whoever_draws_it(program, monkeypatch, kind, options):
    theirs = drawing.draw(kind, SPEC, **options)
    monkeypatch.setattr(drawing, "_address", None)

    assert theirs == drawing.draw(kind, SPEC, **options)


def test_the_process_that_asks_draws_nothing(program, monkeypatch):
    monkeypatch.setattr(drawing, "_draw", lambda _: pytest.fail("it drew"))

    assert drawing.draw("svg", SPEC).startswith(b"<svg")


def test_several_processes_are_answered_at_once(program):
    drawn, threads = [], [threading.Thread(target=lambda: drawn.append(drawing.draw("svg", SPEC))) for _ in range(8)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()

    assert len(drawn) == 8
    assert len(set(drawn)) == 1


def test_nobody_else_may_connect(program):
    assert drawing._address.parent.stat().st_mode & 0o777 == 0o700


def test_what_the_program_cannot_draw_is_an_error_of_the_process_that_asks(program):
    with pytest.raises(ValueError, match="Vega-Lite"):
        drawing.draw("svg", {"mark": {"type": "bar"}, "data": {"url": "https://example.com/rows.json"}})

    assert drawing.draw("svg", SPEC).startswith(b"<svg")


def test_without_the_program_a_process_draws_for_itself(program):
    program.send_signal(signal.SIGKILL)
    program.wait()

    assert drawing.draw("svg", SPEC).startswith(b"<svg")


@pytest.mark.parametrize("answer", [b"", b"9000\n<svg>", b"many\n", b"-1\n<svg>"])
def test_an_answer_that_is_cut_off_is_not_taken_for_the_picture(here, monkeypatch, tmp_path, answer):
    with answering(monkeypatch, tmp_path, answer):
        assert drawing.draw("svg", SPEC).endswith(b"</svg>")


def test_a_program_that_does_not_answer_is_not_waited_for_forever(here, monkeypatch, tmp_path):
    monkeypatch.setattr(drawing, "PATIENCE", 0.1)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "socket"))
        listener.listen()
        monkeypatch.setattr(drawing, "_address", tmp_path / "socket")

        assert drawing.draw("svg", SPEC).startswith(b"<svg")


def test_the_program_ends_with_the_process_that_started_it_and_leaves_nothing():
    code = (
        "from include.scheduled_reports.render.charts import drawing; drawing.start(); "
        "print(drawing._program.pid, drawing._address, flush=True)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=60)
    pid, address = done.stdout.split()

    for _ in range(600):
        if not Path("/proc", pid).exists() and not Path(address).parent.exists():
            return
        time.sleep(0.05)
    pytest.fail("the program is still there")
