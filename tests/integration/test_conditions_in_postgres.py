"""Conditions of emails on real PostgreSQL: from the rows to the state, and what a crash at each point leaves."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from include.scheduled_reports.adapters.postgres.retention import PostgresRetention
from include.scheduled_reports.adapters.postgres.runs import PostgresRuns
from include.scheduled_reports.domain.errors import TransientError
from include.scheduled_reports.domain.run import RunKey, RunState
from include.scheduled_reports.runs import pipeline
from tests.contract.tables import add_people, add_report, execute
from tests.integration.stages import MESSAGES, MONDAY, TRIGGER, services_on, walk
from tests.unit.run_helpers import mails, make

CUSTOM = {"type": "custom", "startDate": "2026-05-04", "endDate": "2026-05-10"}
MORE = """
INSERT INTO messages (id, content, channel_id, author_id, created_at, updated_at)
VALUES ('more', 'third', 'c1', 'u1', '2026-05-06 10:00', now())
"""


@pytest.fixture
def services(migrated_dsn, tmp_path):
    add_people(migrated_dsn)
    add_report(migrated_dsn, id="r1", export_formats=["csv"], parameters={"dateRange": CUSTOM})
    execute(migrated_dsn, MESSAGES)
    made = services_on(migrated_dsn, tmp_path)
    made.dsn = migrated_dsn
    return made


def send_if(services, *conditions, **rest):
    options = {"sendIf": {"conditions": list(conditions), **rest}}
    execute(services.dsn, "UPDATE reporting.report_options SET options = %s", Jsonb(options))


def tick(number):
    moment = MONDAY + timedelta(days=7 * number)
    return replace(TRIGGER, key=RunKey(report_id="r1", run_id=f"scheduled__{number}"), scheduled_for=moment)


def run(services, number):
    services.moment = tick(number).scheduled_for + timedelta(seconds=5)
    before = len(mails(services))
    outcome = walk(services, tick(number))
    assert outcome.state is RunState.SUCCESS, outcome.reason
    return len(mails(services)) - before


def read(services, statement):
    with psycopg.connect(services.dsn, row_factory=dict_row) as connection:
        return connection.execute(statement).fetchall()


def test_the_same_rows_are_not_mailed_again_and_changed_ones_are(services):
    send_if(services, {"kind": "changed"})

    assert [run(services, 0), run(services, 1)] == [1, 0]
    execute(services.dsn, MORE)
    assert [run(services, 2), run(services, 3)] == [1, 0]


@pytest.mark.parametrize(
    ("condition", "met"),
    [
        ({"kind": "figure", "figure": "messages", "operator": ">=", "value": 2}, True),
        ({"kind": "figure", "figure": "messages", "operator": ">", "value": 2}, False),
        ({"kind": "change", "figure": "messages", "operator": ">", "value": 0, "unit": "amount"}, True),
        ({"kind": "change", "figure": "messages", "operator": ">", "value": 100, "unit": "percent"}, False),
        ({"kind": "rows", "dataset": "days", "is": "at-least", "count": 2}, True),
        ({"kind": "rows", "dataset": "days", "is": "at-least", "count": 3}, False),  # the other five days are zeros
        ({"kind": "rows", "dataset": "people", "is": "any"}, True),
        ({"kind": "rows", "dataset": "people", "is": "none"}, False),
    ],
)
def test_conditions_are_judged_on_the_rows_of_the_database(services, condition, met):
    """Ada wrote two messages in the period, on two days, and one on the day before it."""
    send_if(services, condition)

    assert run(services, 0) == met
    (kept,) = read(services, "SELECT verdict, mail, state, main_rows FROM reporting.runs")
    assert (kept["verdict"]["met"], kept["mail"]["wanted"], kept["state"]) == (met, met, "success")
    assert kept["mail"]["why"] == (kept["verdict"]["why"] or None)
    assert [one["status"] for one in read(services, "SELECT status::text FROM report_executions")] == ["COMPLETED"]


def test_new_rows_are_found_by_their_key(services):
    send_if(services, {"kind": "newRows", "column": "day"})

    assert [run(services, 0), run(services, 1)] == [1, 0]
    execute(
        services.dsn,
        "UPDATE scheduled_reports SET parameters = %s",
        Jsonb({"dateRange": {**CUSTOM, "endDate": "2026-05-12"}}),
    )
    assert run(services, 2) == 1
    (kept,) = read(services, "SELECT verdict FROM reporting.runs WHERE run_id = 'scheduled__2'")
    assert kept["verdict"]["findings"][0]["text"].startswith("2 new rows in Activity by day since the email of ")


def test_a_sender_that_died_before_the_answer_leaves_the_state_as_it_was(services):
    """Whether the email arrived is unknown: the rows are mailed again rather than never."""
    send_if(services, {"kind": "changed"})
    services.mailer.error = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        walk(services, tick(0))
    services.mailer.error = None
    assert pipeline.record(services, tick(0)).state is RunState.FAILED

    assert [run(services, 1), run(services, 2)] == [1, 0]


@pytest.mark.parametrize("died", ["after the message was recorded", "before the run was settled"])
def test_what_was_sent_is_kept_whatever_dies_afterwards(services, died):
    send_if(services, {"kind": "changed"})
    make(services, tick(0))
    pipeline.email(services, tick(0).key)
    if died == "before the run was settled":
        pipeline.record(services, tick(0))

    assert run(services, 1) == 0
    assert read(services, "SELECT candidate, candidate_keys FROM reporting.runs WHERE run_id = 'scheduled__0'") == [
        {"candidate": None, "candidate_keys": None}
    ]


def test_message_and_state_are_recorded_together_or_not_at_all(services):
    send_if(services, {"kind": "changed"})
    execute(services.dsn, "ALTER TABLE reporting.condition_state ADD CONSTRAINT refused CHECK (digest IS NULL)")

    make(services, tick(0))

    with pytest.raises(Exception, match="refused"):
        pipeline.email(services, tick(0).key)

    assert read(services, "SELECT state FROM reporting.deliveries") == [{"state": "claimed"}]
    assert read(services, "SELECT * FROM reporting.condition_state") == []


def test_a_state_that_cannot_be_read_is_no_state_at_all(services, monkeypatch):
    """A run whose state is unknown waits; it does not mail as if it were the first one."""
    send_if(services, {"kind": "changed"})
    run(services, 0)

    def away(*_):
        raise TransientError("the database is away")

    monkeypatch.setattr(PostgresRuns, "mailed_state", away)
    with pytest.raises(TransientError):
        pipeline.query(services, tick(1))
    assert len(services.mailer.sent) == 1


def test_once_is_remembered_between_runs(services):
    send_if(services, {"kind": "figure", "figure": "messages", "operator": ">", "value": 2}, repeat="once")

    before = run(services, 0)
    execute(services.dsn, MORE)
    during = [run(services, 1), run(services, 2)]
    execute(services.dsn, "DELETE FROM messages WHERE id = 'more'")
    between = run(services, 3)
    execute(services.dsn, MORE)
    assert (before, during, between, run(services, 4)) == (0, [1, 0], 0, 1)


def test_what_is_kept_of_a_report_is_erased_with_it(services):
    send_if(services, {"kind": "newRows", "column": "day"})
    run(services, 0)
    with psycopg.connect(services.dsn) as connection:  # deleted while the triggers were off
        connection.execute("SET session_replication_role = replica")
        connection.execute("DELETE FROM scheduled_reports")
    execute(services.dsn, "INSERT INTO reporting.departed (report_id) VALUES ('r1')")
    assert len(read(services, "SELECT * FROM reporting.condition_state")) == 1

    retention = PostgresRetention(services.dsn)
    later = datetime.now(UTC) + timedelta(days=1)
    assert retention.departed(later, unsettled_before=later, limit=10)
    assert retention.erase("r1", later)

    assert read(services, "SELECT * FROM reporting.condition_state") == []


def test_no_value_of_a_row_is_kept(services):
    send_if(services, {"kind": "newRows", "column": "day"}, {"kind": "changed"}, match="any")
    run(services, 0)

    (kept,) = read(services, "SELECT * FROM reporting.condition_state")
    assert len(kept["digest"]) == 64
    assert len(kept["keys"]) == 7 * 8
    assert b"2026" not in kept["keys"]
