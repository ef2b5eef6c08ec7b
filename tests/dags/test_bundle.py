"""The bundle: many small files; Airflow parses only those again whose rows have changed."""

from __future__ import annotations

import json
import os
import runpy
from pathlib import Path

import psycopg
import pytest
from airflow.dag_processing.bundles.manager import DagBundlesManager
from airflow.utils.file import list_py_file_paths

from include.scheduled_reports.domain.shards import Shard
from include.scheduled_reports.orchestration import factory
from include.scheduled_reports.orchestration.bundle import ReportsBundle

CLASS = f"{ReportsBundle.__module__}.{ReportsBundle.__name__}"


@pytest.fixture
def configured(monkeypatch, tmp_path):
    """Configure Airflow with the bundle in addition to the DAGs folder."""
    bundles = [
        {"name": "dags-folder", "classpath": "airflow.dag_processing.bundles.local.LocalDagBundle", "kwargs": {}},
        {"name": "reports", "classpath": CLASS, "kwargs": {"shards": 4}},
    ]
    monkeypatch.setenv("AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST", json.dumps(bundles))
    monkeypatch.setenv("AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_STORAGE_PATH", str(tmp_path / "bundles"))


@pytest.fixture
def bundle(configured):
    made = ReportsBundle(name="reports", shards=4)
    made.initialize()
    return made


def files_of(bundle):
    """Return the files of a bundle that Airflow parses."""
    return [Path(file) for file in list_py_file_paths(bundle.path, safe_mode=True)]


def parse(file):
    """Return what the DAG processor finds in a file."""
    return {name for name in runpy.run_path(str(file)) if name.startswith("scheduled_report_")}


def ask_for(bundle):
    """Refresh the bundle; return the names of the files that Airflow would then parse at once."""
    for file in files_of(bundle):
        os.utime(file, (1, 1))
    bundle.refresh()
    return {file.name for file in files_of(bundle) if file.stat().st_mtime > 1}


def file_of(report_id):
    return f"{Shard.holding(report_id, 4).name}.py"


def edit(dsn, statement):
    with psycopg.connect(dsn) as connection:
        connection.execute(statement.encode())


ANOTHER = """
INSERT INTO scheduled_reports
    (id, name, "reportType", cron_expression, export_formats, email_recipients, workspace_id, created_by_id, updated_at)
SELECT 'r' || n, 'Weekly', 'workspace-activity', '0 9 * * 1', '{csv}', '{}', 'w1', 'u1', now()
FROM generate_series(2, 12) n;
"""


@pytest.fixture
def dsn(migrated_dsn, reports_db):
    reports_db(migrated_dsn, ANOTHER)
    return migrated_dsn


def parsed(bundle):
    return {dag_id for file in files_of(bundle) for dag_id in parse(file)}


def test_airflow_makes_it_from_its_configuration(configured):
    made = DagBundlesManager().get_bundle("reports")

    made.initialize()

    assert type(made) is ReportsBundle
    assert made.refresh_interval == 5
    assert sorted(file.name for file in files_of(made)) == [
        f"scheduled_reports_{number}_of_4.py" for number in range(4)
    ]


def test_its_files_hold_the_dags_of_all_reports_each_in_one(bundle, dsn):
    files = {file.name: parse(file) for file in files_of(bundle)}

    assert set.union(*files.values()) == {f"scheduled_report_r{number}" for number in range(1, 13)}
    assert sum(map(len, files.values())) == 12
    assert "scheduled_report_r5" in files[file_of("r5")]


def test_a_dag_is_the_same_as_the_one_that_the_single_file_makes(bundle, dsn, monkeypatch):
    from airflow.serialization.serialized_objects import DagSerialization

    def told(dags):
        content = {name: DagSerialization.to_dict(dag)["dag"] for name, dag in dags.items()}
        for one in content.values():
            one.pop("fileloc"), one.pop("_processor_dags_folder", None)
        return content

    in_files = {}
    for number in range(4):
        in_files |= factory.dags(Shard(number=number, of=4))
    monkeypatch.delenv("AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST")

    assert told(in_files) == told(factory.dags())


def test_the_single_file_is_empty_while_there_is_the_bundle(bundle, dsn):
    assert factory.dags() == {}


def test_but_starts_the_tasks_of_runs_that_began_with_it(bundle, at_task_start):
    at_task_start("scheduled_report_r1")

    assert set(factory.dags()) == {"scheduled_report_r1"}


def test_a_task_starts_from_any_of_its_files_without_a_database(bundle, at_task_start, monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_REPORTS_DB", "postgresql://nobody:x@127.0.0.1:1/nowhere")
    at_task_start("scheduled_report_r1")

    assert parsed(bundle) == {"scheduled_report_r1"}


def test_a_task_starts_from_a_file_of_the_release_before_which_airflow_does_not_parse(bundle, dsn, at_task_start):
    file = bundle.path / "scheduled_reports_07_of_64.py"

    assert file not in files_of(bundle)
    assert parse(file) == set()
    at_task_start("scheduled_report_r1")
    assert parse(file) == {"scheduled_report_r1"}


def test_what_was_parsed_is_not_asked_for_again(bundle, dsn):
    parsed(bundle)

    assert ask_for(bundle) == set()


def test_what_was_never_parsed_is_asked_for(bundle, dsn):
    assert ask_for(bundle) == {file.name for file in files_of(bundle)}


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE scheduled_reports SET cron_expression = '0 7 * * *' WHERE id = 'r5'",
        "UPDATE scheduled_reports SET is_active = false WHERE id = 'r5'",
        "DELETE FROM scheduled_reports WHERE id = 'r5'",
    ],
)
def test_an_edit_by_whomever_asks_for_the_file_of_that_report_only(bundle, dsn, statement):
    parsed(bundle)

    edit(dsn, statement)

    assert ask_for(bundle) == {file_of("r5")}
    parsed(bundle)
    assert ask_for(bundle) == set()


def test_an_edit_is_seen_after_a_restart_too(bundle, dsn):
    parsed(bundle)
    edit(dsn, "UPDATE scheduled_reports SET name = 'Another' WHERE id = 'r5'")

    started = ReportsBundle(name="reports", shards=4)
    started.initialize()

    assert ask_for(started) == {file_of("r5")}


def test_a_parse_that_the_last_good_copy_served_does_not_count(bundle, dsn, monkeypatch):
    parsed(bundle)
    edit(dsn, "UPDATE scheduled_reports SET name = 'Another' WHERE id = 'r5'")
    good = os.environ["AIRFLOW_CONN_REPORTS_DB"]
    monkeypatch.setenv("AIRFLOW_CONN_REPORTS_DB", "postgresql://nobody:x@127.0.0.1:1/nowhere")

    assert len(parsed(bundle)) == 12  # no DAG is lost while the database is down
    monkeypatch.setenv("AIRFLOW_CONN_REPORTS_DB", good)

    assert ask_for(bundle) == {file_of("r5")}


def test_a_database_that_is_away_is_asked_seldom_and_harms_nothing(bundle, dsn, monkeypatch, caplog):
    monkeypatch.setenv("AIRFLOW_CONN_REPORTS_DB", "postgresql://nobody:secret-word@127.0.0.1:1/nowhere")

    assert ask_for(bundle) == set()
    assert ask_for(bundle) == set()
    assert caplog.text.count("cannot read which reports were edited") == 1
    assert "secret-word" not in caplog.text


def test_files_that_are_right_keep_their_time_and_others_are_mended(bundle):
    files = sorted(files_of(bundle))
    for file in files:
        os.utime(file, (1, 1))
    files[2].write_text("spoiled")

    ReportsBundle(name="reports", shards=4).initialize()

    assert [file.stat().st_mtime == 1 for file in files] == [True, True, False, True]
    assert "spoiled" not in files[2].read_text()


def test_another_number_of_shards_has_a_folder_of_its_own(bundle):
    other = ReportsBundle(name="reports", shards=5)
    other.initialize()

    assert other.path != bundle.path
    assert len(list(files_of(other))) == 5
    assert len(list(files_of(bundle))) == 4
