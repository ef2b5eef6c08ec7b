"""Registers the timetable; the only file here, because Airflow loads every one as a module of its own name.

Nothing heavy at the top: where this file fails to import, every DAG of every report becomes stale at once.
"""

from airflow.plugins_manager import AirflowPlugin

from include.scheduled_reports.orchestration.timetable import ReportTimetable, RestingTimetable


class ScheduledReportsPlugin(AirflowPlugin):
    """What Airflow has to know of this product."""

    name = "scheduled_reports"
    timetables = [ReportTimetable, RestingTimetable]  # noqa: RUF012 - Airflow reads a plain list
