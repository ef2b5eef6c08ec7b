"""Measure cases in separate processes, and compare a figure with a peer or a limit."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


@dataclass(frozen=True, kw_only=True)
class Sample:
    """The cost of a case without the start of the interpreter: wall-clock seconds, CPU seconds, peak memory."""

    seconds: float
    cpu: float
    peak_mb: int


@dataclass(frozen=True, kw_only=True)
class Line:
    """A line of the table; *wanted* bounds *ratio*: `>= 8` means times as fast, `<= 1.5` times as long."""

    section: str
    what: str
    size: int
    ours: float
    unit: str
    peer: str
    theirs: float | None
    wanted: str
    ratio: float
    met: bool
    ours_mb: int | None = None
    theirs_mb: int | None = None
    note: str = ""


@dataclass(frozen=True)
class Curve:
    """The growth of a figure with size; drawn by `bench.pictures`."""

    name: str
    points: list[dict[str, Any]]


def compared(
    section: str, what: str, size: int, samples: tuple[Sample, str, Sample], wanted: str, note: str = ""
) -> Line:
    """Compare two samples (ours, name of the peer, the peer's) against the wanted factor."""
    ours, peer, theirs = samples
    faster = theirs.seconds / ours.seconds
    return Line(
        section=section,
        what=what,
        size=size,
        ours=ours.seconds,
        unit="s",
        peer=peer,
        theirs=theirs.seconds,
        wanted=wanted,
        ratio=round(faster if wanted.startswith(">") else 1 / faster, 2),
        met=holds(faster if wanted.startswith(">") else 1 / faster, wanted),
        ours_mb=ours.peak_mb,
        theirs_mb=theirs.peak_mb,
        note=note,
    )


def bounded(section: str, what: str, size: int, value: float, unit: str, wanted: str, note: str = "") -> Line:
    """Compare a figure with a fixed bound."""
    return Line(
        section=section,
        what=what,
        size=size,
        ours=value,
        unit=unit,
        peer="",
        theirs=None,
        wanted=wanted,
        ratio=round(value, 2),
        met=holds(value, wanted),
        note=note,
    )


def holds(value: float, wanted: str) -> bool:
    """Whether *value* keeps the bound: `>= 4`, `<= 1.5`, `> 1`."""
    sign, _, bound = wanted.partition(" ")
    return {">=": value >= float(bound), "<=": value <= float(bound), ">": value > float(bound)}[sign]


def in_a_process(module: str, *arguments: str, repeat: int = 1) -> Sample:
    """Return the median of several runs of `python -m module arguments`, which prints a sample."""
    found = sorted((_once(module, arguments) for _ in range(repeat)), key=lambda one: one.seconds)
    return found[len(found) // 2]


def _once(module: str, arguments: Sequence[str]) -> Sample:
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments], check=False, capture_output=True, text=True, timeout=3600
    )
    if done.returncode:
        raise RuntimeError(f"{module} {' '.join(arguments)}:\n{done.stderr[-4000:]}")
    return Sample(**json.loads(done.stdout.splitlines()[-1]))


def timed(case: Callable[[], object]) -> str:
    """Run *case* and return its cost as JSON."""
    began, used = time.perf_counter(), time.process_time()
    case()
    return json.dumps(
        asdict(
            Sample(
                seconds=round(time.perf_counter() - began, 3),
                cpu=round(time.process_time() - used, 3),
                peak_mb=peak_mb(),
            )
        )
    )


def peak_mb() -> int:
    """Read the peak memory of this process; getrusage would report that of its parent if it was higher."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) // 1024


def as_json(line: Line) -> dict[str, Any]:
    """Convert a line to plain data."""
    return asdict(line)


def cpu_of(process: psutil.Process) -> float:
    """Sum the CPU seconds of a process and of all its child processes, also of those that have ended."""
    times = process.cpu_times()
    total = times.user + times.system + times.children_user + times.children_system
    for child in process.children(recursive=True):
        try:
            own = child.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += own.user + own.system + own.children_user + own.children_system
    return float(total)


def install(folder: Path, *packages: str) -> None:
    """Install a peer's packages beside the environment, not into it; what they need besides has to be there."""
    if not folder.exists():
        uv = str(Path(sys.executable).with_name("uv"))
        python = ("--python", sys.executable)
        subprocess.run([uv, "pip", "install", "--no-deps", *python, "--target", str(folder), *packages], check=True)
