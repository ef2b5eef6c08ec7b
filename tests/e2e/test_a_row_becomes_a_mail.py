"""The main function on a running Airflow: one scheduled run, and one run started by REST.

Imports nothing from the product: expected values come from the database, by SQL with literal dates.
"""

import csv
import hashlib
import io
import json
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.policy import default

import pytest

pytestmark = pytest.mark.timeout(600)

MESSAGES_BY_DAY = """
SELECT to_char(m.created_at AT TIME ZONE 'UTC' AT TIME ZONE 'Europe/Berlin', 'YYYY-MM-DD') AS day,
       count(*) AS messages, count(DISTINCT m.author_id) AS people
FROM messages m JOIN channels c ON c.id = m.channel_id
WHERE c.workspace_id = 'demo-workspace-acme' AND NOT c.is_archived AND NOT m.is_deleted AND m.type <> 'SYSTEM'
  AND m.created_at >= '2026-04-19 22:00:00' AND m.created_at < '2026-04-26 22:00:00'
GROUP BY 1 ORDER BY 1
"""
MESSAGES_BY_CHANNEL = """
SELECT c.name, count(m.id) AS messages
FROM channels c
LEFT JOIN messages m ON m.channel_id = c.id AND NOT m.is_deleted AND m.type <> 'SYSTEM'
  AND m.created_at >= '2026-05-01 04:00:00' AND m.created_at < '2026-05-08 04:00:00'
WHERE c.workspace_id = 'demo-workspace-nordlicht' AND c.type = 'PUBLIC' AND NOT c.is_archived
GROUP BY c.id ORDER BY 2 DESC, c.name
"""
NEW_ROW = """
INSERT INTO scheduled_reports
    (id, name, "reportType", cron_expression, timezone, export_formats, parameters, email_enabled, email_recipients,
     email_cc_recipients, email_bcc_recipients, email_subject, workspace_id, created_by_id, updated_at)
SELECT 'e2e-tick', 'Каналы каждый час', 'channel-analytics', %s, 'America/New_York', '{csv,json}',
       '{"dateRange": {"type": "custom", "startDate": "2026-05-01", "endDate": "2026-05-07"}}',
       true, '{ann@neolith.example}', '{bob@neolith.example}', '{carol@neolith.example}', 'Каналы ✓',
       'demo-workspace-nordlicht', user_id, now()
FROM workspace_members WHERE workspace_id = 'demo-workspace-nordlicht' AND role = 'OWNER' ORDER BY user_id LIMIT 1
"""


def utc(moment):
    """Add the time zone: the application's columns hold UTC without one."""
    return moment.replace(tzinfo=UTC)


def attachments(mail):
    parsed = message_from_bytes(mail.raw, policy=default)
    return {part.get_filename(): part.get_payload(decode=True) for part in parsed.iter_attachments()}


def test_a_scheduled_tick_arrives_once_with_the_right_numbers(running):
    # The schedule fires in one minute of the hour: choose one that no parse can miss.
    tick = datetime.now(UTC).replace(second=0, microsecond=0) + timedelta(minutes=2)
    running.rows(NEW_ROW, f"{tick.minute} * * * *")

    running.wait(
        lambda: running.rows("SELECT 1 FROM reporting.runs WHERE report_id = 'e2e-tick' AND settled_at IS NOT NULL"),
        seconds=300,
        what="the tick to be settled",
    )

    executions = running.executions("e2e-tick")
    assert {row["format"] for row in executions} == {"CSV", "JSON"}
    for row in executions:
        assert row["status"] == "COMPLETED", row["error"]
        assert (row["triggered_by"], row["triggered_manually"]) == ("system", False)
        assert utc(row["scheduled_for"]) == tick
        assert utc(row["started_at"]) >= tick
        assert row["completed_at"] >= row["started_at"]
        assert row["duration"] == pytest.approx((row["completed_at"] - row["started_at"]).total_seconds() * 1000, abs=2)
        assert (row["progress"], row["retry_count"], row["error"]) == (100, 0, None)
        assert (row["email_sent"], row["email_error"]) == (True, None)
        content = running.file(row["file_url"])
        assert row["file_size"] == len(content)

    (csv_row,) = (row for row in executions if row["format"] == "CSV")
    table = list(csv.reader(io.StringIO(running.file(csv_row["file_url"]).decode("utf-8-sig"), newline="")))
    expected = running.rows(MESSAGES_BY_CHANNEL)
    assert sorted((line[0], int(line[1])) for line in table[1:]) == sorted(
        (row["name"], row["messages"]) for row in expected
    )
    assert csv_row["record_count"] == len(expected) > 3

    (mail,) = running.mails_of("e2e-tick")
    assert set(mail.recipients) == {"ann@neolith.example", "bob@neolith.example", "carol@neolith.example"}
    message = message_from_bytes(mail.raw, policy=default)
    assert (message["To"], message["Cc"]) == ("ann@neolith.example", "bob@neolith.example")
    assert message["Subject"] == "Каналы ✓"
    assert b"carol@neolith.example" not in mail.raw
    assert {hashlib.sha256(content).hexdigest() for content in attachments(mail).values()} == {
        hashlib.sha256(running.file(row["file_url"])).hexdigest() for row in executions
    }

    (report,) = running.rows("SELECT * FROM scheduled_reports WHERE id = 'e2e-tick'")
    assert (report["run_count"], report["success_count"], report["failure_count"]) == (1, 1, 0)
    assert (report["last_run_status"], report["last_error"]) == ("success", None)
    assert utc(report["next_run"]) == tick + timedelta(hours=1)
    assert report["updated_at"] < report["last_run"]


def test_a_run_by_rest_does_what_it_was_asked_and_no_more(running):
    report_id, dag_id = "demo-report-weekly-activity", "scheduled_report_demo-report-weekly-activity"
    running.api.wait_for_dag(dag_id)
    conf = {
        "formats": ["csv", "json"],
        "recipients": ["jurgen.weiss@acme-robotics.example"],
        "period": "2026-04-20/2026-04-26",
        "triggered_by": "demo-user-jurgen-weiss",
    }

    run_id = running.api.trigger(dag_id, conf)

    assert running.api.wait_for_run(dag_id, run_id)["state"] == "success", running.api.failures(dag_id, run_id)
    executions = running.executions(report_id)
    assert {row["format"]: row["status"] for row in executions} == {"CSV": "COMPLETED", "JSON": "COMPLETED"}
    assert {(row["triggered_by"], row["triggered_manually"]) for row in executions} == {
        ("demo-user-jurgen-weiss", True)
    }
    (csv_url,) = (row["file_url"] for row in executions if row["format"] == "CSV")
    (json_url,) = (row["file_url"] for row in executions if row["format"] == "JSON")
    expected = [(row["day"], row["messages"], row["people"]) for row in running.rows(MESSAGES_BY_DAY)]
    lines = list(csv.DictReader(io.StringIO(running.file(csv_url).decode("utf-8-sig"), newline="")))
    assert [(line["Day"], int(line["Messages"]), int(line["Active people"])) for line in lines] == expected
    days = json.loads(running.file(json_url))["datasets"][0]["rows"]
    assert [(day["day"], day["messages"], day["active_people"]) for day in days] == expected
    assert len(expected) == 7
    (mail,) = running.mails_of(report_id)
    assert mail.recipients == ("jurgen.weiss@acme-robotics.example",)
    assert len(attachments(mail)) == 2
    # The staging files of a finished run are deleted.
    staging = running.stack.airflow.folder.parent / "staging"
    assert [path for path in staging.rglob("*") if path.is_file() and run_id.partition(":")[0] in str(path)] == []


@pytest.mark.parametrize(
    ("conf", "named"),
    [
        ({"formats": ["docx"]}, "formats"),
        ({"mail": "perhaps"}, "mail"),
        ({"period": "last-fortnight"}, "period"),
        ({"recipients": "everybody"}, "recipients"),
    ],
)
def test_wrong_values_are_refused_before_there_is_a_run(running, conf, named):
    dag_id = "scheduled_report_demo-report-weekly-activity"
    running.api.wait_for_dag(dag_id)

    with pytest.raises(RuntimeError, match=rf"400 .*{named}"):
        running.api.trigger(dag_id, conf)


def test_an_unknown_key_fails_the_run_before_anything_is_sent(running):
    report_id, dag_id = "demo-report-daily-channels", "scheduled_report_demo-report-daily-channels"
    running.api.wait_for_dag(dag_id)

    run_id = running.api.trigger(dag_id, {"recipient": ["somebody@neolith.example"]})

    assert running.api.wait_for_run(dag_id, run_id)["state"] == "failed"
    executions = running.executions(report_id)
    assert {row["format"] for row in executions} == {"CSV", "EXCEL"}
    for row in executions:
        assert row["status"] == "FAILED"
        assert "recipient: " in row["error"]
        assert "did you mean recipients?" in row["error"]
        assert (row["triggered_by"], row["file_url"], row["email_sent"]) == ("airflow:admin", None, False)
    assert running.mails_of(report_id) == []
    (report,) = running.rows("SELECT * FROM scheduled_reports WHERE id = %s", report_id)
    assert (report["run_count"], report["failure_count"], report["last_run_status"]) == (1, 1, "failed")


def test_a_broken_row_has_no_dag_and_harms_no_other(running):
    running.api.wait_for_dag("scheduled_report_demo-report-tokyo-morning")

    present = {dag["dag_id"] for dag in running.api.items("/dags", "dags")}

    assert not any("broken" in dag_id for dag_id in present)
    assert list(running.api.items("/importErrors", "import_errors")) == []
