"""The timetable, called as Airflow calls it."""

import json
from datetime import UTC, datetime

import pendulum
import pytest
from airflow.serialization.decoders import decode_timetable
from airflow.serialization.encoders import encode_timetable
from airflow.timetables.base import DataInterval, TimeRestriction
from airflow.utils.types import DagRunType

from include.scheduled_reports.orchestration import factory
from include.scheduled_reports.orchestration.dag_spec import dag_specs
from include.scheduled_reports.orchestration.timetable import ReportTimetable
from include.scheduled_reports.reports.parser import parse_row
from include.scheduled_reports.settings import Settings
from tests.unit.rows import row

EFFECTIVE = "2026-05-04T10:00:00+00:00"
DAILY_AT_NINE_IN_BERLIN = ReportTimetable("0 9 * * *", "Europe/Berlin", EFFECTIVE)


def at(text):
    return pendulum.instance(datetime.fromisoformat(text).replace(tzinfo=UTC))


def next_run(last=None, *, earliest=None, latest=None, catchup=False, timetable=DAILY_AT_NINE_IN_BERLIN):
    interval = DataInterval.exact(at(last)) if last else None
    restriction = TimeRestriction(
        earliest=at(earliest) if earliest else None, latest=at(latest) if latest else None, catchup=catchup
    )
    return timetable.next_dagrun_info(last_automated_data_interval=interval, restriction=restriction)


def test_a_new_report_does_not_fire_for_a_tick_before_it_became_effective():
    # 09:00 in Berlin was 07:00 UTC, three hours before the report was created.
    assert next_run().run_after == at("2026-05-05T07:00")


def test_the_tick_is_the_run_and_the_end_of_its_interval():
    info = next_run()

    assert info.data_interval == DataInterval.exact(at("2026-05-05T07:00"))
    assert info.logical_date == at("2026-05-05T07:00")


def test_each_tick_follows_the_last_one():
    assert next_run("2026-05-05T07:00").run_after == at("2026-05-06T07:00")


def test_a_re_scheduled_report_leaves_out_what_lies_before_the_change():
    assert next_run("2026-05-01T07:00").run_after == at("2026-05-05T07:00")


def test_a_backfill_gets_the_past_it_asks_for():
    assert next_run(earliest="2026-01-10T08:00", catchup=True).run_after == at("2026-01-10T08:00")


def test_a_backfill_ends():
    found = next_run("2026-01-12T08:00", earliest="2026-01-10T00:00", latest="2026-01-12T23:00", catchup=True)

    assert found is None


def test_jitter_moves_the_run_but_neither_its_tick_nor_its_name():
    timetable = ReportTimetable("0 9 * * *", "Europe/Berlin", EFFECTIVE, 137)

    info = next_run(timetable=timetable)
    run_id = timetable.generate_run_id(
        run_type=DagRunType.SCHEDULED, run_after=info.run_after, data_interval=info.data_interval
    )

    assert info.run_after == at("2026-05-05T07:02:17")
    assert info.data_interval == DataInterval.exact(at("2026-05-05T07:00"))
    assert run_id == "scheduled__2026-05-05T07:00:00+00:00"
    assert next_run("2026-05-05T07:00", timetable=timetable).run_after == at("2026-05-06T07:02:17")


def test_a_run_by_hand_has_an_interval_that_ends_with_it():
    moment = at("2026-05-10T09:13")

    assert DAILY_AT_NINE_IN_BERLIN.infer_manual_data_interval(run_after=moment).end == moment


def test_the_registered_plugin_decodes_what_was_encoded():
    decoded = decode_timetable(encode_timetable(DAILY_AT_NINE_IN_BERLIN))

    assert isinstance(decoded, ReportTimetable)
    assert decoded.serialize() == DAILY_AT_NINE_IN_BERLIN.serialize()


#: Closed at weekends and on 14 May 2026, Ascension Day, a Thursday; until Tuesday 19 May.
WITH_CALENDAR = ReportTimetable(
    "0 9 * * 4-7", "Europe/Berlin", EFFECTIVE, 30, weekend=[0, 6], closed=["2026-05-14"], on_closed="after",
    starts_on="2026-05-05", ends_on="2026-05-19",
)  # fmt: skip


def test_ticks_are_moved_and_end():
    found, last = [], None
    while info := next_run(last, timetable=WITH_CALENDAR):
        last = f"{info.data_interval.end:%Y-%m-%dT%H:%M}"
        found.append(last)

    # Thursday, Friday, the weekend on Monday; Thursday moves to Friday, the weekend to Monday.
    assert found == ["2026-05-07T07:00", "2026-05-08T07:00", "2026-05-11T07:00", "2026-05-15T07:00", "2026-05-18T07:00"]


def test_a_backfill_moves_ticks_too():
    info = next_run(earliest="2026-05-14T00:00", latest="2026-05-15T23:00", catchup=True, timetable=WITH_CALENDAR)

    assert info.data_interval == DataInterval.exact(at("2026-05-15T07:00"))
    assert info.run_after == at("2026-05-15T07:00:30")


def test_a_calendar_is_stored_and_read_back():
    stored = encode_timetable(WITH_CALENDAR)
    decoded = decode_timetable(json.loads(json.dumps(stored)))

    assert decoded.schedule == WITH_CALENDAR.schedule
    assert encode_timetable(decoded) == stored
    assert stored["__var"].keys() == {
        "cron", "timezone", "effective_from", "jitter", "weekend", "closed", "on_closed", "starts_on", "ends_on",
    }  # fmt: skip
    assert ReportTimetable.deserialize(stored["__var"]) is decoded


@pytest.mark.parametrize("on_closed", ["skip", "before", "after"])
def test_the_timetable_has_the_schedule_that_admission_checks(on_closed):
    days = ["2024-12-24", "2025-12-31", "2026-05-14", "2026-05-16", "2028-01-01"]
    held = {"code": "office", "weekend": [5, 6], "dates": days}
    options = {"calendar": "office", "onClosed": on_closed, "startsOn": "2026-02-01", "endsOn": "2028-02-01"}
    given = row(options=options, calendar=held, effective_from="2026-01-10T10:00:00+00:00")

    (spec,), _ = dag_specs([given], Settings())

    assert factory.build(spec, Settings()).timetable.schedule == parse_row(given).schedule


def test_decoding_the_same_data_again_costs_nothing():
    data = DAILY_AT_NINE_IN_BERLIN.serialize()

    assert ReportTimetable.deserialize(data) is ReportTimetable.deserialize(dict(data))


@pytest.mark.parametrize("cron", ["*/5 * * * *", "@daily", "0 0 9 * * *"])
def test_what_the_gate_refuses_the_timetable_refuses_too(cron):
    with pytest.raises(ValueError, match=r"field|hour"):
        ReportTimetable(cron, "UTC", EFFECTIVE)
