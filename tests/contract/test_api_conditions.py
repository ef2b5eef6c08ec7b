"""Conditions of emails through the API and on the page of a report, on real PostgreSQL."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from include.scheduled_reports.runs import pipeline
from tests.contract.api import SCHEDULED, Api, open_api
from tests.contract.tables import add_people, add_report

NOW = datetime(2026, 5, 11, 7, 30, tzinfo=UTC)
RUN = "manual__2026-05-11T07:30:00+00:00"
ABOVE = {"kind": "figure", "figure": "messages", "operator": ">", "value": 10}
SENTENCE = "Messages at 0, not above 10."


@pytest.fixture
def api(migrated_dsn: str) -> Api:
    add_people(migrated_dsn)
    add_report(migrated_dsn, id="r1", export_formats=["csv"])
    api = open_api(migrated_dsn, NOW)
    api.ports.core.settings = replace(api.ports.core.settings, mail_mode="live", mail_from="reports@acme.example")
    return api


def send_if(api: Api, *conditions):
    return api.put(f"{SCHEDULED}/r1", json={"options": {"sendIf": {"conditions": list(conditions)}}})


def run_all(api: Api, **body):
    assert api.post(f"{SCHEDULED}/r1/trigger", json=body).status_code == 202
    trigger, core = api.ports.airflow.started[-1], api.ports.core
    for chosen in pipeline.query(core, trigger):
        pipeline.render(core, trigger.key, chosen)
        pipeline.upload(core, trigger.key, chosen)
    pipeline.email(core, trigger.key)
    pipeline.record(core, trigger)
    return api.get(f"{SCHEDULED}/r1/runs/{trigger.key.run_id}").json()


def test_conditions_are_set_read_and_removed(api):
    assert send_if(api, ABOVE).json()["options"]["sendIf"] == {"conditions": [ABOVE]}
    assert api.get(f"{SCHEDULED}/r1").json()["options"]["sendIf"] == {"conditions": [ABOVE]}

    api.put(f"{SCHEDULED}/r1", json={"options": {"sendIf": None}})

    assert "sendIf" not in api.get(f"{SCHEDULED}/r1").json()["options"]


def test_a_wrong_part_of_a_condition_is_named_by_its_place(api):
    answer = send_if(api, {**ABOVE, "figure": "mesages"})

    assert answer.status_code == 400
    (found,) = answer.json()["details"].items()
    assert found[0] == "options.sendIf.conditions[0].figure"
    assert "did you mean messages?" in found[1][0]


def test_a_run_says_what_its_conditions_have_found(api):
    send_if(api, ABOVE)

    run = run_all(api)

    assert run["sendIf"] == {
        "met": False,
        "why": f"the condition is not met: {SENTENCE.removesuffix('.')}",
        "conditions": [{"met": False, "text": SENTENCE}],
    }
    assert (run["state"], run["mail"]) == (
        "success",
        {"wanted": False, "why": run["sendIf"]["why"], "suppressed": []},
    )
    assert len(run["artifacts"]) == 1


def test_a_run_without_conditions_says_nothing_of_them(api):
    assert run_all(api)["sendIf"] is None


def test_the_page_says_why_nobody_was_mailed(api):
    send_if(api, ABOVE)
    run_all(api)

    page = api.get(f"/reports/r1?run={RUN}").text

    assert "Not sent: the condition is not met</p>" in page
    assert f"Not met</span> {SENTENCE}" in page


def test_a_client_is_told_what_conditions_may_name(api):
    (found,) = [
        one["sendIf"] for one in api.get("/api/report-types").json()["reportTypes"] if one["id"] == "task-completion"
    ]

    assert found["datasets"]["people"] == "Tasks by person"
    assert found["figures"]["unlisted_overdue"] == "Overdue tasks in private channels"  # hidden ones, too
    assert found["columns"]["task"] == "Task"
    for condition in (
        *({"kind": "rows", "dataset": name, "is": "any"} for name in found["datasets"]),
        *({**ABOVE, "figure": name} for name in found["figures"]),
        *({"kind": "newRows", "column": name} for name in found["columns"]),
    ):
        changes = {"reportType": "task-completion", "options": {"sendIf": {"conditions": [condition]}}}
        assert api.put(f"{SCHEDULED}/r1", json=changes).status_code == 200
