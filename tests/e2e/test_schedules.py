"""Schedules, edits and outages on a running Airflow whose database connection can be cut.

Airflow's staleness settings, our grace period and our tombstones are short here, so that minutes stand for hours.
"""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from demo.__main__ import plan
from demo.airflow_api import ApiError
from demo.processes import free_port
from tests.e2e.conftest import ready, start
from tests.e2e.proxy import Proxy

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

CHECKOUT = Path(__file__).parents[2]
GRACE = 20
STALENESS = 10
INSERT = """
INSERT INTO scheduled_reports
    (id, name, "reportType", cron_expression, timezone, is_active, status, export_formats, parameters, email_enabled,
     email_recipients, email_include_attachment, workspace_id, created_by_id, updated_at)
SELECT %s, %s, 'channel-analytics', %s, 'UTC', true, 'ACTIVE', '{csv}',
       '{"dateRange": {"type": "custom", "startDate": "2026-05-01", "endDate": "2026-05-07"}}',
       true, '{ann@neolith.example}', true, 'demo-workspace-acme', 'demo-user-hanna-lindqvist', now()
"""


class Scene:
    """A running stack, and the proxy in front of its reports database."""

    def __init__(self, running, proxies):
        self.running, self.proxies = running, proxies
        self.api, self.rows = running.api, running.rows

    @property
    def proxy(self):
        return self.proxies[0]

    def add(self, report_id, cron, name="A report"):
        self.rows(INSERT, report_id, name, cron)
        return f"scheduled_report_{report_id}"

    def dag(self, dag_id):
        return self.api.get(f"/dags/{dag_id}")

    def runs(self, dag_id):
        return self.api.get(f"/dags/{dag_id}/dagRuns")["dag_runs"]

    def wait(self, condition, seconds, what):
        self.running.wait(condition, seconds=seconds, what=what)

    def present(self, dag_id):
        return self.api.has_dag(dag_id)

    def absent(self, dag_id):
        try:
            return self.dag(dag_id)["is_stale"]
        except ApiError as error:
            return error.status == 404

    def missed(self, report_id):
        return self.rows("SELECT * FROM reporting.missed_ticks WHERE report_id = %s", report_id)

    def settled(self, report_id):
        found = self.rows("SELECT * FROM reporting.runs WHERE report_id = %s ORDER BY scheduled_for", report_id)
        return [run for run in found if run["settled_at"] is not None]


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    proxies = []

    def through_a_proxy(dsn):
        proxies.append(Proxy.start(urlsplit(dsn).port))
        return dsn.replace(f":{urlsplit(dsn).port}/", f":{proxies[0].port}/")

    base = plan(tmp_path_factory.mktemp("schedules"), free_port())
    env = {
        **base.env,
        "SCHEDULED_REPORTS__RETRIES": "5",
        "SCHEDULED_REPORTS__RETRY_SECONDS": "4",
        "SCHEDULED_REPORTS__GRACE_SECONDS": str(GRACE),
        "SCHEDULED_REPORTS__LOST_TICK_SECONDS": "30",
        "SCHEDULED_REPORTS__TOMBSTONE_SECONDS": "20",
        "SCHEDULED_REPORTS__LAST_GOOD": str(base.folder / "last-good.json"),
        "AIRFLOW__DAG_PROCESSOR__STALE_DAG_THRESHOLD": str(STALENESS),
        "AIRFLOW__SCHEDULER__PARSING_CLEANUP_INTERVAL": str(STALENESS),
    }
    with start(replace(base, env=env, detour=through_a_proxy)) as stack:
        yield Scene(ready(stack), proxies)


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


class TestClosedDays:
    def test_a_tick_is_moved_to_the_open_day_before_and_a_new_closed_day_takes_one_away(self, scene):
        soon = (datetime.now(UTC) + timedelta(seconds=150)).replace(second=0, microsecond=0)
        today, next_day = soon.date(), soon.date() + timedelta(days=1)
        scene.rows(
            "INSERT INTO reporting.calendars (workspace_id, code, weekend, dates) VALUES "
            "('demo-workspace-acme', 'closed-tomorrow', '{}', %s), ('demo-workspace-acme', 'inventory', '{}', '{}')",
            [next_day],
        )
        moved = scene.add("moved-tick", f"{soon.minute} {soon.hour} {next_day.day} * *")
        closed = scene.add("closed-today", f"{soon.minute} {soon.hour} * * *")
        options = "UPDATE reporting.report_options SET options = %s WHERE report_id = %s"
        scene.rows(options, '{"calendar": "closed-tomorrow", "onClosed": "before"}', "moved-tick")
        scene.rows(options, '{"calendar": "inventory"}', "closed-today")
        for dag_id in (moved, closed):
            scene.api.wait_for_dag(dag_id)
            scene.wait(lambda dag_id=dag_id: planned(scene, dag_id) == soon, 60, f"{dag_id} to wait for today's tick")

        scene.rows("UPDATE reporting.calendars SET dates = %s WHERE code = 'inventory'", [today])

        scene.wait(lambda: planned(scene, closed) == soon + timedelta(days=1), 60, "the new closed day")
        scene.wait(lambda: scene.settled("moved-tick"), 240, "the moved tick")
        (run,) = scene.settled("moved-tick")
        assert (run["scheduled_for"], run["state"]) == (soon, "success")
        assert run["frozen"]["row"]["calendar"]["dates"] == [str(next_day)]
        assert scene.runs(closed) == []
        assert next_run(scene, "closed-today").replace(tzinfo=UTC) == soon + timedelta(days=1)


def planned(scene, dag_id):
    """Return the moment of the DAG's next run."""
    moment = scene.dag(dag_id)["next_dagrun_run_after"]
    return None if moment is None else datetime.fromisoformat(moment)


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


def days_ago(dag):
    """Return whether the DAG's next run is days overdue."""
    planned = dag["next_dagrun_run_after"]
    return planned is not None and datetime.fromisoformat(planned) < datetime.now(UTC) - timedelta(days=2)


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
        scene.wait(lambda: next_run(scene, "paused-resumed") is None, 90, "upkeep to write next_run")
        scene.rows("UPDATE scheduled_reports SET status = 'ACTIVE' WHERE id = 'paused-resumed'")

        scene.wait(lambda: scene.dag(dag_id)["next_dagrun_run_after"] is not None, 60, "the schedule")
        scene.wait(lambda: next_run(scene, "paused-resumed") is not None, 90, "upkeep to write next_run")
        planned = datetime.fromisoformat(scene.dag(dag_id)["next_dagrun_run_after"])
        assert next_run(scene, "paused-resumed").replace(tzinfo=UTC) == planned
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


def next_run(scene, report_id):
    (row,) = scene.rows("SELECT next_run FROM scheduled_reports WHERE id = %s", report_id)
    return row["next_run"]


class TestAnOutage:
    @pytest.mark.parametrize(("policy", "sent"), [("skip", 0), ("latest", 1), ("all", 3)])
    def test_of_hours_sends_exactly_what_the_policy_says(self, scene, policy, sent):
        """Airflow sees a report that has been effective for hours without a run, as after an outage."""
        report_id = f"away-for-hours-{policy}"
        minute = (datetime.now(UTC) - timedelta(minutes=3)).minute
        scene.rows(
            f"""
            WITH added AS ({INSERT} RETURNING id)
            SELECT id FROM added
            """,
            report_id,
            policy,
            f"{minute} * * * *",
        )
        # The trigger has set the moment of the insert; a parse in between finds nothing to do before the next hour.
        scene.rows(
            "UPDATE reporting.report_options SET missed_runs = %s, effective_from = now() - interval '2 h 30 min' "
            "WHERE report_id = %s",
            policy,
            report_id,
        )

        # The scheduler makes the runs one by one, until upkeep records the others as missed.
        def dealt_with():
            ticks = {run["scheduled_for"] for run in scene.settled(report_id)}
            for record in scene.missed(report_id):
                ticks |= {record["first_tick"] + timedelta(hours=1) * number for number in range(record["ticks"])}
            return len(ticks) == 3 and len(successes()) == sent

        def successes():
            return [run for run in scene.settled(report_id) if run["state"] == "success"]

        scene.wait(dealt_with, 240, "the three missed ticks to be dealt with")

        skipped = [run for run in scene.settled(report_id) if run["state"] == "skipped"]
        assert all("missed while Airflow was not running" in run["reason"] for run in skipped)
        ran = [run["scheduled_for"] for run in successes()]
        assert ran == sorted(set(ran))
        assert [tick.minute for tick in ran] == [minute] * sent
        assert len(scene.running.mails_of(report_id)) == sent
        assert len(scene.running.executions(report_id)) == sent

    def test_a_tick_that_airflow_has_passed_by_is_made_good_once_but_not_while_the_dag_is_paused(self, scene):
        minute = (datetime.now(UTC) - timedelta(minutes=3)).minute
        dag_id = scene.add("passed-by", f"{minute} * * * *")
        since = "UPDATE reporting.report_options SET missed_runs = 'all', effective_from = now() - interval '{}', "
        since += "checked_to = NULL WHERE report_id = 'passed-by'"
        scene.rows(since.format("30 min"))
        scene.wait(lambda: len(scene.settled("passed-by")) == 1, 120, "the newest tick to run")
        scene.api.patch(f"/dags/{dag_id}", {"is_paused": True})

        # Airflow's last run is the newest tick: it never looks for the one before it.
        scene.rows(since.format("1 h 30 min"))
        rounds = len(scene.runs("scheduled_reports_upkeep"))
        scene.wait(lambda: len(scene.runs("scheduled_reports_upkeep")) > rounds + 1, 150, "a round of upkeep")
        assert scene.rows("SELECT * FROM reporting.due_ticks WHERE report_id = 'passed-by'") == []
        scene.api.patch(f"/dags/{dag_id}", {"is_paused": False})

        scene.wait(lambda: len(scene.settled("passed-by")) == 2, 150, "the lost tick to be made good")
        late, newest = scene.settled("passed-by")
        assert (late["kind"], late["state"], newest["state"]) == ("scheduled", "success", "success")
        assert late["run_id"] == f"late__{late['scheduled_for'].isoformat()}"
        assert newest["scheduled_for"] - late["scheduled_for"] == timedelta(hours=1)
        assert len(scene.running.mails_of("passed-by")) == 2

    def test_of_the_scheduler_and_a_pause_in_airflow_follow_the_policy_too(self, scene):
        tick = datetime.now(UTC).replace(second=0, microsecond=0) + timedelta(minutes=2)
        dags = {policy: scene.add(f"down-{policy}", f"{tick.minute} * * * *") for policy in ("skip", "latest", "all")}
        dags["paused"] = scene.add("down-paused", f"{tick.minute} * * * *")
        scene.rows("UPDATE reporting.report_options SET missed_runs = 'skip' WHERE report_id = 'down-paused'")
        for policy in ("skip", "latest", "all"):
            scene.rows(
                "UPDATE reporting.report_options SET missed_runs = %s WHERE report_id = %s", policy, f"down-{policy}"
            )
        for dag_id in dags.values():
            scene.api.wait_for_dag(dag_id)
        scene.api.patch(f"/dags/{dags['paused']}", {"is_paused": True})
        for_days = scene.add("down-for-days", f"{(tick - timedelta(minutes=20)).minute} * * * *")
        scene.api.wait_for_dag(for_days)
        airflow = scene.running.stack.airflow

        airflow.children["scheduler"].stop()
        # The scheduler has stored the run of three days ago, as when it was stopped then.
        scene.rows(
            "UPDATE reporting.report_options SET effective_from = now() - interval '3 days' "
            "WHERE report_id = 'down-for-days'"
        )
        scene.wait(lambda: days_ago(scene.dag(for_days)), 60, "the parse to plan the oldest run")
        scene.wait(
            lambda: datetime.now(UTC) > tick + timedelta(seconds=GRACE + 5), 200, "the tick and the grace to pass"
        )
        back = datetime.now(UTC)
        restarted = airflow.restart("scheduler")
        try:
            scene.wait(lambda: scene.running.mails_of("down-for-days"), 60, "the first mail of the hourly report")
            assert datetime.now(UTC) - back < timedelta(seconds=60)
            scene.api.patch(f"/dags/{dags['paused']}", {"is_paused": False})
            scene.wait(lambda: all(scene.settled(f"down-{name}") for name in dags), 180, "every tick to be dealt with")
            states = {name: [run["state"] for run in scene.settled(f"down-{name}")] for name in dags}
            assert states == {"skip": ["skipped"], "latest": ["success"], "all": ["success"], "paused": ["skipped"]}
            mails = {name: len(scene.running.mails_of(f"down-{name}")) for name in dags}
            assert mails == {"skip": 0, "latest": 1, "all": 1, "paused": 0}
            (record,) = scene.missed("down-for-days")
            skipped = [run for run in scene.settled("down-for-days") if run["state"] == "skipped"]
            before = [run for run in skipped if run["scheduled_for"] < record["first_tick"]]
            assert (record["ticks"] + len(before), record["policy"], record["made"]) == (72, "latest", 1)
            assert len(skipped) <= 8
            assert len(scene.running.mails_of("down-for-days")) == 1
        finally:
            scene.running.stack.exits.callback(restarted.children["scheduler"].stop)
