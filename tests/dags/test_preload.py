"""Modules that tasks or parses use are imported in advance by the processes that fork them, and by no other."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from include.scheduled_reports.domain.formats import FORMATS
from include.scheduled_reports.orchestration import connections
from include.scheduled_reports.orchestration.preload import FOR_PARSES, FOR_TASKS, forks_tasks
from include.scheduled_reports.render.charts import drawing

CHECKOUT = Path(__file__).parents[2]
PROGRAM = """
import json, sys
sys.argv = ["airflow", *{words}]
import airflow.settings
airflow.settings.initialize()
print(json.dumps(sorted(sys.modules)))
"""


ADAPTERS = "include.scheduled_reports.adapters"
#: Modules that adapters share.
HELPERS = (
    "postgres",
    "postgres.any_value",
    "postgres.conditions",
    "postgres.connection",
    "postgres.encoding",
    "postgres.sql",
    "private_files",
    "ses_account",
    "ses_events",
)


def used_adapters():
    """The modules of adapters that the connections import when a stage first asks for one."""
    tree = ast.parse(Path(connections.__file__).read_text())
    names = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.level == 2}
    return {f"include.scheduled_reports.{name}" for name in names if name.startswith("adapters.")}


def loaded(executor, *words):
    """Return the modules imported by the start of an Airflow command, with the local settings of this checkout."""
    env = {
        **os.environ,
        "PYTHONPATH": f"{CHECKOUT / 'config'}{os.pathsep}{CHECKOUT}",
        "AIRFLOW__CORE__EXECUTOR": executor,
    }
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(words=list(words))], env=env, capture_output=True, text=True, check=True
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_a_scheduler_that_runs_tasks_itself_has_everything_that_they_use():
    found = loaded("LocalExecutor", "scheduler")

    assert {"pyarrow", "pandas", "boto3", "psycopg", "weasyprint", "openpyxl"} <= found
    assert {f"include.scheduled_reports.render.{info.module}" for info in FORMATS.values()} <= found
    assert used_adapters() <= found
    assert {"include.scheduled_reports.runs.pipeline", "include.scheduled_reports.upkeep.round"} <= found


@pytest.mark.parametrize("step", [*FOR_TASKS, *FOR_PARSES], ids=lambda step: step.__name__)
def test_every_name_that_is_imported_ahead_exists(step, monkeypatch):
    monkeypatch.setattr(drawing, "start", lambda: None)  # it would draw for all tests that follow
    step()


def test_the_adapters_that_are_imported_ahead_are_those_that_tasks_use():
    found = loaded("LocalExecutor", "scheduler")

    ahead = {name for name in found if name.startswith(f"{ADAPTERS}.")}
    helpers = {f"{ADAPTERS}.{name}" for name in HELPERS}
    assert ahead - helpers == used_adapters()


def test_a_dag_processor_has_what_a_parse_uses_and_nothing_of_tasks():
    found = loaded("LocalExecutor", "dag-processor")

    assert {"psycopg", "include.scheduled_reports.orchestration.factory"} <= found
    assert {"include.scheduled_reports.reports.parser", "include.scheduled_reports.reports.calendars"} <= found
    assert not {"pyarrow", "pandas", "boto3", "weasyprint", "fastapi"} & found


@pytest.mark.parametrize("words", [("api-server",), ("tasks", "run")])
def test_every_other_command_pays_nothing(words):
    assert not {"pyarrow", "boto3", "weasyprint", "psycopg"} & loaded("LocalExecutor", *words)


@pytest.mark.parametrize(
    ("executor", "words", "forks"),
    [
        ("LocalExecutor", ["airflow", "scheduler"], True),
        ("LocalExecutor", ["/usr/bin/airflow", "scheduler", "--skip-serve-logs"], True),
        ("CeleryExecutor,LocalExecutor", ["airflow", "scheduler"], True),
        ("CeleryExecutor", ["airflow", "scheduler"], False),
        ("CeleryExecutor", ["airflow", "celery", "worker", "-q", "reports"], True),
        ("CeleryExecutor", ["airflow", "celery", "flower"], False),
        ("KubernetesExecutor", ["airflow", "scheduler"], False),
        ("LocalExecutor", ["airflow", "dag-processor"], False),
        ("LocalExecutor", ["airflow"], False),
    ],
)
def test_which_commands_fork_tasks(monkeypatch, executor, words, forks):
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", executor)

    assert forks_tasks(words) is forks


def test_where_the_checkout_cannot_be_imported_airflow_starts_all_the_same():
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, "-P", "-c", "import airflow_local_settings; print('started')"],
        env={**env, "PYTHONPATH": str(CHECKOUT / "config")}, cwd="/", capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert done.stdout == "started\n", done.stderr
    assert "not on PYTHONPATH" in done.stderr
