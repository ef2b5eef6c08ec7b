"""A run whose request PostgreSQL cannot store, or that nobody foresaw, is in the record with a named problem."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from include.scheduled_reports.domain.errors import RequestError
from include.scheduled_reports.domain.run import RunKey, RunKind, Trigger
from include.scheduled_reports.runs import admission, pipeline, unrecorded
from tests.contract.api import Api, one, open_api
from tests.contract.tables import add_people, add_report

NOW = datetime(2026, 5, 11, 7, 30, tzinfo=UTC)
KEY = RunKey(report_id="r1", run_id="manual__2026-05-11T07:30:00+00:00")
NUL, HALF, DEEP = "a\0b", "a\ud800b", "x"
for _ in range(3_000):
    DEEP = [DEEP]  # type: ignore[assignment]


@pytest.fixture
def api(migrated_dsn: str) -> Api:
    add_people(migrated_dsn)
    add_report(migrated_dsn, id="r1")
    return open_api(migrated_dsn, NOW)


def trigger(conf: Any) -> Trigger:
    return Trigger(key=KEY, kind=RunKind.MANUAL, scheduled_for=NOW, conf=conf, user="ada", clear_number=0)


def recorded(api: Api) -> dict[str, Any]:
    return one(api.ports.dsn, "SELECT state, reason, triggered_by FROM reporting.runs WHERE report_id = 'r1'")


def test_every_conf_is_recorded_by_name(api):
    confs: list[tuple[Any, str]] = [
        ({"resend": NUL}, "resend: "),
        ({"resend": HALF}, "resend: "),
        ({"triggered_by": NUL}, "triggered_by: "),
        ({"recipients": [NUL]}, "recipients: "),
        ({"recipients": [HALF]}, "recipients: "),
        ({"period": NUL}, "period: "),
        ({"formats": ["csv", HALF]}, "formats: "),
        ({"mail": float("nan")}, "mail: "),
        ({"formats": [float("inf")]}, "formats: "),
        ({NUL: 1}, "a\N{REPLACEMENT CHARACTER}b: "),
        ({HALF: 1}, "a\N{REPLACEMENT CHARACTER}b: "),
        ({"note": {"deep": [{"er": NUL}]}}, "note: "),
        ({"note": DEEP}, "note: "),
        ({"note": 10**5_000}, "note: "),
    ]
    for conf, named in confs:
        with pytest.raises(RequestError):
            pipeline.query(api.ports.core, trigger(conf))

        found = recorded(api)
        assert found["state"] == "failed"
        assert found["reason"].startswith(named), conf.keys()


@pytest.mark.parametrize(
    "conf", [{"formats": 7}, {"recipients": 5}, {"period": 5}, {"resend": 5}, {"triggered_by": ["x"]}]
)
def test_a_conf_of_another_type_is_recorded_whatever_it_breaks(api, conf):
    with pytest.raises(Exception):  # noqa: B017, PT011 - whatever it is
        pipeline.query(api.ports.core, trigger(conf))

    assert recorded(api)["state"] == "failed"


def test_who_asked_is_recorded_as_far_as_it_can_be(api):
    with pytest.raises(RequestError):
        pipeline.query(api.ports.core, trigger({"triggered_by": NUL}))

    assert recorded(api)["triggered_by"] == "a\N{REPLACEMENT CHARACTER}b"


def test_a_note_holds_every_conf(api):
    unrecorded.leave_note(api.ports.core, trigger({"resend": HALF, "x": NUL}))

    (found,) = unrecorded.noted(api.ports.core)
    assert found == trigger({"resend": HALF, "x": NUL})
    api.ports.core.runs.abandon(admission.new_run(found, None), "reason")
