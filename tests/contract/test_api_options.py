"""Options of a report through the API, on real PostgreSQL: merged, validated, in the audit trail, live."""

from __future__ import annotations

import pytest

from tests.contract.api import NEW, SCHEDULED, one
from tests.contract.tables import execute
from tests.contract.test_api_runs import run_all


def options(dsn, report_id="r1"):
    return one(dsn, "SELECT options, missed_runs FROM reporting.report_options WHERE report_id = %s", report_id)


def test_an_option_is_set_and_read_back(api, dsn):
    answer = api.put(f"{SCHEDULED}/r1", json={"options": {"jitterSeconds": 30, "missedRuns": "all"}})

    assert answer.status_code == 200
    assert answer.json()["options"] == {"jitterSeconds": 30, "missedRuns": "all"}
    assert options(dsn) == {"options": {"jitterSeconds": 30}, "missed_runs": "all"}


def test_options_that_are_left_out_stay_and_null_removes_one(api, dsn):
    api.put(f"{SCHEDULED}/r1", json={"options": {"jitterSeconds": 30, "missedRuns": "all"}})

    api.put(f"{SCHEDULED}/r1", json={"options": {"missedRuns": "skip"}})
    assert options(dsn) == {"options": {"jitterSeconds": 30}, "missed_runs": "skip"}
    api.put(f"{SCHEDULED}/r1", json={"options": {"jitterSeconds": None, "missedRuns": None}})
    assert options(dsn) == {"options": {}, "missed_runs": "latest"}


def test_every_wrong_option_is_named(api, dsn):
    answer = api.put(
        f"{SCHEDULED}/r1",
        json={"options": {"jitterSeconds": 3541, "missedRuns": "never", "jitter": 1}, "timezone": "Nowhere"},
    )

    assert answer.status_code == 400
    assert answer.json()["details"].keys() == {
        "options.jitterSeconds", "options.missedRuns", "options.jitter", "timezone",
    }  # fmt: skip
    assert options(dsn) == {"options": {}, "missed_runs": "latest"}


def test_a_new_report_takes_options(api, dsn):
    made = api.post(SCHEDULED, json={**NEW, "options": {"jitterSeconds": 5}}).json()

    assert made["options"] == {"jitterSeconds": 5, "missedRuns": "latest"}
    assert options(dsn, made["id"])["options"] == {"jitterSeconds": 5}


def test_a_change_of_options_makes_an_edit_of_the_earlier_state_stale(api):
    read = api.get(f"{SCHEDULED}/r1").json()["updatedAt"]
    api.put(f"{SCHEDULED}/r1", json={"options": {"jitterSeconds": 5}})

    assert api.put(f"{SCHEDULED}/r1", json={"name": "Stale", "updatedAt": read}).status_code == 409


def test_a_change_of_options_is_in_the_audit_trail(api):
    api.put(f"{SCHEDULED}/r1", json={"options": {"jitterSeconds": 5}})

    newest = api.get(f"{SCHEDULED}/r1/audit").json()["entries"][0]
    assert (newest["action"], newest["before"], newest["after"]) == (
        "changed", {"options": {}}, {"options": {"jitterSeconds": 5}},
    )  # fmt: skip


def test_a_change_in_sql_is_in_the_audit_trail_with_its_role(api, dsn):
    execute(dsn, "UPDATE reporting.report_options SET missed_runs = 'all' WHERE report_id = 'r1'")

    newest = api.get(f"{SCHEDULED}/r1/audit").json()["entries"][0]
    assert newest["actor"].startswith("database:")
    assert newest["after"] == {"options": {"missedRuns": "all"}}


@pytest.mark.parametrize("wrong", ["[]", '"text"', "3"])
def test_the_database_refuses_options_that_are_not_an_object(dsn, api, wrong):
    with pytest.raises(Exception, match="report_options_options_check"):
        execute(dsn, f"UPDATE reporting.report_options SET options = '{wrong}' WHERE report_id = 'r1'")


def test_a_period_is_set_and_what_is_wrong_with_one_is_said_at_its_name(api):
    period = {"type": "week-to-date", "weekStart": "sunday"}

    assert api.put(f"{SCHEDULED}/r1", json={"options": {"period": period}}).json()["options"]["period"] == period
    answer = api.put(f"{SCHEDULED}/r1", json={"options": {"period": {"type": "week-to-dat", "x": 1}}})
    assert answer.status_code == 400
    assert "did you mean week-to-date?" in answer.json()["details"]["options.period"][0]


def test_a_manual_run_covers_the_period_of_the_option_or_the_one_it_asks_for(api, dsn):
    api.put(f"{SCHEDULED}/r1", json={"options": {"period": {"type": "month-to-date"}}})
    api.post(f"{SCHEDULED}/r1/trigger", json={"runAfter": "2026-05-04T06:00:00Z"})
    run_all(api)
    api.post(f"{SCHEDULED}/r1/trigger", json={"runAfter": "2026-05-04T07:30:00Z", "period": "since-last-run"})
    execute(dsn, "UPDATE reporting.report_options SET watermark = '2026-05-02T07:00:00Z'")
    run_all(api)

    runs = {run["scheduledFor"]: run for run in api.get(f"{SCHEDULED}/r1/runs").json()["runs"]}
    assert {at: (run["windowStart"], run["windowEnd"]) for at, run in runs.items()} == {
        "2026-05-04T06:00:00.000Z": ("2026-04-30T22:00:00.000Z", "2026-05-04T06:00:00.000Z"),
        "2026-05-04T07:30:00.000Z": ("2026-05-02T07:00:00.000Z", "2026-05-04T07:30:00.000Z"),
    }
