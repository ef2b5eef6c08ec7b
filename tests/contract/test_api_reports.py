"""The report routes of the API, as the application's front end uses them: every route and code on a real PostgreSQL."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from include.scheduled_reports.ports.web import Right
from tests.contract.api import ACME, SCHEDULED, Api, FakeCaller, open_api
from tests.contract.tables import add_people, add_report, execute

#: The fields in api.md, exactly.
DOCUMENTED = {
    "id", "name", "description", "reportType", "cronExpression", "cronDescription", "timezone", "exportFormats",
    "emailDelivery", "parameters", "isActive", "tags", "lastRun", "lastRunStatus", "nextRun", "runCount",
    "failureCount", "createdBy", "createdAt", "updatedAt",
}  # fmt: skip
DELIVERY = {
    "enabled", "recipients", "subject", "includeAttachment", "includeInlinePreview", "sendOnlyIfData", "ccRecipients",
    "bccRecipients",
}  # fmt: skip
NEW: dict[str, Any] = {
    "name": "Monday numbers",
    "reportType": "workspace-activity",
    "cronExpression": "0 9 * * 1",
    "exportFormats": ["pdf", "csv"],
    "createdBy": "u1",
}


@pytest.fixture
def dsn(migrated_dsn: str) -> str:
    """Two workspaces: report r1 of Acme belongs to Ada, an ADMIN, and report r9 of Zeta to Eve."""
    add_people(migrated_dsn)
    add_report(migrated_dsn, id="r1")
    add_report(
        migrated_dsn, id="r9", name="Of others", workspace_id="ws2", workspace_name="Zeta", workspace_slug="zeta",
        created_by_id="u3", email_recipients=["eve@zeta.example"],
    )  # fmt: skip
    return migrated_dsn


@pytest.fixture
def api(dsn: str) -> Api:
    return open_api(dsn)


def one(dsn: str, statement: str, *values: Any) -> dict[str, Any]:
    with psycopg.connect(dsn, row_factory=dict_row) as connection:
        (row,) = connection.execute(statement.encode(), values).fetchall()
    return row


def stored(dsn: str, report_id: str) -> dict[str, Any]:
    return one(dsn, "SELECT * FROM scheduled_reports WHERE id = %s", report_id)


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


# --- lists


def test_a_report_has_every_field_that_the_front_end_knows(api):
    (report,) = api.get(SCHEDULED).json()["reports"]

    assert report.keys() >= DOCUMENTED
    assert report["emailDelivery"].keys() == DELIVERY
    assert report["createdBy"] == {"id": "u1", "name": "Ada Byron", "email": "ada@acme.example", "avatarUrl": None}
    assert report["cronDescription"] == "At 09:00, only on Monday"
    assert report["updatedAt"] == "2026-05-01T00:00:00.000Z"


def test_a_list_is_filtered_sorted_and_paged(api, dsn):
    for number, name in enumerate(["Charlie", "alpha", "Bravo"], start=2):
        add_report(
            dsn, id=f"r{number}", name=name, tags=["x"] if number > 2 else [], is_active=number != 3,
            reportType="task-completion" if number == 4 else "workspace-activity",
        )  # fmt: skip

    def ids(query: str) -> list[str]:
        return [report["id"] for report in api.get(f"{SCHEDULED}?{query}").json()["reports"]]

    assert ids("tag=x&sortBy=name&sortOrder=asc") == ["r3", "r4"]  # alpha, Bravo: case-insensitive order
    assert ids("isActive=false") == ["r3"]
    assert ids("reportType=task-completion") == ["r4"]
    paged = api.get(f"{SCHEDULED}?limit=3&offset=3&sortBy=createdAt&sortOrder=asc").json()
    assert [report["id"] for report in paged["reports"]] == ["r4"]
    assert (paged["total"], paged["pagination"]) == (4, {"limit": 3, "offset": 3, "hasMore": False})
    assert api.get(f"{SCHEDULED}?limit=3").json()["pagination"]["hasMore"] is True
    assert api.get(f"{SCHEDULED}?offset=99").json()["total"] == 4


def test_reports_without_a_next_run_come_last_whichever_way_the_list_is_sorted(api, dsn):
    add_report(dsn, id="r2")
    execute(dsn, "UPDATE scheduled_reports SET next_run = '2026-06-01' WHERE id = 'r2'")

    for order in ("asc", "desc"):
        reports = api.get(f"{SCHEDULED}?sortBy=nextRun&sortOrder={order}").json()["reports"]
        assert [report["id"] for report in reports] == ["r2", "r1"]


@pytest.mark.parametrize(
    ("query", "field"),
    [("limit=0", "limit"), ("limit=101", "limit"), ("limit=x", "limit"), ("offset=-1", "offset"),
     ("sortBy=color", "sortBy"), ("sortOrder=up", "sortOrder"), ("isActive=perhaps", "isActive"), ("tag=a%00", "tag")],
)  # fmt: skip
def test_a_query_that_makes_no_sense_is_refused_by_the_name_of_its_parameter(api, query, field):
    answer = api.get(f"{SCHEDULED}?{query}")

    assert answer.status_code == 400
    assert list(answer.json()["details"]) == [field]


def test_a_slash_at_the_end_of_the_list_changes_nothing(api):
    assert api.get(f"{SCHEDULED}/").json() == api.get(SCHEDULED).json()


# --- creating reports


def test_a_new_report_is_a_row_as_the_application_would_have_made_it(api, dsn):
    answer = api.post(SCHEDULED, json={**NEW, "emailDelivery": {"enabled": True, "recipients": ["ada@acme.example"]}})

    assert answer.status_code == 201
    row = stored(dsn, answer.json()["id"])
    assert (row["name"], row["created_by_id"], row["workspace_id"]) == ("Monday numbers", "u1", "ws1")
    assert (row["status"], row["is_active"], row["timezone"]) == ("ACTIVE", True, "UTC")
    assert (row["email_enabled"], row["email_recipients"]) == (True, ["ada@acme.example"])
    assert len(row["id"]) == 25
    assert row["id"].startswith("c")
    assert answer.json()["nextRun"] == f"{row['next_run'].isoformat(timespec='milliseconds')}Z"
    assert row["next_run"].strftime("%a %H:%M") == "Mon 09:00"
    assert api.ports.airflow.parses == 1


def test_everything_wrong_with_a_new_report_is_said_at_once(api, dsn):
    answer = api.post(
        SCHEDULED,
        json={
            "name": "",
            "reportType": "workspace-activty",
            "cronExpression": "* * * * *",
            "timezone": "Mars/Olympus",
            "exportFormats": ["pdf", "pdf"],
            "tags": "weekly",
            "colour": "red",
            "emailDelivery": {"enabled": True, "recipients": ["no address"], "subjct": "x"},
            "parameters": {"dateRange": {"type": "yesterday"}, "userIds": "u1"},
            "createdBy": "u3",
        },
    )

    assert answer.status_code == 400
    details = answer.json()["details"]
    assert details.keys() == {
        "name", "reportType", "cronExpression", "timezone", "exportFormats", "tags", "colour", "createdBy",
        "emailDelivery.recipients", "emailDelivery.subjct", "parameters.dateRange", "parameters.userIds",
    }  # fmt: skip
    assert "did you mean workspace-activity?" in details["reportType"][0]
    assert "did you mean subject?" in details["emailDelivery.subjct"][0]
    assert one(dsn, "SELECT count(*) AS n FROM scheduled_reports")["n"] == 2


def test_a_new_report_needs_somebody_of_the_workspace_who_stands_for_it(api):
    fields = {name: value for name, value in NEW.items() if name != "createdBy"}

    assert "required" in api.post(SCHEDULED, json=fields).json()["details"]["createdBy"][0]
    for stranger in ("u3", "u4", "nobody"):
        assert "createdBy" in api.post(SCHEDULED, json={**fields, "createdBy": stranger}).json()["details"]


def test_a_type_for_administrators_needs_one_as_its_creator(api):
    answer = api.post(SCHEDULED, json={**NEW, "reportType": "security-audit", "createdBy": "u2"})

    assert answer.status_code == 400
    assert "ADMIN or OWNER" in answer.json()["details"]["createdBy"][0]


@pytest.mark.parametrize(
    ("content", "field"),
    [(b"[]", "body"), (b"{", "body"), (b"\xff", "body"), (b'{"name": NaN}', "body"), (b'{"name": "a\\u0000"}', "name"),
     (b'{"name": "\\ud800"}', "name"), (b'{"parameters": {"customFilters": {"a": 1e999}}}', "parameters"),
     (b'{"a\\u0000": 1}', "a\0"), (b"[" * 100_000, "body")],
)  # fmt: skip
def test_what_is_no_json_or_what_no_database_can_hold_is_refused(api, content, field):
    answer = api.put(f"{SCHEDULED}/r1", content=content, headers={"content-type": "application/json"})

    assert answer.status_code == 400
    assert field in answer.json()["details"]


def test_a_body_of_a_megabyte_and_more_is_too_much(api):
    assert api.put(f"{SCHEDULED}/r1", json={"description": "x" * 1_000_001}).status_code == 413


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"])
def test_a_form_of_another_site_changes_nothing(api, dsn, kind):
    headers = {"content-type": kind}
    for method, path in (
        ("PUT", f"{SCHEDULED}/r1"),
        ("POST", f"{SCHEDULED}/r1/trigger"),
        ("POST", f"{SCHEDULED}/r1/pause"),
    ):
        assert api.send(method, path, content=b'{"name": "x"}', headers=headers).status_code == 415
        assert api.send(method, path, content=b"", headers=headers).status_code == 415
    assert api.send("DELETE", f"{SCHEDULED}/r1", content=b"").status_code == 415
    assert stored(dsn, "r1")["is_active"] is True


def test_a_token_needs_no_json_where_there_is_nothing_to_say(api):
    assert api.send("DELETE", f"{SCHEDULED}/r1", content=b"", headers={"authorization": "Bearer x"}).status_code == 200


# --- reading reports


def test_one_report_comes_with_its_last_ten_executions(api, dsn):
    for number in range(12):
        execute(
            dsn,
            """INSERT INTO report_executions (id, scheduled_report_id, status, triggered_by, format, scheduled_for,
                   started_at, completed_at, duration, record_count, file_size, created_at)
               VALUES (%s, 'r1', 'COMPLETED', 'system', 'CSV', '2026-05-01', '2026-05-01 09:00',
                   '2026-05-01 09:00:02.5', 2500, 7, 5000000000, '2026-05-01'::timestamp + %s * interval '1 hour')""",
            f"e{number:02}", number,
        )  # fmt: skip

    history = api.get(f"{SCHEDULED}/r1").json()["executionHistory"]

    assert [entry["id"] for entry in history] == [f"e{number:02}" for number in range(11, 1, -1)]
    assert history[0].items() >= {
        "status": "COMPLETED", "startedAt": "2026-05-01T09:00:00.000Z", "completedAt": "2026-05-01T09:00:02.500Z",
        "recordCount": 7, "fileSize": 5_000_000_000, "error": None, "duration": 2500,
    }.items()  # fmt: skip


def test_a_rejected_report_says_why(api, dsn):
    execute(dsn, "UPDATE scheduled_reports SET timezone = 'Mars/Olympus' WHERE id = 'r1'")

    assert "Mars/Olympus" in api.get(f"{SCHEDULED}/r1").json()["problems"]["timezone"][0]
    assert api.get(f"{ACME}/rejections").json() == {
        "rejections": [{
            "id": "r1", "name": "Weekly activity",
            "problems": {"timezone": ['"Mars/Olympus" is not an IANA time zone; use one such as Europe/Berlin.']},
        }],
        "total": 1,
    }  # fmt: skip


def test_a_report_that_airflow_itself_holds_back_says_so(api):
    assert api.get(f"{SCHEDULED}/r1").json()["pausedInAirflow"] is False
    api.ports.airflow.stopped.add("r1")
    assert api.get(f"{SCHEDULED}/r1").json()["pausedInAirflow"] is True
    api.post(f"{SCHEDULED}/r1/pause")
    assert api.get(f"{SCHEDULED}/r1").json()["pausedInAirflow"] is False


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


# --- helper routes


def test_the_coming_runs_of_an_expression_are_those_of_the_timetable(api):
    answer = api.get("/api/next-runs?cron=30 2 * * *&timezone=America/New_York&from=2026-03-07T12:00:00Z&count=2")

    assert answer.json() == {
        "cronDescription": "At 02:30, every day",
        "timezone": "America/New_York",
        "nextRuns": [
            {"at": "2026-03-08T07:00:00.000Z", "local": "2026-03-08T03:00:00-04:00"},
            {"at": "2026-03-09T06:30:00.000Z", "local": "2026-03-09T02:30:00-04:00"},
        ],
    }


def test_everything_wrong_with_an_expression_is_said_at_once(api):
    answer = api.get("/api/next-runs?cron=* * * * *&timezone=Nowhere&from=soon")

    assert answer.status_code == 400
    assert answer.json()["details"].keys() == {"cron", "timezone", "from"}


def test_a_report_that_is_not_scheduled_has_no_coming_runs(api):
    assert len(api.get(f"{SCHEDULED}/r1/next-runs?count=3").json()["nextRuns"]) == 3
    api.post(f"{SCHEDULED}/r1/pause")
    assert api.get(f"{SCHEDULED}/r1/next-runs").json()["nextRuns"] == []


def test_the_types_are_those_of_the_registry(api):
    found = api.get("/api/report-types").json()

    assert {kind["id"] for kind in found["reportTypes"]} == {
        "workspace-activity", "channel-analytics", "user-engagement", "task-completion", "workflow-execution",
        "security-audit", "export-summary", "custom",
    }  # fmt: skip
    assert [one["id"] for one in found["formats"]] == ["pdf", "csv", "json", "excel", "html"]


@pytest.fixture
def on_time(dsn: str) -> None:
    """Make no tick due before the time of the test, 10 May at 09:00."""
    execute(dsn, "UPDATE reporting.report_options SET effective_from = '2026-05-09 06:00Z'")


@pytest.mark.usefixtures("on_time")
def test_health_names_what_needs_attention(api, dsn):
    assert (api.get("/health").status_code, api.get("/health").json()["status"]) == (200, "ok")
    execute(
        dsn,
        """INSERT INTO reporting.runs
               (report_id, run_id, run_key, kind, state, scheduled_for, triggered_by, clear_number, touched_at)
           VALUES ('r1', 'x', 'x', 'manual', 'running', now(), 'system', 0, '2026-01-01')""",
    )
    execute(
        dsn,
        """INSERT INTO reporting.deliveries
               (report_id, run_id, message, state, subject, recipients, mode, formats, claimed_at)
           VALUES ('r1', 'x', 'report', 'unknown', 's', '{}', 'attach', '{}', '2026-05-09 12:00')""",
    )
    execute(dsn, "UPDATE reporting.switches SET enabled = false")
    execute(
        dsn,
        """INSERT INTO report_executions
               (id, scheduled_report_id, triggered_by, format, scheduled_for, created_at)
           VALUES ('e1', 'r1', 'system', 'CSV', '2026-05-01', '2026-05-01')""",
    )

    answer = api.get("/health")
    found = answer.json()

    assert answer.status_code == 503
    assert (found["status"], api.get("/api/health").json()) == ("failing", found)
    assert found["attention"] == ["stuckRuns", "stuckExecutions", "unknownDeliveries", "mailStopped"]
    assert (found["stuckRuns"], found["stuckExecutions"], found["unknownDeliveries"]) == (1, 1, 1)
    assert (found["lagSeconds"], found["mailEnabled"]) == (0, False)


@pytest.mark.usefixtures("on_time")
def test_a_mail_nobody_knows_about_is_no_reason_to_wake_anybody(api, dsn):
    execute(
        dsn,
        """INSERT INTO reporting.deliveries
               (report_id, run_id, message, state, subject, recipients, mode, formats, claimed_at)
           VALUES ('r1', 'x', 'report', 'unknown', 's', '{}', 'attach', '{}', '2026-05-09 12:00')""",
    )

    answer = api.get("/health")

    assert (answer.status_code, answer.json()["status"]) == (200, "attention")


@pytest.mark.usefixtures("on_time")
def test_a_tick_that_nobody_has_begun_is_late_whatever_next_run_says(api, dsn):
    execute(dsn, "UPDATE scheduled_reports SET cron_expression = '0 7 * * *', timezone = 'UTC' WHERE id = 'r1'")
    execute(dsn, "UPDATE reporting.report_options SET effective_from = '2026-05-09 06:00Z'")
    execute(dsn, "UPDATE scheduled_reports SET next_run = '2027-01-01'")

    late = api.get("/health")
    execute(
        dsn,
        """INSERT INTO reporting.runs
               (report_id, run_id, run_key, kind, state, scheduled_for, triggered_by, clear_number, settled_at)
           VALUES ('r1', 'x', 'x', 'scheduled', 'skipped', '2026-05-10 07:00Z', 'system', 0, now())""",
    )

    assert (late.status_code, late.json()["attention"]) == (503, ["late"])
    assert late.json()["lagSeconds"] == 26 * 3600  # it is 09:00 on the 10th, and the run of the 9th never began
    assert (api.get("/health").status_code, api.get("/health").json()["lagSeconds"]) == (200, 0)


# --- errors


def test_a_database_that_is_away_is_a_503_without_details(api):
    api.ports.dsn = "postgresql://127.0.0.1:1/nowhere"

    answer = api.get(SCHEDULED)

    assert answer.status_code == 503
    assert answer.json() == {"error": "a server is away or busy; try again"}


def test_an_error_nobody_thought_of_tells_nothing_to_the_caller_and_no_value_to_the_log(api, caplog, monkeypatch):
    def broken(*_args, **_options):
        raise RuntimeError("ada@acme.example")

    monkeypatch.setattr(api.ports.airflow, "dags", broken)

    answer = api.get(f"{SCHEDULED}/r1")

    assert (answer.status_code, answer.json()) == (500, {"error": "Internal error"})
    assert "RuntimeError" in caplog.text
    assert "ada@acme.example" not in caplog.text


def test_every_answer_forbids_scripts_sniffing_and_caching(api):
    for answer in (api.get(SCHEDULED), api.get("/nothing"), api.get(SCHEDULED, user=None), api.get("/openapi.json")):
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"
