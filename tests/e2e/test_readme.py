"""The README's example on a running Airflow, exactly as printed there."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from urllib.parse import quote

import pytest

pytestmark = pytest.mark.timeout(300)

README = (Path(__file__).parents[2] / "README.md").read_text()
DAG_ID = "scheduled_report_weekly"
HANNA = "hanna.lindqvist@acme-robotics.example"
WORKSPACE = "demo-workspace-acme"


def block(language, start):
    """Return the code block of the README in this language that begins with *start*."""
    found = re.findall(rf"^```{language}\n({re.escape(start)}.*?)^```$", README, flags=re.MULTILINE | re.DOTALL)
    assert len(found) == 1
    return found[0]


def request_parse(running):
    """Request a parse of the DAG file, so that the test need not wait for the next regular one."""
    token = running.api.get("/dags", limit=1)["dags"][0]["file_token"]
    running.api.request("PUT", f"/api/v2/parseDagFile/{quote(token, safe='')}")


def shell(running, script):
    """Run a script as a reader of the README would, but against the Airflow of the test."""
    if not shutil.which("curl"):
        pytest.skip("curl is not installed")
    airflow = running.stack.airflow
    assert script.count("http://127.0.0.1:8080") == 1
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script.replace("http://127.0.0.1:8080", airflow.url)],
        env={"PATH": os.environ["PATH"], "PASSWORD": airflow.passwords["admin"], "NO_PROXY": "*"},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    ).stdout


def test_the_row_of_the_readme_runs_by_the_request_of_the_readme_and_is_mailed(running):
    running.rows(block("sql", "INSERT INTO scheduled_reports"))
    request_parse(running)
    running.api.wait_for_dag(DAG_ID)

    answer = json.loads(shell(running, block("sh", "export AIRFLOW=")))

    run_id = answer["dag_run_id"]
    assert answer["dag_id"] == DAG_ID
    assert running.api.wait_for_run(DAG_ID, run_id)["state"] == "success", running.api.failures(DAG_ID, run_id)
    (execution,) = running.executions("weekly")
    assert (execution["format"], execution["status"], execution["triggered_manually"]) == ("CSV", "COMPLETED", True)
    assert execution["record_count"] == 30  # one row for each day of the period
    (run,) = running.rows("SELECT * FROM reporting.runs WHERE report_id = 'weekly'")
    assert (run["window_end"] - run["window_start"]).days == 30
    (mail,) = running.mails_of("weekly")
    assert mail.recipients == (HANNA,)
    (report,) = running.rows("SELECT * FROM scheduled_reports WHERE id = 'weekly'")
    assert (report["last_run_status"], report["last_error"]) == ("success", None)


def test_the_row_of_the_readme_is_for_a_member_of_its_workspace(running):
    """Other addresses are refused in `recipients`, so the example would fail with one."""
    members = running.rows(
        """SELECT u.email FROM workspace_members m JOIN users u ON u.id = m.user_id
           WHERE m.workspace_id = %s AND m.user_id = 'demo-user-hanna-lindqvist'""",
        WORKSPACE,
    )

    assert [row["email"] for row in members] == [HANNA]
