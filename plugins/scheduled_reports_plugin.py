"""Load the plugin of a checkout; keep this folder to one file, because Airflow loads every file as a plugin module."""

from include.scheduled_reports.orchestration.plugin import ScheduledReportsPlugin

__all__ = ["ScheduledReportsPlugin"]
