"""Which ticks may run, and what a user may request, on the fakes."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from include.scheduled_reports.domain.errors import (
    RejectedError,
    SkipRunError,
)
from include.scheduled_reports.domain.run import RunKey, RunKind, RunState
from include.scheduled_reports.ports.runs import DueTick
from include.scheduled_reports.runs import pipeline
from include.scheduled_reports.runs.unrecorded import leave_note, noted, settle_noted
from tests.unit.run_helpers import (
    FOLDER,
    KEY,
    LIVE,
    MONDAY,
    TRIGGER,
    counts,
    edit,
    mails,
    make,
    manual,
    refused,
    walk,
)


def skipped(services, trigger=TRIGGER):
    """Return why a tick is skipped; check that nothing else has happened."""
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


# Whether a tick may run


@pytest.mark.parametrize("changes", [{"is_active": False}, {"status": "PAUSED"}, {"status": "ERROR"}])
def test_a_tick_of_a_report_that_is_not_scheduled_any_more_is_skipped(make_services, changes):
    assert skipped(make_services(**changes)) == "the report is no longer scheduled"


@pytest.mark.parametrize("moment", ["2026-05-11T07:00:00+00:00", "2026-05-11T07:00:01+00:00"])
def test_a_tick_at_or_before_the_effective_moment_is_skipped(make_services, moment):
    reason = skipped(make_services(effective_from=moment))

    assert reason == f"the schedule took effect only at {moment[:19].replace('T', ' ')} UTC"


@pytest.mark.parametrize("moment", ["2026-05-11T15:00:00+05:30", "2026-05-11T05:30:00-04:00"])
def test_the_effective_moment_is_told_in_utc_whatever_zone_the_database_server_has(make_services, moment):
    reason = skipped(make_services(effective_from=moment))

    assert reason == "the schedule took effect only at 2026-05-11 09:30:00 UTC"


def test_a_tick_that_the_schedule_does_not_name_any_more_is_skipped(make_services):
    assert skipped(make_services(cron_expression="0 9 * * 2")) == (
        "the schedule has changed and no longer includes this time"
    )


def test_a_tick_of_a_deleted_report_is_skipped_and_a_run_by_hand_fails(make_services):
    assert skipped(make_services(deleted=True)) == "the report has been deleted"

    outcome = walk(make_services(deleted=True), manual())
    assert (outcome.state, outcome.reason) == (RunState.FAILED, "the report has been deleted")


def test_a_tick_missed_for_so_long_that_the_next_one_has_come_is_skipped(services):
    services.moment = datetime(2026, 5, 18, 7, tzinfo=UTC)

    assert skipped(services) == "missed while Airflow was not running; a later run replaces it"


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
        assert skipped(services) == "missed while Airflow was not running; this report skips missed runs"
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


# What a user may request


def test_an_unknown_key_fails_the_run_before_anything_is_made_or_sent(services):
    assert refused(services, manual(recipient=["bob@acme.example"])) == (
        'recipient: Unknown key "recipient"; choose from formats, recipients, mail, period, resend, triggered_by, test '
        "(did you mean recipients?)."
    )


@pytest.mark.parametrize("address", ["eve@evil.example", "carol@acme.example"])
def test_recipients_who_are_no_members_are_refused(services, address):
    assert refused(services, manual(recipients=["ada@acme.example", address])) == (
        "recipients: the value may not be mailed; use the address of a workspace member or of an allowed domain."
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


# Runs that upkeep makes for a tick that nobody ran

LATE = RunKey(report_id="r1", run_id="late__2026-05-11T07:00:00+00:00")
#: As Airflow describes it: triggered, without a tick; and as anybody could trigger it.
MADE = replace(
    TRIGGER, key=LATE, kind=RunKind.MANUAL, scheduled_for=MONDAY + timedelta(hours=3),
    conf={"recipients": ["bob@acme.example"]}, user="mallory",
)  # fmt: skip


def decided(services, at=MONDAY + timedelta(minutes=6)):
    services.runs.due[LATE] = DueTick(tick=MONDAY, decided_at=at)
    services.moment = at + timedelta(seconds=5)
    return services


def test_a_run_that_upkeep_makes_is_a_scheduled_one_of_its_tick_whatever_airflow_says_of_it(make_services):
    services = decided(make_services())

    outcome = walk(services, MADE)

    run = services.runs.load(LATE)
    assert (outcome.state, run.kind, run.scheduled_for) == (RunState.SUCCESS, RunKind.SCHEDULED, MONDAY)
    assert (run.triggered_by, run.request.recipients) == ("system", None)
    assert run.window == walked(make_services()).window
    assert counts(services) == (1, 1, 0)


def test_nobody_chooses_the_recipients_of_such_a_run(make_services):
    services = decided(make_services())
    make(services, MADE)

    pipeline.email(services, LATE, conf=MADE.conf)

    (mail,) = mails(services)
    assert mail["To"] == "ada@acme.example"


def walked(services):
    walk(services)
    return services.runs.load(KEY)


def test_the_name_of_a_run_alone_makes_it_none_of_upkeeps(services):
    walk(services, MADE)

    run = services.runs.load(LATE)
    assert (run.kind, run.scheduled_for) == (RunKind.MANUAL, MADE.scheduled_for)


def test_such_a_run_that_never_began_is_recorded_for_its_tick(services):
    pipeline.record(decided(services), MADE)

    assert services.runs.runs[LATE].row["kind"] is RunKind.SCHEDULED
    assert services.runs.runs[LATE].row["scheduled_for"] == MONDAY


def test_the_note_of_such_a_run_is_recorded_for_its_tick(services):
    leave_note(decided(services), MADE)
    (note,) = noted(services)
    settle_noted(services, note)

    assert services.runs.runs[LATE].row["kind"] is RunKind.SCHEDULED


def test_upkeeps_word_counts_even_if_the_effective_moment_was_moved_past_the_tick(make_services):
    services = decided(make_services())
    edit(services, caught_up_to=(MONDAY + timedelta(hours=2)).isoformat())

    assert walk(services, MADE).state is RunState.SUCCESS


def test_a_run_of_airflow_for_a_tick_of_an_outage_is_left_to_upkeep(make_services):
    services = make_services()
    edit(services, caught_up_to=MONDAY.isoformat())

    assert skipped(services) == ("missed while Airflow was not running; upkeep has made the runs that the report keeps")


def test_a_change_of_the_schedule_since_then_drops_the_run(make_services):
    services = decided(make_services())
    edit(services, effective_from="2026-05-11T07:06:01+00:00")

    assert skipped(services, MADE) == "the schedule was changed at 2026-05-11 07:06:01 UTC, after this run was missed"


def test_a_report_that_is_paused_since_then_drops_the_run(make_services):
    services = decided(make_services())
    edit(services, is_active=False)

    assert skipped(services, MADE) == "the report is no longer scheduled"


def test_a_later_tick_replaces_the_run_as_it_does_one_of_airflow(make_services):
    services = decided(make_services(), at=MONDAY + timedelta(days=7))

    assert skipped(services, MADE) == "missed while Airflow was not running; a later run replaces it"


@pytest.mark.parametrize(("first", "second"), [(TRIGGER, MADE), (MADE, TRIGGER)])
def test_of_two_runs_of_one_tick_the_second_is_skipped_and_a_clear_does_not_change_that(services, first, second):
    decided(services)
    walk(services, first)
    reason = f"the run {first.key.run_id} has this time already; clear that one to run it again"

    for clear_number in (0, 1):
        outcome = walk(services, replace(second, clear_number=clear_number))
        assert (outcome.state, outcome.reason) == (RunState.SKIPPED, reason)
    assert len(mails(services)) == 1
    assert counts(services) == (1, 1, 0)
    assert walk(services, replace(first, clear_number=1)).state is RunState.SUCCESS
