"""Asset events as Airflow takes them: one constant outlet, and the asset of the report added by the task."""

from __future__ import annotations

import json

import pytest
from airflow.sdk import Asset, AssetAlias
from airflow.sdk.execution_time.context import OutletEventAccessors
from airflow.sdk.execution_time.task_runner import _serialize_outlet_events

from include.scheduled_reports.domain import naming
from include.scheduled_reports.orchestration import asset_events, factory, upkeep
from include.scheduled_reports.orchestration.dag_spec import DagSpec
from include.scheduled_reports.settings import Settings
from include.scheduled_reports.testing.reports import MemoryDefinitions
from include.scheduled_reports.testing.services import MemoryServices, MemorySource
from tests.unit.rows import row
from tests.unit.run_helpers import KEY, LIVE, MEMBERS, Answers, walk

URI = "scheduled-reports://ws1/r1"


@pytest.mark.parametrize("mode", ["staged", "compact"])
def test_the_one_outlet_of_a_dag_is_the_alias_at_record(mode):
    dag = factory.build(DagSpec(report_id="r1", display_name="Weekly"), Settings(run_mode=mode))

    assert {task.task_id: task.outlets for task in dag.tasks if task.outlets} == {
        "record": [AssetAlias("scheduled-reports")]
    }


def test_upkeep_has_the_same_outlet():
    assert [task.outlets for task in upkeep.dag().tasks] == [[AssetAlias("scheduled-reports")]]


def test_the_event_tells_the_run_its_period_and_its_files_and_no_name(monkeypatch):
    rows = [row(id="r1", name="Weekly of Acme", export_formats=["csv", "json"])]
    services = MemoryServices(MemorySource(Answers()), LIVE, MemoryDefinitions(rows, MEMBERS))
    context = {"outlet_events": OutletEventAccessors()}
    monkeypatch.setattr(asset_events, "get_current_context", lambda: context)
    services.asset_events = asset_events.AirflowAssetEvents()
    walk(services)

    (event,) = _serialize_outlet_events(context["outlet_events"])
    assert event["source_alias_name"] == "scheduled-reports"
    assert event["dest_asset_key"] == {"name": URI, "uri": URI}
    told = json.loads(json.dumps(event["extra"]))
    files = told.pop("files")
    assert told == {
        "report_id": "r1",
        "workspace_id": "ws1",
        "report_type": "workspace-activity",
        "run_id": KEY.run_id,
        "kind": "scheduled",
        "scheduled_for": "2026-05-11T07:00:00+00:00",
        "window": {
            "start": "2026-05-03T22:00:00+00:00", "end": "2026-05-10T22:00:00+00:00", "timezone": "Europe/Berlin",
        },
    }  # fmt: skip
    assert [(file["format"], file["rows"], file["total_rows"]) for file in files] == [("csv", 7, 7), ("json", 7, 7)]
    assert all(services.store.files[file["url"].split("/", 3)[3]] for file in files)
    assert "Weekly of Acme" not in json.dumps(event["extra"])


@pytest.mark.parametrize(("workspace", "report"), [("ws1", "r1"), ("a/b", "Ärger?"), ("u:p@h", "#1"), ("Ws", "x/")])
def test_airflow_keeps_the_uri_as_it_is(workspace, report):
    uri = naming.asset_uri(workspace, report)

    assert (Asset(uri).name, Asset(uri).uri) == (uri, uri)
