"""Erasing deleted reports, and a complete round of retention, on the fakes."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import timedelta

import pytest

from include.scheduled_reports.adapters.staging import ArrowStaging
from include.scheduled_reports.domain.errors import TransientError
from include.scheduled_reports.domain.formats import Format
from include.scheduled_reports.runs import pipeline
from include.scheduled_reports.settings import Settings
from include.scheduled_reports.testing.reports import MemoryDefinitions
from include.scheduled_reports.testing.retention import Departure
from include.scheduled_reports.testing.services import MemoryServices, MemorySource
from include.scheduled_reports.testing.upkeep import MemoryOrchestrator
from include.scheduled_reports.upkeep import retention
from include.scheduled_reports.upkeep.retention import AT_MOST, Retained, retain
from include.scheduled_reports.upkeep.round import upkeep
from tests.unit.retention_helpers import (
    ERASE,
    FILES,
    MONDAY,
    ROWS,
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


@pytest.fixture
def services():
    """Services with two reports of two workspaces."""
    shape = {"export_formats": ["csv", "json"], "email_enabled": False}
    rows = [row(id="r1", **shape), row(id="r2", workspace_id="ws2", **shape)]
    return MemoryServices(MemorySource(answer), Settings(), MemoryDefinitions(rows), moment=MONDAY)


def delete_report(services, report_id, *, workspace_id="ws1"):
    services.definitions.content = [one for one in services.definitions.content if one["id"] != report_id]
    services.retention.departures[report_id] = Departure(services.moment, workspace_id)


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
        """Prepare something to delete for every step."""
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
