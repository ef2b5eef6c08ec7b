"""Port `Runs`: the record of a run, in which every run is counted once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from threading import Barrier

import psycopg
import pytest

from demo.processes import free_port
from include.scheduled_reports.adapters.postgres.runs import PostgresRuns
from include.scheduled_reports.domain.delivery import DeliveryState
from include.scheduled_reports.domain.errors import PermanentError, TransientError
from include.scheduled_reports.domain.lead import Sentence
from include.scheduled_reports.domain.report import DateRange
from include.scheduled_reports.domain.run import (
    Actor,
    AuditAction,
    MailSummary,
    RunKind,
    RunState,
)
from include.scheduled_reports.domain.window import window
from include.scheduled_reports.ports.runs import FailureStreak, KeptRecipients
from include.scheduled_reports.reports.parser import parse_row
from include.scheduled_reports.runs.outcome import NEVER_MADE
from tests.contract.runs_suite import (
    CSV,
    HTML,
    KEY,
    MONDAY,
    NEXT,
    NO_MAIL,
    OTHER,
    PDF,
    artifact,
    delivery,
    fail,
    key_of,
    new_run,
    refused,
    settled,
    succeed,
    told,
)
from tests.contract.tables import execute
from tests.unit.rows import row

ROW = row(id="r1")
MAIL_SUMMARY = MailSummary(
    main_rows=12,
    data_rows=3_000_000_000,
    figures=b"\x00\xff",
    preview=b"",
    charts=b"\xfe\x00",
    excerpts=b"\x00\x01",
    lead=(Sentence(text="3 of 30 executions failed.", tone="bad"), Sentence(text="“Zoë” joined.")),
)
MAIL = {"wanted": True, "why": None, "messages": 1}


@pytest.fixture
def runs(record):
    return record.port


# Freezing


def test_an_opened_run_can_be_loaded_as_it_was_frozen(runs):
    period = DateRange(type="custom", start=datetime(2026, 5, 1).date(), end=datetime(2026, 5, 2).date())  # noqa: DTZ001
    frozen = new_run(request={"period": "2026-05-01/2026-05-02", "triggered_by": "u1"})
    runs.open(replace(frozen, window=window(period, MONDAY, parse_row(ROW).timezone)))

    run = runs.load(KEY)
    assert (run.key, run.kind, run.state, run.triggered_by) == (KEY, RunKind.SCHEDULED, RunState.RUNNING, "system")
    assert run.run_key == "scheduled__2026-05-11T07.3a00.3a00.2b00.3a00"
    assert run.report == parse_row(ROW)
    assert run.scheduled_for == MONDAY
    assert run.request.period == period
    assert run.window == window(period, MONDAY, run.report.timezone)
    assert run.mail_summary is None


def test_a_run_keeps_its_window_whatever_its_report_covers_by_now(runs):
    morning = MONDAY - timedelta(days=3)
    covered = window(DateRange(type="since-last-run"), MONDAY, parse_row(ROW).timezone, since=morning)
    runs.open(replace(new_run(), window=covered))

    found = runs.load(KEY).window
    assert found == covered
    assert (found.start, found.end, found.previous_start, found.previous_end) == (
        morning, MONDAY, morning - timedelta(days=3), morning,
    )  # fmt: skip


def test_a_retry_finds_what_is_frozen_whatever_has_become_of_the_row(runs):
    runs.open(new_run(name="First"))
    runs.open(new_run(name="Edited"))

    assert runs.load(KEY).report.name == "First"


def test_a_clear_freezes_anew_and_forgets_what_was_found_and_uploaded(runs):
    runs.open(new_run(name="First"))
    runs.note_mail_summary(KEY, MAIL_SUMMARY)
    runs.fail(KEY, CSV, "out of ink")
    runs.uploaded(KEY, artifact(PDF))

    runs.open(new_run(name="Edited", clear_number=1))

    assert runs.load(KEY).report.name == "Edited"
    assert runs.load(KEY).mail_summary is None
    assert runs.artifacts(KEY) == ()
    assert settled(runs)[1].errors == {}


def test_a_late_retry_from_before_a_clear_does_not_undo_it(runs):
    runs.open(new_run(name="Edited", clear_number=2))
    runs.open(new_run(name="Old", clear_number=1))

    assert runs.load(KEY).report.name == "Edited"


def test_a_run_is_open_since_its_last_clear_or_not(runs):
    assert not runs.is_open(KEY, 0)

    runs.open(new_run(clear_number=1))

    assert [runs.is_open(KEY, number) for number in (0, 1, 2)] == [True, True, False]


@pytest.mark.parametrize("refuse", [None, "refuse", "skip", "abandon"])
def test_a_run_that_was_never_frozen_cannot_be_loaded_and_says_what_to_do(runs, refuse):
    if refuse == "abandon":
        runs.abandon(refused(), "worker died")
    elif refuse:
        runs.refuse(refused(), "no", skipped=refuse == "skip")

    assert not runs.is_open(KEY, 0)
    with pytest.raises(PermanentError, match="clear it from query"):
        runs.load(KEY)


def test_what_a_mail_shows_of_the_data_is_noted(runs):
    runs.open(new_run())
    runs.note_mail_summary(KEY, MAIL_SUMMARY)

    assert runs.load(KEY).mail_summary == MAIL_SUMMARY


ACT = AuditAction(action="triggered", actor=Actor(user="ada", acting_user="u1"), workspace_id="ws1")


def asked(key=KEY, **changes):
    return replace(new_run(key, **changes), kind=RunKind.MANUAL, triggered_by="airflow:ada")


# Requested runs


def test_a_run_that_was_asked_for_is_under_way_and_not_frozen(runs):
    assert runs.ask(asked(), ACT)

    assert not runs.is_open(KEY, 0)
    assert [one.key for one in runs.unsettled(limit=10)] == [KEY]
    with pytest.raises(PermanentError, match="never frozen"):
        runs.load(KEY)


def test_query_adopts_a_run_that_was_asked_for(record):
    record.port.ask(asked(), ACT)
    succeed(record.port)

    assert record.port.is_open(KEY, 0)
    assert record.counters() == (1, 1, 0, "success", None)


def test_no_run_is_asked_for_while_another_one_is_under_way(runs):
    runs.open(new_run())
    assert not runs.ask(asked(OTHER), ACT)

    runs.fix_mail(KEY, NO_MAIL)
    settled(runs)
    assert runs.ask(asked(OTHER), ACT)
    assert not runs.ask(asked(KEY), ACT)


def test_no_second_run_is_asked_for_at_the_time_of_a_settled_one(runs):
    runs.open(new_run())
    runs.fix_mail(KEY, NO_MAIL)
    settled(runs)

    assert not runs.ask(asked(KEY), ACT)


def test_a_run_that_was_asked_for_and_withdrawn_was_never_there(runs):
    runs.ask(asked(), ACT)
    runs.withdraw(KEY)

    assert runs.unsettled(limit=10) == []
    assert runs.ask(asked(), ACT)


def test_what_query_has_begun_with_is_not_withdrawn(runs):
    runs.ask(asked(), ACT)
    runs.open(asked())

    runs.withdraw(KEY)

    assert runs.load(KEY).triggered_by == "airflow:ada"


def test_a_run_that_was_asked_for_and_never_began_is_settled_as_failed(record):
    record.port.ask(asked(), ACT)

    outcome, _ = settled(record.port)

    assert outcome.state is RunState.FAILED
    assert outcome.errors == {PDF: NEVER_MADE, CSV: NEVER_MADE}
    assert record.counters()[:3] == (1, 0, 1)


@pytest.mark.parametrize("error", [None, "out of paper"])
def test_a_test_run_counts_for_nothing_however_it_ends(record, error):
    before = record.counters()
    record.port.open(new_run(request={"test": True, "recipients": ["ada@acme.example"]}))
    for chosen in (PDF, CSV):
        record.port.uploaded(KEY, artifact(chosen))
    record.port.fix_mail(KEY, NO_MAIL if error is None else MAIL)
    record.port.note_mail(KEY, error)

    outcome, _ = settled(record.port)

    assert outcome.state is (RunState.FAILED if error else RunState.SUCCESS)
    assert record.counters() == before
    assert record.port.failure_streak("r1") == FailureStreak(streak=0, notified=None, notified_lately=False)


def test_a_test_run_that_was_refused_counts_for_nothing_either(record):
    before = record.counters()

    record.port.refuse(replace(refused(), request={"test": True}), "no", skipped=False)
    settled(record.port)

    assert record.counters() == before


# Files


def test_uploaded_files_are_listed_by_format(runs):
    runs.open(new_run(formats=(PDF, HTML, CSV), export_formats=["pdf", "html", "csv"]))
    for chosen in (PDF, HTML, CSV):
        runs.uploaded(KEY, artifact(chosen))

    assert [*runs.artifacts(KEY)] == [artifact(CSV), artifact(HTML), artifact(PDF)]


def test_a_file_uploaded_again_is_listed_once_as_it_is_now(runs):
    runs.open(new_run())
    runs.uploaded(KEY, artifact(PDF, size=10))
    runs.uploaded(KEY, artifact(PDF, size=20))

    assert [*runs.artifacts(KEY)] == [artifact(PDF, size=20)]


# Mail


def test_the_first_plan_of_the_mail_is_kept(runs):
    runs.open(new_run())

    assert runs.fix_mail(KEY, MAIL) == MAIL
    assert runs.fix_mail(KEY, NO_MAIL) == MAIL


def test_a_clear_before_any_message_was_claimed_plans_the_mail_anew(runs):
    runs.open(new_run())
    runs.fix_mail(KEY, MAIL)
    runs.open(new_run(clear_number=1))

    assert runs.fix_mail(KEY, NO_MAIL) == NO_MAIL


def test_a_clear_after_a_message_was_claimed_keeps_to_whom_it_is_mailed(record):
    record.port.open(new_run())
    record.port.fix_mail(KEY, MAIL)
    record.ledger.claim(delivery(DeliveryState.CLAIMED))
    record.port.open(new_run(clear_number=1))

    assert record.port.fix_mail(KEY, NO_MAIL) == MAIL


def test_a_plan_is_forgotten_until_a_message_may_have_been_sent(record):
    record.port.open(new_run())
    record.port.fix_mail(KEY, MAIL)
    record.port.forget_plan(KEY)
    assert record.port.fix_mail(KEY, NO_MAIL) == NO_MAIL

    record.ledger.claim(delivery(DeliveryState.CLAIMED))
    record.ledger.finish(replace(delivery(DeliveryState.CLAIMED), state=DeliveryState.REFUSED, error="busy"))
    record.port.forget_plan(KEY)
    assert record.port.fix_mail(KEY, MAIL) == MAIL

    record.ledger.claim(delivery(DeliveryState.CLAIMED))
    record.port.forget_plan(KEY)
    assert record.port.fix_mail(KEY, NO_MAIL) == MAIL


def test_the_plan_of_a_run_can_be_read(runs):
    runs.open(new_run())
    assert runs.mail_plan(KEY) is None

    runs.fix_mail(KEY, MAIL)

    assert runs.mail_plan(KEY) == MAIL
    assert runs.mail_plan(OTHER) is None


def test_a_fixed_plan_loses_readers_and_a_run_without_one_gets_none(runs):
    fewer = {**MAIL, "messages": 0}
    for key in (KEY, OTHER):
        runs.open(new_run(key))
    runs.narrow_mail(KEY, fewer)
    assert settled(runs)[1].mail is None

    for key in (KEY, OTHER):
        runs.fix_mail(key, MAIL)
    runs.narrow_mail(KEY, fewer)

    assert runs.fix_mail(OTHER, MAIL) == MAIL
    assert runs.fix_mail(KEY, MAIL) == fewer
    assert settled(runs)[1].mail == fewer


def test_a_plan_that_was_narrowed_is_kept_by_a_clear_once_a_message_was_claimed(record):
    fewer = {**MAIL, "messages": 0}
    record.port.open(new_run())
    record.port.fix_mail(KEY, MAIL)
    record.ledger.claim(delivery(DeliveryState.CLAIMED))
    record.port.narrow_mail(KEY, fewer)
    record.port.open(new_run(clear_number=1))
    record.port.forget_plan(KEY)

    assert record.port.fix_mail(KEY, MAIL) == fewer


# Recipients of a run by hand

KEPT = KeptRecipients(id="q1", addresses=("ada@acme.example", "bob@acme.example"))


def test_the_recipients_of_a_request_are_kept_with_its_run_and_no_other(runs):
    runs.ask(asked(), ACT, KEPT)

    assert runs.requested_recipients(KEY, "q1") == KEPT.addresses
    assert runs.requested_recipients(KEY, "q2") is None
    assert runs.requested_recipients(OTHER, "q1") is None


def test_the_recipients_of_a_request_go_with_it(runs):
    runs.ask(asked(), ACT, KEPT)
    runs.withdraw(KEY)

    assert runs.requested_recipients(KEY, "q1") is None
    assert "ada@" not in repr(KEPT)


# Settling


def test_settling_sees_what_every_stage_has_left(record):
    record.port.open(new_run())
    record.port.fail(KEY, CSV, "out of ink")
    record.port.uploaded(KEY, artifact(PDF))
    record.port.fix_mail(KEY, MAIL)
    record.ledger.claim(delivery(DeliveryState.CLAIMED))
    record.ledger.finish(delivery(DeliveryState.SENT))

    _, snapshot = settled(record.port)

    assert snapshot.frozen
    assert (snapshot.reason, snapshot.skipped) == (None, False)
    assert snapshot.formats == (PDF, CSV)
    assert snapshot.errors == {CSV: "out of ink"}
    assert snapshot.artifacts == (artifact(PDF),)
    assert snapshot.mail == MAIL
    assert snapshot.deliveries == (delivery(DeliveryState.SENT),)


def test_settling_sees_why_a_run_was_refused(runs):
    runs.refuse(refused(), "the row is wrong", skipped=False)

    _, snapshot = settled(runs)

    assert (snapshot.frozen, snapshot.reason, snapshot.skipped) == (False, "the row is wrong", False)
    assert set(snapshot.formats) == {PDF, CSV}
    assert (snapshot.artifacts, snapshot.mail, snapshot.deliveries) == ((), None, ())


def test_a_format_at_work_again_has_no_error_yet(runs):
    runs.open(new_run())
    runs.fail(KEY, None, "the database is away")
    runs.progress(KEY, CSV, 30, attempt=2)

    assert settled(runs)[1].errors == {PDF: "the database is away"}

    runs.progress(KEY, None, 5, attempt=3)

    assert settled(runs)[1].errors == {}


def test_a_run_nobody_knows_cannot_be_settled(runs):
    with pytest.raises(PermanentError, match="no such run"):
        settled(runs)


def test_settling_writes_the_coming_tick(record):
    record.port.open(new_run())
    settled(record.port, next_run=NEXT)
    assert record.next_run() == NEXT

    settled(record.port, next_run=None)
    assert record.next_run() is None


def unsettled(runs):
    return [run.key for run in runs.unsettled(limit=10)]


# Reopened when a stage writes afterwards


@pytest.mark.parametrize(
    "stage",
    [
        lambda runs: runs.progress(KEY, PDF, 30),
        lambda runs: runs.fail(KEY, PDF, "out of ink"),
        lambda runs: runs.uploaded(KEY, artifact(PDF)),
    ],
)
def test_a_stage_that_changes_something_after_settling_opens_the_run_again(runs, stage):
    succeed(runs)
    assert unsettled(runs) == []

    stage(runs)

    assert unsettled(runs) == [KEY]
    assert runs.load(KEY).state is RunState.RUNNING
    settled(runs)
    assert unsettled(runs) == []


def test_a_late_answer_of_the_mail_service_opens_the_run_again_and_a_notice_does_not(record):
    runs, ledger = record.port, record.ledger
    runs.open(new_run())
    for chosen in (PDF, CSV):
        runs.uploaded(KEY, artifact(chosen))
    runs.fix_mail(KEY, MAIL)
    ledger.claim(delivery(DeliveryState.CLAIMED))
    notice = replace(delivery(DeliveryState.CLAIMED), message="notice/failed")
    ledger.claim(notice)

    outcome, snapshot = settled(runs)
    assert outcome.mail_error == "report: the sender ended before the outcome was known"
    assert [one.message for one in snapshot.deliveries] == ["report"]

    ledger.finish(replace(notice, state=DeliveryState.SENT))
    assert unsettled(runs) == []
    ledger.finish(delivery(DeliveryState.SENT))
    assert unsettled(runs) == [KEY]
    assert settled(runs)[0].state is RunState.SUCCESS
    assert record.counters()[:3] == (1, 1, 0)


def test_why_the_mail_failed_is_told_at_settling_and_forgotten_by_a_clear(runs):
    runs.open(new_run())
    for chosen in (PDF, CSV):
        runs.uploaded(KEY, artifact(chosen))
    runs.note_mail(KEY, "S3 did not answer")
    assert settled(runs)[0].mail_error == "S3 did not answer"

    runs.open(new_run(clear_number=1))
    assert settled(runs)[1].mail_error is None


def test_a_run_that_was_refused_is_unsettled_until_it_is_settled(runs):
    runs.refuse(refused(), "no", skipped=False)
    assert unsettled(runs) == [KEY]

    settled(runs)
    assert unsettled(runs) == []


def test_unsettled_runs_come_the_longest_silent_first_and_not_all_at_once(runs):
    keys = [replace(KEY, run_id=f"run-{number}") for number in range(3)]
    for key in keys:
        runs.open(new_run(key))
    runs.progress(keys[0], None, 5)

    assert unsettled(runs) == [keys[1], keys[2], keys[0]]
    assert [run.key for run in runs.unsettled(limit=1)] == [keys[1]]


# The files of an earlier run


def test_a_run_adopts_the_files_it_asked_for_and_the_brief_of_an_earlier_one(runs):
    earlier, again = replace(KEY, run_id="earlier"), replace(KEY, run_id="again")
    runs.open(new_run(earlier))
    runs.note_mail_summary(earlier, MAIL_SUMMARY)
    for chosen in (PDF, CSV):
        runs.uploaded(earlier, artifact(chosen, key=earlier))
    runs.open(new_run(again, formats=(CSV,), request={"formats": ["csv"]}))

    runs.adopt(again, earlier)

    assert runs.artifacts(again) == (artifact(CSV, key=again),)
    assert runs.load(again).mail_summary == MAIL_SUMMARY
    assert len(runs.artifacts(earlier)) == 2


# Only PostgreSQL


def test_what_was_told_before_the_schedule_became_effective_was_long_ago(postgres_record):
    fail(postgres_record.port, key_of(0))
    told(postgres_record, 0, "notice/stopped")
    execute(postgres_record.dsn, "UPDATE reporting.report_options SET effective_from = clock_timestamp()")

    failure_streak = postgres_record.port.failure_streak("r1")
    assert (failure_streak.streak, failure_streak.notified, failure_streak.notified_lately) == (
        0,
        "notice/stopped",
        False,
    )


def test_a_run_settled_by_many_at_once_is_counted_once(postgres_record):
    runs = postgres_record.port
    runs.open(new_run())
    runs.fail(KEY, None, "out of paper")
    crowd = 8
    start = Barrier(crowd)

    def settle_it(_):
        start.wait()
        return settled(runs)[0].state

    with ThreadPoolExecutor(crowd) as threads:
        states = list(threads.map(settle_it, range(crowd)))

    assert set(states) == {RunState.FAILED}
    assert postgres_record.counters()[:3] == (1, 0, 1)


def test_a_run_opened_by_many_at_once_is_frozen_once(postgres_record):
    runs = postgres_record.port
    crowd = 8
    start = Barrier(crowd)

    def open_it(number):
        start.wait()
        runs.open(new_run(name=f"From {number}"))
        return runs.load(KEY).report.name

    with ThreadPoolExecutor(crowd) as threads:
        names = set(threads.map(open_it, range(crowd)))

    assert len(names) == 1


def test_a_run_that_was_under_way_for_months_can_still_be_settled(postgres_record):
    postgres_record.port.open(new_run())
    with psycopg.connect(postgres_record.dsn) as connection:
        connection.execute("UPDATE report_executions SET started_at = now() - interval '90 days'")

    assert settled(postgres_record.port)[0].state is RunState.FAILED


def test_a_database_that_is_away_may_come_back(migrated_dsn):
    away = PostgresRuns(psycopg.conninfo.make_conninfo(migrated_dsn, port=free_port()))

    for attempt in (lambda: away.open(new_run()), lambda: away.load(KEY), lambda: settled(away)):
        with pytest.raises(TransientError):
            attempt()


def frozen_by_looser_rules(**changes):
    """Make a run that an earlier version accepted and this one would reject."""
    return replace(new_run(), row=row(id="r1", **changes))


# A rule became stricter while runs were open


@pytest.mark.parametrize(
    ("column", "value"), [("timezone", "Mars/Olympus_Mons"), ("reportType", "retired"), ("name", "N" * 300)]
)
def test_a_run_frozen_by_looser_rules_is_settled_all_the_same(record, runs, column, value):
    runs.open(frozen_by_looser_rules(**{column: value}))
    with pytest.raises(PermanentError, match="frozen under rules that have changed") as caught:
        runs.load(KEY)
    assert column in str(caught.value)
    assert value not in str(caught.value)
    runs.fail(KEY, None, str(caught.value))

    outcome, snapshot = settled(runs)

    assert (outcome.state, snapshot.formats) == (RunState.FAILED, (PDF, CSV))
    assert "frozen under rules that have changed" in outcome.reason
    assert record.counters()[:3] == (1, 0, 1)
    assert runs.unsettled(limit=10) == []


def test_what_such_a_run_had_finished_before_stays_finished(record, runs):
    runs.open(frozen_by_looser_rules(timezone="Mars/Olympus_Mons"))
    for chosen in (PDF, CSV):
        runs.uploaded(KEY, artifact(chosen))
    runs.fix_mail(KEY, NO_MAIL)

    assert settled(runs)[0].state is RunState.SUCCESS
    assert record.counters()[:3] == (1, 1, 0)
