"""The application's code against a running Airflow: its routes create and trigger reports, and read the results."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.integration.node import call, require

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

CLIENT = Path(__file__).parents[2] / "prisma/client"
WORKSPACE = {"id": "demo-workspace-acme", "name": "Acme", "slug": "acme"}
HANNA = {"id": "demo-user-hanna-lindqvist", "role": "OWNER"}
BODY = {
    "name": "By the application",
    "reportType": "channel-analytics",
    "cronExpression": "0 3 1 1 *",
    "timezone": "Europe/Berlin",
    "exportFormats": ["csv", "json"],
    "parameters": {"dateRange": {"type": "custom", "startDate": "2026-05-01", "endDate": "2026-05-07"}},
    "emailDelivery": {"enabled": True, "recipients": ["hanna@acme.example"]},
}


def test_the_example_of_the_node_client_creates_runs_waits_and_downloads(running, tmp_path):
    token = running.api.session.headers["Authorization"].removeprefix("Bearer ")
    file = tmp_path / "report.csv"
    env = {
        "PATH": os.environ["PATH"], "AIRFLOW": running.stack.airflow.url, "TOKEN": token,
        "WORKSPACE": "core:demo-workspace-acme", "OWNER": HANNA["id"],
    }  # fmt: skip

    done = subprocess.run(
        ["node", CLIENT / "example.mjs", file], env=env, capture_output=True, text=True, timeout=300, check=False
    )

    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    (execution,) = running.executions(told["report"])
    assert (execution["format"], execution["status"]) == ("CSV", "COMPLETED")
    assert file.read_bytes() == running.file(execution["file_url"])
    assert told["bytes"] == file.stat().st_size == execution["file_size"]


def test_a_report_that_the_application_creates_and_triggers_is_made_and_mailed_and_leaves_with_it(running):
    require()
    dsn = running.stack.reports_dsn
    (made,) = call(dsn, ["createReport", WORKSPACE, HANNA, BODY])
    report_id = made["body"]["id"]
    token = running.api.session.headers["Authorization"].removeprefix("Bearer ")
    trigger = ["triggerReport", WORKSPACE, HANNA, report_id, {"url": running.api.url, "token": token}]

    def answer():
        (given,) = call(dsn, trigger)
        return given if given["status"] != 503 else None  # until the DAG exists

    accepted = {}
    running.wait(lambda: accepted.update(answer() or {}) or accepted, seconds=120, what="the DAG of the new report")
    assert accepted["status"] == 202
    own = {"scheduled_report_id": report_id, "triggered_by": HANNA["id"], "triggered_manually": True}
    running.wait(
        lambda: running.rows("SELECT 1 FROM scheduled_reports WHERE id = %s AND run_count = 1", report_id),
        seconds=240,
        what="the run to be counted",
    )

    done = [row for row in running.executions(report_id) if row["status"] == "COMPLETED"]
    assert {row["format"] for row in done} == {"CSV", "JSON"}
    assert all(row | own == row for row in done)
    assert accepted["body"]["executionJob"]["id"] in {row["id"] for row in done}
    (read,) = call(dsn, ["readReport", WORKSPACE, report_id])
    assert (read["body"]["runCount"], read["body"]["lastRunStatus"]) == (1, "success")
    (mail,) = running.mails_of(report_id)
    assert "hanna@acme.example" in str(mail.recipients)

    (gone,) = call(dsn, ["deleteReport", WORKSPACE, HANNA, report_id])
    assert gone["status"] == 200
    assert running.executions(report_id) == []
