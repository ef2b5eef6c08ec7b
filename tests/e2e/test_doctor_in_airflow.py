"""The doctor where Airflow runs: nothing to say of the demo, and each fault that is planted in Airflow is named."""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from demo.stack import CHECKOUT

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

BUNDLES = json.dumps(
    [
        {
            "name": "scheduled-reports",
            "classpath": "include.scheduled_reports.orchestration.bundle.ReportsBundle",
            "kwargs": {},
        }
    ]
)
#: What an operator sets, and the level, subject and words of the line that names it.
PLANTED = {
    "no pool": (
        {"SCHEDULED_REPORTS__RENDER_POOL": "none"}, "fault", "airflow", "the pool none does not exist"
    ),
    "another machine": (
        {"AIRFLOW__CORE__EXECUTOR": "CeleryExecutor"}, "warning", "airflow", "may place the stages of a run on"
    ),
    "delivered again": (
        {
            "AIRFLOW__CORE__EXECUTOR": "CeleryExecutor",
            "AIRFLOW__CELERY_BROKER_TRANSPORT_OPTIONS__VISIBILITY_TIMEOUT": "600",
        },
        "warning", "airflow", "visibility_timeout is 600, a task may take 900 seconds",
    ),
    "parsed too often": (
        {
            "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST": BUNDLES,
            "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "30",
        },
        "warning", "airflow", "min_file_process_interval is 30",
    ),
    "parsed too slowly": (
        {"AIRFLOW__CORE__DAGBAG_IMPORT_TIMEOUT": "0.01"}, "fault", "airflow", "gives a file up after 0.01 s"
    ),
    "no database": (
        {"AIRFLOW_CONN_REPORTS_DB": ""}, "fault", "database", "the connection reports_db is not defined"
    ),
    "no mail server": (
        {"SCHEDULED_REPORTS__MAIL_VIA": "smtp", "SCHEDULED_REPORTS__FEEDBACK_QUEUE": ""},
        "fault", "mail", "the connection reports_smtp is not defined",
    ),
    "a wrong setting": (
        {"SCHEDULED_REPORTS__RETRIES": "many"}, "fault", "settings", "RETRIES"
    ),
}  # fmt: skip


def doctor(running, *arguments, **changes):
    """Run the command as an operator does on a machine of Airflow."""
    env = {name: value for name, value in {**running.stack.airflow.env, **changes}.items() if value}
    command = [sys.executable, "-m", "include.scheduled_reports", "doctor", *arguments]
    return subprocess.run(command, env=env, cwd=CHECKOUT, capture_output=True, text=True, timeout=200, check=False)


def test_the_demo_is_sound(running):
    running.wait(lambda: running.rows("SELECT 1 FROM reporting.feedback"), seconds=120, what="a round of upkeep")
    done = doctor(running)

    assert done.returncode == 0, done.stdout + done.stderr
    lines = [line for line in done.stdout.splitlines() if not line.startswith(("OK ", " "))]
    # The sample has reports that are invalid on purpose, and no configuration set publishes the demo's events.
    assert {line.split()[1] for line in lines} <= {"reports:", "mail:", "runs:"}
    assert "Airflow 3.3" in done.stdout


def test_each_planted_fault_is_named(running):
    def play(name):
        changes, level, subject, words = PLANTED[name]
        done = doctor(running, "--json", **changes)
        found = json.loads(done.stdout)
        named = [one for one in found if (one["level"], one["subject"]) == (level, subject) and words in one["text"]]
        return name, bool(named and named[0]["remedy"]), done.returncode, done.stdout

    with ThreadPoolExecutor(2) as pool:
        played = list(pool.map(play, PLANTED))

    assert [(name, told) for name, is_named, _, told in played if not is_named] == []
    # A fault ends the command with 1, a warning does not.
    expected = {name: int(level == "fault") for name, (_, level, _, _) in PLANTED.items()}
    assert {name: code for name, _, code, _ in played} == expected


def test_the_page_shows_what_it_found_and_nobody_without_the_right_sees_it(running):
    address = f"{running.stack.airflow.url}/scheduled-reports"
    page = running.stack.airflow.api("admin").session.get(f"{address}/doctor", timeout=120)
    assert page.status_code == 200
    assert "Examined in the API server" in page.text

    details = running.stack.airflow.api("admin").session.get(f"{address}/api/health/details", timeout=120).json()
    assert {"settings", "airflow", "database", "bucket", "staging", "mail"} <= {
        one["subject"] for one in details["findings"]
    }
    viewer = running.stack.airflow.api("viewer").session
    assert viewer.get(f"{address}/doctor", timeout=60).status_code == 403
