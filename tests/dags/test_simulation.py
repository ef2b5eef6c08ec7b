"""A year of ticks through parses, rounds of the scheduler, restarts, outages and edits: each expected tick once."""

import random
from datetime import UTC, datetime, timedelta

import pytest

from include.scheduled_reports import schedule
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
#: Between two rounds of the scheduler; with the minute until the first task begins, still within the grace.
LONGEST_ROUND = timedelta(minutes=13)


def minute(count: float) -> timedelta:
    return timedelta(minutes=count)


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"{YEAR}-{text}Z")


def some(chance: random.Random, count: int) -> list[datetime]:
    """Moments of the year, to the second."""
    return [NEW_YEAR + timedelta(seconds=chance.randrange((DAYS - 60) * 86_400)) for _ in range(count)]


def some_edits(chance: random.Random, count: int) -> dict[datetime, dict]:
    """Edits at random moments, and some in pairs: a schedule, and around one of its ticks another edit."""
    moments = {moment: None for moment in some(chance, count)}
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


def some_parses(chance: random.Random, edits: dict[datetime, dict], count: int = 1_500) -> list[datetime]:
    """Parses at random, some minutes after every edit, and on the very second of ticks."""
    on_ticks = [moment.replace(minute=chance.choice([0, 15, 30, 45, 59]), second=0) for moment in some(chance, 500)]
    seen = [moment + timedelta(seconds=chance.randrange(300)) for moment in edits]
    return [NEW_YEAR, *some(chance, count), *on_ticks, *seen]


def some_loops(chance: random.Random, busy: float) -> dict[datetime, Loop]:
    """Rounds of the scheduler, on the second of a tick or some minutes apart; *busy* is how many runs take hours."""
    loops, moment = {}, NEW_YEAR
    while moment < NEW_YEAR + timedelta(days=DAYS):
        takes = minute(chance.randrange(20, 180)) if chance.random() < busy else minute(chance.randrange(1, 4))
        loops[moment] = Loop(timedelta(seconds=chance.randrange(1, 60)), takes)
        before, moment = moment, moment + timedelta(seconds=chance.randrange(60, int(LONGEST_ROUND.total_seconds())))
        if moment.minute // 15 > before.minute // 15:
            moment = moment.replace(minute=moment.minute // 15 * 15, second=0)
    return loops


def delay_of(settings: Settings) -> timedelta:
    return schedule.jitter("r1", settings.jitter_seconds)


def test_the_delay_of_these_tests_is_one_that_shows():
    assert timedelta(minutes=5) < delay_of(JITTER) < timedelta(minutes=50)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("settings", [NO_JITTER, JITTER], ids=["on the tick", "with jitter"])
def test_without_an_outage_every_tick_runs_once_and_nothing_else(seed, settings):
    chance = random.Random(seed)  # noqa: S311 - drawn the same every time
    edits = some_edits(chance, 20)
    history = History(edits, some_parses(chance, edits), some_loops(chance, busy=0), restarts=some(chance, 50))

    ran = simulate(history, settings, "skip").ran

    named = named_ticks(history)
    # A tick whose run had not begun when somebody changed the schedule belongs to the past.
    overtaken = {tick for tick, until in named.items() if until < tick + delay_of(settings) + LONGEST_ROUND + minute(6)}
    assert len(ran) == len(set(ran))
    assert set(ran) <= named.keys()
    assert named.keys() - set(ran) <= overtaken
    assert len(ran) > 10 * len(overtaken)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("settings", [NO_JITTER, JITTER], ids=["on the tick", "with jitter"])
@pytest.mark.parametrize("missed_runs", ["skip", "latest", "all"])
def test_whatever_happens_exactly_the_runs_that_the_policy_says(seed, settings, missed_runs):
    chance = random.Random(seed + 100)  # noqa: S311 - drawn the same every time
    history = some_year(chance)

    airflow = simulate(history, settings, missed_runs)

    assert airflow.ran == expected(history, missed_runs, settings.grace_seconds, delay_of(settings))
    assert len(airflow.ran) == len(set(airflow.ran)) > 100
    assert airflow.skipped


def some_year(chance: random.Random) -> History:
    """Outages of the scheduler, of the DAG processor or of both; clocks set wrong and right again; long runs."""
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
    """Every tick that lies within the time of a schedule, and when that schedule came to its end."""
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
