"""A wrong setting changes no DAG; Airflow shows it as an import error of a file without DAGs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.serialization.serialized_objects import DagSerialization

from include.scheduled_reports.domain.errors import ConfigurationError
from include.scheduled_reports.domain.shards import Shard
from include.scheduled_reports.orchestration import factory, parse_settings, tasks

DAGS = Path(__file__).parents[2] / "dags"
PREFIX = "SCHEDULED_REPORTS__"
GOOD = {
    "RETRIES": "7", "RETRY_SECONDS": "13", "QUERY_SECONDS": "77", "QUERY_POOL": "source", "RENDER_POOL": "narrow",
    "JITTER_SECONDS": "600", "MAX_REPORTS": "5",
}  # fmt: skip
WRONG = [
    {"ROW_LIMIT": "many"},
    {"RETRIES": "-1"},
    {"JITTER_SECONDS": "7200"},
    {"MAIL_MODE": "loud"},
    {"NO_SUCH_SETTING": "1"},
    {"KEEP_ROWS_SECONDS": "1"},
    {"BRAND_COLOUR": "red"},
    {"RETRIES": "", "RETRY_SECONDS": "soon", "QUERY_SECONDS": "-", "MAX_REPORTS": "all", "JITTER_SECONDS": "x"},
]


@pytest.fixture
def environ(monkeypatch):
    def set_all(values):
        for name, value in values.items():
            monkeypatch.setenv(f"{PREFIX}{name}", value)

    set_all(GOOD)
    return set_all


def serialized(dags):
    return {name: json.dumps(DagSerialization.to_dict(dag)["dag"], sort_keys=True) for name, dag in dags.items()}


def bag():
    """Return what Airflow finds in the folder: the ids of the DAGs, and the import errors by file."""
    found = DagBag(DAGS)
    return set(found.dags), {Path(path).name: error for path, error in found.import_errors.items()}


@pytest.mark.parametrize("wrong", WRONG, ids="-".join)
@pytest.mark.parametrize("shard", [None, Shard(number=0, of=1)], ids=["file", "bundle"])
def test_every_dag_stays_as_it_was(migrated_dsn, reports_db, environ, wrong, shard, caplog):
    reports_db(migrated_dsn)
    before = serialized(factory.dags(shard))

    environ(wrong)

    assert serialized(factory.dags(shard)) == before
    assert before.keys() == {"scheduled_report_r1"}
    assert f"{PREFIX}{next(iter(wrong))}" in caplog.text


def test_airflow_keeps_all_dags_and_shows_an_import_error_of_a_file_without_dags(migrated_dsn, reports_db, environ):
    reports_db(migrated_dsn)
    dags, errors = bag()
    assert (dags, errors) == ({"scheduled_report_r1", "scheduled_reports_upkeep"}, {})

    environ({"ROW_LIMIT": "many"})

    found, errors = bag()
    assert found == dags
    assert errors.keys() == {"scheduled_reports_settings.py"}
    assert f'{PREFIX}ROW_LIMIT: "many" is not a whole number' in errors["scheduled_reports_settings.py"]


def test_without_kept_settings_the_default_takes_the_place_of_the_wrong_one_alone(
    migrated_dsn, reports_db, environ, at_task_start
):
    environ({"RETRIES": "many"})
    at_task_start("scheduled_report_r1")

    (dag,) = factory.dags().values()

    assert {(task.retries, task.retry_delay.total_seconds()) for task in dag.tasks} == {(3, 13.0)}
    assert dag.get_task("query").pool == "source"


def test_a_wrong_setting_is_not_kept(migrated_dsn, reports_db, environ, last_good):
    reports_db(migrated_dsn)
    factory.dags()
    environ({"RETRIES": "1", "ROW_LIMIT": "many"})
    factory.dags()

    kept = json.loads(Path(f"{last_good}.settings").read_text())
    assert kept == {f"{PREFIX}{name}": value for name, value in GOOD.items()}


@pytest.mark.parametrize(
    "content", [b"", b"[1]", b"{", b"\xff", b"[" * 100_000, b'{"SCHEDULED_REPORTS__RETRIES": "many"}']
)
def test_kept_settings_that_were_harmed_can_only_help(migrated_dsn, reports_db, environ, last_good, content):
    reports_db(migrated_dsn)
    file = Path(f"{last_good}.settings")
    file.write_bytes(content)
    file.chmod(0o600)
    environ({"RETRIES": "many"})

    assert factory.dags().keys() == {"scheduled_report_r1"}


def test_the_settings_file_says_the_two_words_that_airflow_looks_for():
    text = (DAGS / "scheduled_reports_settings.py").read_text().lower()

    assert "dag" in text
    assert "airflow" in text


def test_the_check_passes_while_every_setting_is_right(environ):
    parse_settings.check()


def test_a_task_with_a_wrong_setting_is_tried_again(environ, monkeypatch):
    environ({"ROW_LIMIT": "many"})
    monkeypatch.setattr(tasks, "get_current_context", dict)

    with pytest.raises(ConfigurationError, match="ROW_LIMIT"), tasks._running():
        pass
