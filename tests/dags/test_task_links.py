"""Targets of the buttons on a task's page in Airflow: our routes, which check permissions."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from airflow.sdk.types import TaskInstanceKey

from include.scheduled_reports.domain import naming
from include.scheduled_reports.orchestration.task_links import FileLink, RunLink

RUN = "manual__2026-05-11T07:30:00+00:00"


@pytest.mark.parametrize(
    ("base", "root"),
    [("http://airflow.example", "http://airflow.example"), ("https://h.example/af/", "https://h.example/af")],
)
def test_a_file_and_a_run_are_reached_below_airflows_own_address(monkeypatch, base, root):
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", base)
    key = TaskInstanceKey(naming.dag_id("r/1"), "formats.upload", RUN, map_index=2)
    run = "manual__2026-05-11T07%3A30%3A00%2B00%3A00"

    file = FileLink().get_link(SimpleNamespace(op_args=("csv",)), ti_key=key)

    assert file == f"{root}/scheduled-reports/reports/r%2F1/runs/{run}/files/csv"
    assert RunLink().get_link(None, ti_key=key) == f"{root}/scheduled-reports/reports/r%2F1?run={run}"
