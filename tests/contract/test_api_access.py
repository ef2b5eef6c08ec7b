"""Who may use the API: callers, workspaces, acting users, on real PostgreSQL."""

from __future__ import annotations

import pytest

from include.scheduled_reports.ports.web import Right
from tests.contract.api import ACME, NEW, SCHEDULED, FakeCaller, stored
from tests.contract.tables import add_report, execute

# --- authentication


def test_nobody_gets_anything_without_signing_in(api):
    for method in ("GET", "POST"):
        assert api.send(method, SCHEDULED, user=None).status_code == 401
    assert api.send("GET", "/openapi.json", user=None).status_code == 401


def test_a_viewer_reads_and_changes_nothing(api, dsn):
    assert api.get(f"{SCHEDULED}/r1", user="viewer").status_code == 200
    assert api.put(f"{SCHEDULED}/r1", user="viewer", json={"name": "x"}).status_code == 403
    assert api.post(SCHEDULED, user="viewer", json=NEW).status_code == 403
    assert api.delete(f"{SCHEDULED}/r1", user="viewer").status_code == 403
    assert stored(dsn, "r1")["name"] == "Weekly activity"


def test_who_may_read_one_dag_only_sees_one_report_and_the_workspace_it_is_in(api, dsn):
    add_report(dsn, id="r2", name="Another")
    api.callers["guest"] = FakeCaller("guest", frozenset(), {"r2": frozenset({Right.READ})})

    listed = api.get(SCHEDULED, user="guest").json()

    assert [report["id"] for report in listed["reports"]] == ["r2"]
    assert listed["total"] == 1
    assert api.get(f"{SCHEDULED}/r1", user="guest").status_code == 404
    assert api.get("/api/workspaces/zeta/reports/scheduled", user="guest").status_code == 404
    assert api.get(f"{ACME}/rejections", user="guest").status_code == 403
    assert api.get(f"{ACME}/audit", user="guest").status_code == 403
    assert api.get("/api/health", user="guest").status_code == 403


def test_a_row_without_a_dag_is_seen_only_with_the_right_on_every_dag(api, dsn):
    execute(dsn, "UPDATE scheduled_reports SET status = 'DISABLED' WHERE id = 'r1'")
    api.callers["own"] = FakeCaller("own", frozenset(), {"r1": frozenset(Right)})

    assert api.get(f"{SCHEDULED}/r1", user="viewer").status_code == 200
    assert api.get(f"{SCHEDULED}/r1", user="own").status_code == 404


@pytest.mark.parametrize(
    "path",
    ["/api/workspaces/nowhere/reports/scheduled", "/api/workspaces/a%00b/reports/scheduled", f"{SCHEDULED}/r9",
     f"{SCHEDULED}/nothing", f"{SCHEDULED}/a%00b", "/api/workspaces/zeta/reports/scheduled/r1"],
)  # fmt: skip
def test_what_is_not_there_or_is_a_strangers_is_not_found(api, path):
    answer = api.get(path)

    assert answer.status_code == 404
    assert answer.json()["error"] in {"Workspace not found or access denied", "Scheduled report not found"}


def test_a_slug_that_two_workspaces_have_needs_the_id_with_it(api, dsn):
    execute(dsn, "UPDATE workspaces SET slug = 'acme' WHERE id = 'ws2'")

    assert api.get(SCHEDULED).status_code == 409
    assert api.get("/api/workspaces/acme:ws2/reports/scheduled").json()["workspace"]["id"] == "ws2"
    assert api.get(f"{SCHEDULED}?actingUserId=u3").json()["workspace"]["id"] == "ws2"


# --- the acting user


@pytest.mark.parametrize(
    ("role", "own", "others"),
    [("GUEST", 403, 403), ("MEMBER", 200, 403), ("ADMIN", 200, 200), ("OWNER", 200, 200)],
)
def test_the_acting_users_role_decides_what_he_may_change(api, dsn, role, own, others):
    execute(dsn, f"""UPDATE workspace_members SET role = '{role}' WHERE user_id = 'u2'""")
    add_report(dsn, id="r2", created_by_id="u2", creator_email="Bob@Acme.example")

    for report_id, expected in (("r2", own), ("r1", others)):
        path = f"{SCHEDULED}/{report_id}"
        assert api.get(f"{path}?actingUserId=u2").status_code == 200
        assert api.put(path, json={"name": "By Bob", "actingUserId": "u2"}).status_code == expected
        assert api.post(f"{path}/pause?actingUserId=u2").status_code == expected


def test_a_guest_creates_nothing_a_member_in_his_own_name_only(api, dsn):
    fields = {name: value for name, value in NEW.items() if name != "createdBy"}
    assert api.post(SCHEDULED, json={**fields, "actingUserId": "u2"}).json()["createdBy"]["id"] == "u2"
    assert api.post(SCHEDULED, json={**NEW, "actingUserId": "u2"}).status_code == 403
    execute(dsn, "UPDATE workspace_members SET role = 'GUEST' WHERE user_id = 'u2'")
    assert api.post(SCHEDULED, json={**fields, "actingUserId": "u2"}).status_code == 403


@pytest.mark.parametrize("user_id", ["u3", "u4", "nobody"])
def test_an_acting_user_of_another_workspace_or_who_is_suspended_finds_nothing(api, user_id):
    assert api.get(f"{SCHEDULED}?actingUserId={user_id}").status_code == 404
    assert api.put(f"{SCHEDULED}/r1", json={"name": "x", "actingUserId": user_id}).status_code == 404


def test_two_acting_users_in_one_request_are_refused(api):
    answer = api.put(f"{SCHEDULED}/r1?actingUserId=u1", json={"name": "x", "actingUserId": "u2"})

    assert answer.status_code == 400
    assert "actingUserId" in answer.json()["details"]
