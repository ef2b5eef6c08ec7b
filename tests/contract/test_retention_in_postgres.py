"""Retention in PostgreSQL: file_url, locks, triggers and the audit trail."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from include.scheduled_reports.domain.delivery import DeliveryState
from include.scheduled_reports.domain.naming import execution_id
from include.scheduled_reports.ports.retention import StoredObjects
from include.scheduled_reports.runs import outcome
from tests.contract.retention_suite import (
    BEFORE,
    CSV,
    NOW,
    OLD,
    PDF,
    InMemory,
    InPostgres,
    K,
    all_of_it,
    departed,
    drop,
    drop_rows,
    due,
    key,
    never,
    new_run,
    nothing_of_it,
)
from tests.contract.tables import execute


@pytest.fixture
def postgres_kept(migrated_dsn):
    return InPostgres(migrated_dsn)


@pytest.fixture(params=["memory", "postgres"])
def kept(request):
    return InMemory() if request.param == "memory" else request.getfixturevalue("postgres_kept")


def urls(kept):
    return {one["format"]: one["file_url"] for one in kept.read("SELECT format, file_url FROM report_executions")}


# Only PostgreSQL


def test_file_url_is_cleared_with_its_object_and_every_other_column_stays(postgres_kept):
    postgres_kept.settle(K)
    (before,) = postgres_kept.read("SELECT * FROM report_executions WHERE format = 'CSV'")
    assert before["file_url"] == "s3://reports/ws1/r1/run1/report.csv"

    drop(postgres_kept)

    (after,) = postgres_kept.read("SELECT * FROM report_executions WHERE format = 'CSV'")
    assert after == before | {"file_url": None}
    assert postgres_kept.count("reporting.artifacts WHERE deleted_at IS NOT NULL") == 2


def test_a_file_url_that_names_another_object_stays(postgres_kept):
    postgres_kept.settle(K)
    elsewhere = "https://files.acme.example/weekly.csv"
    execute(postgres_kept.dsn, "UPDATE report_executions SET file_url = %s WHERE format = 'CSV'", elsewhere)

    drop(postgres_kept)

    assert urls(postgres_kept) == {"PDF": None, "CSV": elsewhere}


def test_a_file_url_of_an_object_that_was_refused_stays(postgres_kept):
    postgres_kept.settle(K)

    drop(postgres_kept, remove=nothing_of_it)

    assert None not in urls(postgres_kept).values()


def test_files_that_a_refused_clear_has_forgotten_are_found_by_what_the_executions_name(postgres_kept):
    postgres_kept.settle(K)
    postgres_kept.runs.refuse(new_run(K, clear_number=1), "wrong", skipped=True)
    postgres_kept.runs.settle(K, outcome.outcome, None)
    postgres_kept.move(K, settled=OLD)
    seen = []

    drop(postgres_kept, remove=lambda found: seen.append(found) or all_of_it(found))

    assert seen == [
        StoredObjects(
            prefixes=("ws1/r1/run1/",),
            files=(("reports", "ws1/r1/run1/report.csv"), ("reports", "ws1/r1/run1/report.pdf")),
        )
    ]
    assert set(urls(postgres_kept).values()) == {None}


@pytest.mark.parametrize(
    "url", ["s3://reports/ws2/r2/run1/report.csv", "s3://reports/ws1/r1/run2/a", "s3://reports", ""]
)
def test_a_file_url_that_somebody_else_wrote_deletes_nothing_of_another_run(postgres_kept, url):
    postgres_kept.settle(K)
    execute(postgres_kept.dsn, "UPDATE report_executions SET file_url = %s", url)
    seen = []

    drop(postgres_kept, remove=lambda found: seen.append(found) or all_of_it(found))

    assert seen[0].prefixes == ("ws1/r1/run1/",)
    assert {name for _, name in seen[0].files} == {"ws1/r1/run1/report.csv", "ws1/r1/run1/report.pdf"}


def test_no_stage_can_begin_while_the_files_go_and_each_sees_afterwards_that_they_went(postgres_kept):
    postgres_kept.settle(K)
    postgres_kept.settle(key("run2"))
    at_work, go_on = threading.Event(), threading.Event()

    def slowly(found):
        at_work.set()
        assert go_on.wait(30)
        return all_of_it(found)

    def begin(stage):
        stage()
        return datetime.now(UTC)

    with ThreadPoolExecutor(4) as threads:
        dropping = threads.submit(drop, postgres_kept, K, slowly)
        assert at_work.wait(30)
        stages = [
            threads.submit(begin, lambda: postgres_kept.runs.progress(K, CSV, 65)),
            threads.submit(begin, lambda: postgres_kept.runs.open(new_run(K, clear_number=1))),
        ]
        # Another round skips only the run that is locked, in the deletion of rows too.
        assert postgres_kept.port.drop_files(K, BEFORE, never) is False
        assert drop_rows(postgres_kept) == 0
        assert drop(postgres_kept, key("run2")) is True
        assert not any(stage.done() for stage in stages)
        released = datetime.now(UTC)
        go_on.set()
        assert dropping.result(30) is True
        assert all(stage.result(30) >= released for stage in stages)
    assert due(postgres_kept) == []


def test_the_executions_go_with_their_run_and_no_other(postgres_kept):
    postgres_kept.deliver(K, DeliveryState.SENT)
    postgres_kept.settle(K)
    postgres_kept.settle(key("run2"), at=NOW)
    drop(postgres_kept)

    drop_rows(postgres_kept)

    left = {one["id"] for one in postgres_kept.read("SELECT id FROM report_executions")}
    assert left == {execution_id(key("run2"), chosen) for chosen in (PDF, CSV)}
    assert postgres_kept.count("reporting.deliveries") == 0
    assert postgres_kept.count("reporting.artifacts") == 2


def test_counters_are_not_moved_by_what_is_forgotten(postgres_kept):
    postgres_kept.settle(K)
    before = postgres_kept.read("SELECT * FROM scheduled_reports ORDER BY id")
    drop(postgres_kept)

    drop_rows(postgres_kept)

    assert postgres_kept.read("SELECT * FROM scheduled_reports ORDER BY id") == before
    assert [one["run_count"] for one in before] == [1, 0]


def test_a_report_that_went_while_the_triggers_were_off_is_noticed(postgres_kept):
    postgres_kept.settle(K)
    execute(postgres_kept.dsn, "SET session_replication_role = replica; DELETE FROM scheduled_reports WHERE id = 'r1'")
    assert departed(postgres_kept) == []
    execute(postgres_kept.dsn, "UPDATE reporting.departed SET since = since - interval '100 days'")

    assert departed(postgres_kept, waits_until=NOW) == ["r1"]
    assert postgres_kept.port.erase("r1", BEFORE) is True
    assert postgres_kept.read("SELECT report_id FROM reporting.report_options") == [{"report_id": "r2"}]


def test_files_made_for_a_workspace_the_report_has_left_are_its_own_still(postgres_kept):
    postgres_kept.settle(K)
    execute(postgres_kept.dsn, "UPDATE scheduled_reports SET workspace_id = 'ws2' WHERE id = 'r1'")
    postgres_kept.delete_report("r1", since=OLD)

    assert postgres_kept.port.stored_objects("r1").prefixes == ("ws1/r1/", "ws2/r1/")


def test_the_recipients_of_a_request_are_erased_with_its_run_and_no_others(postgres_kept):
    for which in (K, key("run1", "r2")):
        postgres_kept.settle(which)
        execute(
            postgres_kept.dsn,
            "INSERT INTO reporting.requests (id, report_id, run_id, recipients) VALUES (%s, %s, %s, '{a@b.example}')",
            which.report_id, which.report_id, which.run_id,
        )  # fmt: skip
    postgres_kept.delete_report("r1", since=OLD)

    assert postgres_kept.port.erase("r1", BEFORE) is True
    assert postgres_kept.read("SELECT report_id FROM reporting.requests") == [{"report_id": "r2"}]


def test_names_that_need_escaping_are_escaped_in_prefixes(postgres_kept):
    execute(postgres_kept.dsn, "UPDATE workspaces SET id = 'w/s' WHERE id = 'ws1'")
    execute(postgres_kept.dsn, "UPDATE scheduled_reports SET id = 'r/../2' WHERE id = 'r1'")
    postgres_kept.delete_report("r/../2", since=OLD)

    assert postgres_kept.port.stored_objects("r/../2").prefixes == ("w.2fs/r.2f.2e.2e.2f2/",)


def audit(kept):
    return kept.read("SELECT report_id, action, before, after FROM reporting.audit ORDER BY id")


# The audit trail, only in PostgreSQL


def test_of_an_erased_report_the_trail_keeps_who_did_what_and_nothing_of_what_it_held(postgres_kept):
    postgres_kept.insert_report("r7")
    postgres_kept.insert_report("r8")
    postgres_kept.delete_report("r7", since=OLD)

    assert postgres_kept.port.erase("r7", BEFORE) is True

    gone = [one for one in audit(postgres_kept) if one["report_id"] == "r7"]
    assert [one["action"] for one in gone] == ["created", "deleted"]
    assert all(one["before"] is None and one["after"] is None for one in gone)
    (kept,) = [one for one in audit(postgres_kept) if one["report_id"] == "r8"]
    assert kept["after"]["id"] == "r8"


def test_the_trail_is_kept_as_long_as_rows_are_and_goes_oldest_first(postgres_kept):
    for name in ("r6", "r7", "r8"):
        postgres_kept.insert_report(name)
    execute(postgres_kept.dsn, "UPDATE reporting.audit SET at = %s WHERE report_id <> 'r8'", OLD)
    before = audit(postgres_kept)

    postgres_kept.port.drop_rows(BEFORE, limit=1)
    assert audit(postgres_kept) == before[1:]
    postgres_kept.port.drop_rows(BEFORE, limit=100)
    assert [one["report_id"] for one in audit(postgres_kept)] == ["r8"]
