"""Port `Retention`: what was kept for long enough goes, and nothing that is unsettled."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from psycopg.rows import dict_row

from include.scheduled_reports.adapters.postgres.ledger import PostgresLedger
from include.scheduled_reports.adapters.postgres.retention import PostgresRetention
from include.scheduled_reports.adapters.postgres.runs import PostgresRuns
from include.scheduled_reports.domain.delivery import Delivery, DeliveryState
from include.scheduled_reports.domain.formats import Format
from include.scheduled_reports.domain.naming import execution_id
from include.scheduled_reports.domain.report import Recipients
from include.scheduled_reports.domain.run import Artifact, RunKey, RunKind, RunState
from include.scheduled_reports.domain.window import window
from include.scheduled_reports.ports.retention import Removed, StoredObjects
from include.scheduled_reports.ports.runs import NewRun
from include.scheduled_reports.reports.parser import parse_row
from include.scheduled_reports.runs import outcome
from include.scheduled_reports.testing.mail import MemoryLedger
from include.scheduled_reports.testing.reports import MemoryDefinitions
from include.scheduled_reports.testing.retention import Departure, MemoryRetention
from include.scheduled_reports.testing.runs import MemoryRuns
from tests.contract.tables import add_people, add_report, execute
from tests.unit.rows import row

#: Runs settle when the test runs; what is old was moved there.
NOW = datetime.now(UTC)
OLD = NOW - timedelta(days=100)
BEFORE = NOW - timedelta(days=90)
MONDAY = datetime(2026, 5, 11, 7, tzinfo=UTC)
PDF, CSV = Format.PDF, Format.CSV
NO_MAIL = {"wanted": False, "why": "not asked for", "messages": 0}


def key(run_id="run1", report_id="r1"):
    return RunKey(report_id=report_id, run_id=run_id)


K = key()


def new_run(which, *, clear_number=0):
    found = row(id=which.report_id)
    report = parse_row(found)
    return NewRun(
        key=which,
        kind=RunKind.SCHEDULED,
        scheduled_for=MONDAY,
        triggered_by="system",
        clear_number=clear_number,
        row=found,
        request={},
        window=window(report.date_range, MONDAY, report.timezone),
        formats=(PDF, CSV),
    )


def artifact(which, chosen, bucket="reports"):
    return Artifact(
        format=chosen,
        execution_id=execution_id(which, chosen),
        file_name=f"Weekly activity.{chosen}",
        content_type="text/plain",
        bucket=bucket,
        object_key=f"ws1/{which.report_id}/{which.run_id}/report.{chosen}",
        bytes=10,
        sha256="0" * 64,
        rows=3,
        total_rows=5,
    )


def delivery(which, state):
    return Delivery(
        key=which,
        message="report",
        state=state,
        subject="Numbers",
        recipients=Recipients(to=("ada@acme.example",)),
        mode="attach",
        formats=(PDF, CSV),
    )


class Kept:
    """What both worlds of this suite can be asked to set up."""

    def settle(self, which, *, at=OLD, bucket="reports"):
        """A run that has made two files, and was settled at that moment."""
        self.runs.open(new_run(which))
        for chosen in (PDF, CSV):
            self.runs.uploaded(which, artifact(which, chosen, bucket))
        self.runs.fix_mail(which, NO_MAIL)
        self.runs.settle(which, outcome.outcome, None)
        self.move(which, settled=at, uploaded=at, started=at)

    def deliver(self, which, state):
        self.ledger.claim(delivery(which, DeliveryState.CLAIMED))
        if state is not DeliveryState.CLAIMED:
            self.ledger.finish(delivery(which, state))


class InMemory(Kept):
    def __init__(self):
        self.ledger = MemoryLedger()
        self.runs = MemoryRuns(self.ledger)
        self.definitions = MemoryDefinitions([row(id="r1"), row(id="r2")])
        self.port = MemoryRetention(self.runs, self.definitions)

    def move(self, which, *, settled=None, uploaded=None, started=None):
        kept = self.runs.runs[which].retention
        kept.settled_at = settled or kept.settled_at
        kept.started_at = started or kept.started_at
        if uploaded:
            kept.uploaded = dict.fromkeys(kept.uploaded, uploaded)

    def an_hour_passes(self):
        for run in self.runs.runs.values():
            if run.retention.put_off_at:
                run.retention.put_off_at -= timedelta(hours=1)
        for gone in self.port.departures.values():
            if gone.put_off_at:
                gone.put_off_at -= timedelta(hours=1)

    def delete_report(self, report_id, *, since):
        self.definitions.content = [one for one in self.definitions.content if one["id"] != report_id]
        self.port.departures[report_id] = Departure(since, "ws1")

    def insert_report(self, report_id):
        self.definitions.content.append(row(id=report_id))


class InPostgres(Kept):
    def __init__(self, dsn):
        self.dsn = dsn
        self.ledger, self.runs, self.port = PostgresLedger(dsn), PostgresRuns(dsn), PostgresRetention(dsn)
        add_people(dsn)
        add_report(dsn, id="r1")
        add_report(dsn, id="r2")

    def move(self, which, *, settled=None, uploaded=None, started=None):
        names = which.report_id, which.run_id
        where = "WHERE report_id = %s AND run_id = %s"
        moments = (
            ("runs", "settled_at", settled),
            ("runs", "started_at", started),
            ("artifacts", "uploaded_at", uploaded),
        )
        for table, column, moment in moments:
            if moment:
                execute(self.dsn, f"UPDATE reporting.{table} SET {column} = %s {where}", moment, *names)

    def an_hour_passes(self):
        for table in ("runs", "departed"):
            execute(self.dsn, f"UPDATE reporting.{table} SET put_off_at = put_off_at - interval '1 hour'")

    def delete_report(self, report_id, *, since):
        execute(self.dsn, "DELETE FROM scheduled_reports WHERE id = %s", report_id)
        execute(self.dsn, "UPDATE reporting.departed SET since = %s WHERE report_id = %s", since, report_id)

    def insert_report(self, report_id):
        add_report(self.dsn, id=report_id)

    def read(self, statement):
        with psycopg.connect(self.dsn, row_factory=dict_row) as connection:
            return connection.execute(statement.encode()).fetchall()

    def count(self, table):
        return self.read(f"SELECT count(*) AS n FROM {table}")[0]["n"]


@pytest.fixture
def postgres_kept(migrated_dsn):
    return InPostgres(migrated_dsn)


@pytest.fixture(params=["memory", "postgres"])
def kept(request):
    return InMemory() if request.param == "memory" else request.getfixturevalue("postgres_kept")


def due(kept, limit=10):
    return kept.port.runs_with_files(BEFORE, limit=limit)


def all_of_it(found):
    """A store that lets everything go."""
    return Removed(gone=frozenset(found.files), whole=True)


def nothing_of_it(_):
    """A store that refuses."""
    return Removed(gone=frozenset(), whole=False)


def never(_=None):
    pytest.fail("this run is not settled")


def drop(kept, which=K, remove=all_of_it):
    return kept.port.drop_files(which, BEFORE, remove)


def unsettle(kept, how, which=K):
    """Make an old, settled run one that must not be touched."""
    if how == "running":
        kept.runs.open(new_run(which, clear_number=1))
        kept.move(which, started=OLD)
    elif how == "refused":
        kept.runs.refuse(new_run(which, clear_number=1), "wrong", skipped=False)
        kept.move(which, started=OLD)
    elif how == "stage at work":
        kept.runs.progress(which, CSV, 30)
    elif how == "mail at work":
        kept.deliver(which, DeliveryState.CLAIMED)
    else:
        kept.move(which, settled=BEFORE + timedelta(seconds=1))


UNSETTLED = ["running", "refused", "stage at work", "mail at work", "young"]


# Files


def test_runs_with_files_come_oldest_first_and_not_all_at_once(kept):
    for day, name in enumerate(("b", "c", "a")):
        kept.settle(key(name), at=OLD + timedelta(days=day))

    assert due(kept) == [key("b"), key("c"), key("a")]
    assert due(kept, limit=2) == [key("b"), key("c")]


@pytest.mark.parametrize(("settled", "is_due"), [(BEFORE, False), (BEFORE - timedelta(seconds=1), True)])
def test_a_run_is_due_once_it_has_been_settled_for_longer_than_files_are_kept(kept, settled, is_due):
    kept.settle(K, at=settled)

    assert due(kept) == ([K] if is_due else [])


def test_what_s3_may_hold_of_a_run_is_what_is_recorded_and_whatever_lies_beside_it(kept):
    kept.settle(K)
    seen = []

    drop(kept, remove=lambda found: seen.append(found) or all_of_it(found))

    (found,) = seen
    assert found.prefixes == ("ws1/r1/run1/",)
    assert sorted(found.files) == [("reports", "ws1/r1/run1/report.csv"), ("reports", "ws1/r1/run1/report.pdf")]


def test_a_run_whose_files_went_is_due_no_more_and_has_no_files_to_mail(kept):
    kept.settle(K)

    assert drop(kept) is True

    assert due(kept) == []
    assert kept.runs.artifacts(K) == ()


def test_a_deleted_file_has_arrived_all_the_same_when_the_run_is_settled_again(kept):
    kept.settle(K)
    drop(kept)

    assert kept.runs.settle(K, outcome.outcome, None).state is RunState.SUCCESS


def test_a_file_that_the_store_does_not_let_go_stays_recorded_and_is_tried_again_an_hour_later(kept):
    kept.settle(K)
    kept.settle(key("run2"), at=OLD + timedelta(days=1))

    assert drop(kept, remove=nothing_of_it) is True

    assert len(kept.runs.artifacts(K)) == 2
    assert due(kept) == [key("run2")]
    kept.an_hour_passes()
    assert due(kept) == [K, key("run2")]


def test_of_a_run_that_went_in_part_the_rest_stays_recorded(kept):
    kept.settle(K)
    gone = ("reports", "ws1/r1/run1/report.csv")

    drop(kept, remove=lambda _: Removed(gone=frozenset({gone}), whole=False))

    assert [file.format for file in kept.runs.artifacts(K)] == [PDF]


@pytest.mark.parametrize("how", UNSETTLED)
def test_files_of_a_run_that_is_not_settled_are_never_touched(kept, how):
    kept.settle(K)
    unsettle(kept, how)

    assert drop(kept, remove=never) is False
    assert due(kept) == []


def test_a_file_that_was_brought_again_lately_stays(kept):
    kept.settle(K)
    kept.move(K, uploaded=BEFORE + timedelta(seconds=1))

    assert due(kept) == []
    assert drop(kept, remove=never) is False


def test_a_file_that_a_cleared_stage_brings_again_is_there_again_and_goes_again_in_time(kept):
    kept.settle(K)
    drop(kept)
    kept.runs.uploaded(K, artifact(K, CSV))

    assert [file.format for file in kept.runs.artifacts(K)] == [CSV]
    assert due(kept) == []
    kept.runs.settle(K, outcome.outcome, None)
    assert due(kept) == []
    kept.move(K, settled=OLD, uploaded=OLD)
    assert due(kept) == [K]


def test_a_run_that_was_cut_off_before_it_was_written_down_is_due_again(kept):
    kept.settle(K)

    def dies(_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        drop(kept, remove=dies)
    assert due(kept) == [K]
    assert len(kept.runs.artifacts(K)) == 2


def test_a_run_that_is_gone_has_no_files_to_drop(kept):
    assert drop(kept, remove=never) is False


# Rows


def drop_rows(kept, limit=10):
    return kept.port.drop_rows(BEFORE, limit=limit)


def exists(kept, which=K):
    return which in kept.port.settled([which])


def test_an_old_run_without_files_is_forgotten_with_all_it_has(kept):
    kept.deliver(K, DeliveryState.SENT)
    kept.settle(K)
    kept.settle(key("run2"), at=NOW)
    drop(kept)

    assert drop_rows(kept) == 1

    assert [exists(kept, key(name)) for name in ("run1", "run2")] == [False, True]
    assert kept.ledger.claim(delivery(K, DeliveryState.CLAIMED)) is None  # nothing is held of it
    assert drop_rows(kept) == 0


def test_rows_go_oldest_first_and_not_all_at_once(kept):
    for day, name in enumerate(("b", "c", "a")):
        kept.settle(key(name), at=OLD + timedelta(days=day))
        drop(kept, key(name))

    assert drop_rows(kept, limit=2) == 2
    assert [exists(kept, key(name)) for name in "abc"] == [True, False, False]


@pytest.mark.parametrize("how", UNSETTLED)
def test_rows_of_a_run_that_is_not_settled_are_never_touched(kept, how):
    kept.settle(K)
    drop(kept)
    unsettle(kept, how)

    assert drop_rows(kept) == 0
    assert exists(kept)


def test_a_run_with_a_file_in_s3_is_never_forgotten(kept):
    kept.settle(K)
    kept.settle(key("run2"))
    drop(kept, key("run2"), remove=nothing_of_it)
    kept.an_hour_passes()

    assert drop_rows(kept) == 0
    assert exists(kept)
    assert exists(kept, key("run2"))


def test_a_run_whose_file_lies_in_a_bucket_that_is_not_ours_is_never_forgotten(kept):
    kept.settle(K, bucket="former")
    drop(kept, remove=lambda _: Removed(gone=frozenset(), whole=True))

    assert due(kept) == []
    assert drop_rows(kept) == 0
    assert exists(kept)


# Staging


def test_of_the_runs_asked_for_the_known_ones_tell_when_they_were_settled(kept):
    kept.settle(K)
    kept.settle(key("run2"))
    unsettle(kept, "running", key("run2"))
    unsettle(kept, "running", key("run3"))

    asked = [K, key("run2"), key("run3"), key("unknown"), key("run1", "unknown")]
    assert kept.port.settled(asked) == {K: OLD, key("run2"): None, key("run3"): None}


def test_nothing_is_told_of_no_runs(kept):
    assert kept.port.settled([]) == {}


def test_what_must_not_meet_a_stage_is_done_while_the_run_is_settled(kept):
    kept.settle(K)
    done = []

    assert kept.port.while_settled(K, BEFORE, lambda: done.append(1)) is True
    assert done == [1]


@pytest.mark.parametrize("how", UNSETTLED)
def test_nothing_is_done_about_a_run_that_is_not_settled(kept, how):
    kept.settle(K)
    unsettle(kept, how)

    assert kept.port.while_settled(K, BEFORE, never) is False


# Deleted reports


def departed(kept, before=BEFORE, *, waits_until=OLD, limit=10):
    return kept.port.departed(before, unsettled_before=waits_until, limit=limit)


def test_deleted_reports_come_in_the_order_they_went_once_their_grace_is_over(kept):
    for report_id, days in (("r3", 0), ("r1", 2), ("r2", 1)):
        if report_id == "r3":
            kept.insert_report("r3")
        kept.delete_report(report_id, since=OLD + timedelta(days=days))
    kept.insert_report("r4")
    kept.delete_report("r4", since=BEFORE)

    assert departed(kept) == ["r3", "r2", "r1"]
    assert departed(kept, limit=1) == ["r3"]


def test_a_report_that_is_there_has_not_departed(kept):
    assert departed(kept) == []
    assert kept.port.erase("r1", BEFORE) is False


def test_a_report_that_came_back_keeps_what_it_has(kept):
    kept.settle(K)
    kept.delete_report("r1", since=OLD)
    kept.insert_report("r1")

    assert departed(kept) == []
    assert kept.port.erase("r1", BEFORE) is False
    assert exists(kept)


def test_a_report_whose_grace_is_not_over_is_not_erased(kept):
    kept.settle(K)
    kept.delete_report("r1", since=BEFORE)

    assert kept.port.erase("r1", BEFORE) is False
    assert exists(kept)


def test_what_s3_may_hold_of_a_report_lies_below_its_workspace(kept):
    kept.settle(K)
    kept.settle(key("run2"), bucket="former")
    kept.settle(key("run3", "r2"))
    drop(kept)
    kept.delete_report("r1", since=OLD)

    found = kept.port.stored_objects("r1")

    assert found.prefixes == ("ws1/r1/",)
    assert sorted(found.files) == [("former", "ws1/r1/run2/report.csv"), ("former", "ws1/r1/run2/report.pdf")]


def test_a_report_that_never_ran_may_have_files_as_well(kept):
    kept.delete_report("r1", since=OLD)

    assert kept.port.stored_objects("r1") == StoredObjects(prefixes=("ws1/r1/",))


def test_an_erased_report_has_left_nothing_and_another_one_has_all(kept):
    for which in (K, key("run2"), key("run1", "r2")):
        kept.settle(which)
        kept.deliver(which, DeliveryState.SENT)
    kept.delete_report("r1", since=OLD)

    assert kept.port.erase("r1", BEFORE) is True

    assert [exists(kept, one) for one in (K, key("run2"), key("run1", "r2"))] == [False, False, True]
    assert departed(kept) == []
    assert kept.ledger.claim(delivery(K, DeliveryState.CLAIMED)) is None
    assert kept.ledger.claim(delivery(key("run1", "r2"), DeliveryState.CLAIMED)) is not None
    assert kept.port.erase("r1", BEFORE) is False


@pytest.mark.parametrize("how", ["running", "refused"])
@pytest.mark.parametrize(
    ("began", "went", "is_waited_for"),
    [
        (OLD - timedelta(days=1), OLD - timedelta(days=1), False),
        (OLD, OLD - timedelta(days=1), True),
        # The run began long ago, but was cleared: only what went as long ago can have no stage of it at work.
        (OLD - timedelta(days=1), OLD, True),
    ],
)
def test_a_run_that_is_not_settled_is_waited_for_but_not_for_ever(kept, how, began, went, is_waited_for):
    kept.settle(K)
    unsettle(kept, how)
    kept.move(K, started=began)
    kept.delete_report("r1", since=went)

    assert departed(kept) == ([] if is_waited_for else ["r1"])


def test_a_report_whose_files_are_refused_comes_again_an_hour_later(kept):
    kept.delete_report("r1", since=OLD)

    kept.port.defer("r1")

    assert departed(kept) == []
    kept.an_hour_passes()
    assert departed(kept) == ["r1"]


# What only PostgreSQL knows


def urls(kept):
    return {one["format"]: one["file_url"] for one in kept.read("SELECT format, file_url FROM report_executions")}


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
        # Another round leaves a run that is held alone, and so does it with its rows.
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


def test_names_that_need_escaping_are_escaped_in_prefixes(postgres_kept):
    execute(postgres_kept.dsn, "UPDATE workspaces SET id = 'w/s' WHERE id = 'ws1'")
    execute(postgres_kept.dsn, "UPDATE scheduled_reports SET id = 'r/../2' WHERE id = 'r1'")
    postgres_kept.delete_report("r/../2", since=OLD)

    assert postgres_kept.port.stored_objects("r/../2").prefixes == ("w.2fs/r.2f.2e.2e.2f2/",)


# The audit trail, which only PostgreSQL has


def audit(kept):
    return kept.read("SELECT report_id, action, before, after FROM reporting.audit ORDER BY id")


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
