"""The application's tables after a run, column by column, read as the application would."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from psycopg.rows import dict_row

from include.scheduled_reports.domain.errors import DeliveryUnknownError, ReportTypeError, TransientError
from include.scheduled_reports.domain.formats import Format
from include.scheduled_reports.domain.naming import execution_id
from include.scheduled_reports.domain.run import RunKind, RunState
from include.scheduled_reports.runs import admission, pipeline
from tests.contract.tables import add_people, add_report, execute
from tests.integration.stages import FOLDER, KEY, MESSAGES, TRIGGER, services_on, walk


@pytest.fixture
def make_services(migrated_dsn, tmp_path):
    """Services with PostgreSQL as the database, and one report in it; the rest are fakes."""

    def make(*, messages=True, **changes):
        add_people(migrated_dsn)
        add_report(migrated_dsn, **({"id": "r1", "export_formats": ["csv", "json"]} | changes))
        if messages:
            execute(migrated_dsn, MESSAGES)
        return services_on(migrated_dsn, tmp_path)

    return make


@pytest.fixture
def read(migrated_dsn):
    """Return the rows of a plain SQL statement."""

    def read(statement):
        with psycopg.connect(migrated_dsn, row_factory=dict_row) as connection:
            return connection.execute(statement).fetchall()

    return read


@pytest.fixture
def executions(read):
    """Return the rows of report_executions by format."""
    return lambda: {found["format"]: found for found in read("SELECT * FROM report_executions ORDER BY format")}


@pytest.fixture
def counters(read):
    """Return the columns of scheduled_reports that describe its runs."""
    names = "run_count, success_count, failure_count, last_run, last_run_status, last_error, next_run, updated_at"
    return lambda: read(f"SELECT {names} FROM scheduled_reports WHERE id = 'r1'")[0]


def breaking(monkeypatch, chosen, error):
    """Make the renderer of one format fail."""
    real = pipeline.renderer

    def fail(*_, **__):
        raise error

    def renderer(one, **options):
        return fail if one is chosen else real(one, **options)

    monkeypatch.setattr(pipeline, "renderer", renderer)


def is_now(moment):
    """Return whether a column without time zone contains the current time in UTC."""
    return abs(datetime.now(UTC).replace(tzinfo=None) - moment) < timedelta(minutes=1)


def times_fit_together(found):
    """Check that start, end and duration are consistent, to the columns' precision of a millisecond."""
    took = (found["completed_at"] - found["started_at"]) / timedelta(milliseconds=1)
    return found["started_at"] <= found["completed_at"] and abs(took - found["duration"]) <= 1


def test_after_a_success_every_column_is_that_of_the_file_and_the_mail(make_services, executions, counters):
    services = make_services()

    assert walk(services).state is RunState.SUCCESS

    found = executions()
    assert set(found) == {"CSV", "JSON"}
    for name, extension in (("CSV", "csv"), ("JSON", "json")):
        one = found[name]
        stored = services.store.files[f"ws1/r1/{FOLDER.rpartition('/')[2]}/workspace-activity.{extension}"]
        assert re.fullmatch(r"c[0-9a-z]{24}", one["id"])
        assert one["scheduled_report_id"] == "r1"
        assert one["status"] == "COMPLETED"
        assert (one["triggered_by"], one["triggered_manually"]) == ("system", False)
        assert one["file_url"] == f"{FOLDER}/workspace-activity.{extension}"
        assert one["file_size"] == len(stored)
        assert one["record_count"] == 7
        assert one["scheduled_for"] == datetime(2026, 5, 11, 7)  # noqa: DTZ001
        assert is_now(one["started_at"])
        assert is_now(one["completed_at"])
        assert is_now(one["created_at"])
        assert times_fit_together(one)
        assert one["error"] is None
        assert one["retry_count"] == 0
        assert one["email_sent"] is True
        assert is_now(one["email_sent_at"])
        assert one["email_error"] is None
        assert one["progress"] == 100

    kept = counters()
    assert (kept["run_count"], kept["success_count"], kept["failure_count"]) == (1, 1, 0)
    assert (kept["last_run_status"], kept["last_error"]) == ("success", None)
    assert is_now(kept["last_run"])
    assert kept["next_run"] == datetime(2026, 5, 18, 7)  # noqa: DTZ001
    assert kept["updated_at"] == datetime(2026, 5, 1)  # noqa: DTZ001 - it belongs to the application


def test_settling_again_changes_no_column(make_services, read):
    services = make_services()
    walk(services)
    tables = "SELECT * FROM report_executions ORDER BY id", "SELECT * FROM scheduled_reports"
    before = [read(table) for table in tables]

    for _ in range(2):
        pipeline.record(services, TRIGGER)

    assert [read(table) for table in tables] == before


def test_the_rows_are_those_of_the_workspace_and_the_window(make_services):
    services = make_services()
    walk(services)

    content = services.store.files[f"ws1/r1/{FOLDER.rpartition('/')[2]}/workspace-activity.csv"].decode("utf-8-sig")
    messages = [line.split(",")[1] for line in content.split("\r\n")[1:] if line]
    assert messages == ["1", "1", "0", "0", "0", "0", "0"]


def test_after_a_run_without_data_the_files_are_there_and_nobody_was_mailed(make_services, executions, counters):
    services = make_services(messages=False, email_send_only_if_data=True)

    assert walk(services).state is RunState.SUCCESS

    for one in executions().values():
        assert (one["status"], one["error"], one["progress"]) == ("COMPLETED", None, 100)
        assert one["record_count"] == 7  # seven days without activity
        assert one["file_url"].startswith(f"{FOLDER}/workspace-activity.")
        assert (one["email_sent"], one["email_sent_at"], one["email_error"]) == (False, None, None)
    assert services.mailer.sent == []
    kept = counters()
    assert (kept["run_count"], kept["success_count"], kept["failure_count"]) == (1, 1, 0)
    assert (kept["last_run_status"], kept["last_error"]) == ("success", None)


def test_after_a_partial_failure_each_format_tells_its_own_story(make_services, executions, counters, monkeypatch):
    services = make_services()
    breaking(monkeypatch, Format.JSON, ReportTypeError("out of ink"))

    assert walk(services).state is RunState.FAILED

    arrived, failed = executions()["CSV"], executions()["JSON"]
    assert (arrived["status"], arrived["error"], arrived["progress"], arrived["email_sent"]) == (
        "COMPLETED", None, 100, True,
    )  # fmt: skip
    assert (failed["status"], failed["error"]) == ("FAILED", "out of ink")
    assert (failed["file_url"], failed["file_size"], failed["record_count"]) == (None, None, None)
    assert (failed["email_sent"], failed["email_sent_at"], failed["email_error"]) == (False, None, None)
    assert failed["progress"] == 30
    assert times_fit_together(failed)
    kept = counters()
    assert (kept["run_count"], kept["success_count"], kept["failure_count"]) == (1, 0, 1)
    assert (kept["last_run_status"], kept["last_error"]) == ("failed", "json: out of ink")
    assert kept["next_run"] == datetime(2026, 5, 18, 7)  # noqa: DTZ001


def test_a_failure_mended_by_a_retry_moves_every_column_over(make_services, executions, counters, monkeypatch):
    services = make_services()
    with monkeypatch.context() as broken:
        breaking(broken, Format.JSON, ReportTypeError("out of ink"))
        walk(services)

    pipeline.render(services, KEY, Format.JSON, attempt=3)
    pipeline.upload(services, KEY, Format.JSON, attempt=1)
    pipeline.record(services, TRIGGER)

    one = executions()["JSON"]
    assert (one["status"], one["error"], one["progress"], one["retry_count"]) == ("COMPLETED", None, 100, 2)
    assert one["email_sent"] is False  # it was not part of the mail
    kept = counters()
    assert (kept["run_count"], kept["success_count"], kept["failure_count"]) == (1, 1, 0)
    assert (kept["last_run_status"], kept["last_error"]) == ("success", None)


@pytest.mark.parametrize(
    ("changes", "conf", "reason"),
    [
        (
            {"timezone": "Mars/Olympus"},
            {},
            'timezone: "Mars/Olympus" is not an IANA time zone; use one such as Europe/Berlin.',
        ),
        (
            {},
            {"recipients": ["eve@zeta.example"]},
            "recipients: the value may not be mailed; use the address of a workspace member or of an allowed domain.",
        ),
        (
            {"export_formats": ["csv", "json", "csv"]},
            {},
            'export_formats: ["csv", "json", "csv"] is not a list of different formats; '
            "choose from pdf, csv, json, excel, html, each once.",
        ),
    ],
    ids=["row", "request", "format named twice"],
)
def test_a_refused_run_tells_every_format_why(make_services, executions, counters, changes, conf, reason):
    services = make_services(**changes)
    manual = replace(TRIGGER, kind=RunKind.MANUAL, conf=conf, user="alice")

    assert walk(services, manual).state is RunState.FAILED

    found = executions()
    assert set(found) == {"CSV", "JSON"}
    for one in found.values():
        assert (one["status"], one["error"], one["progress"]) == ("FAILED", reason, 0)
        assert (one["triggered_by"], one["triggered_manually"]) == ("airflow:alice", True)
        assert (one["file_url"], one["file_size"], one["record_count"]) == (None, None, None)
        assert (one["email_sent"], one["email_sent_at"], one["email_error"]) == (False, None, None)
        assert times_fit_together(one)
    assert (services.store.files, services.mailer.sent) == ({}, [])
    kept = counters()
    assert (kept["run_count"], kept["success_count"], kept["failure_count"]) == (1, 0, 1)
    assert (kept["last_run_status"], kept["last_error"]) == ("failed", f"csv: {reason}; json: {reason}")


def test_a_run_by_hand_is_recorded_as_one_and_only_with_the_formats_asked_for(make_services, executions):
    services = make_services()

    walk(
        services, replace(TRIGGER, kind=RunKind.MANUAL, conf={"formats": ["html"], "triggered_by": "u2"}, user="alice")
    )

    ((name, one),) = executions().items()
    assert (name, one["triggered_by"], one["triggered_manually"]) == ("HTML", "u2", True)


def test_a_replay_is_not_a_run_by_hand_and_mails_nobody(make_services, executions):
    services = make_services()

    assert walk(services, replace(TRIGGER, kind=RunKind.BACKFILL)).state is RunState.SUCCESS

    for one in executions().values():
        assert (one["triggered_by"], one["triggered_manually"]) == ("system", False)
        assert (one["email_sent"], one["email_error"]) == (False, None)


def test_a_mail_whose_outcome_is_unknown_is_told_beside_the_files(make_services, executions, counters):
    services = make_services()
    services.mailer.error = DeliveryUnknownError("SES did not answer: ReadTimeoutError")

    walk(services)

    for one in executions().values():
        assert (one["status"], one["error"], one["progress"]) == ("COMPLETED", None, 100)
        assert (one["email_sent"], one["email_sent_at"]) == (False, None)
        assert one["email_error"] == "report: SES did not answer: ReadTimeoutError"
    kept = counters()
    assert (kept["failure_count"], kept["last_error"]) == (1, "mail: report: SES did not answer: ReadTimeoutError")


def test_a_mail_that_a_retry_sends_takes_its_error_back(make_services, executions, counters):
    services = make_services()
    services.mailer.error = TransientError("SES is busy")
    walk(services)
    assert {one["email_error"] for one in executions().values()} == {"report: SES is busy"}

    services.mailer.error = None
    pipeline.email(services, KEY)
    pipeline.record(services, TRIGGER)

    assert {(one["email_sent"], one["email_error"]) for one in executions().values()} == {(True, None)}
    assert (counters()["success_count"], counters()["failure_count"]) == (1, 0)


def test_a_skipped_tick_leaves_no_execution_and_moves_no_counter(make_services, executions, counters, read):
    services = make_services(is_active=False)
    before = counters()

    assert walk(services).state is RunState.SKIPPED

    assert executions() == {}
    assert counters() == before
    (run,) = read("SELECT state, reason FROM reporting.runs")
    assert run == {"state": "skipped", "reason": "the report is no longer scheduled"}


def test_a_failed_run_that_a_clear_skips_stays_failed(make_services, executions, counters, monkeypatch):
    services = make_services()
    breaking(monkeypatch, Format.JSON, ReportTypeError("out of ink"))
    walk(services)
    before = executions(), counters()

    again = replace(TRIGGER, clear_number=1)
    services.runs.refuse(admission.new_run(again, services.definitions.row("r1")), "for a reason", skipped=True)
    pipeline.record(services, again)

    assert (executions(), counters()) == before


def test_a_run_whose_first_task_never_began_still_has_its_executions(make_services, executions, counters):
    services = make_services()

    pipeline.record(services, TRIGGER)

    found = executions()
    assert set(found) == {"CSV", "JSON"}
    for one in found.values():
        assert (one["status"], one["error"]) == ("FAILED", "the run ended before its first task began")
    assert (counters()["run_count"], counters()["failure_count"]) == (1, 1)


def test_a_pending_execution_that_the_application_has_made_is_adopted(make_services, executions, migrated_dsn):
    services = make_services()
    manual = replace(TRIGGER, kind=RunKind.MANUAL, conf={"formats": ["csv"], "triggered_by": "u2"})
    execute(
        migrated_dsn,
        "INSERT INTO report_executions (id, scheduled_report_id, triggered_by, triggered_manually, format, "
        "scheduled_for, created_at) VALUES (%s, 'r1', 'u2', true, 'CSV', '2026-05-11 07:00', '2026-05-11 06:59')",
        execution_id(KEY, Format.CSV),
    )

    walk(services, manual)

    ((name, one),) = executions().items()
    assert (name, one["status"], one["triggered_by"]) == ("CSV", "COMPLETED", "u2")
    assert one["created_at"] == datetime(2026, 5, 11, 6, 59)  # noqa: DTZ001
    assert is_now(one["started_at"])


def test_a_pending_execution_whose_run_never_began_is_settled(make_services, executions, migrated_dsn):
    services = make_services()
    execute(
        migrated_dsn,
        "INSERT INTO report_executions (id, scheduled_report_id, triggered_by, format, scheduled_for) "
        "VALUES (%s, 'r1', 'u2', 'CSV', '2026-05-11 07:00')",
        execution_id(KEY, Format.CSV),
    )

    pipeline.record(services, TRIGGER)

    assert {one["status"] for one in executions().values()} == {"FAILED"}
    assert all(times_fit_together(one) for one in executions().values())


def test_a_format_that_a_clear_does_not_ask_for_any_more_does_not_stay_open(make_services, executions, migrated_dsn):
    services = make_services()
    pipeline.query(services, TRIGGER)
    execute(migrated_dsn, "UPDATE scheduled_reports SET export_formats = ARRAY['csv'] WHERE id = 'r1'")

    walk(services, replace(TRIGGER, clear_number=1))

    found = executions()
    assert (found["CSV"]["status"], found["CSV"]["error"]) == ("COMPLETED", None)
    assert (found["JSON"]["status"], found["JSON"]["error"]) == ("FAILED", "no longer requested")


def test_a_file_that_a_clear_does_not_ask_for_any_more_stays_as_it_was_made(make_services, executions, migrated_dsn):
    services = make_services()
    walk(services)
    before = executions()["JSON"]
    execute(migrated_dsn, "UPDATE scheduled_reports SET export_formats = ARRAY['csv'] WHERE id = 'r1'")

    walk(services, replace(TRIGGER, clear_number=1))
    assert executions()["JSON"] == before

    execute(migrated_dsn, "UPDATE scheduled_reports SET timezone = 'Mars/Olympus' WHERE id = 'r1'")
    walk(services, replace(TRIGGER, clear_number=2))
    assert executions()["JSON"] == before
    assert executions()["CSV"]["status"] == "FAILED"


def test_what_is_said_of_the_last_run_is_said_of_the_newest(make_services, counters, monkeypatch):
    services = make_services()
    newer = replace(TRIGGER, key=replace(KEY, run_id="newer"), kind=RunKind.MANUAL)
    walk(services)
    walk(services, newer)
    last_run = counters()["last_run"]

    breaking(monkeypatch, Format.CSV, ReportTypeError("out of ink"))
    walk(services, replace(TRIGGER, clear_number=1))  # the older run is cleared, and fails now

    kept = counters()
    assert (kept["run_count"], kept["success_count"], kept["failure_count"]) == (2, 1, 1)
    assert (kept["last_run_status"], kept["last_error"], kept["last_run"]) == ("success", None, last_run)


def test_counting_leaves_the_effective_moment_alone(make_services, read):
    services = make_services()
    walk(services)

    ((moment),) = [found["effective_from"] for found in read("SELECT effective_from FROM reporting.report_options")]
    assert moment == datetime(2026, 5, 1, tzinfo=UTC)


def test_a_report_deleted_while_it_runs_takes_its_executions_along_and_the_run_still_ends(
    make_services, executions, read, migrated_dsn
):
    services = make_services()
    pipeline.query(services, TRIGGER)
    execute(migrated_dsn, "DELETE FROM scheduled_reports WHERE id = 'r1'")

    outcome = pipeline.record(services, TRIGGER)

    assert outcome.state is RunState.FAILED
    assert executions() == {}
    (run,) = read("SELECT state, counted FROM reporting.runs")
    assert run == {"state": "failed", "counted": "failed"}
