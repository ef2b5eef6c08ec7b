"""The options that decide on which days a report runs, and the holidays of countries, as published lists have them."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from pathlib import Path

import pytest

from include.scheduled_reports.domain.calendar import Calendar
from include.scheduled_reports.domain.errors import TransientError
from include.scheduled_reports.reports import next_run
from include.scheduled_reports.reports.calendars import country_calendar, is_pending, library, resolved
from include.scheduled_reports.reports.options import phase_of
from include.scheduled_reports.reports.parser import parse_row
from include.scheduled_reports.runs import admission, calendars, pipeline
from include.scheduled_reports.testing.reports import MemoryDefinitions
from tests.unit.rows import problems, report, row
from tests.unit.run_helpers import TRIGGER

CHECKOUT = Path(__file__).parents[2]
#: A calendar of the workspace.
CLOSED = {"code": "office", "weekend": [0, 6], "dates": ["2026-05-25", "2026-12-24"]}


# The holidays of countries and regions, checked against published lists


@pytest.mark.parametrize(
    ("code", "year", "closed", "open_days"),
    [
        # Good Friday and Easter Monday of three years; Corpus Christi is a holiday in Bavaria and not in Berlin.
        ("DE", 2026, ["01-01", "04-03", "04-06", "05-01", "05-14", "05-25", "10-03", "12-25", "12-26"], ["06-04"]),
        ("DE", 2027, ["03-26", "03-29"], ["03-25"]),
        ("DE", 2028, ["04-14", "04-17"], ["04-13"]),
        ("DE-BY", 2026, ["01-06", "04-03", "06-04", "11-01"], ["03-08"]),
        ("DE-BE", 2026, ["03-08", "04-03"], ["01-06", "06-04"]),
        # 4 July 2026 is a Saturday and observed on the Friday before; Thanksgiving is the fourth Thursday.
        ("US", 2026, ["01-01", "01-19", "05-25", "07-03", "09-07", "11-26", "12-25"], ["11-27"]),
        ("GB-SCT", 2026, ["01-02", "12-25"], ["04-06"]),
        ("JP", 2026, ["01-01", "05-05", "09-22"], ["12-25"]),
    ],
)
def test_public_holidays_are_closed_and_other_days_are_open(code, year, closed, open_days):
    found = country_calendar(code, year, year)

    assert {date.fromisoformat(f"{year}-{day}") for day in closed} <= set(found.dates)
    assert not {date.fromisoformat(f"{year}-{day}") for day in open_days} & set(found.dates)
    assert {day.year for day in found.dates} == {year}


@pytest.mark.parametrize(
    ("code", "weekend"),
    [("DE", (0, 6)), ("US-CA", (0, 6)), ("IL", (5, 6)), ("SA", (5, 6)), ("IR", (5,)), ("BN", (0, 5))],
)
def test_the_weekend_is_that_of_the_country(code, weekend):
    assert country_calendar(code, 2026, 2026).weekend == weekend


@pytest.mark.parametrize("code", ["XX", "DE-XX", "de", "DE-", "-BY", "DE-BY-1", "Germany", "\0", "US-", " US"])
def test_what_is_no_country_or_region_is_no_calendar(code):
    assert country_calendar(code, 2026, 2026) is None


# The options


def scheduled(options, calendar=None, **changes):
    return report(options=options, calendar=calendar, **changes).schedule


def ticks(schedule, after, count):
    found = islice(schedule.ticks_after(datetime.fromisoformat(f"{after}T00:00Z")), count)
    return " ".join(f"{tick.astimezone(schedule.zone):%d.%m}" for tick in found)


def test_a_report_without_these_options_has_no_calendar():
    schedule = scheduled({})

    assert (schedule.calendar, schedule.starts_on, schedule.ends_on) == (None, None, None)


def test_the_row_carries_the_days_of_the_calendar():
    schedule = scheduled({"calendar": "office", "onClosed": "after"}, CLOSED)

    assert schedule.calendar == Calendar(
        weekend=frozenset({0, 6}), closed=frozenset({date(2026, 5, 25), date(2026, 12, 24)})
    )
    assert ticks(schedule, "2026-05-12", 3) == "18.05 26.05 01.06"  # 25 May is a Monday


def test_a_tick_on_a_closed_day_is_left_out_by_default():
    assert ticks(scheduled({"calendar": "office"}, CLOSED), "2026-05-12", 3) == "18.05 01.06 08.06"


def test_on_closed_without_a_calendar_changes_nothing():
    assert scheduled({"onClosed": "before"}) == scheduled({})


def test_a_country_whose_days_the_row_lacks_is_computed():
    found = resolved(row(options={"calendar": "DE-BY", "onClosed": "before"}, cron_expression="0 9 * * 5"))

    assert found["calendar"].keys() == {"code", "weekend", "dates"}
    assert ticks(parse_row(found).schedule, "2026-12-20", 3) == "24.12 31.12 08.01"  # 25 December, 1 January: Fridays


def test_the_days_are_those_of_the_effective_moments_year_to_two_years_ahead():
    this_year = datetime.now(UTC).year
    found = resolved(row(options={"calendar": "DE"}, effective_from=f"{this_year - 1}-06-01T00:00:00+00:00"))

    assert {day[:4] for day in found["calendar"]["dates"]} == {str(this_year + shift) for shift in (-1, 0, 1, 2)}


def test_closed_days_of_earlier_years_and_on_weekends_are_not_kept():
    days = ["2025-12-24", "2026-05-24", "2026-05-25", "2030-01-01"]  # 24 May 2026 is a Sunday

    schedule = scheduled({"calendar": "office"}, CLOSED | {"dates": days})

    assert sorted(map(str, schedule.calendar.closed)) == ["2026-05-25", "2030-01-01"]


def test_days_of_another_calendar_are_not_used():
    moved = row(options={"calendar": "office-2"}, calendar=CLOSED)

    assert is_pending(moved)
    assert parse_row(moved).schedule.calendar is None


UNKNOWN = "is neither a calendar of the workspace nor a country or region; use one such as DE-BY or US"


@pytest.mark.parametrize(
    ("options", "calendar", "expected"),
    [
        ({"calendar": 5}, None, {"calendar": "is not the code of a calendar; use one such as DE-BY or US"}),
        ({"calendar": ""}, None, {"calendar": "is not the code of a calendar; use one such as DE-BY or US"}),
        ({"calendar": "x" * 81}, None, {"calendar": "is not the code of a calendar; use one such as DE-BY or US"}),
        ({"calendar": "de-by"}, None, {"calendar": f"{UNKNOWN} (did you mean DE-BY?)"}),
        ({"calendar": "us"}, None, {"calendar": f"{UNKNOWN} (did you mean US?)"}),
        ({"calendar": "office"}, None, {"calendar": UNKNOWN}),
        (
            {"calendar": "office"},
            CLOSED | {"weekend": [0, 1, 2, 3, 4, 5, 6]},
            {"calendar": "has no open weekday; leave at least one out of its weekend"},
        ),
        (
            {"calendar": "office"},
            CLOSED | {"dates": [str(date(2026, 1, 1) + timedelta(days=day)) for day in range(1_001)]},
            {"calendar": "has more than 1,000 dates; remove those that are past"},
        ),
        (
            {"calendar": "office"},
            CLOSED | {"dates": ["infinity"]},
            {"calendar": "has a date that is not one (infinity); correct its dates"},
        ),
        (
            {"calendar": "office"},
            CLOSED | {"weekend": [1]},
            {"calendar": "is closed on every day that the schedule names; change the schedule, "
                         "or send onClosed before or after"},
        ),
        ({"onClosed": "later"}, None, {"onClosed": "is not known; choose from skip, before, after"}),
        ({"onClosed": True}, None, {"onClosed": "is not known; choose from skip, before, after"}),
        ({"startsOn": "2026-02-30"}, None, {"startsOn": "is not a day of the years 1970 to 9000 such as 2026-12-31"}),
        ({"startsOn": "20260201"}, None, {"startsOn": "is not a day of the years 1970 to 9000 such as 2026-12-31"}),
        ({"endsOn": 20260201}, None, {"endsOn": "is not a day of the years 1970 to 9000 such as 2026-12-31"}),
        ({"endsOn": "9999-12-31"}, None, {"endsOn": "is not a day of the years 1970 to 9000 such as 2026-12-31"}),
        (
            {"startsOn": "2026-05-02", "endsOn": "2026-05-01"},
            None,
            {"endsOn": "is before startsOn, 2026-05-02; use that day or a later one"},
        ),
        (
            {"calendar": 1, "onClosed": 2, "startsOn": 3, "endsOn": 4},
            None,
            {"calendar": "is not the code of a calendar; use one such as DE-BY or US",
             "onClosed": "is not known; choose from skip, before, after",
             "startsOn": "is not a day of the years 1970 to 9000 such as 2026-12-31",
             "endsOn": "is not a day of the years 1970 to 9000 such as 2026-12-31"},
        ),
    ],
)  # fmt: skip
def test_every_wrong_option_is_named(options, calendar, expected):
    given = resolved(row(options=options, calendar=calendar))

    assert dict(problems(**given)) == {f"options.{name}": reason for name, reason in expected.items()}


def test_a_schedule_that_has_ended_is_valid_and_has_no_next_run():
    found = report(options={"startsOn": "2026-05-01", "endsOn": "2026-05-31"})

    assert next_run.next_run(found, datetime(2026, 5, 24, tzinfo=UTC)) == datetime(2026, 5, 25, 7, tzinfo=UTC)
    assert next_run.next_run(found, datetime(2026, 5, 26, tzinfo=UTC)) is None


@pytest.mark.parametrize(
    ("options", "zone", "expected"),
    [
        ({}, "UTC", "active"),
        (None, "UTC", "active"),
        ({"startsOn": "2026-05-02"}, "UTC", "not-begun"),
        ({"startsOn": "2026-05-02"}, "Pacific/Auckland", "active"),
        ({"endsOn": "2026-05-01"}, "UTC", "active"),
        ({"endsOn": "2026-05-01"}, "Pacific/Auckland", "ended"),
        ({"endsOn": "2026-05-01"}, "Mars/Base", "active"),
        ({"endsOn": 5, "startsOn": []}, "UTC", "active"),
    ],
)
def test_whether_a_report_has_begun_or_ended_is_told_by_the_day_of_its_zone(options, zone, expected):
    assert phase_of(options, zone, datetime(2026, 5, 1, 20, tzinfo=UTC)) == expected


# Upkeep keeps the days; tasks do without the library.


def in_use(**options):
    return {"options": {"calendar": "DE-BY", **options}, "cron_expression": "0 9 * * 1"}


def test_upkeep_keeps_the_days_of_the_countries_in_use_once(make_services, monkeypatch):
    services = make_services(**in_use())

    assert calendars.keep(services) == 1
    held = services.definitions.calendar("ws1", "DE-BY")
    years = {day[:4] for day in held["dates"]}
    assert (held["weekend"], years) == ([0, 6], {"2026", "2027", "2028"})

    monkeypatch.setattr(calendars, "country_calendar", lambda *_: pytest.fail("computed again"))
    assert calendars.keep(services) == 0


def test_upkeep_adds_years_and_renews_what_another_version_computed(make_services):
    services = make_services(**in_use())
    calendars.keep(services)
    covered = services.upkeep_store.covered

    covered["DE-BY"]["last_year"] = 2027
    assert calendars.keep(services) == 1
    covered["DE-BY"]["source"] = "holidays 0.1"
    assert calendars.keep(services) == 1
    assert covered["DE-BY"] == {"first_year": 2026, "last_year": 2028, "source": library()}


def test_a_code_that_is_not_known_is_kept_for_nobody_and_rejected(make_services):
    services = make_services(options={"calendar": "DE-BX"})

    assert calendars.keep(services) == 0
    assert services.definitions.calendars == {}


def test_a_calendar_of_the_workspace_is_not_computed(make_services):
    services = make_services(options={"calendar": "US"})
    services.definitions.calendars["ws1", "US"] = CLOSED | {"code": "US"}

    assert calendars.keep(services) == 0
    assert parse_row(services.definitions.row(TRIGGER.key.report_id)).schedule.calendar.closed == {
        date(2026, 5, 25), date(2026, 12, 24),
    }  # fmt: skip


def test_a_task_waits_for_upkeep_if_the_days_are_not_there_yet(make_services):
    services = make_services(**in_use())

    with pytest.raises(TransientError, match="upkeep adds them within a minute"):
        pipeline.query(services, TRIGGER)
    assert next_run.next_run_of(services.definitions.row(TRIGGER.key.report_id), services.now()) is None
    calendars.keep(services)
    assert pipeline.query(services, TRIGGER)


ADMIT = """
import json, sys
from datetime import UTC, datetime
from include.scheduled_reports.domain.run import RunKey, RunKind, Trigger
from include.scheduled_reports.orchestration.dag_spec import dag_specs
from include.scheduled_reports.reports.parser import parse_row
from include.scheduled_reports.settings import Settings
rows = json.loads(sys.stdin.read())
schedules = [parse_row(row).schedule for row in rows]
specs, rejections = dag_specs(rows, Settings())
tick = datetime(2026, 5, 18, 7, tzinfo=UTC)
print(json.dumps([[one.is_tick(tick) for one in schedules], len(specs), "holidays" in sys.modules]))
"""


def test_rows_that_carry_their_days_need_no_library():
    rows = [
        row(id="a"),
        row(id="b", options={"calendar": "office", "onClosed": "after"}, calendar=CLOSED),
        row(id="c", options={"startsOn": "2026-06-01"}),
    ]
    command = [sys.executable, "-c", ADMIT]
    done = subprocess.run(command, input=json.dumps(rows), capture_output=True, text=True, cwd=CHECKOUT, check=False)

    assert done.stdout, done.stderr
    assert json.loads(done.stdout) == [[True, True, False], 3, False]


def test_admission_does_not_compute_days():
    assert "resolved" not in vars(admission)
    assert MemoryDefinitions([row(id="a", options={"calendar": "DE"})]).row("a")["calendar"] is None
