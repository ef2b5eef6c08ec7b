"""An Airflow with only the wheel on its path and one line in its DAGs folder."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from dataclasses import dataclass, fields, replace
from email import message_from_bytes
from email.policy import default
from typing import TYPE_CHECKING

import pytest

from demo.__main__ import REPORT, plan, run_one
from demo.processes import free_port
from demo.stack import Stack
from include.scheduled_reports.settings import Settings
from tests.e2e.conftest import UNTIL, Running
from tests.wheel import CHECKOUT, build, install

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.timeout(600), pytest.mark.slow]

#: The line in docs/install.md.
LINE = "from scheduled_reports.dags import *  # Airflow DAGs of reports\n"


@dataclass(frozen=True)
class Guest:
    """The Airflow, and the folder of the installed wheel."""

    stack: Stack
    site: Path

    def command(self, *arguments):
        """Run a Python module with the environment of this Airflow's processes."""
        return command(self.site, *arguments, env=self.stack.airflow.env)


def consumer():
    """Return the DAG in docs/operate.md that starts on a report."""
    blocks = re.findall(r"```python\n(.*?)```", (CHECKOUT / "docs/operate.md").read_text(), flags=re.DOTALL)
    (found,) = (block for block in blocks if "triggering_asset_events" in block)
    return found


def command(site, *arguments, env):
    done = subprocess.run(
        [sys.executable, "-P", "-m", *arguments],
        env={**env, "PYTHONPATH": str(site)},
        cwd=site,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def guest(tmp_path_factory):
    folder = tmp_path_factory.mktemp("guest")
    site = install(build(folder / "dist"), folder / "site")
    dags = folder / "dags"
    dags.mkdir()
    (dags / "anything.py").write_text(LINE)
    (dags / "archive.py").write_text(consumer())

    def fill(dsn):
        # The wheel leaves the sample data out.
        seed = ("include.scheduled_reports", "seed-demo", "--until", UNTIL.isoformat(), "--dsn", dsn)
        subprocess.run([sys.executable, "-m", *seed], cwd=CHECKOUT, check=True, timeout=120)

    # `checkout` is put on PYTHONPATH and may have a plugins folder; this one has none.
    with Stack.start(replace(plan(folder / "stack", free_port()), checkout=site, dags=dags), before_airflow=fill) as it:
        yield Guest(it, site)


@pytest.fixture(scope="module")
def delivered(guest):
    return run_one(guest.stack)


def test_the_line_in_the_documents_is_the_one_that_is_tested():
    page = (CHECKOUT / "docs/install.md").read_text()

    assert f"```python\n{LINE}```" in page
    assert page.count("from scheduled_reports.dags import") == page.count(LINE.strip()) == 2  # one in the image


def test_a_row_becomes_a_mail(guest, delivered):
    running = Running(guest.stack, guest.stack.airflow.api())

    assert {row["status"] for row in running.executions(REPORT)} == {"COMPLETED"}
    (mail,) = running.mails_of(REPORT)
    attached = list(message_from_bytes(mail.raw, policy=default).iter_attachments())
    assert len(attached) == len(running.executions(REPORT)) > 0


def events_of(api):
    """Return the asset events of the report."""
    found = api.items("/assets/events", "asset_events", source_dag_id=f"scheduled_report_{REPORT}")
    return [event for event in found if event["uri"] == f"scheduled-reports://demo-workspace-acme/{REPORT}"]


def test_another_dag_starts_on_the_report_with_its_files_and_only_once(guest, delivered):
    api, dag_id = guest.stack.airflow.api(), f"scheduled_report_{REPORT}"
    running = Running(guest.stack, api)
    runs = "/dags/archive/dagRuns"
    running.wait(lambda: list(api.items(runs, "dag_runs")), seconds=120, what="the other DAG to start")
    (started,) = api.items(runs, "dag_runs")

    assert api.wait_for_run("archive", started["dag_run_id"])["state"] == "success"
    path = f"{runs}/{started['dag_run_id']}/taskInstances/copy/xcomEntries/return_value"
    # A list is shown as text by some versions of the API.
    assert set(re.findall(r"s3://[^'\", \]]+", json.dumps(api.get(path)["value"]))) == {
        row["file_url"] for row in running.executions(REPORT)
    }
    (event,) = events_of(api)
    assert (event["source_task_id"], event["source_run_id"]) == ("record", event["extra"]["run_id"])

    # Recorded again after a clear, the run is no news.
    run_id = event["source_run_id"]
    api.post(f"/dags/{dag_id}/clearTaskInstances", {"dry_run": False, "dag_run_id": run_id, "task_ids": ["record"],
                                                    "only_failed": False, "reset_dag_runs": True})  # fmt: skip
    assert api.wait_for_run(dag_id, run_id)["state"] == "success"
    tries = {one["task_id"]: one["try_number"] for one in api.task_instances(dag_id, run_id)}
    assert tries["record"] == 2
    assert events_of(api) == [event]


def test_a_test_of_the_report_starts_no_other_dag(guest, delivered):
    api, dag_id = guest.stack.airflow.api(), f"scheduled_report_{REPORT}"
    before = events_of(api)
    (member,) = Running(guest.stack, api).rows(
        "SELECT min(u.email) AS email FROM users u JOIN workspace_members m ON m.user_id = u.id"
        " WHERE m.workspace_id = 'demo-workspace-acme' AND u.status = 'ACTIVE'"
    )
    run_id = api.trigger(dag_id, {"test": True, "recipients": [member["email"]]})

    assert api.wait_for_run(dag_id, run_id)["state"] == "success"
    assert events_of(api) == before


def test_no_process_has_seen_the_checkout(guest, delivered):
    (dag,) = (
        row for row in guest.stack.airflow.api().items("/dags", "dags") if row["dag_id"] == f"scheduled_report_{REPORT}"
    )

    assert dag["relative_fileloc"] == "anything.py"
    path = "import importlib.util as u, json; print(json.dumps([u.find_spec(n) is None for n in ('include', 'demo')]))"
    done = subprocess.run(
        [sys.executable, "-P", "-c", path],
        env=dict(guest.stack.airflow.env),
        cwd=guest.site,
        check=True,
        capture_output=True,
        text=True,
    )
    assert json.loads(done.stdout) == [True, True]


def test_upkeep_is_there_and_nothing_failed_to_import(guest, delivered):
    api = guest.stack.airflow.api()

    assert api.get("/dags/scheduled_reports_upkeep")["is_paused"] is False
    assert list(api.items("/importErrors", "import_errors")) == []
    assert api.get("/plugins/importErrors")["import_errors"] == []


def test_airflow_lists_the_plugin_once_and_says_that_it_comes_from_the_wheel(guest):
    listed = json.loads(guest.command("airflow", "plugins", "-o", "json").splitlines()[-1])

    (ours,) = (plugin for plugin in listed if plugin["name"] == "scheduled_reports")
    assert ours["source"].startswith("scheduled-reports==")
    (served,) = (one for one in guest.stack.airflow.api().get("/plugins")["plugins"] if one["name"] == ours["name"])
    assert [view["name"] for view in served["external_views"]] == ["Reports", "Report"]
    assert sorted(served["timetables"]) == [
        "scheduled_reports.orchestration.timetable.ReportTimetable",
        "scheduled_reports.orchestration.timetable.RestingTimetable",
    ]


def test_airflow_lists_the_provider_with_its_version_and_every_setting(guest):
    listed = json.loads(guest.command("airflow", "providers", "list", "-o", "json").splitlines()[-1])
    (ours,) = (provider for provider in listed if provider["package_name"] == "scheduled-reports")
    assert ours["version"] == tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]["version"]
    assert ours["description"].startswith("Scheduled reports for Airflow: rows of a PostgreSQL table")

    shown = guest.command(
        "airflow", "config", "list", "--section", "scheduled_reports", "--defaults", "--include-descriptions"
    )
    found = set(re.findall(r"^(?:# )?(\w+) = ", shown, flags=re.MULTILINE))
    assert found == {field.name for field in fields(Settings)}
    assert "The bucket for artifacts." in shown
    links = guest.command("airflow", "providers", "links", "-o", "json").splitlines()[-1]
    assert {name for name in json.dumps(json.loads(links)).split('"') if name.startswith("scheduled_reports.")} == {
        f"scheduled_reports.orchestration.task_links.{name}" for name in ("FileLink", "RunLink")
    }


def test_a_setting_in_airflows_own_variable_reaches_the_product_beside_the_defaults_of_the_provider(guest):
    code = (
        "from scheduled_reports.orchestration import airflow_settings as a;"
        "s = a.read(); print(s.row_limit, s.bucket, s.mail_via)"
    )
    env = {**guest.stack.airflow.env, "PYTHONPATH": str(guest.site), "AIRFLOW__SCHEDULED_REPORTS__ROW_LIMIT": "77"}
    done = subprocess.run(
        [sys.executable, "-P", "-c", code], env=env, cwd=guest.site, check=True, capture_output=True, text=True
    )

    bucket = guest.stack.airflow.env["SCHEDULED_REPORTS__BUCKET"]
    # Airflow has written the defaults of the provider into its airflow.cfg.
    assert done.stdout.splitlines()[-1] == f"77 {bucket} ses"


def test_the_api_answers_and_the_pages_are_served_with_their_style_and_script(guest, delivered):
    api = guest.stack.airflow.api()
    root = "/scheduled-reports"
    reports = api.request("GET", f"{root}/api/workspaces/core:demo-workspace-acme/reports/scheduled").json()

    assert REPORT in json.dumps(reports)
    page = api.request("GET", f"{root}/").text
    assert "Weekly" in page
    for kind in ("css", "js"):
        (name,) = (
            word.partition("?")[0].rpartition("/")[2]
            for word in page.replace('"', " ").split()
            if word.partition("?")[0].endswith(f"/app.{kind}")
        )
        file = (CHECKOUT / f"include/scheduled_reports/web/pages/static/{name}").read_text()
        assert api.request("GET", f"{root}/static/{name}").text == file


def test_beside_a_checkout_the_plugin_is_registered_once_and_the_second_is_named(guest):
    both = os.pathsep.join((str(guest.site), str(CHECKOUT)))
    code = (
        "import json; from airflow import plugins_manager as p; import airflow;"
        "found, errors = p._get_plugins();"
        "print(json.dumps([[f.name for f in found].count('scheduled_reports'), errors]))"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", code],
        env={**guest.stack.airflow.env, "PYTHONPATH": both, "AIRFLOW__CORE__PLUGINS_FOLDER": str(CHECKOUT / "plugins")},
        cwd=guest.site,
        check=True,
        capture_output=True,
        text=True,
    )
    count, errors = json.loads(done.stdout.splitlines()[-1])

    assert count == 1
    assert [text for text in errors.values() if "already registered" in text]
