"""Outages, lost ticks and closed days on a running Airflow."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.e2e.schedule_scene import GRACE, INSERT, opened

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    with opened(tmp_path_factory.mktemp("outages")) as found:
        yield found


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
        assert scene.next_run("closed-today").replace(tzinfo=UTC) == soon + timedelta(days=1)


def planned(scene, dag_id):
    """Return the moment of the DAG's next run."""
    moment = scene.dag(dag_id)["next_dagrun_run_after"]
    return None if moment is None else datetime.fromisoformat(moment)


def days_ago(dag):
    """Return whether the DAG's next run is days overdue."""
    planned = dag["next_dagrun_run_after"]
    return planned is not None and datetime.fromisoformat(planned) < datetime.now(UTC) - timedelta(days=2)


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
