"""The DAG that Airflow stores: the same bytes for the same report, independent of process, time and machine."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
from airflow.models.serialized_dag import SerializedDagModel
from airflow.sdk import DAG
from airflow.serialization.serialized_objects import DagSerialization

from include.scheduled_reports.orchestration import factory
from include.scheduled_reports.orchestration.dag_spec import dag_specs
from include.scheduled_reports.settings import Settings
from tests.contract.tables import add_people, add_report
from tests.unit.rows import row

CHECKOUT = Path(__file__).parents[2]
#: Run in a separate process: parses the DAG file and prints what Airflow would store.
PARSE = """
import json, runpy, sys
from airflow.sdk import DAG
from tests.dags.test_serialized import stored
found = runpy.run_path(sys.argv[1])
json.dump(stored({name: dag for name, dag in found.items() if isinstance(dag, DAG)}), sys.stdout)
"""


def stored(dags: dict[str, DAG]) -> dict[str, list[str]]:
    """Return two hashes for each DAG: one of every stored byte, and Airflow's, which identifies versions.

    Only the order of keys is ignored: Airflow writes them in the order of a set, and its hash sorts them.
    """
    contents = {name: DagSerialization.to_dict(dag) for name, dag in dags.items()}
    return {
        name: [
            hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest(),
            SerializedDagModel.hash(content),  # last, because it removes the file's path
        ]
        for name, content in contents.items()
    }


@pytest.fixture
def dsn(migrated_dsn, monkeypatch):
    """A database with reports of several kinds, to which Airflow's connection points."""
    add_people(migrated_dsn)
    tags = [f"tag {number}" for number in range(15)]
    add_report(migrated_dsn, id="r1", name="Wöchentliche «Aktivität» 📊", tags=tags)
    add_report(migrated_dsn, id="r2", is_active=False, description=None, created_by_id="u2")
    add_report(migrated_dsn, id="Ärger/3", reportType="channel-analytics", workspace_id="ws2", created_by_id="u3")
    add_report(migrated_dsn, id="gone")
    execute(migrated_dsn, "DELETE FROM scheduled_reports WHERE id = 'gone'")
    monkeypatch.setenv("AIRFLOW_CONN_REPORTS_DB", migrated_dsn)
    monkeypatch.setenv("SCHEDULED_REPORTS__JITTER_SECONDS", "600")
    return migrated_dsn


def execute(dsn, statement):
    with psycopg.connect(dsn) as connection:
        connection.execute(statement.encode())


def elsewhere(seed: str) -> dict[str, list[str]]:
    """Return what a separate process stores."""
    command = [sys.executable, "-W", "ignore", "-c", PARSE, str(CHECKOUT / "dags" / "scheduled_reports.py")]
    environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(CHECKOUT)}
    done = subprocess.run(command, env=environment, cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout[done.stdout.rindex('{"scheduled_report_') :])


#: Of the report `row(id="r1")` and the default settings, computed with the release before reports had options.
AS_BEFORE_OPTIONS = "2b85dac2720ec8c10e86bbf8bebfce2ca00040b449f6a72f0ab0df4db5bb3b91"
PATHS = {"fileloc", "relative_fileloc", "_processor_dags_folder"}


def test_a_report_without_options_is_stored_as_before_there_were_any():
    (spec,), _ = dag_specs([row(id="r1")], Settings())
    content = DagSerialization.to_dict(factory.build(spec, Settings()))
    content["dag"] = {name: value for name, value in content["dag"].items() if name not in PATHS}
    # Since then every DAG has the same outlet.
    outlets = [task["__var"].pop("outlets") for task in content["dag"]["tasks"] if "outlets" in task["__var"]]
    ((outlet,),) = json.loads(json.dumps(outlets))
    assert outlet == {"__type": "asset_alias", "__var": {"name": "scheduled-reports", "group": "asset"}}
    content["dag"]["dag_dependencies"].clear()

    assert content["dag"]["timetable"]["__var"] == {
        "cron": "0 9 * * 1", "effective_from": "2026-05-01T00:00:00+00:00", "jitter": 0, "timezone": "Europe/Berlin",
    }  # fmt: skip
    assert hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest() == AS_BEFORE_OPTIONS


def test_other_processes_with_other_hash_seeds_store_the_same_bytes(dsn):
    first = elsewhere("0")

    assert set(first) == {
        "scheduled_report_r1",
        "scheduled_report_r2",
        "scheduled_report_.c3.84rger.2f3",
        "scheduled_report_gone",
    }
    assert len({content for content, _ in first.values()}) == 4
    assert elsewhere("1") == elsewhere("4294967295") == first


def test_a_second_parse_of_the_same_process_stores_the_same_bytes(dsn):
    assert stored(factory.dags()) == stored(factory.dags())


def test_the_last_good_copy_stores_the_same_bytes_as_the_database(dsn, monkeypatch):
    good = stored(factory.dags())
    monkeypatch.setenv("AIRFLOW_CONN_REPORTS_DB", "postgresql://nobody@127.0.0.1:1/nowhere")

    assert stored(factory.dags()) == good


@pytest.mark.parametrize(
    "edit",
    [
        "UPDATE scheduled_reports SET email_recipients = '{eve@acme.example}', email_cc_recipients = '{x@y.example}'",
        "UPDATE scheduled_reports SET email_enabled = NOT email_enabled, email_subject = 'Other'",
        """UPDATE scheduled_reports SET parameters = '{"dateRange": {"type": "last-year"}}'""",
        "UPDATE scheduled_reports SET export_formats = '{json}'",
        "UPDATE scheduled_reports SET run_count = 7, success_count = 6, failure_count = 1, last_run = now(),"
        " last_run_status = 'failed', last_error = 'too bad', next_run = now()",
        "UPDATE scheduled_reports SET updated_at = now()",
        "UPDATE scheduled_reports SET status = status, cron_expression = cron_expression, timezone = timezone",
        "UPDATE reporting.report_options SET missed_runs = 'all'",
        "UPDATE users SET email = 'other@acme.example' WHERE id = 'u1'",
    ],
)
def test_an_edit_of_what_a_run_reads_for_itself_makes_no_new_version(dsn, edit):
    before = stored(factory.dags())

    execute(dsn, edit)

    assert stored(factory.dags()) == before


@pytest.mark.parametrize(
    "edit",
    [
        "name = 'Monthly'",
        "description = 'Other'",
        "tags = '{other}'",
        "cron_expression = '0 10 * * 1'",
        "timezone = 'UTC'",
        "is_active = false",
        "status = 'PAUSED'",
        "status = 'DISABLED'",
        "workspace_id = 'ws2', created_by_id = 'u3'",
    ],
)
def test_an_edit_of_what_airflow_shows_or_schedules_makes_a_new_version_of_that_dag_alone(dsn, edit):
    before = stored(factory.dags())

    execute(dsn, f"UPDATE scheduled_reports SET {edit} WHERE id = 'r1'")

    after = stored(factory.dags())
    assert {name for name in before if after[name][1] != before[name][1]} == {"scheduled_report_r1"}


@pytest.mark.parametrize(
    "options",
    [
        '{"startsOn": "2026-06-01"}',
        '{"endsOn": "2026-06-01"}',
        '{"calendar": "DE-BY", "onClosed": "after"}',
    ],
)
def test_an_option_that_decides_when_a_report_runs_makes_a_new_version_of_that_dag_alone(dsn, options):
    before = stored(factory.dags())

    execute(dsn, f"UPDATE reporting.report_options SET options = '{options}' WHERE report_id = 'r1'")

    after = stored(factory.dags())
    assert {name for name in before if after[name][1] != before[name][1]} == {"scheduled_report_r1"}
    assert stored(factory.dags()) == after


def test_a_new_closed_day_makes_a_new_version_of_the_dags_that_use_the_calendar(dsn):
    execute(dsn, "INSERT INTO reporting.calendars (workspace_id, code) VALUES ('ws1', 'office')")
    execute(dsn, """UPDATE reporting.report_options SET options = '{"calendar": "office"}' WHERE report_id = 'r1'""")
    before = stored(factory.dags())

    execute(dsn, "UPDATE reporting.calendars SET dates = '{2026-12-24}'")

    after = stored(factory.dags())
    assert {name for name in before if after[name][1] != before[name][1]} == {"scheduled_report_r1"}


def test_pausing_and_resuming_makes_a_new_version_because_the_effective_moment_has_moved(dsn):
    before = stored(factory.dags())

    execute(dsn, "UPDATE scheduled_reports SET is_active = false WHERE id = 'r1'")
    execute(dsn, "UPDATE scheduled_reports SET is_active = true WHERE id = 'r1'")

    after = stored(factory.dags())
    assert {name for name in before if after[name] != before[name]} == {"scheduled_report_r1"}
