"""The Airflow DAG that keeps next_run, rejections and departed reports right."""

from include.scheduled_reports.orchestration.upkeep import dag

scheduled_reports_upkeep = dag()
