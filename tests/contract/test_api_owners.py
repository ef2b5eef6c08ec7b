"""Reports change their owner through the API, on real PostgreSQL."""

from __future__ import annotations

import pytest

from include.scheduled_reports.adapters.postgres.reports import PostgresDefinitions
from include.scheduled_reports.adapters.postgres.upkeep import PostgresUpkeepStore
from tests.contract.api import ACME, SCHEDULED, one, stored
from tests.contract.tables import add_report, execute

HAND_OVER = f"{ACME}/hand-over"


def hand_over(api, **body):
    return api.post(HAND_OVER, json={"fromUser": "u1", "toUser": "u2", **body})


def test_an_edit_can_name_another_owner(api, dsn):
    answer = api.put(f"{SCHEDULED}/r1", json={"createdBy": "u2"})

    assert answer.status_code == 200
    assert answer.json()["createdBy"]["email"] == "Bob@Acme.example"
    assert stored(dsn, "r1")["created_by_id"] == "u2"


@pytest.mark.parametrize(
    ("user", "why"),
    [("u3", "has left the workspace"), ("u4", "is suspended"), ("nobody", "does not exist"), ("", "does not exist")],
)
def test_an_owner_has_to_be_a_member_who_is_not_suspended(api, dsn, user, why):
    answer = api.put(f"{SCHEDULED}/r1", json={"createdBy": user})

    assert answer.status_code == 400
    assert why in answer.json()["details"]["createdBy"][0]
    assert stored(dsn, "r1")["created_by_id"] == "u1"


def test_an_owner_has_to_be_allowed_the_type(api, dsn):
    execute(dsn, """UPDATE scheduled_reports SET "reportType" = 'security-audit' WHERE id = 'r1'""")

    answer = api.put(f"{SCHEDULED}/r1", json={"createdBy": "u2"})

    assert "needs ADMIN or OWNER" in answer.json()["details"]["createdBy"][0].replace(
        "OWNER or ADMIN", "ADMIN or OWNER"
    )


def test_a_member_hands_over_their_own_report_and_no_other(api, dsn):
    assert api.put(f"{SCHEDULED}/r1", json={"createdBy": "u2", "actingUserId": "u2"}).status_code == 403
    api.put(f"{SCHEDULED}/r1", json={"createdBy": "u2"})

    assert api.put(f"{SCHEDULED}/r1", json={"createdBy": "u1", "actingUserId": "u2"}).status_code == 200
    assert stored(dsn, "r1")["created_by_id"] == "u1"


def test_the_change_of_owner_is_in_the_audit_trail(api):
    api.put(f"{SCHEDULED}/r1", json={"createdBy": "u2"})

    newest = api.get(f"{SCHEDULED}/r1/audit").json()["entries"][0]
    assert (newest["before"], newest["after"]) == ({"created_by_id": "u1"}, {"created_by_id": "u2"})


def test_all_reports_of_an_owner_are_handed_over_at_once(api, dsn):
    add_report(dsn, id="r2", name="Other")
    add_report(dsn, id="r7", name="Of Bob", created_by_id="u2")

    answer = hand_over(api)

    changed = {found["id"] for found in answer.json()["results"]}
    assert (answer.status_code, answer.json()["changed"]) == (200, len(changed))
    assert {"r1", "r2"} <= changed
    assert "r7" not in changed
    assert {stored(dsn, report_id)["created_by_id"] for report_id in changed} == {"u2"}


def test_of_a_hand_over_each_report_says_what_happened(api, dsn):
    add_report(dsn, id="r2", name="Audit", reportType="security-audit")

    answer = hand_over(api, reports=["r2", "r1"])

    first, second = answer.json()["results"]
    assert (first["id"], first["changed"], second) == ("r2", False, {"id": "r1", "changed": True, "error": None})
    assert "u2" in first["error"]
    assert answer.json()["changed"] == 1
    assert stored(dsn, "r2")["created_by_id"] == "u1"


def test_a_hand_over_names_everything_that_is_missing_or_of_somebody_else(api, dsn):
    add_report(dsn, id="r7", name="Of Bob", created_by_id="u2")

    missing = api.post(HAND_OVER, json={"to_user": "u2"})
    strange = hand_over(api, reports=["r1", "r7", "r0"])

    assert missing.json()["details"].keys() == {"to_user", "fromUser", "toUser"}
    assert [text.partition(" ")[0] for text in strange.json()["details"]["reports"]] == ["r7", "r0"]
    assert stored(dsn, "r1")["created_by_id"] == "u1"


def test_who_may_not_edit_hands_nothing_over(api, dsn):
    answer = api.post(HAND_OVER, json={"fromUser": "u1", "toUser": "u2", "actingUserId": "u2"})

    assert {found["changed"] for found in answer.json()["results"]} == {False}
    assert stored(dsn, "r1")["created_by_id"] == "u1"


def test_a_report_whose_owner_has_left_goes_on_after_a_hand_over_with_the_ticks_since_then(api, dsn):
    store, definitions = PostgresUpkeepStore(dsn), PostgresDefinitions(dsn)
    before = definitions.row("r1")["effective_from"]
    execute(dsn, "DELETE FROM workspace_members WHERE user_id = 'u1'")
    store.reject({"r1": "the owner has left"}, without_owner={"r1"})
    assert stored(dsn, "r1")["status"] == "ERROR"

    hand_over(api)
    store.readmit({"r1"})

    assert (stored(dsn, "r1")["status"], stored(dsn, "r1")["created_by_id"]) == ("ACTIVE", "u2")
    assert definitions.row("r1")["effective_from"] == before


def test_a_report_that_was_rejected_for_something_else_begins_anew(dsn, api):
    store, definitions = PostgresUpkeepStore(dsn), PostgresDefinitions(dsn)
    before = definitions.row("r1")["effective_from"]
    store.reject({"r1": "a wrong time zone"})
    store.readmit({"r1"})

    assert definitions.row("r1")["effective_from"] != before


def test_a_rejection_is_untold_until_it_is_told_and_a_new_one_is_untold_again(dsn, api):
    store = PostgresUpkeepStore(dsn)
    store.reject({"r1": "wrong"})
    assert store.untold_rejections(limit=9) == {"r1": None}
    store.name_notice(["r1"], "rejected__1__r1")
    assert store.untold_rejections(limit=9) == {"r1": "rejected__1__r1"}
    store.reject({"r1": "wrong in another way"})
    store.told(["r1"])
    store.reject({"r1": "wrong in a third way"})
    assert store.untold_rejections(limit=9) == {}

    store.readmit({"r1"})
    store.reject({"r1": "wrong"})

    assert store.untold_rejections(limit=9) == {"r1": None}


def test_the_owners_and_administrators_of_a_workspace_are_its_admins(dsn, api):
    assert PostgresDefinitions(dsn).admins("ws1") == ("ada@acme.example",)
    execute(dsn, "UPDATE workspace_members SET role = 'OWNER' WHERE user_id IN ('u2', 'u4')")  # Mallory is suspended
    assert PostgresDefinitions(dsn).admins("ws1") == ("Bob@Acme.example", "ada@acme.example")
    assert one(dsn, "SELECT count(*) AS found FROM workspace_members WHERE role = 'OWNER'")["found"] == 2
