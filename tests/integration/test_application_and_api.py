"""Both APIs on the same rows: the application with a real Prisma client, and our API."""

from __future__ import annotations

import threading
from itertools import chain

import pytest

from tests.contract.api import SCHEDULED, open_api
from tests.contract.tables import add_people
from tests.integration.application_routes import ADA, BODY, WORKSPACE, rows
from tests.integration.node import call, require

#: The fields that both APIs return for a report; our API returns more.
SAID = (*BODY, "id", "createdBy", "lastRun", "lastRunStatus", "runCount", "failureCount", "createdAt", "updatedAt")


@pytest.fixture(scope="module", autouse=True)
def _prisma_is_installed() -> None:
    require()


@pytest.fixture
def dsn(migrated_dsn):
    add_people(migrated_dsn)
    return migrated_dsn


@pytest.fixture
def api(dsn):
    return open_api(dsn)


def prisma(dsn, route, *given):
    """Return the answer of the application's route, with Ada as the user."""
    caller = [] if route in ("readReport", "listReports") else [ADA]
    (answer,) = call(dsn, [route, WORKSPACE, *caller, *given])
    return answer


def said(report):
    return {name: report[name] for name in SAID}


def read_by_both(dsn, api, report_id):
    """Return the report, after checking that both APIs return the same."""
    ours, theirs = api.get(f"{SCHEDULED}/{report_id}").json(), prisma(dsn, "readReport", report_id)["body"]
    assert said(ours) == said(theirs)
    return ours


def audit(dsn, report_id):
    """Return the audit trail of a report, oldest first."""
    return rows(
        dsn, "SELECT action, actor, before, after FROM reporting.audit WHERE report_id = %s ORDER BY id", report_id
    )


def listed(dsn, api):
    """Return the ids in both lists, after checking that they are the same."""
    ours = [one["id"] for one in api.get(SCHEDULED).json()["reports"]]
    theirs = [one["id"] for one in prisma(dsn, "listReports", {})["body"]["reports"]]
    assert sorted(ours) == sorted(theirs)
    return set(ours)


def test_what_either_creates_is_the_same_report_for_both(dsn, api):
    theirs = prisma(dsn, "createReport", BODY)["body"]
    ours = api.post(SCHEDULED, json=BODY | {"createdBy": "u1", "name": "By the API"}).json()

    assert said(read_by_both(dsn, api, theirs["id"])) == said(theirs)
    assert said(read_by_both(dsn, api, ours["id"])) == said(ours)
    assert {name: ours[name] for name in BODY} == BODY | {"name": "By the API"}
    assert listed(dsn, api) == {theirs["id"], ours["id"]}
    assert [one["actor"] for one in audit(dsn, theirs["id"])] == ["database:postgres"]
    assert [one["actor"] for one in audit(dsn, ours["id"])] == ["airflow:admin"]


def test_an_edit_of_the_application_makes_one_of_the_api_stale_and_nothing_of_it_is_lost(dsn, api):
    made = prisma(dsn, "createReport", BODY)["body"]
    read = api.get(f"{SCHEDULED}/{made['id']}").json()
    theirs = prisma(dsn, "updateReport", made["id"], {"name": "Theirs", "tags": ["theirs"]})["body"]

    refused = api.put(f"{SCHEDULED}/{made['id']}", json={"name": "Ours", "updatedAt": read["updatedAt"]})
    assert (refused.status_code, refused.json()["updatedAt"]) == (409, theirs["updatedAt"])
    assert read_by_both(dsn, api, made["id"])["name"] == "Theirs"

    again = api.put(f"{SCHEDULED}/{made['id']}", json={"description": "Ours", "updatedAt": theirs["updatedAt"]})
    assert again.status_code == 200
    now = read_by_both(dsn, api, made["id"])
    assert (now["name"], now["tags"], now["description"]) == ("Theirs", ["theirs"], "Ours")
    assert now["updatedAt"] > theirs["updatedAt"]


def test_a_stale_edit_of_the_application_changes_what_it_names_and_is_seen(dsn, api):
    # The application sends no updatedAt: its last edit wins, field by field; the audit trail has the old value.
    made = api.post(SCHEDULED, json=BODY | {"createdBy": "u1"}).json()
    api.put(f"{SCHEDULED}/{made['id']}", json={"name": "Ours", "cronExpression": "30 7 * * *"})
    prisma(dsn, "updateReport", made["id"], {"name": "Theirs"})

    now = read_by_both(dsn, api, made["id"])
    assert (now["name"], now["cronExpression"]) == ("Theirs", "30 7 * * *")
    entry = audit(dsn, made["id"])[-1]
    assert (entry["actor"], entry["before"], entry["after"]) == (
        "database:postgres",
        {"name": "Ours"},
        {"name": "Theirs"},
    )
    stale = api.put(f"{SCHEDULED}/{made['id']}", json={"name": "Again", "updatedAt": made["updatedAt"]})
    assert stale.status_code == 409


@pytest.mark.parametrize("first", ["api", "application"])
def test_what_one_pauses_the_other_sees_and_may_resume(dsn, api, first):
    report_id = prisma(dsn, "createReport", BODY)["body"]["id"]

    def switch(who, *, on):
        if who == "api":
            answer = api.post(f"{SCHEDULED}/{report_id}/{'resume' if on else 'pause'}")
            assert answer.status_code == 200
        else:
            assert prisma(dsn, "updateReport", report_id, {"isActive": on})["status"] == 200

    effective = "SELECT effective_from FROM reporting.report_options WHERE report_id = %s"
    ((since,),) = [tuple(one.values()) for one in rows(dsn, effective, report_id)]
    switch(first, on=False)
    assert read_by_both(dsn, api, report_id)["isActive"] is False
    assert api.get(f"{SCHEDULED}/{report_id}/next-runs").json()["nextRuns"] == []
    switch("application" if first == "api" else "api", on=True)
    now = read_by_both(dsn, api, report_id)
    assert (now["isActive"], now["status"]) == (True, "ACTIVE")
    assert api.get(f"{SCHEDULED}/{report_id}/next-runs").json()["nextRuns"]
    # ticks from before the resumption do not fire, no matter who resumed the report
    ((later,),) = [tuple(one.values()) for one in rows(dsn, effective, report_id)]
    assert later > since


def test_what_the_application_deletes_is_gone_for_the_api(dsn, api):
    report_id = api.post(SCHEDULED, json=BODY | {"createdBy": "u1"}).json()["id"]
    assert prisma(dsn, "deleteReport", report_id)["status"] == 200

    one = f"{SCHEDULED}/{report_id}"
    answers = [api.get(one), api.put(one, json={"name": "New"}), api.delete(one), api.post(f"{one}/pause")]
    assert [answer.status_code for answer in answers] == [404] * 4
    assert api.post(f"{one}/trigger").status_code == 404
    assert api.ports.airflow.started == []
    assert listed(dsn, api) == set()


def test_what_the_api_deletes_is_gone_for_the_application(dsn, api):
    report_id = prisma(dsn, "createReport", BODY)["body"]["id"]
    assert api.delete(f"{SCHEDULED}/{report_id}").status_code == 200

    for route, given in (("readReport", []), ("updateReport", [{"name": "New"}]), ("deleteReport", [])):
        assert prisma(dsn, route, report_id, *given)["status"] == 404
    assert listed(dsn, api) == set()
    assert rows(dsn, "SELECT report_id, reason FROM reporting.tombstones") == [
        {"report_id": report_id, "reason": "deleted"}
    ]


def test_of_edits_at_once_none_is_lost_unseen(dsn, api, tmp_path):
    report_id = prisma(dsn, "createReport", BODY)["body"]["id"]
    stop, theirs = tmp_path / "stop", []

    def application():
        # It reads between its edits, so that edits of the API come in between.
        looks = [["readReport", WORKSPACE, report_id]] * 12
        edits = [[["updateReport", WORKSPACE, ADA, report_id, {"name": f"Theirs {n}"}], *looks] for n in range(5)]
        theirs.append(call(dsn, *chain.from_iterable(edits), options=["until", str(stop)]))

    thread = threading.Thread(target=application)
    thread.start()
    answers = []
    try:
        while len(audit(dsn, report_id)) < 2:  # the application has started
            thread.join(0.05)
        while len(answers) < 200 and not {200, 409} <= set(answers):
            read = api.get(f"{SCHEDULED}/{report_id}").json()
            body = {"name": f"Ours {len(answers)}", "updatedAt": read["updatedAt"]}
            answers.append(api.put(f"{SCHEDULED}/{report_id}", json=body).status_code)
    finally:
        stop.touch()
        thread.join()

    assert set(answers) == {200, 409}
    trail = [one for one in audit(dsn, report_id) if one["action"] == "changed"]
    # Each edit starts from the result of the one before: an overwritten value was seen, and is in the audit trail.
    names = [BODY["name"], *(one["after"]["name"] for one in trail)]
    assert [one["before"]["name"] for one in trail] == names[:-1]
    assert read_by_both(dsn, api, report_id)["name"] == names[-1]
    assert len([one for one in trail if one["actor"] == "airflow:admin"]) == answers.count(200)
