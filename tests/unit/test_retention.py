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
from include.scheduled_reports.ports.retention import StoredObjects
from include.scheduled_reports.reports.types.catalog import report_types
from include.scheduled_reports.runs import admission, pipeline
from include.scheduled_reports.settings import Settings
from include.scheduled_reports.testing.reports import MemoryDefinitions
from include.scheduled_reports.testing.retention import Departure
from include.scheduled_reports.testing.services import MemoryServices, MemorySource
from include.scheduled_reports.testing.upkeep import MemoryOrchestrator
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
def services():
    """Two reports of two workspaces."""
    shape = {"export_formats": ["csv", "json"], "email_enabled": False}
    rows = [row(id="r1", **shape), row(id="r2", workspace_id="ws2", **shape)]
    return MemoryServices(MemorySource(answer), Settings(), MemoryDefinitions(rows), moment=MONDAY)


def run(services, which=None, *, stops_after=None):
    """A run, whole or up to a stage; its trigger."""
    which = which or trigger()
    stages = {
        "query": lambda: pipeline.query(services, which),
        "render": lambda: [pipeline.render(services, which.key, one) for one in (Format.CSV, Format.JSON)],
        "upload": lambda: [pipeline.upload(services, which.key, one) for one in (Format.CSV, Format.JSON)],
        "email": lambda: pipeline.email(services, which.key),
        "record": lambda: pipeline.record(services, which),
    }
    for name, stage in stages.items():
        stage()
        if name == stops_after:
            break
    return which


def fail(services, which=None):
    """A run that came no further than its data; staging is kept."""
    which = run(services, which, stops_after="query")
    pipeline.record(services, which)
    return which


def after(services, passed):
    services.moment = MONDAY + passed
    return retain(services)


def folders(services):
    return [folder.name for folder in services.staging.folders()]


def objects(services):
    return sorted(services.store.files)


def delete_report(services, report_id, *, workspace_id="ws1"):
    services.definitions.content = [one for one in services.definitions.content if one["id"] != report_id]
    services.retention.departures[report_id] = Departure(services.moment, workspace_id)


def refuse(services, monkeypatch, *keys):
    """Let the store refuse to delete these."""
    real = type(services.store).delete

    def delete(store, key):
        if key in keys:
            raise ConfigurationError("S3 refused it: AccessDenied")
        real(store, key)

    monkeypatch.setattr(type(services.store), "delete", delete)


def nothing(done):
    return done == Retained()


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
    assert nothing(retain(services))  # it is not asked again every minute

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
    services.store.files.clear()  # as it is in a copy of production with a bucket of its own
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


# Never what is unsettled


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


# Deleted reports and workspaces


def test_all_that_a_deleted_report_has_left_goes_after_its_grace(services):
    run(services)
    fail(services, trigger("run2"))
    run(services, trigger(report_id="r2"))
    services.store.files["ws1/r1/old/noted-nowhere.csv"] = b""
    services.moment = MONDAY + timedelta(hours=1)
    delete_report(services, "r1")

    services.moment += timedelta(days=7)
    assert retain(services).reports == 0
    assert len(objects(services)) == 5

    services.moment += timedelta(seconds=1)
    assert retain(services) == Retained(files=3, reports=1)
    assert objects(services) == ["ws2/r2/run1/workspace-activity.csv", "ws2/r2/run1/workspace-activity.json"]
    assert [key.report_id for key in services.runs.runs] == ["r2"]
    assert services.retention.departures == {}
    assert nothing(retain(services))


def test_what_is_on_staging_of_a_deleted_report_goes_with_it(services):
    services.settings = Settings(erase_seconds=timedelta())
    fail(services)
    fail(services, trigger(report_id="r2"))
    delete_report(services, "r1")

    assert after(services, timedelta(seconds=1)) == Retained(reports=1)
    assert folders(services) == ["r2/run1"]


def test_no_other_report_has_a_name_that_is_meant_as_well(services):
    services.store.files = dict.fromkeys(["ws1/r1/a/b", "ws1/r10/a/b", "ws10/r1/a/b", "ws1/r1", "r1/a/b"], b"")
    delete_report(services, "r1")

    after(services, ERASE)

    assert objects(services) == ["r1/a/b", "ws1/r1", "ws1/r10/a/b", "ws10/r1/a/b"]


def test_a_report_without_a_name_does_not_take_all_of_staging_along(services, tmp_path):
    services.staging = ArrowStaging.local(tmp_path)
    fail(services, trigger(report_id="r2"))
    services.settings = Settings(erase_seconds=timedelta())
    delete_report(services, "")

    assert after(services, timedelta(seconds=1)).reports == 1
    assert folders(services) == ["r2/run1"]


def test_a_report_that_came_back_within_its_grace_keeps_all_it_has(services):
    run(services)
    made = services.definitions.row("r1")
    delete_report(services, "r1")
    services.definitions.content.append(made)

    assert nothing(after(services, ERASE))
    assert len(objects(services)) == 2


def test_a_deleted_report_is_not_erased_under_a_run_until_a_day_after_its_grace(services):
    run(services, stops_after="upload")
    delete_report(services, "r1")

    assert nothing(after(services, ERASE))
    assert nothing(after(services, timedelta(days=8)))
    assert len(objects(services)) == 2
    assert after(services, timedelta(days=8, seconds=1)) == Retained(files=2, reports=1)


def test_the_record_of_a_deleted_report_stays_until_its_last_object_went(services, monkeypatch):
    key = run(services).key
    delete_report(services, "r1")
    refuse(services, monkeypatch, "ws1/r1/run1/workspace-activity.csv")

    assert after(services, ERASE) == Retained(files=1)
    assert key in services.runs.runs
    assert nothing(retain(services))  # not every minute

    monkeypatch.undo()
    assert after(services, ERASE + timedelta(hours=1, seconds=1)) == Retained(files=1, reports=1)


def test_a_deleted_report_with_many_objects_takes_several_rounds(services):
    services.store.files = {f"ws1/r1/run/{number:03}": b"" for number in range(AT_MOST + 50)}
    delete_report(services, "r1")

    assert after(services, ERASE) == Retained(files=AT_MOST)
    assert retain(services) == Retained(files=50, reports=1)


def test_files_of_a_deleted_report_in_another_bucket_stay_and_are_told(services, caplog):
    run(services)
    services.store.bucket = "another"
    delete_report(services, "r1")
    services.store.files["another/object"] = b""

    with caplog.at_level(logging.WARNING):
        assert after(services, ERASE).reports == 1
    assert "2 files of the deleted report r1 are in buckets other than BUCKET and are kept: memory" in caplog.text


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
    services, monkeypatch, step, error, told
):
    def due(run_id):
        """Something for every step."""
        run(services, trigger(run_id))

    def breaks(*_, **__):
        raise error

    due("long ago")
    after(services, FILES)
    services.moment = MONDAY + ROWS - FILES
    due("files")
    fail(services, trigger("staging"))
    delete_report(services, "r2", workspace_id="ws2")
    services.moment = MONDAY + ROWS
    port, name = BROKEN[step]
    monkeypatch.setattr(getattr(services, port), name, breaks)

    done = retain(services)

    assert done.errors == (f"retention of {step} failed: {told}",)
    assert (done.files, done.runs, done.folders, done.reports) == tuple(
        count * (step != name) for name, count in {"files": 2, "rows": 1, "staging": 1, "deleted reports": 1}.items()
    )


def test_a_step_that_takes_too_long_goes_on_in_the_next_round(services, monkeypatch):
    for number in range(5):
        run(services, trigger(f"run{number}"))
    services.moment = MONDAY + FILES
    real = type(services.store).delete

    def slowly(store, key):
        services.moment += timedelta(seconds=5)
        real(store, key)

    monkeypatch.setattr(type(services.store), "delete", slowly)

    assert retain(services).files == 4  # ten seconds, then twenty
    assert retain(services).files == 4
    assert retain(services).files == 2


def test_upkeep_ends_with_retention_and_tells_of_it(services):
    run(services)
    services.moment = MONDAY + FILES

    assert str(upkeep(services, MemoryOrchestrator())).endswith("processed; removed 2 files")


def test_what_is_in_the_way_of_retention_is_not_in_the_way_of_the_rest_of_the_round(services, monkeypatch):
    for name in ("runs_with_files", "drop_rows", "departed"):
        monkeypatch.setattr(type(services.retention), name, lambda *_, **__: 1 / 0)

    done = upkeep(services, MemoryOrchestrator())

    assert done.next_runs == 2
    assert services.upkeep_store.next_runs["r1"] == MONDAY + timedelta(days=7)
    assert len(done.retained.errors) == 3


def test_every_file_that_a_run_puts_on_staging_is_known_as_one(services):
    shape = {"export_formats": [str(one) for one in Format], "email_enabled": False}
    services.definitions.content[0] |= shape
    which = replace(trigger(), conf={"formats": ["excel", "html", "csv"]})
    for chosen in pipeline.query(services, which):
        pipeline.render(services, which.key, chosen)

    (folder,) = services.staging.folders()
    assert retention._is_staged(folder)
    assert {"report.xlsx", "report.html", "report.csv.manifest.json", "figures.parquet"} <= {*folder.files}
