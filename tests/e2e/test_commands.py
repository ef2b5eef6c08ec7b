"""Airflow's own commands on a report's DAG."""

import json
import subprocess
import sys

import pytest

pytestmark = [pytest.mark.timeout(600), pytest.mark.slow]


def airflow(running, *arguments):
    """Run an airflow command as an operator of this Airflow does."""
    return subprocess.run(
        [sys.executable, "-P", "-m", "airflow", *arguments],
        env=dict(running.stack.airflow.env),
        cwd=running.stack.airflow.folder,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_dags_test_runs_a_report_to_its_mail(running):
    report_id = "demo-report-tokyo-morning"
    dag_id = f"scheduled_report_{report_id}"
    running.api.wait_for_dag(dag_id)
    # The command and the scheduler would write the same row of Airflow's at once, and can deadlock.
    running.api.patch(f"/dags/{dag_id}", {"is_paused": True})

    done = airflow(running, "dags", "test", dag_id)

    running.api.patch(f"/dags/{dag_id}", {"is_paused": False})
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    executions = running.executions(report_id)
    assert {row["status"] for row in executions} == {"COMPLETED"}
    assert {(row["triggered_by"], row["triggered_manually"]) for row in executions} == {("airflow:dag_test", True)}
    assert len(running.mails_of(report_id)) == 1
    # The DAG keeps its schedule and its name, because the command stores what it has parsed.
    dag = running.api.get(f"/dags/{dag_id}")
    assert dag["timetable_summary"].endswith("(Asia/Tokyo)")


def test_dags_trigger_passes_its_conf_on(running):
    report_id, dag_id = "demo-report-studio-nightly", "scheduled_report_demo-report-studio-nightly"
    running.api.wait_for_dag(dag_id)

    done = airflow(running, "dags", "trigger", dag_id, "--conf", json.dumps({"formats": ["html"]}), "-o", "json")

    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    (run,) = running.api.get(f"/dags/{dag_id}/dagRuns")["dag_runs"]
    assert running.api.wait_for_run(dag_id, run["dag_run_id"])["state"] == "success"
    assert [row["format"] for row in running.executions(report_id)] == ["HTML"]
    assert running.mails_of(report_id) == []
