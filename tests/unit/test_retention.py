"""A round of retention, on the fakes."""

from __future__ import annotations

import logging
from datetime import timedelta

import pytest

from include.scheduled_reports.domain.delivery import Delivery, DeliveryState
from include.scheduled_reports.domain.errors import StagingMissingError, TransientError
from include.scheduled_reports.domain.formats import Format
from include.scheduled_reports.domain.report import Recipients
from include.scheduled_reports.domain.run import Outcome
from include.scheduled_reports.ports.retention import StoredObjects
from include.scheduled_reports.runs import admission, pipeline
from include.scheduled_reports.settings import Settings
from include.scheduled_reports.testing.reports import MemoryDefinitions
from include.scheduled_reports.testing.services import MemoryServices, MemorySource
from include.scheduled_reports.upkeep import retention
from include.scheduled_reports.upkeep.retention import AT_MOST, REFUSALS, Retained, retain
from tests.unit.retention_helpers import (
    FILES,
    MONDAY,
    ROWS,
    STAGING,
    after,
    answer,
    fail,
    folders,
    nothing,
    objects,
    refuse,
    run,
    trigger,
)
from tests.unit.rows import row

DAY = timedelta(days=1)


@pytest.fixture
def services():
    """Services with two reports of two workspaces."""
    shape = {"export_formats": ["csv", "json"], "email_enabled": False}
    rows = [row(id="r1", **shape), row(id="r2", workspace_id="ws2", **shape)]
    return MemoryServices(MemorySource(answer), Settings(), MemoryDefinitions(rows), moment=MONDAY)


# Files


def test_files_of_a_run_go_when_they_have_been_kept_for_long_enough_and_its_record_stays(services):
    key = run(services).key

    assert nothing(after(services, timedelta(days=90)))
    assert objects(services) == ["ws1/r1/run1/workspace-activity.csv", "ws1/r1/run1/workspace-activity.json"]
    assert after(services, FILES) == Retained(files=2)
    assert (objects(services), services.runs.artifacts(key)) == ([], ())
    assert key in services.runs.runs
    assert nothing(retain(services))


def test_the_object_goes_before_the_record_says_so(services, monkeypatch):
    key = run(services).key
    seen = []
    real = type(services.store).delete
    monkeypatch.setattr(
        type(services.store),
        "delete",
        lambda store, name: seen.append(len(services.runs.artifacts(key))) or real(store, name),
    )

    after(services, FILES)

    assert seen == [2, 2]


def test_a_round_that_died_between_object_and_record_is_made_good_by_the_next(services, monkeypatch):
    key = run(services).key
    with monkeypatch.context() as dying:
        dying.setattr(retention, "Removed", lambda **_: pytest.fail("it dies here"))
        with pytest.raises(BaseException, match="it dies here"):
            after(services, FILES)
    assert objects(services) == []
    assert len(services.runs.artifacts(key)) == 2

    assert retain(services) == Retained(files=2)
    assert services.runs.artifacts(key) == ()


def test_objects_that_nobody_has_noted_go_with_those_of_their_run(services):
    run(services)
    services.store.files |= {"ws1/r1/run1/channel-analytics.csv": b"", "ws1/r1/run10/a": b"", "ws1/r10/run1/a": b""}

    assert after(services, FILES).files == 3
    assert objects(services) == ["ws1/r1/run10/a", "ws1/r10/run1/a"]


def test_an_object_that_the_store_refuses_costs_only_itself(services, monkeypatch, caplog):
    first, second = run(services).key, run(services, trigger("run2")).key
    refuse(services, monkeypatch, "ws1/r1/run1/workspace-activity.csv")

    with caplog.at_level(logging.WARNING):
        assert after(services, FILES) == Retained(files=3)

    assert objects(services) == ["ws1/r1/run1/workspace-activity.csv"]
    assert [file.format for file in services.runs.artifacts(first)] == [Format.CSV]
    assert services.runs.artifacts(second) == ()
    assert "AccessDenied" in caplog.text
    assert nothing(retain(services))  # it does not ask again every minute

    monkeypatch.undo()
    assert after(services, FILES + timedelta(hours=1, seconds=1)) == Retained(files=1)
    assert services.runs.artifacts(first) == ()


def test_a_store_that_is_away_is_not_asked_for_everything_there_is(services, monkeypatch):
    for number in range(REFUSALS + 10):
        run(services, trigger(f"run{number:02}"))
    asked = []

    def away(_, prefix):
        asked.append(prefix)
        raise TransientError("S3 did not answer")

    monkeypatch.setattr(type(services.store), "keys", away)

    assert nothing(after(services, FILES))
    assert len(asked) == REFUSALS
    assert len(services.store.files) == 2 * (REFUSALS + 10)


def test_a_file_in_a_bucket_that_is_not_ours_is_not_deleted_and_keeps_its_record(services):
    key = run(services).key
    services.store.bucket = "another"
    services.store.files.clear()  # as in a copy of production with a separate bucket
    services.store.files["ws1/r1/run1/a"] = b"ours"

    assert after(services, FILES).files == 1
    assert len(services.runs.artifacts(key)) == 2
    assert nothing(after(services, ROWS))
    assert key in services.runs.runs


def test_a_recorded_file_that_lies_elsewhere_goes_only_from_our_bucket(services):
    services.store.files = {"a/b.csv": b"of ours that has the same name", "a/c.csv": b""}
    found = StoredObjects(files=(("production", "a/b.csv"), ("memory", "a/c.csv")))

    assert retention._sweep(services.store, found).gone == {("memory", "a/c.csv")}
    assert objects(services) == ["a/b.csv"]


def test_one_round_takes_a_bounded_number_of_runs(services):
    for number in range(AT_MOST + 5):
        which = trigger(f"run{number:03}")
        services.runs.open(admission.new_run(which, services.definitions.row("r1")))
        services.runs.settle(which.key, lambda _: Outcome(state="failed"), None)
        services.store.files[f"ws1/r1/run{number:03}/a"] = b""

    assert after(services, FILES).files == AT_MOST
    assert retain(services).files == 5


def test_a_mail_is_never_made_of_files_that_were_deleted(services):
    which = run(services)
    after(services, FILES)

    with pytest.raises(StagingMissingError, match="no longer in S3: clear from query"):
        pipeline.email(services, which.key)


def test_a_run_that_is_cleared_makes_its_files_anew(services):
    run(services)
    after(services, FILES)

    which = run(services, trigger(clear_number=1))

    assert len(services.runs.artifacts(which.key)) == 2
    assert nothing(after(services, timedelta(days=180, seconds=1)))
    assert after(services, timedelta(days=180, seconds=2)).files == 2


# Rows


def test_rows_go_when_they_have_been_kept_for_long_enough(services):
    key = run(services).key
    after(services, FILES)

    assert nothing(after(services, timedelta(days=400)))
    assert key in services.runs.runs
    assert after(services, ROWS) == Retained(runs=1)
    assert key not in services.runs.runs


def test_rows_with_a_file_in_s3_stay_however_old_they_are(services, monkeypatch):
    key = run(services).key
    refuse(services, monkeypatch, "ws1/r1/run1/workspace-activity.csv")

    after(services, ROWS)
    after(services, ROWS * 2)

    assert key in services.runs.runs


# Nothing that is unsettled


@pytest.mark.parametrize("stops_after", ["query", "render", "upload", "email"])
def test_a_run_that_was_never_settled_keeps_all_it_has(services, stops_after):
    key = run(services, stops_after=stops_after).key
    held, stored = folders(services), objects(services)

    assert nothing(after(services, ROWS * 2))
    assert (folders(services), objects(services)) == (held, stored)
    assert key in services.runs.runs


def test_a_run_with_a_message_that_is_claimed_keeps_all_it_has(services):
    key = fail(services).key
    services.store.files["ws1/r1/run1/a"] = b""
    services.ledger.claim(
        Delivery(
            key=key,
            message="report",
            state=DeliveryState.CLAIMED,
            subject="Numbers",
            recipients=Recipients(to=("ada@acme.example",)),
            mode="attach",
            formats=(),
        )
    )

    assert nothing(after(services, ROWS * 2))
    assert (folders(services), objects(services)) == (["r1/run1"], ["ws1/r1/run1/a"])
    assert key in services.runs.runs


def test_a_run_of_which_a_stage_is_at_work_again_keeps_all_it_has(services):
    key = fail(services).key
    services.moment = MONDAY + ROWS
    pipeline.render(services, key, Format.CSV)
    pipeline.upload(services, key, Format.CSV)

    assert nothing(after(services, ROWS * 2))
    assert (folders(services), objects(services)) == (["r1/run1"], ["ws1/r1/run1/workspace-activity.csv"])


# Staging


def test_staging_of_a_failed_run_is_kept_for_a_day(services):
    fail(services)

    assert nothing(after(services, DAY))
    assert folders(services) == ["r1/run1"]
    assert after(services, STAGING) == Retained(folders=1)
    assert folders(services) == []


def test_staging_that_was_written_lately_is_kept_whenever_its_run_was_settled(services):
    which = fail(services)
    services.moment = MONDAY + DAY
    pipeline.render(services, which.key, Format.CSV)
    pipeline.record(services, which)

    assert nothing(after(services, DAY * 2))
    assert after(services, DAY * 2 + timedelta(seconds=1)) == Retained(folders=1)


def test_staging_of_a_run_that_took_longer_than_a_day_is_kept_for_a_day_after_it(services):
    which = run(services, stops_after="query")
    services.moment = MONDAY + DAY * 3
    pipeline.record(services, which)

    assert nothing(after(services, DAY * 4))
    assert after(services, DAY * 4 + timedelta(seconds=1)) == Retained(folders=1)


def test_staging_of_a_run_that_nobody_knows_is_kept_for_a_day(services):
    run(services, stops_after="render")
    services.runs.runs.clear()

    assert nothing(after(services, DAY))
    assert after(services, STAGING) == Retained(folders=1)
    assert folders(services) == []


@pytest.mark.parametrize(
    "name", ["photos/2026/beach.jpg", "r1/run1/report.csv/deeper", "r1/ru n/report.csv", "r1/.zz/a"]
)
def test_a_folder_that_no_run_of_ours_can_have_made_is_never_removed(services, name):
    services.staging.files[name], services.staging.written[name] = b"", MONDAY

    assert nothing(after(services, ROWS))
    assert name in services.staging.files


def test_a_folder_that_cannot_be_cleared_costs_only_itself(services, monkeypatch):
    fail(services)
    fail(services, trigger("run2"))
    real = type(services.staging).clear

    def clear(staging, folder):
        if folder == "r1/run1":
            raise TransientError("staging failed to read or write it")
        real(staging, folder)

    monkeypatch.setattr(type(services.staging), "clear", clear)

    assert after(services, STAGING) == Retained(folders=1)
    assert folders(services) == ["r1/run1"]
