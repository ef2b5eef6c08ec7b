"""Schedules and edits on a running Airflow whose database connection can be cut."""

from __future__ import annotations

import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.e2e.schedule_scene import STALENESS, opened

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

CHECKOUT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    with opened(tmp_path_factory.mktemp("schedules")) as found:
        yield found


def minutes_ago(count):
    """Return a daily cron for a time some minutes ago."""
    moment = datetime.now(UTC) - timedelta(minutes=count)
    return f"{moment.minute} {moment.hour} * * *"


class TestNothingIsSentForATickBeforeTheChange:
    def test_when_a_report_is_created_resumed_or_re_scheduled_after_its_time(self, scene):
        soon = (datetime.now(UTC) + timedelta(hours=2)).strftime("%M %H * * *")
        created = scene.add("late-created", minutes_ago(5))
        resumed = scene.add("late-resumed", minutes_ago(5))
        moved = scene.add("late-moved", soon)
        scene.rows("UPDATE scheduled_reports SET is_active = false WHERE id = 'late-resumed'")
        for dag_id in (created, resumed, moved):
            scene.api.wait_for_dag(dag_id)
        scene.wait(lambda: scene.dag(resumed)["next_dagrun_run_after"] is None, 60, "the pause")

        scene.rows("UPDATE scheduled_reports SET is_active = true WHERE id = 'late-resumed'")
        scene.rows("UPDATE scheduled_reports SET cron_expression = %s WHERE id = 'late-moved'", minutes_ago(5))

        for dag_id in (created, resumed, moved):
            scene.wait(lambda dag_id=dag_id: tomorrow(scene.dag(dag_id)), 90, f"{dag_id} to wait for tomorrow")
        # The scheduler has processed them since: it has started the upkeep of the next minute.
        before = len(scene.runs("scheduled_reports_upkeep"))
        scene.wait(lambda: len(scene.runs("scheduled_reports_upkeep")) > before, 90, "the scheduler to go round")
        assert [scene.runs(dag_id) for dag_id in (created, resumed, moved)] == [[], [], []]


def tomorrow(dag):
    """Return whether the DAG's next run is a day minus about five minutes away."""
    if dag["next_dagrun_run_after"] is None:
        return False
    away = datetime.fromisoformat(dag["next_dagrun_run_after"]) - datetime.now(UTC)
    return timedelta(hours=23, minutes=40) < away < timedelta(hours=24)


class TestTheDatabaseIsAway:
    def test_no_dag_disappears_the_run_finishes_and_edits_arrive_afterwards(self, scene):
        report_id, dag_id = "demo-report-weekly-activity", "scheduled_report_demo-report-weekly-activity"
        scene.api.wait_for_dag(dag_id)
        all_dags = {dag["dag_id"] for dag in scene.api.items("/dags", "dags", exclude_stale=True)}
        run_id = scene.api.trigger(dag_id, {"formats": ["csv", "json"]})
        scene.wait(lambda: state(scene, dag_id, run_id, "query") == "success", 120, "query to have frozen the run")

        scene.proxy.cut()
        lost = set()
        end = time.monotonic() + 4 * STALENESS
        while time.monotonic() < end:
            lost |= all_dags - {dag["dag_id"] for dag in scene.api.items("/dags", "dags", exclude_stale=True)}
            time.sleep(1)
        scene.rows("UPDATE scheduled_reports SET name = 'Edited meanwhile' WHERE id = %s", report_id)
        scene.proxy.mend()

        assert lost == set()
        assert list(scene.api.items("/importErrors", "import_errors")) == []
        scene.wait(lambda: scene.dag(dag_id)["dag_display_name"] == "Edited meanwhile", 60, "the edit")
        assert scene.api.wait_for_run(dag_id, run_id, seconds=240)["state"] == "success"
        assert {row["status"] for row in scene.running.executions(report_id)} == {"COMPLETED"}


def state(scene, dag_id, run_id, task_id):
    tasks = scene.api.task_instances(dag_id, run_id)
    return next((task["state"] for task in tasks if task["task_id"] == task_id), None)


BROKEN = (
    ("cron_expression = '*/5 * * * *'", "cron_expression"),
    ("cron_expression = '@daily'", "cron_expression"),
    ("cron_expression = '0 0 31 2 *'", "cron_expression"),
    ("timezone = 'Mars/Olympus'", "timezone"),
    ("export_formats = '{docx}'", "export_formats"),
    ("export_formats = NULL", "export_formats"),
    ("email_recipients = '{}'", "email_recipients"),
    ("email_recipients = '{not an address}'", "email_recipients"),
    ("email_cc_recipients = array_fill('a@b.example'::text, '{21}')", "email_cc_recipients"),
    ("email_subject = repeat('x', 201)", "email_subject"),
    ("\"reportType\" = 'sales-forecast'", "reportType"),
    ("\"reportType\" = 'custom'", "parameters.customFilters"),
    ("parameters = '[]'", "parameters"),
    ('parameters = \'{"dateRange": {"type": "custom"}}\'', "parameters.dateRange"),
    ('parameters = \'{"channelIds": "all"}\'', "parameters.channelIds"),
    ("tags = array_fill('t'::text, '{21}')", "tags"),
    ("name = ''", "name"),
    ("description = repeat('x', 1001)", "description"),
    ("created_by_id = 'demo-user-viktor-petrov'", "created_by_id"),
    ("created_by_id = 'demo-user-otto-braun'", "created_by_id"),
)


class TestFiftyBrokenRowsAmongFiftyGoodOnes:
    def test_cost_the_good_ones_nothing_and_are_listed_with_their_reasons(self, scene):
        good = [f"mixed-good-{number:02}" for number in range(50)]
        for report_id in good:
            scene.add(report_id, "0 3 1 1 *", f"Good {report_id}")
        expected = {}
        for number in range(50):
            change, column = BROKEN[number % len(BROKEN)]
            report_id = f"mixed-bad-{number:02}"
            scene.add(report_id, "0 3 1 1 *", f"Bad {report_id}")
            scene.rows(f"UPDATE scheduled_reports SET {change} WHERE id = %s", report_id)
            expected[report_id] = column

        for report_id in good:
            scene.api.wait_for_dag(f"scheduled_report_{report_id}", seconds=120)
        first, last = f"scheduled_report_{good[0]}", f"scheduled_report_{good[-1]}"
        run_ids = {dag_id: scene.api.trigger(dag_id) for dag_id in (first, last)}
        for dag_id, run_id in run_ids.items():
            assert scene.api.wait_for_run(dag_id, run_id)["state"] == "success", scene.api.failures(dag_id, run_id)

        def listed():
            return {
                row["id"]: (row["status"], row["last_error"])
                for row in scene.rows(
                    "SELECT id, status, last_error FROM scheduled_reports WHERE id LIKE 'mixed-bad%%'"
                )
            }

        scene.wait(lambda: all(status == "ERROR" for status, _ in listed().values()), 150, "upkeep to reject them")
        for report_id, (_, reasons) in listed().items():
            assert f"{expected[report_id]}: " in reasons, (report_id, reasons)
        printed = subprocess.run(
            [sys.executable, "-m", "include.scheduled_reports", "validate", "--dsn", scene.running.stack.reports_dsn],
            cwd=CHECKOUT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert printed.returncode == 1
        assert all(report_id in printed.stdout for report_id in expected)
        # A report that is corrected becomes what it was before, and has a DAG.
        scene.rows("UPDATE scheduled_reports SET timezone = 'UTC' WHERE id = 'mixed-bad-03'")
        scene.wait(lambda: listed()["mixed-bad-03"] == ("ACTIVE", None), 150, "upkeep to readmit the mended one")
        scene.api.wait_for_dag("scheduled_report_mixed-bad-03", seconds=60)
        scene.rows("DELETE FROM scheduled_reports WHERE id LIKE 'mixed-%%'")


class TestEdits:
    def test_two_within_seconds_both_arrive(self, scene):
        dag_id = scene.add("edited-twice", "0 3 1 1 *", "Before")
        scene.api.wait_for_dag(dag_id)

        scene.rows("UPDATE scheduled_reports SET name = 'First' WHERE id = 'edited-twice'")
        scene.wait(lambda: scene.dag(dag_id)["dag_display_name"] == "First", 60, "the first edit")
        scene.rows("UPDATE scheduled_reports SET name = 'Second' WHERE id = 'edited-twice'")

        scene.wait(lambda: scene.dag(dag_id)["dag_display_name"] == "Second", 60, "the second edit")

    def test_pausing_takes_the_schedule_away_and_resuming_gives_it_back(self, scene):
        dag_id = scene.add("paused-resumed", "0 3 * * *")
        scene.api.wait_for_dag(dag_id)

        scene.rows("UPDATE scheduled_reports SET status = 'PAUSED' WHERE id = 'paused-resumed'")
        scene.wait(lambda: scene.dag(dag_id)["next_dagrun_run_after"] is None, 60, "the pause")
        scene.wait(lambda: scene.next_run("paused-resumed") is None, 90, "upkeep to write next_run")
        scene.rows("UPDATE scheduled_reports SET status = 'ACTIVE' WHERE id = 'paused-resumed'")

        scene.wait(lambda: scene.dag(dag_id)["next_dagrun_run_after"] is not None, 60, "the schedule")
        scene.wait(lambda: scene.next_run("paused-resumed") is not None, 90, "upkeep to write next_run")
        planned = datetime.fromisoformat(scene.dag(dag_id)["next_dagrun_run_after"])
        assert scene.next_run("paused-resumed").replace(tzinfo=UTC) == planned
        assert (planned.hour, planned.minute) == (3, 0)

    def test_a_report_deleted_in_mid_run_lets_its_runs_end_and_then_its_dag_goes(self, scene):
        dag_id = scene.add("deleted-in-mid-run", "0 3 1 1 *")
        scene.api.wait_for_dag(dag_id)
        running, queued = scene.api.trigger(dag_id), scene.api.trigger(dag_id)
        scene.wait(lambda: state(scene, dag_id, running, "query") == "success", 120, "query to have frozen the run")

        scene.rows("DELETE FROM scheduled_reports WHERE id = 'deleted-in-mid-run'")

        assert scene.api.wait_for_run(dag_id, running)["state"] == "success", scene.api.failures(dag_id, running)
        assert scene.api.wait_for_run(dag_id, queued)["state"] == "failed"
        reasons = {run["run_id"]: (run["state"], run["reason"]) for run in scene.settled("deleted-in-mid-run")}
        assert reasons == {running: ("success", None), queued: ("failed", "the report has been deleted")}
        scene.wait(lambda: scene.absent(dag_id), 240, "the DAG to be let go")

    def test_a_row_spoiled_before_query_froze_it_or_before_its_mail_ends_the_run_with_the_reason(self, scene):
        dag_id = scene.add("spoiled", "0 3 1 1 *")
        scene.api.wait_for_dag(dag_id)
        first, second = scene.api.trigger(dag_id), scene.api.trigger(dag_id)
        scene.wait(lambda: state(scene, dag_id, first, "query") == "success", 120, "query to have frozen the run")

        scene.rows("UPDATE scheduled_reports SET timezone = 'Mars/Olympus' WHERE id = 'spoiled'")

        assert [scene.api.wait_for_run(dag_id, one)["state"] for one in (first, second)] == ["failed", "failed"]
        reasons = {run["run_id"]: run["reason"] for run in scene.settled("spoiled")}
        # Who gets the mail is read from the row when the mail is claimed.
        assert reasons[first].startswith("mail: the report is rejected, clear `email` when it is corrected")
        assert 'timezone: "Mars/Olympus"' in reasons[second]
