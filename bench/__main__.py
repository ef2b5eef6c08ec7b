"""`make bench`: compare this project with its peers and limits, within one run; print a table, write results.json.

Takes about twenty minutes. With FULL=1 (a million rows, 10,000 reports, 500 runs at once, growth curves), hours.
One that is interrupted continues after the last finished section, and after the last finished case of the bursts.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import sys
import tempfile
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import audit, bursts, compact, data, fleet, mail, metadata, pdf, queries, runs, upkeep
from .measure import Curve, Line, Sample, as_json, bounded, compared, install
from .resume import Progress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

RESULTS = Path(__file__).with_name("results.json")
SECTIONS = ("data", "queries", "audit", "pdf", "run", "mail", "fleet", "upkeep", "burst")
FACTORY = "dag-factory==1.1.0"


def main() -> int:
    """Measure the chosen sections, print each line, update results.json; other sections keep their figures."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--only", nargs="+", choices=SECTIONS, default=SECTIONS)
    parser.add_argument("--burst", type=int, metavar="RUNS", help="runs due in the same minute (40; with --full 500)")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that no server stays behind
    progress = Progress.of(options.full, options.only, options.burst)
    measured: dict[str, Callable[[bool], Iterator[Line | Curve]]] = {
        "data": _data, "queries": _queries, "audit": _audit, "pdf": _pdf, "run": _run, "mail": _mail, "fleet": _fleet,
        "upkeep": _upkeep,
        "burst": partial(_burst, size=options.burst or (500 if options.full else 40), progress=progress),
    }  # fmt: skip
    print(HEAD)
    for section in options.only:
        is_kept = progress.has(section)
        found = progress.case(section, lambda section=section: _measured(measured[section](options.full)))
        if is_kept:
            print(*(_shown(Line(**line)) for line in found["lines"]), sep="\n", flush=True)
        _keep(section, found["lines"], found["curves"])
    progress.finish()
    return 0


def _measured(found: Iterator[Line | Curve]) -> dict[str, Any]:
    """Measure one section, and print each line as soon as it is there."""
    lines, curves = [], {}
    for one in found:
        if isinstance(one, Curve):
            curves[one.name] = one.points
        else:
            print(_shown(one), flush=True)
            lines.append(as_json(one))
    return {"lines": lines, "curves": curves}


def _keep(section: str, found: list[dict[str, Any]], curves: dict[str, Any]) -> None:
    """Replace the figures of *section* in the file."""
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {"lines": [], "curves": {}}
    others = [one for one in results["lines"] if one["section"] != section]
    lines = [*others, *found]
    kept = {
        "machine": _machine(),
        "lines": sorted(lines, key=lambda one: SECTIONS.index(one["section"])),
        "curves": {**results["curves"], **curves},
    }
    RESULTS.write_text(json.dumps(kept, indent=1) + "\n")


def _data(full: bool) -> Iterator[Line | Curve]:
    with _folder() as name:
        yield from data.lines(Path(name), 1_000_000, repeat=3 if full else 1)
    with _folder() as name:
        yield from compact.lines(Path(name), 1_000_000)
    if full:
        with _folder() as name:
            yield Curve("data", data.growth(Path(name)))


def _queries(full: bool) -> Iterator[Line]:
    messages, audited, repeat = (5_000_000, 1_000_000, 3) if full else (300_000, 100_000, 3)
    with _folder() as name:
        yield from queries.lines(Path(name), messages=messages, audit=audited, repeat=repeat)


def _audit(full: bool) -> Iterator[Line]:
    with _folder() as name:
        yield from audit.lines(Path(name), 300_000, repeat=3 if full else 1)


def _pdf(full: bool) -> Iterator[Line]:
    rows = 4_000 if full else 1_000
    found = pdf.measure(rows)
    ours, peer = (_sample(found[one]) for one in ("ours", "peer"))
    yield compared("pdf", "PDF table", rows, (ours, "one WeasyPrint table", peer), ">= 6" if full else ">= 3")
    if full:
        big = _sample(pdf.measure(50_000, "ours")["ours"])
        yield bounded("pdf", "PDF table", 50_000, big.seconds, "s", "<= 600", note=f"{big.peak_mb} MB at most")


def _run(full: bool) -> Iterator[Line]:
    for one in runs.one_runs(9 if full else 5):
        formats = "one CSV" if one.formats == 1 else f"{one.formats} formats"
        ours, empty = (Sample(seconds=value, cpu=0, peak_mb=0) for value in (one.ours, one.empty))
        wanted = "<= 1.25" if one.formats == 1 else "<= 1.5"
        note = ", ".join(f"{name.split('.')[-1]} {seconds:.2f} s" for name, seconds in one.tasks.items())
        yield compared("run", f"from trigger to mail, {formats}", 1, (ours, "an empty DAG", empty), wanted, note)


def _mail(_: bool) -> Iterator[Line]:
    with _folder() as name:
        yield from mail.lines(Path(name))


def _fleet(full: bool) -> Iterator[Line | Curve]:
    install(fleet.PEERS, FACTORY)
    size = 10_000 if full else 200
    rest = 65 if full else 35
    rows = [fleet.measure("bundle", size, rest=rest)]
    yield from _of_fleet(rows[0])
    peer_size = 1_000 if full else 200
    ours = rows[0] if size == peer_size else fleet.measure("bundle", peer_size, rest=rest)
    peers = [fleet.measure(kind, peer_size, rest=rest) for kind in ("hand", "dag-factory")]
    for peer in peers:
        name = "minimal DAGs by hand" if peer.kind == "hand" else "dag-factory"
        figures = [
            (f"all DAGs there, CPU of the DAG processor beside {name}", ours.cold_cpu, peer.cold_cpu),
            (f"CPU at rest, in % of a core, beside {name}", ours.rest_percent_with_parses, peer.rest_percent),
        ]
        for what, mine, theirs in figures:
            pair = (Sample(seconds=mine, cpu=0, peak_mb=0), name, Sample(seconds=theirs, cpu=0, peak_mb=0))
            yield compared("fleet", what, peer_size, pair, "<= 1.5" if "there" in what else "> 1")
    if full:
        rows += [ours, *peers, *(fleet.measure("bundle", reports, rest=35, edit=False) for reports in (10, 100))]
        smaller = [(kind, 100) for kind in ("file", "hand", "dag-factory")]
        rows += [fleet.measure(kind, reports, rest=35, edit=False) for kind, reports in (*smaller, ("file", 1_000))]
        yield Curve("fleet", [asdict(one) for one in rows])


def _of_fleet(found: fleet.Fleet) -> Iterator[Line]:
    size = found.reports
    yield bounded("fleet", "all DAGs present after a cold start", size, found.all_present, "s", "<= 300")
    yield bounded("fleet", "DAG processing at rest", size, found.rest_percent_with_parses, "% of a core", "<= 5",
                  note=f"{found.rest_percent} % without the hourly parse of everything")  # fmt: skip
    figures = {
        "an edited row live, the slowest of five": found.slowest_edit,
        "a new row live": found.created,
        "an edit right after a creation live": found.edited_after_creation,
        "a removed row at rest": found.removed,
    }
    for what, value in figures.items():
        yield bounded("fleet", what, size, value or 0, "s", "<= 15")
    yield bounded("fleet", "making its DAG when a task starts", size, found.task_start_ms or 0, "ms", "<= 10")
    for name, memory in found.memory.items():
        yield bounded("fleet", f"memory of the {name} with all its processes", size, memory, "MB", "<= 1000")


def _upkeep(full: bool) -> Iterator[Line]:
    for size in (10_000, 100_000) if full else (10_000,):
        found = upkeep.in_a_process(size)
        used = round(found.round_cpu + found.round_postgres, 2)
        yield bounded("upkeep", "one round of upkeep, CPU", size, used, "s", "<= 30" if size > 10_000 else "<= 5",
                      note=f"{found.round_postgres} s of it in PostgreSQL; {found.round_seconds} s in all")  # fmt: skip
        yield bounded("upkeep", "peak memory of a round", size, found.peak_mb, "MB", "<= 400")
        yield bounded("upkeep", "the bundle's comparison", size, found.digests_seconds, "s", "<= 5",
                      note=f"the rows of one of 24 files: {found.file_seconds} s")  # fmt: skip
        yield bounded("upkeep", "the list of all reports", size, found.list_seconds, "s", "<= 5")
    stored = metadata.measure(100_000 if full else 10_000)
    size = int(stored["dags"])
    yield bounded("upkeep", "a DAG in Airflow's database", size, round(stored["bytes"] / 1000, 1), "kB", "<= 20",
                  note=f"CPU of a parse {stored['parse_ms']:.1f} ms, first stored {stored['first_store_ms']:.1f} ms, "
                       f"then {stored['store_ms']:.1f} ms")  # fmt: skip
    yield bounded("upkeep", "the scheduler's question for due DAGs", size, round(stored["due_ms"], 1), "ms", "<= 100")


def _burst(full: bool, *, size: int, progress: Progress) -> Iterator[Line]:
    both = (bursts.CSV, bursts.FIVE)
    found = {kind: bursts.measure(kind, both, size, progress) for kind in ("staged", "compact", "peer")}
    ours = [*found["staged"], *found["compact"]]
    failed, wrong = (sum(getattr(one, name) for one in ours) for name in ("failed", "wrong_mails"))
    yield bounded("burst", "runs due in one minute that failed or were lost", size, failed, "", "<= 0")
    yield bounded("burst", "runs due in one minute not mailed exactly once", size, wrong, "", "<= 0")
    for peer, wanted in (("staged", (2, 3)), ("peer", (1, 1.5))):
        name = "staged ones" if peer == "staged" else "the peer"
        for one, other, bound in zip(found["compact"], found[peer], wanted, strict=True):
            formats = "one CSV" if one.formats == 1 else f"{one.formats} formats"
            yield _throughput(f"compact runs a minute, {formats}, against {name}", one, other, f">= {bound:g}")
    if full:
        (empty,) = bursts.measure("empty", (bursts.CSV,), size, progress)
        what = "throughput, against empty DAGs of the same tasks"
        yield _throughput(what, found["staged"][0], empty, ">= 0.7")


def _throughput(what: str, ours: bursts.Burst, other: bursts.Burst, wanted: str) -> Line:
    note = (
        f"{ours.per_minute} and {other.per_minute} runs a minute, "
        f"{ours.cpu_each:.2f} and {other.cpu_each:.2f} s of CPU for each"
    )
    return bounded("burst", what, ours.runs, ours.per_minute / other.per_minute, "times", wanted, note=note)


def _sample(found: dict[str, Any]) -> Sample:
    return Sample(seconds=found["seconds"], cpu=found["cpu_seconds"], peak_mb=found["peak_mb"])


def _folder() -> tempfile.TemporaryDirectory[str]:
    made = tempfile.TemporaryDirectory(prefix="bench-")
    Path(made.name).chmod(0o755)
    return made


def _machine() -> dict[str, Any]:
    return {"cores": os.cpu_count(), "python": platform.python_version(), "system": platform.system()}


HEAD = f"{'what':<62}{'size':>10}{'ours':>10}  {'peer':<24}{'theirs':>9}{'ratio':>8}  {'wanted':<8}"


def _shown(line: Line) -> str:
    theirs = "" if line.theirs is None else f"{line.theirs:.2f}"
    memory = "" if not line.ours_mb else f"  {line.ours_mb} MB, peer {line.theirs_mb} MB"
    return (
        f"{line.what:<62}{line.size:>10,}{line.ours:>10.2f}  {line.peer or line.unit:<24}{theirs:>9}{line.ratio:>8.2f}"
        f"  {line.wanted:<8}{'' if line.met else ' NOT MET'}{memory}{'  ' + line.note if line.note else ''}"
    )


if __name__ == "__main__":
    sys.exit(main())
