"""Airflow's settings for these tests, set before its first import: a separate home, our plugin, no examples."""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
HOME = tempfile.mkdtemp(prefix="airflow-home-")
atexit.register(shutil.rmtree, HOME, ignore_errors=True)
os.environ.update(
    AIRFLOW_HOME=HOME,
    AIRFLOW__CORE__LOAD_EXAMPLES="False",
    AIRFLOW__CORE__UNIT_TEST_MODE="False",
    AIRFLOW__CORE__DAGS_FOLDER=str(CHECKOUT / "dags"),
    AIRFLOW__CORE__PLUGINS_FOLDER=str(CHECKOUT / "plugins"),
)
for name in [name for name in os.environ if name.startswith(("SCHEDULED_REPORTS__", "AIRFLOW_CONN_"))]:
    del os.environ[name]


@pytest.fixture
def at_task_start(monkeypatch):
    """Parse as a task process does at its start: for one task of one DAG."""

    def of(dag_id: str, task_id: str | None = "query") -> None:
        monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_DAG_ID", dag_id)
        if task_id is not None:
            monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_TASK_ID", task_id)

    return of


@pytest.fixture(autouse=True)
def last_good(monkeypatch, tmp_path):
    """Use a separate last good copy for this test."""
    path = tmp_path / "last-good.json"
    monkeypatch.setenv("SCHEDULED_REPORTS__LAST_GOOD", str(path))
    return path


@pytest.fixture
def reports_db(monkeypatch):
    """Point Airflow's connection at a database that contains one report."""
    import psycopg

    def of(dsn: str, then: str = "") -> None:
        with psycopg.connect(dsn) as connection:
            connection.execute(ONE_REPORT + then)
        monkeypatch.setenv("AIRFLOW_CONN_REPORTS_DB", dsn)

    return of


ONE_REPORT = """
INSERT INTO organizations (id, name, slug, updated_at) VALUES ('o1', 'Org', 'org', now());
INSERT INTO users (id, email, status, updated_at) VALUES ('u1', 'u1@neolith.example', 'ACTIVE', now());
INSERT INTO workspaces (id, name, slug, organization_id, updated_at) VALUES ('w1', 'Space', 'space', 'o1', now());
INSERT INTO workspace_members (id, workspace_id, user_id) VALUES ('m1', 'w1', 'u1');
INSERT INTO scheduled_reports
    (id, name, "reportType", cron_expression, export_formats, email_recipients, workspace_id, created_by_id, updated_at)
VALUES ('r1', 'Weekly', 'workspace-activity', '0 9 * * 1', '{csv}', '{}', 'w1', 'u1', now());
"""
