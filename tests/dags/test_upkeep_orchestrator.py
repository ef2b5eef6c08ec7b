"""What upkeep asks of Airflow and tells it, through the running task."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from airflow.sdk.exceptions import AirflowRuntimeError, ErrorType
from airflow.sdk.execution_time import task_runner
from airflow.sdk.execution_time.comms import ErrorResponse, OKResponse, TriggerDagRun

from include.scheduled_reports.domain.errors import TransientError
from include.scheduled_reports.domain.run import RunKey
from include.scheduled_reports.orchestration.upkeep import RunningAirflow
from include.scheduled_reports.ports.upkeep import Plan

TICK = datetime(2026, 5, 11, 7, tzinfo=UTC)
KEY = RunKey(report_id="r1", run_id="late__2026-05-11T07:00:00+00:00")


def refusal(status):
    detail = {"status_code": status, "message": "the server's own words"}
    return AirflowRuntimeError(ErrorResponse(error=ErrorType.API_SERVER_ERROR, detail=detail))


class Task:
    """A running task: what it is asked, and what the API server answers."""

    def __init__(self, answer):
        self.answer, self.asked = answer, []

    def get_dag(self, dag_id):
        return self.send(dag_id)

    def send(self, message):
        self.asked.append(message)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.fixture
def comms(monkeypatch):
    def answering(answer):
        task = Task(answer)
        monkeypatch.setattr(task_runner, "SUPERVISOR_COMMS", task, raising=False)
        return task

    return answering


def test_the_plan_of_a_dag_is_its_pause_and_its_next_tick():
    task = Task(SimpleNamespace(is_paused=True, next_dagrun=TICK))

    assert RunningAirflow(task).plan("r1") == Plan(paused=True, next_tick=TICK)
    assert task.asked == ["scheduled_report_r1"]


def test_a_report_without_a_dag_has_no_plan():
    assert RunningAirflow(Task(refusal(404))).plan("r1") is None


@pytest.mark.parametrize("status", [403, 500, None])
def test_a_server_that_does_not_say_is_asked_again_in_the_next_round(status):
    with pytest.raises(TransientError, match="Airflow did not say what it plans"):
        RunningAirflow(Task(refusal(status))).plan("r1")


def test_a_run_is_created_without_a_logical_date_and_in_the_order_of_its_tick(comms):
    task = comms(OKResponse(ok=True))

    RunningAirflow(None).start(KEY, TICK)

    assert task.asked == [TriggerDagRun(dag_id="scheduled_report_r1", run_id=KEY.run_id, run_after=TICK)]
    assert task.asked[0].logical_date is None


def test_a_run_that_exists_is_left_as_it_is(comms):
    comms(ErrorResponse(error=ErrorType.DAGRUN_ALREADY_EXISTS))

    RunningAirflow(None).start(KEY, TICK)


def test_a_run_that_is_refused_is_tried_again_and_the_servers_words_are_not_logged(comms):
    comms(refusal(404))

    with pytest.raises(TransientError, match=r"^Airflow refused the run late__2026-05-11T07:00:00\+00:00: 404$"):
        RunningAirflow(None).start(KEY, TICK)
