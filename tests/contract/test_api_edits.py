"""The API's changes of reports and their audit trail, on real PostgreSQL."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.contract.api import ACME, SCHEDULED, one, stored
from tests.contract.tables import execute

# --- changing reports


def test_what_is_left_out_of_an_edit_stays_as_it_is(api, dsn):
    before = stored(dsn, "r1")

    answer = api.put(f"{SCHEDULED}/r1", json={"emailDelivery": {"subject": "Numbers"}, "tags": []})

    assert answer.status_code == 200
    after = stored(dsn, "r1")
    changed = {name for name in after if after[name] != before[name]}
    assert changed == {"email_subject", "tags", "updated_at", "next_run"}
    assert after["email_recipients"] == ["ada@acme.example"]


def test_parameters_are_replaced_whole_as_the_application_does(api, dsn):
    api.put(f"{SCHEDULED}/r1", json={"parameters": {"includeArchived": True}})

    assert stored(dsn, "r1")["parameters"] == {"includeArchived": True}


def test_a_whole_report_can_be_sent_back_as_it_was_read(api, dsn):
    report = api.get(f"{SCHEDULED}/r1").json()
    before = stored(dsn, "r1")

    assert api.put(f"{SCHEDULED}/r1", json={**report, "name": "Renamed"}).status_code == 200
    after = stored(dsn, "r1")
    assert {name for name in after if after[name] != before[name]} == {"name", "updated_at", "next_run"}


def test_everything_wrong_with_an_edit_is_said_at_once_and_nothing_is_changed(api, dsn):
    before = stored(dsn, "r1")

    answer = api.put(f"{SCHEDULED}/r1", json={"name": 7, "timezone": "Nowhere", "cronExpression": "0 9 * *"})

    assert answer.status_code == 400
    assert answer.json()["details"].keys() == {"name", "timezone", "cronExpression"}
    assert stored(dsn, "r1") == before


def test_an_edit_of_what_somebody_else_has_changed_meanwhile_is_refused_and_says_so(api, dsn):
    read = api.get(f"{SCHEDULED}/r1").json()["updatedAt"]
    first = api.put(f"{SCHEDULED}/r1", json={"name": "First", "updatedAt": read})

    second = api.put(f"{SCHEDULED}/r1", json={"name": "Second", "updatedAt": read})

    assert (first.status_code, second.status_code) == (200, 409)
    assert second.json()["updatedAt"] == first.json()["updatedAt"]
    assert stored(dsn, "r1")["name"] == "First"
    third = api.put(f"{SCHEDULED}/r1", json={"name": "Third", "updatedAt": first.json()["updatedAt"]})
    assert third.status_code == 200


def test_of_many_edits_of_the_same_state_exactly_one_is_taken(api, dsn):
    read = api.get(f"{SCHEDULED}/r1").json()["updatedAt"]

    def edit(number: int) -> int:
        return api.put(f"{SCHEDULED}/r1", json={"name": f"By {number}", "updatedAt": read}).status_code

    with ThreadPoolExecutor(8) as pool:
        codes = sorted(pool.map(edit, range(8)))

    assert codes == [200] + [409] * 7


def test_an_edit_by_prisma_counts_as_somebody_elses(api, dsn):
    read = api.get(f"{SCHEDULED}/r1").json()["updatedAt"]
    execute(
        dsn, "UPDATE scheduled_reports SET name = 'By Prisma', updated_at = now() AT TIME ZONE 'UTC' WHERE id = 'r1'"
    )

    assert api.put(f"{SCHEDULED}/r1", json={"name": "Mine", "updatedAt": read}).status_code == 409


def test_our_counters_do_not_make_an_edit_stale(api, dsn):
    read = api.get(f"{SCHEDULED}/r1").json()["updatedAt"]
    execute(dsn, "UPDATE scheduled_reports SET run_count = 5, next_run = '2026-06-01' WHERE id = 'r1'")

    assert api.put(f"{SCHEDULED}/r1", json={"name": "Mine", "updatedAt": read}).status_code == 200


@pytest.mark.parametrize("moment", ["yesterday", "", 5])
def test_an_updated_at_that_is_no_moment_is_refused(api, moment):
    answer = api.put(f"{SCHEDULED}/r1", json={"name": "x", "updatedAt": moment})

    assert answer.status_code == 400
    assert list(answer.json()["details"]) == ["updatedAt"]


def test_pausing_is_what_the_application_means_by_it(api, dsn):
    assert api.post(f"{SCHEDULED}/r1/pause").json()["nextRun"] is None
    assert (stored(dsn, "r1")["is_active"], stored(dsn, "r1")["status"]) == (False, "ACTIVE")
    assert api.put(f"{SCHEDULED}/r1", json={"isActive": True}).json()["nextRun"] is not None


@pytest.mark.parametrize("switch_on", ["resume", "put"])
@pytest.mark.parametrize("status", ["PAUSED", "ERROR"])
def test_switching_a_report_on_takes_it_out_of_what_held_it_back(api, dsn, status, switch_on):
    execute(dsn, f"UPDATE scheduled_reports SET status = '{status}', is_active = false WHERE id = 'r1'")
    execute(dsn, "UPDATE reporting.report_options SET error_cause = 'failing' WHERE report_id = 'r1'")

    if switch_on == "resume":
        answer = api.post(f"{SCHEDULED}/r1/resume")
    else:
        answer = api.put(f"{SCHEDULED}/r1", json={"isActive": True})

    assert answer.status_code == 200
    assert (stored(dsn, "r1")["is_active"], stored(dsn, "r1")["status"]) == (True, "ACTIVE")
    effective = one(
        dsn,
        """SELECT effective_from > now() - interval '1 minute' AS lately
           FROM reporting.report_options WHERE report_id = 'r1'""",
    )
    assert effective["lately"]


def test_a_disabled_report_is_not_resumed_past_whoever_has_disabled_it(api, dsn):
    execute(dsn, "UPDATE scheduled_reports SET status = 'DISABLED' WHERE id = 'r1'")

    assert api.post(f"{SCHEDULED}/r1/resume").status_code == 409
    assert stored(dsn, "r1")["status"] == "DISABLED"


def test_a_deleted_report_is_gone_and_leaves_its_tombstone(api, dsn):
    assert api.delete(f"{SCHEDULED}/r1").json() == {"success": True, "message": "Scheduled report deleted"}
    assert api.get(f"{SCHEDULED}/r1").status_code == 404
    assert api.delete(f"{SCHEDULED}/r1").status_code == 404
    assert one(dsn, "SELECT reason FROM reporting.tombstones WHERE report_id = 'r1'")["reason"] == "deleted"


# --- the audit trail


def test_the_audit_trail_says_who_changed_what_from_what_to_what(api):
    api.put(f"{SCHEDULED}/r1", json={"name": "Renamed", "timezone": "Asia/Tokyo"})
    api.put(f"{SCHEDULED}/r1?actingUserId=u1", json={"tags": ["a"]}, user="op")

    newest, second, first = api.get(f"{SCHEDULED}/r1/audit").json()["entries"]

    assert (newest["actor"], newest["actingUserId"], newest["action"]) == ("airflow:op", "u1", "changed")
    assert (newest["before"], newest["after"]) == ({"tags": ["weekly"]}, {"tags": ["a"]})
    assert (second["actor"], second["actingUserId"]) == ("airflow:admin", None)
    assert second["before"] == {"name": "Weekly activity", "timezone": "Europe/Berlin"}
    assert second["after"] == {"name": "Renamed", "timezone": "Asia/Tokyo"}
    assert (first["action"], first["actor"]) == ("created", "database:postgres")


def test_the_workspaces_audit_trail_keeps_what_was_deleted_and_shows_no_strangers(api, dsn):
    execute(dsn, "UPDATE scheduled_reports SET name = 'Theirs' WHERE id = 'r9'")
    api.delete(f"{SCHEDULED}/r1")

    entries = api.get(f"{ACME}/audit").json()["entries"]

    assert [(entry["reportId"], entry["action"]) for entry in entries] == [("r1", "deleted"), ("r1", "created")]
    assert entries[0]["before"]["name"] == "Weekly activity"
    assert api.get(f"{ACME}/audit?before={entries[0]['id']}").json()["entries"] == entries[1:]
    assert api.get(f"{SCHEDULED}/r1/audit").status_code == 404


def test_a_save_that_changes_nothing_leaves_no_trace_in_the_audit_trail(api):
    api.put(f"{SCHEDULED}/r1", json={"name": "Weekly activity"})

    assert [entry["action"] for entry in api.get(f"{SCHEDULED}/r1/audit").json()["entries"]] == ["created"]
