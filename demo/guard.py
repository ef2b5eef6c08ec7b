"""Ends what a killed parent leaves behind: `guard.py` reads process ids on stdin and acts once the pipe closes.

Asked to stop, Airflow's scheduler waits for its running tasks, however long; its workers and tasks ignore or never
get the signal, and tasks lie in process groups of their own.  What holds them together is the session their component
was started in.  So a session is what is ended here, by its leader's id: by `stop()` in the ordinary case, and by the
guard, a process apart, where the parent dies before it could.  It needs Linux's /proc and runs without our package.
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
    """The watching process; it lives as long as there is something to watch."""

    process: subprocess.Popen[bytes]

    @classmethod
    def start(cls, *, grace: float = GRACE) -> Guard:
        """Start a guard that ends what it was told of when this process dies; *grace* seconds to stop by itself."""
        # -I -S: no site-packages, no environment; 10 MB instead of 30 and there at once.
        command = [sys.executable, "-I", "-S", str(Path(__file__).resolve()), str(grace)]
        # Whoever reads our output through a pipe must not wait for the guard too.
        quiet = subprocess.DEVNULL
        return cls(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=quiet, stderr=quiet, start_new_session=True))

    def watch(self, pid: int) -> None:
        """Have the session led by *pid* ended should we die."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{pid}\n".encode())
        self.process.stdin.flush()

    def stop(self) -> None:
        """Dismiss the guard: whatever it watched is not its business any more; safe to call twice."""
        self.process.kill()
        self.process.wait()
        if self.process.stdin is not None:
            self.process.stdin.close()


def members(leader: int) -> list[int]:
    """The processes of the session that *leader* leads or led."""
    pids = (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())
    return [pid for pid in pids if _session(pid) == leader]


def end_session(leader: int) -> None:
    """Kill every process of a session, those it starts meanwhile included."""
    deadline = time.monotonic() + GRACE
    while (pids := members(leader)) and time.monotonic() < deadline:
        for pid in pids:
            _send(pid, signal.SIGKILL)
        time.sleep(0.02)


def main(grace: float) -> None:
    """Wait for the parent's end, then end what it left."""
    # Ctrl-C does not reach this session, but a stray signal must not disarm it either.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    born = {int(line): _born(int(line)) for line in sys.stdin}
    # An id whose process was replaced by another one is not ours any more.
    ours = [pid for pid, moment in born.items() if _born(pid) in (None, moment)]
    for pid in ours:
        _send(pid, signal.SIGTERM)
    deadline = time.monotonic() + grace
    while any(members(pid) for pid in ours) and time.monotonic() < deadline:
        time.sleep(0.1)
    for pid in ours:
        end_session(pid)


def _session(pid: int) -> int | None:
    # A zombie still has a session, and cannot be ended twice.
    state = _stat(pid)
    return int(state[3]) if state and state[0] != "Z" else None


def _born(pid: int) -> str | None:
    state = _stat(pid)
    return state[19] if state else None


def _stat(pid: int) -> list[str] | None:
    """The fields of /proc/PID/stat after the name, which may hold spaces and brackets itself."""
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
