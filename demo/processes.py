"""Child processes that end with this process: each in its own process group, logged to a file, stopped by signal."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import subprocess
import time
from dataclasses import dataclass
from functools import cache
from itertools import cycle
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

PR_SET_PDEATHSIG = 1
# Another process may take a port after we have found it free and before our server listens on it.  To avoid that, the
# ports are below the range that Linux uses for outgoing connections (32768 and up), and each process hands out
# the ports of one slice in turn, chosen by its process id: the workers of a test run have different slices.
FIRST_PORT, PORTS_EACH, SLICES = 12_000, 200, 100


@dataclass(frozen=True)
class Child:
    """A running command and its child processes."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path
    stop_signal: signal.Signals

    @classmethod
    def start(
        cls,
        name: str,
        command: Sequence[str],
        *,
        log: Path,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        stop_signal: signal.Signals = signal.SIGTERM,
    ) -> Child:
        """Start *command*; its output goes to *log*."""
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as output:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=None if env is None else dict(env),
                cwd=cwd,
                start_new_session=True,
                preexec_fn=_die_with_parent,  # noqa: PLW1509 - one prctl call, no lock taken
            )
        return cls(name=name, process=process, log=log, stop_signal=stop_signal)

    def stop(self, *, seconds: float = 15) -> None:
        """Signal the process to stop, then kill what is left of its group; safe to call twice."""
        if self.process.poll() is None:
            _signal_group(self.process.pid, self.stop_signal, group=False)
            try:
                self.process.wait(seconds)
            except subprocess.TimeoutExpired:
                pass
        _signal_group(self.process.pid, signal.SIGKILL, group=True)
        self.process.wait()

    def tail(self, lines: int = 30) -> str:
        """Return the last *lines* of the log, for an error message."""
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        return "\n".join(text.splitlines()[-lines:])


def free_port() -> int:
    """A TCP port on 127.0.0.1 that is free, and that was not returned recently."""
    for _ in range(PORTS_EACH):
        port = next(_ports())
        if is_free(port):
            return port
    raise RuntimeError("no free port on 127.0.0.1; stop some of the processes that listen there")


def is_free(port: int) -> bool:
    """Whether *port* on 127.0.0.1 can be bound."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def wait_until(
    condition: Callable[[], object], *, seconds: float, what: str, alive: Child | None = None, pause: float = 0.2
) -> None:
    """Wait until *condition* holds; TimeoutError after *seconds*, RuntimeError as soon as *alive* has ended."""
    deadline = time.monotonic() + seconds
    while not condition():
        if alive is not None and alive.process.poll() is not None:
            raise RuntimeError(f"{alive.name} ended while waiting for {what}:\n{alive.tail()}")
        if time.monotonic() > deadline:
            log = f":\n{alive.tail()}" if alive else ""
            raise TimeoutError(f"timed out after {seconds:g} s waiting for {what}{log}")
        time.sleep(pause)


@cache
def _ports() -> Iterator[int]:
    """The ports that this process hands out, one after another."""
    first = FIRST_PORT + os.getpid() % SLICES * PORTS_EACH
    return cycle(range(first, first + PORTS_EACH))


def _die_with_parent() -> None:
    """On Linux, end this child when its parent dies, even by SIGKILL; elsewhere only stop() ends it."""
    if os.uname().sysname == "Linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def _signal_group(pid: int, number: signal.Signals, *, group: bool) -> None:
    try:
        if group:
            os.killpg(pid, number)
        else:
            os.kill(pid, number)
    except ProcessLookupError:
        pass
