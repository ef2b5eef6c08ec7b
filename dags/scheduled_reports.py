"""One Airflow DAG per row of scheduled_reports."""

from include.scheduled_reports.orchestration.factory import dags

globals().update(dags())
