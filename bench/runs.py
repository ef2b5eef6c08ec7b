"""Benchmark runs against empty DAGs of the same tasks, in a running Airflow: one run, and many in the same minute."""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg

from demo.__main__ import POOL, plan
from demo.processes import free_port, wait_until
from demo.stack import AIRFLOW_DATABASE, CHECKOUT, Stack
from include.scheduled_reports.adapters.postgres.reports import PostgresDefinitions
from include.scheduled_reports.domain import naming
from include.scheduled_reports.reports.parser import parse
from include.scheduled_reports.sample_data.seed import seed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

#: The same tasks in the same order, mapped like the product's, without content.
EMPTY = '''
"""Empty Airflow DAGs of the tasks of a report."""
from airflow.sdk import DAG, task, task_group

def make(name, formats, schedule=None):
    with DAG(name, schedule=schedule, catchup=False, max_active_runs=1, is_paused_upon_creation=False) as dag:
        @task
        def query():
            return formats
        @task
        def render(chosen):
            return chosen
        @task
        def upload(chosen):
            return None
        @task(trigger_rule="all_done_min_one_success")
        def email():
            return "sent"
        @task
        def record():
            return "done"
        mailed, recorded, queried = email(), record().as_teardown(on_failure_fail_dagrun=True), query()
        @task_group(group_id="formats")
        def group(chosen):
            rendered = render(chosen)
            uploaded = upload(rendered)
            uploaded >> mailed
            [rendered, uploaded] >> recorded
        group.expand(chosen=queried)
        [queried, mailed] >> recorded
    return dag

empty_1, empty_5 = make("empty_1", ["csv"]), make("empty_5", ["csv", "json", "html", "excel", "pdf"])
for number in range(COUNT):
    globals()[f"burst_{number}"] = make(f"burst_{number}", ["csv"], SCHEDULE)
'''
FIVE = ("csv", "json", "html", "excel", "pdf")
REPORT = "demo-report-weekly-activity"
#: The time from the presence of the DAGs to the burst.
LEAD = timedelta(minutes=1)


@dataclass(frozen=True, kw_only=True)
class OneRun:
    """Medians of several runs: seconds from trigger to the end of `email`, and the duration of each task."""

    formats: int
    ours: float
    empty: float
    tasks: dict[str, float]
    empty_tasks: dict[str, float]


@dataclass(frozen=True, kw_only=True)
class Burst:
    """Runs that were due in the same minute."""

    kind: str
    runs: int
    failed: int
    minutes: float
    per_minute: float


def one_runs(repeat: int = 5) -> list[OneRun]:
    """Measure one CSV, then five formats, alternating with the empty DAG."""
    with _airflow() as stack:
        api = stack.airflow.api()
        dag_id = naming.dag_id(REPORT)
        for name in (dag_id, "empty_1", "empty_5"):
            api.wait_for_dag(name)
        _once(stack, dag_id, {"formats": ["csv"]})  # warm-up
        found = []
        for formats in (("csv",), FIVE):
            ours, empty = [], []
            for _ in range(repeat):
                ours.append(_once(stack, dag_id, {"formats": list(formats), "mail": True}))
                empty.append(_once(stack, f"empty_{len(formats)}", None))
            found.append(
                OneRun(
                    formats=len(formats),
                    ours=_median([whole for whole, _ in ours]),
                    empty=_median([whole for whole, _ in empty]),
                    tasks=_tasks([tasks for _, tasks in ours]),
                    empty_tasks=_tasks([tasks for _, tasks in empty]),
                )
            )
        return found


def burst(kind: str, runs: int, *, parallelism: int = 8) -> Burst:
    """Measure *runs* reports of one format, or empty DAGs, due in one minute."""
    env = {
        "AIRFLOW__CORE__PARALLELISM": str(parallelism),
        "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "3600",
        "SCHEDULED_REPORTS__QUERY_POOL": "bench_query",
    }
    due = datetime.now(UTC).replace(second=0, microsecond=0) + LEAD + timedelta(seconds=runs * 0.06)
    due = due.replace(second=0) + timedelta(minutes=1)
    cron = f"{due.minute} {due.hour} * * *"
    ours = kind == "ours"
    with _airflow(env, reports=runs if ours else 0, cron=cron, empty=0 if ours else runs) as stack:
        stack.airflow.api().post("/pools", {"name": "bench_query", "slots": 4, "description": "source database"})
        pattern = "scheduled\\_report\\_%" if ours else "burst\\_%"
        dsn = stack.postgres.dsn(AIRFLOW_DATABASE)
        ended = "SELECT count(*) FROM dag_run WHERE dag_id LIKE %s AND run_type = 'scheduled' AND state IN ({})"

        def count(states: str) -> int:
            return int(_rows(dsn, ended.format(states), pattern)[0][0])

        expected = runs if not ours else _scheduled(stack.reports_dsn)
        wait_until(
            lambda: count("'success', 'failed'") >= expected, seconds=400 + 6 * runs, what="every run", pause=1.0
        )
        first, last = _rows(
            dsn,
            """SELECT min(t.start_date), max(t.end_date) FROM task_instance t JOIN dag_run r USING (dag_id, run_id)
               WHERE dag_id LIKE %s AND r.run_type = 'scheduled'""",
            pattern,
        )[0]
        minutes = (last - first).total_seconds() / 60
        failed = count("'failed'")
        if ours:
            failed += _unsent(stack.reports_dsn, expected)
        return Burst(
            kind=kind, runs=expected, failed=failed, minutes=round(minutes, 2), per_minute=round(expected / minutes, 1)
        )


@contextmanager
def _airflow(
    env: dict[str, str] | None = None, *, reports: int = 13, cron: str | None = None, empty: int = 0
) -> Iterator[Stack]:
    with tempfile.TemporaryDirectory(prefix="bench-runs-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        dags = folder / "dags"
        dags.mkdir()
        for file in (CHECKOUT / "dags").glob("scheduled_reports*.py"):
            shutil.copy(file, dags)
        (dags / "empty.py").write_text(EMPTY.replace("COUNT", str(empty)).replace("SCHEDULE", repr(cron)))
        base = plan(folder, free_port())
        own = {**base.env, "SCHEDULED_REPORTS__LAST_GOOD": str(folder / "last-good.json"), **(env or {})}

        def fill(dsn: str) -> None:
            for _ in seed(dsn, until=date(2026, 5, 10), reports=reports, messages=20_000):
                pass
            if cron is not None:
                _make_due(dsn, cron)

        with Stack.start(replace(base, env=own, dags=dags), before_airflow=fill) as stack:
            stack.airflow.api().post("/pools", {"name": POOL, "slots": 4, "description": "rendering"})
            yield stack


def _make_due(dsn: str, cron: str) -> None:
    with psycopg.connect(dsn) as connection:
        connection.execute(
            """UPDATE scheduled_reports SET cron_expression = %s, timezone = 'UTC', export_formats = '{csv}'
               WHERE is_active AND status = 'ACTIVE'""",
            [cron],
        )


def _scheduled(dsn: str) -> int:
    """Count the scheduled reports; the sample has a few invalid ones."""
    reports, _ = parse(PostgresDefinitions(dsn).rows(limit=100_000))
    return sum(report.is_scheduled for report in reports)


def _unsent(dsn: str, expected: int) -> int:
    """Count the runs that are not recorded as successful."""
    done = _rows(dsn, "SELECT count(*) FROM reporting.runs WHERE kind = 'scheduled' AND state = 'success'")[0][0]
    return max(expected - int(done), 0)


def _once(stack: Stack, dag_id: str, conf: dict[str, Any] | None) -> tuple[float, dict[str, float]]:
    """Time one run: seconds from trigger to the end of `email`, and of each task."""
    api = stack.airflow.api()
    began = datetime.now(UTC)
    run_id = api.trigger(dag_id, conf or {})
    state = api.wait_for_run(dag_id, run_id)["state"]
    if state != "success":
        raise RuntimeError(f"{dag_id} ended as {state}:\n{api.failures(dag_id, run_id)}")
    found = api.task_instances(dag_id, run_id)
    mailed = next(one for one in found if one["task_id"] == "email")
    whole = (datetime.fromisoformat(mailed["end_date"]) - began).total_seconds()
    longest: dict[str, float] = {}
    for one in found:
        longest[one["task_id"]] = max(longest.get(one["task_id"], 0.0), float(one["duration"] or 0))
    return whole, longest


def _tasks(found: Sequence[dict[str, float]]) -> dict[str, float]:
    return {name: _median([one[name] for one in found]) for name in found[0]}


def _median(values: Sequence[float]) -> float:
    return round(statistics.median(values), 2)


def _rows(dsn: str, statement: str, *values: object) -> list[Any]:
    with psycopg.connect(dsn) as connection:
        return connection.execute(statement.encode(), values).fetchall()


def main() -> int:
    """Measure one benchmark and print its figures."""
    parser = argparse.ArgumentParser(prog="python -m bench.runs", description=__doc__)
    parser.add_argument("what", choices=("one", "burst"))
    parser.add_argument("--runs", type=int, default=30)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--kind", choices=("ours", "empty"), default="ours")
    options = parser.parse_args()
    if options.what == "one":
        print(json.dumps([asdict(one) for one in one_runs(options.repeat)], indent=2))
    else:
        print(json.dumps(asdict(burst(options.kind, options.runs)), indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
