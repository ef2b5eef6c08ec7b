"""The application's routes as docs/application.md moves them: a real Prisma client, our pipeline beside it."""

from __future__ import annotations

import json
import re
import threading
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import SimpleNamespace

import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from psycopg.rows import dict_row

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
from include.scheduled_reports.reports.parser import parse
from include.scheduled_reports.runs import pipeline
from include.scheduled_reports.testing.services import MemoryServices
from include.scheduled_reports.upkeep.round import upkeep
from tests.contract.tables import add_people, execute
from tests.integration.node import call, require

APPLICATION = (Path(__file__).parents[2] / "docs/application.md").read_text()
WORKSPACE = {"id": "ws1", "name": "Acme", "slug": "acme"}
ADA, BOB = {"id": "u1", "role": "ADMIN"}, {"id": "u2", "role": "MEMBER"}
GUEST = {"id": "u4", "role": "GUEST"}
BODY = {
    "name": "Weekly activity",
    "description": "What happened",
    "reportType": "workspace-activity",
    "cronExpression": "0 9 * * 1",
    "timezone": "Europe/Berlin",
    "exportFormats": ["csv", "json"],
    "emailDelivery": {
        "enabled": True,
        "recipients": ["ada@acme.example"],
        "subject": "Numbers",
        "includeAttachment": True,
        "includeInlinePreview": False,
        "sendOnlyIfData": False,
        "ccRecipients": [],
        "bccRecipients": ["bob@acme.example"],
    },
    "parameters": {"dateRange": {"type": "last-7-days"}},
    "isActive": True,
    "tags": ["weekly"],
}
NOWHERE = {"url": "http://127.0.0.1:9", "token": "none"}  # nobody listens on the port `discard`


@pytest.fixture(scope="module", autouse=True)
def _prisma_is_installed() -> None:
    require()


@pytest.fixture
def dsn(migrated_dsn):
    add_people(migrated_dsn)
    return migrated_dsn


@pytest.fixture
def services(dsn):
    """A world whose record is PostgreSQL; the rest are the fakes."""
    made = MemoryServices(source=PostgresSource(dsn), definitions=PostgresDefinitions(dsn), moment=datetime.now(UTC))
    made.runs, made.ledger, made.upkeep_store = PostgresRuns(dsn), PostgresLedger(dsn), PostgresUpkeepStore(dsn)
    return made


def create(dsn, caller=ADA, **changes):
    (answer,) = call(dsn, ["createReport", WORKSPACE, caller, BODY | changes])
    assert answer["status"] == 201
    return answer["body"]


def rows(dsn, statement, *values):
    with psycopg.connect(dsn, row_factory=dict_row) as connection:
        return connection.execute(statement, values).fetchall()


@contextmanager
def airflow(status=200, *, before=lambda _: None):
    """A server that answers as Airflow's REST API would; gives its address and what it was asked."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            asked.append({"path": self.path, "authorization": self.headers["Authorization"], "body": body})
            before(body)
            self.send_response(status)
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield {"url": f"http://127.0.0.1:{server.server_port}", "token": "secret"}, asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def trigger_of(report_id, body):
    """The run that Airflow would make of a request."""
    return Trigger(
        key=RunKey(report_id=report_id, run_id=body["dag_run_id"]),
        kind=RunKind.MANUAL,
        scheduled_for=datetime.now(UTC),
        conf=body["conf"],
        user="application",
        clear_number=0,
    )


def walk(services, trigger):
    """A whole run as Airflow runs it."""
    for chosen in pipeline.query(services, trigger, attempt=1):
        pipeline.render(services, trigger.key, chosen)
        pipeline.upload(services, trigger.key, chosen)
    pipeline.email(services, trigger.key)
    return pipeline.record(services, trigger)


# Create and read


def test_a_report_that_the_application_creates_is_one_that_runs(dsn):
    made = create(dsn)

    reports, rejections = parse(PostgresDefinitions(dsn).rows(limit=10))
    assert rejections == []
    (report,) = reports
    assert (report.id, report.name, report.schedule.cron.expression, report.is_scheduled) == (
        made["id"], "Weekly activity", "0 9 * * 1", True,
    )  # fmt: skip
    assert report.formats == (Format.CSV, Format.JSON)
    assert (report.email.recipients.to, report.email.recipients.bcc) == (("ada@acme.example",), ("bob@acme.example",))
    assert report.email.subject == "Numbers"


def test_the_answer_has_the_fields_that_the_front_end_knows(dsn):
    made = create(dsn)

    assert {name: made[name] for name in BODY} == BODY
    assert made["createdBy"] == {"id": "u1", "name": "Ada Byron", "email": "ada@acme.example", "avatarUrl": None}
    assert (made["lastRun"], made["lastRunStatus"], made["nextRun"]) == (None, None, None)
    assert (made["runCount"], made["failureCount"]) == (0, 0)
    for name in ("createdAt", "updatedAt"):
        assert made[name].endswith("Z")
        assert abs(datetime.fromisoformat(made[name]) - datetime.now(UTC)).total_seconds() < 60


def test_next_run_is_in_the_next_answer_once_upkeep_was_there(dsn, services):
    made = create(dsn)
    monday = datetime(2026, 6, 1, 7, tzinfo=UTC)
    services.upkeep_store.set_next_runs({made["id"]: monday})

    (answer,) = call(dsn, ["readReport", WORKSPACE, made["id"]])

    assert answer["body"]["nextRun"] == "2026-06-01T07:00:00.000Z"


def test_a_report_is_read_with_its_last_ten_executions_and_big_files_as_numbers(dsn):
    made = create(dsn)
    execute(
        dsn,
        """INSERT INTO report_executions (id, scheduled_report_id, triggered_by, format, scheduled_for, created_at,
               status, duration, file_size, record_count)
           SELECT 'e' || n, %s, 'system', 'CSV', day, day, 'COMPLETED', n * 100, 3000000000 + n, n
           FROM generate_series(1, 12) AS n, LATERAL (SELECT timestamp '2026-01-01' + n * interval '1 day') AS d (day)
        """,
        made["id"],
    )

    (answer,) = call(dsn, ["readReport", WORKSPACE, made["id"]])

    history = answer["body"]["executionHistory"]
    assert [one["id"] for one in history] == [f"e{number}" for number in range(12, 2, -1)]
    assert history[0] == {
        "id": "e12", "format": "CSV", "status": "COMPLETED", "startedAt": None, "completedAt": None,
        "recordCount": 12, "fileSize": 3_000_000_012, "error": None, "duration": 1_200,
    }  # fmt: skip


def test_a_guest_reads_and_creates_nothing(dsn):
    made = create(dsn)

    (refused, found) = call(dsn, ["createReport", WORKSPACE, GUEST, BODY], ["readReport", WORKSPACE, made["id"]])

    assert (refused["status"], found["status"]) == (403, 200)
    assert len(rows(dsn, "SELECT id FROM scheduled_reports")) == 1


def test_a_report_of_another_workspace_is_not_there_for_any_route(dsn):
    made, other = create(dsn), {"id": "ws2", "name": "Zeta", "slug": "zeta"}
    eve = {"id": "u3", "role": "OWNER"}

    answers = call(
        dsn,
        ["readReport", other, made["id"]],
        ["updateReport", other, eve, made["id"], {"name": "Mine"}],
        ["triggerReport", other, eve, made["id"], NOWHERE],
        ["deleteReport", other, eve, made["id"]],
        ["listReports", other, {}],
    )

    assert [answer["status"] for answer in answers] == [404, 404, 404, 404, 200]
    assert answers[-1]["body"]["reports"] == []
    assert rows(dsn, "SELECT name FROM scheduled_reports") == [{"name": "Weekly activity"}]


def test_a_workspace_is_found_by_its_slug_for_its_members_only(dsn):
    (mine, foreign) = call(dsn, ["workspaceOf", "u1", "acme"], ["workspaceOf", "u3", "acme"])

    assert mine == {"workspace": WORKSPACE, "caller": ADA}
    assert foreign is None


# List


@pytest.fixture
def five(dsn):
    """Reports A to E; their ids by name."""
    wanted = [
        BODY | {"name": name, "reportType": kind, "isActive": active, "tags": tags, "parameters": {}}
        for name, kind, active, tags in (
            ("A", "workspace-activity", True, ["ops"]),
            ("B", "channel-analytics", False, []),
            ("C", "workspace-activity", True, ["ops", "board"]),
            ("D", "workspace-activity", False, ["board"]),
            ("E", "channel-analytics", True, ["o'ps"]),
        )
    ]
    answers = call(dsn, *(["createReport", WORKSPACE, ADA, body] for body in wanted))
    assert [answer["status"] for answer in answers] == [201] * 5
    made = {answer["body"]["name"]: answer["body"]["id"] for answer in answers}
    execute(dsn, "UPDATE scheduled_reports SET last_run = '2026-05-01' WHERE name = 'B'")
    execute(dsn, "UPDATE scheduled_reports SET last_run = '2026-05-02' WHERE name = 'D'")
    return made


@pytest.mark.parametrize(
    ("query", "names", "total", "has_more"),
    [
        ({"sortBy": "name", "sortOrder": "asc"}, "ABCDE", 5, False),
        ({"sortBy": "name", "sortOrder": "desc", "limit": 2}, "ED", 5, True),
        ({"sortBy": "name", "sortOrder": "asc", "limit": 2, "offset": 2}, "CD", 5, True),
        ({"sortBy": "name", "sortOrder": "asc", "limit": 2, "offset": 4}, "E", 5, False),
        ({"sortBy": "name", "sortOrder": "asc", "offset": 9}, "", 5, False),
        ({"sortBy": "createdAt", "sortOrder": "asc"}, "ABCDE", 5, False),
        ({"sortBy": "name", "sortOrder": "asc", "reportType": "channel-analytics"}, "BE", 2, False),
        ({"sortBy": "name", "sortOrder": "asc", "isActive": False}, "BD", 2, False),
        ({"sortBy": "name", "sortOrder": "asc", "isActive": True, "limit": 1}, "A", 3, True),
        ({"sortBy": "name", "sortOrder": "asc", "tag": "board"}, "CD", 2, False),
        ({"sortBy": "name", "sortOrder": "asc", "tag": "o'ps"}, "E", 1, False),
        ({"sortBy": "name", "sortOrder": "asc", "tag": "op"}, "", 0, False),
    ],
)
def test_the_list_is_filtered_sorted_and_paged(dsn, five, query, names, total, has_more):
    (answer,) = call(dsn, ["listReports", WORKSPACE, query])

    body = answer["body"]
    assert "".join(report["name"] for report in body["reports"]) == names
    assert (body["total"], body["pagination"]["hasMore"], body["workspace"]) == (total, has_more, WORKSPACE)


@pytest.mark.parametrize(("order", "first"), [("asc", "BD"), ("desc", "DB")])
def test_reports_that_never_ran_come_last_whichever_way_the_list_is_sorted(dsn, five, order, first):
    (answer,) = call(dsn, ["listReports", WORKSPACE, {"sortBy": "lastRun", "sortOrder": order}])

    assert "".join(report["name"] for report in answer["body"]["reports"])[:2] == first


# Update and delete


def test_an_update_changes_what_it_names_and_nothing_else(dsn):
    made = create(dsn)
    before = rows(dsn, "SELECT * FROM scheduled_reports")[0]

    (answer,) = call(dsn, ["updateReport", WORKSPACE, ADA, made["id"], {"name": "Monthly", "tags": []}])

    after = rows(dsn, "SELECT * FROM scheduled_reports")[0]
    changed = {name for name in after if after[name] != before[name]}
    assert (answer["status"], answer["body"]["name"], changed) == (200, "Monthly", {"name", "tags", "updated_at"})


@pytest.mark.parametrize(
    ("caller", "status"), [(ADA, 200), (BOB, 403), (GUEST, 403), ({"id": "u1", "role": "MEMBER"}, 200)]
)
def test_members_change_and_delete_their_own_and_administrators_any(dsn, caller, status):
    made = create(dsn)

    answers = call(
        dsn,
        ["updateReport", WORKSPACE, caller, made["id"], {"name": "Theirs"}],
        ["deleteReport", WORKSPACE, caller, made["id"]],
    )

    assert [answer["status"] for answer in answers] == [status, status]
    assert len(rows(dsn, "SELECT id FROM scheduled_reports")) == (0 if status == 200 else 1)


def test_pausing_takes_a_report_off_its_schedule_and_resuming_makes_it_effective_anew(dsn):
    made = create(dsn)
    call(dsn, ["updateReport", WORKSPACE, ADA, made["id"], {"isActive": False}])
    ((paused,), _) = parse(PostgresDefinitions(dsn).rows(limit=1))

    call(dsn, ["updateReport", WORKSPACE, ADA, made["id"], {"isActive": True}])
    ((resumed,), _) = parse(PostgresDefinitions(dsn).rows(limit=1))

    assert (paused.is_scheduled, resumed.is_scheduled) == (False, True)
    assert resumed.schedule.effective_from > paused.schedule.effective_from


@pytest.mark.parametrize(
    ("status", "body", "after"),
    [
        ("ERROR", {"isActive": True}, "ACTIVE"),
        ("ERROR", {"isActive": False}, "ERROR"),
        ("DISABLED", {"isActive": True}, "DISABLED"),
        ("PAUSED", {"isActive": True}, "ACTIVE"),
        ("PAUSED", {"name": "New"}, "PAUSED"),
    ],
)
def test_the_application_touches_status_only_where_somebody_switches_a_report_on(dsn, status, body, after):
    made = create(dsn)
    execute(dsn, 'UPDATE scheduled_reports SET status = %s::"ScheduledReportStatus"', status)

    call(dsn, ["updateReport", WORKSPACE, ADA, made["id"], body])

    assert rows(dsn, "SELECT status::text FROM scheduled_reports") == [{"status": after}]


def test_what_is_deleted_is_gone_with_its_executions_and_leaves_a_tombstone(dsn):
    made = create(dsn)
    with airflow() as (address, _):
        call(dsn, ["triggerReport", WORKSPACE, ADA, made["id"], address])

    (first, second) = call(dsn, *[["deleteReport", WORKSPACE, ADA, made["id"]]] * 2)

    assert (first["status"], second["status"]) == (200, 404)
    assert rows(dsn, "SELECT id FROM report_executions") == []
    assert rows(dsn, "SELECT report_id, reason FROM reporting.tombstones") == [
        {"report_id": made["id"], "reason": "deleted"}
    ]


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


# Beside the pipeline


@pytest.fixture
def airflows_dsn(dsn):
    """The same database as a user who has what docs/application.md grants, and no more."""
    (grants,) = re.findall(r"```sql\n(.+?)```", APPLICATION, flags=re.DOTALL)
    execute(dsn, "CREATE ROLE airflow_reports LOGIN PASSWORD 'demo-only'")
    try:
        execute(dsn, grants)
        yield make_conninfo(dsn, user="airflow_reports", password="demo-only")
    finally:
        execute(dsn, "DROP OWNED BY airflow_reports")
        execute(dsn, "DROP ROLE airflow_reports")


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
    outcomes = [
        walk(services, trigger_of(made["id"], {"dag_run_id": f"manual__{number}", "conf": {}})).state
        for number in range(10)
    ]
    enough.touch()
    application.join(timeout=60)

    rounds, *last = answers
    assert rounds > 10
    assert outcomes == [RunState.SUCCESS] * 10
    assert [answer["status"] for answer in last] == [200, 200, 200, 200]
    (found,) = rows(dsn, "SELECT name, tags, run_count, success_count, failure_count FROM scheduled_reports")
    assert found == {"name": "Last", "tags": ["b"], "run_count": 10, "success_count": 10, "failure_count": 0}


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
