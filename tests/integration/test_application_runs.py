"""The application's trigger route, and its routes while runs are being recorded."""

from __future__ import annotations

import re
import threading
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest
from psycopg.conninfo import make_conninfo

from include.scheduled_reports.adapters.postgres.ledger import PostgresLedger
from include.scheduled_reports.adapters.postgres.reports import PostgresDefinitions
from include.scheduled_reports.adapters.postgres.retention import PostgresRetention
from include.scheduled_reports.adapters.postgres.runs import PostgresRuns
from include.scheduled_reports.adapters.postgres.source import PostgresSource
from include.scheduled_reports.adapters.postgres.upkeep import PostgresUpkeepStore
from include.scheduled_reports.domain.errors import ReportsError
from include.scheduled_reports.domain.formats import Format
from include.scheduled_reports.domain.naming import dag_id, execution_id
from include.scheduled_reports.domain.run import RunKey, RunKind, RunState, Trigger
from include.scheduled_reports.runs import pipeline
from include.scheduled_reports.testing.services import MemoryServices
from include.scheduled_reports.upkeep.round import upkeep
from tests.contract.tables import add_people, execute
from tests.integration.application_routes import ADA, BOB, NOWHERE, WORKSPACE, airflow, create, rows
from tests.integration.node import call, require

APPLICATION = (Path(__file__).parents[2] / "docs/application.md").read_text()


@pytest.fixture(scope="module", autouse=True)
def _prisma_is_installed() -> None:
    require()


@pytest.fixture
def dsn(migrated_dsn):
    add_people(migrated_dsn)
    return migrated_dsn


@pytest.fixture
def services(dsn):
    """Services with the run record in PostgreSQL; the rest are fakes."""
    made = MemoryServices(source=PostgresSource(dsn), definitions=PostgresDefinitions(dsn), moment=datetime.now(UTC))
    made.runs, made.ledger, made.upkeep_store = PostgresRuns(dsn), PostgresLedger(dsn), PostgresUpkeepStore(dsn)
    return made


def trigger_of(report_id, body):
    """Return the run that Airflow would create for a request."""
    return Trigger(
        key=RunKey(report_id=report_id, run_id=body["dag_run_id"]),
        kind=RunKind.MANUAL,
        scheduled_for=datetime.now(UTC),
        conf=body["conf"],
        user="application",
        clear_number=0,
    )


def walk(services, trigger):
    """Run all stages as Airflow does."""
    for chosen in pipeline.query(services, trigger, attempt=1):
        pipeline.render(services, trigger.key, chosen)
        pipeline.upload(services, trigger.key, chosen)
    pipeline.email(services, trigger.key)
    return pipeline.record(services, trigger)


# Trigger


def test_a_trigger_asks_airflow_for_one_run_on_behalf_of_the_user(dsn):
    made = create(dsn, caller=BOB)
    with airflow() as (address, asked):
        (answer,) = call(dsn, ["triggerReport", WORKSPACE, BOB, made["id"], address])

    (request,) = asked
    assert request["path"] == f"/api/v2/dags/scheduled_report_{made['id']}/dagRuns"
    assert request["authorization"] == "Bearer secret"
    assert (request["body"]["logical_date"], request["body"]["conf"]) == (None, {"triggered_by": "u2"})
    assert answer["status"] == 202
    job = answer["body"]["executionJob"]
    assert (job["status"], job["progress"]) == ("PENDING", 0)
    found = rows(dsn, "SELECT id, status::text, triggered_by, triggered_manually FROM report_executions")
    assert {one["id"] for one in found} >= {job["id"]}
    assert [list(one.values())[1:] for one in found] == [["PENDING", "u2", True]] * 2
    assert len(rows(dsn, "SELECT DISTINCT scheduled_for FROM report_executions")) == 1


def test_the_run_goes_on_with_the_rows_that_the_trigger_made(dsn, services):
    made = create(dsn)
    with airflow() as (address, asked):
        call(dsn, ["triggerReport", WORKSPACE, ADA, made["id"], address])
    before = rows(dsn, "SELECT id FROM report_executions ORDER BY id")

    outcome = walk(services, trigger_of(made["id"], asked[0]["body"]))

    (answer,) = call(dsn, ["readReport", WORKSPACE, made["id"]])
    assert outcome.state is RunState.SUCCESS
    assert rows(dsn, "SELECT id FROM report_executions ORDER BY id") == before
    history = answer["body"]["executionHistory"]
    assert [(one["status"], one["error"]) for one in history] == [("COMPLETED", None)] * 2
    assert all(one["fileSize"] > 0 and one["duration"] >= 0 for one in history)
    assert (answer["body"]["runCount"], answer["body"]["lastRunStatus"]) == (1, "success")


def test_while_a_run_is_under_way_a_second_trigger_is_a_conflict(dsn, services):
    made = create(dsn)
    again = ["triggerReport", WORKSPACE, ADA, made["id"]]
    with airflow() as (address, asked):
        first, waiting = call(dsn, [*again, address], [*again, address])
        walk(services, trigger_of(made["id"], asked[0]["body"]))
        (afterwards,) = call(dsn, [*again, address])

    assert [first["status"], waiting["status"], afterwards["status"]] == [202, 409, 202]
    assert len(asked) == 2


def test_of_clicks_at_once_one_is_a_run(dsn):
    made = create(dsn)
    with airflow() as (address, asked):
        clicks = [["triggerReport", WORKSPACE, ADA, made["id"], address]] * 6
        answers = call(dsn, *clicks, options=["together"])

    assert sorted(answer["status"] for answer in answers) == [202, 409, 409, 409, 409, 409]
    assert len(asked) == 1


@pytest.mark.parametrize(("status", "reason"), [(404, "does not know this report"), (500, r"refused the run (500)")])
def test_where_airflow_refuses_the_user_is_told_and_may_try_again(dsn, status, reason):
    made = create(dsn)
    with airflow(status) as (address, _):
        (refused,) = call(dsn, ["triggerReport", WORKSPACE, ADA, made["id"], address])
    with airflow() as (address, _):
        (accepted,) = call(dsn, ["triggerReport", WORKSPACE, ADA, made["id"], address])

    assert (refused["status"], accepted["status"]) == (503, 202)
    assert reason in refused["body"]["error"]
    failed = rows(dsn, "SELECT error FROM report_executions WHERE status = 'FAILED'")
    assert [one["error"] for one in failed] == [refused["body"]["error"]] * 2


def test_a_run_that_began_although_airflow_did_not_answer_takes_its_rows_back(dsn, services):
    made = create(dsn)
    begun = []
    with airflow(500, before=begun.append) as (address, _):
        call(dsn, ["triggerReport", WORKSPACE, ADA, made["id"], address])

    walk(services, trigger_of(made["id"], begun[0]))

    found = rows(dsn, "SELECT status::text, error FROM report_executions")
    assert found == [{"status": "COMPLETED", "error": None}] * 2


def test_where_airflow_is_away_nothing_is_left_running(dsn):
    made = create(dsn)

    (answer,) = call(dsn, ["triggerReport", WORKSPACE, ADA, made["id"], NOWHERE])

    assert (answer["status"], answer["body"]) == (503, {"error": "Airflow did not answer"})
    assert {one["status"] for one in rows(dsn, "SELECT status::text FROM report_executions")} == {"FAILED"}


@pytest.mark.parametrize("report_id", ["cmaq0v1k20000356c8xkz7h1d", "a b/ü.🚀", "_-.", "Z" * 40])
def test_the_application_makes_the_same_ids_as_we_do(dsn, report_id):
    run_id = "manual__2026-05-11T07:00:00.000Z_0a1b2c3d"
    (execution, dag) = call(dsn, ["executionId", report_id, run_id, "excel"], ["dagId", report_id])

    assert execution == execution_id(RunKey(report_id=report_id, run_id=run_id), Format.EXCEL)
    assert dag == dag_id(report_id)


@pytest.fixture
def airflows_dsn(dsn):
    """Return the same database for a user with exactly the rights in docs/application.md."""
    (grants,) = re.findall(r"```sql\n(.+?)```", APPLICATION, flags=re.DOTALL)
    execute(dsn, "CREATE ROLE airflow_reports LOGIN PASSWORD 'demo-only'")
    try:
        execute(dsn, grants)
        yield make_conninfo(dsn, user="airflow_reports", password="demo-only")
    finally:
        execute(dsn, "DROP OWNED BY airflow_reports")
        execute(dsn, "DROP ROLE airflow_reports")


# Together with the pipeline


def test_the_rights_that_the_documents_grant_are_enough_for_a_run_and_for_upkeep(dsn, airflows_dsn):
    made, wrong = create(dsn), create(dsn, cronExpression="* * * * *")
    services = MemoryServices(
        source=PostgresSource(airflows_dsn), definitions=PostgresDefinitions(airflows_dsn), moment=datetime.now(UTC)
    )
    services.runs, services.ledger = PostgresRuns(airflows_dsn), PostgresLedger(airflows_dsn)
    services.upkeep_store, services.retention = PostgresUpkeepStore(airflows_dsn), PostgresRetention(airflows_dsn)

    outcome = walk(services, trigger_of(made["id"], {"dag_run_id": "manual__1", "conf": {}}))
    execute(dsn, "UPDATE scheduled_reports SET next_run = NULL")
    round_of_upkeep = upkeep(services, SimpleNamespace(open_runs=lambda _: 0, is_open=lambda _: False))

    assert outcome.state is RunState.SUCCESS
    assert (round_of_upkeep.rejected, round_of_upkeep.next_runs) == (1, 1)
    assert rows(dsn, "SELECT status::text FROM scheduled_reports WHERE id = %s", wrong["id"]) == [{"status": "ERROR"}]


def test_the_routes_answer_while_runs_are_written_and_no_count_and_no_edit_is_lost(dsn, services, tmp_path):
    made = create(dsn, emailDelivery={"enabled": False})
    edits = [
        ["updateReport", WORKSPACE, ADA, made["id"], {"name": "Between", "tags": ["a"]}],
        ["listReports", WORKSPACE, {"sortBy": "lastRun"}],
        ["readReport", WORKSPACE, made["id"]],
        ["updateReport", WORKSPACE, ADA, made["id"], {"name": "Last", "parameters": {}, "tags": ["b"]}],
    ]
    answers, enough = [], tmp_path / "enough"
    application = threading.Thread(target=lambda: answers.extend(call(dsn, *edits, options=["until", str(enough)])))
    application.start()
    outcomes = []
    while len(outcomes) < 10 or (len(outcomes) < 500 and edits_of(dsn, made["id"]) <= 20):
        trigger = trigger_of(made["id"], {"dag_run_id": f"manual__{len(outcomes)}", "conf": {}})
        outcomes.append(walk(services, trigger).state)
    enough.touch()
    application.join(timeout=60)

    rounds, *last = answers
    assert rounds >= 10
    assert set(outcomes) == {RunState.SUCCESS}
    assert [answer["status"] for answer in last] == [200, 200, 200, 200]
    (found,) = rows(dsn, "SELECT name, tags, run_count, success_count, failure_count FROM scheduled_reports")
    counts = {"run_count": len(outcomes), "success_count": len(outcomes), "failure_count": 0}
    assert found == {"name": "Last", "tags": ["b"], **counts}


def edits_of(dsn, report_id):
    (found,) = rows(dsn, "SELECT count(*) FROM reporting.audit WHERE report_id = %s AND action = 'changed'", report_id)
    return found["count"]


def test_a_report_that_is_deleted_in_mid_run_takes_the_run_with_it_and_hurts_nobody(dsn, services):
    made = create(dsn)
    trigger = trigger_of(made["id"], {"dag_run_id": "manual__1", "conf": {}})
    chosen = pipeline.query(services, trigger, attempt=1)

    (answer,) = call(dsn, ["deleteReport", WORKSPACE, ADA, made["id"]])
    pipeline.render(services, trigger.key, chosen[0])
    outcome = pipeline.record(services, trigger)

    assert (answer["status"], outcome.state) == (200, RunState.FAILED)
    assert rows(dsn, "SELECT id FROM report_executions") == []
    assert isinstance(outcome.reason, str)
    with pytest.raises(ReportsError):
        walk(services, trigger_of(made["id"], {"dag_run_id": "manual__2", "conf": {}}))
