"""The application's routes as in docs/application.md, with a real Prisma client, together with our pipeline."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from include.scheduled_reports.adapters.postgres.ledger import PostgresLedger
from include.scheduled_reports.adapters.postgres.reports import PostgresDefinitions
from include.scheduled_reports.adapters.postgres.runs import PostgresRuns
from include.scheduled_reports.adapters.postgres.source import PostgresSource
from include.scheduled_reports.adapters.postgres.upkeep import PostgresUpkeepStore
from include.scheduled_reports.domain.formats import Format
from include.scheduled_reports.reports.parser import parse
from include.scheduled_reports.testing.services import MemoryServices
from tests.contract.tables import add_people, execute
from tests.integration.application_routes import ADA, BOB, BODY, NOWHERE, WORKSPACE, airflow, create, rows
from tests.integration.node import call, require

GUEST = {"id": "u4", "role": "GUEST"}


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


@pytest.fixture
def five(dsn):
    """Create reports A to E; return their ids by name."""
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


# List


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
