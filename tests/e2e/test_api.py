"""The API inside a running Airflow: access checks, and a report from its creation to files, mail and deletion."""

from __future__ import annotations

import hashlib
import time
from email import message_from_bytes
from email.policy import default

import pytest
import requests

from tests.contract.api_table import TABLE, USERS, path

pytestmark = pytest.mark.timeout(600)

ROOT = "/scheduled-reports"
#: Two of the demo's workspaces have the slug `core`.
WORKSPACE = "core:demo-workspace-acme"
SCHEDULED = f"{ROOT}/api/workspaces/{WORKSPACE}/reports/scheduled"


@pytest.fixture(scope="module")
def creator(running):
    """Return an OWNER of the workspace."""
    (row,) = running.rows(
        """SELECT m.user_id, u.email FROM workspace_members m JOIN users u ON u.id = m.user_id
           WHERE m.workspace_id = 'demo-workspace-acme' AND m.role = 'OWNER' ORDER BY 1 LIMIT 1"""
    )
    return row


def new(creator, name, **fields):
    return {
        "name": name, "reportType": "workspace-activity", "cronExpression": "0 9 * * 1", "timezone": "Europe/Berlin",
        "exportFormats": ["csv", "html"], "createdBy": creator["user_id"], **fields,
    }  # fmt: skip


def test_everybody_gets_what_the_table_says_from_airflows_own_guard(running, creator):
    tokens = {user: running.stack.airflow.api(user).session for user in USERS}
    ids = {
        user: tokens["admin"]
        .post(f"{running.stack.airflow.url}{SCHEDULED}", json=new(creator, f"Guarded {user}"), timeout=60)
        .json()["id"]
        for user in USERS
    }
    wrong = []
    for (method, template), row in TABLE.items():
        for user in (None, *USERS):
            session = tokens[user] if user else requests.Session()
            address = f"{running.stack.airflow.url}{ROOT}{path(template, WORKSPACE, ids[user or 'admin'])}{row.query}"
            answer = session.request(method, address, json=row.body, timeout=60)
            if answer.status_code != row.expected(user):
                wrong.append(f"{method} {template} as {user}: {answer.status_code} {answer.text[:200]}")

    assert wrong == []


def test_airflows_cookie_alone_changes_nothing_unless_json_comes_with_it(running, creator):
    token = running.stack.airflow.api("admin").session.headers["Authorization"].removeprefix("Bearer ")
    url, cookie = f"{running.stack.airflow.url}{SCHEDULED}", {"_token": token}
    form = {"content-type": "text/plain"}

    assert requests.get(url, cookies=cookie, timeout=60).status_code == 200
    assert requests.post(url, cookies=cookie, data="{}", headers=form, timeout=60).status_code == 415
    assert requests.post(url, cookies=cookie, json=new(creator, "By cookie"), timeout=60).status_code == 201


def test_a_report_lives_from_its_making_to_its_end(running, creator):
    api = running.stack.airflow.api("op")
    base = f"{running.stack.airflow.url}{SCHEDULED}"

    def call(method, address, expected, **options):
        answer = api.session.request(method, f"{base}{address}", timeout=60, **options)
        assert answer.status_code == expected, answer.text
        return answer

    # created: its DAG exists within seconds
    mail = {"enabled": True, "recipients": [creator["email"]]}
    report_id = call("POST", "", 201, json=new(creator, "Made by API", emailDelivery=mail)).json()["id"]
    dag_id = f"scheduled_report_{report_id}"
    began = time.monotonic()
    api.wait_for_dag(dag_id, seconds=30)
    assert time.monotonic() - began < 15

    # changed: the edit is just as fast
    call("PUT", f"/{report_id}", 200, json={"name": "Changed by API"})
    running.wait(
        lambda: api.get(f"/dags/{dag_id}")["dag_display_name"] == "Changed by API", seconds=15, what="the new name"
    )

    # changed while parses are running: no edit waits until the next regular parse
    for number in range(6):
        call("PUT", f"/{report_id}", 200, json={"name": f"Changed {number} times"})
        time.sleep(0.3)
    running.wait(
        lambda: api.get(f"/dags/{dag_id}")["dag_display_name"] == "Changed 5 times", seconds=15, what="the newest name"
    )

    # run: pending at once, and not started twice; for a period that Airflow's form does not have
    asked = call("POST", f"/{report_id}/trigger", 202, json={"period": "last-week", "mail": True}).json()
    assert asked["executionJob"]["status"] == "PENDING"
    call("POST", f"/{report_id}/trigger", 409, json={})
    assert api.wait_for_run(dag_id, asked["runId"])["state"] == "success"
    (execution,) = running.rows("SELECT * FROM report_executions WHERE id = %s", asked["executionJob"]["id"])
    assert (execution["status"], execution["triggered_by"], execution["email_sent"]) == (
        "COMPLETED",
        "airflow:op",
        True,
    )
    assert len(running.executions(report_id)) == 2

    # read: the run, its stages, its files, its mail
    run = call("GET", f"/{report_id}/runs/{requests.utils.quote(asked['runId'], safe='')}", 200).json()
    assert {"query", "formats.render", "formats.upload", "email", "record"} == {one["taskId"] for one in run["stages"]}
    assert {one["state"] for one in run["stages"]} == {"success"}
    assert [one["state"] for one in run["deliveries"]] == ["sent"]
    shown_in_airflow(api, dag_id, asked["runId"])

    for artifact in run["artifacts"]:
        address = f"{running.stack.airflow.url}{ROOT}{artifact['path']}"
        content = api.session.get(address, timeout=60).content
        assert hashlib.sha256(content).hexdigest() == artifact["sha256"]
        assert content == running.file(artifact["fileUrl"])
        assert requests.get(address, timeout=60).status_code == 401

    # sent again, and sent to the owner as a test
    run_path = f"/{report_id}/runs/{requests.utils.quote(asked['runId'], safe='')}"
    again = call("POST", f"{run_path}/resend", 202, json={"recipients": [creator["email"]]}).json()
    assert api.wait_for_run(dag_id, again["runId"])["state"] == "success"
    test = call("POST", f"/{report_id}/test", 202, json={"recipients": [creator["email"]]}).json()
    assert api.wait_for_run(dag_id, test["runId"])["state"] == "success"
    subjects = subjects_of(running, report_id)
    assert len(subjects) == 3, subjects
    assert sum(subject.startswith("TEST: ") for subject in subjects) == 1, subjects
    report = call("GET", f"/{report_id}", 200).json()
    assert (report["runCount"], report["lastRunStatus"]) == (2, "success")

    # paused in Airflow while the row is active: the API reports it
    api.patch(f"/dags/{dag_id}", {"is_paused": True})
    assert call("GET", f"/{report_id}", 200).json()["pausedInAirflow"] is True

    # deleted: its DAG accepts no new run
    call("DELETE", f"/{report_id}", 200)
    call("GET", f"/{report_id}", 404)
    actions = [one["action"] for one in audit(api, running)["entries"] if one["reportId"] == report_id]
    assert actions == ["deleted", "tested", "resent", "triggered", *["changed"] * 7, "created"]
    running.wait(
        lambda: api.get(f"/dags/{dag_id}")["timetable_summary"] == "gone", seconds=20, what="the DAG to come to rest"
    )


def subjects_of(running, report_id):
    """Return the subjects; a long one is folded onto a second line, so strip the leading space of the fold."""
    return [message_from_bytes(mail.raw, policy=default)["Subject"].strip() for mail in running.mails_of(report_id)]


def audit(api, running):
    url = f"{running.stack.airflow.url}{ROOT}/api/workspaces/{WORKSPACE}/reports/audit?limit=200"
    return api.session.get(url, timeout=60).json()


def shown_in_airflow(api, dag_id, run_id):
    """Check the labels of mapped tasks with their results, and that the buttons check permissions."""
    dag_run = f"/dags/{dag_id}/dagRuns/{requests.utils.quote(run_id, safe='')}"
    labels = {
        (one["task_id"], one["rendered_map_index"])
        for one in api.get(f"{dag_run}/taskInstances")["task_instances"]
        if one["map_index"] >= 0
    }
    assert labels == {("formats.render", "csv"), ("formats.render", "html"), ("formats.upload", "csv, 7 rows"),
                      ("formats.upload", "html, 7 rows")}  # fmt: skip
    links = api.get(f"{dag_run}/taskInstances/formats.upload/links", map_index=0)["extra_links"]
    assert api.session.get(links["File"], timeout=60).status_code == 200
    assert requests.get(links["File"], timeout=60).status_code == 401
    page = api.session.get(api.get(f"{dag_run}/taskInstances/email/links")["extra_links"]["Report"], timeout=60)
    assert run_id in page.text
