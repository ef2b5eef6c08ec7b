"""What a task passes on to its stage."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from types import SimpleNamespace

import pytest

from include.scheduled_reports.orchestration import tasks
from include.scheduled_reports.runs import compact, pipeline
from tests.unit.run_helpers import KEY, manual


@pytest.mark.parametrize(
    ("attempt", "max_tries", "last"),
    [
        (1, 3, False),
        (3, 3, False),
        (4, 3, True),  # three retries after the first attempt
        (1, 0, True),
        (5, 8, False),  # cleared after four attempts: Airflow moves max_tries
        (9, 8, True),
    ],
)
def test_the_mail_knows_what_airflow_was_asked_and_whether_it_is_the_last_attempt(
    monkeypatch, attempt, max_tries, last
):
    conf = {"recipients_kept": "q1"}
    passed = []

    @contextmanager
    def running():
        yield "services", manual(**conf), attempt

    monkeypatch.setattr(tasks, "_running", running)
    monkeypatch.setattr(tasks, "get_current_context", lambda: {"ti": SimpleNamespace(max_tries=max_tries)})
    monkeypatch.setattr(pipeline, "email", lambda *asked, **options: passed.append((asked, options)) or "sent")

    assert tasks.email.function() == "sent"
    assert passed == [(("services", KEY), {"conf": conf, "last": last})]


def test_a_compact_run_knows_its_attempt_and_folds_each_stage_in_the_log(monkeypatch, caplog):
    @contextmanager
    def running():
        yield "services", manual(), 4

    def stages(services, trigger, *, attempt, last, section):
        with section("render pdf"):
            logging.getLogger("somewhere").info("at work")
        return f"{services} {trigger.key.report_id} {attempt} {last}"

    monkeypatch.setattr(tasks, "_running", running)
    monkeypatch.setattr(tasks, "get_current_context", lambda: {"ti": SimpleNamespace(max_tries=3)})
    monkeypatch.setattr(compact, "report", stages)
    caplog.set_level(logging.INFO)

    assert tasks.report.function() == "services r1 4 True"
    assert caplog.messages == ["::group::render pdf", "at work", "::endgroup::"]
