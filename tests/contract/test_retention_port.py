"""Port `Retention`: deletes what is older than the retention period, and nothing that is unsettled."""

from __future__ import annotations

from datetime import timedelta

import pytest

from include.scheduled_reports.domain.delivery import DeliveryState
from include.scheduled_reports.domain.reader import Addressee, reader_message
from include.scheduled_reports.domain.run import RunState
from include.scheduled_reports.ports.retention import Removed, StoredObjects
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
    artifact,
    delivery,
    departed,
    drop,
    drop_rows,
    due,
    key,
    never,
    new_run,
    nothing_of_it,
)


@pytest.fixture
def postgres_kept(migrated_dsn):
    return InPostgres(migrated_dsn)


@pytest.fixture(params=["memory", "postgres"])
def kept(request):
    return InMemory() if request.param == "memory" else request.getfixturevalue("postgres_kept")


def unsettle(kept, how, which=K):
    """Turn an old, settled run into one that must not be touched."""
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


def exists(kept, which=K):
    return which in kept.port.settled([which])


# Rows


def test_an_old_run_without_files_is_forgotten_with_all_it_has(kept):
    kept.deliver(K, DeliveryState.SENT)
    kept.settle(K)
    kept.settle(key("run2"), at=NOW)
    drop(kept)

    assert drop_rows(kept) == 1

    assert [exists(kept, key(name)) for name in ("run1", "run2")] == [False, True]
    assert kept.ledger.claim(delivery(K, DeliveryState.CLAIMED)) is None  # the ledger has forgotten it
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


# Readers and opt-outs

ADA = Addressee(message=reader_message("ada@acme.example"), address="ada@acme.example")


def test_the_readers_of_a_run_go_with_its_rows_and_those_who_left_stay_out(kept):
    for which in (K, key("run2")):
        kept.settle(which, at=OLD if which == K else NOW)
        kept.readers.enlist(which, "ws1", [ADA])
    kept.leave("r1", "ada@acme.example")
    drop(kept)
    assert len(kept.readers.of(K)) == 1

    drop_rows(kept)

    assert [len(kept.readers.of(which)) for which in (K, key("run2"))] == [0, 1]
    assert kept.readers.opted_out("r1") == {"ada@acme.example"}


def test_who_left_stays_out_of_a_report_that_came_back_and_not_of_one_that_was_erased(kept):
    for report_id in ("r1", "r2"):
        kept.settle(key("run1", report_id))
        kept.readers.enlist(key("run1", report_id), "ws1", [ADA])
        kept.leave(report_id, "ada@acme.example")
        kept.delete_report(report_id, since=OLD)
    kept.insert_report("r1")

    assert [kept.port.erase(report_id, BEFORE) for report_id in ("r1", "r2")] == [False, True]
    kept.insert_report("r2")

    assert [kept.readers.opted_out(report_id) for report_id in ("r1", "r2")] == [{"ada@acme.example"}, frozenset()]
    assert [len(kept.readers.of(key("run1", report_id))) for report_id in ("r1", "r2")] == [1, 0]


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
        # It began long ago, but was cleared: a stage may still run unless the deletion of the report is as long ago.
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
