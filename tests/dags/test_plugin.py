"""The files that Airflow loads by itself: the plugin and the two DAG files, each in a separate process."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
PLUGIN = "plugins/scheduled_reports_plugin.py"
REPORTS = "dags/scheduled_reports.py"
UPKEEP = "dags/scheduled_reports_upkeep.py"
OURS = "include.scheduled_reports"
#: Packages that a run needs, but neither the scheduler nor a parse.
HEAVY = {
    "adbc_driver_manager", "boto3", "botocore", "cron_descriptor", "fastapi", "idna", "jinja2", "numpy", "pandas",
    "psycopg", "pyarrow", "vl_convert", "weasyprint", "xlsxwriter",
}  # fmt: skip
#: Airflow is imported first, without restrictions; afterwards the blocked packages cannot be imported.
LOAD = """
import json, runpy, sys
import airflow.plugins_manager
from airflow.sdk import DAG

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in sys.argv[2:]:
            raise ImportError(f"{name} is blocked")

for name in [name for name in sys.modules if name.partition(".")[0] in sys.argv[2:]]:
    del sys.modules[name]
sys.meta_path.insert(0, Blocked())
before = set(sys.modules)
made = runpy.run_path(sys.argv[1])
print()
print(json.dumps({
    "modules": sorted(set(sys.modules) - before),
    "dags": {name: dag.task_ids for name, dag in made.items() if isinstance(dag, DAG)},
    "timetables": [
        f"{one.__module__}.{one.__qualname__}"
        for plugin in made.values() if hasattr(plugin, "timetables") and plugin.__name__ == "ScheduledReportsPlugin"
        for one in plugin.timetables
    ],
}))
"""


def run(code: str, *arguments: str, **environment: str) -> dict:
    """Run *code* in a separate process; return what it printed last."""
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env={**os.environ, "PYTHONPATH": str(CHECKOUT), **environment},
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def load(file: str, *blocked: str, **environment: str) -> dict:
    """Load one of our files as Airflow does, after importing Airflow."""
    return run(LOAD, file, *blocked, **environment)


def packages(found: dict) -> set[str]:
    return {name.partition(".")[0] for name in found["modules"]}


@pytest.fixture(scope="module")
def plugin():
    """Load the plugin where FastAPI cannot be imported."""
    return load(PLUGIN, "fastapi", "starlette")


def test_the_plugin_loads_without_fastapi_and_brings_both_timetables(plugin):
    assert plugin["timetables"] == [
        f"{OURS}.orchestration.timetable.ReportTimetable",
        f"{OURS}.orchestration.timetable.RestingTimetable",
    ]


def test_the_plugin_imports_the_timetable_what_it_needs_and_nothing_else_of_ours(plugin):
    assert {name for name in plugin["modules"] if name.startswith("include")} == {
        "include",
        OURS,
        f"{OURS}.domain",
        f"{OURS}.domain.calendar",
        f"{OURS}.domain.cron",
        f"{OURS}.domain.day_rules",
        f"{OURS}.domain.problem",
        f"{OURS}.domain.schedule",
        f"{OURS}.orchestration",
        f"{OURS}.orchestration.plugin",
        f"{OURS}.orchestration.timetable",
    }


def test_the_plugin_imports_nothing_heavy(plugin):
    assert packages(plugin) & HEAVY == set()


API = """
import json, sys
from airflow import plugins_manager as plugins
before = "fastapi" in sys.modules, "include.scheduled_reports.web.app" in sys.modules
plugins.get_timetables_plugins()
after_timetables = "include.scheduled_reports.web.app" in sys.modules
apps, _ = plugins.get_fastapi_plugins()
print(json.dumps({
    "before": before[1],
    "after_timetables": after_timetables,
    "apps": [[one["url_prefix"], one["app"].title] for one in apps if one["name"] == "Scheduled reports"],
}))
"""


def test_the_api_is_made_when_the_api_server_asks_for_it_and_not_before():
    assert run(API, AIRFLOW__CORE__PLUGINS_FOLDER=str(CHECKOUT / "plugins")) == {
        "before": False,
        "after_timetables": False,
        "apps": [["/scheduled-reports", "Scheduled reports"]],
    }


def test_what_is_wrong_with_the_api_costs_the_api_and_no_timetable():
    code = "import sys; sys.modules['include.scheduled_reports.web'] = None\n" + API.replace(
        '"apps"', '"timetables": len(plugins.get_timetables_plugins()), "apps"'
    )

    found = run(code, AIRFLOW__CORE__PLUGINS_FOLDER=str(CHECKOUT / "plugins"))

    assert (found["apps"], found["timetables"]) == ([], 2)


def test_the_block_of_these_tests_holds():
    with pytest.raises(AssertionError, match="fastapi is blocked"):
        run(LOAD.replace("made = ", "import fastapi; made = "), PLUGIN, "fastapi")


def test_airflow_finds_the_timetables_in_the_plugins_folder():
    code = """
import json
from airflow import plugins_manager as plugins
print(json.dumps({"found": sorted(plugins.get_timetables_plugins()), "errors": plugins.get_import_errors()}))
"""

    assert run(code, AIRFLOW__CORE__PLUGINS_FOLDER=str(CHECKOUT / "plugins")) == {
        "found": [
            f"{OURS}.orchestration.timetable.ReportTimetable",
            f"{OURS}.orchestration.timetable.RestingTimetable",
        ],
        "errors": {},
    }


def test_the_plugin_is_the_only_file_of_the_plugins_folder_because_airflow_loads_every_one():
    assert [path.name for path in (CHECKOUT / "plugins").rglob("*.py")] == ["scheduled_reports_plugin.py"]


@pytest.mark.parametrize("task", ["query", "formats.upload"])
def test_a_task_start_makes_its_dag_without_a_database_and_imports_nothing_heavy(task):
    found = load(REPORTS, _AIRFLOW_PARSING_CONTEXT_DAG_ID="scheduled_report_r1", _AIRFLOW_PARSING_CONTEXT_TASK_ID=task)

    assert found["dags"].keys() == {"scheduled_report_r1"}
    assert task in found["dags"]["scheduled_report_r1"]
    assert packages(found) & HEAVY == set()


def test_a_parse_imports_of_all_that_only_the_database_driver(migrated_dsn, reports_db):
    reports_db(migrated_dsn)

    found = load(REPORTS)

    assert found["dags"].keys() == {"scheduled_report_r1"}
    assert packages(found) & HEAVY == {"psycopg"}


def test_the_upkeep_file_makes_one_dag_with_one_task_and_imports_nothing_heavy():
    found = load(UPKEEP)

    assert found["dags"] == {"scheduled_reports_upkeep": ["look_after"]}
    assert packages(found) & HEAVY == set()


def test_the_upkeep_file_says_the_two_words_that_airflow_looks_for():
    text = (CHECKOUT / UPKEEP).read_text(encoding="utf-8").lower()

    assert "dag" in text
    assert "airflow" in text
