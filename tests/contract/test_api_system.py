"""The API's run times, report types, health and errors, on real PostgreSQL."""

from __future__ import annotations

import pytest

from include.scheduled_reports.domain.finding import fault, ok, warning
from tests.contract.api import SCHEDULED
from tests.contract.tables import execute

# --- helper routes


def test_the_coming_runs_of_an_expression_are_those_of_the_timetable(api):
    answer = api.get("/api/next-runs?cron=30 2 * * *&timezone=America/New_York&from=2026-03-07T12:00:00Z&count=2")

    assert answer.json() == {
        "cronDescription": "Daily at 02:30",
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


@pytest.mark.parametrize("zone", ["posix/UTC", "right/UTC", "localtime", "Factory", "Europe", "Mars/Base"])
def test_a_zone_that_no_report_can_be_saved_with_is_refused(api, zone):
    answer = api.get(f"/api/next-runs?cron=0 9 * * 1&timezone={zone}")

    assert answer.status_code == 400
    assert answer.json()["details"] == {
        "timezone": [f'"{zone}" is not an IANA time zone; use one such as Europe/Berlin.']
    }


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
    assert answer.json() == {"error": "A server is down or busy; try again."}


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


# --- the doctor

FOUND = [
    ok("database", "PostgreSQL 16.4"),
    fault("bucket", "S3 refused s3://<reports>: NoSuchBucket", "check BUCKET"),
    warning("settings", "MAIL_MODE is off: nothing is mailed", "set live"),
]


def test_the_details_of_health_are_what_the_doctor_finds(api):
    api.ports.found = FOUND

    answer = api.get("/api/health/details").json()
    assert answer["status"] == "fault"
    assert answer["findings"] == [
        {"level": "ok", "subject": "database", "text": "PostgreSQL 16.4", "remedy": None},
        {
            "level": "fault", "subject": "bucket", "text": "S3 refused s3://<reports>: NoSuchBucket",
            "remedy": "check BUCKET",
        },
        {
            "level": "warning", "subject": "settings", "text": "MAIL_MODE is off: nothing is mailed",
            "remedy": "set live",
        },
    ]  # fmt: skip


def test_the_page_of_the_doctor_shows_faults_first(api):
    api.ports.found = FOUND

    shown = api.get("/doctor").text
    assert "Reports fail, or will, until the faults are corrected." in shown
    places = [shown.index(text) for text in ("s3://&lt;reports&gt;: NoSuchBucket", "nothing is mailed", "16.4")]
    assert places == sorted(places)


def test_a_deployment_without_findings_is_sound(api):
    assert api.get("/api/health/details").json() == {"status": "ok", "findings": []}
    assert "Everything that was examined is right." in api.get("/doctor").text


def test_who_may_not_edit_every_dag_does_not_learn_of_servers_and_roles(api):
    api.ports.found = FOUND
    for path in ("/api/health/details", "/doctor"):
        answer = api.get(path, user="viewer")
        assert answer.status_code == 403
        assert "NoSuchBucket" not in answer.text
