"""The plugin of a checkout; the only file here, because Airflow loads every one as a module of its own name."""

from include.scheduled_reports.orchestration.plugin import ScheduledReportsPlugin

__all__ = ["ScheduledReportsPlugin"]
