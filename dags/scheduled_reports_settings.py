"""Raises if a setting of the reports is wrong: Airflow shows it as an import error of this file, which has no DAG."""

from include.scheduled_reports.orchestration.parse_settings import check

check()
