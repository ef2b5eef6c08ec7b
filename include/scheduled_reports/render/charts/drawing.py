"""Draw specifications of Vega-Lite, in one process for all tasks of a machine where there is one.

Vega needs 0.35 s to start, as long as for fifteen charts, and its threads do not survive a fork.  So the process that
tasks are forked from starts this file as a program of its own, and they send it what is to be drawn.  Without it, and
whenever it does not answer, a process draws for itself.
"""

from __future__ import annotations

import json
import os
import socket
import socketserver
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

import vl_convert

Kind = Literal["svg", "png"]
#: The longest request and the longest wait for an answer, in bytes and seconds.
MOST_BYTES, PATIENCE = 64 * 1024 * 1024, 30
#: How often the program looks whether the process that has started it is still there, in seconds.
_PULSE = 1.0
#: The program and its socket; forked processes inherit them.
_program: subprocess.Popen[bytes] | None = None
_address: Path | None = None


def draw(kind: Kind, spec: dict[str, Any], **options: float) -> bytes:
    """Draw *spec*: SVG as UTF-8, or a PNG with the option `scale`."""
    request = json.dumps({"kind": kind, "spec": spec, "options": options}).encode()
    answer = _ask(request) if _address is not None else None
    return _draw(request) if answer is None else answer


def start() -> None:
    """Start the program for this process and those that it forks; it ends with this process."""
    global _program, _address  # noqa: PLW0603 - forked processes have to find it, and no others
    # Only this user may enter a folder that mkdtemp makes.
    _address = Path(tempfile.mkdtemp(prefix="scheduled-reports-charts-"), "socket")
    # By its path, because this process may have found the package where another does not look (`-P`: nor should it).
    command = [sys.executable, "-P", __file__, str(_address), str(os.getpid())]
    _program = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)


def _draw(request: bytes) -> bytes:
    wanted = json.loads(request)
    convert: Any = vl_convert.vegalite_to_svg if wanted["kind"] == "svg" else vl_convert.vegalite_to_png
    drawn = convert(
        wanted["spec"],
        # Nothing is fetched, and numbers and days read the same everywhere.
        allowed_base_urls=[],
        format_locale="en-US",
        time_format_locale="en-GB",
        **wanted["options"],
    )
    return drawn.encode() if isinstance(drawn, str) else drawn


def _ask(request: bytes) -> bytes | None:
    """The program's answer, whose first line is its length; None if it does not answer, or not completely."""
    with suppress(OSError, ValueError), socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(PATIENCE)
        connection.connect(str(_address))
        connection.sendall(request + b"\n")
        with connection.makefile("rb") as file:
            length = int(file.readline(20))
            answer = file.read(length)
        if len(answer) == length:
            return answer
    return None


class _Request(socketserver.StreamRequestHandler):
    timeout = PATIENCE

    def handle(self) -> None:
        """Answer one request; nothing after an error, which the process that asks meets again."""
        request = self.rfile.readline(MOST_BYTES)
        with suppress(ValueError, KeyError, TypeError):
            drawn = _draw(request)
            self.wfile.write(b"%d\n%s" % (len(drawn), drawn))


class _Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True


def _serve(path: Path, parent: int) -> None:
    """Answer requests for as long as the process *parent* lives."""
    with _Server(str(path), _Request) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        while os.getppid() == parent:
            time.sleep(_PULSE)
    for one in (path, path.parent):
        with suppress(OSError):
            one.unlink() if one.is_socket() else one.rmdir()


if __name__ == "__main__":
    _serve(Path(sys.argv[1]), int(sys.argv[2]))
