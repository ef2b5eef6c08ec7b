"""Port `Runs`: verdicts of conditions, and the state that later runs are compared with."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from include.scheduled_reports.domain.delivery import DeliveryState
from include.scheduled_reports.domain.run import RunKey
from include.scheduled_reports.domain.send_if import Candidate, Finding, Verdict
from tests.contract.runs_suite import MONDAY, Memory, Postgres, delivery, new_run, refused, settled
from tests.contract.tables import execute

MET = Verdict(met=True, why="", findings=(Finding(met=True, text="“Zoë”: 12, above 10."),))
NOT_MET = Verdict(met=False, why="the condition is not met: 3", findings=(Finding(met=False, text="3."),))
CANDIDATE = Candidate(condition="c1", met=True, digest="d1", key_column="day", keys=b"\x00\xff" * 8)


@pytest.fixture
def runs(record):
    return record.port


def key_of(hours):
    return RunKey(report_id="r1", run_id=f"run-{hours}")


def opened(runs, hours=0, **changes):
    key = key_of(hours)
    runs.open(replace(new_run(key, **changes), scheduled_for=MONDAY + timedelta(hours=hours)))
    return key


def sent(record, key, state=DeliveryState.SENT):
    record.ledger.claim(delivery(DeliveryState.CLAIMED, key))
    record.ledger.finish(delivery(state, key))


def mailed(record, hours=0, candidate=CANDIDATE, **changes):
    """A run that met its conditions, and was mailed."""
    key = opened(record.port, hours, **changes)
    record.port.note_verdict(key, MET, candidate)
    sent(record, key)
    return key


def state(runs, workspace="ws1"):
    return runs.mailed_state("r1", workspace)


def test_a_verdict_is_read_back(runs):
    key = opened(runs)
    assert runs.load(key).verdict is None

    assert runs.note_verdict(key, MET, None) == MET
    assert runs.load(key).verdict == MET


def test_a_run_that_is_judged_again_has_the_newer_verdict(runs):
    key = opened(runs)
    runs.note_verdict(key, NOT_MET, None)

    assert runs.note_verdict(key, MET, None) == MET
    assert runs.load(key).verdict == MET


def test_nothing_is_kept_until_a_message_is_sent(record, runs):
    runs.note_verdict(opened(runs), MET, CANDIDATE)

    assert state(runs) is None
    before = datetime.now(UTC) - timedelta(seconds=5)
    sent(record, key_of(0))
    kept = state(runs)
    assert (kept.digest, kept.key_column, kept.keys, kept.condition) == ("d1", "day", CANDIDATE.keys, "c1")
    assert before < kept.mailed_at == kept.met_since


@pytest.mark.parametrize("outcome", [DeliveryState.REFUSED, DeliveryState.UNKNOWN])
def test_a_message_that_may_not_have_arrived_keeps_nothing(record, runs, outcome):
    runs.note_verdict(opened(runs), MET, CANDIDATE)

    sent(record, key_of(0), outcome)
    settled(runs, key_of(0))

    assert state(runs) is None


def test_a_sender_that_reports_after_the_run_was_settled_still_keeps_it(record, runs):
    key = opened(runs)
    runs.note_verdict(key, MET, CANDIDATE)
    record.ledger.claim(delivery(DeliveryState.CLAIMED, key))
    settled(runs, key)

    record.ledger.finish(delivery(DeliveryState.SENT, key))

    assert state(runs).digest == "d1"


def test_settling_keeps_what_a_sender_of_an_earlier_release_has_sent(record, runs):
    """Its statement records the message and knows nothing of conditions."""
    key = opened(runs)
    record.ledger.claim(delivery(DeliveryState.CLAIMED, key))
    record.ledger.finish(delivery(DeliveryState.SENT, key))
    if isinstance(record, Memory):
        runs.runs[key].row["candidate"] = CANDIDATE
    else:
        execute(
            record.dsn, """UPDATE reporting.runs SET candidate = '{"condition": "c1", "met": true, "digest": "d1"}'"""
        )

    settled(runs, key)
    kept = state(runs)
    settled(runs, key)

    assert kept.digest == "d1"
    assert state(runs) == kept


def test_a_run_that_changes_no_state_keeps_nothing(record, runs):
    runs.note_verdict(opened(runs), MET, None)

    sent(record, key_of(0))

    assert state(runs) is None


def test_a_run_that_is_not_to_be_mailed_leaves_no_candidate_behind(record, runs):
    runs.note_verdict(opened(runs), NOT_MET, replace(CANDIDATE, met=False, pending=False))

    sent(record, key_of(0))

    assert state(runs).digest is None


def test_the_state_is_that_of_the_newest_run_and_not_of_the_latest_mail(record, runs):
    mailed(record, 2, replace(CANDIDATE, digest="newer"))
    mailed(record, 1, replace(CANDIDATE, digest="older"))

    assert state(runs).digest == "newer"
    mailed(record, 3, replace(CANDIDATE, digest="newest", key_column=None, keys=None))
    assert (state(runs).digest, state(runs).key_column, state(runs).keys) == ("newest", None, None)


def test_a_message_that_is_recorded_twice_keeps_the_state_of_the_newer_run(record, runs):
    key = mailed(record, 1)
    mailed(record, 2, replace(CANDIDATE, digest="newer"))

    record.ledger.finish(delivery(DeliveryState.SENT, key))

    assert state(runs).digest == "newer"


@pytest.mark.parametrize("tried", [False, True])
def test_a_run_that_ended_without_an_email_has_no_candidate_once_a_newer_run_has_one(record, runs, tried):
    """Candidates of a report that is never mailed do not pile up; a message that was tried may still be sent."""
    for hours in (1, 2):
        runs.note_verdict(opened(runs, hours), MET, replace(CANDIDATE, digest=f"d{hours}"))
        if tried and hours == 1:
            sent(record, key_of(1), DeliveryState.REFUSED)
        settled(runs, key_of(hours))

    sent(record, key_of(1))
    assert (state(runs).digest if state(runs) else None) == ("d1" if tried else None)
    sent(record, key_of(2))
    assert state(runs).digest == "d2"


def test_once_a_message_was_sent_the_verdict_stays(record, runs):
    key = mailed(record)

    assert runs.note_verdict(key, NOT_MET, replace(CANDIDATE, met=False)) == MET
    assert runs.load(key).verdict == MET
    assert state(runs).met_since is not None


@pytest.mark.parametrize(
    ("outcome", "kept"), [(DeliveryState.SENT, MET), (DeliveryState.UNKNOWN, MET), (DeliveryState.REFUSED, None)]
)
def test_a_cleared_run_keeps_its_verdict_if_it_may_have_been_mailed(record, runs, outcome, kept):
    key = opened(runs)
    runs.note_verdict(key, MET, CANDIDATE)
    sent(record, key, outcome)

    opened(runs, clear_number=1)

    assert runs.load(key).verdict == kept


def test_a_run_that_is_refused_when_it_is_cleared_has_no_verdict(record, runs):
    key = opened(runs)
    runs.note_verdict(key, MET, CANDIDATE)

    runs.refuse(refused(key, clear_number=1), "the report is no longer scheduled", skipped=True)
    opened(runs, clear_number=2)

    assert runs.load(key).verdict is None
    sent(record, key)
    assert state(runs) is None


def test_another_workspace_has_a_state_of_its_own(record, runs):
    mailed(record, 1)

    assert state(runs, "ws2") is None
    mailed(record, 2, replace(CANDIDATE, digest="d2"), workspace_id="ws2")
    assert state(runs, "ws1") is None
    assert state(runs, "ws2").digest == "d2"


def test_other_conditions_have_a_streak_of_their_own(record, runs):
    mailed(record, 1)
    other = replace(CANDIDATE, condition="c2", met=False)
    runs.note_verdict(opened(runs, 2), NOT_MET, other)

    assert (state(runs).condition, state(runs).met_since, state(runs).digest) == ("c2", None, "d1")


def test_conditions_of_an_older_run_do_not_end_the_streak_of_a_newer_one(record, runs):
    mailed(record, 2)
    runs.note_verdict(opened(runs, 1), NOT_MET, replace(CANDIDATE, condition="c0", met=False))

    assert state(runs).condition == "c1"
    assert state(runs).met_since is not None


events = st.lists(st.tuples(st.sampled_from(["met", "not met", "send"]), st.integers(0, 4)), max_size=14)


def by_hand(sequence):
    """Return what was last mailed, and whether the streak of runs that meet the conditions was mailed and goes on."""
    judged, mailed_hours, met_for, not_met_for = {}, [], -1, -2
    for what, hours in sequence:
        if hours in mailed_hours or (what == "send" and hours not in judged):
            continue
        if what == "send":
            newest = hours >= max(mailed_hours, default=0)
            met_for = hours if newest and judged[hours] else met_for
            mailed_hours.append(hours)
        else:
            judged[hours] = what == "met"
            not_met_for = max(not_met_for, hours) if what == "not met" else not_met_for
    return f"d{max(mailed_hours)}" if mailed_hours else None, met_for >= max(not_met_for, 0)


@pytest.mark.parametrize("kind", ["memory", "postgres"])
def test_in_any_order_of_events_the_order_of_the_ticks_decides(kind, request):
    """The streak is alive if the newest run that met it and was mailed is not older than the newest that did not."""
    dsn = request.getfixturevalue("migrated_dsn") if kind == "postgres" else None
    there = Postgres(dsn) if dsn else None

    @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
    @given(events)
    @example([("not met", 1), ("met", 1), ("send", 1)])
    def check(sequence):
        record = there or Memory()
        if dsn:
            execute(dsn, "DELETE FROM reporting.deliveries")
            execute(dsn, "DELETE FROM reporting.runs")
            execute(dsn, "DELETE FROM reporting.condition_state")
        digest, met_since = by_hand(sequence)

        for what, hours in sequence:
            key = opened(record.port, hours)
            if what == "send":
                if record.port.load(key).verdict is not None:
                    sent(record, key)
            else:
                candidate = replace(CANDIDATE, met=what == "met", digest=f"d{hours}")
                record.port.note_verdict(key, MET if what == "met" else NOT_MET, candidate)

        kept = state(record.port)
        assert (kept.digest if kept else None) == digest
        assert bool(kept and kept.met_since) == met_since

    check()


def test_a_report_that_went_keeps_nothing_of_a_message_that_is_recorded_later(postgres_record):
    key = opened(postgres_record.port)
    postgres_record.port.note_verdict(key, MET, CANDIDATE)
    execute(postgres_record.dsn, "DELETE FROM scheduled_reports")

    sent(postgres_record, key)

    assert state(postgres_record.port) is None


@pytest.mark.parametrize(
    ("statement", "kept"),
    [
        ("DELETE FROM scheduled_reports", []),
        ("TRUNCATE scheduled_reports CASCADE", []),
        ("UPDATE scheduled_reports SET id = 'r2'", ["r2"]),
        ("UPDATE scheduled_reports SET status = 'DISABLED'", ["r1"]),
    ],
)
def test_the_state_goes_and_is_renamed_with_the_report(postgres_record, statement, kept):
    mailed(postgres_record)

    execute(postgres_record.dsn, statement)

    assert [report for report in ("r1", "r2") if postgres_record.port.mailed_state(report, "ws1")] == kept
