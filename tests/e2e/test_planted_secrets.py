"""No secret or address in any log, XCom, template or error; connections from a secrets backend; metrics by StatsD."""

from __future__ import annotations

import re

import pytest
import requests

from tests.e2e.faults import answers
from tests.e2e.planted_secrets import ADDRESS, CHANNEL, MARK, OTHER, SECRETS, opened

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
TOLD = f"denied for {ADDRESS} with {SECRETS['secret key']}"
REFUSES = f"""
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'no row for {ADDRESS}' USING DETAIL = 'Failing row contains ({OTHER}).', ERRCODE = '23514'; END
$$;
CREATE TRIGGER refuse BEFORE UPDATE ON report_executions FOR EACH ROW
WHEN (NEW.scheduled_report_id = 'pwrite') EXECUTE FUNCTION refuse();
"""


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    """Run one success, and one failure of each kind that could reveal a planted value, each with a separate report."""
    with opened(tmp_path_factory.mktemp("plants")) as scene:
        scene.rows = scene.running.rows
        for report_id in ("pgood", "pstore", "pstop", "pone", "pkey", "pwrite", "pread"):
            scene.add(report_id, ADDRESS, OTHER)
        scene.add("pbad", ADDRESS, "plnt no address", cron="never")
        faults = scene.http.faults
        faults.add("pstore", "s3", answers(403, "AccessDenied", TOLD))
        faults.add("pstop", "s3", answers(500, "InternalError", TOLD))
        faults.add("pkey", "ses", answers(403, "SignatureDoesNotMatch", TOLD))
        faults.add(
            "pone",
            "ses",
            answers(400, "MessageRejected", f"The following identities failed the check in region X: {ADDRESS}"),
            times=1,
        )
        scene.rows(REFUSES)
        scene.ended = {one: scene.run(one) for one in ("pgood", "pstore", "pstop", "pone", "pkey")}
        scene.ended["pwrite"] = scene.run("pwrite", then="DROP TRIGGER refuse ON report_executions")
        scene.add("phand", "somebody@acme-robotics.example")
        scene.hand = scene.run_by_hand("phand", ADDRESS, OTHER)
        scene.rows("REVOKE SELECT ON channels FROM reports_reading")
        scene.ended["pread"] = scene.run("pread")
        scene.rows("ALTER ROLE record_user PASSWORD 'another'")
        scene.running.wait(lambda: _has(scene, "using the last good copy"), seconds=120, what="a parse that fails")
        scene.rows(f"ALTER ROLE record_user PASSWORD '{SECRETS['password of the record']}'")
        yield scene


def _has(scene, words):
    return any(words in path.read_text(errors="replace") for path in scene.logs() if path.suffix == ".log")


def test_every_part_of_airflow_finds_the_connections_in_the_secrets_backend(scene):
    # The parse found them: the DAG exists.  The tasks did: the run succeeded, with three connections.  The API server:
    answer = scene.running.api.request("GET", "/scheduled-reports/health").json()

    assert scene.ended["pgood"] == "success"
    assert answer["reports"] > 8
    assert {path.name for path in scene.folder.glob("secrets/*")} == {"connections.json"}


def test_what_was_meant_to_fail_has_failed(scene):
    assert {one: state for one, state in scene.ended.items() if one != "pgood"} == dict.fromkeys(
        ("pstore", "pstop", "pone", "pkey", "pwrite", "pread"), "failed"
    )


def test_the_plants_were_there_to_be_found(scene):
    """Otherwise the other tests prove nothing."""
    (mail,) = scene.running.mails_of("pgood")
    (execution,) = scene.running.executions("pgood")

    assert set(mail.recipients) == {ADDRESS, OTHER}
    assert CHANNEL.encode() in scene.running.file(execution["file_url"])
    assert any(path.stat().st_size > 1_000 and "logs" in path.parts for path in scene.logs())


def test_a_run_by_hand_was_mailed_to_the_recipients_of_its_request(scene):
    """They are in no file and no table of Airflow, as the next tests show."""
    (mail,) = scene.running.mails_of("phand")

    assert scene.hand == "success"
    assert set(mail.recipients) == {ADDRESS, OTHER}
    assert "recipients_kept" in scene.metadata()


def test_no_file_of_airflow_holds_a_plant(scene):
    found = {}
    for path in scene.logs():
        for line in path.read_bytes().decode(errors="replace").splitlines():
            if MARK in line:
                found.setdefault(str(path.relative_to(scene.folder)), []).append(line[:500])

    assert found == {}


def test_airflows_database_holds_no_plant(scene):
    """Search XComs, rendered fields, serialized DAGs, import errors, the audit log and everything else."""
    dump = scene.metadata()
    lines = [line[:500] for line in dump.splitlines() if MARK in line]

    assert "INSERT INTO public.xcom" in dump
    assert "INSERT INTO public.rendered_task_instance_fields" in dump
    assert lines == []


def test_no_error_of_the_record_holds_a_plant(scene):
    errors = scene.rows(
        """SELECT report_id, reason AS error FROM reporting.runs UNION ALL
           SELECT report_id, mail_error FROM reporting.runs UNION ALL
           SELECT report_id, error FROM reporting.deliveries UNION ALL
           SELECT scheduled_report_id, error FROM report_executions UNION ALL
           SELECT scheduled_report_id, email_error FROM report_executions UNION ALL
           SELECT id, last_error FROM scheduled_reports WHERE id <> 'pbad'"""
    )
    said = [one for one in errors if one["error"]]

    assert {one["report_id"] for one in said} >= {"pstore", "pstop", "pone", "pkey", "pwrite", "pread"}
    assert [one for one in said if MARK in one["error"]] == []


def test_metrics_leave_by_airflows_own_statsd(scene):
    def upkeep_has_told():
        return any(name == "lag" for name, _ in scene.listener.ours())

    scene.running.wait(upkeep_has_told, seconds=120, what="a round of upkeep")
    told = scene.listener.ours()
    names = {name for name, _ in told}

    assert ("run.success.manual.channel-analytics", "1|c") in told
    assert [value for name, value in told if name == "run.failed.manual.channel-analytics"] == ["1|c"] * 6
    assert {"stage.query.none.success", "stage.render.csv.success", "stage.upload.csv.success"} <= names
    assert {"stage.upload.csv.failed", "stage.query.none.failed", "stage.email.none.failed"} <= names
    assert {"mail.sent.report", "mail.refused.report", "mail.sent.owner", "upkeep", "reports.active"} <= names
    (rows,) = {value for name, value in told if name == "rows.csv.channel-analytics"}
    (execution,) = scene.running.executions("pgood")
    assert rows == f"{execution['record_count']}|c"
    assert all(re.fullmatch(r"[0-9.e-]+\|(c|g|ms)", value) for _, value in told)
    assert [line for line in scene.listener.heard if MARK in line] == []


def test_a_probe_reads_the_health_with_a_token_and_not_without(scene):
    with requests.Session() as session:
        session.trust_env = False
        nobody = session.get(f"{scene.running.stack.airflow.url}/scheduled-reports/health", timeout=30)

    assert nobody.status_code == 401
    answer = scene.running.api.request("GET", "/scheduled-reports/health").json()
    assert (answer["rejected"] >= 1, answer["mailEnabled"], answer["lagSeconds"]) == (True, True, 0)
