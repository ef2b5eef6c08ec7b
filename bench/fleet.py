"""Benchmark many reports as DAGs in a running Airflow: time until present, cost at rest, time until an edit is live.

The product's DAGs come from one file or from the bundle. The peers have as many DAGs of the same five tasks, written
by hand in a loop or made by Astronomer's dag-factory from YAML.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import psycopg

from demo.__main__ import POOL, plan
from demo.processes import free_port, wait_until
from demo.stack import AIRFLOW_DATABASE, CHECKOUT, Stack
from include.scheduled_reports.adapters.postgres.reports import PostgresDefinitions
from include.scheduled_reports.reports.parser import parse
from include.scheduled_reports.sample_data.seed import seed

from .measure import cpu_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PEERS = CHECKOUT / ".cache" / "bench-peers"
BUNDLE = "include.scheduled_reports.orchestration.bundle.ReportsBundle"
LOCAL = "airflow.dag_processing.bundles.local.LocalDagBundle"
#: Schedules that are not due during a benchmark.
NEVER, OTHER = "0 4 1 1 *", "0 5 1 1 *"
#: The settings that `docs/operate.md` recommends for many reports.
BIG = {
    "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "3600",
    "AIRFLOW__DAG_PROCESSOR__STALE_DAG_THRESHOLD": "10",
    "AIRFLOW__DAG_PROCESSOR__BUNDLE_REFRESH_CHECK_INTERVAL": "5",
    "AIRFLOW__CORE__DAGBAG_IMPORT_TIMEOUT": "300",
    "AIRFLOW__DAG_PROCESSOR__DAG_FILE_PROCESSOR_TIMEOUT": "600",
}
MINIMAL = '''
"""As many minimal Airflow DAGs of the same five tasks."""
from airflow.sdk import DAG, task

def make(number):
    with DAG(f"peer_{number}", schedule="0 4 1 1 *", catchup=False, max_active_runs=1) as dag:
        @task
        def query():
            return ["csv"]
        @task
        def render(chosen):
            return chosen
        @task
        def upload(chosen):
            return None
        @task(trigger_rule="all_done")
        def email():
            return "sent"
        @task(trigger_rule="all_done")
        def record():
            return "done"
        upload.expand(chosen=render.expand(chosen=query())) >> email() >> record()
    return dag

for number in range(COUNT):
    globals()[f"dag_{number}"] = make(number)
'''
FACTORY = '''
"""dag-factory's own way: Airflow DAGs from a YAML file."""
from pathlib import Path
from airflow.sdk import DAG  # dag
from dagfactory import load_yaml_dags
load_yaml_dags(globals_dict=globals(), config_filepath=str(Path(__file__).with_name("peers.yml")))
'''


@dataclass(frozen=True, kw_only=True)
class Fleet:
    """The figures of one fleet, in seconds, megabytes and percent of one core."""

    kind: str
    reports: int
    all_present: float
    cold_cpu: float
    rest_percent: float
    #: Including a parse of everything once per `min_file_process_interval`.
    rest_percent_with_parses: float
    edited: float | None = None
    slowest_edit: float | None = None
    created: float | None = None
    edited_after_creation: float | None = None
    removed: float | None = None
    #: Milliseconds to make the DAG when a task starts.
    task_start_ms: float | None = None
    memory: dict[str, int]


def measure(kind: str, reports: int, *, rest: float = 60, edit: bool = True) -> Fleet:
    """Measure a fleet of *kind* (`bundle`, `file`, `hand` or `dag-factory`) in a new Airflow."""
    with tempfile.TemporaryDirectory(prefix="bench-fleet-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        with _airflow(kind, reports, folder) as (stack, dsn):
            processor = psutil.Process(stack.airflow.children["dag-processor"].process.pid)
            pattern = "scheduled\\_report\\_%" if kind in {"bundle", "file"} else "peer\\_%"
            there = _valid(stack.reports_dsn) if kind in {"bundle", "file"} else reports
            _wait(lambda: _present(dsn, pattern) >= there, 1800, "all DAGs to be present")
            (newest,) = _row(dsn, "SELECT max(last_parsed_time) FROM dag WHERE dag_id LIKE %s", pattern)
            present = newest.timestamp() - processor.create_time()
            cold = cpu_of(processor)
            interval = 3600 if kind == "bundle" else 30
            if kind == "bundle":
                _wait_idle(processor)
            began, before = time.monotonic(), cpu_of(processor)
            time.sleep(rest)
            percent = 100 * (cpu_of(processor) - before) / (time.monotonic() - began)
            edits = _edits(stack, dsn) if edit and kind in {"bundle", "file"} else {}
            if edits:
                edits["task_start_ms"] = _task_start(stack)
            whole = percent + (100 * cold / interval if kind == "bundle" else 0)
            return Fleet(
                kind=kind,
                reports=reports,
                all_present=round(present, 1),
                cold_cpu=round(cold, 1),
                rest_percent=round(percent, 2),
                rest_percent_with_parses=round(whole, 2),
                memory=_memory(stack),
                **edits,
            )


@contextmanager
def _airflow(kind: str, reports: int, folder: Path) -> Iterator[tuple[Stack, str]]:
    base = plan(folder, free_port())
    env = {**base.env, "SCHEDULED_REPORTS__LAST_GOOD": str(folder / "last-good.json"), "DO_NOT_TRACK": "1"}
    env |= {name: value for name, value in BIG.items() if kind == "bundle" or "TIMEOUT" in name}
    if kind != "bundle":
        env["AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL"] = "30"
    bundles: list[dict[str, Any]] = [{"name": "dags-folder", "classpath": LOCAL, "kwargs": {}}]
    if kind == "bundle":
        bundles.append({"name": "scheduled-reports", "classpath": BUNDLE, "kwargs": {}})
    env["AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST"] = json.dumps(bundles)
    env["AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_STORAGE_PATH"] = str(folder / "bundles")
    dags = None
    if kind in {"hand", "dag-factory"}:
        dags = folder / "dags"
        dags.mkdir()
        _write_peer(kind, reports, dags)
        env["PYTHONPATH"] = f"{CHECKOUT}:{PEERS}"
    with Stack.start(replace(base, env=env, dags=dags), before_airflow=lambda dsn: fill(dsn, reports)) as stack:
        stack.airflow.api().post("/pools", {"name": POOL, "slots": 2, "description": "rendering"})
        yield stack, stack.postgres.dsn(AIRFLOW_DATABASE)


def fill(dsn: str, reports: int) -> None:
    """Fill a database with a workspace and valid reports that are not due."""
    for _ in seed(dsn, until=date(2026, 5, 10), reports=reports, messages=1000):
        pass
    with psycopg.connect(dsn) as connection:
        connection.execute("DELETE FROM scheduled_reports WHERE NOT (is_active AND status = 'ACTIVE')")
        connection.execute("UPDATE scheduled_reports SET cron_expression = %s", [NEVER])
    # Upkeep would mark the sample's invalid rows and remove their DAGs: edits that would disturb the measurement.
    _, rejections = parse(PostgresDefinitions(dsn).rows(limit=100_000))
    with psycopg.connect(dsn) as connection:
        broken = [rejection.report_id for rejection in rejections]
        connection.execute("DELETE FROM scheduled_reports WHERE id = ANY (%s)", [broken])
        connection.execute("DELETE FROM reporting.tombstones")


def _valid(dsn: str) -> int:
    """Count the valid reports, which become DAGs; the sample has a few invalid ones."""
    reports, _ = parse(PostgresDefinitions(dsn).rows(limit=100_000))
    return len(reports)


def _write_peer(kind: str, reports: int, dags: Path) -> None:
    if kind == "hand":
        (dags / "peers.py").write_text(MINIMAL.replace("COUNT", str(reports)))
        return
    tasks = "".join(
        f"      - task_id: {name}\n        operator: airflow.providers.standard.operators.bash.BashOperator\n"
        f"        bash_command: 'true'\n        dependencies: [{before}]\n"
        for name, before in (
            ("query", ""), ("render", "query"), ("upload", "render"), ("email", "upload"), ("record", "email")
        )
    )  # fmt: skip
    head = "default:\n  catchup: false\n  default_args:\n    start_date: '2026-01-01'\n"
    body = "".join(
        f"peer_{number}:\n  schedule: '{NEVER}'\n  max_active_runs: 1\n  tasks:\n{tasks.replace('      -', '    -')}"
        for number in range(reports)
    )
    (dags / "peers.yml").write_text(head + body.replace("\n        ", "\n      "))
    (dags / "peers.py").write_text(FACTORY)


#: What a task process does when it starts: make its DAG from the id alone, with everything imported.
START = """
import os, statistics, time
os.environ["_AIRFLOW_PARSING_CONTEXT_DAG_ID"] = "scheduled_report_demo-report-weekly-activity"
os.environ["_AIRFLOW_PARSING_CONTEXT_TASK_ID"] = "query"
from include.scheduled_reports.orchestration import factory
taken = []
for _ in range(30):
    began = time.perf_counter()
    assert len(factory.dags()) == 1
    taken.append(time.perf_counter() - began)
print(round(1000 * statistics.median(taken), 2))
"""


def _task_start(stack: Stack) -> float:
    done = subprocess.run(
        [sys.executable, "-c", START], env=dict(stack.airflow.env), capture_output=True, text=True, check=True
    )
    return float(done.stdout.splitlines()[-1])


def _edits(stack: Stack, dsn: str) -> dict[str, float]:
    """Measure the time from the commit of an SQL edit until Airflow has the changed DAG."""
    reports = stack.reports_dsn
    (any_id,) = _row(reports, "SELECT min(id) FROM scheduled_reports WHERE is_active AND status = 'ACTIVE'")
    ids = [row[0] for row in _rows(reports, "SELECT id FROM scheduled_reports ORDER BY md5(id) LIMIT 5")]
    edits = [
        _live(
            lambda one=one: _execute(  # type: ignore[misc]
                reports, "UPDATE scheduled_reports SET cron_expression = %s WHERE id = %s", OTHER, one
            ),
            lambda one=one: _summary(dsn, one).startswith(OTHER),  # type: ignore[misc]
        )
        for one in ids
    ]
    copy = """
        INSERT INTO scheduled_reports (id, name, "reportType", cron_expression, export_formats, email_recipients,
                                       workspace_id, created_by_id, updated_at)
        SELECT 'bench-new', 'New', "reportType", %s, export_formats, email_recipients,
               workspace_id, created_by_id, now()
        FROM scheduled_reports WHERE id = %s
    """
    created = _live(lambda: _execute(reports, copy, NEVER, any_id), lambda: _summary(dsn, "bench-new") != "")
    changed = _live(
        lambda: _execute(
            reports, "UPDATE scheduled_reports SET cron_expression = %s WHERE id = %s", OTHER, "bench-new"
        ),
        lambda: _summary(dsn, "bench-new").startswith(OTHER),
    )
    removed = _live(
        lambda: _execute(reports, "DELETE FROM scheduled_reports WHERE id = %s", ids[0]),
        lambda: _summary(dsn, ids[0]) in {"gone", ""},
    )
    return {
        "edited": round(statistics.median(edits), 1),
        "slowest_edit": round(max(edits), 1),
        "created": created,
        "edited_after_creation": changed,
        "removed": removed,
    }


def _live(edit: Callable[[], object], there: Callable[[], bool]) -> float:
    edit()
    began = time.monotonic()
    _wait(there, 600, "an edit to be live")
    return round(time.monotonic() - began, 1)


def _summary(dsn: str, report_id: str) -> str:
    """Return the schedule of a report's DAG if the serialized DAG has it as well; empty if there is no DAG."""
    row = _rows(
        dsn,
        """SELECT d.timetable_summary, s.data::text LIKE '%%' || d.timetable_summary || '%%'
           OR position(split_part(d.timetable_summary, ' (', 1) IN s.data::text) > 0 OR d.timetable_summary = 'gone'
           FROM dag d JOIN serialized_dag s ON s.dag_id = d.dag_id
           WHERE d.dag_id = 'scheduled_report_' || %s AND NOT d.is_stale ORDER BY s.created_at DESC LIMIT 1""",
        report_id,
    )
    return str(row[0][0]) if row and row[0][1] else ""


def _wait_idle(processor: psutil.Process) -> None:
    """Wait until no file was parsed for ten seconds, so that parses requested during the start are done."""
    quiet = time.monotonic()
    while time.monotonic() - quiet < 10:
        if processor.children():
            quiet = time.monotonic()
        time.sleep(0.2)


def _present(dsn: str, pattern: str) -> int:
    (count,) = _row(dsn, "SELECT count(*) FROM dag WHERE NOT is_stale AND dag_id LIKE %s", pattern)
    return int(count)


def _memory(stack: Stack) -> dict[str, int]:
    """Measure the proportional set size of each component with all its processes, in MB."""
    found = {}
    for name, child in stack.airflow.children.items():
        parent = psutil.Process(child.process.pid)
        total = 0
        for process in (parent, *parent.children(recursive=True)):
            try:
                total += process.memory_full_info().pss
            except psutil.NoSuchProcess:
                continue
        found[name] = total // 2**20
    return found


def _rows(dsn: str, statement: str, *values: object) -> list[Any]:
    with psycopg.connect(dsn) as connection:
        return connection.execute(statement.encode(), values).fetchall()


def _row(dsn: str, statement: str, *values: object) -> Any:
    return _rows(dsn, statement, *values)[0]


def _execute(dsn: str, statement: str, *values: object) -> None:
    with psycopg.connect(dsn) as connection:
        connection.execute(statement.encode(), values)


def _wait(condition: Callable[[], bool], seconds: float, what: str) -> None:
    wait_until(condition, seconds=seconds, what=what, pause=0.25)


def main() -> int:
    """Measure one fleet and print its figures."""
    parser = argparse.ArgumentParser(prog="python -m bench.fleet", description=__doc__)
    parser.add_argument("--reports", type=int, default=200)
    parser.add_argument("--kind", choices=("bundle", "file", "hand", "dag-factory"), default="bundle")
    parser.add_argument("--rest", type=float, default=60)
    options = parser.parse_args()
    began = datetime.now(UTC)
    fleet = measure(options.kind, options.reports, rest=options.rest)
    print(json.dumps({**asdict(fleet), "took": round((datetime.now(UTC) - began).total_seconds())}, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
