"""The run routes of the API: request, adoption by `query`, status, streamed files, resending, test runs."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.policy import default
from hashlib import sha256
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from include.scheduled_reports.domain.errors import PermanentError
from include.scheduled_reports.domain.formats import Format
from include.scheduled_reports.domain.run import RunKey
from include.scheduled_reports.domain.stage import StageAttempt, StageName, StageResult
from include.scheduled_reports.ports.web import Right, Stage
from include.scheduled_reports.runs import pipeline
from include.scheduled_reports.testing.upkeep import MemoryOrchestrator
from include.scheduled_reports.upkeep.round import GONE, upkeep
from tests.contract.api import SCHEDULED, Api, FakeCaller, open_api
from tests.contract.tables import add_people, add_report, execute

NOW = datetime(2026, 5, 11, 7, 30, tzinfo=UTC)
RUN = "manual__2026-05-11T07:30:00+00:00"
TRIGGER = f"{SCHEDULED}/r1/trigger"


@pytest.fixture
def dsn(migrated_dsn: str) -> str:
    """Report r1 of Acme, in PDF and CSV with mail to Ada; report r9 of Zeta."""
    add_people(migrated_dsn)
    add_report(migrated_dsn, id="r1", export_formats=["csv", "json"])
    add_report(migrated_dsn, id="r9", workspace_id="ws2", created_by_id="u3")
    return migrated_dsn


@pytest.fixture
def api(dsn: str) -> Api:
    api = open_api(dsn, NOW)
    api.ports.core.settings = replace(api.ports.core.settings, mail_mode="live", mail_from="reports@acme.example")
    return api


def rows(dsn: str, statement: str, *values: Any) -> list[dict[str, Any]]:
    with psycopg.connect(dsn, row_factory=dict_row) as connection:
        return connection.execute(statement.encode(), values).fetchall()


def executions(dsn: str) -> dict[str, str]:
    found = rows(dsn, "SELECT format::text, status::text FROM report_executions ORDER BY 1")
    return {row["format"]: row["status"] for row in found}


def requested(api: Api, dsn: str) -> dict[str, Any]:
    """Return what the last run was requested with, the recipients from where they are kept."""
    conf = dict(api.ports.airflow.started[-1].conf)
    kept = rows(dsn, "SELECT recipients FROM reporting.requests WHERE id = %s", conf.pop("recipients_kept"))
    return conf | {"recipients": kept[0]["recipients"]}


def run_all(api: Api) -> RunKey:
    """Run all stages of the last requested run, as Airflow does."""
    trigger = api.ports.airflow.started[-1]
    for chosen in pipeline.query(api.ports.core, trigger):
        pipeline.render(api.ports.core, trigger.key, chosen)
        pipeline.upload(api.ports.core, trigger.key, chosen)
    pipeline.email(api.ports.core, trigger.key)
    pipeline.record(api.ports.core, trigger)
    return trigger.key


# --- requesting a run


def test_a_run_is_pending_in_the_record_before_airflow_begins_with_it(api, dsn):
    answer = api.post(TRIGGER)

    assert answer.status_code == 202
    job = answer.json()["executionJob"]
    assert job.keys() == {"id", "status", "progress", "createdAt"}
    assert (job["status"], job["progress"]) == ("PENDING", 0)
    first = rows(dsn, "SELECT format::text, triggered_by FROM report_executions WHERE id = %s", job["id"])
    assert first == [{"format": "CSV", "triggered_by": "airflow:admin"}]
    assert executions(dsn) == {"CSV": "PENDING", "JSON": "PENDING"}
    (trigger,) = api.ports.airflow.started
    assert (trigger.key, trigger.scheduled_for, trigger.conf) == (RunKey(report_id="r1", run_id=RUN), NOW, {})


def test_query_adopts_the_pending_executions_and_the_run_ends_as_any_other(api, dsn):
    job = api.post(TRIGGER).json()["executionJob"]
    asked_at = rows(dsn, "SELECT started_at FROM reporting.runs")[0]["started_at"]

    run_all(api)

    assert executions(dsn) == {"CSV": "COMPLETED", "JSON": "COMPLETED"}
    assert rows(dsn, "SELECT status::text FROM report_executions WHERE id = %s", job["id"]) == [{"status": "COMPLETED"}]
    assert rows(dsn, "SELECT run_count, success_count FROM scheduled_reports WHERE id = 'r1'") == [
        {"run_count": 1, "success_count": 1}
    ]
    # It began when its first task froze it, not when it was requested.
    assert rows(dsn, "SELECT started_at > %s AS later FROM reporting.runs", asked_at) == [{"later": True}]


def test_the_lead_of_a_run_is_the_same_in_the_api_the_file_and_the_email(api, dsn):
    api.post(TRIGGER, json={"mail": True})
    run_all(api)

    (run,) = api.get(f"{SCHEDULED}/r1/runs").json()["runs"]
    file = api.get(f"{SCHEDULED}/r1/runs/{RUN}/artifacts/json").json()
    (sent,) = api.ports.core.mailer.sent
    text = message_from_bytes(next(part for part in sent if isinstance(part, bytes)), policy=default).get_body(
        ("plain",)
    )

    assert run["summary"].endswith(".")
    assert file["summary"] == run["summary"]
    assert run["summary"] in " ".join(text.get_content().split())


def test_formats_recipients_and_period_go_with_the_run(api, dsn):
    wanted = {"formats": ["json"], "recipients": ["ada@acme.example"], "period": "2026-05-01/2026-05-03"}

    assert api.post(TRIGGER, json=wanted).status_code == 202
    assert executions(dsn) == {"JSON": "PENDING"}
    assert requested(api, dsn) == wanted


@pytest.mark.parametrize("route", ["trigger", "test"])
def test_recipients_of_a_run_by_hand_are_mailed_and_are_in_nothing_that_airflow_keeps(api, dsn, route):
    api.post(f"{SCHEDULED}/r1/{route}", json={"recipients": ["bob@acme.example"]})

    run_all(api)

    assert "bob" not in repr(api.ports.airflow.started)
    ((_, envelope, _),) = api.ports.core.mailer.sent
    assert envelope.as_json() == {"to": ["bob@acme.example"], "cc": [], "bcc": []}
    assert "bob" not in rows(dsn, "SELECT frozen::text FROM reporting.runs")[0]["frozen"]


def test_without_the_recipients_that_were_kept_nobody_is_mailed(api, dsn):
    api.post(TRIGGER, json={"recipients": ["bob@acme.example"], "mail": True})
    execute(dsn, "DELETE FROM reporting.requests")

    with pytest.raises(PermanentError, match="the recipients of this request are no longer kept"):
        run_all(api)
    assert api.ports.core.mailer.sent == []


def test_an_address_that_is_refused_later_is_not_in_the_record(api, dsn):
    api.post(TRIGGER, json={"recipients": ["bob@acme.example"]})
    execute(dsn, "DELETE FROM workspace_members")
    execute(dsn, "INSERT INTO workspace_members (id, workspace_id, user_id, role) VALUES ('m', 'ws1', 'u1', 'OWNER')")

    with pytest.raises(PermanentError) as told:
        run_all(api)
    pipeline.record(api.ports.core, api.ports.airflow.started[-1])
    kept = rows(dsn, "SELECT reason FROM reporting.runs UNION ALL SELECT error FROM report_executions")
    assert "may not be mailed" in str(told.value)
    assert "bob" not in str(told.value) + repr(kept)


def test_a_run_for_an_acting_user_bears_his_name(api, dsn):
    api.post(f"{TRIGGER}?actingUserId=u1")

    assert api.ports.airflow.started[0].conf == {"triggered_by": "u1"}
    assert rows(dsn, "SELECT DISTINCT triggered_by FROM report_executions") == [{"triggered_by": "u1"}]
    entry = api.get(f"{SCHEDULED}/r1/audit").json()["entries"][0]
    assert (entry["action"], entry["actor"], entry["actingUserId"], entry["runId"]) == (
        "triggered", "airflow:admin", "u1", RUN,
    )  # fmt: skip


def test_while_a_run_is_under_way_no_other_is_begun(api, dsn):
    api.post(TRIGGER)
    api.ports.core.wait(60)

    assert api.post(TRIGGER).status_code == 409
    run_all(api)
    assert api.post(TRIGGER).status_code == 202


def test_a_tick_that_waits_in_airflow_is_a_run_under_way(api, dsn):
    api.ports.airflow.open.add("r1")

    assert api.post(TRIGGER).status_code == 409
    assert executions(dsn) == {}


def test_of_many_who_ask_at_once_one_gets_a_run(api, dsn):
    with ThreadPoolExecutor(8) as pool:
        codes = sorted(pool.map(lambda _: api.post(TRIGGER).status_code, range(8)))

    assert codes == [202] + [409] * 7
    assert len(api.ports.airflow.started) == 1
    assert len(rows(dsn, "SELECT run_id FROM reporting.runs")) == 1


def test_a_run_that_airflow_cannot_take_leaves_nothing_behind(api, dsn):
    api.ports.airflow.unknown.add("r1")

    answer = api.post(TRIGGER)

    assert answer.status_code == 409
    assert "some seconds" in answer.json()["error"]
    assert executions(dsn) == {}
    assert rows(dsn, "SELECT run_id FROM reporting.runs") == []
    assert [entry["action"] for entry in api.get(f"{SCHEDULED}/r1/audit").json()["entries"]] == ["created"]


def test_a_run_that_was_asked_for_and_that_airflow_lost_is_settled_as_failed(api, dsn):
    api.post(TRIGGER)
    execute(dsn, "UPDATE reporting.runs SET touched_at = now() - interval '1 hour'")
    api.ports.core.moment = datetime.now(UTC)

    upkeep(api.ports.core, MemoryOrchestrator())

    assert executions(dsn) == {"CSV": "FAILED", "JSON": "FAILED"}
    (run,) = rows(dsn, "SELECT state, reason FROM reporting.runs")
    assert run["state"] == "failed"
    assert GONE in run["reason"]


@pytest.mark.parametrize(
    ("wanted", "field"),
    [({"formats": ["doc"]}, "formats"), ({"formats": "csv"}, "formats"),
     ({"recipients": ["eve@zeta.example"]}, "recipients"),
     ({"recipients": ["mallory@acme.example"]}, "recipients"), ({"period": "May"}, "period"), ({"mail": "yes"}, "mail"),
     ({"runAfter": "2999-01-01T00:00:00Z"}, "runAfter"), ({"runAfter": "soon"}, "runAfter"),
     ({"resend": "x"}, "resend"),
     ({"triggered_by": "u1"}, "triggered_by"), ({"test": True}, "test")],
)  # fmt: skip
def test_a_request_that_cannot_be_is_refused_by_the_name_of_its_field(api, dsn, wanted, field):
    answer = api.post(TRIGGER, json=wanted)

    assert answer.status_code == 400
    assert list(answer.json()["details"]) == [field]
    assert executions(dsn) == {}


def test_a_run_as_of_a_moment_that_has_passed_covers_the_days_before_it(api, dsn):
    api.post(TRIGGER, json={"runAfter": "2026-05-04T06:00:00Z"})
    run_all(api)

    (run,) = api.get(f"{SCHEDULED}/r1/runs").json()["runs"]
    # The seven days before Monday, 4 May, in Berlin.
    assert (run["windowStart"], run["windowEnd"]) == ("2026-04-26T22:00:00.000Z", "2026-05-03T22:00:00.000Z")


def test_a_rejected_report_is_not_run_and_says_why(api, dsn):
    execute(dsn, "UPDATE scheduled_reports SET timezone = 'Mars/Olympus' WHERE id = 'r1'")

    answer = api.post(TRIGGER)

    assert answer.status_code == 400
    assert list(answer.json()["details"]) == ["timezone"]


def test_who_may_only_read_a_dag_runs_nothing(api, dsn):
    assert api.post(TRIGGER, user="viewer").status_code == 403
    api.callers["half"] = FakeCaller("half", frozenset({Right.READ, Right.CHANGE}))
    assert api.post(TRIGGER, user="half").status_code == 403
    assert executions(dsn) == {}


# --- reading runs


def test_a_run_shows_its_stages_files_and_messages(api, dsn):
    api.post(TRIGGER)
    key = run_all(api)
    api.ports.airflow.tasks[key] = (
        Stage(
            task_id="formats.render", map_index=0, state="success", label="csv", attempt=2,
            started_at=NOW, ended_at=NOW + timedelta(seconds=2.5),
        ),
    )  # fmt: skip

    run = api.get(f"{SCHEDULED}/r1/runs/{RUN}").json()

    assert (run["state"], run["mail"]) == ("success", {"wanted": True, "why": None, "suppressed": []})
    assert run["stages"] == [{
        "name": "formats.render", "taskId": "formats.render", "mapIndex": 0, "label": "csv", "state": "success",
        "attempt": 2, "startedAt": "2026-05-11T07:30:00.000Z", "endedAt": "2026-05-11T07:30:02.500Z", "seconds": 2.5,
    }]  # fmt: skip
    assert [one["format"] for one in run["artifacts"]] == ["csv", "json"]
    (delivery,) = run["deliveries"]
    assert (delivery["state"], delivery["recipients"]["to"]) == ("sent", ["ada@acme.example"])
    assert [one["status"] for one in run["executions"]] == ["COMPLETED", "COMPLETED"]


def task(state, *, task_id="report", attempt=2):
    return Stage(task_id=task_id, map_index=-1, state=state, label=None, started_at=NOW, ended_at=None, attempt=attempt)


def in_report(stage, chosen, attempt, result):
    return StageAttempt(
        stage=stage,
        format=chosen,
        attempt=attempt,
        started_at=NOW + timedelta(seconds=attempt),
        ended_at=NOW + timedelta(seconds=attempt + 0.5) if result else None,
        result=result,
    )


@pytest.mark.parametrize(
    ("state", "upload", "others"),
    [
        ("running", "running", ["report"]),
        ("up_for_retry", "failed", ["report"]),
        ("failed", "failed", []),
    ],
)
def test_a_compact_run_shows_the_stages_inside_its_task(api, state, upload, others):
    api.post(TRIGGER)
    key = run_all(api)
    noted = [
        in_report(StageName.QUERY, None, 1, StageResult.SUCCESS),
        in_report(StageName.RENDER, Format.CSV, 1, StageResult.FAILED),
        in_report(StageName.RENDER, Format.CSV, 2, StageResult.SUCCESS),
        in_report(StageName.UPLOAD, Format.CSV, 2, None),
    ]
    for one in noted:
        api.ports.core.stages.note(key, one)
    api.ports.airflow.tasks[key] = (task(state), task("queued", task_id="record", attempt=1))

    found = api.get(f"{SCHEDULED}/r1/runs/{RUN}").json()["stages"]

    assert [(one["name"], one["label"], one["attempt"], one["state"], one["seconds"]) for one in found[:3]] == [
        ("query", None, 1, "success", 0.5),
        ("render", "csv", 2, "success", 0.5),
        ("upload", "csv", 2, upload, None),
    ]
    assert {one["taskId"] for one in found[:3]} == {"report"}
    assert [one["name"] for one in found[3:]] == [*others, "record"]


def test_a_compact_run_whose_task_has_not_begun_shows_its_tasks(api):
    api.post(TRIGGER)
    key = run_all(api)
    api.ports.airflow.tasks[key] = (task("queued", attempt=0), task(None, task_id="record", attempt=0))

    found = api.get(f"{SCHEDULED}/r1/runs/{RUN}").json()["stages"]

    assert [(one["name"], one["state"]) for one in found] == [("report", "queued"), ("record", None)]


@pytest.mark.parametrize("has_failed", [True, False])
def test_a_compact_run_that_is_retried_goes_on_with_what_is_done(api, has_failed):
    api.post(TRIGGER)
    key = run_all(api)
    api.ports.core.stages.note(key, in_report(StageName.QUERY, None, 1, StageResult.SUCCESS))
    api.ports.airflow.has_failed, api.ports.airflow.cleared = has_failed, 6

    answer = api.post(f"{SCHEDULED}/r1/runs/{RUN}/retry")

    assert answer.status_code == (202 if has_failed else 409)
    assert api.ports.core.runs.is_open(key, 7) is has_failed


def test_a_file_comes_through_the_guard_byte_by_byte_as_it_was_made(api, dsn):
    execute(dsn, "UPDATE scheduled_reports SET name = 'Zahlen für \"Ä\"; 数字' WHERE id = 'r1'")
    api.post(TRIGGER)
    run_all(api)
    (artifact, _) = api.get(f"{SCHEDULED}/r1/runs/{RUN}/artifacts").json()["artifacts"]

    answer = api.get(artifact["path"])

    assert answer.status_code == 200
    assert sha256(answer.content).hexdigest() == artifact["sha256"]
    assert answer.headers["content-length"] == str(artifact["bytes"]) == str(len(answer.content))
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == (
        'attachment; filename="Zahlen f_r -_-; __ 2026-05-04 to 2026-05-10.csv"; '
        "filename*=UTF-8''Zahlen%20f%C3%BCr%20-%C3%84-%3B%20%E6%95%B0%E5%AD%97%202026-05-04%20to%202026-05-10.csv"
    )
    assert answer.headers["content-security-policy"] == "sandbox; default-src 'none'; frame-ancestors 'self'"


def test_html_that_is_shown_in_place_is_locked_into_a_sandbox(api, dsn):
    api.post(TRIGGER, json={"formats": ["html"]})
    run_all(api)
    path = f"{SCHEDULED}/r1/runs/{RUN}/artifacts/html"

    inline = api.get(f"{path}?inline=true").headers

    assert inline["content-disposition"].startswith("inline")
    policy = inline["content-security-policy"]
    assert policy.startswith("sandbox; default-src 'none'")
    assert "allow-scripts" not in policy
    assert "script-src" not in policy
    assert api.get(path).headers["content-disposition"].startswith("attachment")


def test_csv_is_never_shown_in_place(api):
    api.post(TRIGGER)
    run_all(api)

    headers = api.get(f"{SCHEDULED}/r1/runs/{RUN}/artifacts/csv?inline=true").headers

    assert headers["content-disposition"].startswith("attachment")


@pytest.mark.parametrize(
    "path",
    [f"{SCHEDULED}/r1/runs/nothing", f"{SCHEDULED}/r1/runs/{RUN}/artifacts/pdf",
     f"{SCHEDULED}/r1/runs/{RUN}/artifacts/exe",
     f"{SCHEDULED}/r9/runs/{RUN}", f"{SCHEDULED}/r9/runs/{RUN}/artifacts/csv", f"{SCHEDULED}/r1/runs/a%00/artifacts",
     f"/api/workspaces/zeta/reports/scheduled/r1/runs/{RUN}/artifacts/csv", f"{SCHEDULED}/r9/runs/{RUN}/deliveries"],
)  # fmt: skip
def test_runs_and_files_that_are_not_there_or_a_strangers_are_not_found(api, path):
    api.post(TRIGGER)
    run_all(api)

    assert api.get(path).status_code == 404


def test_runs_are_paged_the_newest_first(api):
    for _ in range(3):
        api.post(TRIGGER)
        run_all(api)
        api.ports.core.wait(3600)

    page = api.get(f"{SCHEDULED}/r1/runs?limit=2&offset=1").json()

    assert [run["scheduledFor"] for run in page["runs"]] == ["2026-05-11T08:30:00.000Z", "2026-05-11T07:30:00.000Z"]
    assert (page["total"], page["pagination"]["hasMore"]) == (3, False)


# --- resending


def test_an_earlier_runs_files_are_mailed_again_by_a_run_of_its_own(api, dsn):
    api.post(TRIGGER)
    run_all(api)
    api.ports.core.wait(3600)

    answer = api.post(f"{SCHEDULED}/r1/runs/{RUN}/resend", json={"recipients": ["bob@acme.example"]})
    key = run_all(api)

    assert answer.status_code == 202
    assert requested(api, dsn) == {"resend": RUN, "recipients": ["bob@acme.example"]}
    _, again = api.ports.core.mailer.sent
    assert again[1].to == ("bob@acme.example",)
    run = api.get(f"{SCHEDULED}/r1/runs/{key.run_id}").json()
    assert (run["resendOf"], run["deliveries"][0]["requestedBy"]) == (RUN, "airflow:admin")
    assert api.get(f"{SCHEDULED}/r1/audit").json()["entries"][0]["action"] == "resent"


def test_a_run_without_files_cannot_be_sent_again(api, dsn):
    api.post(TRIGGER)

    assert api.post(f"{SCHEDULED}/r1/runs/{RUN}/resend").status_code == 409
    assert api.post(f"{SCHEDULED}/r1/runs/nothing/resend").status_code == 404


# --- test runs


def test_a_test_mail_is_marked_goes_to_whom_it_was_asked_for_and_counts_for_nothing(api, dsn):
    before = rows(dsn, "SELECT * FROM scheduled_reports WHERE id = 'r1'")

    answer = api.post(f"{SCHEDULED}/r1/test", json={"recipients": ["bob@acme.example"]})
    key = run_all(api)

    assert answer.status_code == 202
    ((_, recipients, raw),) = api.ports.core.mailer.sent
    mail = message_from_bytes(raw, policy=default)
    assert recipients.to == ("bob@acme.example",)
    assert mail["Subject"].startswith("TEST: ")
    assert mail["X-Scheduled-Report-Test"] == "true"
    for kind in ("plain", "html"):
        assert "This is a test" in mail.get_body((kind,)).get_content()
    after = rows(dsn, "SELECT * FROM scheduled_reports WHERE id = 'r1'")
    assert {name for name in after[0] if after[0][name] != before[0][name]} <= {"next_run"}
    run = api.get(f"{SCHEDULED}/r1/runs/{key.run_id}").json()
    assert (run["test"], run["state"]) == (True, "success")
    assert api.get(f"{SCHEDULED}/r1/audit").json()["entries"][0]["action"] == "tested"


def test_a_test_that_fails_counts_for_nothing_either_and_troubles_no_owner(api, dsn):
    api.post(f"{SCHEDULED}/r1/test", json={"recipients": ["bob@acme.example"]})
    execute(dsn, "UPDATE scheduled_reports SET timezone = 'Mars/Olympus' WHERE id = 'r1'")
    trigger = api.ports.airflow.started[-1]
    with pytest.raises(Exception, match="Mars"):
        pipeline.query(api.ports.core, trigger)
    pipeline.record(api.ports.core, trigger)

    (report,) = rows(dsn, "SELECT run_count, failure_count, last_error FROM scheduled_reports WHERE id = 'r1'")
    assert report == {"run_count": 0, "failure_count": 0, "last_error": None}
    assert api.ports.core.mailer.sent == []
    assert executions(dsn) == {"CSV": "FAILED", "JSON": "FAILED"}


def test_a_test_never_goes_to_the_reports_own_recipients_by_itself(api):
    answer = api.post(f"{SCHEDULED}/r1/test")

    assert answer.status_code == 400
    assert list(answer.json()["details"]) == ["recipients"]


def test_an_acting_user_tries_a_report_out_on_himself(api, dsn):
    api.post(f"{SCHEDULED}/r1/test?actingUserId=u1")

    assert requested(api, dsn) == {"recipients": ["ada@acme.example"], "test": True, "triggered_by": "u1"}


# --- previews


@pytest.mark.parametrize("chosen", list(Format))
def test_a_preview_is_the_file_a_run_would_make_and_leaves_no_trace(api, dsn, chosen):
    answer = api.get(f"{SCHEDULED}/r1/preview?format={chosen}&at=2026-05-11T07:30:00Z")

    assert answer.status_code == 200
    magic = {"pdf": b"%PDF-", "csv": b'"Day"', "json": b"{", "excel": b"PK", "html": b"<!DOCTYPE html>"}[chosen]
    assert answer.content.startswith(magic) or answer.content.lower().startswith(magic.lower())
    assert answer.headers["x-rows"] == "7"
    assert rows(dsn, "SELECT run_id FROM reporting.runs") == []
    assert api.ports.core.mailer.sent == []


def test_a_report_can_be_seen_before_it_is_saved(api, dsn):
    fields = {"name": "Not saved", "reportType": "workspace-activity", "cronExpression": "0 9 * * 1",
              "exportFormats": ["pdf"], "createdBy": "u1"}  # fmt: skip

    answer = api.post(SCHEDULED.removesuffix("/scheduled") + "/preview", json={**fields, "format": "html"})

    assert answer.status_code == 200
    assert "Not saved" in answer.text
    assert "sandbox" in answer.headers["content-security-policy"]
    assert rows(dsn, "SELECT count(*) AS n FROM scheduled_reports") == [{"n": 2}]


def test_everything_wrong_with_a_preview_is_said_at_once(api):
    answer = api.post(
        SCHEDULED.removesuffix("/scheduled") + "/preview", json={"name": "", "format": "doc", "at": "soon"}
    )

    assert answer.status_code == 400
    assert answer.json()["details"].keys() >= {"name", "format", "at", "reportType", "createdBy"}
    assert api.get(f"{SCHEDULED}/r1/preview?format=doc").status_code == 400


def test_a_preview_shows_nothing_of_another_workspace(api):
    fields = {"name": "x", "reportType": "workspace-activity", "cronExpression": "0 9 * * 1", "exportFormats": ["csv"]}

    answer = api.post("/api/workspaces/zeta/reports/preview", json={**fields, "createdBy": "u1"})

    assert answer.status_code == 400
    assert list(answer.json()["details"]) == ["createdBy"]
