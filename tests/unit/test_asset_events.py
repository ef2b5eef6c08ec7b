"""The asset event of a run: what it tells, and that its errors harm no run."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from include.scheduled_reports.domain import naming
from include.scheduled_reports.domain.errors import PermanentError, TransientError
from include.scheduled_reports.domain.formats import Format
from include.scheduled_reports.domain.run import RunState
from include.scheduled_reports.runs import pipeline, settle
from include.scheduled_reports.testing.upkeep import MemoryOrchestrator
from include.scheduled_reports.upkeep.round import upkeep
from tests.unit.run_helpers import KEY, TRIGGER, failing, make, manual, walk

OVER = MemoryOrchestrator()


def test_a_success_emits_one_event_with_its_period_and_files(services):
    walk(services)

    ((run, files),) = services.asset_events.added
    assert (run.key, run.report.workspace.id) == (KEY, "ws1")
    # The week before Monday 11 May in Berlin.
    assert (run.window.start, run.window.end) == (
        datetime(2026, 5, 3, 22, tzinfo=UTC),
        datetime(2026, 5, 10, 22, tzinfo=UTC),
    )
    assert [file.format for file in files] == [Format.CSV, Format.JSON]
    assert all(len(services.store.files[file.object_key]) == file.bytes for file in files)


def test_a_failure_emits_none(services, monkeypatch):
    failing(monkeypatch, PermanentError("out of ink"), Format.JSON)

    assert walk(services).state is RunState.FAILED
    assert services.asset_events.added == []


def test_a_test_emits_none(services):
    assert walk(services, manual(test=True, recipients=["ada@acme.example"])).state is RunState.SUCCESS
    assert services.asset_events.added == []


def test_files_that_are_mailed_again_emit_none(services):
    walk(services)
    again = manual(resend=KEY.run_id)
    again = replace(again, key=replace(KEY, run_id="manual__again"))

    assert walk(services, again).state is RunState.SUCCESS
    assert len(services.asset_events.added) == 1


def test_upkeep_emits_the_event_of_a_run_that_record_did_not_settle(services):
    make(services)
    pipeline.email(services, KEY)
    services.moment += timedelta(minutes=1)

    done = upkeep(services, OVER)
    assert (done.settled, done.assets) == (1, 1)
    assert "1 asset events emitted" in str(done)
    assert [run.key for run, _ in services.asset_events.added] == [KEY]
    assert upkeep(services, OVER).assets == 0


def test_an_error_of_the_round_leaves_the_event_due(services, monkeypatch):
    make(services)
    pipeline.email(services, KEY)
    services.moment += timedelta(minutes=1)
    with monkeypatch.context() as broken:
        broken.setattr(services.upkeep_store, "resume_edited", away)
        with pytest.raises(TransientError):
            upkeep(services, OVER)
    assert services.asset_events.added == []

    assert upkeep(services, OVER).assets == 1


def away():
    raise TransientError("the database is away")


def test_a_run_that_no_longer_fits_the_rules_is_settled_without_an_event(services, monkeypatch, caplog):
    make(services)
    pipeline.email(services, KEY)

    def refuse(key):
        raise PermanentError("the report type is gone")

    monkeypatch.setattr(services.runs, "load", refuse)

    assert pipeline.record(services, TRIGGER).state is RunState.SUCCESS
    assert "has no asset event: the report type is gone" in caplog.text


def test_a_notice_that_cannot_be_sent_does_not_cost_the_event(services, monkeypatch):
    make(services)
    pipeline.email(services, KEY)

    def fail(*_):
        raise TransientError("SES is away")

    monkeypatch.setattr(settle.owner_notices, "notify", fail)
    pipeline.record(services, TRIGGER)

    assert len(services.asset_events.added) == 1


@pytest.mark.parametrize(
    ("workspace", "report", "uri"),
    [
        ("ws1", "r1", "scheduled-reports://ws1/r1"),
        ("7", "0b5c-41", "scheduled-reports://7/0b5c-41"),
        ("a/b", "Ärger?", "scheduled-reports://a%2Fb/%C3%84rger%3F"),
        ("u:p@h", "#1", "scheduled-reports://u%3Ap%40h/%231"),
    ],
)
def test_ids_are_escaped_in_the_uri(workspace, report, uri):
    assert naming.asset_uri(workspace, report) == uri
