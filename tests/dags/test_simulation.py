"""A year of ticks with parses, scheduler rounds, restarts, outages and edits: each expected tick runs once."""

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache

import pytest

from include.scheduled_reports.domain.cron import Cron, jitter
from include.scheduled_reports.settings import Settings
from tests.dags.simulation import YEAR, History, Loop, expected, simulate, versions, year_of_ticks

NEW_YEAR = datetime(YEAR, 1, 2, tzinfo=UTC)
DAYS = 362
DAILY = {"cron_expression": "0 9 * * *", "timezone": "UTC"}
CRONS = [
    "0 9 * * *",
    "30 * * * *",
    "30 2 * * *",
    "0 0 * * *",
    "15 1-3 * * *",
    "59 23 1,15 * *",
    "0 8 * * 1",
    "45 */6 * * *",
]
ZONES = ["UTC", "America/New_York", "Australia/Lord_Howe", "Africa/Cairo", "Africa/Casablanca", "Asia/Kathmandu"]
NO_JITTER = Settings()
JITTER = Settings(jitter_seconds=timedelta(minutes=50))
#: Between two rounds of the scheduler; with the minute until the first task starts, still within the grace period.
LONGEST_ROUND = timedelta(minutes=13)


@pytest.fixture(autouse=True)
def _expressions_are_parsed_once(monkeypatch):
    """Cache parsed expressions: parsing a dozen of them a hundred thousand times took a quarter of the time."""
    monkeypatch.setattr(Cron, "parse", staticmethod(cache(Cron.parse)))


def minute(count: float) -> timedelta:
    return timedelta(minutes=count)


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"{YEAR}-{text}Z")


def some(chance: random.Random, count: int) -> list[datetime]:
    """Return random moments of the year, in whole seconds."""
    return [NEW_YEAR + timedelta(seconds=chance.randrange((DAYS - 60) * 86_400)) for _ in range(count)]


def some_edits(chance: random.Random, count: int) -> dict[datetime, dict]:
    """Make edits at random moments, some in pairs: a new schedule, and another edit around one of its ticks."""
    moments: dict[datetime, dict | None] = dict.fromkeys(some(chance, count))
    for moment in some(chance, count):
        pair = {"cron_expression": chance.choice(CRONS), "timezone": chance.choice(ZONES), "is_active": True}
        ticks = year_of_ticks(pair["cron_expression"], pair["timezone"], YEAR)
        tick = next(tick for tick in ticks if tick > moment + minute(60))
        moments |= {moment: pair, tick + timedelta(seconds=chance.randrange(-120, 120)): None}
    edits: dict[datetime, dict] = {NEW_YEAR: {**DAILY, "is_active": True}}
    for moment, pair in sorted(moments.items()):
        cron, zone = {"cron_expression": chance.choice(CRONS)}, {"timezone": chance.choice(ZONES)}
        anew = {**cron, **zone, "is_active": True}
        kinds = [
            anew,
            anew,
            cron,
            zone,
            {"is_active": False},
            {"is_active": True},
            {"name": "Other"},
            {"deleted": True},
        ]
        edits[moment] = pair or (anew if edits[max(edits)].get("deleted") else chance.choice(kinds))
    return edits


def some_parses(chance: random.Random, edits: dict[datetime, dict], count: int = 600) -> list[datetime]:
    """Parse at random moments, some minutes after every edit, and exactly at some ticks."""
    on_ticks = [moment.replace(minute=chance.choice([0, 15, 30, 45, 59]), second=0) for moment in some(chance, 300)]
    seen = [moment + timedelta(seconds=chance.randrange(300)) for moment in edits]
    return [NEW_YEAR, *some(chance, count), *on_ticks, *seen]


def some_loops(chance: random.Random, busy: float) -> dict[datetime, Loop]:
    """Make rounds of the scheduler, exactly at ticks or minutes apart; *busy* is the share of runs that take hours."""
    loops, moment = {}, NEW_YEAR
    while moment < NEW_YEAR + timedelta(days=DAYS):
        takes = minute(chance.randrange(20, 180)) if chance.random() < busy else minute(chance.randrange(1, 4))
        loops[moment] = Loop(timedelta(seconds=chance.randrange(1, 60)), takes)
        before, moment = moment, moment + timedelta(seconds=chance.randrange(60, int(LONGEST_ROUND.total_seconds())))
        if moment.minute // 15 > before.minute // 15:
            moment = moment.replace(minute=moment.minute // 15 * 15, second=0)
    return loops


def delay_of(settings: Settings) -> timedelta:
    return jitter("r1", settings.jitter_seconds)


@pytest.mark.parametrize(("settings", "seed"), [(NO_JITTER, 1), (NO_JITTER, 2), (JITTER, 3)])
def test_without_an_outage_every_tick_runs_once_and_nothing_else(settings, seed):
    chance = random.Random(seed)  # noqa: S311 - reproducible on purpose
    edits = some_edits(chance, 20)
    history = History(edits, some_parses(chance, edits), some_loops(chance, busy=0), restarts=some(chance, 50))

    # Rounds are minutes apart here, not seconds, and a run that is no longer due may use up one round.
    ran = simulate(history, replace(settings, grace_seconds=3 * LONGEST_ROUND), "skip").ran

    named = named_ticks(history)
    # A tick is dropped if its run had not begun when the schedule was changed.
    overtaken = {tick for tick, until in named.items() if until < tick + delay_of(settings) + 3 * LONGEST_ROUND}
    assert len(ran) == len(set(ran))
    assert set(ran) <= named.keys()
    assert named.keys() - set(ran) <= overtaken
    assert len(ran) > 10 * len(overtaken)


@pytest.mark.parametrize(("settings", "seed"), [(NO_JITTER, 5), (JITTER, 7), (JITTER, 8)])
def test_whatever_happens_exactly_the_ticks_run_that_the_policy_says(settings, seed):
    history = some_year(random.Random(seed))  # noqa: S311 - reproducible on purpose

    ran = {missed: tuple(simulate(history, settings, missed).ran) for missed in ("skip", "latest", "all")}

    for missed, ticks in ran.items():
        assert ticks == tuple(expected(history, missed, settings.grace_seconds, delay_of(settings)))
        assert len(ticks) == len(set(ticks))
    assert len(set(ran.values())) == 3  # the policies must differ


def some_year(chance: random.Random) -> History:
    """Make a year with outages of the scheduler and the DAG processor, clock errors, and long runs."""
    edits = some_edits(chance, 15)
    parses, loops = some_parses(chance, edits), some_loops(chance, busy=0.05)
    for begin in some(chance, 12):
        end = begin + timedelta(seconds=chance.choice([3_600, 86_400, 9 * 86_400]) * chance.random())
        away = chance.choice(["scheduler", "processor", "both"])
        if away != "processor":
            loops = {moment: loop for moment, loop in loops.items() if not begin <= moment < end}
        if away != "scheduler":
            parses = [moment for moment in parses if not begin <= moment < end]
    steps = {}
    for moment in some(chance, 4):
        steps |= {moment: minute(chance.randrange(-180, 180)), moment + minute(chance.randrange(600)): timedelta()}
    return History(edits, parses, loops, some(chance, 50), steps)


def named_ticks(history: History) -> dict[datetime, datetime]:
    """Return every tick while its schedule is in force, with the moment when that schedule ends."""
    known = versions(history)
    end_of_year = NEW_YEAR + timedelta(days=DAYS)
    named: dict[datetime, datetime] = {}
    for index, (begin, version) in enumerate(known):
        later = known[index + 1 :]
        end = later[0][0] if later else end_of_year
        changed = (when for when, other in later if other.since != version.since or not other.scheduled)
        until = next(changed, end_of_year)
        named |= {tick: until for tick in version.ticks if max(begin, version.since) < tick < end}
    return named


# Some days in March, computed by hand: a report at 09:00 UTC, a round every minute, a parse every five (08:57,
# 09:02 …); the first task starts five seconds after its run is created, and the run ends a minute later.

FIRST_DAY = at("03-01T00:00")


def days(
    edits: dict[str, dict],
    *,
    away: tuple[str, str] | None = None,
    parser_away: tuple[str, str] | None = None,
    steps: dict[str, float] | None = None,
    until: str = "03-06T00:00",
) -> History:
    """Make the first days of March; all processes are down between the two moments of *away*."""

    def seen(every: float, begin: str, gap: tuple[str, str] | None) -> list[datetime]:
        moments = [at(begin) + minute(every) * count for count in range((at(until) - at(begin)) // minute(every))]
        return [m for m in moments if gap is None or not at(gap[0]) <= m < at(gap[1])]

    return History(
        {FIRST_DAY: DAILY} | {at(moment): change for moment, change in edits.items()},
        [FIRST_DAY, *seen(5, "03-01T00:02", away or parser_away)],
        dict.fromkeys(seen(1, "03-01T00:00", away), Loop()),
        steps={at(moment): minute(count) for moment, count in (steps or {}).items()},
    )


def ran(history: History, missed_runs: str = "latest", settings: Settings = NO_JITTER) -> list[str]:
    return [f"{tick:%m-%dT%H:%M}" for tick in simulate(history, settings, missed_runs).ran]


ALL_FIVE = ["03-01T09:00", "03-02T09:00", "03-03T09:00", "03-04T09:00", "03-05T09:00"]
WITHOUT_THE_THIRD = [tick for tick in ALL_FIVE if tick != "03-03T09:00"]
AT_FIVE = {"cron_expression": "0 17 * * *"}
AT_EIGHT = {"cron_expression": "0 8 * * *"}
PAUSED, RESUMED, DELETED = {"is_active": False}, {"is_active": True}, {"deleted": True}


def test_five_quiet_days_have_five_runs():
    assert ran(days({})) == ALL_FIVE


@pytest.mark.parametrize(
    ("edits", "runs"),
    [
        # Created at 10:00 with 09:00 as its time: the first run is the next day.
        ({"03-02T10:00": DELETED, "03-03T10:00": DAILY}, ["03-01T09:00", "03-02T09:00", "03-04T09:00", "03-05T09:00"]),
        # Rescheduled at 10:00 to 08:00.
        (
            {"03-02T10:00": AT_EIGHT},
            ["03-01T09:00", "03-02T09:00", "03-03T08:00", "03-04T08:00", "03-05T08:00"],
        ),
        # Paused before one tick and resumed after it.
        ({"03-03T07:00": PAUSED, "03-03T10:00": RESUMED}, WITHOUT_THE_THIRD),
        # Edited and edited back within seconds: no tick runs twice, and none is lost.
        ({"03-03T07:00:00": AT_FIVE, "03-03T07:00:03": DAILY}, ALL_FIVE),
        ({"03-03T08:59:55": AT_FIVE, "03-03T08:59:58": DAILY}, ALL_FIVE),
        # The run that the scheduler stored for 09:00 is no longer due when it fires, as no parse has seen the edit.
        ({"03-03T08:59:50": AT_FIVE, "03-04T08:00": DAILY}, [*ALL_FIVE[:2], "03-03T17:00", *ALL_FIVE[3:]]),
        ({"03-03T08:59:50": PAUSED, "03-03T10:00": RESUMED}, WITHOUT_THE_THIRD),
        ({"03-03T08:59:50": DELETED, "03-03T10:00": DAILY}, WITHOUT_THE_THIRD),
        # The new time equals the stored one, and is still to come.
        ({"03-03T08:59:50": {"cron_expression": "0 9,17 * * 2"}}, [*ALL_FIVE[:3], "03-03T17:00"]),
        # The tick has passed and its run exists, but has not begun: a new schedule starts after the edit.
        ({"03-03T09:00:02": {"cron_expression": "0 9 * * 2-5"}}, WITHOUT_THE_THIRD),
        # The run has begun.
        ({"03-03T09:00:06": {"cron_expression": "0 9 * * 2-5"}}, ALL_FIVE),
        # An edit of name or recipients does not change the schedule.
        ({"03-03T09:00:02": {"name": "Other", "email_recipients": ["eve@acme.example"]}}, ALL_FIVE),
        # 8 March is later: 09:00 in London is 09:00 UTC, in Berlin 08:00.
        ({"03-03T08:30": {"timezone": "Europe/London"}}, ALL_FIVE),
        ({"03-03T08:30": {"timezone": "Europe/Berlin"}}, [*ALL_FIVE[:2], "03-04T08:00", "03-05T08:00"]),
    ],
)
def test_an_edit_neither_fires_for_the_past_nor_loses_the_future(edits, runs):
    assert ran(days(edits)) == runs


@pytest.mark.parametrize(
    ("away", "skip", "latest", "every"),
    [
        # Three ticks missed; back three hours after the last of them.
        (("03-02T10:00", "03-05T12:00"), ALL_FIVE[:2], [*ALL_FIVE[:2], ALL_FIVE[4]], ALL_FIVE),
        # Back while the last tick is within its grace of 15 minutes: it does not count as missed.
        (("03-02T10:00", "03-05T09:10"), [*ALL_FIVE[:2], ALL_FIVE[4]], [*ALL_FIVE[:2], ALL_FIVE[4]], ALL_FIVE),
        # One tick missed by an hour; one late by less than the grace.
        (("03-03T08:55", "03-03T10:00"), WITHOUT_THE_THIRD, ALL_FIVE, ALL_FIVE),
        (("03-03T08:55", "03-03T09:10"), ALL_FIVE, ALL_FIVE, ALL_FIVE),
    ],
)
def test_after_an_outage_the_policy_decides(away, skip, latest, every):
    history = days({}, away=away)

    assert (ran(history, "skip"), ran(history, "latest"), ran(history, "all")) == (skip, latest, every)


def test_an_hourly_report_catches_up_with_one_run_or_with_all():
    history = days(
        {"03-01T00:00": {"cron_expression": "0 * * * *"}}, away=("03-01T02:30", "03-01T05:30"), until="03-01T06:59"
    )

    assert ran(history, "skip") == ["03-01T01:00", "03-01T02:00", "03-01T06:00"]
    assert ran(history, "latest") == ["03-01T01:00", "03-01T02:00", "03-01T05:00", "03-01T06:00"]
    assert ran(history, "all") == [f"03-01T0{hour}:00" for hour in range(1, 7)]


def test_an_edit_while_everybody_was_away_leaves_the_missed_ticks_in_the_past():
    history = days({"03-03T12:00": AT_EIGHT}, away=("03-02T10:00", "03-04T12:00"))

    # 3 March, 09:00, belonged to the old schedule; 4 March, 08:00, was missed by the new one.
    assert ran(history, "all") == ["03-01T09:00", "03-02T09:00", "03-04T08:00", "03-05T08:00"]
    assert ran(history, "skip") == ["03-01T09:00", "03-02T09:00", "03-05T08:00"]


def test_an_edit_that_a_late_parse_sees_after_its_first_tick_still_runs():
    history = days({"03-03T07:30": AT_EIGHT}, parser_away=("03-03T07:30", "03-03T08:10"))

    assert ran(history, "skip") == ["03-01T09:00", "03-02T09:00", "03-03T08:00", "03-04T08:00", "03-05T08:00"]


@pytest.mark.parametrize(
    "steps",
    [
        {"03-03T09:03": -60, "03-03T12:00": 0},  # back to 08:03 after the run of 09:00
        {"03-03T08:58": -30, "03-03T12:00": 0},  # the tick comes half an hour late by the true time
        {"03-03T08:00": 70, "03-03T08:30": 0},  # forward past the tick, then back to before it
    ],
)
def test_a_clock_that_steps_repeats_no_tick_and_loses_none(steps):
    assert ran(days({}, steps=steps), "all") == ALL_FIVE


def test_jitter_moves_the_run_and_its_lateness_but_not_the_tick():
    assert timedelta(minutes=20) < delay_of(JITTER) < timedelta(minutes=40)
    # Back at 09:45: later than the grace after the tick, but not after its jittered time.
    history = days({}, away=("03-03T08:55", "03-03T09:45"))

    assert ran(history, "skip", JITTER) == ALL_FIVE
    assert ran(history, "skip", NO_JITTER) == WITHOUT_THE_THIRD


@pytest.mark.parametrize(
    ("edit", "reason"),
    [
        (AT_FIVE, "the schedule has changed and no longer includes this time"),
        (PAUSED, "the report is no longer scheduled"),
        (DELETED, "the report has been deleted"),
    ],
)
def test_a_stored_run_that_is_not_due_any_more_leaves_its_reason(edit, reason):
    airflow = simulate(days({"03-03T08:59:50": edit}, until="03-03T12:00"), NO_JITTER)

    assert airflow.skipped == {at("03-03T09:00"): reason}
