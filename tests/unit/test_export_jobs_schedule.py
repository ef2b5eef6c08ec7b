"""The JSON of old schedules: the result for each value, and all errors for wrong ones."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.scheduled_reports.domain.errors import RejectedError
from include.scheduled_reports.reports.export_jobs.old_schedule import has_cron, has_schedule, parse_metadata, read
from tests.unit.rows import reason

JOB = {
    "id": "cmold1",
    "workspace_id": "ws1",
    "created_by_id": "u1",
    "workspace_name": "Acme",
    "workspace_slug": "acme",
    "slug_is_unique": True,
    "creator_email": "ada@acme.example",
    "creator_status": "ACTIVE",
    "creator_name": "Ada Byron",
    "creator_is_member": True,
    "creator_role": "MEMBER",
}


def metadata(schedule=None, mail=None, **beside):
    """Return the application's current JSON of a schedule; *schedule*, *mail* and *beside* replace parts of it."""
    delivery = {
        "enabled": True,
        "recipients": ["ada@acme.example"],
        "subject": "Numbers",
        "includeAttachment": False,
        "includeInlinePreview": True,
        "sendOnlyIfData": True,
        "ccRecipients": ["bob@acme.example"],
        "bccRecipients": [],
    }
    old = {
        "cronExpression": "0 9 * * 1",
        "timezone": "Europe/Berlin",
        "exportFormats": ["pdf", "excel"],
        "emailDelivery": delivery | (mail or {}),
        "parameters": {"dateRange": {"type": "last-30-days"}, "channelIds": ["c1"]},
        "isActive": True,
        "lastRun": "2026-05-11T07:00:03.512Z",
        "lastRunStatus": "failed",
        "runCount": 12,
        "failureCount": 2,
    }
    whole = {"name": "Weekly", "description": "All of it", "reportType": "workspace-activity", "tags": ["ops"]}
    return whole | {"schedule": old | (schedule or {})} | beside


def imported(**changes):
    return read(JOB, metadata(**changes))


def refused(job=JOB, **changes):
    """Return the errors of a job: place and allowed values."""
    with pytest.raises(RejectedError) as rejected:
        read(job, metadata(**changes))
    return {problem.column: reason(problem) for problem in rejected.value.problems}


def test_a_whole_schedule_becomes_the_row_of_a_report():
    assert imported().row == {
        "id": "cmold1",
        "workspace_id": "ws1",
        "created_by_id": "u1",
        "name": "Weekly",
        "description": "All of it",
        "reportType": "workspace-activity",
        "tags": ["ops"],
        "cron_expression": "0 9 * * 1",
        "timezone": "Europe/Berlin",
        "export_formats": ["pdf", "excel"],
        "parameters": {"dateRange": {"type": "last-30-days"}, "channelIds": ["c1"]},
        "email_enabled": True,
        "email_recipients": ["ada@acme.example"],
        "email_cc_recipients": ["bob@acme.example"],
        "email_bcc_recipients": [],
        "email_subject": "Numbers",
        "email_include_attachment": False,
        "email_include_preview": True,
        "email_send_only_if_data": True,
    }


def test_counters_last_run_and_being_switched_on_are_taken_along():
    old = imported()

    assert (old.is_active, old.run_count, old.failure_count, old.last_run_status) == (True, 12, 2, "failed")
    assert old.last_run == datetime(2026, 5, 11, 7, 0, 3, 512_000, tzinfo=UTC)


def test_what_is_missing_is_what_the_table_would_say():
    bare = {"name": "Bare", "reportType": "workspace-activity"}
    old = read(JOB, bare | {"schedule": {"cronExpression": "0 9 * * *", "exportFormats": ["csv"]}})

    assert (old.row["timezone"], old.row["description"], old.row["tags"]) == ("UTC", None, [])
    assert (old.row["email_enabled"], old.row["email_include_attachment"], old.row["email_subject"]) == (
        False,
        True,
        None,
    )
    assert (old.row["parameters"], old.row["email_recipients"]) == ({}, [])
    assert (old.is_active, old.run_count, old.failure_count, old.last_run) == (False, 0, 0, None)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-05-11T09:00:00+02:00", datetime(2026, 5, 11, 7, tzinfo=UTC)),
        ("2026-05-11T07:00:00", datetime(2026, 5, 11, 7, tzinfo=UTC)),
        ("2026-05-11", datetime(2026, 5, 11, tzinfo=UTC)),
    ],
)
def test_a_last_run_is_read_with_its_offset_and_as_utc_without(text, moment):
    assert imported(schedule={"lastRun": text}).last_run == moment


@pytest.mark.parametrize(
    ("changes", "place", "allowed"),
    [
        ({"name": 7}, "metadata.name", "is not a text that PostgreSQL can store"),
        ({"name": "a\0b"}, "metadata.name", "is not a text that PostgreSQL can store"),
        ({"name": "half \ud83d"}, "metadata.name", "is not a text that PostgreSQL can store"),
        ({"name": None}, "metadata.name", "is empty; enter 1 to 200 characters"),
        ({"name": "x" * 201}, "metadata.name", "is too long; use at most 200 characters"),
        ({"tags": "ops"}, "metadata.tags", "is not a list of texts"),
        ({"tags": ["ops", 1]}, "metadata.tags", "is not a list of texts"),
        ({"tags": ["ops", None]}, "metadata.tags", "is not a list of texts"),
        (
            {"reportType": "weekly-numbers"},
            "metadata.reportType",
            "unknown report type; choose from workspace-activity",
        ),
        (
            {"schedule": {"cronExpression": "*/5 * * * *"}},
            "metadata.schedule.cronExpression",
            "runs more than once an hour",
        ),
        ({"schedule": {"cronExpression": ["0 9 * * *"]}}, "metadata.schedule.cronExpression", "is not a text"),
        ({"schedule": {"timezone": "Berlin"}}, "metadata.schedule.timezone", "is not an IANA time zone"),
        (
            {"schedule": {"exportFormats": ["PDF"]}},
            "metadata.schedule.exportFormats",
            "unknown format; choose from pdf",
        ),
        (
            {"schedule": {"exportFormats": None}},
            "metadata.schedule.exportFormats",
            "is not a list of different formats",
        ),
        (
            {"schedule": {"emailDelivery": "ada@acme.example"}},
            "metadata.schedule.emailDelivery",
            "is not a JSON object",
        ),
        (
            {"mail": {"enabled": "yes"}},
            "metadata.schedule.emailDelivery.enabled",
            "is not a boolean; use true or false",
        ),
        ({"mail": {"recipients": []}}, "metadata.schedule.emailDelivery.recipients", "does not have 1 to 50 addresses"),
        (
            {"mail": {"recipients": ["x@y.example\nBcc: all@acme.example"]}},
            "metadata.schedule.emailDelivery.recipients",
            "is not an email address; use one such as",
        ),
        ({"schedule": {"parameters": []}}, "metadata.schedule.parameters", "is not a JSON object"),
        (
            {"schedule": {"parameters": {"customFilters": {"a": ["\0"]}}}},
            "metadata.schedule.parameters",
            "is not a JSON object",
        ),
        ({"schedule": {"parameters": {"\ud800": 1}}}, "metadata.schedule.parameters", "is not a JSON object"),
        ({"schedule": {"parameters": {"chanelIds": ["c1"]}}}, "metadata.schedule.parameters.chanelIds", "did you mean"),
        ({"schedule": {"isActive": "true"}}, "metadata.schedule.isActive", "is not a boolean; use true or false"),
        (
            {"schedule": {"runCount": 2**31}},
            "metadata.schedule.runCount",
            "is not a count; use a whole number from 0 to 2147483647",
        ),
        ({"schedule": {"runCount": -1}}, "metadata.schedule.runCount", "is not a count; use a whole number"),
        ({"schedule": {"runCount": True}}, "metadata.schedule.runCount", "is not a count; use a whole number"),
        ({"schedule": {"runCount": 1.5}}, "metadata.schedule.runCount", "is not a count; use a whole number"),
        ({"schedule": {"failureCount": 13}}, "metadata.schedule.failureCount", "is more than runCount, which is 12"),
        ({"schedule": {"lastRun": "yesterday"}}, "metadata.schedule.lastRun", "is not an ISO 8601 time"),
        ({"schedule": {"lastRun": 1_778_482_803}}, "metadata.schedule.lastRun", "is not an ISO 8601 time"),
        (
            {"schedule": {"lastRun": "0001-01-01T00:00:00+14:00"}},
            "metadata.schedule.lastRun",
            "is not an ISO 8601 time",
        ),
        (
            {"schedule": {"lastRunStatus": "ok"}},
            "metadata.schedule.lastRunStatus",
            "is not the status of a run; use success or failed",
        ),
        (
            {"schedule": {"lastRunStatus": ["ok"]}},
            "metadata.schedule.lastRunStatus",
            "is not the status of a run; use success or failed",
        ),
    ],
)
def test_one_wrong_value_is_named_once_at_its_place_with_what_is_allowed(changes, place, allowed):
    ((found, said),) = refused(**changes).items()

    assert found == place
    assert allowed in said


def test_everything_that_is_wrong_is_said_at_once():
    changes = {"name": 7, "schedule": {"cronExpression": "0 9 * *", "timezone": "Mars", "runCount": "12"}}

    assert set(refused(**changes)) == {
        "metadata.name",
        "metadata.schedule.cronExpression",
        "metadata.schedule.timezone",
        "metadata.schedule.runCount",
    }


@pytest.mark.parametrize(
    ("column", "value", "place"),
    [
        ("creator_email", None, "requested_by"),
        ("creator_status", "SUSPENDED", "requested_by"),
        ("creator_is_member", False, "requested_by"),
        ("workspace_slug", None, "workspace_id"),
        ("id", "x" * 300, "id"),
    ],
)
def test_a_job_whose_workspace_or_person_is_not_fit_is_refused(column, value, place):
    assert set(refused(job=JOB | {column: value})) == {place}


def test_a_type_for_administrators_is_not_imported_for_others():
    changes = {"reportType": "security-audit", "schedule": {"parameters": {}}}

    assert set(refused(**changes)) == {"requested_by"}
    assert read(JOB | {"creator_role": "ADMIN"}, metadata(**changes)).row["reportType"] == "security-audit"


@pytest.mark.parametrize(
    ("held", "schedule", "cron"),
    [
        (metadata(), True, True),
        (metadata(schedule={"cronExpression": 7}), True, True),  # wrong, and not ignored silently
        ("too deep to be read", True, True),
        (metadata(schedule={"cronExpression": None}), True, False),
        (metadata(schedule={"cronExpression": " "}), True, False),
        ({"schedule": "0 9 * * *"}, True, False),
        ({"schedule": ["0 9 * * *"]}, True, False),
        ({"schedule": {}}, False, None),
        ({"schedule": None}, False, None),
        ({}, False, None),
        (None, False, None),
        ([{"schedule": {"cronExpression": "0 9 * * *"}}], False, None),
    ],
)
def test_only_a_job_with_a_cron_has_anything_to_import(held, schedule, cron):
    assert has_schedule(held) is schedule
    if schedule:
        assert has_cron(held) is cron


@pytest.mark.parametrize(
    "text",
    [
        '{"schedule": {"cronExpression": "0 9 * * *", "parameters": ' + '{"a":' * 50_000 + "1" + "}" * 50_002,
        '{"schedule": {"cronExpression": "0 9 * * *", "runCount": 1' + "0" * 5_000 + "}}",
    ],
    ids=["depth", "digits"],
)
def test_json_that_python_cannot_read_is_refused_and_raises_nothing(text):
    with pytest.raises(RejectedError) as rejected:
        read(JOB, parse_metadata(text))

    assert "metadata" in {problem.column for problem in rejected.value.problems}


@pytest.mark.parametrize(
    "change", [{"name": "Other"}, {"schedule": {"cronExpression": "0 8 * * 1"}}, {"mail": {"subject": None}}]
)
def test_an_edit_of_the_definition_is_another_digest(change):
    assert imported(**change).digest != imported().digest


@pytest.mark.parametrize("state", [{"isActive": False}, {"runCount": 13}, {"lastRun": None}, {"takenOverBy": {"a": 1}}])
def test_its_state_does_not_change_the_digest(state):
    assert imported(schedule=state).digest == imported().digest


def test_a_schedule_that_was_switched_off_by_us_says_so():
    assert (imported().is_retired, imported(schedule={"takenOverBy": {"at": "now"}}).is_retired) == (False, True)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
PLACES = [*sorted(metadata()["schedule"]), "name", "description", "reportType", "tags"]


@given(place=st.sampled_from(PLACES), value=ANYTHING)
def test_whatever_stands_in_a_place_the_job_is_a_report_or_refused_with_reasons(place, value):
    held = metadata(schedule={place: value}) if place in metadata()["schedule"] else metadata(**{place: value})
    try:
        texts, reasons = json.dumps(read(JOB, held).row, ensure_ascii=False), ()
    except RejectedError as error:
        texts, reasons = "", error.problems

    # Imported text can be stored by PostgreSQL: UTF-8 without NUL, which JSON would show as an escape.
    assert bool(texts) != bool(reasons)
    assert not re.search(r"(?<!\\)(\\\\)*\\u0000", texts.encode().decode())
