"""Benchmark many runs that are due in the same minute: staged, compact, the peer's DAGs, and empty DAGs.

The cases of one kind share an Airflow; each is a new schedule of all reports. Throughput is from the start of the
first task to the end of the last. Emails are counted where they arrive, by their subjects, which name the report.
"""

from __future__ import annotations

import argparse
import json
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import psycopg

from demo.__main__ import SENDER, plan
from demo.processes import free_port, wait_until
from demo.stack import AIRFLOW_DATABASE, CHECKOUT, Stack
from include.scheduled_reports.sample_data.seed import seed

from . import peer
from .measure import cpu_of, install
from .runs import EMPTY, FIVE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .resume import Progress

CSV = ("csv",)
#: The Airflow of each kind of runs, and what its DAGs are called.
KINDS = {
    "staged": ("staged", "scheduled\\_report\\_%"),
    "compact": ("compact", "scheduled\\_report\\_%"),
    "peer": ("peer", "peer\\_%"),
    "empty": ("staged", "burst\\_%"),
}
QUERY_POOL, RENDER_POOL, SLOTS = "bench_query", "bench_render", 4
#: A schedule that is not due during a benchmark.
NEVER = "0 4 1 1 *"
#: The time in which Airflow parses the DAGs of a case: a part for all, and one for each.
LEAD, LEAD_EACH = timedelta(seconds=12), timedelta(seconds=0.08)


@dataclass(frozen=True, kw_only=True)
class Burst:
    """Runs that were due in the same minute."""

    kind: str
    formats: int
    runs: int
    #: Runs that failed, never were, or are not recorded as successful.
    failed: int
    #: Runs whose email was not sent exactly once.
    wrong_mails: int
    minutes: float
    per_minute: float
    #: CPU seconds of a run, in all processes of Airflow; not in those of PostgreSQL, S3 and SES.
    cpu_each: float
    #: By who used them: the tasks, the processes that wait for them, the scheduler, the API server.
    cpu_parts: dict[str, float]


def measure(kind: str, cases: Sequence[tuple[str, ...]], runs: int, progress: Progress) -> list[Burst]:
    """Measure *runs* runs with each of *cases*, one after the other in one Airflow; finished ones are not repeated."""
    found = []
    with ExitStack() as exits:
        running: Stack | None = None
        for formats in cases:
            name = f"{runs} {kind} {len(formats)}"
            if not progress.has(name) and running is None:
                running = exits.enter_context(_airflow(kind, runs))
            found.append(Burst(**progress.case(name, lambda: asdict(_burst(running, kind, formats, runs)))))  # noqa: B023
    return found


def _burst(stack: Stack, kind: str, formats: tuple[str, ...], runs: int) -> Burst:
    dsn, pattern = stack.postgres.dsn(AIRFLOW_DATABASE), KINDS[kind][1]
    due = _make_due(stack, kind, formats, runs)
    wait_until(lambda: datetime.now(UTC) >= due, seconds=600, what="the minute", pause=0.1)
    before = _cpu(stack)
    ended = f"SELECT count(*) FROM dag_run {OF_BURST} AND r.state = ANY (%s)"

    def count(*states: str) -> int:
        return int(_rows(dsn, ended, pattern, due, list(states))[0][0])

    wait_until(lambda: count("success", "failed") >= runs, seconds=400 + 10 * runs, what="every run", pause=1.0)
    used = {name: (seconds - before[name]) / runs for name, seconds in _cpu(stack).items()}
    first, last = _rows(dsn, f"SELECT min(t.start_date), max(t.end_date) FROM dag_run {WITH_TASKS}", pattern, due)[0]
    minutes = (last - first).total_seconds() / 60
    good = count("success")
    if kind in {"staged", "compact"}:
        recorded = "SELECT count(*) FROM reporting.runs WHERE scheduled_for = %s AND state = 'success'"
        good = min(good, int(_rows(stack.reports_dsn, recorded, due)[0][0]))
    return Burst(
        kind=kind,
        formats=len(formats),
        runs=runs,
        failed=runs - good,
        wrong_mails=0 if kind == "empty" else _wrong_mails(stack),
        minutes=round(minutes, 2),
        per_minute=round(runs / minutes, 1),
        cpu_each=round(sum(used.values()), 2),
        cpu_parts={name: round(seconds, 3) for name, seconds in used.items()},
    )


def _cpu(stack: Stack) -> dict[str, float]:
    """The CPU seconds so far of the parts of Airflow that work for a run."""
    scheduler, server = (
        psutil.Process(stack.airflow.children[name].process.pid) for name in ("scheduler", "api-server")
    )
    workers = [worker.cpu_times() for worker in scheduler.children()]
    own = sum(scheduler.cpu_times()[:2])
    waiting = sum(times.user + times.system for times in workers)
    return {
        "tasks": cpu_of(scheduler) - own - waiting,
        "their supervisors": waiting,
        "scheduler": own,
        "API server": cpu_of(server),
    }


OF_BURST = "r WHERE r.dag_id LIKE %s AND r.run_type = 'scheduled' AND r.run_after = %s"
WITH_TASKS = f"r JOIN task_instance t USING (dag_id, run_id) {OF_BURST.removeprefix('r ')}"


@contextmanager
def _airflow(kind: str, runs: int) -> Iterator[Stack]:
    mode = KINDS[kind][0]
    with tempfile.TemporaryDirectory(prefix="bench-bursts-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        dags, plugins = folder / "dags", folder / "plugins"
        dags.mkdir()
        plugins.mkdir()
        base = plan(folder, free_port())
        env = {
            **base.env,
            "AIRFLOW__CORE__PARALLELISM": "8",
            "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "3600",
            "SCHEDULED_REPORTS__LAST_GOOD": str(folder / "last-good.json"),
            "SCHEDULED_REPORTS__QUERY_POOL": QUERY_POOL,
            "SCHEDULED_REPORTS__RENDER_POOL": RENDER_POOL,
        }
        if mode == "peer":  # an Airflow without this project: no plugin, and nothing imported before a task starts
            install(peer.LIBRARIES, *peer.PACKAGES)
            env |= {"AIRFLOW__CORE__PLUGINS_FOLDER": str(plugins), "PYTHONPATH": str(peer.LIBRARIES)}
        else:
            for file in (CHECKOUT / "dags").glob("scheduled_reports*.py"):
                shutil.copy(file, dags)
        if mode == "compact":
            env["SCHEDULED_REPORTS__RUN_MODE"] = mode
        with Stack.start(replace(base, env=env, dags=dags), before_airflow=lambda dsn: _fill(dsn, runs)) as stack:
            for pool in (QUERY_POOL, RENDER_POOL):
                stack.airflow.api().post("/pools", {"name": pool, "slots": SLOTS, "description": "a benchmark"})
            yield stack


def _fill(dsn: str, runs: int) -> None:
    """Fill the database with *runs* reports of the types that any member may create, all of them mailed."""
    written = 13  # those of the sample are of every kind, also without email and invalid
    for _ in seed(dsn, until=datetime.now(UTC).date(), reports=written + runs, messages=20_000):
        pass
    with psycopg.connect(dsn) as connection:
        connection.execute("DELETE FROM scheduled_reports WHERE NOT 'numbered' = ANY (tags)")
        connection.execute("DELETE FROM reporting.tombstones")
        connection.execute(
            """UPDATE scheduled_reports r SET cron_expression = %s, email_enabled = true,
                      email_recipients = ARRAY[u.email], email_send_only_if_data = false
               FROM users u WHERE u.id = r.created_by_id""",
            [NEVER],
        )


def _make_due(stack: Stack, kind: str, formats: tuple[str, ...], runs: int) -> datetime:
    """Schedule every report with *formats* in the next minute for which Airflow parses all of them in time."""
    dsn, pattern = stack.postgres.dsn(AIRFLOW_DATABASE), KINDS[kind][1]
    planned = "SELECT count(*) FROM dag WHERE dag_id LIKE %s AND NOT is_stale AND next_dagrun_create_after = %s"
    for _ in range(3):
        due = (datetime.now(UTC) + LEAD + runs * LEAD_EACH).replace(second=0, microsecond=0) + timedelta(minutes=1)
        _schedule(stack, kind, formats, due, runs)
        while datetime.now(UTC) < due:
            if int(_rows(dsn, planned, pattern, due)[0][0]) >= runs:
                return due
            time.sleep(0.5)
    raise TimeoutError(f"{runs} DAGs were not parsed before they were due")


def _schedule(stack: Stack, kind: str, formats: tuple[str, ...], due: datetime, runs: int) -> None:
    dags, cron = stack.airflow.folder.parent / "dags", f"{due.minute} {due.hour} * * *"
    with psycopg.connect(stack.reports_dsn) as connection:
        connection.execute(
            """UPDATE scheduled_reports SET cron_expression = %s, timezone = 'UTC', export_formats = %s::text[],
                      email_subject = id || %s""",
            [cron if kind in {"staged", "compact"} else NEVER, list(formats), f" {len(formats)}"],
        )
    if kind == "peer":
        shared = {"run": f"{due:%Y%m%dT%H%M}", "formats": formats, "cron": cron, "pool": QUERY_POOL}
        peer.write(dags, stack.reports_dsn, {**shared, "bucket": stack.bucket, "sender": SENDER}, due)
    elif kind == "empty":
        (dags / "empty.py").write_text(EMPTY.replace("COUNT", str(runs)).replace("SCHEDULE", repr(cron)))
    for file in dags.glob("*.py"):
        file.touch()  # a file that has changed is parsed at once


def _wrong_mails(stack: Stack) -> int:
    """Count the reports whose email of this case, which its subject names, did not arrive exactly once."""
    with psycopg.connect(stack.reports_dsn) as connection:
        wanted = {row[0] for row in connection.execute("SELECT email_subject FROM scheduled_reports")}
    arrived = Counter(str(message_from_bytes(mail.raw, policy=policy.default)["Subject"]) for mail in stack.aws.mails())
    return sum(arrived[subject] != 1 for subject in wanted)


def _rows(dsn: str, statement: str, *values: object) -> list[Any]:
    with psycopg.connect(dsn) as connection:
        return connection.execute(statement.encode(), values).fetchall()


def main() -> int:
    """Measure the cases of one kind and print their figures."""
    from .resume import Progress

    parser = argparse.ArgumentParser(prog="python -m bench.bursts", description=__doc__)
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("--runs", type=int, default=40)
    parser.add_argument("--only", choices=("csv", "five"))
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that nothing it started stays behind
    cases = {"csv": [CSV], "five": [FIVE], None: [CSV, FIVE]}[options.only]
    with tempfile.TemporaryDirectory() as folder:
        found = measure(options.kind, cases, options.runs, Progress(Path(folder, "progress.json")))
    print(json.dumps([asdict(one) for one in found], indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
