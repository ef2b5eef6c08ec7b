"""Benchmark one run against an empty DAG of the same tasks, in a running Airflow."""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from demo.__main__ import POOL, plan
from demo.processes import free_port
from demo.stack import CHECKOUT, Stack
from include.scheduled_reports.domain import naming
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


@dataclass(frozen=True, kw_only=True)
class OneRun:
    """Medians of several runs: seconds from trigger to the end of `email`, and the duration of each task."""

    formats: int
    ours: float
    empty: float
    tasks: dict[str, float]
    empty_tasks: dict[str, float]


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


@contextmanager
def _airflow() -> Iterator[Stack]:
    with tempfile.TemporaryDirectory(prefix="bench-runs-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        dags = folder / "dags"
        dags.mkdir()
        for file in (CHECKOUT / "dags").glob("scheduled_reports*.py"):
            shutil.copy(file, dags)
        (dags / "empty.py").write_text(EMPTY.replace("COUNT", "0"))
        base = plan(folder, free_port())
        own = {**base.env, "SCHEDULED_REPORTS__LAST_GOOD": str(folder / "last-good.json")}

        def fill(dsn: str) -> None:
            for _ in seed(dsn, until=date(2026, 5, 10), messages=20_000):
                pass

        with Stack.start(replace(base, env=own, dags=dags), before_airflow=fill) as stack:
            stack.airflow.api().post("/pools", {"name": POOL, "slots": 4, "description": "rendering"})
            yield stack


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


def main() -> int:
    """Measure and print the figures."""
    parser = argparse.ArgumentParser(prog="python -m bench.runs", description=__doc__)
    parser.add_argument("--repeat", type=int, default=5)
    options = parser.parse_args()
    print(json.dumps([asdict(one) for one in one_runs(options.repeat)], indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
