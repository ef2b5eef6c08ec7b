"""The Airflow DAG of upkeep."""

from include.scheduled_reports.orchestration.upkeep import dag

scheduled_reports_upkeep = dag()
