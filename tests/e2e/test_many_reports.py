"""The bundle on a running Airflow whose regular parses are ten minutes apart: every edit is live within seconds."""

from __future__ import annotations

import json
import time
from dataclasses import replace

import pytest

from demo.__main__ import plan
from demo.processes import free_port
from tests.e2e.conftest import ready, start

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

#: The time within which every edit must be live; on a loaded machine a parse alone takes seconds.
SOON = 15
BUNDLES = [
    {"name": "dags-folder", "classpath": "airflow.dag_processing.bundles.local.LocalDagBundle", "kwargs": {}},
    {
        "name": "scheduled-reports",
        "classpath": "include.scheduled_reports.orchestration.bundle.ReportsBundle",
        "kwargs": {"shards": 8},
    },
]
RARELY = {
    "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST": json.dumps(BUNDLES),
    "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "600",
    "AIRFLOW__DAG_PROCESSOR__BUNDLE_REFRESH_CHECK_INTERVAL": "5",
    "AIRFLOW__DAG_PROCESSOR__STALE_DAG_THRESHOLD": "2",
    "AIRFLOW__SCHEDULER__PARSING_CLEANUP_INTERVAL": "5",
    "SCHEDULED_REPORTS__TOMBSTONE_SECONDS": "5",
}
INSERT = """
INSERT INTO scheduled_reports
    (id, name, "reportType", cron_expression, timezone, export_formats, parameters, email_recipients,
     workspace_id, created_by_id, updated_at)
VALUES (%s, 'A report', 'channel-analytics', %s, 'UTC', '{csv}',
        '{"dateRange": {"type": "custom", "startDate": "2026-05-01", "endDate": "2026-05-07"}}',
        '{ann@neolith.example}', 'demo-workspace-acme', 'demo-user-hanna-lindqvist', now())
"""
FAR = "0 4 1 1 *"
SCHEDULED = "/scheduled-reports/api/workspaces/core:demo-workspace-acme/reports/scheduled"


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    base = plan(tmp_path_factory.mktemp("bundle"), free_port())
    home = {"AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_STORAGE_PATH": str(base.folder / "bundles")}
    last_good = {"SCHEDULED_REPORTS__LAST_GOOD": str(base.folder / "last-good.json")}
    with start(replace(base, env={**base.env, **RARELY, **home, **last_good})) as stack:
        running = ready(stack)
        running.wait(lambda: running.api.has_dag("scheduled_report_demo-report-weekly-activity"), seconds=120,
                     what="the DAGs of the bundle")  # fmt: skip
        yield running


def schedule(scene, report_id):
    """Return the cron that Airflow has for a report; None if it has no DAG."""
    dag_id = f"scheduled_report_{report_id}"
    if not scene.api.has_dag(dag_id):
        return None
    return scene.api.get(f"/dags/{dag_id}")["timetable_summary"]


def live(scene, cron, report_id):
    began = time.monotonic()
    scene.wait(lambda: (schedule(scene, report_id) or "").startswith(cron), seconds=4 * SOON, what=f"{cron} to be live")
    return time.monotonic() - began


def test_a_created_and_an_edited_row_are_live_soon_and_so_is_an_edit_right_after_a_creation(scene):
    scene.rows(INSERT, "one", FAR)
    created = live(scene, FAR, "one")
    scene.rows("UPDATE scheduled_reports SET cron_expression = '0 5 1 1 *' WHERE id = 'one'")
    at_once = live(scene, "0 5 1 1 *", "one")
    scene.rows("UPDATE scheduled_reports SET cron_expression = '0 6 1 1 *' WHERE id = 'one'")
    again = live(scene, "0 6 1 1 *", "one")

    assert max(created, at_once, again) < SOON


def test_an_edit_in_the_middle_of_a_parse_is_not_lost(scene):
    scene.rows(INSERT, "busy", FAR)
    for hour in range(1, 13):  # some of these edits come while their file is being parsed
        scene.rows("UPDATE scheduled_reports SET cron_expression = %s WHERE id = 'busy'", f"0 {hour} 2 1 *")
        time.sleep(0.7)

    assert live(scene, "0 12 2 1 *", "busy") < SOON


def test_a_deleted_row_rests_soon_and_then_goes(scene):
    scene.rows(INSERT, "leaving", FAR)
    live(scene, FAR, "leaving")

    scene.rows("DELETE FROM scheduled_reports WHERE id = 'leaving'")

    assert live(scene, "gone", "leaving") < SOON
    scene.wait(lambda: schedule(scene, "leaving") is None, seconds=180, what="the DAG of a deleted report to go")


def test_a_broken_row_costs_its_neighbours_nothing(scene):
    for number in range(30):
        scene.rows(INSERT, f"group-{number}", FAR)
    for number in range(30):
        live(scene, FAR, f"group-{number}")

    scene.rows("UPDATE scheduled_reports SET cron_expression = 'nonsense' WHERE id LIKE 'group-1%%'")
    scene.rows("UPDATE scheduled_reports SET cron_expression = '0 5 1 1 *' WHERE id LIKE 'group-2%%'")

    for number in range(20, 30):
        live(scene, "0 5 1 1 *", f"group-{number}")
    scene.wait(lambda: schedule(scene, "group-10") == "gone", seconds=120, what="a broken row's DAG to rest")
    assert schedule(scene, "group-3").startswith(FAR)
    assert scene.api.get("/importErrors")["total_entries"] == 0


def test_a_run_from_a_file_of_the_bundle_is_mailed(scene):
    dag_id = "scheduled_report_demo-report-weekly-activity"

    run_id = scene.api.trigger(dag_id, {"formats": ["csv"]})

    assert scene.api.wait_for_run(dag_id, run_id)["state"] == "success", scene.api.failures(dag_id, run_id)
    assert len(scene.mails_of("demo-report-weekly-activity")) >= 1
    assert scene.api.get(f"/dags/{dag_id}")["relative_fileloc"].startswith("scheduled_reports_")


def test_an_edit_through_the_api_is_live_without_waiting_for_the_next_look(scene):
    report_id = "demo-report-weekly-activity"

    scene.api.request("PUT", f"{SCHEDULED}/{report_id}", body={"cronExpression": "0 7 * * 1"})

    assert live(scene, "0 7 * * 1", report_id) < SOON
