"""A run from its row to its record, on the fakes: what it makes and mails, and what it does when something fails."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest

from include.scheduled_reports.domain.delivery import DeliveryState
from include.scheduled_reports.domain.errors import (
    DeliveryUnknownError,
    PermanentError,
    RejectedError,
    ReportTypeError,
    RequestError,
    SkipRunError,
    StagingMissingError,
    TransientError,
)
from include.scheduled_reports.domain.formats import Format
from include.scheduled_reports.domain.run import RunKind, RunState
from include.scheduled_reports.mail.message import BODY_ROOM, encoded_size
from include.scheduled_reports.ports.source import Scope
from include.scheduled_reports.runs import pipeline
from include.scheduled_reports.settings import Settings
from tests.unit.run_helpers import (
    FOLDER,
    KEY,
    LIVE,
    MONDAY,
    TRIGGER,
    attachments,
    counts,
    days,
    edit,
    failing,
    mails,
    make,
    manual,
    text_of,
    walk,
)

# All goes well


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


def test_a_format_that_shows_fewer_rows_than_there_are_says_so(make_services):
    services = make_services(replace(LIVE, row_limit=5), export_formats=["html", "csv"])

    walk(services)

    assert {one.format: (one.rows, one.total_rows) for one in services.runs.artifacts(KEY)} == {
        Format.HTML: (5, 7),
        Format.CSV: (7, 7),
    }


def test_each_query_is_asked_within_the_reports_workspace_window_and_parameters(make_services, answers):
    services = make_services(parameters={"channelIds": ["c1"], "dateRange": {"type": "last-7-days"}})

    walk(services)

    # Seven days of Berlin up to Monday, 11 May; the figures once more for the seven days before.
    week = Scope(
        workspace_id="ws1",
        start=datetime(2026, 5, 3, 22, tzinfo=UTC),
        end=datetime(2026, 5, 10, 22, tzinfo=UTC),
        timezone="Europe/Berlin",
        parameters={"channelIds": ["c1"]},
    )
    before = replace(week, start=datetime(2026, 4, 26, 22, tzinfo=UTC), end=datetime(2026, 5, 3, 22, tzinfo=UTC))
    assert answers.asked == [
        ("days", week), ("people", week), ("channels", week), ("figures", week), ("figures", before),
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


# Something fails


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

    with pytest.raises(ReportTypeError, match=f"the query of its key figures gave {rows} rows, not one"):
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

    assert pipeline.record(services, TRIGGER).state is RunState.FAILED  # nobody was mailed


def test_a_file_that_changed_in_the_store_is_not_mailed(services):
    make(services)
    services.store.files[f"{FOLDER}/workspace-activity.csv"] += b"more"

    with pytest.raises(PermanentError, match="were uploaded"):
        pipeline.email(services, KEY)
    assert services.mailer.sent == []


# Counting


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


# The mail: once


def test_a_retry_of_the_mail_sends_nothing_again(services):
    make(services)

    assert [pipeline.email(services, KEY) for _ in range(3)] == ["sent", "sent", "sent"]
    assert len(services.mailer.sent) == 1


def test_a_whole_run_cleared_and_run_again_mails_nobody_again(services):
    walk(services)
    outcome = walk(services, replace(TRIGGER, clear_number=1))

    assert outcome.state is RunState.SUCCESS
    assert len(services.mailer.sent) == 1


def test_a_mail_whose_sender_died_is_unknown_and_not_sent_again(services):
    make(services)
    services.mailer.error = KeyboardInterrupt()  # the worker is killed while the service has the message
    with pytest.raises(KeyboardInterrupt):
        pipeline.email(services, KEY)
    services.mailer.error = None

    with pytest.raises(DeliveryUnknownError, match="another attempt has claimed it"):
        pipeline.email(services, KEY)

    assert services.mailer.sent == []
    outcome = pipeline.record(services, TRIGGER)
    assert outcome.state is RunState.FAILED
    assert outcome.errors == {}
    assert outcome.mail_error == "report: its sender ended before the outcome was known"
    assert services.ledger.of(KEY)[-1].state is DeliveryState.UNKNOWN
    assert mails(services) == []


def test_a_mail_that_may_have_left_is_not_sent_again(services):
    make(services)
    services.mailer.error = DeliveryUnknownError("SES did not answer")
    with pytest.raises(DeliveryUnknownError):
        pipeline.email(services, KEY)
    services.mailer.error = None

    with pytest.raises(DeliveryUnknownError, match="SES did not answer; it is not sent again by itself"):
        pipeline.email(services, KEY)
    assert services.mailer.sent == []
    assert pipeline.record(services, TRIGGER).mail_error == "report: SES did not answer"


@pytest.mark.parametrize("error", [TransientError("SES is busy"), PermanentError("address rejected")])
def test_a_mail_that_was_certainly_not_sent_can_be_sent_by_a_retry(services, error):
    make(services)
    services.mailer.error = error
    with pytest.raises(type(error)):
        pipeline.email(services, KEY)
    assert pipeline.record(services, TRIGGER).mail_error == f"report: {error}"
    services.mailer.error = None

    assert pipeline.email(services, KEY) == "sent"
    assert len(services.mailer.sent) == 1


# The mail: to whom


def test_a_mail_goes_to_everybody_once_from_the_sender_configured(make_services):
    services = make_services(
        email_recipients=["ada@acme.example", "Ada@acme.example"],
        email_cc_recipients=["bob@acme.example"],
        email_bcc_recipients=["eve@acme.example", "bob@acme.example"],
    )

    walk(services)

    ((sender, envelope, raw),) = services.mailer.sent
    assert sender == "Reports <reports@acme.example>"
    assert envelope.as_json() == {
        "to": ["ada@acme.example"], "cc": ["bob@acme.example"], "bcc": ["eve@acme.example"],
    }  # fmt: skip
    assert b"eve@" not in raw


def test_ninety_recipients_get_two_mails_of_at_most_fifty(make_services):
    everybody = [f"p{number}@acme.example" for number in range(90)]
    services = make_services(
        email_recipients=everybody[:50], email_cc_recipients=everybody[50:70], email_bcc_recipients=everybody[70:]
    )

    assert walk(services).state is RunState.SUCCESS

    envelopes = [(*to.to, *to.cc, *to.bcc) for _, to, _ in services.mailer.sent]
    assert [len(envelope) for envelope in envelopes] == [50, 40]
    assert [address for envelope in envelopes for address in envelope] == everybody
    assert [held.message for held in services.ledger.of(KEY)] == ["report", "report/2"]


def test_of_two_mails_only_the_one_that_was_refused_is_sent_again(make_services):
    services = make_services(
        email_recipients=[f"p{number}@acme.example" for number in range(50)], email_cc_recipients=["last@acme.example"]
    )
    make(services)
    send = services.mailer.send

    def busy(sender, recipients, raw, *, tags):
        if recipients.cc:
            raise TransientError("SES is busy")
        return send(sender, recipients, raw, tags=tags)

    services.mailer.send = busy
    with pytest.raises(TransientError):
        pipeline.email(services, KEY)
    services.mailer.send = send

    assert pipeline.email(services, KEY) == "sent"
    assert [len(to) for _, to, _ in services.mailer.sent] == [50, 1]
    assert pipeline.record(services, TRIGGER).state is RunState.SUCCESS


def test_mail_mode_off_mails_nobody_and_the_run_is_a_success(make_services):
    services = make_services(Settings())
    make(services)

    assert pipeline.email(services, KEY) == "mail_mode is off"
    assert (services.mailer.sent, services.ledger.held) == ([], {})
    assert pipeline.record(services, TRIGGER).state is RunState.SUCCESS


def test_a_mail_planned_in_production_is_not_sent_from_a_copy_where_mail_is_off(services):
    make(services)
    services.mailer.error = TransientError("SES is busy")
    with pytest.raises(TransientError):
        pipeline.email(services, KEY)

    services.mailer.error, services.settings = None, Settings()

    assert pipeline.email(services, KEY) == "mail_mode is off"
    assert services.mailer.sent == []


def test_a_redirected_mail_goes_to_that_address_only_and_names_the_intended_ones(make_services):
    services = make_services(
        replace(LIVE, mail_mode="redirect:test@acme.example"),
        email_recipients=[f"p{number}@acme.example" for number in range(50)],
        email_cc_recipients=["bob@acme.example"],
        email_bcc_recipients=["eve@acme.example"],
    )

    assert walk(services).state is RunState.SUCCESS

    ((_, envelope, _),) = services.mailer.sent
    assert envelope.as_json() == {"to": ["test@acme.example"], "cc": [], "bcc": []}
    (mail,) = mails(services)
    assert (mail["To"], mail["Cc"], mail["Bcc"]) == ("test@acme.example", None, None)
    intended = mail["X-Intended-Recipients"].split(", ")
    assert intended == [*(f"p{number}@acme.example" for number in range(50)), "bob@acme.example", "eve@acme.example"]


@pytest.mark.parametrize(
    ("changes", "trigger", "why"),
    [
        ({"email_enabled": False}, TRIGGER, "not asked for"),
        ({}, manual(mail=False), "not asked for"),
        ({"email_enabled": False}, manual(formats=["csv"]), "not asked for"),
        ({}, replace(TRIGGER, kind=RunKind.BACKFILL), "a replayed period is not mailed unless asked for"),
    ],
)
def test_a_mail_that_nobody_asked_for_is_not_sent_and_that_is_no_failure(make_services, changes, trigger, why):
    services = make_services(**changes)
    make(services, trigger)

    assert pipeline.email(services, KEY) == why
    assert services.mailer.sent == []
    assert pipeline.record(services, trigger).state is RunState.SUCCESS


@pytest.mark.parametrize(
    "trigger", [manual(), manual(mail=True), replace(TRIGGER, kind=RunKind.BACKFILL, conf={"mail": True})]
)
def test_a_run_by_hand_mails_as_the_report_says_and_a_replay_when_asked_to(services, trigger):
    make(services, trigger)

    assert pipeline.email(services, KEY) == "sent"


def test_a_member_may_be_mailed_instead_of_the_reports_recipients(make_services):
    services = make_services(email_enabled=False, email_bcc_recipients=["eve@acme.example"])

    walk(services, manual(recipients=["Bob@Acme.example"]))

    ((_, envelope, _),) = services.mailer.sent
    assert envelope.as_json() == {"to": ["Bob@Acme.example"], "cc": [], "bcc": []}


def test_an_address_of_an_allowed_domain_may_be_mailed_too(make_services):
    services = make_services(replace(LIVE, allowed_domains="partner.example"))

    walk(services, manual(recipients=["joe@Partner.example"]))

    assert [to.to for _, to, _ in services.mailer.sent] == [("joe@Partner.example",)]


def test_a_report_whose_mail_is_switched_off_meanwhile_mails_nobody(services):
    make(services, manual(mail=True))
    edit(services, email_enabled=False, email_recipients=[])

    assert pipeline.email(services, KEY) == "nobody to mail it to"
    assert pipeline.record(services, TRIGGER).state is RunState.SUCCESS


# The mail: only if there is data


@pytest.mark.parametrize("table", [days(messages=0), days(0)], ids=["zeros", "empty"])
def test_without_data_a_report_that_asks_for_it_is_made_but_not_mailed(make_services, answers, table):
    answers.by_name["days"] = table
    services = make_services(email_send_only_if_data=True)
    make(services)

    assert pipeline.email(services, KEY) == "no data"
    assert len(services.store.files) == 2
    assert pipeline.record(services, TRIGGER).state is RunState.SUCCESS


def test_with_data_it_is_mailed(make_services):
    services = make_services(email_send_only_if_data=True)
    make(services)

    assert pipeline.email(services, KEY) == "sent"


def test_without_data_a_report_that_does_not_mind_is_mailed(services, answers):
    answers.by_name["days"] = days(messages=0)
    make(services)

    assert pipeline.email(services, KEY) == "sent"


# The mail: attached, zipped or linked


@pytest.fixture
def big(make_services, answers):
    """A run with one big CSV in the store, ready to be mailed."""
    answers.by_name["days"] = days(4_000)
    services = make_services(export_formats=["csv"])
    make(services)
    return services


def mailed(services, room):
    """Mail with room for so many bytes of attachments; the message, and how it brings the files."""
    services.settings = replace(LIVE, message_bytes=BODY_ROOM + room)
    assert pipeline.email(services, KEY) == "sent"
    (message,), (held,) = mails(services), services.ledger.of(KEY)
    return message, held.mode


def csv_of(services):
    """The one file of a run: what it is called, what it holds, where it is linked."""
    (artifact,) = services.runs.artifacts(KEY)
    link = f"https://memory.example/{artifact.object_key}?expires=604800"
    return artifact.file_name, services.store.files[artifact.object_key], link


def test_files_that_fit_are_attached_and_linked(big):
    name, content, link = csv_of(big)
    message, mode = mailed(big, 1_000_000)

    assert (mode, attachments(message)) == ("attach", {name: content})
    assert link in text_of(message)


@pytest.mark.parametrize(("missing", "mode"), [(0, "attach"), (1, "zip")])
def test_files_are_attached_up_to_the_last_byte_there_is_room_for(big, missing, mode):
    _, content, _ = csv_of(big)

    assert mailed(big, encoded_size(len(content)) - missing)[1] == mode


def test_files_that_fit_only_when_zipped_are_zipped_and_the_mail_says_so(big):
    name, content, link = csv_of(big)
    assert len(content) > 90_000
    message, mode = mailed(big, 40_000)

    assert mode == "zip"
    ((zip_name, packed),) = attachments(message).items()
    assert zip_name == "Weekly activity 2026-05-04 to 2026-05-10.zip"
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        assert {one: archive.read(one) for one in archive.namelist()} == {name: content}
    assert zip_name in text_of(message)
    assert link in text_of(message)


@pytest.mark.parametrize("room", [10_000, 1_000, 0, -500_000])
def test_files_that_do_not_fit_at_all_are_linked(big, room):
    _, _, link = csv_of(big)
    message, mode = mailed(big, room)

    assert (mode, attachments(message)) == ("link", {})
    assert link in text_of(message)


def test_a_report_that_wants_no_attachment_is_linked(make_services):
    services = make_services(email_include_attachment=False)
    walk(services)

    (mail,) = mails(services)
    assert attachments(mail) == {}
    assert text_of(mail).count("https://memory.example/") == 2


# What a run is about: frozen by its first task


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


def test_recipients_are_read_when_the_mail_goes_out_and_fixed_from_then_on(services):
    make(services)
    edit(services, email_recipients=["bob@acme.example"], name="Edited")
    services.mailer.error = TransientError("SES is busy")
    with pytest.raises(TransientError):
        pipeline.email(services, KEY)
    edit(services, email_recipients=["eve@acme.example"], email_enabled=False)
    services.mailer.error = None

    assert pipeline.email(services, KEY) == "sent"
    assert [to.to for _, to, _ in services.mailer.sent] == [("bob@acme.example",)]


@pytest.mark.parametrize(
    "change", [{"timezone": "Mars/Olympus", "email_recipients": ["eve@acme.example"]}, {"deleted": True}]
)
def test_where_the_row_is_spoiled_or_gone_the_mail_goes_out_as_frozen(services, change):
    make(services)
    edit(services, **change)

    assert pipeline.email(services, KEY) == "sent"
    assert [to.to for _, to, _ in services.mailer.sent] == [("ada@acme.example",)]


# Whether a tick may run


def skipped(services, trigger=TRIGGER):
    """Why a tick is skipped; nothing else may have happened by then."""
    with pytest.raises(SkipRunError) as skip:
        pipeline.query(services, trigger)
    outcome = pipeline.record(services, trigger)
    assert (outcome.state, outcome.reason) == (RunState.SKIPPED, str(skip.value))
    assert (services.store.files, services.staging.files, services.mailer.sent, counts(services)) == (
        {},
        {},
        [],
        (0, 0, 0),
    )
    return outcome.reason


@pytest.mark.parametrize("changes", [{"is_active": False}, {"status": "PAUSED"}, {"status": "ERROR"}])
def test_a_tick_of_a_report_that_is_not_scheduled_any_more_is_skipped(make_services, changes):
    assert skipped(make_services(**changes)) == "the report is not scheduled any more"


@pytest.mark.parametrize("moment", ["2026-05-11T07:00:00+00:00", "2026-05-11T07:00:01+00:00"])
def test_a_tick_at_or_before_the_effective_moment_is_skipped(make_services, moment):
    reason = skipped(make_services(effective_from=moment))

    assert reason == f"the schedule has been effective only since {moment[:19].replace('T', ' ')} UTC"


def test_a_tick_that_the_schedule_does_not_name_any_more_is_skipped(make_services):
    assert skipped(make_services(cron_expression="0 9 * * 2")) == (
        "the schedule has been changed, and does not name this time any more"
    )


def test_a_tick_of_a_deleted_report_is_skipped_and_a_run_by_hand_fails(make_services):
    assert skipped(make_services(deleted=True)) == "the report has been deleted"

    outcome = walk(make_services(deleted=True), manual())
    assert (outcome.state, outcome.reason) == (RunState.FAILED, "the report has been deleted")


def test_a_tick_missed_for_so_long_that_the_next_one_has_come_is_skipped(services):
    services.moment = datetime(2026, 5, 18, 7, tzinfo=UTC)

    assert skipped(services) == "missed while Airflow was away; a later tick stands in for it"


def test_the_latest_tick_missed_is_made_up_for_however_late(services):
    services.moment = datetime(2026, 5, 18, 6, 59, 59, tzinfo=UTC)

    assert walk(services).state is RunState.SUCCESS


def test_a_tick_within_the_grace_runs_even_if_the_next_one_has_come(make_services):
    hourly = {"cron_expression": "0 * * * *"}
    within = make_services(replace(LIVE, grace_seconds=timedelta(hours=2)), **hourly)
    within.moment = MONDAY + timedelta(hours=2)
    assert walk(within).state is RunState.SUCCESS

    beyond = make_services(replace(LIVE, grace_seconds=timedelta(hours=2)), **hourly)
    beyond.moment = MONDAY + timedelta(hours=2, seconds=1)
    assert "missed" in skipped(beyond)


@pytest.mark.parametrize(("late", "skips"), [(timedelta(minutes=15), False), (timedelta(minutes=15, seconds=1), True)])
def test_a_report_that_skips_missed_runs_skips_all_that_are_later_than_the_grace(make_services, late, skips):
    services = make_services(missed_runs="skip")
    services.moment = MONDAY + late

    if skips:
        assert skipped(services) == "missed while Airflow was away; missed runs of this report are skipped"
    else:
        assert walk(services).state is RunState.SUCCESS


def test_a_report_that_wants_all_missed_runs_gets_them_however_late(make_services):
    services = make_services(missed_runs="all")
    services.moment = MONDAY + timedelta(days=300)

    assert walk(services).state is RunState.SUCCESS


def test_a_run_that_jitter_delays_is_not_late(make_services):
    # The delay of `r1` within ten minutes is 341 seconds.
    services = make_services(
        replace(LIVE, jitter_seconds=timedelta(minutes=10), grace_seconds=timedelta(0)), missed_runs="skip"
    )
    services.moment = MONDAY + timedelta(seconds=341)
    assert walk(services).state is RunState.SUCCESS


@pytest.mark.parametrize(
    "trigger", [manual(), replace(TRIGGER, kind=RunKind.BACKFILL), replace(TRIGGER, clear_number=1)]
)
@pytest.mark.parametrize(
    "changes", [{"is_active": False}, {"effective_from": "2026-06-01T00:00:00+00:00"}, {"cron_expression": "0 9 * * 2"}]
)
def test_what_a_person_asks_for_runs_whatever_the_schedule_says(make_services, trigger, changes):
    services = make_services(**changes)
    services.moment = MONDAY + timedelta(days=60)

    assert walk(services, trigger).state is RunState.SUCCESS


# What a person may ask for


def refused(services, trigger, kind=RequestError):
    """Why a run is refused; nothing may have been made or sent by then."""
    with pytest.raises(kind) as error:
        pipeline.query(services, trigger)
    outcome = pipeline.record(services, trigger)
    assert outcome.state is RunState.FAILED
    assert (services.store.files, services.staging.files, mails(services)) == ({}, {}, [])
    assert all(str(error.value) in reason for reason in outcome.errors.values())
    assert set(outcome.errors) == {Format.CSV, Format.JSON}
    assert counts(services) == (1, 0, 1)
    return str(error.value)


def test_an_unknown_key_fails_the_run_before_anything_is_made_or_sent(services):
    assert refused(services, manual(recipient=["bob@acme.example"])) == (
        'recipient: Unknown key "recipient"; choose from formats, recipients, mail, period, resend, triggered_by, test '
        "(did you mean recipients?)."
    )


@pytest.mark.parametrize("address", ["eve@evil.example", "carol@acme.example"])
def test_recipients_who_are_no_members_are_refused(services, address):
    assert refused(services, manual(recipients=["ada@acme.example", address])) == (
        f'recipients: "{address}" may not be mailed; use the address of a workspace member or of an allowed domain.'
    )


def test_a_row_that_breaks_the_rules_fails_the_run_with_every_reason(make_services):
    services = make_services(name="", timezone="Mars/Olympus")

    assert refused(services, TRIGGER, RejectedError) == (
        'name: "" is empty; enter 1 to 200 characters. '
        'timezone: "Mars/Olympus" is not an IANA time zone; use one such as Europe/Berlin.'
    )


def test_other_formats_and_another_period_may_be_asked_for(services, answers):
    outcome = walk(services, manual(formats=["html"], period="2026-05-01/2026-05-02", mail=False))

    assert outcome.state is RunState.SUCCESS
    assert list(services.store.files) == [f"{FOLDER}/workspace-activity.html"]
    _, scope = answers.asked[0]
    assert (scope.start, scope.end) == (datetime(2026, 4, 30, 22, tzinfo=UTC), datetime(2026, 5, 2, 22, tzinfo=UTC))


@pytest.mark.parametrize(
    ("trigger", "who"),
    [
        (TRIGGER, "system"),
        (replace(TRIGGER, user="airflow"), "system"),
        (replace(manual(), user="alice"), "airflow:alice"),
        (replace(manual(triggered_by="u7"), user="alice"), "u7"),
        (manual(), "system"),
    ],
)
def test_who_triggered_a_run_is_written_down(services, trigger, who):
    pipeline.query(services, trigger)

    assert services.runs.load(KEY).triggered_by == who
