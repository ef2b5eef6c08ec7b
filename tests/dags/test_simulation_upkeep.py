"""A year with upkeep: edits, restarts, clock steps, slow parses and outages lose no tick and double none."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta
from functools import cache

import pytest

from include.scheduled_reports.domain.schedule import Schedule
from tests.dags.simulation import History, Loop, simulate, versions
from tests.dags.test_simulation import (
    DAYS,
    JITTER,
    LONGEST_ROUND,
    NEW_YEAR,
    NO_JITTER,
    _expressions_are_parsed_once,  # noqa: F401 - a fixture
    at,
    days,
    delay_of,
    minute,
    named_ticks,
    some,
    some_edits,
    some_loops,
)


@pytest.fixture(autouse=True)
def _next_ticks_are_found_once(monkeypatch):
    """Cache them: a quiet round of upkeep asks for the same one as the round before."""
    monkeypatch.setattr(Schedule, "next_after", cache(Schedule.next_after))


HOURLY = {"cron_expression": "0 * * * *"}
AT_EIGHT = {"cron_expression": "0 8 * * *"}


def slow_parses(chance: random.Random, edits) -> list:
    """Parse at random moments, and up to forty minutes after an edit."""
    seen = [moment + timedelta(seconds=chance.randrange(2_400)) for moment in edits]
    return [NEW_YEAR, *some(chance, 400), *seen]


def some_rounds(chance: random.Random) -> list:
    """Let upkeep make its round every few minutes."""
    moments, moment = [], NEW_YEAR
    while moment < NEW_YEAR + timedelta(days=DAYS):
        moment += timedelta(seconds=chance.randrange(60, 1_500))
        moments.append(moment)
    return moments


def some_steps(chance: random.Random) -> dict:
    """Set the clock wrong some times a year, and right again hours later."""
    steps = {}
    for moment in some(chance, 6):
        steps |= {moment: minute(chance.randrange(-180, 180)), moment + minute(chance.randrange(30, 600)): timedelta()}
    return steps


def skipped_by_the_clock(history: History) -> list[tuple]:
    """Return the times that the clock showed twice or never, with an hour on both sides."""
    windows = []
    for when in sorted(history.steps):
        before, after = sorted((history.clock(when - timedelta(seconds=1)), history.clock(when)))
        windows.append((before - minute(60), after + minute(60)))
    return windows


#: The longest time from a tick to its run here: five minutes, a round of upkeep, some rounds of the scheduler.
SLACK = minute(5) + minute(25) + 3 * LONGEST_ROUND


@pytest.mark.parametrize(
    ("settings", "missed_runs", "seed"),
    [
        (NO_JITTER, "all", 18),
        pytest.param(NO_JITTER, "skip", 19, marks=pytest.mark.slow),
        pytest.param(JITTER, "latest", 13, marks=pytest.mark.slow),
    ],
)
def test_no_tick_is_lost_and_none_doubled_in_a_year(settings, missed_runs, seed):
    chance = random.Random(seed)  # noqa: S311 - reproducible on purpose
    edits = some_edits(chance, 100)
    history = History(
        edits,
        slow_parses(chance, edits),
        some_loops(chance, busy=0),
        some(chance, 50),
        some_steps(chance),
        some_rounds(chance),
    )

    ran = simulate(history, replace(settings, grace_seconds=2 * SLACK), missed_runs).ran

    named = named_ticks(history)
    wrong_clock = skipped_by_the_clock(history)
    sure = {
        tick
        for tick, until in named.items()
        # A run that had not begun when the schedule was changed is dropped.
        if until > tick + delay_of(settings) + SLACK and not any(begin < tick < end for begin, end in wrong_clock)
    }
    assert len(ran) == len(set(ran))
    assert sure - set(ran) == set()
    assert len(sure) > 400
    every_version = {tick for _, version in versions(history) for tick in version.ticks}
    assert set(ran) <= every_version


def test_without_upkeep_such_a_year_loses_ticks():
    """The simulation finds what upkeep is for."""
    chance = random.Random(18)  # noqa: S311 - reproducible on purpose
    edits = some_edits(chance, 100)
    history = History(edits, slow_parses(chance, edits), some_loops(chance, busy=0), some(chance, 50))

    ran = simulate(history, replace(NO_JITTER, grace_seconds=2 * SLACK), "all").ran

    sure = {tick for tick, until in named_ticks(history).items() if until > tick + SLACK}
    assert sure - set(ran) != set()


# Some days in March, computed by hand; upkeep makes a round every minute, ten seconds after the scheduler.


def with_upkeep(history: History, *, away: tuple[str, str] | None = None) -> History:
    """Add the rounds of upkeep, which Airflow runs, so that it is away when Airflow is."""
    rounds = [moment + timedelta(seconds=10) for moment in history.loops]
    return replace(history, upkeep=[one for one in rounds if away is None or not at(away[0]) <= one < at(away[1])])


def an_outage(missed_runs: str):
    """Return Airflow after three days away with an hourly report; a parse every five minutes."""
    away = ("03-02T10:30", "03-05T10:40")
    history = days({"03-01T00:00": HOURLY}, away=away, until="03-05T14:50")
    short = dict.fromkeys(history.loops, Loop(takes=timedelta(seconds=20)))
    return simulate(with_upkeep(replace(history, loops=short)), NO_JITTER, missed_runs)


def texts(ticks):
    return [f"{tick:%m-%dT%H:%M}" for tick in ticks]


def hours(first: str, last: str) -> list[str]:
    count = (at(last) - at(first)) // timedelta(hours=1)
    return texts(at(first) + timedelta(hours=1) * number for number in range(count + 1))


BEFORE = hours("03-01T01:00", "03-02T10:00")
AFTER = hours("03-05T11:00", "03-05T14:00")


@pytest.mark.parametrize(
    ("missed_runs", "made"),
    [("latest", ["03-05T10:00"]), ("skip", []), ("all", hours("03-02T11:00", "03-05T10:00"))],
)
def test_an_outage_of_days_is_one_record_and_the_runs_that_the_policy_wants(missed_runs, made):
    airflow = an_outage(missed_runs)

    caught_up = sorted(airflow.ran)
    assert texts(caught_up)[: len(BEFORE)] == BEFORE
    assert [tick for tick in texts(caught_up) if tick not in BEFORE] == [*made, *AFTER]
    assert len(caught_up) == len(set(caught_up))
    # Seventy-two ticks from 2 March, 11:00, to 5 March, 10:00; Airflow had one run made before the first round.
    assert len(airflow.skipped) <= 5
    (record,) = airflow.services.upkeep_store.missed
    assert f"{record.missed.last:%m-%dT%H:%M}" == "03-05T10:00"
    assert record.missed.ticks in {71, 72}
    assert record.policy == missed_runs


def test_after_an_outage_the_first_run_is_made_in_the_first_minutes():
    airflow = an_outage("latest")

    newest = airflow.ran[len(BEFORE)]
    assert f"{newest:%m-%dT%H:%M}" == "03-05T10:00"


def test_all_missed_ticks_run_in_their_order():
    airflow = an_outage("all")

    assert texts(airflow.ran)[:40] == hours("03-01T01:00", "03-02T16:00")


def test_a_tick_of_a_new_schedule_before_the_stored_one_of_the_old_is_made_good():
    """Edited at 07:30 from 09:00 to 08:00, and a parse sees it only after the scheduler has made the run of 09:00."""
    history = days({"03-03T07:30": AT_EIGHT}, parser_away=("03-03T07:30", "03-03T09:02"))

    without = simulate(history, NO_JITTER, "all")
    airflow = simulate(with_upkeep(history), NO_JITTER, "all")

    assert at("03-03T08:00") not in without.ran
    assert texts(airflow.ran) == ["03-01T09:00", "03-02T09:00", "03-03T08:00", "03-04T08:00", "03-05T08:00"]


def test_an_edit_while_the_clock_was_ahead_loses_no_tick_after_it_is_right_again():
    """At 06:00 the clock shows 16:00, and the report is moved to 08:00; at 06:30 the clock is right again."""
    history = days({"03-03T06:10": AT_EIGHT}, steps={"03-03T06:00": 600, "03-03T06:30": 0})

    airflow = simulate(with_upkeep(history), NO_JITTER, "all")

    assert texts(sorted(airflow.ran)) == [
        "03-01T09:00", "03-02T09:00", "03-03T08:00", "03-03T09:00", "03-04T08:00", "03-05T08:00",
    ]  # fmt: skip


def test_a_report_that_was_rescheduled_meanwhile_keeps_nothing_of_the_outage():
    away = ("03-02T10:30", "03-05T10:40")
    history = days({"03-01T00:00": HOURLY, "03-05T10:45": AT_EIGHT}, away=away, until="03-05T14:50")

    airflow = simulate(with_upkeep(history), NO_JITTER, "all")

    # The runs that had begun by then, in order; those that had not are dropped with the old schedule.
    missed = [tick for tick in texts(airflow.ran) if tick not in BEFORE]
    assert missed == hours("03-02T11:00", "03-05T10:00")[: len(missed)]
    assert 1 <= len(missed) <= 5
