"""The period since the last run: what each run covers, whatever became of the runs before it, on the fakes."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from random import Random

import pytest

from include.scheduled_reports.domain.errors import SkipRunError, TransientError
from include.scheduled_reports.domain.run import Outcome, RunKey, RunKind, RunState
from include.scheduled_reports.runs import admission, pipeline
from tests.unit.run_helpers import KEY, LIVE, MONDAY, TRIGGER, edit, failing, mails, manual, text_of, walk

OPTION = {"options": {"period": {"type": "since-last-run"}}}
WEEK, DAY = timedelta(days=7), timedelta(days=1)


def at(moment, **changes):
    """The scheduled run of a tick."""
    key = RunKey(report_id="r1", run_id=f"scheduled__{moment.isoformat()}")
    return replace(TRIGGER, key=key, scheduled_for=moment, **changes)


def covered(services, trigger):
    """When what a run covers begins and ends."""
    window = services.runs.load(trigger.key).window
    return window.start, window.end


def run(services, trigger):
    """Run all stages at their time; return what the run covered."""
    services.moment = max(services.moment, trigger.scheduled_for) + timedelta(seconds=5)
    assert walk(services, trigger).state is RunState.SUCCESS
    return covered(services, trigger)


def test_a_run_covers_the_time_since_the_last_one_that_succeeded(make_services, monkeypatch):
    services = make_services(**OPTION)

    assert run(services, at(MONDAY)) == (MONDAY - WEEK, MONDAY)  # the first: from the tick before
    with monkeypatch.context() as patch:
        failing(patch, RuntimeError("no ink"), "csv", "json")
        services.moment = MONDAY + WEEK
        assert walk(services, at(MONDAY + WEEK)).state is RunState.FAILED
    assert run(services, at(MONDAY + 2 * WEEK)) == (MONDAY, MONDAY + 2 * WEEK)


def test_a_report_with_another_period_keeps_the_mark_so_that_it_can_change(make_services):
    services = make_services()
    run(services, at(MONDAY))
    edit(services, cron_expression="0 9 * * *", **OPTION)

    assert run(services, at(MONDAY + 3 * DAY)) == (MONDAY, MONDAY + 3 * DAY)


def test_a_run_by_hand_starts_at_the_mark_and_does_not_move_it(make_services):
    services = make_services(**OPTION)
    run(services, at(MONDAY))
    by_hand = replace(manual(), key=replace(KEY, run_id="manual__1"), scheduled_for=MONDAY + DAY)

    assert run(services, by_hand) == (MONDAY, MONDAY + DAY)
    assert run(services, at(MONDAY + WEEK)) == (MONDAY, MONDAY + WEEK)


def test_a_run_by_hand_may_ask_for_the_period_of_a_report_that_has_another(make_services):
    services = make_services()
    run(services, at(MONDAY))
    asked = manual(period="since-last-run")

    assert run(services, replace(asked, key=replace(KEY, run_id="m"), scheduled_for=MONDAY + DAY)) == (
        MONDAY,
        MONDAY + DAY,
    )


def test_a_backfill_covers_one_tick_to_the_next_and_moves_nothing(make_services):
    services = make_services(**OPTION)
    run(services, at(MONDAY))
    earlier = at(MONDAY - 4 * WEEK, kind=RunKind.BACKFILL)

    assert run(services, earlier) == (MONDAY - 5 * WEEK, MONDAY - 4 * WEEK)
    later = at(MONDAY + 3 * WEEK, kind=RunKind.BACKFILL)
    assert run(services, later) == (MONDAY + 2 * WEEK, MONDAY + 3 * WEEK)
    assert services.runs.watermark("r1") == MONDAY


def test_a_tick_whose_time_a_later_run_has_covered_is_skipped(make_services):
    services = make_services(**OPTION, missed_runs="all")
    run(services, at(MONDAY + WEEK))

    with pytest.raises(SkipRunError, match=r"^a later run has covered this time, until 2026-05-18 07:00:00 UTC$"):
        pipeline.query(services, at(MONDAY))
    assert pipeline.record(services, at(MONDAY)).state is RunState.SKIPPED


def test_a_run_waits_for_the_outcome_of_the_one_before(make_services):
    services = make_services(**OPTION)
    admission.enter(services, at(MONDAY))
    services.moment = MONDAY + WEEK

    with pytest.raises(TransientError, match="the run before has no outcome yet"):
        admission.enter(services, at(MONDAY + WEEK))
    settle(services, at(MONDAY), RunState.SUCCESS)
    assert admission.enter(services, at(MONDAY + WEEK)).window.start == MONDAY


def test_a_clear_keeps_the_time_that_its_run_covered(make_services):
    services = make_services(**OPTION)
    run(services, at(MONDAY))
    run(services, at(MONDAY + WEEK))

    assert run(services, at(MONDAY + WEEK, clear_number=1)) == (MONDAY, MONDAY + WEEK)
    assert services.runs.watermark("r1") == MONDAY + WEEK


def test_a_resend_shows_the_time_that_its_run_covered(make_services):
    services = make_services(**OPTION, email_include_attachment=True)
    services.moment = MONDAY + timedelta(seconds=5)
    walk(services)
    again = manual(resend=KEY.run_id, recipients=["ada@acme.example"])
    services.moment = MONDAY + DAY
    again = replace(again, key=replace(KEY, run_id="manual__again"), scheduled_for=MONDAY + DAY)

    assert walk(services, again).state is RunState.SUCCESS
    first, second = mails(services)
    assert covered(services, again) == (MONDAY - WEEK, MONDAY)
    period = "Mon 4 May 2026, 09:00 \N{EN DASH} Mon 11 May 2026, 09:00"
    assert period in text_of(first)
    assert period in text_of(second)


def settle(services, trigger, state):
    services.runs.settle(trigger.key, lambda _: Outcome(state=state), None)


def nightly(first, count):
    """02:30 in Berlin on each day; on 29 March 2026 there is none, and 03:00 stands for it; in October the first."""
    for number in range(count):
        day = first + number * DAY
        is_summer = datetime(2026, 3, 29) <= day < datetime(2026, 10, 26)  # noqa: DTZ001
        utc = day.replace(tzinfo=UTC) + timedelta(minutes=30) + timedelta(hours=0 if is_summer else 1)
        yield utc + timedelta(minutes=30) if day == datetime(2026, 3, 29) else utc  # noqa: DTZ001


class Life:
    """A report whose runs end as chance has it, and by hand what each of them has to cover."""

    def __init__(self, services, ticks, chance):
        self.services, self.chance = services, chance
        self.before = dict(zip(ticks[1:], ticks, strict=False))
        self.mark = None  # of the model
        self.first_covered = {}
        self.clears = {}
        self.arrived = []  # what the successful runs covered that moved the mark, in their order

    def tick(self, moment):
        """One tick: Airflow may be away, the report paused, the run may fail or succeed."""
        fate = self.chance.choices(["success", "failure", "paused", "missed"], [5, 2, 1, 1])[0]
        if fate == "missed":
            return
        edit(self.services, is_active=fate != "paused")
        self.services.moment = moment + timedelta(seconds=9)
        trigger = at(moment)
        if fate == "paused":
            with suppress(SkipRunError):
                admission.enter(self.services, trigger)
                pytest.fail("a paused report ran")
            settle(self.services, trigger, RunState.SKIPPED)
            self.clears[moment] = 0
            return
        self.begin(trigger)
        self.end(trigger, RunState.SUCCESS if fate == "success" else RunState.FAILED)

    def begin(self, trigger):
        """Freeze a run; what it covers is what the model says."""
        tick = trigger.scheduled_for
        is_new = self.mark is None or self.mark >= tick
        start = self.first_covered.get(tick, self.before[tick] if is_new else self.mark)
        found = admission.enter(self.services, trigger).window
        assert (found.start, found.end) == (start, tick)
        self.first_covered[tick] = start
        self.clears[tick] = trigger.clear_number

    def end(self, trigger, state):
        settle(self.services, trigger, state)
        tick = trigger.scheduled_for
        if state is RunState.SUCCESS and (self.mark is None or tick > self.mark):
            self.mark = tick
            self.arrived.append((self.first_covered[tick], tick))
        assert self.services.runs.watermark("r1") == self.mark

    def clear_one(self):
        """Somebody clears a run from `query`: it covers what it did, and may succeed now."""
        if self.clears:
            tick = self.chance.choice(list(self.clears)[-4:])
            edit(self.services, is_active=True)
            trigger = at(tick, clear_number=self.clears[tick] + 1)
            self.begin(trigger)
            self.end(trigger, self.chance.choice([RunState.SUCCESS, RunState.FAILED]))

    def run_by_hand(self, moment):
        trigger = replace(manual(), key=replace(KEY, run_id=f"manual__{moment}"), scheduled_for=moment)
        edit(self.services, is_active=True)
        found = admission.enter(self.services, trigger).window
        if self.mark is not None:
            assert (found.start, found.end) == (self.mark, moment)
        settle(self.services, trigger, RunState.SUCCESS)


@pytest.mark.parametrize("seed", range(30))
def test_successful_runs_cover_every_moment_once_whatever_fails_is_skipped_or_repeated(make_services, seed):
    chance = Random(seed)  # noqa: S311 - a simulation
    first = chance.choice([datetime(2026, 3, 15), datetime(2026, 10, 12)])  # noqa: DTZ001
    ticks = list(nightly(first, 41))
    services = make_services(LIVE, **OPTION, cron_expression="30 2 * * *", effective_from="2026-01-01T00:00:00Z")
    life = Life(services, ticks, chance)
    for tick in ticks[1:]:
        life.tick(tick)
        if chance.random() < 0.2:
            life.clear_one()
        if chance.random() < 0.1:
            life.run_by_hand(tick + timedelta(hours=5))

    assert len(life.arrived) > 10
    assert all(earlier[1] == later[0] for earlier, later in pairwise(life.arrived))
    assert life.arrived[-1][1] == life.mark
