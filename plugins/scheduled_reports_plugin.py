"""Registers the timetable and the API; the only file here, because Airflow loads every one as a module of its own name.

Nothing heavy at the top: where this file fails to import, every DAG of every report becomes stale at once.
"""

from __future__ import annotations

import logging
from functools import cached_property
from typing import Any

from airflow.plugins_manager import AirflowPlugin

from include.scheduled_reports.orchestration.timetable import ReportTimetable, RestingTimetable

PREFIX = "/scheduled-reports"


class ScheduledReportsPlugin(AirflowPlugin):
    """What Airflow has to know of this product."""

    name = "scheduled_reports"
    timetables = [ReportTimetable, RestingTimetable]  # noqa: RUF012 - Airflow reads a plain list

    @cached_property
    def fastapi_apps(self) -> list[dict[str, Any]]:
        """The API, made when the API server asks for it: no other process pays for FastAPI.

        What is wrong with it costs the API and nothing else.
        """
        try:
            from include.scheduled_reports.orchestration.webapp import app  # noqa: PLC0415

            return [{"app": app(), "url_prefix": PREFIX, "name": "Scheduled reports"}]
        except Exception:
            logging.getLogger(__name__).exception("the API of scheduled reports could not be made")
            return []
