"""Metrics of runs, with a fake that rejects any metric that is not in the table of metrics."""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from include.scheduled_reports.domain.errors import DeliveryUnknownError, PermanentError, SkipRunError, ThrottledError
from include.scheduled_reports.domain.formats import Format
from include.scheduled_reports.monitoring.health import lag
from include.scheduled_reports.runs import pipeline
from include.scheduled_reports.settings import Settings
from include.scheduled_reports.testing.upkeep import MemoryOrchestrator
from include.scheduled_reports.upkeep.round import upkeep
from tests.unit.rows import report
from tests.unit.run_helpers import KEY, MONDAY, TRIGGER, failing, make, manual, walk

WEEKLY = {"kind": "scheduled", "type": "workspace-activity"}


def metric(services, name):
    """Return the values and tags of one metric."""
    return services.metrics.of(name)


def fail_once(monkeypatch, services, error):
    """Make the mail service fail at its first call."""
    errors, send = [error], services.mailer.send

    def sending(*args, **options):
        if errors:
            raise errors.pop()
        return send(*args, **options)

    monkeypatch.setattr(services.mailer, "send", sending)


def test_a_run_is_counted_once_however_often_it_is_recorded_retried_and_cleared(services):
    walk(services)
    for number in range(3):
        pipeline.record(services, TRIGGER)
        walk(services, replace(TRIGGER, clear_number=number + 1))

    assert metric(services, "run") == [(1, WEEKLY | {"outcome": "success"})]


def test_a_failure_that_is_mended_is_counted_as_both(services, monkeypatch):
    with monkeypatch.context() as broken:
        failing(broken, PermanentError("out of ink"), Format.JSON)
        walk(services)
    walk(services, replace(TRIGGER, clear_number=1))

    assert [tags["outcome"] for _, tags in metric(services, "run")] == ["failed", "success"]


def test_a_skipped_tick_and_a_run_by_hand_say_what_they_are(make_services):
    missed = make_services()
    missed.moment = MONDAY + timedelta(days=20)
    walk(missed)
    pipeline.record(missed, TRIGGER)
    by_hand = make_services()
    walk(by_hand, manual())

    assert metric(missed, "run") == [(1, WEEKLY | {"outcome": "skipped"})]
    assert metric(by_hand, "run") == [(1, WEEKLY | {"outcome": "success", "kind": "manual"})]


def test_a_test_send_counts_nowhere(services):
    walk(services, manual(test=True, recipients=["ada@acme.example"]))

    assert metric(services, "run") == []


def test_a_type_that_nobody_knows_is_no_tag_of_its_own(make_services):
    services = make_services(reportType="ada@acme.example")
    walk(services)

    assert [tags["type"] for _, tags in metric(services, "run")] == ["unknown"]


def test_each_stage_is_timed_with_its_format_and_how_it_ended(services, monkeypatch):
    failing(monkeypatch, PermanentError("out of ink"), Format.JSON)
    walk(services)

    assert Counter((one["stage"], one["format"], one["outcome"]) for _, one in metric(services, "stage")) == {
        ("query", "none", "success"): 1,
        ("render", "csv", "success"): 1,
        ("upload", "csv", "success"): 1,
        ("render", "json", "failed"): 1,
        ("email", "none", "success"): 1,
        ("record", "none", "success"): 1,
    }
    assert all(0 <= seconds < 60 for seconds, _ in metric(services, "stage"))


def test_a_tick_that_may_not_run_is_a_stage_that_was_skipped(services):
    services.moment = MONDAY + timedelta(days=20)
    with pytest.raises(SkipRunError):
        pipeline.query(services, TRIGGER)

    assert [tags["outcome"] for _, tags in metric(services, "stage")] == ["skipped"]


def test_rows_and_bytes_are_those_of_the_files_in_the_store(services):
    walk(services)

    sizes = {key.rpartition(".")[2]: len(content) for key, content in services.store.files.items()}
    assert {tags["format"]: value for value, tags in metric(services, "bytes")} == sizes
    assert {tags["format"]: value for value, tags in metric(services, "rows")} == {"csv": 7, "json": 7}


def test_how_late_a_run_began_is_told_once_and_not_for_a_clear_or_a_run_by_hand(make_services):
    services = make_services()
    make(services)
    make(services)
    make(services, replace(TRIGGER, clear_number=1))
    make(services, replace(manual(), key=replace(KEY, run_id="manual__1")))

    assert metric(services, "lateness") == [(5.0, {})]


@pytest.mark.parametrize(
    ("error", "outcomes"),
    [
        (ThrottledError("slow down"), {"throttled": 1, "sent": 1}),
        (DeliveryUnknownError("no answer"), {"unknown": 1}),
        (PermanentError("no"), {"refused": 1}),
    ],
)
def test_a_call_of_the_mail_service_is_counted_by_its_answer(services, monkeypatch, error, outcomes):
    fail_once(monkeypatch, services, error)
    walk(services)

    answers = Counter(tags["outcome"] for _, tags in metric(services, "mail") if tags["about"] == "report")
    assert answers == outcomes


def test_a_message_to_the_owner_is_told_apart(services, monkeypatch):
    fail_once(monkeypatch, services, PermanentError("no"))
    walk(services)

    assert [tags for _, tags in metric(services, "mail")] == [
        {"outcome": "refused", "about": "report"},
        {"outcome": "sent", "about": "owner"},
    ]


def test_each_round_of_upkeep_tells_how_the_whole_does(make_services):
    services = make_services()
    services.moment = MONDAY + timedelta(hours=2)

    upkeep(services, MemoryOrchestrator())

    gauges = {name: value for name, value, _ in services.metrics.recorded}
    assert gauges == {
        "reports.active": 1, "reports.rejected": 0, "reports.stopped": 0, "runs.open": 0, "runs.stuck": 0,
        "executions.stuck": 0, "deliveries.unknown": 0, "mail.enabled": 1, "lag": 7200.0, "upkeep": 1,
    }  # fmt: skip


def test_what_a_stage_logs_names_report_run_and_format_and_nothing_that_a_row_holds(services, caplog):
    with caplog.at_level(logging.INFO):
        walk(services)

    lines = [line for line in caplog.messages if line.startswith("stage ")]
    where = "report=r1 run=scheduled__2026-05-11T07:00:00+00:00"
    assert len(lines) == 2 * 7
    assert lines[0] == f"stage query began: {where} format=none"
    assert f"stage render began: {where} format=csv" in lines
    assert any(line.startswith(f"stage upload ended: {where} format=json outcome=success seconds=0.") for line in lines)
    assert "@" not in caplog.text
    assert "Ada" not in caplog.text


# Lag


NINE = datetime(2026, 5, 11, 9, tzinfo=UTC)


def daily(report_id, **changes):
    """A report at 09:00, effective since the morning of the 8th, a Friday."""
    return report(
        id=report_id,
        cron_expression="0 9 * * *",
        timezone="UTC",
        effective_from="2026-05-08T06:00:00+00:00",
        **changes,
    )


@pytest.mark.parametrize(
    ("now", "begun", "expected"),
    [
        (NINE - timedelta(seconds=1), {"a": NINE - timedelta(days=1)}, timedelta()),
        (NINE + timedelta(minutes=1), {"a": NINE - timedelta(days=1)}, timedelta(minutes=1)),
        (NINE + timedelta(minutes=1), {"a": NINE}, timedelta()),
        # Never started: late since the first 09:00 after it became effective.
        (NINE, {}, timedelta(days=3)),
        # A tick is not late for ever.
        (NINE + timedelta(days=60, hours=1), {}, timedelta(days=6, hours=1)),
    ],
)
def test_late_is_the_oldest_due_tick_that_nobody_has_begun(services, monkeypatch, now, begun, expected):
    services.moment = now
    monkeypatch.setattr(
        services.upkeep_store, "last_ticks", lambda ids: {one: begun[one] for one in ids if one in begun}
    )

    assert lag(services, [daily("a")]) == expected


def test_nothing_is_late_that_is_not_scheduled_and_what_waits_for_its_jitter_is_not(services):
    services.moment = NINE + timedelta(seconds=1)

    assert lag(services, [daily("a", is_active=False), daily("b", status="PAUSED")]) == timedelta()
    services.settings = Settings(jitter_seconds=timedelta(minutes=50))
    late = {report_id: lag(services, [daily(report_id)]) for report_id in "abcdef"}
    # Jitter is less than its window, and never applied twice.
    assert all(timedelta(days=3) - timedelta(minutes=50) < one <= timedelta(days=3, seconds=1) for one in late.values())
    assert len(set(late.values())) > 1
