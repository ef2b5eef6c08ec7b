"""Port `Stages`, in memory and in PostgreSQL."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from include.scheduled_reports.adapters.postgres.stages import PostgresStages
from include.scheduled_reports.domain.stage import StageAttempt, StageName, StageResult
from include.scheduled_reports.testing.stages import MemoryStages
from tests.contract.runs_suite import CSV, KEY, MONDAY, OTHER, PDF, Memory, new_run
from tests.contract.tables import execute

SECOND = timedelta(seconds=1)
QUERY = StageAttempt(stage=StageName.QUERY, format=None, attempt=1, started_at=MONDAY)
RENDER = StageAttempt(stage=StageName.RENDER, format=PDF, attempt=1, started_at=MONDAY + SECOND)
UPLOAD = StageAttempt(stage=StageName.UPLOAD, format=CSV, attempt=2, started_at=MONDAY + 2 * SECOND)


def ended(attempt, result):
    return replace(attempt, ended_at=attempt.started_at + SECOND, result=result)


@pytest.fixture
def stages(record):
    found = MemoryStages(record.port) if isinstance(record, Memory) else PostgresStages(record.dsn)
    record.port.open(new_run())
    return found


def test_an_attempt_is_at_work_until_its_end_is_noted(stages):
    for one in (QUERY, RENDER, UPLOAD):
        stages.note(KEY, one)
    stages.note(KEY, ended(QUERY, StageResult.SUCCESS))
    stages.note(KEY, ended(UPLOAD, StageResult.REFUSED))

    assert list(stages.of(KEY)) == [
        ended(QUERY, StageResult.SUCCESS),
        RENDER,
        ended(UPLOAD, StageResult.REFUSED),
    ]


def test_every_attempt_is_kept_in_the_order_of_their_beginnings(stages):
    second = replace(RENDER, attempt=2, started_at=MONDAY + 9 * SECOND)
    for one in (second, RENDER):
        stages.note(KEY, ended(one, StageResult.FAILED))

    assert [one.attempt for one in stages.of(KEY)] == [1, 2]


def test_nothing_is_kept_of_a_run_that_is_not_recorded(stages):
    stages.note(OTHER, QUERY)

    assert list(stages.of(OTHER)) == []


def test_a_run_that_begins_anew_has_none(stages):
    stages.note(KEY, ended(QUERY, StageResult.SUCCESS))
    stages.forget(KEY)
    stages.forget(OTHER)

    assert list(stages.of(KEY)) == []


class TestARunThatGoesOn:
    def test_is_open_for_its_next_clear_and_keeps_what_succeeded(self, record, stages):
        for one in (ended(QUERY, StageResult.SUCCESS), RENDER, ended(UPLOAD, StageResult.REFUSED)):
            stages.note(KEY, one)

        assert stages.resume(KEY, 3)

        assert list(stages.of(KEY)) == [ended(QUERY, StageResult.SUCCESS)]
        assert record.port.is_open(KEY, 3)
        assert not record.port.is_open(KEY, 4)

    def test_never_loses_a_clear(self, record, stages):
        stages.note(KEY, ended(QUERY, StageResult.SUCCESS))
        stages.resume(KEY, 3)

        assert stages.resume(KEY, 2)
        assert record.port.is_open(KEY, 3)

    @pytest.mark.parametrize("noted", [(), (QUERY,), (ended(QUERY, StageResult.FAILED),)])
    def test_has_read_its_data(self, record, stages, noted):
        for one in noted:
            stages.note(KEY, one)

        assert not stages.resume(KEY, 1)
        assert not record.port.is_open(KEY, 1)
        assert list(stages.of(KEY)) == list(noted)

    def test_is_recorded(self, stages):
        assert not stages.resume(OTHER, 1)


def test_the_attempts_of_a_run_go_with_it(postgres_record):
    postgres_record.port.open(new_run())
    PostgresStages(postgres_record.dsn).note(KEY, QUERY)

    execute(postgres_record.dsn, "DELETE FROM reporting.runs")

    assert list(PostgresStages(postgres_record.dsn).of(KEY)) == []
