"""Calendars in PostgreSQL and in memory: whose days a row carries, and whose schedule a change makes effective anew."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime

import psycopg
import pytest
from psycopg.types.json import Jsonb

from include.scheduled_reports.adapters.postgres.reports import PostgresDefinitions
from include.scheduled_reports.adapters.postgres.upkeep import PostgresUpkeepStore
from include.scheduled_reports.domain.calendar import CountryCalendar
from include.scheduled_reports.domain.shards import Shard
from include.scheduled_reports.testing.reports import MemoryDefinitions
from include.scheduled_reports.testing.upkeep import MemoryUpkeepStore
from tests.contract.api import NEW, SCHEDULED, one
from tests.contract.tables import add_people, add_report, execute
from tests.unit.rows import row

SHARDS = 64
LONG_AGO = "2026-05-01T00:00:00+00:00"
GERMANY = CountryCalendar(
    code="DE",
    weekend=(0, 6),
    dates=(date(2026, 12, 25), date(2027, 1, 1)),
    first_year=2026,
    last_year=2028,
    source="holidays 0.1",
)


class InMemory:
    def __init__(self):
        self.definitions = MemoryDefinitions([])
        self.store = MemoryUpkeepStore(self.definitions)

    def add(self, report_id, workspace_id="ws1", **options):
        self.definitions.content.append(row(id=report_id, workspace_id=workspace_id, options=options))

    def add_calendar(self, workspace_id, code, *dates):
        held = {"code": code, "weekend": [0, 6], "dates": list(dates)}
        self.definitions.calendars[workspace_id, code] = held


class InPostgres:
    def __init__(self, dsn):
        self.dsn, self.definitions, self.store = dsn, PostgresDefinitions(dsn), PostgresUpkeepStore(dsn)
        add_people(dsn)

    def add(self, report_id, workspace_id="ws1", **options):
        add_report(self.dsn, id=report_id, workspace_id=workspace_id)
        self.set(report_id, **options)

    def set(self, report_id, **options):
        change = "UPDATE reporting.report_options SET {} = %s WHERE report_id = %s"
        execute(self.dsn, change.format("options"), Jsonb(options), report_id)
        execute(self.dsn, change.format("effective_from"), LONG_AGO, report_id)

    def add_calendar(self, workspace_id, code, *dates):
        execute(
            self.dsn,
            "INSERT INTO reporting.calendars (workspace_id, code, dates) VALUES (%s, %s, %s::date[])",
            workspace_id,
            code,
            list(dates),
        )

    def moved(self, statement, *values):
        """Return the reports whose schedule an edit makes effective anew; their shards are those that change."""
        execute(self.dsn, "UPDATE reporting.report_options SET effective_from = %s", LONG_AGO)
        before = self.definitions.digests(SHARDS, limit=100)
        execute(self.dsn, statement, *values)
        after = self.definitions.digests(SHARDS, limit=100)
        with psycopg.connect(self.dsn) as connection:
            found = connection.execute(
                "SELECT report_id FROM reporting.report_options WHERE effective_from <> %s ORDER BY 1", [LONG_AGO]
            ).fetchall()
        ids = [report_id for (report_id,) in found]
        self.changed_shards = {number for number in after if after[number] != before[number]}
        assert {Shard.holding(report_id, SHARDS).number for report_id in ids} <= self.changed_shards
        return ids


@pytest.fixture
def base(migrated_dsn):
    return InPostgres(migrated_dsn)


@pytest.fixture(params=["memory", "postgres"])
def tables(request):
    return InMemory() if request.param == "memory" else request.getfixturevalue("base")


# Both implementations


def test_a_row_carries_the_calendar_that_its_options_name(tables):
    tables.add_calendar("ws1", "office", "2026-12-24")
    tables.add("a", calendar="office")
    tables.add("b", calendar="other")
    tables.add("c")

    calendars = {found["id"]: found["calendar"] for found in tables.definitions.rows(limit=10)}

    assert calendars == {"a": {"code": "office", "weekend": [0, 6], "dates": ["2026-12-24"]}, "b": None, "c": None}
    assert tables.definitions.row("a")["calendar"] == calendars["a"]


def test_the_calendar_of_the_workspace_goes_before_a_countrys_of_the_same_code(tables):
    tables.add_calendar("", "DE", "2026-12-25")
    tables.add_calendar("ws1", "DE", "2026-12-31")
    tables.add("a", calendar="DE")
    tables.add("b", "ws2", calendar="DE")

    assert tables.definitions.row("a")["calendar"]["dates"] == ["2026-12-31"]
    assert tables.definitions.row("b")["calendar"]["dates"] == ["2026-12-25"]
    assert tables.definitions.calendar("ws1", "DE")["dates"] == ["2026-12-31"]
    assert tables.definitions.calendar("ws2", "DE")["dates"] == ["2026-12-25"]
    assert tables.definitions.calendar("ws2", "FR") is None


def test_the_calendar_of_another_workspace_is_out_of_reach(tables):
    tables.add_calendar("ws2", "office", "2026-12-24")
    tables.add("a", calendar="office")

    assert tables.definitions.row("a")["calendar"] is None


def test_upkeep_finds_the_countries_in_use_and_what_is_kept_of_them(tables):
    tables.add_calendar("ws1", "office")
    tables.add("a", calendar="office")
    tables.add("b", calendar="DE")
    tables.add("c", calendar="US")
    tables.add("d", calendar=5)

    found = tables.store.calendars_in_use()
    since = datetime.fromisoformat(LONG_AGO)
    assert [(used.code, used.since, used.covers(2026, 2028)) for used in found] == [
        ("DE", since, False), ("US", since, False),
    ]  # fmt: skip

    tables.store.keep_calendar(GERMANY)
    found = {used.code: used for used in tables.store.calendars_in_use()}
    assert (found["DE"].covers(2026, 2028), found["DE"].covers(2025, 2028), found["DE"].covers(2026, 2029)) == (
        True, False, False,
    )  # fmt: skip
    assert found["DE"].source == "holidays 0.1"
    assert tables.definitions.row("b")["calendar"] == GERMANY.as_json


# Only PostgreSQL


def test_a_change_of_a_calendar_moves_the_reports_of_its_workspace_that_use_it(base):
    base.add_calendar("ws1", "office", "2026-12-24")
    base.add_calendar("ws2", "office", "2026-12-24")
    base.add("a", calendar="office")
    base.add("b", calendar="office")
    base.add("c", "ws2", calendar="office")
    base.add("d")
    change = "UPDATE reporting.calendars SET {} WHERE workspace_id = 'ws1'"

    assert base.moved(change.format("dates = '{2026-12-24,2026-12-23}'")) == ["a", "b"]
    assert base.changed_shards == {Shard.holding(one, SHARDS).number for one in "ab"}
    assert base.moved(change.format("weekend = '{5,6}'")) == ["a", "b"]
    assert base.moved(change.format("code = 'shop'")) == ["a", "b"]
    assert base.moved(change.format("code = 'office'")) == ["a", "b"]
    assert base.moved("DELETE FROM reporting.calendars WHERE workspace_id = 'ws1'") == ["a", "b"]
    assert base.moved("INSERT INTO reporting.calendars (workspace_id, code) VALUES ('ws1', 'office')") == ["a", "b"]


def test_what_changes_no_day_moves_nothing(base):
    base.add_calendar("ws1", "office", "2026-12-24", "2026-12-23")
    base.add("a", calendar="office")
    change = "UPDATE reporting.calendars SET {}"

    assert base.moved(change.format("name = 'Office'")) == []
    assert base.moved(change.format("weekend = '{6,0}', dates = '{2026-12-23,2026-12-24,2026-12-24}'")) == []


def test_further_years_move_nothing_and_a_first_date_of_this_year_does(base):
    base.add_calendar("ws1", "office")
    base.add("a", calendar="office")
    year = datetime.now(UTC).year
    add = "UPDATE reporting.calendars SET dates = dates || %s::date"

    assert base.moved(add, f"{year + 2}-12-24") == []
    assert base.changed_shards == {Shard.holding("a", SHARDS).number}
    assert base.moved(add, f"{year}-12-24") == ["a"]


def test_further_years_of_a_country_move_nothing_and_another_day_in_its_years_does(base):
    base.add("a", calendar="DE")
    base.add("b", "ws2", calendar="DE")
    base.add_calendar("ws2", "DE")  # its own
    keep = """INSERT INTO reporting.calendars (workspace_id, code, dates, first_year, last_year)
              VALUES ('', 'DE', %s::date[], %s, %s)
              ON CONFLICT (workspace_id, code) DO UPDATE
              SET dates = excluded.dates, first_year = excluded.first_year, last_year = excluded.last_year"""

    assert base.moved(keep, ["2026-12-25"], 2026, 2027) == []
    assert base.moved(keep, ["2025-12-25", "2026-12-25", "2028-12-25"], 2025, 2028) == []
    assert base.moved(keep, ["2025-12-25", "2028-12-25"], 2025, 2028) == ["a"]


@pytest.mark.parametrize(
    "values",
    ["'ws1', '', '{0}', '{}'", "'ws1', 'a', '{7}', '{}'", "'ws1', 'a', '{NULL}', '{}'", "'ws1', 'a', '{0}', '{NULL}'"],
)
def test_the_database_refuses_what_is_no_calendar(base, values):
    statement = f"INSERT INTO reporting.calendars (workspace_id, code, weekend, dates) VALUES ({values})"

    with pytest.raises(psycopg.errors.CheckViolation):
        execute(base.dsn, statement)


# The API


def put(api, **options):
    return api.put(f"{SCHEDULED}/r1", json={"options": options})


def test_a_country_is_kept_when_the_report_is_saved(api, dsn):
    answer = put(api, calendar="DE-BY", onClosed="after")

    assert answer.status_code == 200
    assert answer.json()["options"] == {"calendar": "DE-BY", "onClosed": "after", "missedRuns": "latest"}
    held = one(dsn, "SELECT weekend, source FROM reporting.calendars WHERE workspace_id = '' AND code = 'DE-BY'")
    assert held["weekend"] == [0, 6]
    assert held["source"].startswith("holidays ")


def test_the_next_run_is_moved_from_a_closed_day(api, dsn):
    weekend = "{0,1,2,3,4,5}"
    execute(dsn, "INSERT INTO reporting.calendars (workspace_id, code, weekend) VALUES ('ws1', 'odd', %s)", weekend)

    moved = [put(api, calendar="odd", onClosed=way).json()["nextRun"] for way in ("before", "after")]
    assert {datetime.fromisoformat(tick).weekday() for tick in moved} == {5}  # Saturday is the only open day
    upcoming = api.get(f"{SCHEDULED}/r1/next-runs").json()["nextRuns"]
    assert {datetime.fromisoformat(tick["local"]).weekday() for tick in upcoming} == {5}


def test_an_unknown_calendar_and_one_that_is_always_closed_are_refused(api, dsn):
    execute(dsn, "INSERT INTO reporting.calendars (workspace_id, code, weekend) VALUES ('ws1', 'mondays', '{1}')")

    unknown = put(api, calendar="DE-BX").json()["details"]
    closed = put(api, calendar="mondays").json()["details"]

    assert unknown.keys() == closed.keys() == {"options.calendar"}
    assert '"DE-BX" is neither a calendar of the workspace nor a country or region' in unknown["options.calendar"][0]
    assert '"mondays" is closed on every day that the schedule names' in closed["options.calendar"][0]
    assert put(api, calendar="mondays", onClosed="after").status_code == 200


def test_a_new_report_may_have_a_calendar_of_its_workspace(api, dsn):
    execute(dsn, "INSERT INTO reporting.calendars (workspace_id, code) VALUES ('ws1', 'office'), ('ws2', 'theirs')")

    made = api.post(SCHEDULED, json={**NEW, "options": {"calendar": "office"}})
    refused = api.post(SCHEDULED, json={**NEW, "options": {"calendar": "theirs"}})

    assert (made.status_code, refused.status_code) == (201, 400)


def test_a_report_tells_whether_it_has_begun_or_ended(api):
    assert api.get(f"{SCHEDULED}/r1").json()["phase"] == "active"

    later = put(api, startsOn="2999-01-01").json()
    assert (later["phase"], later["nextRun"][:4]) == ("not-begun", "2999")
    ended = put(api, startsOn=None, endsOn="2020-01-01").json()
    assert (ended["phase"], ended["nextRun"]) == ("ended", None)
    assert api.get(f"{SCHEDULED}/r1/next-runs").json()["nextRuns"] == []
    assert [one["phase"] for one in api.get(SCHEDULED).json()["reports"]] == ["ended"]


def test_the_response_may_be_sent_back(api):
    put(api, calendar="US", onClosed="before", startsOn="2026-01-01", endsOn="2999-12-31")
    read = api.get(f"{SCHEDULED}/r1").json()

    answer = api.put(f"{SCHEDULED}/r1", content=json.dumps(read), headers={"content-type": "application/json"})

    assert answer.status_code == 200, answer.text


def upcoming(api, **query):
    return api.get("/api/next-runs", params={"timezone": "Europe/Berlin", "from": "2026-12-20T00:00:00Z", **query})


def test_the_run_times_of_an_expression_follow_a_country(api):
    answer = upcoming(api, cron="0 9 * * 5", count=2, calendar="DE", onClosed="before", endsOn="2026-12-30")

    assert [tick["local"][:10] for tick in answer.json()["nextRuns"]] == ["2026-12-24"]
    assert upcoming(api, cron="0 9 * * 5", calendar="DEU-XX").json()["details"].keys() == {"calendar"}
    assert upcoming(api, cron="0 9 * * 5", onClosed="later").status_code == 400
    assert upcoming(api, cron="0 9 * * 5", startsOn="soon").status_code == 400


def page(api):
    return " ".join(api.get("/reports/r1").text.split())


def test_the_page_tells_the_days(api):
    assert "<dt>Days</dt>" not in page(api)

    put(api, calendar="DE-BY", onClosed="after", startsOn="2999-01-01")
    assert "calendar DE-BY, runs on closed days are moved to the open day after; from 2999-01-01; not begun" in page(
        api
    )
    put(api, calendar=None, onClosed=None, startsOn=None, endsOn="2020-12-31")
    assert "<dd>until 2020-12-31; ended</dd>" in page(api)
    assert "No upcoming runs: the schedule has ended." in page(api)
