"""A run from its row to its record, on the fakes: files, mail, and failures."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from dataclasses import replace
from datetime import UTC, datetime

import pyarrow as pa
import pytest

from include.scheduled_reports.domain.errors import (
    DeliveryUnknownError,
    PermanentError,
    ReportTypeError,
    StagingMissingError,
    TransientError,
)
from include.scheduled_reports.domain.formats import Format
from include.scheduled_reports.domain.run import RunState
from include.scheduled_reports.ports.source import Scope
from include.scheduled_reports.render import batches
from include.scheduled_reports.runs import pipeline
from tests.unit.run_helpers import (
    FOLDER,
    KEY,
    LIVE,
    TRIGGER,
    attachments,
    counts,
    edit,
    failing,
    mails,
    make,
    manual,
    text_of,
    walk,
)

# Success


def test_every_format_arrives_in_its_place_and_in_the_mail(make_services):
    services = make_services(export_formats=["pdf", "csv", "json", "excel", "html"], name="Weekly activity")

    assert walk(services).state is RunState.SUCCESS

    files = services.store.files
    assert sorted(files) == [
        f"{FOLDER}/workspace-activity.csv",
        f"{FOLDER}/workspace-activity.html",
        f"{FOLDER}/workspace-activity.json",
        f"{FOLDER}/workspace-activity.pdf",
        f"{FOLDER}/workspace-activity.xlsx",
    ]
    assert files[f"{FOLDER}/workspace-activity.pdf"].startswith(b"%PDF-")
    assert zipfile.is_zipfile(io.BytesIO(files[f"{FOLDER}/workspace-activity.xlsx"]))
    assert len(files[f"{FOLDER}/workspace-activity.csv"].decode("utf-8-sig").splitlines()) == 1 + 7
    assert json.loads(files[f"{FOLDER}/workspace-activity.json"])
    assert b"<html" in files[f"{FOLDER}/workspace-activity.html"]
    (mail,) = mails(services)
    assert attachments(mail) == {
        f"Weekly activity 2026-05-04 to 2026-05-10.{key.rpartition('.')[2]}": content for key, content in files.items()
    }


def test_the_record_of_a_file_is_that_of_the_file_in_the_store(services):
    walk(services)

    for artifact in services.runs.artifacts(KEY):
        content = services.store.files[artifact.object_key]
        assert (artifact.bytes, artifact.sha256) == (len(content), hashlib.sha256(content).hexdigest())
        assert (artifact.rows, artifact.total_rows) == (7, 7)
        assert artifact.url == f"s3://memory/{artifact.object_key}"


def test_a_format_that_shows_fewer_rows_than_there_are_says_so(make_services, monkeypatch):
    monkeypatch.setattr(batches, "UNCUT", 5)
    services = make_services(replace(LIVE, row_limit=5), export_formats=["html", "csv"])

    walk(services)

    assert {one.format: (one.rows, one.total_rows) for one in services.runs.artifacts(KEY)} == {
        Format.HTML: (5, 7),
        Format.CSV: (7, 7),
    }


def test_each_query_is_asked_within_the_reports_workspace_window_and_parameters(make_services, answers):
    services = make_services(parameters={"channelIds": ["c1"], "dateRange": {"type": "last-7-days"}})

    walk(services)

    # The seven days to Monday, 11 May, in Berlin; figures, and the days that a chart compares, also for those before.
    week = Scope(
        workspace_id="ws1",
        start=datetime(2026, 5, 3, 22, tzinfo=UTC),
        end=datetime(2026, 5, 10, 22, tzinfo=UTC),
        timezone="Europe/Berlin",
        parameters={"channelIds": ["c1"]},
    )
    before = replace(week, start=datetime(2026, 4, 26, 22, tzinfo=UTC), end=datetime(2026, 5, 3, 22, tzinfo=UTC))
    assert answers.asked == [
        ("days", week), ("people", week), ("channels", week), ("days", before), ("figures", week), ("figures", before),
    ]  # fmt: skip


def test_a_success_empties_the_staging_and_a_failure_keeps_it(make_services):
    services = make_services()
    walk(services)
    assert services.staging.files == {}

    services = make_services()
    services.mailer.error = PermanentError("refused")
    walk(services)
    assert services.staging.files


def test_the_coming_tick_is_written_down(make_services):
    services = make_services()
    walk(services)
    assert services.runs.counters["r1"]["next_run"] == datetime(2026, 5, 18, 7, tzinfo=UTC)

    services = make_services(is_active=False)
    walk(services, manual())
    assert services.runs.counters["r1"]["next_run"] is None


# Failures


def test_a_format_that_fails_does_not_hold_back_the_others(services, monkeypatch):
    failing(monkeypatch, ReportTypeError("out of ink"), Format.JSON)

    outcome = walk(services)

    assert (outcome.state, outcome.reason) == (RunState.FAILED, "json: out of ink")
    assert list(services.store.files) == [f"{FOLDER}/workspace-activity.csv"]
    (mail,) = mails(services)
    assert list(attachments(mail)) == ["Weekly activity 2026-05-04 to 2026-05-10.csv"]
    assert "JSON" in text_of(mail)


def test_where_every_format_fails_nobody_is_mailed(services, monkeypatch):
    failing(monkeypatch, ReportTypeError("out of ink"), Format.CSV, Format.JSON)

    assert walk(services).reason == "csv: out of ink; json: out of ink"
    assert mails(services) == []


def test_what_a_strangers_exception_says_is_not_written_down(services, monkeypatch):
    failing(monkeypatch, RuntimeError("cannot draw ada@acme.example"), Format.JSON)

    assert walk(services).reason == "json: RuntimeError; see the task's log"


def test_a_retry_that_goes_well_leaves_no_trace_of_the_failure(services, monkeypatch):
    with monkeypatch.context() as broken:
        failing(broken, RuntimeError("once"), Format.JSON)
        make(services)
    pipeline.render(services, KEY, Format.JSON, attempt=2)
    pipeline.upload(services, KEY, Format.JSON)
    pipeline.email(services, KEY)

    assert pipeline.record(services, TRIGGER).state is RunState.SUCCESS


def test_a_query_that_fails_is_noted_for_every_format_until_a_retry_succeeds(services, answers):
    answers.errors["people"] = TransientError("the reports database is away")
    with pytest.raises(TransientError):
        pipeline.query(services, TRIGGER)
    assert pipeline.record(services, TRIGGER).reason == (
        "csv: the reports database is away; json: the reports database is away"
    )

    answers.errors.clear()
    assert pipeline.query(services, TRIGGER, attempt=2) == (Format.CSV, Format.JSON)
    assert walk(services).state is RunState.SUCCESS


@pytest.mark.parametrize("rows", [0, 2])
def test_key_figures_are_one_row(services, answers, rows):
    answers.by_name["figures"] = pa.concat_tables([answers.by_name["figures"]] * 2).slice(0, rows)

    with pytest.raises(ReportTypeError, match=f"its key figures query returned {rows} rows instead of one"):
        pipeline.query(services, TRIGGER)


def test_a_query_with_other_columns_than_declared_fails_the_run_for_good(services, answers):
    answers.by_name["people"] = answers.by_name["people"].rename_columns(["who", "messages", "days", "last"])

    assert "the query's columns are who, messages, days, last" in walk(services).reason


def test_a_stage_whose_input_is_gone_says_to_clear_from_query(services):
    pipeline.query(services, TRIGGER)
    services.staging.clear("r1")

    for stage in (pipeline.render, pipeline.upload):
        with pytest.raises(StagingMissingError, match="clear from query"):
            stage(services, KEY, Format.CSV)


def test_a_run_whose_first_task_never_began_fails_with_that_reason(services):
    outcome = pipeline.record(services, TRIGGER)

    assert outcome.state is RunState.FAILED
    assert outcome.errors == dict.fromkeys((Format.CSV, Format.JSON), "the run ended before its first task began")
    assert counts(services) == (1, 0, 1)


def test_a_run_whose_report_is_gone_can_still_be_recorded(services):
    make(services)
    services.definitions.content.clear()

    assert pipeline.record(services, TRIGGER).state is RunState.FAILED  # nobody got a mail


def test_a_file_that_changed_in_the_store_is_not_mailed(services):
    make(services)
    services.store.files[f"{FOLDER}/workspace-activity.csv"] += b"more"

    with pytest.raises(PermanentError, match="were uploaded"):
        pipeline.email(services, KEY)
    assert services.mailer.sent == []


# Counters


def test_counters_move_once_however_often_a_run_is_recorded_and_retried(services):
    walk(services)
    for _ in range(3):
        pipeline.record(services, TRIGGER)

    assert counts(services) == (1, 1, 0)


def test_a_failure_that_is_mended_moves_to_the_successes(services, monkeypatch):
    with monkeypatch.context() as broken:
        failing(broken, ReportTypeError("out of ink"), Format.JSON)
        walk(services)
    assert counts(services) == (1, 0, 1)

    pipeline.render(services, KEY, Format.JSON)
    pipeline.upload(services, KEY, Format.JSON)
    pipeline.record(services, TRIGGER)
    assert counts(services) == (1, 1, 0)


# The snapshot of a run, frozen by its first task


def test_a_retry_goes_on_with_the_row_as_it_was_although_it_was_edited(services):
    pipeline.query(services, TRIGGER)
    edit(services, name="Edited", export_formats=["html"])

    assert pipeline.query(services, TRIGGER, attempt=2) == (Format.CSV, Format.JSON)
    assert services.runs.load(KEY).report.name == "Weekly activity"


def test_a_run_goes_on_although_its_row_was_paused_spoiled_or_deleted(services):
    for change in ({"is_active": False}, {"timezone": "Mars/Olympus"}, {"deleted": True}):
        pipeline.query(services, TRIGGER)
        edit(services, **change)
        assert pipeline.query(services, TRIGGER, attempt=2) == (Format.CSV, Format.JSON)
        edit(services, is_active=True, timezone="Europe/Berlin", deleted=False)


def test_a_clear_from_query_freezes_the_row_anew(services):
    walk(services)
    edit(services, name="Edited", export_formats=["html"])

    assert pipeline.query(services, replace(TRIGGER, clear_number=1)) == (Format.HTML,)
    assert services.runs.load(KEY).report.name == "Edited"
    assert services.runs.artifacts(KEY) == ()


def test_recipients_are_read_at_the_claim_and_again_if_the_service_sent_nothing(services):
    make(services)
    edit(services, email_recipients=["bob@acme.example"], name="Edited")
    services.mailer.error = TransientError("SES is busy")
    with pytest.raises(TransientError):
        pipeline.email(services, KEY)
    edit(services, email_recipients=["eve@acme.example"])
    services.mailer.error = None

    assert pipeline.email(services, KEY) == "sent"
    assert [to.to for _, to, _ in services.mailer.sent] == [("eve@acme.example",)]


def test_recipients_are_fixed_once_a_message_may_have_been_sent(services):
    make(services)
    services.mailer.error = DeliveryUnknownError("SES did not answer")
    with pytest.raises(DeliveryUnknownError):
        pipeline.email(services, KEY)
    edit(services, email_recipients=["eve@acme.example"])
    services.mailer.error = None

    with pytest.raises(DeliveryUnknownError):
        pipeline.email(services, KEY)
    assert services.mailer.sent == []


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"timezone": "Mars/Olympus", "email_recipients": ["eve@acme.example"]}, "the report is rejected"),
        ({"email_recipients": []}, "the report is rejected"),
        ({"workspace_id": "ws2"}, "the report has moved to another workspace"),
        ({"deleted": True}, "the report has been deleted"),
        ({"status": "DISABLED", "email_recipients": ["eve@acme.example"]}, "the report is disabled"),
        ({"email_enabled": False}, "no email requested"),
    ],
)
def test_where_the_row_no_longer_allows_the_mail_nobody_gets_it(services, change, why):
    make(services)
    edit(services, **change)

    try:
        told = pipeline.email(services, KEY)
    except PermanentError as error:
        told = str(error)
    assert told.startswith(why)
    assert services.mailer.sent == []
