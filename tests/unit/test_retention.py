"""A round of retention, on the fakes."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest

from include.scheduled_reports.adapters.staging import ArrowStaging
from include.scheduled_reports.domain.delivery import Delivery, DeliveryState
from include.scheduled_reports.domain.errors import ConfigurationError, StagingMissingError, TransientError
from include.scheduled_reports.domain.formats import Format
from include.scheduled_reports.domain.report import Recipients
from include.scheduled_reports.domain.run import Outcome, RunKey, RunKind, Trigger
from include.scheduled_reports.ports.retention import Belongings
from include.scheduled_reports.reports.types.catalog import report_types
from include.scheduled_reports.runs import admission, pipeline
from include.scheduled_reports.settings import Settings
from include.scheduled_reports.testing.reports import MemoryDefinitions
from include.scheduled_reports.testing.retention import Departure
from include.scheduled_reports.testing.upkeep import MemoryOrchestrator
from include.scheduled_reports.testing.world import MemorySource, MemoryWorld
from include.scheduled_reports.upkeep import retention
from include.scheduled_reports.upkeep.retention import AT_MOST, REFUSALS, Retained, retain
from include.scheduled_reports.upkeep.round import upkeep
from tests.unit.rows import row

MONDAY = datetime(2026, 5, 11, 7, tzinfo=UTC)
KIND = report_types()["workspace-activity"]
DAY = timedelta(days=1)
#: Just long enough for each time of the default settings.
FILES, ROWS, STAGING, ERASE = (timedelta(days=days, seconds=1) for days in (90, 400, 1, 7))


def answer(sql, _):
    """One row of every dataset, in the columns it declares."""
    if sql == KIND.figures_sql:
        return pa.table({spec.column.name: pa.array([1], pa.int64()) for spec in KIND.figures})
    (dataset,) = (one for one in KIND.datasets if one.sql == sql)
    samples = {"text": "x", "date": MONDAY.date(), "timestamp": MONDAY.replace(tzinfo=None)}
    return pa.table({column.name: pa.array([samples.get(column.type, 1)]) for column in dataset.columns})


def trigger(run_id="run1", report_id="r1", clear_number=0):
    return Trigger(
        key=RunKey(report_id=report_id, run_id=run_id),
        kind=RunKind.MANUAL,
        scheduled_for=MONDAY,
        conf={},
        user=None,
        clear_number=clear_number,
    )


@pytest.fixture
def world():
    """Two reports of two workspaces."""
    shape = {"export_formats": ["csv", "json"], "email_enabled": False}
    rows = [row(id="r1", **shape), row(id="r2", workspace_id="ws2", **shape)]
    return MemoryWorld(MemorySource(answer), Settings(), MemoryDefinitions(rows), moment=MONDAY)


def run(world, which=None, *, stops_after=None):
    """A run, whole or up to a stage; its trigger."""
    which = which or trigger()
    stages = {
        "query": lambda: pipeline.query(world, which),
        "render": lambda: [pipeline.render(world, which.key, one) for one in (Format.CSV, Format.JSON)],
        "upload": lambda: [pipeline.upload(world, which.key, one) for one in (Format.CSV, Format.JSON)],
        "email": lambda: pipeline.email(world, which.key),
        "record": lambda: pipeline.record(world, which),
    }
    for name, stage in stages.items():
        stage()
        if name == stops_after:
            break
    return which


def fail(world, which=None):
    """A run that came no further than its data; staging is kept."""
    which = run(world, which, stops_after="query")
    pipeline.record(world, which)
    return which


def after(world, passed):
    world.moment = MONDAY + passed
    return retain(world)


def folders(world):
    return [folder.name for folder in world.staging.folders()]


def objects(world):
    return sorted(world.store.files)


def delete_report(world, report_id, *, workspace_id="ws1"):
    world.definitions.content = [one for one in world.definitions.content if one["id"] != report_id]
    world.retention.departures[report_id] = Departure(world.moment, workspace_id)


def refuse(world, monkeypatch, *keys):
    """Let the store refuse to delete these."""
    real = type(world.store).delete

    def delete(store, key):
        if key in keys:
            raise ConfigurationError("S3 refused it: AccessDenied")
        real(store, key)

    monkeypatch.setattr(type(world.store), "delete", delete)


def nothing(done):
    return done == Retained()


# Files


def test_files_of_a_run_go_when_they_have_been_kept_for_long_enough_and_its_record_stays(world):
    key = run(world).key

    assert nothing(after(world, timedelta(days=90)))
    assert objects(world) == ["ws1/r1/run1/workspace-activity.csv", "ws1/r1/run1/workspace-activity.json"]
    assert after(world, FILES) == Retained(files=2)
    assert (objects(world), world.runs.artifacts(key)) == ([], ())
    assert key in world.runs.runs
    assert nothing(retain(world))


def test_the_object_goes_before_the_record_says_so(world, monkeypatch):
    key = run(world).key
    seen = []
    real = type(world.store).delete
    monkeypatch.setattr(
        type(world.store),
        "delete",
        lambda store, name: seen.append(len(world.runs.artifacts(key))) or real(store, name),
    )

    after(world, FILES)

    assert seen == [2, 2]


def test_a_round_that_died_between_object_and_record_is_made_good_by_the_next(world, monkeypatch):
    key = run(world).key
    with monkeypatch.context() as dying:
        dying.setattr(retention, "Removed", lambda **_: pytest.fail("it dies here"))
        with pytest.raises(BaseException, match="it dies here"):
            after(world, FILES)
    assert objects(world) == []
    assert len(world.runs.artifacts(key)) == 2

    assert retain(world) == Retained(files=2)
    assert world.runs.artifacts(key) == ()


def test_objects_that_nobody_has_noted_go_with_those_of_their_run(world):
    run(world)
    world.store.files |= {"ws1/r1/run1/channel-analytics.csv": b"", "ws1/r1/run10/a": b"", "ws1/r10/run1/a": b""}

    assert after(world, FILES).files == 3
    assert objects(world) == ["ws1/r1/run10/a", "ws1/r10/run1/a"]


def test_an_object_that_the_store_refuses_costs_only_itself(world, monkeypatch, caplog):
    first, second = run(world).key, run(world, trigger("run2")).key
    refuse(world, monkeypatch, "ws1/r1/run1/workspace-activity.csv")

    with caplog.at_level(logging.WARNING):
        assert after(world, FILES) == Retained(files=3)

    assert objects(world) == ["ws1/r1/run1/workspace-activity.csv"]
    assert [file.format for file in world.runs.artifacts(first)] == [Format.CSV]
    assert world.runs.artifacts(second) == ()
    assert "AccessDenied" in caplog.text
    assert nothing(retain(world))  # it is not asked again every minute

    monkeypatch.undo()
    assert after(world, FILES + timedelta(hours=1, seconds=1)) == Retained(files=1)
    assert world.runs.artifacts(first) == ()


def test_a_store_that_is_away_is_not_asked_for_everything_there_is(world, monkeypatch):
    for number in range(REFUSALS + 10):
        run(world, trigger(f"run{number:02}"))
    asked = []

    def away(_, prefix):
        asked.append(prefix)
        raise TransientError("S3 did not answer")

    monkeypatch.setattr(type(world.store), "keys", away)

    assert nothing(after(world, FILES))
    assert len(asked) == REFUSALS
    assert len(world.store.files) == 2 * (REFUSALS + 10)


def test_a_file_in_a_bucket_that_is_not_ours_is_not_deleted_and_keeps_its_record(world):
    key = run(world).key
    world.store.bucket = "another"
    world.store.files.clear()  # as it is in a copy of production with a bucket of its own
    world.store.files["ws1/r1/run1/a"] = b"ours"

    assert after(world, FILES).files == 1
    assert len(world.runs.artifacts(key)) == 2
    assert nothing(after(world, ROWS))
    assert key in world.runs.runs


def test_a_recorded_file_that_lies_elsewhere_goes_only_from_our_bucket(world):
    world.store.files = {"a/b.csv": b"of ours that has the same name", "a/c.csv": b""}
    found = Belongings(files=(("production", "a/b.csv"), ("memory", "a/c.csv")))

    assert retention._sweep(world.store, found).gone == {("memory", "a/c.csv")}
    assert objects(world) == ["a/b.csv"]


def test_one_round_takes_a_bounded_number_of_runs(world):
    for number in range(AT_MOST + 5):
        which = trigger(f"run{number:03}")
        world.runs.open(admission.opening(which, world.definitions.row("r1")))
        world.runs.settle(which.key, lambda _: Outcome(state="failed"), None)
        world.store.files[f"ws1/r1/run{number:03}/a"] = b""

    assert after(world, FILES).files == AT_MOST
    assert retain(world).files == 5


def test_a_mail_is_never_made_of_files_that_were_deleted(world):
    which = run(world)
    after(world, FILES)

    with pytest.raises(StagingMissingError, match="not in S3 any more: clear from query"):
        pipeline.email(world, which.key)


def test_a_run_that_is_cleared_makes_its_files_anew(world):
    run(world)
    after(world, FILES)

    which = run(world, trigger(clear_number=1))

    assert len(world.runs.artifacts(which.key)) == 2
    assert nothing(after(world, timedelta(days=180, seconds=1)))
    assert after(world, timedelta(days=180, seconds=2)).files == 2


# Rows


def test_rows_go_when_they_have_been_kept_for_long_enough(world):
    key = run(world).key
    after(world, FILES)

    assert nothing(after(world, timedelta(days=400)))
    assert key in world.runs.runs
    assert after(world, ROWS) == Retained(runs=1)
    assert key not in world.runs.runs


def test_rows_with_a_file_in_s3_stay_however_old_they_are(world, monkeypatch):
    key = run(world).key
    refuse(world, monkeypatch, "ws1/r1/run1/workspace-activity.csv")

    after(world, ROWS)
    after(world, ROWS * 2)

    assert key in world.runs.runs


# Never what is unsettled


@pytest.mark.parametrize("stops_after", ["query", "render", "upload", "email"])
def test_a_run_that_was_never_settled_keeps_all_it_has(world, stops_after):
    key = run(world, stops_after=stops_after).key
    held, stored = folders(world), objects(world)

    assert nothing(after(world, ROWS * 2))
    assert (folders(world), objects(world)) == (held, stored)
    assert key in world.runs.runs


def test_a_run_with_a_message_that_is_claimed_keeps_all_it_has(world):
    key = fail(world).key
    world.store.files["ws1/r1/run1/a"] = b""
    world.ledger.claim(
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

    assert nothing(after(world, ROWS * 2))
    assert (folders(world), objects(world)) == (["r1/run1"], ["ws1/r1/run1/a"])
    assert key in world.runs.runs


def test_a_run_of_which_a_stage_is_at_work_again_keeps_all_it_has(world):
    key = fail(world).key
    world.moment = MONDAY + ROWS
    pipeline.render(world, key, Format.CSV)
    pipeline.upload(world, key, Format.CSV)

    assert nothing(after(world, ROWS * 2))
    assert (folders(world), objects(world)) == (["r1/run1"], ["ws1/r1/run1/workspace-activity.csv"])


# Staging


def test_staging_of_a_failed_run_is_kept_for_a_day(world):
    fail(world)

    assert nothing(after(world, DAY))
    assert folders(world) == ["r1/run1"]
    assert after(world, STAGING) == Retained(folders=1)
    assert folders(world) == []


def test_staging_that_was_written_lately_is_kept_whenever_its_run_was_settled(world):
    which = fail(world)
    world.moment = MONDAY + DAY
    pipeline.render(world, which.key, Format.CSV)
    pipeline.record(world, which)

    assert nothing(after(world, DAY * 2))
    assert after(world, DAY * 2 + timedelta(seconds=1)) == Retained(folders=1)


def test_staging_of_a_run_that_took_longer_than_a_day_is_kept_for_a_day_after_it(world):
    which = run(world, stops_after="query")
    world.moment = MONDAY + DAY * 3
    pipeline.record(world, which)

    assert nothing(after(world, DAY * 4))
    assert after(world, DAY * 4 + timedelta(seconds=1)) == Retained(folders=1)


def test_staging_of_a_run_that_nobody_knows_is_kept_for_a_day(world):
    run(world, stops_after="render")
    world.runs.runs.clear()

    assert nothing(after(world, DAY))
    assert after(world, STAGING) == Retained(folders=1)
    assert folders(world) == []


@pytest.mark.parametrize(
    "name", ["photos/2026/beach.jpg", "r1/run1/report.csv/deeper", "r1/ru n/report.csv", "r1/.zz/a"]
)
def test_a_folder_that_no_run_of_ours_can_have_made_is_never_removed(world, name):
    world.staging.files[name], world.staging.written[name] = b"", MONDAY

    assert nothing(after(world, ROWS))
    assert name in world.staging.files


def test_a_folder_that_cannot_be_cleared_costs_only_itself(world, monkeypatch):
    fail(world)
    fail(world, trigger("run2"))
    real = type(world.staging).clear

    def clear(staging, folder):
        if folder == "r1/run1":
            raise TransientError("staging did not take or give it")
        real(staging, folder)

    monkeypatch.setattr(type(world.staging), "clear", clear)

    assert after(world, STAGING) == Retained(folders=1)
    assert folders(world) == ["r1/run1"]


# Deleted reports and workspaces


def test_all_that_a_deleted_report_has_left_goes_after_its_grace(world):
    run(world)
    fail(world, trigger("run2"))
    run(world, trigger(report_id="r2"))
    world.store.files["ws1/r1/old/noted-nowhere.csv"] = b""
    world.moment = MONDAY + timedelta(hours=1)
    delete_report(world, "r1")

    world.moment += timedelta(days=7)
    assert retain(world).reports == 0
    assert len(objects(world)) == 5

    world.moment += timedelta(seconds=1)
    assert retain(world) == Retained(files=3, reports=1)
    assert objects(world) == ["ws2/r2/run1/workspace-activity.csv", "ws2/r2/run1/workspace-activity.json"]
    assert [key.report_id for key in world.runs.runs] == ["r2"]
    assert world.retention.departures == {}
    assert nothing(retain(world))


def test_what_is_on_staging_of_a_deleted_report_goes_with_it(world):
    world.settings = Settings(erase_seconds=timedelta())
    fail(world)
    fail(world, trigger(report_id="r2"))
    delete_report(world, "r1")

    assert after(world, timedelta(seconds=1)) == Retained(reports=1)
    assert folders(world) == ["r2/run1"]


def test_no_other_report_has_a_name_that_is_meant_as_well(world):
    world.store.files = dict.fromkeys(["ws1/r1/a/b", "ws1/r10/a/b", "ws10/r1/a/b", "ws1/r1", "r1/a/b"], b"")
    delete_report(world, "r1")

    after(world, ERASE)

    assert objects(world) == ["r1/a/b", "ws1/r1", "ws1/r10/a/b", "ws10/r1/a/b"]


def test_a_report_without_a_name_does_not_take_all_of_staging_along(world, tmp_path):
    world.staging = ArrowStaging.local(tmp_path)
    fail(world, trigger(report_id="r2"))
    world.settings = Settings(erase_seconds=timedelta())
    delete_report(world, "")

    assert after(world, timedelta(seconds=1)).reports == 1
    assert folders(world) == ["r2/run1"]


def test_a_report_that_came_back_within_its_grace_keeps_all_it_has(world):
    run(world)
    made = world.definitions.row("r1")
    delete_report(world, "r1")
    world.definitions.content.append(made)

    assert nothing(after(world, ERASE))
    assert len(objects(world)) == 2


def test_a_deleted_report_is_not_erased_under_a_run_until_a_day_after_its_grace(world):
    run(world, stops_after="upload")
    delete_report(world, "r1")

    assert nothing(after(world, ERASE))
    assert nothing(after(world, timedelta(days=8)))
    assert len(objects(world)) == 2
    assert after(world, timedelta(days=8, seconds=1)) == Retained(files=2, reports=1)


def test_the_record_of_a_deleted_report_stays_until_its_last_object_went(world, monkeypatch):
    key = run(world).key
    delete_report(world, "r1")
    refuse(world, monkeypatch, "ws1/r1/run1/workspace-activity.csv")

    assert after(world, ERASE) == Retained(files=1)
    assert key in world.runs.runs
    assert nothing(retain(world))  # not every minute

    monkeypatch.undo()
    assert after(world, ERASE + timedelta(hours=1, seconds=1)) == Retained(files=1, reports=1)


def test_a_deleted_report_with_many_objects_takes_several_rounds(world):
    world.store.files = {f"ws1/r1/run/{number:03}": b"" for number in range(AT_MOST + 50)}
    delete_report(world, "r1")

    assert after(world, ERASE) == Retained(files=AT_MOST)
    assert retain(world) == Retained(files=50, reports=1)


def test_files_of_a_deleted_report_in_another_bucket_stay_and_are_told(world, caplog):
    run(world)
    world.store.bucket = "another"
    delete_report(world, "r1")
    world.store.files["another/object"] = b""

    with caplog.at_level(logging.WARNING):
        assert after(world, ERASE).reports == 1
    assert "2 files of the deleted report r1 are in buckets that are not BUCKET, and stay there: memory" in caplog.text


# A round


@pytest.mark.parametrize(
    ("done", "told"),
    [
        (Retained(), ""),
        (Retained(files=2, runs=1), "removed 2 files, 1 runs"),
        (Retained(folders=3, reports=1, errors=("no",)), "removed 3 staging folders, 1 reports; no"),
        (Retained(errors=("no", "neither")), "no; neither"),
    ],
)
def test_a_round_tells_what_it_has_removed_and_what_not(done, told):
    assert str(done) == told


BROKEN = {
    "files": ("retention", "runs_with_files"),
    "rows": ("retention", "drop_rows"),
    "staging": ("staging", "folders"),
    "deleted reports": ("retention", "departed"),
}


@pytest.mark.parametrize("step", BROKEN)
@pytest.mark.parametrize(
    ("error", "told"), [(TransientError("away"), "away"), (ValueError("ada@acme.example"), "ValueError")]
)
def test_a_step_that_breaks_costs_only_itself_and_is_told_without_what_a_stranger_says(
    world, monkeypatch, step, error, told
):
    def due(run_id):
        """Something for every step."""
        run(world, trigger(run_id))

    def breaks(*_, **__):
        raise error

    due("long ago")
    after(world, FILES)
    world.moment = MONDAY + ROWS - FILES
    due("files")
    fail(world, trigger("staging"))
    delete_report(world, "r2", workspace_id="ws2")
    world.moment = MONDAY + ROWS
    port, name = BROKEN[step]
    monkeypatch.setattr(getattr(world, port), name, breaks)

    done = retain(world)

    assert done.errors == (f"retention of {step} broke off: {told}",)
    assert (done.files, done.runs, done.folders, done.reports) == tuple(
        count * (step != name) for name, count in {"files": 2, "rows": 1, "staging": 1, "deleted reports": 1}.items()
    )


def test_a_step_that_takes_too_long_goes_on_in_the_next_round(world, monkeypatch):
    for number in range(5):
        run(world, trigger(f"run{number}"))
    world.moment = MONDAY + FILES
    real = type(world.store).delete

    def slowly(store, key):
        world.moment += timedelta(seconds=5)
        real(store, key)

    monkeypatch.setattr(type(world.store), "delete", slowly)

    assert retain(world).files == 4  # ten seconds, then twenty
    assert retain(world).files == 4
    assert retain(world).files == 2


def test_upkeep_ends_with_retention_and_tells_of_it(world):
    run(world)
    world.moment = MONDAY + FILES

    assert str(upkeep(world, MemoryOrchestrator())).endswith("looked after; removed 2 files")


def test_what_is_in_the_way_of_retention_is_not_in_the_way_of_the_rest_of_the_round(world, monkeypatch):
    for name in ("runs_with_files", "drop_rows", "departed"):
        monkeypatch.setattr(type(world.retention), name, lambda *_, **__: 1 / 0)

    done = upkeep(world, MemoryOrchestrator())

    assert done.next_runs == 2
    assert world.housekeeping.next_runs["r1"] == MONDAY + timedelta(days=7)
    assert len(done.retained.errors) == 3


def test_every_file_that_a_run_puts_on_staging_is_known_as_one(world):
    shape = {"export_formats": [str(one) for one in Format], "email_enabled": False}
    world.definitions.content[0] |= shape
    which = replace(trigger(), conf={"formats": ["excel", "html", "csv"]})
    for chosen in pipeline.query(world, which):
        pipeline.render(world, which.key, chosen)

    (folder,) = world.staging.folders()
    assert retention._is_staged(folder)
    assert {"report.xlsx", "report.html", "report.csv.manifest.json", "figures.parquet"} <= {*folder.files}
