"""End the processes that a killed parent leaves: `guard.py` reads process ids on stdin and acts when the pipe closes.

On SIGTERM, Airflow's scheduler waits for its running tasks; workers and tasks ignore the signal or never get it, and
tasks have their own process groups.  They share the session in which their component was started, so whole sessions
are ended, by the id of their leader: usually by `stop()`, and by the guard, a separate process, if the parent dies
first.  It needs Linux's /proc and does not import this package.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

GRACE = 10.0


@dataclass(frozen=True)
class Guard:
    """The guard process; it runs as long as there are sessions to watch."""

    process: subprocess.Popen[bytes]

    @classmethod
    def start(cls, *, grace: float = GRACE) -> Guard:
        """Start a guard for sessions of this process; they get *grace* seconds to stop after this process has died."""
        # -I -S: no site-packages, no environment: 10 MB instead of 30, and a faster start.
        command = [sys.executable, "-I", "-S", str(Path(__file__).resolve()), str(grace)]
        # A program that reads our output through a pipe must not wait for the guard.
        quiet = subprocess.DEVNULL
        return cls(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=quiet, stderr=quiet, start_new_session=True))

    def watch(self, pid: int) -> None:
        """End the session led by *pid* if this process dies."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{pid}\n".encode())
        self.process.stdin.flush()

    def stop(self) -> None:
        """Stop the guard without ending any session; safe to call twice."""
        self.process.kill()
        self.process.wait()
        if self.process.stdin is not None:
            self.process.stdin.close()


def members(leader: int) -> list[int]:
    """List the processes of the session of *leader*, which may have ended."""
    pids = (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())
    return [pid for pid in pids if _session(pid) == leader]


def end_session(leader: int) -> None:
    """Kill every process of a session, including new ones."""
    deadline = time.monotonic() + GRACE
    while (pids := members(leader)) and time.monotonic() < deadline:
        for pid in pids:
            _send(pid, signal.SIGKILL)
        time.sleep(0.02)


def main(grace: float) -> None:
    """Wait until the parent ends, then end its sessions."""
    # Ctrl-C does not reach this session; other signals must not end the guard either.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    born = {int(line): _born(int(line)) for line in sys.stdin}
    # A process id may have been reused by another process.
    ours = [pid for pid, moment in born.items() if _born(pid) in (None, moment)]
    for pid in ours:
        _send(pid, signal.SIGTERM)
    deadline = time.monotonic() + grace
    while any(members(pid) for pid in ours) and time.monotonic() < deadline:
        time.sleep(0.1)
    for pid in ours:
        end_session(pid)


def _session(pid: int) -> int | None:
    # A zombie still has a session, but cannot be ended again.
    state = _stat(pid)
    return int(state[3]) if state and state[0] != "Z" else None


def _born(pid: int) -> str | None:
    state = _stat(pid)
    return state[19] if state else None


def _stat(pid: int) -> list[str] | None:
    """Read the fields of /proc/PID/stat after the name, which may contain spaces and brackets."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None


def _send(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


if __name__ == "__main__":
    main(float(sys.argv[1]))
