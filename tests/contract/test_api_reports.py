"""The report routes of the API, as the application's front end uses them: list, create, read."""

from __future__ import annotations

import pytest

from tests.contract.api import ACME, NEW, SCHEDULED, one, stored
from tests.contract.tables import add_report, execute

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


# --- lists


def test_a_report_has_every_field_that_the_front_end_knows(api):
    (report,) = api.get(SCHEDULED).json()["reports"]

    assert report.keys() >= DOCUMENTED
    assert report["emailDelivery"].keys() == DELIVERY
    assert report["createdBy"] == {"id": "u1", "name": "Ada Byron", "email": "ada@acme.example", "avatarUrl": None}
    assert report["cronDescription"] == "Mondays at 09:00"
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
     (b'{"a\\u0000": 1}', "a\0"), (b"[" * 60_000, "body")],
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


MISSED = """INSERT INTO reporting.missed_ticks
    (report_id, workspace_id, first_tick, last_tick, ticks, policy, made, decided_at)
    VALUES ('r1', %s, '2026-05-11 07:00Z', '2026-05-14 06:00Z', 72, 'latest', 1, '2026-05-14 06:40Z')"""


def test_one_report_comes_with_its_outages_of_this_workspace(api, dsn):
    execute(dsn, MISSED, "ws1")
    execute(dsn, MISSED, "ws2")

    read = api.get(f"{SCHEDULED}/r1").json()

    assert read["missedTicks"] == [{
        "first": "2026-05-11T07:00:00.000Z", "last": "2026-05-14T06:00:00.000Z", "ticks": 72,
        "policy": "latest", "made": 1, "at": "2026-05-14T06:40:00.000Z",
    }]  # fmt: skip
    assert api.put(f"{SCHEDULED}/r1", json=read).status_code == 200


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
